"""Pieces: the relations of a block that one indexed relation says.

A piece is a rule (`fit`) together with the region of subscripts where it holds (`regions`). The
relations of a block that follow no common rule are tried again without those that do; what is left
over at the end are single relations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .fit import Rule, fit
from .regions import Region, hull, missing, parted
from .skeleton import Block, Chain, Op, Run, Tree, columns, key

MOST_ROUNDS = 8
MOST_HOLES = 16       # points of a region that other relations determine
MOST_EXCEPTIONS = 4  # points of a region that do not exist


@dataclass
class Piece:
    """`block.left = block.right` for all of `region`, by `rule` (over the columns of the right).
    `holes`: points of the region that other relations determine, int64[points, axes]. `tables`: of
    columns of the right that follow no rule, the numbers, int64 of the region's shape (with an axis
    for the terms, in a run). `sources`: what the relations of such a piece were."""

    block: Block
    region: Region
    rule: Rule
    holes: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    tables: dict[int, np.ndarray] = field(default_factory=dict)
    sources: list[Block] = field(default_factory=list)

    @property
    def blocks(self) -> list[Block]:
        """The relations, their numbers as rows."""
        return self.sources or [self.block]

    @property
    def head(self) -> str:
        return self.block.left.head

    @property
    def fixed(self) -> int:
        """How many subscripts are constant: in a clash, the relation with more of them wins."""
        return sum(a == b for a, b in zip(self.region.lo, self.region.hi, strict=True))


def pieces(block: Block, fillable) -> tuple[list[Piece], Block]:
    """The pieces of a block, and the relations left over.
    `fillable(head, points)`: which of these elements exist, so that others determine them."""
    found: list[Piece] = []
    axes = len(block.left.columns)
    swaps = _swaps(block.right)
    for _ in range(MOST_ROUNDS):
        if len(block.rows) < 2 or not axes:
            break
        left, numbers = block.rows[:, :axes], block.rows[:, axes:]
        rule = fit(left, numbers)
        if swaps and not rule.follows.all():
            rule, block = _swapped(block, axes, rule, swaps)
        follows = rule.follows
        if follows.sum() < 2:
            break
        part = block.take(follows)
        new = _regions(part, axes, rule, fillable)
        if new is None:
            break
        found += new
        block = block.take(~follows)
    return found, block


def _regions(part: Block, axes: int, rule: Rule, fillable) -> list[Piece] | None:
    """The relations that follow a rule, cut into regions."""
    left = part.rows[:, :axes]
    region = hull(left)
    absent = missing(region, left)
    if absent is not None and not len(absent):
        return [Piece(part, region, rule, absent)]
    if absent is not None and len(absent) <= MOST_HOLES and len(absent) < len(left):
        there = fillable(part.left.head, absent)
        nowhere = absent[~there]
        if len(nowhere) <= MOST_EXCEPTIONS:
            region = replace(region, without=tuple(map(tuple, nowhere.tolist())))
            return [Piece(part, region, rule, absent[there])]
    cut = parted(left)
    if cut is None:
        return None
    return [Piece(part.take(rows), hull(left[rows]), rule) for rows in cut]


def singles(block: Block) -> list[Piece]:
    """Each relation of a block, as a piece with constant subscripts."""
    axes = len(block.left.columns)
    constant = np.zeros((block.rows.shape[1] - axes, axes), np.int64)
    holds, none, step = np.ones(1, bool), np.zeros((0, axes), np.int64), (1,) * axes
    found = []
    for row, point in enumerate(map(tuple, block.rows[:, :axes].tolist())):
        one = block.take(slice(row, row + 1))
        rule = Rule(constant, one.rows[0, axes:], holds)
        found.append(Piece(one, Region(point, point, step), rule, none))
    return found


# --- parts of one kind that stand in either order ------------------------------------------------


def _swaps(tree: Tree) -> list[tuple[list[int], list[int]]]:
    """Pairs of factors or terms of one kind: x1_1*x2_1 may be written x2_1*x1_1."""
    found = []
    match tree:
        case Op():
            for arg in tree.args:
                found += _swaps(arg)
        case Run():
            # Exchanged factors must advance alike.
            step = dict(zip(columns(tree.body), tree.steps, strict=True))
            found += [(a, b) for a, b in _swaps(tree.body)
                      if [step[c] for c in a] == [step[c] for c in b]]
        case Chain():
            kinds: dict = {}
            for part, flag in zip(tree.parts, tree.flags, strict=True):
                kinds.setdefault((flag, key(part)), []).append(columns(part))
                found += _swaps(part)
            found += [(a, b) for a, b, *_ in (k for k in kinds.values() if len(k) == 2) if a]
    return found


def _swapped(block: Block, axes: int, rule: Rule, swaps) -> tuple[Rule, Block]:
    """A better rule, and the block with parts exchanged where the rule wants them so."""
    left = block.rows[:, :axes]
    trials = [rule]
    for a in range(axes):
        for b in range(axes):
            half = left[:, a] < left[:, b]
            if a != b and half.sum() >= 3:
                trials.append(fit(left[half], block.rows[half][:, axes:]))
    best = rule, block
    for trial in trials:
        rows = block.rows.copy()
        wanted = trial.predicted(left)
        good = (rows[:, axes:] == wanted).all(axis=1)
        for first, second in swaps:
            turned = rows[~good].copy()
            turned[:, first + second] = turned[:, second + first]
            rows[~good] = turned
            good = (rows[:, axes:] == wanted).all(axis=1)
        if good.sum() > best[0].follows.sum():
            rows[~good] = block.rows[~good]
            best = (Rule(trial.coefficients, trial.offsets, good, trial.origin, trial.step),
                    Block(block.left, block.right, rows, block.statements))
    return best
