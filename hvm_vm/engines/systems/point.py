"""Points at which a system is evaluated: residuals, slopes, eliminations; and how a solve ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np

from hvm_vm.engines.solving.memory import NOTHING
from hvm_vm.engines.systems.factors import Factors, factorise
from hvm_vm.engines.systems.layout import Layout
from hvm_vm.engines.systems.pattern import Pattern
from hvm_vm.engines.systems.residuals import Residuals, slope_numbers
from hvm_vm.engines.systems.residuals import relative as in_parts
from hvm_vm.engines.systems.singular import Deficient, Slopes
from hvm_vm.engines.systems.values import Values

SOLVED, MULTIPLE, SINGULAR, STALLED, EXHAUSTED, UNDEFINED = range(6)
SUBSTITUTED = 4  # rounds in which unknowns are told from those told before


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


def nothing(start: np.ndarray) -> np.ndarray:
    """What an unknown that goes to 0 is no smaller than, to a solve that begins at `start`."""
    size = abs(start)
    return NOTHING * np.where(size > 0, np.minimum(size, 1.0), 1.0)


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
        return Slopes(*self.places, slope_numbers(self.values, self.pattern), self.pattern.size)

    def eliminate(self, point: Point) -> Factors:
        numbers = np.empty(self.layout.length)
        if self.pattern.singles.slopes:
            self.layout.fill_all(point.slopes.numbers, numbers)
        else:
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

    def _parts(self, slopes: Slopes) -> list[np.ndarray]:
        """The slopes of each entry."""
        cuts, at = [], 0
        for entry in self.pattern.entries:
            cuts.append(slopes.numbers[at : at + len(entry.rows)])
            at += len(entry.rows)
        return cuts

    def alone(self, point: Point) -> Point:
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
