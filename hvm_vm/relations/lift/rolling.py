"""Re-rolling: terms whose numbers advance evenly become one run.

    W11*x1_1 + W12*x1_2 + … + W18*x1_8        sum of 8: W[1,1]*x[1,1], steps 0 1 0 1

Within each relation the terms of one kind are sorted by their numbers, so that their order in the
text does not matter. A run is made only when its steps are equal in every relation of the block and
from every term to the next; relations that do not follow are parted into a block of their own.
Runs of runs are tried until nothing changes, so double sums and nested ones roll up too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .skeleton import Block, Chain, Op, Run, Tree, columns, key, renumbered

MOST_PATTERNS = 64  # after so many blocks, the rest of a shape stays unrolled
SHORT = 3           # a run of fewer terms needs steps of 0 and 1: two terms are always even


class _Unlike(Exception):
    """The relations of a block do not all advance alike: those of the mask go another way."""

    def __init__(self, mask: np.ndarray) -> None:
        super().__init__()
        self.mask = mask


def rolled(block: Block) -> list[Block]:
    """The block in rolled, canonical form: one block, or several where patterns differ. Two like
    factors of a product stay in the order of the text, as in A1_2*A2_3, where that rolls further
    than the order of their numbers."""
    if not _pairs(block.right):
        return _rolled(block, True)
    ways = [_rolled(block, ordered) for ordered in (True, False)]
    return min(ways, key=lambda blocks: sum(1 + _parts(b.right) for b in blocks))


def _pairs(tree: Tree) -> bool:
    """Whether there is a product of two like factors under a sum of several terms."""
    match tree:
        case Op():
            return any(map(_pairs, tree.args))
        case Chain(op="prod"):
            kinds = [(f, key(p)) for f, p in zip(tree.flags, tree.parts, strict=True) if columns(p)]
            return len(set(kinds)) < len(kinds) or any(map(_pairs, tree.parts))
        case Chain():
            return not tree.done and any(map(_pairs, tree.parts))
    return False


def _parts(tree: Tree) -> int:
    match tree:
        case Op():
            return sum(map(_parts, tree.args))
        case Chain():
            return len(tree.parts) + sum(map(_parts, tree.parts))
        case Run():
            return _parts(tree.body)
    return 0


def _rolled(block: Block, ordered: bool) -> list[Block]:
    done: list[Block] = []
    work = [block]
    while work:
        block = work.pop()
        roller = _Roller(block, ordered, free=len(done) + len(work) < MOST_PATTERNS)
        try:
            right = roller.tree(block.right)
        except _Unlike as found:
            work.append(block.take(found.mask))
            work.append(block.take(~found.mask))
            continue
        rows = np.column_stack([block.rows, *roller.added]) if roller.added else block.rows
        done.append(Block(block.left, right, rows, block.statements).compact())
    return done


class _Roller:
    """Rolls the chains of one block, the inner ones first. `free`: whether it may ask for the
    block to be parted.
    `ordered`: whether two like factors are put in the order of their numbers."""

    def __init__(self, block: Block, ordered: bool, free: bool) -> None:
        self.ordered = ordered
        self.rows = block.rows
        self.free = free
        self.added: list[np.ndarray] = []
        self.width = block.rows.shape[1]

    def tree(self, tree: Tree) -> Tree:
        """The skeleton with its chains rolled."""
        match tree:
            case Op():
                return Op(tree.kind, tuple([self.tree(a) for a in tree.args]))
            case Chain() if not tree.done:
                parts = tuple([self.tree(p) for p in tree.parts])
                return self.run(replace(tree, parts=parts))
        return tree  # the body of a run is done

    def column(self, numbers: np.ndarray) -> int:
        self.added.append(numbers)
        self.width += 1
        return self.width - 1

    def values(self, column: int) -> np.ndarray:
        wide = self.rows.shape[1]
        return self.rows[:, column] if column < wide else self.added[column - wide]

    def run(self, chain: Chain) -> Tree:
        """A chain whose parts are done, as it ends."""
        classes: dict = {}
        for part, flag in zip(chain.parts, chain.flags, strict=True):
            classes.setdefault((flag, key(part)), []).append(part)
        parts: list[tuple[bool, Tree]] = []
        for (flag, _), members in sorted(classes.items(), key=lambda c: c[0]):
            parts += [(flag, p) for p in self.roll(chain.op, members)]
        parts.sort(key=lambda p: (p[0], key(p[1])))
        if len(parts) == 1 and not parts[0][0]:
            return parts[0][1]
        flags, trees = zip(*parts, strict=True)
        return Chain(chain.op, trees, flags, True)

    def roll(self, op: str, members: list[Tree]) -> list[Tree]:
        """The members of one kind, rolled as far as they go."""
        while True:
            own = [columns(m) for m in members]
            if len(members) < 2 or not own[0]:
                return members
            if op == "prod" and len(members) < SHORT and not self.ordered:
                return members
            table = self.sorted([[self.values(c) for c in cs] for cs in own])
            members = self.rewritten(members, own, table)
            if not self.free or (op == "prod" and len(members) < SHORT):
                return members
            segments = self.segments(table)
            if segments is None:
                return members
            self.check(table, segments)
            members = self.runs(op, members, segments)
            kinds: dict = {}
            for m in members:
                kinds.setdefault(key(m), []).append(m)
            if len(kinds) > 1:
                # Runs beside single terms: each kind goes on by itself.
                return [m for group in kinds.values() for m in self.roll(op, group)]

    def sorted(self, table) -> np.ndarray:
        """int64[relations, members, columns], the members of each relation sorted by numbers."""
        table = np.stack([np.stack(t, axis=-1) for t in table], axis=1)
        lowest = table.min(axis=(0, 1))
        span = table.max(axis=(0, 1)) - lowest + 1
        product = 1
        for s in span.tolist():
            product *= s
        if product < 1 << 62:
            code = np.zeros(table.shape[:2], np.int64)
            for c in range(table.shape[2]):
                code *= span[c]
                code += table[:, :, c] - lowest[c]
            if (code[:, 1:] >= code[:, :-1]).all():
                return table
            order = np.argsort(code, axis=1, kind="stable")
        else:
            order = np.lexsort([table[:, :, c] for c in range(table.shape[2] - 1, -1, -1)], axis=1)
        return np.take_along_axis(table, order[:, :, None], axis=1)

    def rewritten(self, members, own, table) -> list[Tree]:
        """The members with the columns of `table`."""
        new = []
        for m, (member, cs) in enumerate(zip(members, own, strict=True)):
            if all(np.array_equal(self.values(c), table[:, m, k]) for k, c in enumerate(cs)):
                new.append(member)
                continue
            names = iter([self.column(table[:, m, k]) for k in range(len(cs))])
            new.append(renumbered(member, names))
        return new

    def segments(self, table) -> list[tuple[int, int, np.ndarray]] | None:
        """(first, length, steps) of the runs, by the relation that makes the fewest of a few;
        None when there are none."""
        count = len(table)
        best = None
        for row in {0, count // 2, count - 1, count // 3}:
            found = _segments(np.diff(table[row], axis=0))
            if best is None or len(found) < len(best):
                best = found
        return best if any(length > 1 for _, length, _ in best) else None

    def check(self, table, segments) -> None:
        """Raise `_Unlike` when the terms of some relations do not advance so."""
        good = np.ones(len(table), bool)
        for first, length, steps in segments:
            if length > 1:
                moves = np.diff(table[:, first : first + length], axis=1)
                good &= (moves == steps).all(axis=(1, 2))
        if not good.all():
            raise _Unlike(~good)

    def runs(self, op: str, members, segments) -> list[Tree]:
        found: list[Tree] = []
        for first, length, steps in segments:
            if length == 1:
                found.append(members[first])
                continue
            count = self.column(np.full(len(self.rows), length, np.int64))
            found.append(Run(op, members[first], tuple(steps.tolist()), count))
        return found


def _segments(moves: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """Cut the moves from term to term into runs of equal moves."""
    total = len(moves) + 1
    found = []
    at = 0
    while at < total:
        end = at + 1
        if at + 1 < total:
            steps = moves[at]
            while end < total and (moves[end - 1] == steps).all():
                end += 1
            even = steps.any() and (
                end - at >= SHORT or ((steps >= 0) & (steps <= 1)).all())
            if not even:
                end = at + 1
        found.append((at, end - at, moves[at] if at < len(moves) else None))
        at = end
    return found
