"""Relations of one form whose subscripts follow no rule: networks, looked up in tables.

    q4 = c4*(h7 - h2)           from[e] = [7, 3, ...]; to[e] = [2, 9, ...]
    q5 = c5*(h3 - h9)           q[e] = c[e]*(h[from[e]] - h[to[e]])

Each number that no affine rule gives becomes an element of a table of whole numbers. Relations that
must be solved, and those of scalars that depend on each other, may stand in any order; then their
left sides are looked up, too.
"""

from __future__ import annotations

import numpy as np

from .fit import Rule, fit
from .implicit import EQUATION, equation, is_equation
from .pieces import Piece
from .regions import hull, missing
from .skeleton import Block, Ref, Tree, columns, renumbered

FEWEST = 32  # relations that are worth tables


def tabled(block: Block, solved) -> Piece | None:
    """The relations of a block as one piece; None where that does not work. `solved(block)`: whether
    the relations of scalars are solved together, and so may be equations in any order."""
    if len(block.rows) < FEWEST:
        return None
    block = block.compact()
    axes = len(block.left.columns)
    if not is_equation(block):
        region = hull(block.rows[:, :axes])
        absent = missing(region, block.rows[:, :axes])
        plain = set(region.step) <= {1} and not region.bounds
        if plain and absent is not None and not len(absent):
            return _piece(_sorted(block, list(range(axes))), axes)
        if not solved(block):
            return None
        block = Block(Ref(f"{EQUATION}|1", (0,)), equation(block.left, block.right), block.rows,
                      block.statements)
        first = 0
    else:
        block = Block(Ref(f"{EQUATION}|1", (0,)), block.right, block.rows[:, axes:],
                      block.statements)
        block.right = _moved(block.right, -axes)
        first = None
    block = _sorted(block, _telling(block.rows, first))
    count = np.arange(1, len(block.rows) + 1)
    right = _moved(block.right, 1)
    return _piece(Block(block.left, right, np.column_stack([count, block.rows]),
                        block.statements).compact(), 1)


def _telling(rows: np.ndarray, first: int | None) -> list[int]:
    """Columns to sort by: one that tells all relations apart, the densest, before all others."""
    every = list(range(rows.shape[1]))
    telling = [c for c in every if len(np.unique(rows[:, c])) == len(rows)]
    telling.sort(key=lambda c: (np.ptp(rows[:, c]), c != first))
    return [*telling[:1], *every]


def _sorted(block: Block, by: list[int]) -> Block:
    if not by:
        return block
    return block.take(np.lexsort([block.rows[:, c] for c in reversed(by)]))


def _moved(tree: Tree, by: int) -> Tree:
    """The skeleton with other column numbers."""
    return renumbered(tree, iter([c + by for c in columns(tree)]))


def _piece(block: Block, axes: int) -> Piece:
    left, numbers = block.rows[:, :axes], block.rows[:, axes:]
    rule = fit(left, numbers)
    off = (rule.predicted(left) != numbers).any(axis=0)
    coefficients, offsets = rule.coefficients.copy(), rule.offsets.copy()
    coefficients[off], offsets[off] = 0, 0
    region = hull(left)
    tables = {int(k): numbers[:, k].reshape(region.shape) for k in np.flatnonzero(off)}
    rule = Rule(coefficients, offsets, np.ones(len(left), bool), rule.origin, rule.step)
    return Piece(block, region, rule, np.zeros((0, axes), np.int64), tables)

