"""Seeing a contraction as matrix products: which dimensions are rows, columns, summed, a batch.

`plan` classifies the dimensions by which operands vary along them, merges each class into one where
the strides allow, and decides what is read in place and what is packed into scratch memory first.
Nothing here knows addresses or kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, prod

from hvm_vm.engines.jit.lane_program import Leaf
from hvm_vm.engines.jit.spaces import Group, merge, points

CALL = 200  # elements that are copied in the time of a call of BLAS


@dataclass(frozen=True, slots=True)
class Matrix:
    """An operand as a matrix (rows, columns) within a batch: strides in elements. `packed` lists
    the dimensions of the copy that it needs, slowest first, or is None when it is read in
    place."""

    row: int
    column: int
    packed: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """C[m, n] = sum[k](A[m, k]*B[k, n]) for every point of `batch`; dimensions of the
    instruction."""

    batch: tuple[int, ...]
    m: tuple[int, ...]
    n: tuple[int, ...]
    k: tuple[int, ...]
    a: Matrix          # rows m, columns k
    b: Matrix          # rows k, columns n
    c: Matrix          # rows m, columns n; packed: computed in scratch memory, then copied


def plan(extents: Sequence[int], roles: str, a: Leaf, b: Leaf, c: Leaf,
         size: int) -> Product | None:
    """The product that computes a contraction, or None when its form is not a matrix product (a
    summed dimension that only one operand has, a result that does not vary)."""
    batch, m, n, k = [], [], [], []
    for d, role in enumerate(roles):
        if extents[d] == 1:
            continue
        in_a, in_b = bool(a.strides[d]), bool(b.strides[d])
        if role == "r":
            if not (in_a and in_b):
                return None
            k.append(d)
        elif in_a or in_b:
            (batch if in_a and in_b else m if in_a else n).append(d)
        else:
            return None
    if not k:
        return None
    m.sort(key=lambda d: -abs(c.strides[d]))
    n.sort(key=lambda d: -abs(c.strides[d]))
    best = None
    orders = {tuple(sorted(k, key=lambda d: -abs(x.strides[d]))) for x in (a, b)}
    for (rows, a_out), (columns, b_out), order in product(
            _merged(extents, m, a, c), _merged(extents, n, b, c), sorted(orders)):
        outer = [*batch, *a_out, *b_out]
        made = Product(tuple(outer), tuple(rows), tuple(columns), order,
                       matrix(extents, outer, rows, order, a, size),
                       matrix(extents, outer, order, columns, b, size),
                       matrix(extents, outer, rows, columns, c, size))
        cost = CALL * prod(extents[d] for d in outer) + sum(
            prod(extents[d] for d in x.packed)
            for x in (made.a, made.b, made.c) if x.packed is not None)
        if best is None or cost < best[0]:
            best = cost, made
    return best[1]


def _merged(extents, dims: list[int], operand: Leaf,
            result: Leaf) -> list[tuple[list[int], list[int]]]:
    """Ways to choose the dimensions that are one stride together in the result, each with the
    others, which go round the outside: those that merge in the operand, too, or only in the
    result (the operand is then packed)."""
    ways = []
    for leaves in ([operand, result], [result]):
        run = _run(extents, dims, leaves) if len(dims) > 1 else dims
        if run not in [way for way, _ in ways]:
            ways.append((run, [d for d in dims if d not in run]))
    return ways


def _run(extents, dims: list[int], leaves: list[Leaf]) -> list[int]:
    """The longest stretch, by points, of neighbouring dimensions that merge in all leaves."""
    runs: list[list[int]] = [[dims[0]]]
    for d in dims[1:]:
        if len(merge(extents, [*runs[-1], d], leaves)) == 1:
            runs[-1].append(d)
        else:
            runs.append([d])
    return max(runs, key=lambda run: (points([Group(extents[d], d) for d in run]),
                                      -abs(leaves[0].strides[run[-1]])))


def matrix(extents, batch, rows, columns, leaf: Leaf, size: int) -> Matrix:
    """An operand as a matrix, read in place if BLAS can, else as the copy that it needs."""
    row, column = _stride(extents, rows, leaf, size), _stride(extents, columns, leaf, size)
    counts = [points([Group(extents[d], d) for d in dims]) for dims in (rows, columns)]
    if row is not None and column is not None:
        if counts[0] == 1:
            row = max(counts[1], 1) if column == 1 or counts[1] == 1 else 1
        if counts[1] == 1:
            column = 1 if row != 1 or counts[0] == 1 else max(counts[0], 1)
        if (column == 1 and row >= counts[1]) or (row == 1 and column >= counts[0]):
            return Matrix(row, column)
    kept = [d for d in batch if leaf.strides[d]]
    if _copying(extents, rows, leaf, size) < _copying(extents, columns, leaf, size):
        return Matrix(1, max(counts[0], 1), (*kept, *columns, *rows))
    return Matrix(max(counts[1], 1), 1, (*kept, *rows, *columns))


def _copying(extents, dims, leaf: Leaf, size: int) -> float:
    """About the nanoseconds an element to copy with the last of `dims` innermost."""
    inner = [d for d in dims if extents[d] != 1]
    if not inner:
        return inf
    return 10 / extents[inner[-1]] + (0.3 if leaf.strides[inner[-1]] == size else 1.0)


def _stride(extents, dims, leaf: Leaf, size: int) -> int | None:
    """The stride in elements of dimensions that merge into one, or None. 0 for a single point."""
    groups = merge(extents, dims, [leaf])
    if not groups:
        return 0
    stride = groups[0].stride(leaf)
    return stride // size if len(groups) == 1 and stride > 0 and stride % size == 0 else None
