"""Many small systems side by side, with one matrix each: all are inverted together, whatever is
suspicious is left to `newton`, so that nothing is decided here but how soon an answer is found."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from hvm_vm.engines.systems.pattern import Pattern
from hvm_vm.engines.systems.point import nothing
from hvm_vm.engines.systems.residuals import Residuals, relative, slope_values
from hvm_vm.engines.systems.values import Values

LARGEST = 48       # unknowns of a system that is inverted
NUMBERS = 1 << 22  # of the matrices that are inverted at once
PASSES = 30        # evaluations, at most;
MOST, FEW = 10, 0.02  # fewer, when no more than a part of the points still need them
REGULAR = 1e7      # the condition of a matrix that is no suspect (a linear one: by ITS precision)
CLOSE = 1e-2       # a step, in lengths of the unknowns, from which on each
SHRINKS = 0.4      # is at most this part of the one before


class Many:
    """The matrices of all batch points of a system with a shared pattern."""

    def __init__(self, values: Values, pattern: Pattern, tolerance: float):
        self.values, self.pattern = values, pattern
        self.residuals = Residuals(values, pattern)
        self.epsilon = float(np.finfo(values.precision).eps)
        self.tolerance = max(tolerance, 64 * self.epsilon)
        self.lanes, self.n = self.residuals.lanes, pattern.size

    def slopes(self) -> list[np.ndarray]:
        return [slope_values(self.values, e, self.lanes if e.varies or e.moves else None)
                for e in self.pattern.entries]

    def steps(self, slopes, residual, x, active):
        """Newton's steps at the `active` batch points, the condition of each (as Skeel 1979 has it:
        of the matrix with its equations scaled), sum[j](|J_ij*x_j|), and the same for unknowns as
        large as the largest of their arrays."""
        step = np.full((self.lanes, self.n), np.nan)
        levels, level = self.pattern.levels(x, self.epsilon), np.full((self.lanes, self.n), np.nan)
        condition = np.full(self.lanes, np.inf)
        reach = np.full((self.lanes, self.n), np.nan)
        at_once = max(1, NUMBERS // self.n**2)
        for first in range(0, len(active), at_once):
            here = active[first : first + at_once]
            matrix = np.zeros((len(here), self.n, self.n))
            for entry, value in zip(self.pattern.entries, slopes, strict=True):
                own = value if len(value) == 1 else value[here]
                for k, (i, j) in enumerate(zip(entry.rows, entry.columns, strict=True)):
                    matrix[:, i, j] += own[:, k]
            inverse = _inverse(matrix)
            step[here] = -np.matmul(inverse, residual[here][:, :, None])[:, :, 0]
            np.abs(matrix, out=matrix)
            reach[here] = np.matmul(matrix, abs(x[here])[:, :, None])[:, :, 0]
            level[here] = np.matmul(matrix, levels[here][:, :, None])[:, :, 0]
            rows = matrix.sum(axis=2)
            condition[here] = np.matmul(abs(inverse), rows[:, :, None])[:, :, 0].max(axis=1)
        return step, condition, reach, level

    def linear(self):
        """`x`, residual, relative residuals, conditions, and which points are suspicious."""
        every = np.arange(self.lanes)
        x = np.zeros((self.lanes, self.n))
        self.values.put(x)
        residual, _ = self.residuals.at()
        slopes = self.slopes()
        x, condition, _, _ = self.steps(slopes, residual, x, every)
        self.values.put(x)
        x = self.values.get()
        residual, scale = self.residuals.at()
        # A step of refinement, with which the levels of the unknowns come.
        step, _, _, level = self.steps(slopes, residual, x, every)
        shares = relative(residual, scale, level, self.epsilon)
        if not shares.max(initial=0) <= 4 * self.epsilon:
            self.values.put(x + step)
            after, scale = self.residuals.at()
            better = relative(after, scale, level, self.epsilon)
            kept = better.max(axis=1) <= shares.max(axis=1)
            refined = np.where(kept[:, None], self.values.get(), x)
            residual = np.where(kept[:, None], after, residual)
            shares = np.where(kept[:, None], better, shares)
            self.values.put(refined)
        x = self.values.get()
        good = (shares <= self.tolerance).all(axis=1) & np.isfinite(x).all(axis=1)
        good &= condition < 1e-2 / self.epsilon
        return x, residual, shares, condition, ~good

    def newton(self, start, low, high):
        """As `linear`, and the evaluations that it took, for systems that are not."""
        n, lanes = self.n, self.lanes
        x, left = start.copy(), ((start < low) | (start > high)).any(axis=1)
        ended = np.zeros(lanes, bool)
        before = np.full(lanes, np.inf)
        found = np.zeros((lanes, n)), np.zeros((lanes, n)), np.full(lanes, np.nan)
        passes = 0
        while passes < PASSES:
            active = np.flatnonzero(~(ended | left))
            if len(active) <= (FEW * lanes if passes > MOST else 0):
                break  # every pass evaluates all points
            passes += 1
            self.values.put(x)
            held = self.values.get()
            x[active] = held[active]
            residual, scale = self.residuals.at()
            step, condition, reach, level = self.steps(self.slopes(), residual, x, active)
            size = np.maximum(abs(x), abs(start))
            size = np.where(size > 1e-3, size, 1.0)
            length = (abs(step) / size).max(axis=1)
            leaves = ~((condition < REGULAR) & (length < 1e6))
            grows = (before <= 1) & (length > before)
            grows |= (before <= CLOSE) & (length > SHRINKS * before)
            leaves |= grows & (length > 8 * self.epsilon * n)
            shares = relative(residual, np.maximum(scale, reach), level, self.epsilon)
            floor = nothing(start)
            near = (shares <= self.tolerance).all(axis=1)
            near &= (abs(step) <= self.tolerance * (abs(x) + floor)).all(axis=1)
            going = np.zeros(lanes, bool)
            going[active] = True
            last = going & ~leaves & near & (
                (length <= 8 * self.epsilon * n) | (before <= self.tolerance))
            left |= going & leaves
            ended |= last
            for kept, new in zip(found, (residual, shares, condition), strict=True):
                kept[last] = new[last]
            going &= ~leaves & ~last
            part = 1 / np.where(length > 1, length, 1.0)
            trial = x + part[:, None] * step
            outside = going & ((trial < low) | (trial > high)).any(axis=1)
            left |= outside
            going &= ~outside
            x[going] = trial[going]
            before = np.where(
                going, np.where(near, np.minimum(length, self.tolerance), length), before)
        left |= ~ended
        self.values.put(x)
        return x, *found, left, passes


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverses; NaN where there is none."""
    if matrix.shape[1] == 1:
        return 1 / matrix
    if matrix.shape[1] == 2:
        a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
        determinant = a * d - b * c
        made = np.stack([d, -b, -c, a], axis=1).reshape(-1, 2, 2)
        return made / np.where(determinant == 0, np.nan, determinant)[:, None, None]
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        sign, size = np.linalg.slogdet(matrix)
        bad = ~(np.isfinite(size) & (sign != 0))
        inverse = np.full_like(matrix, np.nan)
        with suppress(np.linalg.LinAlgError):  # then all are solved with care
            inverse[~bad] = np.linalg.inv(matrix[~bad])
        return inverse
