"""Skeletons: what the statements of one shape have in common, with columns for their numbers.

A block is a set of relations that share two skeletons (left and right side). Where they differ,
the skeleton names a column of the block's integer matrix, which has a row for each relation.

    q1_1 = W11*x1_1 + W12*x1_2        Ref("q", 0, 1) = Chain(sum: W[2,3]*x[4,5], W[6,7]*x[8,9])
    after rolling                     Ref("q", 0, 1) = Run(sum of 8: W[2,3]*x[4,5], steps 0 1 0 1)

Two blocks are of one kind when the keys of their skeletons are equal: keys know everything but the
column numbers, which always follow the order of `columns`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Ref:
    """An element of an array: `columns` hold its subscripts. Without columns, a scalar."""

    head: str
    columns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Lit:
    """A number as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Num:
    """A whole number that differs between relations: it stands in a column."""

    column: int


@dataclass(frozen=True, slots=True)
class Op:
    """Anything but a chain: `kind` is a call's function, "^", "neg", "not", "and", "or", or the
    operators of a comparison."""

    kind: str
    args: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """`op` is sum, prod, max or min. Part k is subtracted (or divides) where `flags[k]`. `done`:
    nothing in it can be rolled any further."""

    op: str
    parts: tuple[Tree, ...]
    flags: tuple[bool, ...]
    done: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """`op` over `count` (a column) terms. The columns of `body` hold the numbers of the first term;
    from one term to the next they advance by `steps` (in the order of `columns(body)`)."""

    op: str
    body: Tree
    steps: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Dots:
    """`...` among the parts of a chain."""


Tree = Ref | Lit | Num | Op | Chain | Run | Dots


@dataclass
class Block:
    """Relations `left = right`, one for each row of `rows` (int64[relations, columns]).
    `statements[k]` is the number of row k's statement."""

    left: Ref
    right: Tree
    rows: np.ndarray
    statements: np.ndarray

    def key(self):
        return key(self.left), key(self.right)

    def take(self, which) -> Block:
        return Block(self.left, self.right, self.rows[which], self.statements[which])

    def compact(self) -> Block:
        """The same with columns in the order of `columns`, without those that nothing names."""
        # A column that is named twice is doubled, so that keys tell all.
        kept = [*columns(self.left), *columns(self.right)]
        counter = iter(range(len(kept)))
        left = renumbered(self.left, counter)
        right = renumbered(self.right, counter)
        rows = self.rows
        if kept != list(range(rows.shape[1])):
            rows = rows[:, kept]
        return Block(left, right, rows, self.statements)


def joined(parts: list[Block]) -> Block:
    """Blocks of one kind as one."""
    if len(parts) == 1:
        return parts[0]
    return Block(parts[0].left, parts[0].right, np.concatenate([p.rows for p in parts]),
                 np.concatenate([p.statements for p in parts]))


def columns(tree: Tree) -> list[int]:
    """The columns that a skeleton names, in the order of the skeleton."""
    found: list[int] = []
    _columns(tree, found)
    return found


def _columns(tree: Tree, found: list[int]) -> None:
    match tree:
        case Ref():
            found.extend(tree.columns)
        case Num():
            found.append(tree.column)
        case Op():
            for arg in tree.args:
                _columns(arg, found)
        case Chain():
            for part in tree.parts:
                _columns(part, found)
        case Run():
            _columns(tree.body, found)
            found.append(tree.count)


def renumbered(tree: Tree, counter) -> Tree:
    """The skeleton with the numbers of `counter` for its columns, in order."""
    match tree:
        case Ref():
            return Ref(tree.head, tuple(next(counter) for _ in tree.columns))
        case Num():
            return Num(next(counter))
        case Op():
            return Op(tree.kind, tuple([renumbered(a, counter) for a in tree.args]))
        case Chain():
            parts = tuple([renumbered(p, counter) for p in tree.parts])
            return Chain(tree.op, parts, tree.flags, tree.done)
        case Run():
            body = renumbered(tree.body, counter)
            return Run(tree.op, body, tree.steps, next(counter))
    return tree


def key(tree: Tree):
    """What makes two skeletons the same kind. Keys compare and sort."""
    match tree:
        case Ref():
            return ("ref", tree.head, len(tree.columns))
        case Lit():
            return ("lit", tree.text)
        case Num():
            return ("num",)
        case Op():
            return ("op", tree.kind, *[key(a) for a in tree.args])
        case Chain():
            parts = [(f, key(p)) for f, p in zip(tree.flags, tree.parts, strict=True)]
            return ("chain", tree.op, *parts)
        case Run():
            return ("run", tree.op, tree.steps, key(tree.body))
    return ("dots",)


def refs(tree: Tree):
    """Every reference in a skeleton."""
    match tree:
        case Ref():
            yield tree
        case Op():
            for arg in tree.args:
                yield from refs(arg)
        case Chain():
            for part in tree.parts:
                yield from refs(part)
        case Run():
            yield from refs(tree.body)
