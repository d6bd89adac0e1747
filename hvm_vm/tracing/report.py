"""The trace for people: every instruction in order, a summary by operation, and the stages.

`sheets` holds what is shown, once; `plain` lays it out as text (never cut), `show` draws it with
rich on a terminal, where the last column folds instead of being cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hvm_vm.tracing.record import Spread, Trace, TraceRow
from hvm_vm.tracing.units import duration, percent, quantity, rate


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
        f"{trace.instructions_executed} instructions in {duration(run.mean)} "
        f"(min {duration(run.min)}, max {duration(run.max)}; with clocks {duration(traced.mean)}), "
        f"{quantity(trace.flops, 'FLOP')}, {quantity(trace.bytes, 'B')}, "
        f"{rate(trace.flops, run.mean)} GFLOP/s"
    )


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
            row.disassembly + solved(row),
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


def lay_out(sheet: Sheet) -> Iterator[str]:
    """Aligned lines of a table, as wide as they need to be."""
    widths = [
        max(len(column), *(len(row[k]) for row in sheet.rows), 0) if sheet.rows else len(column)
        for k, column in enumerate(sheet.columns)
    ]
    for row in (sheet.columns, *sheet.rows):
        cells = [
            cell.ljust(width) if column in sheet.left else cell.rjust(width)
            for cell, width, column in zip(row, widths, sheet.columns, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def plain(trace: Trace) -> str:
    """The whole report as text for files and pipes."""
    lines = [headline(trace), ""]
    for sheet in sheets(trace):
        lines += [*lay_out(sheet), ""]
    return "\n".join([*lines, footline(trace)])


def show(trace: Trace, console) -> None:
    """Draw the report on a rich console."""
    from rich.table import Table
    from rich.text import Text

    console.print(Text(headline(trace), style="bold"))
    for sheet in sheets(trace):
        table = Table(box=None, header_style="bold cyan", pad_edge=False)
        for column in sheet.columns:
            last = column == "instruction"
            table.add_column(
                column,
                justify="left" if column in sheet.left else "right",
                overflow="fold",
                no_wrap=not last,
                ratio=1 if last else None,
            )
        for row in sheet.rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print()
        console.print(table)
    console.print()
    console.print(Text(footline(trace)))
