"""The trace for people: every instruction in order, a summary by operation, the stages, totals.

`sheets` holds what is shown, once; `plain` lays it out as text (never cut), `show` draws it with
rich on a terminal, to its width. A `View` says which rows, in which order.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from hvm_vm.tracing.groups import Group, grouped, shapes_text
from hvm_vm.tracing.tables import Sheet, fitted, lay_out
from hvm_vm.tracing.trace import Spread, Trace, TraceRow
from hvm_vm.tracing.units import duration, percent, quantity, rate

__all__ = ["SORTS", "Sheet", "View", "fitted", "lay_out", "plain", "show"]

BAR = 8  # characters of a full bar
_EIGHTHS = " ▏▎▍▌▋▊▉"
FAILED = "✗"  # before what ended the run

# What is counted of instructions whose work depends on the values.
SOLVES = {
    "solve": "the work of a solve is counted for one iteration at every point",
    "system": "the work of a system is counted for one evaluation of its relations, "
              "without the elimination",
}

_NUMBERS = ("count", "total", "share", "bar", "mean", "min", "max", "stddev", "GFLOP/s", "GB/s",
            "roofline", "scalar ops")  # fmt: skip
INSTRUCTIONS = ("pc", "source", *_NUMBERS, "instruction")
_LEFT = frozenset(("source", "bar", "instruction", "operation", "relation", "stage", "what"))

# What rows may be sorted by; the largest first, but for the pc.
SORTS: dict[str, Callable] = {
    "pc": lambda x: min(row.pc for row in _rows(x)),
    "total": lambda x: -x.mean_ns,
    "count": lambda x: -x.count,
    "mean": lambda x: -x.execution.mean,
    "min": lambda x: -x.execution.min,
    "max": lambda x: -x.execution.max,
    "stddev": lambda x: -x.execution.stddev,
    "gflops": lambda x: -(x.flops / x.mean_ns if x.mean_ns else 0.0),
    "gbps": lambda x: -(x.bytes / x.mean_ns if x.mean_ns else 0.0),
    "roofline": lambda x: -(_roof_share(x) or 0.0),
    "ops": lambda x: -x.scalar_operations,
}


@dataclass(frozen=True, slots=True)
class View:
    """`by` None shows instructions and a summary by operation, else only the summary by "op",
    "line" or "shape". `sort` is one of `SORTS`. `limit`: at most so many rows of each table."""

    by: str | None = None
    sort: str | None = None
    limit: int | None = None


def headline(trace: Trace) -> str:
    """What ran, on what, in one line."""
    sizes = ", ".join(f"{n} = {v}" for n, v in sorted(trace.sizes.items()))
    threads = f"{trace.threads} thread{'s' if trace.threads != 1 else ''}"
    line = f"{trace.file}: engine {trace.engine}, {threads}, "
    if trace.failure:
        line += f"failed: what ran before it ended, {trace.repeat} run"
    else:
        line += f"mean of {trace.repeat} run{'s' if trace.repeat != 1 else ''}"
        line += f" after {trace.warmup + 1} unmeasured"
    return line + (f"; {sizes}" if sizes else "")


def totals_sheet(trace: Trace) -> Sheet:
    """The whole run: instructions, time, what they stood for, arithmetic, traffic, overheads."""
    run, traced = trace.run, Spread.of(trace.traced_ns)
    executed, ops = trace.instructions_executed, trace.scalar_operations
    rows = [("instructions_executed", f"{executed}")]
    if trace.run_ns:
        rows.append(("execution_time_s",
                     f"{trace.execution_time_s:.3g}  (mean of {duration(run.min)} to "
                     f"{duration(run.max)}, without clocks)"))  # fmt: skip
    if not trace.failure:
        rows += [
            ("scalar operations", f"{ops}, {_average(ops, executed)} an instruction, "
                                  f"{quantity(trace.operations_per_second, 'op/s')}"),
            ("arithmetic", f"{quantity(trace.flops, 'FLOP')}, "
                           f"{rate(trace.flops, run.mean)} GFLOP/s"),
            ("memory traffic", f"{quantity(trace.bytes, 'B')}, {rate(trace.bytes, run.mean)} GB/s"),
        ]  # fmt: skip
    rows.append(("with clocks", _overhead(trace, traced)))
    if trace.dispatch_ns is not None:
        rows.append(("dispatch", f"{trace.dispatch_ns:.1f} ns an instruction (in its time), "
                                 f"{trace.clock_ns:.1f} ns more with its clock"))  # fmt: skip
    if trace.machine is not None:
        rows.append(("roofline", str(trace.machine)))
    return Sheet(("what", "value"), frozenset(("what", "value")), tuple(rows))


def _average(whole: int, count: int) -> str:
    """Digits that say something."""
    mean = whole / count if count else 0.0
    return f"{mean:.0f}" if mean >= 1000 else f"{mean:.1f}"


def _overhead(trace: Trace, traced: Spread) -> str:
    text = f"{duration(traced.mean)} a run, {duration(trace.outside_ns)} of it outside instructions"
    if trace.run_ns:  # a difference below 0 is noise
        text += f"; clocks cost {duration(max(0.0, trace.tracing_ns))} a run"
    return text


def footline(trace: Trace) -> str:
    """The whole run in one line."""
    run = trace.run
    return (
        f"{_instructions(trace.instructions_executed)} in {duration(run.mean)} "
        f"(min {duration(run.min)}, max {duration(run.max)}), {quantity(trace.flops, 'FLOP')}, "
        f"{quantity(trace.bytes, 'B')}, {rate(trace.flops, run.mean)} GFLOP/s"
    )


def _instructions(count: int) -> str:
    return "1 instruction" if count == 1 else f"{count} instructions"


def instruction_sheet(trace: Trace, view: View = View()) -> Sheet:
    """Every instruction; a loop's once, with its count."""
    whole = trace.instructions_ns
    chosen, note = _chosen(trace.rows, view, "pc", whole)
    rows = tuple(
        (_mark(row) + str(row.pc), row.source, *_cells(row, whole),
         (row.brief or row.disassembly) + solved(row))
        for row in chosen
    )
    together = dict.fromkeys(row.timed_with for row in trace.rows if row.timed_with)
    notes = [note] if note else []
    notes += [f"~ one time together: instructions {', '.join(map(str, pcs))} are one function in "
              f"this engine; it is divided by the work that was counted" for pcs in together]
    solving = {row.op for row in chosen}
    notes += [text for op, text in SOLVES.items() if op in solving]
    failed = next((row for row in trace.rows if row.failed), None)
    if failed is not None:
        notes.append(f"{FAILED} the run failed in instruction {failed.pc}")
    return Sheet(INSTRUCTIONS, _LEFT, rows, "\n".join(notes))


def _mark(row: TraceRow) -> str:
    return f"{FAILED} " if row.failed else "~" if row.timed_with else ""


def _cells(item: TraceRow | Group, whole: float) -> tuple[str, ...]:
    """The numbers of a row or a group, in the order of `_NUMBERS`."""
    each, total = item.execution, item.mean_ns
    return (
        str(item.count), duration(total), percent(total, whole), bar(total, whole),
        duration(each.mean), duration(each.min), duration(each.max), duration(each.stddev),
        rate(item.flops, total), rate(item.bytes, total), _roof(item),
        str(item.scalar_operations),
    )  # fmt: skip


def bar(part: float, whole: float) -> str:
    """A share as a bar, in eighths of a character."""
    eighths = round(8 * BAR * part / whole) if whole > 0 else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).strip()


def _roof_share(item: TraceRow | Group) -> float | None:
    if isinstance(item, Group):
        return item.roof_share
    return item.roof.share if item.roof else None


def _roof(item: TraceRow | Group) -> str:
    """`62.0% flops`: how near the machine's limit, and which."""
    share = _roof_share(item)
    if share is None:
        return "-"
    bounds = {row.roof.bound for row in _rows(item) if row.roof}
    return f"{percent(share, 1)} {bounds.pop() if len(bounds) == 1 else 'mixed'}"


def _rows(item: TraceRow | Group) -> tuple[TraceRow, ...]:
    return item.rows if isinstance(item, Group) else (item,)


def _chosen(items, view: View, sort: str, whole: float):
    """The rows that a view shows, in its order, and a note about the others."""
    items = sorted(items, key=SORTS[view.sort or sort])
    if view.limit is None or len(items) <= view.limit:
        return items, ""
    rest = items[view.limit :]
    left = sum(item.mean_ns for item in rest)
    return items[: view.limit], (
        f"{len(rest)} of {len(items)} rows are not shown: {percent(left, whole)} of the time")


def solved(row: TraceRow) -> str:
    """What a solve took, and how well its relations hold."""
    if row.iterations is None:
        return ""
    return f"    # {row.iterations} iterations, residual {row.residual:.1e}"


def group_sheet(trace: Trace, by: str, view: View = View()) -> Sheet:
    """A summary; mean, min, max and stddev are per execution."""
    whole = trace.instructions_ns
    ran = [group for group in grouped(trace, by).values() if group.count]
    chosen, note = _chosen(ran, view, "total", whole)
    if by == "line":
        rows = tuple((group.key, *_cells(group, whole), _relations(group)) for group in chosen)
        return Sheet(("source", *_NUMBERS, "relation"), _LEFT, rows, note)
    rows = tuple((*_cells(group, whole), _named(group, by)) for group in chosen)
    return Sheet((*_NUMBERS, "operation"), _LEFT, rows, note)


def operation_sheet(trace: Trace) -> Sheet:
    """Operations by falling total time."""
    return group_sheet(trace, "op")


def _named(group: Group, by: str) -> str:
    row = group.rows[0]
    return f"{row.op}  {shapes_text(row)}".rstrip() if by == "shape" else group.key


def _relations(group: Group) -> str:
    """The relations of a line, each once."""
    found = dict.fromkeys(" ".join(row.relation.split()) for row in group.rows)
    return "; ".join(text for text in found if text) or ", ".join(row.op for row in group.rows)


def stage_sheet(trace: Trace) -> Sheet:
    rows = [(stage.name, duration(stage.ns)) for stage in trace.stages]
    if trace.run_ns:
        rows.append(("steady run", duration(trace.run.mean)))
    return Sheet(("stage", "time"), _LEFT, tuple(rows))


def sheets(trace: Trace, view: View = View()) -> tuple[Sheet, ...]:
    """What is shown, in order."""
    if view.by:
        tables = (group_sheet(trace, view.by, view),)
    else:
        tables = (instruction_sheet(trace, view), group_sheet(trace, "op", View(limit=view.limit)))
    return *tables, stage_sheet(trace), totals_sheet(trace)


def plain(trace: Trace, view: View = View()) -> str:
    """The whole report as text for files and pipes."""
    lines = [headline(trace), ""]
    for sheet in sheets(trace, view):
        lines += [*(lay_out(sheet) if _titled(sheet) else list(lay_out(sheet))[1:])]
        lines += [*sheet.note.splitlines(), ""]
    return "\n".join(lines).rstrip("\n")


def _titled(sheet: Sheet) -> bool:
    return sheet.columns != ("what", "value")


def show(trace: Trace, console, view: View = View()) -> None:
    """Draw the report on a rich console: nothing is cut, whatever its width."""
    from rich.text import Text

    def line(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    for text in textwrap.wrap(headline(trace), console.width, break_on_hyphens=False):
        line(text, "bold")
    for sheet in sheets(trace, view):
        console.print()
        if not _titled(sheet):
            for name, value in sheet.rows:
                for text in _paragraph(name, value, console.width):
                    line(text)
            continue
        for number, text in enumerate(fitted(sheet, console.width)):
            line(text, "" if number else "bold cyan")
        for note in sheet.note.splitlines():
            for text in textwrap.wrap(note, console.width, break_on_hyphens=False):
                line(text, "bold red" if text.startswith(FAILED) else "dim")


def _paragraph(name: str, value: str, width: int) -> list[str]:
    """A named value; below its name where the terminal is narrow."""
    if width < 60:
        return [name, *(f"  {t}" for t in textwrap.wrap(value, width - 2))]
    first, *rest = textwrap.wrap(value, width - 23) or [""]
    return [f"{name:<21}  {first}", *(f"{'':23}{more}" for more in rest)]
