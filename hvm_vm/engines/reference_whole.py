"""Whole operations in NumPy: contraction, softmax and norms, as equations over whole arrays.

Operands are arrays with one axis for each dimension of the space, of length 1 where they do not
vary (see `reference_lanes`). Each function is its equation in `bytecode/isa.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np


def product_sum(a: np.ndarray, b: np.ndarray, extents: Sequence[int], reduced: Sequence[int],
                condition: np.ndarray | None = None) -> np.ndarray:
    """`sum[reduced | condition](a*b)`, with length 1 along the reduced axes; `condition` is a mask.

    Zeros in `a` leave points out as long as `b` is finite there: 0*inf and 0*NaN are NaN. Where
    that may have happened, the sum is worked out term by term."""
    if condition is None:
        return _matrix_product(a, b, extents, reduced)
    zero = a.dtype.type(0)
    if a.size > b.size:  # mask the one that grows less
        a, b = b, a
    product = _matrix_product(np.where(condition, a, zero), b, extents, reduced)
    if np.isfinite(product).all():
        return product
    dims = range(len(extents))
    terms = np.where(condition, a * b, zero)
    terms = np.broadcast_to(terms, [extents[d] if d in reduced else terms.shape[d] for d in dims])
    return add_up(terms, reduced)


def _matrix_product(a: np.ndarray, b: np.ndarray, extents: Sequence[int],
                    reduced: Sequence[int]) -> np.ndarray:
    """`sum[reduced](a*b)`, with length 1 along the reduced axes: one batched matrix product.

    Axes of both operands are the batch, those of one its rows or columns; a reduced axis that only
    one operand has is summed beforehand, one that neither has repeats the same term.
    """
    dims = range(len(extents))
    free = [d for d in dims if d not in reduced]
    shape = [1 if d in reduced else b.shape[d] if a.shape[d] == 1 else a.shape[d] for d in dims]
    if any(extents[d] == 0 for d in reduced):
        return np.zeros(shape, a.dtype)

    in_a = [a.shape[d] != 1 for d in dims]
    in_b = [b.shape[d] != 1 for d in dims]
    repeats = prod(extents[d] for d in reduced if not in_a[d] and not in_b[d])
    a = add_up(a, [d for d in reduced if in_a[d] and not in_b[d]])
    b = add_up(b, [d for d in reduced if in_b[d] and not in_a[d]])

    summed = [d for d in reduced if in_a[d] and in_b[d]]
    batch = [d for d in free if in_a[d] and in_b[d]]
    rows = [d for d in free if in_a[d] and not in_b[d]]
    columns = [d for d in free if in_b[d] and not in_a[d]]
    product = np.matmul(_matrices(a, batch, rows, summed), _matrices(b, batch, summed, columns))

    order = batch + rows + columns
    order += [d for d in dims if d not in order]
    product = product.reshape([shape[d] for d in order]).transpose(np.argsort(order))
    return product * product.dtype.type(repeats) if repeats != 1 else product


def _matrices(x: np.ndarray, *groups: Sequence[int]) -> np.ndarray:
    """`x` with its axes in three groups, each flattened to one axis; other axes have length 1."""
    sizes = [prod(x.shape[d] for d in group) for group in groups]
    order = [d for group in groups for d in group]
    order += [d for d in range(x.ndim) if d not in order]
    return x.transpose(order).reshape(sizes)


def add_up(x: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """The sum along `axes`, which keep length 1. The terms are laid side by side first: then NumPy
    adds them pairwise, and float32 sums of a million terms keep their digits."""
    if not axes:
        return x
    others = [d for d in range(x.ndim) if d not in axes]
    count = prod(x.shape[d] for d in axes)
    rows = x.transpose([*others, *axes]).reshape([x.shape[d] for d in others] + [count])
    total = np.ascontiguousarray(rows).sum(axis=-1, dtype=x.dtype)
    return total.reshape([1 if d in axes else x.shape[d] for d in range(x.ndim)])


def softmax(score: np.ndarray, weight, condition, along: Sequence[int]) -> np.ndarray:
    """`w*exp(s - m)/sum(w*exp(s - m))` along axes that `score` has in full, `m = max(s)`.

    `weight` and `condition` (a mask) are None when absent. Points outside are 0; points of weight 0
    do not count for the maximum. With all weights 0 the result is NaN.
    """
    along = tuple(along)
    counted = condition
    if weight is not None:
        counted = weight != 0 if condition is None else condition & (weight != 0)
    if counted is None:
        top = np.max(score, axis=along, keepdims=True, initial=-np.inf)
        e = np.exp(score - top)
    else:
        top = np.max(score, axis=along, keepdims=True, initial=-np.inf,
                     where=np.broadcast_to(counted, score.shape))
        e = np.where(counted, np.exp(score - top), score.dtype.type(0))
    if weight is not None:
        e = np.where(counted, weight * e, score.dtype.type(0))
    # Beside an infinite score every other one is 0; itself it is inf/inf.
    total = np.where(top == np.inf, top, add_up(e, along))
    result = e / total
    return result if condition is None else np.where(condition, result, score.dtype.type(0))


def layer_norm(x: np.ndarray, epsilon: np.ndarray, along: Sequence[int]) -> np.ndarray:
    """`(x - mean(x))/sqrt(mean((x - mean(x))^2) + epsilon)` along axes that `x` has in full."""
    count = x.dtype.type(prod(x.shape[d] for d in along))
    centred = x - add_up(x, along) / count
    variance = add_up(centred * centred, along) / count
    return centred / np.sqrt(variance + epsilon)


def rms_norm(x: np.ndarray, epsilon: np.ndarray, along: Sequence[int]) -> np.ndarray:
    """`x/sqrt(mean(x^2) + epsilon)` along axes that `x` has in full."""
    count = x.dtype.type(prod(x.shape[d] for d in along))
    return x / np.sqrt(add_up(x * x, along) / count + epsilon)
