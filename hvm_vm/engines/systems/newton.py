"""One system, with care: elimination and refinement where it is linear, else damped Newton.

The steps are those of `solve`: Newton's, shortened until the weighted residuals shrink (Deuflhard
2004, chapter 3); where that stalls or the matrix is singular, Levenberg-Marquardt steps (Moré 1978)
until they are nearly Newton's; bounds kept by projection; other starts when one fails. A point is a
solution only when every residual is small beside its terms and the full Newton step there is small
beside the unknowns (or the residuals are rounding).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np

from hvm_vm.engines.systems.factors import Factors, RowsScaled, factorise, powers_of_two
from hvm_vm.engines.systems.layout import Layout
from hvm_vm.engines.systems.pattern import Pattern
from hvm_vm.engines.systems.residuals import Residuals, slope_values, slope_view
from hvm_vm.engines.systems.residuals import relative as in_parts
from hvm_vm.engines.systems.singular import SUSPECT, Deficient, Slopes, deficient
from hvm_vm.engines.systems.values import Values, homogeneous

SOLVED, MULTIPLE, SINGULAR, STALLED, EXHAUSTED, UNDEFINED = range(6)
SMALLEST = 1e-4  # fraction of a Newton step, before Levenberg-Marquardt takes over
INSIDE = 1e-12   # and while every trial so far was outside the domain
LARGEST = 1e10   # damping, before a start is given up
SLOW = 15        # steps without progress, likewise
ATTEMPTS = 6     # from the start, then from elsewhere
REFINED = 4      # corrections of a linear solution, at most
SUBSTITUTED = 4  # rounds in which unknowns are told from those told before
NORMAL = 700     # unknowns up to which Levenberg-Marquardt's normal equations are dense


@dataclass(eq=False, slots=True)
class Point:
    """A point and what is known there."""

    x: np.ndarray
    residual: np.ndarray
    scale: np.ndarray
    slopes: Slopes | None = None
    factors: Factors | None = None

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.residual).all()) and (
            self.slopes is None or bool(np.isfinite(self.slopes.numbers).all()))


@dataclass(eq=False, slots=True)
class Ended:
    """How a system ended: where, after how many evaluations, `relative` residuals, and the
    deficiency of a singular one. Without `relative` residuals those of the point say it."""

    status: int
    at: Point | Callable[[], Point]
    passes: int
    relative: np.ndarray | None
    lack: Deficient | None = None
    at_bounds: np.ndarray | None = None

    @property
    def point(self) -> Point:
        """Where it ended (found when it is asked for, where that takes time)."""
        if not isinstance(self.at, Point):
            self.at = self.at()
        return self.at

    def shares(self) -> np.ndarray:
        """The residuals in parts of their terms."""
        if self.relative is not None:
            return self.relative
        point = self.point
        return np.where(point.residual == 0, 0.0, abs(point.residual) / point.scale)

    def condition(self) -> float:
        """An estimate of the condition number, where the factors give one."""
        factors = self.point.factors
        return nan if factors is None else factors.condition()


class One:
    """A system with one batch point."""

    def __init__(self, values: Values, pattern: Pattern, layout: Layout, cap: int,
                 tolerance: float):
        self.values, self.pattern, self.layout, self.cap = values, pattern, layout, cap
        self.epsilon = float(np.finfo(values.precision).eps)
        self.tolerance = max(tolerance, 64 * self.epsilon)
        self.residuals = Residuals(values, pattern)
        self.passes = 0
        self.places: tuple[np.ndarray, np.ndarray] | None = None
        self.observer: Callable | None = None  # told every evaluation: x, residual and scale
        terms = sum(len(e.rows) for e in pattern.entries) / max(1, pattern.size)
        # Residuals that an elimination leaves: rounding errors of so many terms.
        self.rounding = 4 * (16 + terms) * self.epsilon

    # -- evaluating -------------------------------------------------------------------------------

    def at(self, x: np.ndarray, slopes: bool = True) -> Point:
        """Everything at `x` (as far as the registers' precision holds it)."""
        self.passes += 1
        self.values.put(x[None])
        residual, scale = self.residuals.at()
        point = Point(self.values.get()[0], residual[0], scale[0])
        if self.observer is not None:
            self.observer(point.x, point.residual, point.scale)
        if slopes:
            point.slopes = self.slopes()
        return point

    def slopes(self) -> Slopes:
        entries = self.pattern.entries
        if self.places is None:
            none = np.zeros(0, np.int64)
            self.places = (np.concatenate([none, *(e.rows for e in entries)]),
                           np.concatenate([none, *(e.columns for e in entries)]))
        numbers = [slope_values(self.values, e)[0] for e in entries]
        return Slopes(*self.places, np.concatenate([np.zeros(0), *numbers]), self.pattern.size)

    def eliminate(self, point: Point) -> Factors:
        numbers = np.empty(self.layout.length)
        self.layout.fill(self._parts(point.slopes), numbers)
        point.factors = factorise(self.layout, numbers, lambda: point.slopes.norm())
        return point.factors

    def relative(self, point: Point) -> np.ndarray:
        """The residuals in parts of their terms."""
        size, level = point.scale, np.zeros(len(point.x))
        if point.slopes is not None:
            size = np.maximum(size, point.slopes.reach(point.x))
            level = point.slopes.reach(self.pattern.levels(point.x[None], self.epsilon)[0])
        found = in_parts(point.residual, size, level, self.epsilon)
        return np.where(np.isnan(found), np.inf, found)

    # -- linear -----------------------------------------------------------------------------------

    def linear(self) -> Ended:
        n = self.pattern.size
        unknowns = self.values.unknowns
        wanted = {k for k, part in enumerate(self.values.one.parts) if part.role == "term"
                  and not homogeneous(part.one, unknowns)}
        x = np.zeros(n)
        self.passes += 1
        if any(self.values.moving[k] for k in wanted):
            self.values.put(x[None])
        residual, scale = self.residuals.at(wanted)
        if self.observer is not None:
            self.observer(x, residual[0], scale[0])
        numbers = self.values.work(self.layout.length)
        self.layout.fill([slope_view(self.values, e) for e in self.pattern.entries], numbers)
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
                point = self._alone(point)
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

    def _parts(self, slopes: Slopes) -> list[np.ndarray]:
        """The slopes of each entry."""
        cuts, at = [], 0
        for entry in self.pattern.entries:
            cuts.append(slopes.numbers[at : at + len(entry.rows)])
            at += len(entry.rows)
        return cuts

    def _alone(self, point: Point) -> Point:
        """A solution in which unknowns that have an equation of their own (`u[1] = 0`), or one with
        only such unknowns beside them, have that value, and not what an elimination leaves of it.
        `point` where that is no better."""
        slopes = point.slopes
        there = slopes.numbers != 0
        rows, columns, numbers = slopes.rows[there], slopes.columns[there], slopes.numbers[there]
        after = point
        for _ in range(SUBSTITUTED):
            alone = np.bincount(rows, minlength=slopes.size)[rows] == 1
            if not alone.any():
                break
            x = after.x.copy()
            x[columns[alone]] -= after.residual[rows[alone]] / numbers[alone]
            after = self.at(x, slopes=False)
            known = np.zeros(slopes.size, bool)
            known[columns[alone]] = True
            left = ~known[columns]
            rows, columns, numbers = rows[left], columns[left], numbers[left]
        after.slopes, after.factors = slopes, point.factors
        worst = max(self.rounding, self.relative(point).max(initial=0.0))
        return after if self.relative(after).max(initial=0.0) <= worst else point

    @staticmethod
    def _ratio(point: Point) -> float:
        """The largest residual in parts of its terms."""
        size = abs(point.residual)
        if not size.any():
            return 0.0
        return float((size / np.maximum(point.scale, 1e-300)).max())

    # -- nonlinear --------------------------------------------------------------------------------

    def newton(self, start: np.ndarray, low: np.ndarray, high: np.ndarray) -> Ended:
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
            ended = self._descend(point)
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
        ended.passes = self.passes
        self.values.put(ended.point.x[None])
        x = ended.point.x
        ended.at_bounds = (x <= self.low) | (x >= self.high)
        return ended

    def _elsewhere(self, attempt: int) -> np.ndarray:
        """The start of an attempt: the given one; then, ever farther, to its sides or within the
        bounds."""
        if not attempt:
            return self.start
        j, count = np.arange(len(self.start)), attempt - 1
        size = np.maximum(abs(self.start), 1.0) * 2.0 ** (count // 2)
        away = self.start + np.where((count + j) % 2 == 0, size, -size)
        part = (count + 1) * 0.6180339887498949 + 0.37 * j
        bounded = self.high - self.low < 1e300
        with np.errstate(all="ignore"):
            inside = self.low + (self.high - self.low) * (part - np.floor(part))
        return np.where(bounded, inside, away)

    def _sizes(self, x: np.ndarray) -> np.ndarray:
        """What a step of each unknown is measured by: its size, or a part of the largest."""
        size = np.maximum(abs(x), 1e-3 * abs(x).max(initial=0.0))
        return np.where(size > 0, size, 1e-3)

    def _descend(self, point: Point) -> Ended:
        damping, slow, before = 0.0, 0, np.inf
        contraction = 0.0
        while True:
            # A step is judged by how the residuals, in units of slope times unknown, shrink.
            weight = point.slopes.largest(np.maximum(abs(point.x), 1e-3))
            weight = 1 / np.where(weight > 0, weight, np.where(point.scale > 0, point.scale, 1.0))
            merit = float(((weight * point.residual) ** 2).sum())
            relative = self.relative(point)
            near = bool((relative <= self.tolerance).all())
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
            if near:
                if lack is not None:
                    return self._family(point, lack, relative)
                small = step is not None and bool(
                    (abs(step) <= self.tolerance * self._sizes(point.x)).all())
                if small or (exact and step is not None):
                    return self._polished(point, step, relative, contraction)
            if self.passes >= self.limit or slow > SLOW:
                status = EXHAUSTED if self.passes >= self.cap else STALLED
                return Ended(status, point, self.passes, relative)
            new = None
            if step is not None and damping <= 1e-6:
                damping = 0.0
                new = self._shortened(point, step, weight, merit)
            if new is None:
                damping = max(damping, 1e-3 if step is not None and damping <= 1e-6 else 1e-4)
                new, damping = self._damped(point, weight, merit, damping)
            if new is None:
                status = EXHAUSTED if self.passes >= self.cap else STALLED
                return Ended(status, point, self.passes, relative)
            slow = slow + 1 if self._merit(new, weight) > 0.99 * merit else 0
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
