"""A nonlinear system with one batch point: damped Newton, with care.

The steps are those of `solve`: Newton's, shortened until the weighted residuals shrink (Deuflhard
2004, chapter 3); where that stalls or the matrix is singular, Levenberg-Marquardt steps (Moré 1978)
until they are nearly Newton's. From a start where this fails, Powell's dogleg steps (see `trust`);
then other starts. Bounds are kept by projection.

A point is a solution only when every residual is small beside its terms and the full Newton step
there is small beside each unknown (or the residuals are rounding). Unknowns have units of their
own, and may grow by orders along an axis: none is measured by another. What is 0 but for rounding
has no size, and is measured by what the rounding of all terms does to it: |J^-1|*eps*terms (Arioli,
Demmel and Duff 1989), estimated by a few solves.
"""

from __future__ import annotations

from math import nan

import numpy as np

from hvm_vm.engines.systems.factors import Factors
from hvm_vm.engines.systems.point import (
    EXHAUSTED,
    MULTIPLE,
    SINGULAR,
    SOLVED,
    STALLED,
    UNDEFINED,
    Ended,
    One,
    Point,
    nothing,
)
from hvm_vm.engines.systems.residuals import relative as in_parts
from hvm_vm.engines.systems.singular import SUSPECT, Deficient, Slopes, deficient
from hvm_vm.engines.systems.trust import Trust

SMALLEST = 1e-4  # fraction of a Newton step, before Levenberg-Marquardt takes over
INSIDE = 1e-12   # and while every trial so far was outside the domain
LARGEST = 1e10   # damping, before a start is given up
SLOW = 15        # steps without progress, likewise
FINISH = 6       # evaluations beyond an attempt's share while its residuals shrink fast
FAST = 0.25      # to this part of what they were, at each step
ATTEMPTS = 10    # from the start by both ways, then from elsewhere
NOISE = 64       # times rounding's reach, within which a step says nothing
PROBES = 4       # solves that tell how far rounding moves the unknowns
NORMAL = 700     # unknowns up to which Levenberg-Marquardt's normal equations are dense


class Newton(One):
    """A system that is solved in steps."""

    def solve(self, start: np.ndarray, low: np.ndarray, high: np.ndarray) -> Ended:
        """From the start, then from elsewhere, to a solution."""
        self.start, self.low, self.high = start, low, high
        kept = None
        for attempt in range(ATTEMPTS):
            left = self.cap - self.passes
            if left <= 0:
                break
            self.limit = self.passes + max(left // 2, min(left, 25))
            point = self.at(np.clip(self._elsewhere(attempt), low, high))
            if not point.finite:
                if kept is None:
                    kept = Ended(UNDEFINED, point, self.passes, np.full(len(start), nan))
                continue
            ended = self._descend(point, dogleg=attempt % 2 == 1)
            if ended.status <= SINGULAR:
                return self._finished(ended)
            if kept is None or kept.status == UNDEFINED or (
                    ended.relative.max() < kept.relative.max()):
                kept = ended
        if self.passes >= self.cap and kept.status == STALLED:
            kept.status = EXHAUSTED
        kept.passes = self.passes
        return kept

    def _finished(self, ended: Ended) -> Ended:
        if ended.status == SOLVED and ended.point.slopes is not None:
            ended.at = point = self.alone(ended.point)
            ended.relative = self.relative(point)
        ended.passes = self.passes
        self.values.put(ended.point.x[None])
        x = ended.point.x
        ended.at_bounds = (x <= self.low) | (x >= self.high)
        return ended

    def _elsewhere(self, attempt: int) -> np.ndarray:
        """The start of an attempt: the given one for both ways; then, ever farther, to its sides or
        within the bounds."""
        if attempt < 2:
            return self.start
        j, count = np.arange(len(self.start)), attempt - 2
        size = np.maximum(abs(self.start), 1.0) * 2.0 ** (count // 2)
        away = self.start + np.where((count + j) % 2 == 0, size, -size)
        part = (count + 1) * 0.6180339887498949 + 0.37 * j
        bounded = self.high - self.low < 1e300
        with np.errstate(all="ignore"):
            inside = self.low + (self.high - self.low) * (part - np.floor(part))
        return np.where(bounded, inside, away)

    def relative(self, point: Point) -> np.ndarray:
        """The residuals in parts of their own terms."""
        return self._parted(point, np.zeros(len(point.x)))

    def _parted(self, point: Point, level: np.ndarray) -> np.ndarray:
        size = np.maximum(point.scale, point.slopes.reach(point.x))
        found = in_parts(point.residual, size, level, self.epsilon)
        return np.where(np.isnan(found), np.inf, found)

    def _noise(self, point: Point, factors: Factors) -> np.ndarray | None:
        """How far rounding moves each unknown; None where that is no small part of anything, or
        where residuals are larger than it could explain."""
        reach = point.slopes.reach
        level = reach(self.pattern.levels(point.x[None], self.epsilon)[0])
        rough = (self._parted(point, level) <= self.tolerance) | self._gone(point)
        if not rough.all():
            return None
        terms = self.epsilon * np.maximum(point.scale, reach(point.x))
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (PROBES, len(terms)))
        noise = abs(factors.solve(terms * signs)).max(axis=0)
        most = abs(point.x).max(initial=0.0)
        return noise if (noise <= self.tolerance * most).all() else None

    def _gone(self, point: Point) -> np.ndarray:
        """Where residuals are no more than what a step of an unknown that goes to 0 makes."""
        return abs(point.residual) <= self.tolerance * point.slopes.reach(nothing(self.start))

    def _sizes(self, x: np.ndarray) -> np.ndarray:
        """What a step of each unknown is measured by on the way: its size, or a part of the largest
        of its array."""
        size = np.maximum(abs(x), 1e-3 * self.pattern.largest(x[None])[0])
        return np.where(size > 0, size, 1e-3)

    def _descend(self, point: Point, dogleg: bool) -> Ended:
        damping, slow, before = 0.0, 0, np.inf
        contraction = 0.0
        weight = 1 / np.where(point.scale > 0, point.scale, 1.0)
        trust = Trust(weight, self.epsilon) if dogleg else None
        while True:
            # A step is judged by how the residuals, in units of slope times unknown, shrink.
            if not dogleg:
                weight = point.slopes.largest(np.maximum(abs(point.x), 1e-3))
                weight = 1 / np.where(
                    weight > 0, weight, np.where(point.scale > 0, point.scale, 1.0))
            merit = float(((weight * point.residual) ** 2).sum())
            relative = self.relative(point)
            near = bool((self._gone(point) | (relative <= self.tolerance)).all())
            exact = bool((relative <= 16 * self.epsilon).all())
            factors = self.eliminate(point)
            lack = None
            if factors.pivot < SUSPECT:
                column = self._sizes(point.x)
                scaled = point.slopes.scaled(weight, column)
                lack = deficient(scaled, self.epsilon)
                if lack is not None:
                    lack = Deficient(lack.free * column, lack.idle * weight)
            step = None
            if lack is None:
                step = factors.solve(-point.residual[None])[0]
                if not np.isfinite(step).all():
                    step = None
            if step is not None:
                length = float((abs(step) / self._sizes(point.x)).max())
                contraction = length / before if 0 < before < np.inf else 0.0
                before = length
            if near and lack is not None:
                return self._family(point, lack, relative)
            if step is not None:
                # An unknown that goes to 0 is never large beside its steps.
                enough = self.tolerance * (abs(point.x) + nothing(self.start))
                if near and (exact or bool((abs(step) <= enough).all())):
                    return self._polished(point, step, relative, contraction)
                noise = self._noise(point, factors)
                if noise is not None and (abs(step) <= enough + NOISE * noise).all():
                    shares = self._parted(point, point.slopes.reach(noise) / self.epsilon)
                    if ((shares <= self.tolerance) | self._gone(point)).all():
                        return self._polished(point, step, shares, contraction)
            if self.passes >= self.limit or slow > SLOW:
                status = EXHAUSTED if self.passes >= self.cap else STALLED
                return Ended(status, point, self.passes, relative)
            new = None
            if trust is not None:
                new = trust.next(point, step, self._trial, lambda: self.passes >= self.limit)
            elif step is not None and damping <= 1e-6:
                damping = 0.0
                new = self._shortened(point, step, weight, merit)
            if new is None and trust is None:
                damping = max(damping, 1e-3 if step is not None and damping <= 1e-6 else 1e-4)
                new, damping = self._damped(point, weight, merit, damping)
            if new is None:
                status = EXHAUSTED if self.passes >= self.cap else STALLED
                return Ended(status, point, self.passes, relative)
            after = self._merit(new, weight)
            slow = slow + 1 if after > 0.99 * merit else 0
            if after <= FAST**2 * merit:
                self.limit = min(self.cap, max(self.limit, self.passes + FINISH))
            point = new

    @staticmethod
    def _merit(point: Point, weight: np.ndarray) -> float:
        merit = float(((weight * point.residual) ** 2).sum())
        return merit if np.isfinite(merit) else np.inf

    def _trial(self, x: np.ndarray) -> Point | None:
        """The point at `x` within the bounds; None where something is not finite."""
        point = self.at(np.clip(x, self.low, self.high))
        return point if point.finite else None

    def _shortened(self, point: Point, step, weight, merit: float) -> Point | None:
        size = np.maximum(abs(point.x), abs(self.start))
        size = np.where(size > 1e-3, size, 1.0)
        alpha = min(1.0, float(1 / (abs(step) / size).max(initial=1e-300)))
        inside = False
        while True:
            trial = self._trial(point.x + alpha * step)
            shorter = 0.25
            if trial is not None:
                inside = True
                here = self._merit(trial, weight)
                if here <= (1 - 2e-4 * alpha) * merit:
                    return trial
                if here < np.inf:
                    shorter = min(0.5, max(0.1, merit / (merit + here)))
            alpha *= shorter
            if alpha < (SMALLEST if inside else INSIDE) or self.passes >= self.limit:
                return None

    def _damped(self, point: Point, weight, merit: float, damping: float):
        """Levenberg-Marquardt steps, damped until one is better."""
        size = np.maximum(abs(point.x), 1e-3)
        down = -np.bincount(point.slopes.columns, point.slopes.numbers
                            * (weight**2 * point.residual)[point.slopes.rows], len(point.x))
        stays = ((down < 0) & (point.x <= self.low)) | ((down > 0) & (point.x >= self.high))
        size = np.where(stays, 0.0, size)
        scaled = point.slopes.scaled(weight, size)
        solve = _normal(scaled)
        while True:
            step = size * solve(damping, size * down)
            trial = self._trial(point.x + step) if np.isfinite(step).all() else None
            if trial is not None and self._merit(trial, weight) < merit * (1 - 1e-12):
                return trial, damping / 10
            damping *= 8
            if damping > LARGEST or self.passes >= self.limit:
                return None, damping

    def _polished(self, point: Point, step, relative, contraction: float) -> Ended:
        """One full Newton step from a solution, taken unless it is worse; the kind of root."""
        length = float((abs(step) / self._sizes(point.x)).max(initial=0.0))
        if (abs(step) > 2 * self.epsilon * self._sizes(point.x)).any():
            trial = self._trial(point.x + step)
            if trial is not None:
                after = self.relative(trial)
                if after.max(initial=0) <= max(relative.max(initial=0), 4 * self.epsilon):
                    trial.factors = point.factors
                    point, relative = trial, after
        # Newton's method halves its steps at a double root, where it should square them.
        halved = contraction > 0.2 and length > 100 * self.epsilon
        return Ended(MULTIPLE if halved else SOLVED, point, self.passes, relative)

    def _family(self, point: Point, lack: Deficient, relative) -> Ended:
        """Every relation holds at a singular matrix: do they along its null space, too?"""
        size = np.maximum(self._sizes(point.x), abs(self.start) * 1e-3)
        along = lack.free[0]
        y = point.x + 0.01 / (abs(along) / size).max() * along
        matrix = point.slopes.dense() if len(y) <= 2000 else None
        for _ in range(4 if matrix is not None else 0):
            trial = self._trial(y)
            if trial is None:
                return Ended(MULTIPLE, point, self.passes, relative)
            if (self.relative(trial) <= self.tolerance).all():
                apart = (abs(trial.x - point.x) / size).max()
                if apart > 1e-3:
                    return Ended(SINGULAR, point, self.passes, relative, lack)
                break
            y = trial.x + np.linalg.lstsq(trial.slopes.dense(), -trial.residual, rcond=1e-9)[0]
        status = MULTIPLE if matrix is not None else SINGULAR
        return Ended(status, point, self.passes, relative, lack)


def _normal(slopes: Slopes):
    """`solve(damping, right)` of the normal equations of a matrix, damped."""
    n = slopes.size
    if n <= NORMAL:
        matrix = slopes.dense()
        square = matrix.T @ matrix

        def dense(damping: float, right: np.ndarray) -> np.ndarray:
            try:
                return np.linalg.solve(square + damping * np.eye(n), right)
            except np.linalg.LinAlgError:
                return np.full(n, nan)
        return dense
    from scipy.sparse import csc_matrix, identity
    from scipy.sparse.linalg import splu
    matrix = csc_matrix((slopes.numbers, (slopes.rows, slopes.columns)), (n, n))
    square = (matrix.T @ matrix).tocsc()

    def sparse(damping: float, right: np.ndarray) -> np.ndarray:
        try:
            return splu((square + damping * identity(n, format="csc")).tocsc()).solve(right)
        except RuntimeError:
            return np.full(n, nan)
    return sparse
