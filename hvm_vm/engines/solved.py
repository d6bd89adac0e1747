"""What a solve reports of its last run: how well its relations hold, and what it took.

Engines give one `Solved` for each solving instruction, `runnable.solved(frame)[pc]`. An instruction
that solves at many points, or in parts, reports the worst of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan


@dataclass(frozen=True, slots=True)
class Solved:
    """iterations: the most evaluations of the relations that a point took.
    residual:   the largest residual relative to the terms of its relation.
    residuals:  of each relation the largest |left - right|, in the relation's unit,
    relative:   and the same relative to the relation's terms.
    condition:  an estimate of the condition number of the Jacobian at the solution, its relations
                and unknowns scaled to size 1: by how much rounding is amplified. NaN: not known.
    method:     what solved it, in a few words: "Newton", "LU 1000", "tridiagonal 100000".
    points:     how many systems were solved;
    multiple:   at how many of them the root is a multiple one, known to fewer digits;
    unsolved:   and how many have no solution (where the instruction goes on past them).
    at_bounds:  for each unknown, at how many points it ended on its lower or upper bound."""

    iterations: int
    residual: float
    residuals: tuple[float, ...] = ()
    relative: tuple[float, ...] = ()
    condition: float = nan
    method: str = "Newton"
    points: int = 1
    multiple: int = 0
    unsolved: int = 0
    at_bounds: tuple[int, ...] = ()

    def with_part(self, other: Solved) -> Solved:
        """Of this part of an instruction's space and another, the worst."""
        return Solved(
            max(self.iterations, other.iterations), max(self.residual, other.residual),
            tuple(map(max, self.residuals, other.residuals)),
            tuple(map(max, self.relative, other.relative)),
            other.condition if isnan(self.condition) else max(self.condition, other.condition),
            self.method, self.points + other.points, self.multiple + other.multiple,
            self.unsolved + other.unsolved,
            tuple(a + b for a, b in zip(self.at_bounds, other.at_bounds, strict=True)))
