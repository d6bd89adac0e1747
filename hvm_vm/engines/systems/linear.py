"""A linear system with one batch point: elimination, refinement, and what rounding leaves."""

from __future__ import annotations

from math import nan

import numpy as np

from hvm_vm.engines.systems.factors import Factors, RowsScaled, factorise, powers_of_two
from hvm_vm.engines.systems.point import SINGULAR, SOLVED, STALLED, UNDEFINED, Ended, One, Point
from hvm_vm.engines.systems.residuals import fill
from hvm_vm.engines.systems.singular import SUSPECT, Slopes, deficient

REFINED = 4  # corrections of a solution, at most


class Linear(One):
    """A system whose relations are linear in its unknowns."""

    def solve(self) -> Ended:
        n = self.pattern.size
        wanted = self.values.constants
        x = np.zeros(n)
        self.passes += 1
        if any(self.values.moving[k] for k in wanted):
            self.values.put(x[None])
        residual, scale = self.residuals.at(wanted)
        if self.observer is not None:
            self.observer(x, residual[0], scale[0])
        numbers = self.values.work(self.layout.length)
        fill(self.values, self.pattern, self.layout, numbers)
        factors = factorise(self.layout, numbers, lambda: self.slopes().norm())
        start = Point(x, residual[0], scale[0], factors=factors)
        if factors.pivot < SUSPECT:
            start = self.at(x)
            if not start.finite:
                return Ended(UNDEFINED, start, self.passes, np.full(n, nan))
            lack = deficient(start.slopes, self.epsilon)
            if lack is not None:
                return Ended(SINGULAR, start, self.passes, self.relative(start), lack)
        ratio, point = self._refined(start, factors)
        if self.tolerance < ratio < np.inf:  # relations of very different sizes, perhaps
            slopes = point.slopes = start.slopes = start.slopes or self.slopes()
            found = self.relative(point).max(initial=0.0), point
            other = self._refined(start, self._balanced(slopes), slopes)
            ratio, point = min(found, other, key=lambda found: found[0])
        shares = None
        if not ratio <= self.rounding or point.slopes is not None:
            point.slopes = start.slopes or self.slopes()
            if ratio < np.inf:
                point = self.alone(point)
            shares = self.relative(point)
            ratio = shares.max(initial=0.0)
        if not np.isfinite(point.x).all() or not ratio < np.inf:
            start = self.at(np.zeros(n))
            if not start.finite:
                return Ended(UNDEFINED, start, self.passes, np.full(n, nan))
            return Ended(STALLED, point, self.passes, self.relative(point))
        if not np.array_equal(point.x, self.values.get()[0]):
            self.values.put(point.x[None])
        status = SOLVED if ratio <= self.tolerance else STALLED
        if status == SOLVED:
            self.values.again(self.pattern, self.layout, wanted, self.rounding)
        return Ended(status, point, self.passes, shares)

    def _refined(
        self, start: Point, factors: Factors, slopes: Slopes | None = None
    ) -> tuple[float, Point]:
        """A solution by iterative refinement, and the largest of its residuals in parts of their
        terms (those that `slopes` show, too)."""
        best, x = None, start.x
        step = factors.solve(-start.residual[None])[0]
        for _ in range(1 + REFINED):
            point = self.at(x + step, slopes=False)
            point.factors, point.slopes = factors, slopes
            ratio = self._ratio(point) if slopes is None else self.relative(point).max(initial=0.0)
            if best is not None and not ratio < 0.5 * best[0]:
                break
            best = ratio, point
            if not self.rounding < ratio < np.inf:
                break
            x = point.x
            step = factors.solve(-point.residual[None])[0]
        return best

    def _balanced(self, slopes: Slopes) -> Factors:
        """Factors of the matrix with rows of largest magnitude 1, so that pivots are chosen among
        equals (Skeel 1979)."""
        row = powers_of_two(slopes.largest())
        numbers = np.empty(self.layout.length)
        self.layout.fill(self._parts(slopes.scaled(row, np.ones(slopes.size))), numbers)
        return RowsScaled(factorise(self.layout, numbers, slopes.norm), row)

    @staticmethod
    def _ratio(point: Point) -> float:
        """The largest residual in parts of its terms."""
        size = abs(point.residual)
        if not size.any():
            return 0.0
        return float((size / np.maximum(point.scale, 1e-300)).max())
