"""Powell's dogleg steps in a trust region (Powell 1970), for systems over arrays.

The radius is measured in unknowns scaled by the largest norm that their columns have had (Moré
1978); steps are the same as those of `solve` (see `engines/solving/steps.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hvm_vm.engines.systems.point import Point

GOOD, ENOUGH = 0.5, 0.1  # parts of the promised reduction: the radius grows, does not shrink


class Trust:
    """The trust region of one descent, whose residuals are weighted by `weight`."""

    def __init__(self, weight: np.ndarray, epsilon: float):
        self.weight, self.epsilon = weight, epsilon
        self.radius, self.spread = 0.0, np.zeros(len(weight))

    def next(self, point: Point, newton: np.ndarray | None, trial: Callable, spent: Callable):
        """The next point, by ever smaller steps until one is better; None if there is none.

        `newton` is the full step at `point`, None where its matrix is singular; `trial(x)` gives
        the point at x, None where something is not finite; `spent()` says whether to give up."""
        slopes, weight = point.slopes, self.weight
        n = len(point.x)
        squares = np.bincount(slopes.columns, (weight[slopes.rows] * slopes.numbers) ** 2, n)
        spread = np.maximum(np.sqrt(squares), self.spread)
        self.spread = np.where(spread > 0, spread, 1.0)
        size = _norm(self.spread * point.x)
        if not self.radius:
            self.radius = 100 * size if size > 0 else 100.0
        right = weight * point.residual
        before = float((right**2).sum())
        down = -np.bincount(
            slopes.columns, slopes.numbers * (weight * right)[slopes.rows], n) / self.spread
        while True:
            step = self._dogleg(slopes, down, newton)
            if step is None:
                return None
            promised = before - float(((right + weight * slopes.times(step)) ** 2).sum())
            new = trial(point.x + step)
            length, reduced = _norm(self.spread * step), -1.0
            if new is not None:
                reduced = before - float(((weight * new.residual) ** 2).sum())
            if not reduced >= ENOUGH * promised:
                self.radius = 0.5 * min(self.radius, length)
            elif reduced >= GOOD * promised:
                self.radius = max(self.radius, 2 * length)
            if promised > 0 and reduced > 1e-4 * promised:
                return new
            if not self.radius > self.epsilon * size or promised <= 0 or spent():
                return None

    def _dogleg(self, slopes, down: np.ndarray, newton: np.ndarray | None) -> np.ndarray | None:
        """Along the gradient, then towards the Newton step, as far as the radius."""
        if newton is not None and _norm(self.spread * newton) <= self.radius:
            return newton
        steep = _norm(down)
        bend = _norm(self.weight * slopes.times(down / self.spread))
        if steep == 0 or bend == 0:
            return None
        cauchy = steep**3 / bend**2  # its length
        if newton is None or cauchy >= self.radius:
            return min(cauchy, self.radius) / steep * down / self.spread
        here = cauchy / steep * down
        more = newton * self.spread - here
        a, b = float((more * more).sum()), float((here * more).sum())
        gap = self.radius**2 - cauchy**2
        part = gap / (b + np.sqrt(b * b + a * gap)) if a > 0 else 0.0
        return (here + part * more) / self.spread


def _norm(x: np.ndarray) -> float:
    return float(np.sqrt((x * x).sum()))
