"""The residuals of a system's equations and the magnitudes of their terms, from the values of its
parts; and its slopes as numbers beside the places of a pattern."""

from __future__ import annotations

from math import prod

import numpy as np

from hvm_vm.engines.systems.layout import Layout
from hvm_vm.engines.systems.pattern import Entry, Pattern
from hvm_vm.engines.systems.values import Values


class Residuals:
    """Of the terms `wanted` (all when None): their sum, and the sum of their magnitudes."""

    def __init__(self, values: Values, pattern: Pattern):
        self.values, self.pattern = values, pattern
        self.batch = values.one.batch
        self.lanes = prod(values.one.extents[: self.batch])
        self.together = frozenset(pattern.singles.parts.tolist())

    def constant(self, wanted, root: int | None = None) -> np.ndarray:
        """The sum of terms at the only batch point: where one term is all, as it lies in memory.
        `root`: a node to take instead of the value of the only term."""
        if len(wanted) == 1:
            (k,) = wanted
            part = self.values.one.parts[k]
            here, points = part.one, self.pattern.points[part.number]
            if here.roots[1] < 0 and "r" not in here.roles and (
                    len(points) == prod(here.extents) == self.pattern.size):
                value = self.values.value(k, here.roots[0] if root is None else root)
                value = np.broadcast_to(value, here.extents)
                return np.ascontiguousarray(value.reshape(-1), float)
        return self.at(wanted)[0][0]

    def at(self, wanted=None) -> tuple[np.ndarray, np.ndarray]:
        """Residual and scale of each equation, a row for each batch point."""
        residual = np.zeros((self.lanes, self.pattern.size))
        scale = np.zeros((self.lanes, self.pattern.size))
        for k, part in enumerate(self.values.one.parts):
            if part.role == "term" and k not in self.together and (wanted is None or k in wanted):
                self._add(k, part, residual, scale)
        if self.together:
            singles, size = self.pattern.singles, self.pattern.size
            which = np.ones(len(singles.parts), bool) if wanted is None else np.isin(
                singles.parts, np.fromiter(wanted, np.int64, len(wanted)))
            found = self.values.together(singles.terms, which)
            residual += np.bincount(singles.rows, found, size)
            scale += np.bincount(singles.rows, abs(found), size)
        return residual, scale

    def _add(self, k: int, part, residual, scale) -> None:
        here, pattern = part.one, self.pattern
        points, first = pattern.points[part.number], pattern.first[part.number]
        if not len(points) or 0 in here.extents:
            return
        shape = here.extents[self.batch : self.batch + here.roles[self.batch :].count("n")]
        quick = self.values.sums(k)
        if quick is not None:
            for total, one in zip((residual, scale), quick, strict=True):
                one = np.broadcast_to(one.reshape(-1, prod(shape)), (self.lanes, prod(shape)))
                total[:, first : first + len(points)] += (
                    one if len(points) == prod(shape) else one[:, points])
            return
        value = self.values.value(k, here.roots[0]).astype(float, copy=False)
        if here.roots[1] >= 0:
            value = np.where(self.values.condition(k, here.roots[1]), value, 0.0)
        free = self.batch + here.roles[self.batch :].count("n")
        summed = tuple(range(free, value.ndim))
        size = abs(value)
        if summed:
            repeats = prod(here.extents[d] for d in summed if value.shape[d] == 1)
            value, size = value.sum(axis=summed) * repeats, size.sum(axis=summed) * repeats
        space = (*value.shape[: self.batch], *shape)
        rows = prod(space[: self.batch])
        every = len(points) == prod(shape)
        for total, one in ((residual, value), (scale, size)):
            one = np.broadcast_to(one, space).reshape(-1, prod(shape))
            if rows != self.lanes:  # along some of the batch it is the same
                one = np.broadcast_to(
                    one.reshape(*space[: self.batch], -1),
                    (*here.extents[: self.batch], prod(shape))).reshape(self.lanes, -1)
            total[:, first : first + len(points)] += one if every else one[:, points]


def relative(residual: np.ndarray, scale: np.ndarray, level: np.ndarray,
             epsilon: float) -> np.ndarray:
    """Residuals in parts of their terms. Where they are no more than the rounding of unknowns as
    large as the largest of their arrays makes (`level`: what that comes to in each equation), they
    are told in parts of that: an unknown that is 0 among others of size 1 has errors of theirs."""
    size = abs(residual)
    found = np.where(size == 0, 0.0, size / scale)
    small = (size > 0) & (size <= 64 * epsilon * level)
    return np.where(small, np.minimum(found, size / level), found)


def slope_view(values: Values, entry: Entry) -> np.ndarray:
    """The slopes of an entry, the same at all batch points: over its space, or those that it picks;
    without copying where that can be."""
    value = values.value(entry.part, entry.root)
    if entry.guard >= 0:
        value = np.where(values.condition(entry.part, entry.guard), value, 0)
    batch = values.one.batch
    value = np.broadcast_to(value[(0,) * batch], entry.box)
    return value if entry.pick is None else (
        value[entry.pick] if isinstance(entry.pick, slice) else value.reshape(-1)[entry.pick])


def slope_values(values: Values, entry: Entry, lanes: int | None = None) -> np.ndarray:
    """The slopes of an entry at the points that it picks: a row for each of `lanes` batch points
    (one row when None: they are the same at all of them)."""
    value = values.value(entry.part, entry.root)
    if entry.guard >= 0:
        value = np.where(values.condition(entry.part, entry.guard), value, 0)
    batch = values.one.batch
    extents = values.one.extents[:batch]
    if lanes is None:
        value = value[(slice(0, 1),) * batch]
        extents = (1,) * batch
    value = np.broadcast_to(value, (*extents, *entry.box)).reshape(prod(extents), -1)
    return value.astype(float, copy=False) if entry.pick is None else (
        value[:, entry.pick].astype(float, copy=False))


def fill(values: Values, pattern: Pattern, layout: Layout, out: np.ndarray) -> None:
    """Put the slopes of a system with one batch point to their places in a matrix."""
    if pattern.singles.slopes:
        layout.fill_all(slope_numbers(values, pattern), out)
    else:
        layout.fill([slope_view(values, e) for e in pattern.entries], out)


def slope_numbers(values: Values, pattern: Pattern) -> np.ndarray:
    """The slopes of a system with one batch point, entry after entry."""
    singles, entries = pattern.singles, pattern.entries
    if not singles.slopes:
        return np.concatenate([np.zeros(0), *(slope_values(values, e)[0] for e in entries)])
    found = np.empty(sum(len(e.rows) for e in entries))
    found[singles.places] = values.together(singles.slopes, np.ones(len(singles.slopes), bool))
    if len(singles.slopes) < len(entries):
        at, own = 0, set(singles.places.tolist())
        for entry in entries:
            if at not in own:
                found[at : at + len(entry.rows)] = slope_values(values, entry)[0]
            at += len(entry.rows)
    return found
