"""How `hvm run --report` shows what solves tell."""

from __future__ import annotations

from math import isnan

from hvm_vm.api.solve_report import SolveReport
from hvm_vm.commands.output import counted
from hvm_vm.engines.words import listed
from hvm_vm.tracing.units import duration


def report_lines(reports: tuple[SolveReport, ...]) -> list[str]:
    """A block of lines for each solve: what it took, then every relation with its residual."""
    if not reports:
        return ["nothing had to be solved for by iteration"]
    return [line for one in reports for line in _block(one)]


def _block(one: SolveReport) -> list[str]:
    facts = [one.method, counted(one.iterations, "iteration")]
    if not isnan(one.condition):
        facts.append(f"condition {one.condition:.2g}")
    if one.time_ns is not None:
        facts.append(duration(one.time_ns))
    if one.points > 1:
        facts.append(f"the worst of {one.points} points")
    lines = [f"solved for {listed(list(one.unknowns))}: {', '.join(facts)}"]
    rows = [("line", "residual", "relative", "relation")]
    rows += [(str(r.line or "-"), _small(r.residual), _small(r.relative), r.text)
             for r in one.relations]
    widths = [max(len(row[c]) for row in rows) for c in range(3)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  " + "  ".join([*cells, row[3]]))
    for name, count in one.at_bounds.items():
        where = f" at {count} of {one.points} points" if one.points > 1 else ""
        lines.append(f"  {name} ended on a bound{where}")
    if one.multiple:
        where = f" at {one.multiple} of {one.points} points" if one.points > 1 else ""
        lines.append(f"  a multiple root{where}: known to about half the digits or fewer")
    if one.unsolved:
        lines.append(f"  no solution at {one.unsolved} of {one.points} points")
    return lines


def _small(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"
