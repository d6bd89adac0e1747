"""Relations of one form whose subscripts follow no rule: networks, looked up in tables.

    q4 = c4*(h7 - h2)           k1[e] = [7, 3, ...]; k2[e] = [2, 9, ...]
    q5 = c5*(h3 - h9)           q[e] = c[e]*(h[k1[e]] - h[k2[e]])

Each number that no affine rule gives becomes an element of a table of whole numbers. Relations that
must be solved, and those of scalars that depend on each other, may stand in any order; then their
left sides are looked up, too.
"""

from __future__ import annotations

import numpy as np

from .fit import Rule, fit
from .implicit import EQUATION, LEAST, is_equation
from .pieces import Piece, singles
from .ragged import Form, forms
from .regions import hull, missing
from .skeleton import Block, Chain, Lit, Op, Ref, columns, joined, renumbered

FEWEST = 32  # relations that are worth tables


def look_up(found: list[Piece], lone: list[Piece], blocks: list[Block], is_cyclic):
    """Pieces and single relations, those of tables in place of relations of one form of which most
    are single; and the arrays whose relations are equations there."""
    alone = {n for p in lone for n in p.block.statements.tolist()}
    groups: dict = {}
    for block in blocks:
        if block.left.columns:
            block = block.compact()
            groups.setdefault(block.key(), []).append(block)
    many = [b for b in map(joined, groups.values())
            if 2 * len(alone.intersection(b.statements.tolist())) > len(b.statements)]
    new = tabled(many, is_cyclic)
    done = {n for p in new for n in p.block.statements.tolist()}
    kept = []
    for piece in found:
        rest = [k for k, n in enumerate(piece.block.statements.tolist()) if n not in done]
        if len(rest) == len(piece.block.statements):
            kept.append(piece)
        else:
            lone = lone + singles(piece.block.take(rest))
    lone = [p for p in lone if not done.issuperset(p.block.statements.tolist())]
    scattered = {b.left.head for p in new if is_equation(p.block) for b in p.blocks
                 if not is_equation(b)}
    return kept + new, lone, scattered


def tabled(blocks: list[Block], is_cyclic) -> list[Piece]:
    """Pieces of the relations of blocks, as far as they are many of one form. `is_cyclic(blocks)`:
    whether the scalars that relations determine depend on themselves; then they are solved
    together, and may be equations in any order."""
    found = []
    for form in forms(blocks):
        piece = _tabled(form, is_cyclic)
        if piece is not None:
            found.append(piece)
    return found if any(len(p.block.rows) >= FEWEST for p in found) else []


def _tabled(form: Form, is_cyclic) -> Piece | None:
    axes = len(form.left.columns)
    left = form.rows[:, :axes]
    equation = form.left.head.startswith(EQUATION)
    if not equation:
        region = hull(left)
        absent = missing(region, left)
        if set(region.step) <= {1} and not region.bounds and absent is not None and (
                not len(absent)):
            return _piece(form, np.lexsort(left.T[::-1])) if axes else None
        if len(form.rows) < LEAST or not is_cyclic(form.blocks):
            return None
    elif len(form.rows) < LEAST:
        return None
    return _piece(*_numbered(form, equation))


def _numbered(form: Form, equation: bool) -> tuple[Form, np.ndarray]:
    """A form as equations that are numbered in their new order, and that order."""
    rows, right = form.rows, form.right
    if not equation:
        right = Op(EQUATION, (Chain("sum", (form.left, right), (False, True), True), Lit("0")))
    ragged = set(form.wide)
    plain = [c for c in columns(right) if c not in ragged]
    telling = [c for c in plain if len(np.unique(rows[:, c])) == len(rows)]
    telling.sort(key=lambda c: np.ptp(rows[:, c]))
    by = [*telling[:1], *plain, *range(rows.shape[1])]
    order = np.lexsort([rows[:, c] for c in reversed(by)])
    number = np.empty(len(rows), np.int64)
    number[order] = np.arange(1, len(rows) + 1)
    moved = Form(
        Ref(f"{EQUATION}|1", (0,)), renumbered(right, iter([c + 1 for c in columns(right)])),
        np.column_stack([number, rows]), form.statements, form.blocks,
        {c + 1: wide for c, wide in form.wide.items()})
    return moved, order


def _piece(form: Form, order: np.ndarray) -> Piece:
    """The piece of a form whose relations, in `order`, are a whole region."""
    axes = len(form.left.columns)
    named = columns(form.right)
    counter = iter(range(axes, axes + len(named)))
    right = renumbered(form.right, counter)
    rows = form.rows[order]
    left, numbers = rows[:, list(form.left.columns)], rows[:, named]
    rule = fit(left, numbers)
    off = (rule.predicted(left) != numbers).any(axis=0)
    off |= np.array([c in form.wide for c in named], bool)
    coefficients, offsets = rule.coefficients.copy(), rule.offsets.copy()
    coefficients[off], offsets[off] = 0, 0
    region = hull(left)
    tables = {}
    for k in np.flatnonzero(off).tolist():
        wide = form.wide.get(named[k])
        values = numbers[:, k] if wide is None else wide[order]
        tables[k] = values.reshape(*region.shape, *values.shape[1:])
    rule = Rule(coefficients, offsets, np.ones(len(left), bool), rule.origin, rule.step)
    block = Block(Ref(form.left.head, tuple(range(axes))), right,
                  np.column_stack([left, numbers]), form.statements[order])
    return Piece(block, region, rule, np.zeros((0, axes), np.int64), tables, form.blocks)
