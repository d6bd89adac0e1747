"""`system` as engines run it: one system or one for each batch point, by whatever serves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isnan, nan, prod

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.solve_layout import ITERATIONS, TOLERANCE, UNSOLVED_NAN
from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.data_words import not_finite
from hvm_vm.engines.solved import Solved
from hvm_vm.engines.systems.counting import own_dims
from hvm_vm.engines.systems.factors import factorise
from hvm_vm.engines.systems.layout import Layout, choose
from hvm_vm.engines.systems.linear import REFINED, Linear
from hvm_vm.engines.systems.many import LARGEST, Many
from hvm_vm.engines.systems.newton import Newton
from hvm_vm.engines.systems.pattern import Pattern, build, single
from hvm_vm.engines.systems.point import MULTIPLE, SINGULAR, SOLVED, STALLED, UNDEFINED
from hvm_vm.engines.systems.residuals import Residuals, relative, slope_numbers, slope_values
from hvm_vm.engines.systems.singular import SUSPECT, Slopes
from hvm_vm.engines.systems.structure import misfit
from hvm_vm.engines.systems.values import Values
from hvm_vm.engines.systems.words import Words


class System:
    """A system prepared for runs. What does not depend on data is found once, and kept in `kept`
    (by the instruction and its extents)."""

    def __init__(self, module: Module, one: BoundInstruction, kept: dict):
        self.module, self.one, self.kept = module, one, kept
        self.precision = np.dtype(np.float32 if module.precision == "f32" else np.float64)
        self.cap = int(one.nodes[one.roots[ITERATIONS]].immediate)
        self.tolerance = float(one.nodes[one.roots[TOLERANCE]].immediate)
        self.lanes = prod(one.extents[: one.batch])
        self.observer: Callable | None = None  # see `watched`

    def run(self, arrays, evaluator=Values) -> Solved | None:
        """`solve`, with what it tells."""
        tell = self.solve(arrays, evaluator)
        return None if tell is None else tell()

    def solve(self, arrays, evaluator) -> Callable[[], Solved | None] | None:
        """Solve, and leave the solution in the unknowns' registers; a function that says how well
        that went (until the next run), None when there is nothing to solve. Raises `RunError` for
        the first batch point without one solution, `InputError` where what is read is out of range
        or the equations are not as many as the unknowns."""
        if not self.lanes:
            return None
        with np.errstate(all="ignore"):
            pattern, layout = self._pattern(self.one, arrays)
            if not pattern.size:
                return None
            if not pattern.shared:
                return _told(self._each(arrays, Values, None, range(self.lanes)))
            values = evaluator(self.module, self.one, arrays, self.precision)
            if self.lanes == 1:
                return self._one(self.one, values, pattern, layout)
            if pattern.fixed:
                return _told(self._fixed(values, pattern, layout, arrays))
            if pattern.size <= LARGEST:
                return _told(self._many(values, pattern, arrays))
            return _told(self._each(arrays, Values, (pattern, layout), range(self.lanes)))

    def watched(self, arrays, lanes, observer: Callable) -> None:
        """Solve at some batch points, one by one, and tell `observer(lane, pattern, x, residual,
        scale)` every evaluation. Raises as `solve` does."""
        for lane in lanes:
            self.observer = partial(observer, lane)
            with np.errstate(all="ignore"):
                self._each(arrays, Values, None, (lane,))

    def _pattern(self, one: BoundInstruction, arrays) -> tuple[Pattern, Layout]:
        key = ("system", one.pc, one.extents, one.los)
        found = self.kept.get(key)
        if found is None:
            pattern = build(self.module, one, arrays, self.precision)
            found = pattern, choose(pattern)
            if pattern.static and pattern.shared:
                self.kept[key] = found
        return found

    # -- one system -------------------------------------------------------------------------------

    def _one(self, one, values: Values, pattern, layout) -> Callable[[], Solved]:
        """Solve at a single batch point; raises, or writes NaN, when there is no solution."""
        kind = Linear if pattern.linear else Newton
        system = kind(values, pattern, layout, self.cap, self.tolerance)
        if self.observer is not None:
            system.observer = partial(self.observer, pattern)
        starts = () if pattern.linear else self._starts(values, pattern)
        ended = system.solve(*starts)
        return self.told(one, values, pattern, ended)

    def told(self, one, values: Values, pattern, ended) -> Callable[[], Solved]:
        """What is to be said of a system that ended; raises where it has no solution."""
        if ended.status in (SOLVED, MULTIPLE):
            return lambda: self._report(
                pattern, ended.point.residual[None], ended.shares()[None],
                self._method(pattern, ended.point.factors), ended.condition(), ended.passes,
                multiple=int(ended.status == MULTIPLE),
                at_bounds=self._at_bounds(one, ended.at_bounds))
        if one.status != UNSOLVED_NAN:
            raise self._failed(Words(self.module, one, pattern), ended, values, pattern)
        values.put(np.full((1, pattern.size), nan))
        return _told(Solved(
            ended.passes, 0.0, points=1, unsolved=1, at_bounds=(0,) * len(one.accesses),
            method=self._method(pattern, ended.point.factors)))

    def _failed(self, words: Words, ended, values: Values, pattern):
        point = ended.point
        if ended.status == UNDEFINED:
            data = not_finite(self.module, words.one, values.arrays, (0,) * words.one.batch,
                              values.unknowns)
            return words.undefined(point.x, point.residual, point.slopes, pattern.linear, data)
        if ended.status == SINGULAR and ended.lack is not None:
            if pattern.linear:
                return words.singular(point.x, point.residual, point.slopes, ended.lack)
            return words.family(point.x, ended.lack)
        found = misfit(pattern)
        if found is not None:
            return words.misfit(found)
        what = "stalls" if ended.status == STALLED else "does not converge"
        return words.stalled(what, point.x, point.residual, point.scale, ended.passes)

    def _each(self, arrays, evaluator, known, lanes) -> Solved | None:
        """Batch points one by one."""
        total = None
        extents = self.one.extents[: self.one.batch]
        for lane in lanes:
            one = single(self.one, tuple(int(p) for p in np.unravel_index(lane, extents)))
            pattern, layout = known or self._pattern(one, arrays)
            if not pattern.size:
                continue
            values = evaluator(self.module, one, arrays, self.precision)
            found = self._one(one, values, pattern, layout)()
            total = found if total is None else _joined(total, found)
        return total

    # -- many -------------------------------------------------------------------------------------

    def _fixed(self, values: Values, pattern, layout, arrays) -> Solved:
        """One matrix, a right-hand side for each batch point."""
        residuals = Residuals(values, pattern)
        values.put(np.zeros((self.lanes, pattern.size)))
        right, _ = residuals.at()
        numbers = np.empty(layout.length)
        layout.fill([slope_values(values, e)[0] for e in pattern.entries], numbers)
        factors = factorise(layout, numbers, lambda: slopes.norm())
        if not (factors.pivot >= SUSPECT and np.isfinite(right).all()):
            return self._each(arrays, Values, (pattern, layout), range(self.lanes))
        slopes = Slopes(
            np.concatenate([e.rows for e in pattern.entries]),
            np.concatenate([e.columns for e in pattern.entries]),
            slope_numbers(values, pattern), pattern.size)
        epsilon = float(np.finfo(self.precision).eps)
        x, best = np.zeros_like(right), None
        step = factors.solve(-right)
        for _ in range(1 + REFINED):
            values.put(x + step)
            residual, scale = residuals.at()
            level = slopes.reach_of_all(pattern.levels(values.get(), epsilon))
            shares = relative(residual, scale, level, epsilon)
            worst = float(shares.max(initial=0))
            if best is not None and not worst < 0.5 * best[0]:
                break
            best = worst, values.get(), residual, shares
            if not worst > 2 * epsilon:
                break
            x = best[1]
            step = factors.solve(-residual)
        worst, x, residual, shares = best
        tolerance = max(self.tolerance, 64 * epsilon)
        values.put(x)
        bad = np.flatnonzero(~((shares <= tolerance).all(axis=1) & np.isfinite(x).all(axis=1)))
        condition = factors.condition()
        good = np.delete(np.arange(self.lanes), bad)
        found = self._report(pattern, residual[good], shares[good],
                             self._method(pattern, factors), condition, 2)
        return _joined(found, self._each(arrays, Values, (pattern, layout), bad))

    def _many(self, values: Values, pattern, arrays) -> Solved:
        many = Many(values, pattern, self.tolerance)
        bounds = None
        if pattern.linear:
            _, residual, shares, condition, bad = many.linear()
            passes = 2
        else:
            start, low, high = self._starts(values, pattern, rows=True)
            _, residual, shares, condition, bad, passes = many.newton(start, low, high)
            bounds = (0,) * len(self.one.accesses)
        method = self._method(pattern, None)
        good = ~bad
        found = self._report(pattern, residual[good], shares[good], method,
                             float(condition[good].max(initial=0.0)) if good.any() else nan, passes,
                             at_bounds=bounds)
        left = np.flatnonzero(bad)
        layout = self._pattern(self.one, arrays)[1]
        return _joined(found, self._each(arrays, Values, (pattern, layout), left))

    # -- what both need ---------------------------------------------------------------------------

    def _starts(self, values: Values, pattern, rows: bool = False):
        """Starts and bounds of all unknown elements; of one batch point, or `rows`."""
        one = values.one
        batch, lanes = one.batch, prod(one.extents[: one.batch])
        own = {(part.role, part.number): k for k, part in enumerate(one.parts)}
        made = []
        for role, absent in (("start", 1.0), ("lower", -np.inf), ("upper", np.inf)):
            out = np.full((lanes, pattern.size), absent)
            at = 0
            for k, place in enumerate(values.places()):
                count = prod(place.shape[batch:])
                number = own.get((role, k))
                if number is not None:
                    here = one.parts[number].one
                    value = values.value(number, here.roots[0])
                    out[:, at : at + count] = np.broadcast_to(value, here.extents).reshape(
                        lanes, count)
                at += count
            made.append(out if rows else out[0])
        return made

    def _at_bounds(self, one, at) -> tuple[int, ...]:
        if at is None:
            return ()
        found, first = [], 0
        for own in own_dims(one):
            count = prod(one.extents[d] for d in own)
            found.append(int(at[first : first + count].any()))
            first += count
        return tuple(found)

    def _method(self, pattern, factors) -> str:
        name = f"LU {pattern.size}" if factors is None else factors.name
        return name if pattern.linear else f"Newton, {name}"

    def _report(self, pattern: Pattern, residual, relative, method: str, condition: float,
                passes: int, multiple: int = 0, at_bounds=None) -> Solved:
        """`residual` and `relative`: a row for each batch point that was solved."""
        worst, shares = [], []
        for first, points in zip(pattern.first, pattern.points, strict=True):
            rows = slice(first, first + len(points))
            worst.append(float(abs(residual[:, rows]).max(initial=0.0)))
            shares.append(float(relative[:, rows].max(initial=0.0)))
        return Solved(passes, max(shares, default=0.0), tuple(worst), tuple(shares), condition,
                      method, len(residual), multiple,
                      at_bounds=at_bounds or (0,) * len(self.one.accesses))


def _told(solved: Solved | None) -> Callable[[], Solved | None]:
    return lambda: solved


def _joined(a: Solved | None, b: Solved | None) -> Solved | None:
    """Two reports as one, each possibly of no points."""
    if a is None or not a.points:
        return b if b is not None and b.points else a
    if b is None or not b.points:
        return a
    relations = max(len(a.residuals), len(b.residuals))

    def padded(one: Solved) -> Solved:
        """A report of unsolved points has no residuals."""
        if len(one.residuals) == relations:
            return one
        none = (0.0,) * relations
        return Solved(one.iterations, one.residual, none, none, one.condition, one.method,
                      one.points, one.multiple, one.unsolved, one.at_bounds)

    joined = padded(a).with_part(padded(b))
    if isnan(joined.condition) or isnan(b.condition):
        best = [c for c in (a.condition, b.condition) if not isnan(c)]
        joined = Solved(joined.iterations, joined.residual, joined.residuals, joined.relative,
                        max(best, default=nan), joined.method, joined.points, joined.multiple,
                        joined.unsolved, joined.at_bounds)
    return joined
