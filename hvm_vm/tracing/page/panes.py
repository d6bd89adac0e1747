"""The panes of a trace's page as HTML. What stands for instructions has their places (`data-pcs`),
by which the page's script finds the others. Sizes are attributes, never `style`: see the policy."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from hvm_vm.bytecode import isa
from hvm_vm.tracing.graph.svg import visible
from hvm_vm.tracing.report import solved
from hvm_vm.tracing.trace import Spread, Trace, TraceRow
from hvm_vm.tracing.units import duration, percent, quantity, rate

NARROWEST = 0.1  # percent of the timeline: narrower neighbours share a bar
ROWS = 20_000  # of the table; of more, the cheapest are told in one row
LINES = 20_000  # of a source that is shown whole
LABEL = 0.75  # percent of the timeline that a character takes (at 1000 pixels)


def text(value: str) -> str:
    return escape(visible(value))


def cards(trace: Trace) -> str:
    """The totals of a run."""
    run, traced = trace.run, Spread.of(trace.traced_ns)
    named = (
        ("run", duration(run.mean), f"± {duration(run.stddev)}, {duration(run.min)} … "
                                    f"{duration(run.max)}"),
        ("instructions", f"{trace.instructions_executed:,}", "executed"),
        ("arithmetic", quantity(trace.flops, "FLOP"), f"{rate(trace.flops, run.mean)} GFLOP/s"),
        ("memory", quantity(trace.bytes, "B"), f"{rate(trace.bytes, run.mean)} GB/s"),
        ("with clocks", duration(traced.mean), "what the figures below are of"),
    )  # fmt: skip
    return '<dl class="cards">' + "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd><dd class=soft>{more}</dd></div>"
        for name, value, more in named) + "</dl>"


def group_of(op: str) -> str:
    """What colours an operation: its group in the instruction table."""
    return isa.BY_NAME[op].group


def timeline(trace: Trace) -> str:
    """A bar for each instruction, or for neighbours that are too narrow alone."""
    total = sum(row.mean_ns for row in trace.rows)
    bars, at, shared = [], 0.0, 0
    for rows in _shared(trace.rows, total):
        ns = sum(row.mean_ns for row in rows)
        width = 100 * ns / total if total else 0.0
        first = rows[0]
        if len(rows) == 1:
            name = f"{first.pc} {first.op}"
            title = f"{name}\n{duration(ns)}, {percent(ns, total)}\n{first.source}\n" \
                    f"{first.brief or first.disassembly}"
            kind, label = group_of(first.op), first.op
        else:
            shared += len(rows)
            name = f"{len(rows)} instructions, {first.pc} to {rows[-1].pc}"
            title = f"{name}\n{duration(ns)}, {percent(ns, total)} together"
            kind, label = "several", f"{len(rows)}×"
        shown = ""
        if len(label) * LABEL < width - 0.6:
            shown = f'<text x="{at:.4f}%" dx="6" y="27">{text(label)}</text>'
        bars.append(
            f'<g class="bar {kind}" data-pcs="{_pcs(rows)}" tabindex="-1" role="img" '
            f'aria-label="{text(name)}, {duration(ns)}"><title>{_lines(title)}</title>'
            f'<rect x="{at:.4f}%" width="{max(width, 0.02):.4f}%" y="2" height="38"/>{shown}</g>')
        at += width
    kinds = dict.fromkeys(group_of(row.op) for row in trace.rows)
    legend = "".join(f'<li class="{kind}"><svg width="10" height="10" aria-hidden="true">'
                     f'<rect width="10" height="10" rx="2"/></svg>{kind}</li>' for kind in kinds)
    note = ""
    if shared:
        legend += ('<li class="several"><svg width="10" height="10" aria-hidden="true">'
                   '<rect width="10" height="10" rx="2"/></svg>several</li>')
        note = (f'<p class="soft">{shared} of {len(trace.rows)} instructions are too short for a '
                "bar of their own and share one with their neighbours.</p>")
    if not total:
        note = '<p class="soft">The clock saw no time pass.</p>'
    return (f'<svg class="bars" data-items width="100%" height="42" aria-label="timeline">'
            f'{"".join(bars)}</svg><ul class="legend">{legend}</ul>{note}')


def _shared(rows: Iterable[TraceRow], total: float):
    """Runs of neighbours that share a bar."""
    waiting: list[TraceRow] = []
    for row in rows:
        if total and 100 * row.mean_ns / total >= NARROWEST:
            if waiting:
                yield waiting
            waiting = []
            yield [row]
            continue
        waiting.append(row)
        if total and 100 * sum(r.mean_ns for r in waiting) / total >= NARROWEST:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def stages(trace: Trace) -> str:
    """What came before the measured runs."""
    items = "".join(f"<div><dt>{text(stage.name)}</dt><dd>{duration(stage.ns)}</dd></div>"
                    for stage in trace.stages)
    return f'<dl class="stages">{items}</dl>' if items else ""


def source_pane(trace: Trace, source: str | None) -> str:
    """The source's lines, or the relations that the bytecode names, with what each took."""
    module = trace.module
    rows = {row.pc: row for row in trace.rows}
    of_line: dict[int, dict[int, None]] = {}
    texts: dict[int, str] = {}
    for pc, one in enumerate(module.code):
        if one.source < 0 or pc not in rows:
            continue
        span = module.sources[one.source]
        for line in range(span.line, span.line + span.text.count("\n") + 1):
            of_line.setdefault(line, {})[pc] = None
        texts.setdefault(span.line, span.text.split("\n")[0])
        for k, more in enumerate(span.text.split("\n")[1:], 1):
            texts.setdefault(span.line + k, more)
    lines = source.replace("\r\n", "\n").split("\n") if source is not None else []
    if lines and not lines[-1]:
        lines.pop()
    note = ""
    if lines and len(lines) <= LINES:
        numbered = list(enumerate(lines, 1))
    else:
        numbered = sorted(texts.items())
        if lines:
            note = (f'<p class="soft">The lines with instructions: {len(numbered)} of '
                    f"{len(lines)}.</p>")
        else:
            note = '<p class="soft">The relations that the bytecode names.</p>'
    total = sum(row.mean_ns for row in trace.rows)
    shown = []
    for number, line in numbered:
        pcs = tuple(of_line.get(number, ()))
        ns = sum(rows[pc].mean_ns for pc in pcs)
        heat, data = "", ""
        if pcs:
            width = 48 * ns / total if total else 0
            heat = (f'<svg width="48" height="10" aria-hidden="true"><rect width="{width:.1f}" '
                    f'height="10" rx="2"/></svg>{percent(ns, total)}')
            data = f' class="link" data-pcs="{" ".join(map(str, pcs))}" tabindex="-1"'
        shown.append(f'<li{data}><span class="heat">{heat}</span><span class="number">{number}'
                     f"</span><code>{text(line) or ' '}</code></li>")
    return f'{note}<ol class="scroll lines" data-items>{"".join(shown)}</ol>'


COLUMNS = (  # key, head, what it is
    ("pc", "pc", "place in the code"),
    ("op", "operation", ""),
    ("line", "line", "of the source"),
    ("time", "time", "mean of the measured runs"),
    ("share", "share", "of the sum of all instructions"),
    ("spread", "±", "standard deviation"),
    ("flops", "GFLOP/s", "arithmetic by the cost rules, over the time"),
    ("bytes", "GB/s", "memory read and written by the cost rules, over the time"),
    ("text", "instruction", "result, operation, operands and shapes"),
)


def table(trace: Trace) -> str:
    """Every instruction; the cheapest of more than `ROWS` in one row."""
    total = sum(row.mean_ns for row in trace.rows)
    rows, note, rest = list(trace.rows), "", []
    if len(rows) > ROWS:
        dearest = sorted(rows, key=lambda row: -row.mean_ns)
        rows, rest = sorted(dearest[:ROWS], key=lambda row: row.pc), dearest[ROWS:]
        ns = sum(row.mean_ns for row in rest)
        note = (f'<p class="soft">The {len(rest)} cheapest of {len(trace.rows)} instructions are '
                f"not listed: together {duration(ns)}, {percent(ns, total)}.</p>")
    heads = "".join(
        f'<th scope="col" data-key="{key}" aria-sort="{"ascending" if key == "pc" else "none"}">'
        f'<button type="button" title="{what}">{head}</button></th>'
        for key, head, what in COLUMNS)  # fmt: skip
    body = "".join(_row(row, total) for row in rows)
    return (f'{note}<div class="scroll" tabindex="0" role="region" aria-label="instructions">'
            f"<table><thead><tr>{heads}</tr></thead><tbody data-items>{body}</tbody></table></div>")


def _row(row: TraceRow, total: float) -> str:
    share = row.mean_ns / total if total else 0.0
    bar = (f'<svg width="56" height="10" aria-hidden="true"><rect width="{56 * share:.1f}" '
           'height="10" rx="2"/></svg>')
    cells = (
        (row.pc, str(row.pc)),
        (row.op, text(row.op)),
        (row.line, str(row.line) if row.source else ""),
        (row.mean_ns, duration(row.mean_ns)),
        (share, f"{bar} {percent(row.mean_ns, total)}"),
        (row.time.stddev, duration(row.time.stddev)),
        (row.flops / row.mean_ns if row.mean_ns else 0, rate(row.flops, row.mean_ns)),
        (row.bytes / row.mean_ns if row.mean_ns else 0, rate(row.bytes, row.mean_ns)),
    )
    numbers = "".join(
        f'<td class="c-{key}" data-v="{value if isinstance(value, str) else format(value, ".10g")}"'
        f">{shown}</td>" for (key, _, _), (value, shown) in zip(COLUMNS, cells, strict=False))
    whole = (row.brief or row.disassembly) + solved(row)
    return (f'<tr class="{group_of(row.op)}" data-pcs="{row.pc}" tabindex="-1">{numbers}'
            f'<td class="c-text" data-v="{text(whole)}"><code>{text(whole)}</code>'
            f'<small>{text(" ".join(row.relation.split()))}</small></td></tr>')


def _pcs(rows: Iterable[TraceRow]) -> str:
    return " ".join(str(row.pc) for row in rows)


def _lines(title: str) -> str:
    return "\n".join(text(line) for line in title.split("\n") if line)
