"""Reductions in NumPy: one short function each, over arrays with one axis a dimension.

What is reduced is in full along the reduced axes, and so is the condition, a mask or None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hvm_vm.engines.reference_lanes import true
from hvm_vm.engines.reference_whole import add_up
from hvm_vm.errors import InputError

if TYPE_CHECKING:
    from hvm_vm.engines.reference import Run


def reduction(run: Run) -> None:
    """`D[p] = op[r | condition](body)`: length 1 along the reduced dimensions."""
    one, along = run.one, run.dims("r")
    if 0 in [one.extents[d] for d in along]:
        run.finish(_of_nothing(run), 2)
        return
    condition = run.condition(1)
    body = run.expression(0)
    shape = body.shape
    if condition is not None:
        shape = np.broadcast_shapes(shape, condition.shape)
        condition = run.full(np.broadcast_to(condition, shape), along)
    body = run.full(np.broadcast_to(body, shape), along)
    if condition is not None and one.op not in EMPTY:
        _refuse_empty(run, condition.any(axis=along, keepdims=True))
    run.finish(REDUCTIONS[one.op](run, body, condition, along), 2)


EMPTY = {"sum": 0, "prod": 1}  # other reductions of nothing are errors


def _of_nothing(run: Run) -> np.ndarray:
    """The value of a reduction whose range is empty."""
    free = [run.one.extents[d] if run.one.roles[d] == "o" else 1 for d in range(run.lanes.rank)]
    if run.one.op not in EMPTY:
        _refuse_empty(run, np.zeros(free, bool))
        return np.zeros(free, run.precision)
    return np.full((1,) * run.lanes.rank, EMPTY[run.one.op], run.precision)


def _refuse_empty(run: Run, some: np.ndarray) -> None:
    if not some.all():
        point = tuple(np.argwhere(~some)[0])
        at = run.lanes.at(point, _free_shape(run, some.shape))
        raise InputError(run.lanes.located(
            f"the {run.one.op} of nothing has no value: there is no element to take it over{at}"))


def _free_shape(run: Run, shape):
    """Reduced dimensions are not part of a message's point."""
    return [-1 if run.one.roles[d] == "r" else n for d, n in enumerate(shape)]


def _sum(run, body, condition, along):
    if condition is not None:
        body = np.where(condition, body, body.dtype.type(0))
    return add_up(body, along)


def _prod(run, body, condition, along):
    if condition is not None:
        body = np.where(condition, body, body.dtype.type(1))
    return body.prod(axis=along, keepdims=True, dtype=body.dtype)


def _extreme(function, worst):
    def reduce(run, body, condition, along):
        if condition is not None:
            # A NaN inside stays, one outside does not count.
            body = np.where(condition, body, _worst(body.dtype, worst))
        return function(body, axis=along, keepdims=True)

    return reduce


def _worst(dtype: np.dtype, sign: int):
    if dtype.kind == "f":
        return dtype.type(sign * np.inf)
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min


def _mean(run, body, condition, along):
    count = np.ones((1,) * body.ndim, np.int64)
    if condition is None:
        for d in along:
            count = count * body.shape[d]
    else:
        count = condition.sum(axis=along, keepdims=True)
    return _sum(run, body, condition, along) / count.astype(run.precision)


def _any(run, body, condition, along):
    mask = true(body) if condition is None else true(body) & condition
    return mask.any(axis=along, keepdims=True).astype(run.precision)


def _all(run, body, condition, along):
    mask = true(body) if condition is None else true(body) | ~condition
    return mask.all(axis=along, keepdims=True).astype(run.precision)


def _arg(function, worst):
    def reduce(run, body, condition, along):
        (axis,) = along
        if condition is not None:
            masked = np.where(condition, body, _worst(body.dtype, worst))
            found = function(masked, axis=axis, keepdims=True)
            # When all inside are as bad as the filler, the first inside.
            found = np.where(np.take_along_axis(condition, found, axis), found,
                             np.argmax(condition, axis=axis, keepdims=True))
        else:
            found = function(body, axis=axis, keepdims=True)
        return found + run.one.los[axis]

    return reduce


REDUCTIONS = {
    "sum": _sum, "prod": _prod, "mean": _mean, "any": _any, "all": _all,
    "max": _extreme(np.max, -1), "min": _extreme(np.min, 1),
    "argmax": _arg(np.argmax, -1), "argmin": _arg(np.argmin, 1),
}  # fmt: skip
