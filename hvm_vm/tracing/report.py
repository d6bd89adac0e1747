"""The trace for people: every instruction in order, a summary by operation, and the stages.

`sheets` holds what is shown, once; `plain` lays it out as text (never cut), `show` draws it with
rich on a terminal, to its width.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from hvm_vm.tracing.record import Spread, Trace, TraceRow
from hvm_vm.tracing.units import duration, percent, quantity, rate

TEXT = "instruction"  # the column that may fold
NARROW = 40  # characters beside the numbers that it needs at least, or it stands below them
SPARE = ("stddev", "±", "min", "max", "GB/s", "GFLOP/s", "share", "source", "count")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: `left` columns are texts, the others numbers."""

    columns: tuple[str, ...]
    left: frozenset[str]
    rows: tuple[tuple[str, ...], ...]


def headline(trace: Trace) -> str:
    """What ran, on what, in one line."""
    sizes = ", ".join(f"{n} = {v}" for n, v in sorted(trace.sizes.items()))
    threads = f"{trace.threads} thread{'s' if trace.threads != 1 else ''}"
    line = f"{trace.file}: engine {trace.engine}, {threads}, mean of {trace.repeat} runs"
    line += f" after {trace.warmup + 1} unmeasured"
    return line + (f"; {sizes}" if sizes else "")


def footline(trace: Trace) -> str:
    """The whole run: instructions, time with and without clocks, arithmetic, traffic."""
    run, traced = trace.run, Spread.of(trace.traced_ns)
    return (
        f"{_instructions(trace.instructions_executed)} in {duration(run.mean)} "
        f"(min {duration(run.min)}, max {duration(run.max)}; with clocks {duration(traced.mean)}), "
        f"{quantity(trace.flops, 'FLOP')}, {quantity(trace.bytes, 'B')}, "
        f"{rate(trace.flops, run.mean)} GFLOP/s"
    )


def _instructions(count: int) -> str:
    return "1 instruction" if count == 1 else f"{count} instructions"


def instruction_sheet(trace: Trace) -> Sheet:
    total = sum(row.mean_ns for row in trace.rows)
    columns = ("pc", "source", "time", "±", "share", "GFLOP/s", "GB/s", "instruction")
    rows = tuple(
        (
            str(row.pc),
            row.source,
            duration(row.mean_ns),
            duration(row.time.stddev),
            percent(row.mean_ns, total),
            rate(row.flops, row.mean_ns),
            rate(row.bytes, row.mean_ns),
            (row.brief or row.disassembly) + solved(row),
        )
        for row in trace.rows
    )
    return Sheet(columns, frozenset(("source", "instruction")), rows)


def solved(row: TraceRow) -> str:
    """What a solve took, and how well its relations hold."""
    if row.iterations is None:
        return ""
    return f"    # {row.iterations} iterations, residual {row.residual:.1e}"


def operation_sheet(trace: Trace) -> Sheet:
    """Operations by falling total time; mean, min, max and stddev are per execution."""
    groups: dict[str, list[TraceRow]] = {}
    for row in trace.rows:
        groups.setdefault(row.op, []).append(row)
    whole = sum(row.mean_ns for row in trace.rows)
    columns = (
        "operation", "count", "total", "share", "mean", "min", "max", "stddev", "GFLOP/s", "GB/s",
    )  # fmt: skip
    rows = []
    for op, members in sorted(groups.items(), key=lambda g: -sum(r.mean_ns for r in g[1])):
        total = sum(r.mean_ns for r in members)
        each = Spread.of(t for r in members for t in r.times_ns)
        rows.append((
            op, str(len(members)), duration(total), percent(total, whole), duration(each.mean),
            duration(each.min), duration(each.max), duration(each.stddev),
            rate(sum(r.flops for r in members), total), rate(sum(r.bytes for r in members), total),
        ))  # fmt: skip
    return Sheet(columns, frozenset(("operation",)), tuple(rows))


def stage_sheet(trace: Trace) -> Sheet:
    rows = [(stage.name, duration(stage.ns)) for stage in trace.stages]
    rows.append(("steady run", duration(trace.run.mean)))
    return Sheet(("stage", "time"), frozenset(("stage",)), tuple(rows))


def sheets(trace: Trace) -> tuple[Sheet, ...]:
    return instruction_sheet(trace), operation_sheet(trace), stage_sheet(trace)


def lay_out(sheet: Sheet, padded: bool = False) -> Iterator[str]:
    """Aligned lines of a table, as wide as they need to be; `padded`: all equally wide."""
    widths = [
        max(len(column), *(len(row[k]) for row in sheet.rows), 0) if sheet.rows else len(column)
        for k, column in enumerate(sheet.columns)
    ]
    for row in (sheet.columns, *sheet.rows):
        cells = [
            cell.ljust(width) if column in sheet.left else cell.rjust(width)
            for cell, width, column in zip(row, widths, sheet.columns, strict=True)
        ]
        line = "  ".join(cells)
        yield line if padded else line.rstrip()


def plain(trace: Trace) -> str:
    """The whole report as text for files and pipes."""
    lines = [headline(trace), ""]
    for sheet in sheets(trace):
        lines += [*lay_out(sheet), ""]
    return "\n".join([*lines, footline(trace)])


def show(trace: Trace, console) -> None:
    """Draw the report on a rich console: nothing is cut, whatever its width."""
    from rich.text import Text

    console.print(Text(headline(trace), style="bold"))
    for sheet in sheets(trace):
        console.print()
        for number, line in enumerate(fitted(sheet, console.width)):
            console.print(Text(line, style="" if number else "bold cyan"), soft_wrap=True)
    console.print()
    console.print(Text(footline(trace)))


def fitted(sheet: Sheet, width: int) -> Iterator[str]:
    """Lines of at most `width` characters, if that is possible: columns that are easiest to do
    without are left out, and instructions are folded, or stand below their numbers."""
    text = sheet.columns[-1] == TEXT
    for spare in ("", *SPARE):
        sheet = _without(sheet, spare)
        numbers = _without(sheet, TEXT)
        lines = list(lay_out(numbers, padded=text))
        if len(lines[0]) <= width:
            break
    if not text:
        yield from lines
        return
    room = width - len(lines[0]) - 2
    longest = max((len(row[-1]) for row in sheet.rows), default=0)
    beside = room >= min(longest, NARROW)
    yield f"{lines[0]}  {TEXT}" if beside else lines[0].rstrip()
    for line, row in zip(lines[1:], sheet.rows, strict=True):
        if beside:
            first, *rest = _folded(row[-1], room)
            yield f"{line}  {first}".rstrip()
            yield from (f"{'':{len(line)}}  {more}" for more in rest)
        else:
            yield line.rstrip()
            yield from (f"    {more}" for more in _folded(row[-1], max(20, width - 4)))


def _without(sheet: Sheet, column: str) -> Sheet:
    if column not in sheet.columns:
        return sheet
    k = sheet.columns.index(column)
    rows = tuple(row[:k] + row[k + 1 :] for row in sheet.rows)
    return Sheet(sheet.columns[:k] + sheet.columns[k + 1 :], sheet.left, rows)


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
