"""Summaries of a trace: the instructions of one operation, source line or set of shapes."""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.tracing.trace import Rows, Spread, Trace, TraceRow

KEYS = ("op", "line", "shape")


@dataclass(frozen=True, slots=True)
class Group(Rows):
    """Rows that have a key in common. Sums are of one run; `execution` is over all executions."""

    key: str
    rows: tuple[TraceRow, ...]

    @property
    def count(self) -> int:
        """Executions in one run."""
        return sum(row.count for row in self.rows)

    @property
    def mean_ns(self) -> float:
        """What a run spends here."""
        return self.instructions_ns

    @property
    def execution(self) -> Spread:
        """Nanoseconds of one execution."""
        count = self.count
        if not count:
            return Spread(0.0, 0.0, 0.0, 0.0)
        ran = [(row.count, row.execution) for row in self.rows if row.count]
        mean = sum(n * e.mean for n, e in ran) / count
        square = sum(n * (e.stddev**2 + e.mean**2) for n, e in ran) / count
        return Spread(min(e.min for _, e in ran), mean, max(e.max for _, e in ran),
                      max(0.0, square - mean**2) ** 0.5)

    @property
    def roof_share(self) -> float | None:
        """The least time that the machine would need for all of them, over the time taken."""
        held = [row for row in self.rows if row.roof is not None]
        spent = self.mean_ns
        if not held or not spent:
            return None
        return sum(row.roof.share * row.mean_ns for row in held) / spent


def key_of(row: TraceRow, by: str) -> str:
    """What `row` is grouped under."""
    if by == "op":
        return row.op
    if by == "line":
        return row.source or "(no line)"
    if by == "shape":
        return f"{row.op} {shapes_text(row)}".rstrip()
    raise ValueError(f"by: one of {', '.join(KEYS)} is expected, not {by!r}")


def shapes_text(row: TraceRow) -> str:
    """`f64[3,2] f64[2,2]`: the operands, results first."""
    dtypes = row.dtypes or ("",) * len(row.shapes)
    return " ".join(
        f"{dtype}[{','.join(map(str, shape))}]"
        for dtype, shape in zip(dtypes, row.shapes, strict=True))


def grouped(trace: Trace, by: str) -> dict[str, Group]:
    """The groups by falling total time; equal ones in the order of the program."""
    found: dict[str, list[TraceRow]] = {}
    for row in trace.rows:
        found.setdefault(key_of(row, by), []).append(row)
    groups = (Group(key, tuple(rows)) for key, rows in found.items())
    return {group.key: group for group in sorted(groups, key=lambda g: -g.mean_ns)}
