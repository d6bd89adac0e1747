"""Sums of unequal length as one form: the terms of one kind become a run over as many as there are.

    q1 + q4 - q7 = d2             sum[k | k <= n1[r]](q[k1[r,k]])
    q9 - q2 - q3 - q8 = d5            - sum[k | k <= n2[r]](q[k2[r,k]]) - d[r] = 0

Blocks are of one form when they differ in nothing but how many like terms their sums have. The
relations of equations are brought to one side, where terms may be missing altogether.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .implicit import EQUATION, is_equation
from .skeleton import Block, Chain, Lit, Num, Op, Ref, Run, Tree, columns, key, renumbered

FEW = 2          # like terms that all relations have are not a run
WIDEST = 8       # as many times the terms may a table have places


@dataclass
class Form:
    """Relations of one form: a skeleton over the columns of `rows`. `wide`: of columns in the body
    of a run, the numbers of every term, int64[relations, terms]."""

    left: Ref
    right: Tree
    rows: np.ndarray
    statements: np.ndarray
    blocks: list[Block]  # what the relations were
    wide: dict[int, np.ndarray] = field(default_factory=dict)


def forms(blocks: list[Block]) -> list[Form]:
    """The blocks, compact, gathered to forms."""
    groups: list[tuple[tuple, frozenset, list[tuple[Block, Tree]]]] = []
    spelled = [(b, _one_sided(b.right) if is_equation(b) else b.right) for b in blocks]
    spelled.sort(key=lambda s: -len(_kinds(s[1])))
    for block, tree in spelled:
        loose = is_equation(block)
        outer = block.left.head, len(block.left.columns), loose
        for own, kinds, members in groups:
            if own[0] != outer:
                continue
            fitting = [t for t in ((tree, _negative(tree)) if loose else (tree,))
                       if own[1] == _signature(t, loose) and _kinds(t) <= kinds]
            if fitting:
                members.append((block, fitting[0]))
                break
        else:
            groups.append(((outer, _signature(tree, loose)), _kinds(tree), [(block, tree)]))
    found = []
    for _, _, members in groups:
        members.sort(key=lambda m: len(columns(m[1])))
        while members:
            form = _Joiner([b for b, _ in members]).form([t for _, t in members])
            if form is not None:
                found.append(form)
                break
            members.pop()  # of the most terms: hubs stay as they are
    return found


# --- equations with all on one side --------------------------------------------------------------


def _one_sided(tree: Tree) -> Tree:
    """The two sides of an equation as one sum, which is 0."""
    parts: list[tuple[bool, Tree]] = []
    for side, away in zip(tree.args, (False, True), strict=True):
        if isinstance(side, Chain) and side.op == "sum":
            parts += [(f != away, p) for p, f in zip(side.parts, side.flags, strict=True)]
        elif not (isinstance(side, Lit) and float(side.text) == 0):
            parts.append((away, side))
    return _sum(parts)


def _negative(tree: Chain) -> Chain:
    return _sum([(not f, p) for p, f in zip(tree.parts, tree.flags, strict=True)])


def _sum(parts: list[tuple[bool, Tree]]) -> Chain:
    parts.sort(key=lambda p: (p[0], key(p[1])))
    return Chain("sum", tuple(p for _, p in parts), tuple(f for f, _ in parts))


# --- what forms have in common -------------------------------------------------------------------


def _is_term(part: Tree) -> bool:
    """Whether a part of a sum is one of which there may be many."""
    return bool(columns(part)) and not _holds_sum(part)


def _holds_sum(tree: Tree) -> bool:
    match tree:
        case Chain():
            return tree.op == "sum" or any(map(_holds_sum, tree.parts))
        case Op():
            return any(map(_holds_sum, tree.args))
        case Run():
            return True
    return False


def _kinds(tree: Tree) -> frozenset:
    """The kinds of terms of the outermost sum."""
    if not (isinstance(tree, Chain) and tree.op == "sum"):
        return frozenset()
    return frozenset((f, key(p)) for p, f in zip(tree.parts, tree.flags, strict=True)
                     if _is_term(p))


def _signature(tree: Tree, loose: bool = False):
    """What the skeletons of one form have in common; with `loose`, the outermost sum may lack kinds
    of terms."""
    match tree:
        case Chain(op="sum"):
            rest = sorted(str((f, _signature(p))) for p, f in zip(
                tree.parts, tree.flags, strict=True) if not _is_term(p))
            kinds = () if loose else tuple(sorted(_kinds(tree)))
            return ("sum", kinds, *rest)
        case Chain():
            return ("chain", tree.op, tree.flags, *map(_signature, tree.parts))
        case Op():
            return ("op", tree.kind, *map(_signature, tree.args))
    return key(tree)


# --- one skeleton for all ------------------------------------------------------------------------


class _Joiner:
    """Makes one skeleton of those of several blocks."""

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.added: list[np.ndarray] = []
        self.wide: dict[int, np.ndarray] = {}
        self.fits = True

    def form(self, trees: list[Tree]) -> Form | None:
        """The form of the blocks' skeletons; None where a table would be mostly empty."""
        blocks = self.blocks
        axes = len(blocks[0].left.columns)
        for column in range(axes):
            self.column([b.rows[:, b.left.columns[column]] for b in blocks])
        right = self.tree(trees)
        if not self.fits:
            return None
        if is_equation(blocks[0]):
            right = Op(EQUATION, (right, Lit("0")))
        return Form(Ref(blocks[0].left.head, tuple(range(axes))), right,
                    np.column_stack(self.added), np.concatenate([b.statements for b in blocks]),
                    blocks, self.wide)

    def column(self, parts: list[np.ndarray]) -> int:
        self.added.append(np.concatenate(parts))
        return len(self.added) - 1

    def tree(self, trees: list[Tree]) -> Tree:
        first = trees[0]
        match first:
            case Ref() | Num():
                names = iter([self.column([b.rows[:, columns(t)[k]] for b, t in zip(
                    self.blocks, trees, strict=True)]) for k in range(len(columns(first)))])
                return renumbered(first, names)
            case Chain(op="sum"):
                return self.sum(trees)
            case Chain():
                parts = [self.tree([t.parts[k] for t in trees]) for k in range(len(first.parts))]
                return Chain(first.op, tuple(parts), first.flags, True)
            case Op():
                args = [self.tree([t.args[k] for t in trees]) for k in range(len(first.args))]
                return Op(first.kind, tuple(args))
            case Run():
                self.fits = False
        return first

    def sum(self, trees: list[Chain]) -> Tree:
        parts: list[tuple[bool, Tree]] = []
        kinds = sorted(set().union(*map(_kinds, trees)))
        for flag, kind in kinds:
            terms = [[p for p, f in zip(t.parts, t.flags, strict=True)
                      if _is_term(p) and (f, key(p)) == (flag, kind)] for t in trees]
            parts += [(flag, p) for p in self.terms(terms)]
        rest = [sorted(((f, str(_signature(p)), k) for k, (p, f) in enumerate(
            zip(t.parts, t.flags, strict=True)) if not _is_term(p))) for t in trees]
        for place, (flag, _, _) in enumerate(rest[0]):
            parts.append((flag, self.tree([
                t.parts[own[place][2]] for t, own in zip(trees, rest, strict=True)])))
        parts.sort(key=lambda p: (p[0], key(p[1])))
        if len(parts) == 1 and not parts[0][0]:
            return parts[0][1]
        return Chain("sum", tuple(p for _, p in parts), tuple(f for f, _ in parts), True)

    def terms(self, terms: list[list[Tree]]) -> list[Tree]:
        """The terms of one kind: a few, or a run."""
        counts = [len(t) for t in terms]
        if min(counts) == max(counts) <= FEW:
            return [self.tree([t[k] for t in terms]) for k in range(counts[0])]
        sizes = [len(b.rows) for b in self.blocks]
        most, total = max(counts), sum(c * n for c, n in zip(counts, sizes, strict=True))
        if most * sum(sizes) > WIDEST * total:
            self.fits = False
        body = next(t[0] for t in terms if t)
        names = []
        for k in range(len(columns(body))):
            tables = []
            for block, own in zip(self.blocks, terms, strict=True):
                numbers = [block.rows[:, columns(t)[k]] for t in own]
                table = np.zeros((len(block.rows), most), np.int64)
                if numbers:
                    table[:, : len(own)] = np.stack(numbers, axis=1)
                    table[:, len(own):] = table[:, :1]
                tables.append(table)
            wide = np.concatenate(tables)
            empty = np.repeat(np.array(counts) == 0, sizes)
            if empty.any():  # nobody looks there, but what stands there is an element
                wide[empty] = wide[~empty][0, 0]
            names.append(self.column([wide[:, 0]]))
            self.wide[names[-1]] = wide
        count = self.column([np.repeat(np.array(counts), sizes)])
        return [Run("sum", renumbered(body, iter(names)), (1,) * len(names), count)]
