"""Subscripts that are looked up in tables of constants: how far the reads of a recurrence go back.

    k[n] = [0, 0, 1, 3]; x[n] = x[k[n]]/2 + a[n]        each x reads an earlier one

That holds for the numbers in the file. Others may be set from outside, so it is a requirement, too.
"""

from __future__ import annotations

import numpy as np

from .affine import Integers
from .guards import Context
from .system import Apply, Axis, Const, Expr, IndexValue, Ref, Requirement


class Tables:
    """The tables of one file: the defaults that are lists."""

    def __init__(self, defaults, axes: dict[str, tuple[Axis, ...]], integers: Integers) -> None:
        self._values = {n: value for n, (value, _) in defaults.items() if isinstance(value, list)}
        self._axes, self._integers = axes, integers

    def side(self, subscript: Expr, own: Expr) -> int:
        """-1 if a subscript is less than `own` at all points of its indices, 1 if it is greater;
        0 if it is neither, or no element of a table at plain indices or constants."""
        if type(subscript) is not Ref or subscript.variable not in self._values:
            return 0
        indices = [s.index for s in subscript.subscripts if type(s) is IndexValue]
        place = self._integers.polynomial(own)
        affine = None if place is None else self._integers.affine(place)
        if affine is None or len(set(indices)) < len(indices) or not set(affine[0]) <= set(indices):
            return 0
        table = np.array(self._values[subscript.variable], float)
        for axis, sub in zip(self._axes[subscript.variable], subscript.subscripts, strict=True):
            table = self._part(table, axis, sub)
            if table is None:
                return 0
        at = np.full(table.shape, 0)
        constant = affine[1].constant
        for index, coefficient in affine[0].items():
            shape = [1] * table.ndim
            shape[indices.index(index)] = -1
            counters = np.arange(index.lo.constant, index.hi.constant + 1)
            at = at + coefficient.constant * counters.reshape(shape)
        if constant is None:
            return 0
        if not table.size:
            return -1
        return -1 if (table < at + constant).all() else 1 if (table > at + constant).all() else 0

    @staticmethod
    def _part(table: np.ndarray, axis: Axis, sub: Expr) -> np.ndarray | None:
        """The first axis of a table at a subscript, moved to the end, or dropped."""
        first = axis.lo.constant
        if first is None:
            return None
        if type(sub) is Const:
            place = sub.value - first
            return table[place] if 0 <= place < len(table) else None
        if type(sub) is not IndexValue:
            return None
        lo, hi = sub.index.lo.constant, sub.index.hi.constant
        if lo is None or hi is None or lo < first or hi - first >= len(table):
            return None
        return np.moveaxis(table[lo - first : hi + 1 - first], 0, -1)


def requirement(subscript: Expr, own: Expr, context: Context, forward: bool, message: str,
                place) -> Requirement:
    """That an element is read where it is computed at an earlier step."""
    claim: Expr = Apply("lt", (subscript, own) if forward else (own, subscript))
    condition = context.condition()
    if condition is not None:
        claim = Apply("if", (condition, claim, Const(1)))
    return Requirement(context.indices, claim, message, 2, place)
