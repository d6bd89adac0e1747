"""Recurrences: arrays that depend on themselves step by step, each step element by element.

    s_2 = s_1 + a_2                                  forward along the only subscript
    u_2_5 = u_1_5 + r*(u_1_4 - 2*u_1_5 + u_1_6)      along the first, for all of the second at once

What is found here is what `relations.recurrences` and `lowering.scan` compute in one instruction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hvm_vm.relations.order import components

from .pieces import Piece
from .skeleton import Block, Chain, Op, Ref, Run, Tree, columns, refs

MOST_TERMS = 16  # of a sum over the arrays themselves


class _Read(NamedTuple):
    """A reference to an array of the group by a piece: the subscripts of all its relations."""

    piece: Piece
    head: str
    own: np.ndarray
    there: np.ndarray

    def lag(self, axis: int) -> np.ndarray:
        return self.own[:, axis] - self.there[:, axis]


def steps_walked(found: list[Piece], lone: list[Piece], group: set[str]) -> int:
    """How many steps there are along the slowest axis if the arrays `group`, which depend on each
    other, are a recurrence of one space whose steps are elementwise; else 0."""
    reads: list[_Read] = []
    for piece in (*found, *lone):
        if piece.head not in group:
            continue
        for read in _reads(piece, group):
            if read is None:
                return 0
            reads.append(read)
    if not reads or len({r.own.shape[1] for r in reads} | {r.there.shape[1] for r in reads}) != 1:
        return 0
    walks: list[int] = []
    level = reads
    while level:
        axis = next((a for a in range(reads[0].own.shape[1])
                     if a not in walks and _steps(level, a)), None)
        if axis is None:
            break
        walks.append(axis)
        level = [r for r in level if not r.lag(axis).any()]
    if not walks or any(r.lag(axis).any() for r in level for axis in range(r.own.shape[1])):
        return 0
    if not (_one_space(reads, walks) and _acyclic(level, group)):
        return 0
    return len(np.unique(np.concatenate([r.own[:, walks[0]] for r in reads])))


def _steps(reads: list[_Read], axis: int) -> bool:
    """Whether along an axis all reads are level or go one way, by a fixed distance or from a fixed
    place, and some are not level."""
    signs: set[int] = set()
    for read in reads:
        lag = read.lag(axis)
        if read.piece.tables and read.own.shape[1] == 1:
            if not lag.all():
                return False
        elif (lag != lag[0]).any() and (read.there[:, axis] != read.there[0, axis]).any():
            return False
        signs |= set(np.sign(lag).tolist())
        if 0 in signs and lag.any() and not lag.all():
            return False
    signs.discard(0)
    return len(signs) == 1


def _one_space(reads: list[_Read], walks: list[int]) -> bool:
    """Whether all relations that take part have one space, but for when the steps of the slowest
    walk begin and end. (A single relation of an array of one axis is a step.)"""
    spaces = {
        tuple((lo, hi) for axis, (lo, hi) in enumerate(zip(region.lo, region.hi, strict=True))
              if axis != walks[0])
        for region in (r.piece.region for r in reads)}
    return len(spaces) == 1 and all(_is_plain(r.piece) for r in reads)


def _is_plain(piece: Piece) -> bool:
    """Whether a region is a box, or steps of which other relations determine a few."""
    region = piece.region
    return set(region.step) == {1} and not region.bounds and not region.without and (
        not len(piece.holes) or len(region.lo) == 1)


def _acyclic(level: list[_Read], group: set[str]) -> bool:
    """Whether no element of a step depends on itself."""
    after: dict[str, list[str]] = {h: [] for h in group}
    for read in level:
        after[read.piece.head].append(read.head)
    return all(len(c) == 1 and c[0] not in after[c[0]]
               for c in components(list(after), lambda h: tuple(after[h])))


def _reads(piece: Piece, group: set[str]) -> Iterator[_Read | None]:
    """The references of a piece to arrays of the group; None where they are in a sum that is too
    long, or not of one length."""
    for block in piece.blocks:
        own = block.rows[:, list(block.left.columns)]
        for found in _references(block, block.right, block.rows, group):
            yield None if found is None else _Read(piece, found[0], own, found[1])


def _references(block: Block, tree: Tree, rows: np.ndarray, group: set[str]):
    match tree:
        case Ref() if tree.head in group:
            yield tree.head, rows[:, list(tree.columns)]
        case Op():
            for arg in tree.args:
                yield from _references(block, arg, rows, group)
        case Chain():
            for part in tree.parts:
                yield from _references(block, part, rows, group)
        case Run():
            count = rows[:, tree.count]
            inside = list(_references(block, tree.body, rows, group))
            if inside and (count.max() > MOST_TERMS or (count != count[0]).any()):
                yield None
                return
            stepping = [c for c, s in zip(columns(tree.body), tree.steps, strict=True) if s]
            if inside and len(rows) > 1 and _whole_rows(tree.body, rows, stepping, group):
                yield None
                return
            for k in range(int(count[0]) if inside else 0):
                moved = rows.copy()
                for column, step in zip(columns(tree.body), tree.steps, strict=True):
                    moved[:, column] += step * k
                yield from _references(block, tree.body, moved, group)


def _whole_rows(body: Tree, rows: np.ndarray, stepping: list[int], group: set[str]) -> bool:
    """Whether a run goes over the same elements of the group in all relations, as in a product of a
    matrix and a vector, and not over those around each."""
    return any((rows[:, c] == rows[0, c]).all() for ref in refs(body) if ref.head in group
               for c in ref.columns if c in stepping)
