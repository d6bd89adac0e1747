"""`...` in skeletons: the rules of `relations.ellipsis`, for all relations of a block at once.

An open end makes a run whose last subscript goes on to the family's last member; `a + ... + b`
makes a run from a to b. What these rules do not settle for a whole block is `NotLiftable`, and goes
the ordinary way, which also words the errors.
"""

from __future__ import annotations

import numpy as np

from .members import coded, radix_of
from .skeleton import Block, Chain, Dots, Op, Ref, Run, Tree, columns, key, refs
from .tree import NotLiftable, added, is_done, multiplied


class Rows:
    """For each array: where the rows of its members end, along the last subscript."""

    def __init__(self, members: dict[str, np.ndarray]) -> None:
        """`members`: the distinct subscripts of each array, sorted."""
        self.members = members
        self.known: dict[str, tuple] = {}

    def after(self, head: str, subs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each member: how many stand after it in its row, and how many the row has. Raises
        `NotLiftable` when a row has a gap."""
        if head not in self.known:
            all_ = self.members[head]
            radix = radix_of(all_[:, :-1].max(axis=0)) if all_.shape[1] > 1 else ()
            code = coded(all_[:, :-1], radix)
            rows, start, count = np.unique(code, return_index=True, return_counts=True)
            last = all_[start + count - 1, -1]
            gap = last - all_[start, -1] + 1 != count
            self.known[head] = radix, rows, last, count, gap
        radix, rows, last, count, gap = self.known[head]
        at = np.searchsorted(rows, coded(subs[:, :-1], radix))
        if gap[at].any():
            raise NotLiftable
        return last[at] - subs[:, -1], count[at]


def without_dots(block: Block, rows: Rows) -> Block:
    """The block with runs for its `...`."""
    writer = _Writer(block, rows)
    right = writer.tree(block.right)
    if right is block.right:
        return block
    return Block(block.left, right, writer.rows_with_counts(), block.statements)


class _Writer:
    def __init__(self, block: Block, rows: Rows) -> None:
        self.numbers = block.rows
        self.rows = rows
        self.added: list[np.ndarray] = []

    def rows_with_counts(self) -> np.ndarray:
        return np.column_stack([self.numbers, *self.added])

    def tree(self, node: Tree) -> Tree:
        match node:
            case Op():
                args = tuple([self.tree(a) for a in node.args])
                return Op(node.kind, args) if args != node.args else node
            case Chain():
                return self.chain(node)
        return node

    def chain(self, node: Chain) -> Tree:
        parts = [self.tree(p) for p in node.parts]
        flags = list(node.flags)
        if not any(isinstance(p, Dots) for p in parts):
            return node if tuple(parts) == node.parts else Chain(node.op, tuple(parts), node.flags)
        new: list[Tree] = []
        new_flags: list[bool] = []
        k = 0
        while k < len(parts):
            if not isinstance(parts[k], Dots):
                new.append(parts[k])
                new_flags.append(flags[k])
                k += 1
                continue
            if k == 0 or isinstance(new[-1], Run):
                raise NotLiftable
            first = new.pop()
            if new and k >= 2:
                self.advances(parts[k - 2], first)
            if k + 1 < len(parts):
                new.append(self.between(node.op, first, parts[k + 1]))
                k += 2
            else:
                new.append(self.open(node.op, first))
                k += 1
        if node.op == "sum":
            return added(new, new_flags)
        if node.op == "prod":
            return multiplied(new, new_flags)
        return Chain(node.op, tuple(new), tuple(new_flags))

    def run(self, op: str, body: Tree, steps: list[int], count: np.ndarray) -> Run:
        # The steps follow the order of the body, which must not change any more.
        if not is_done(body) or any(isinstance(p, Run) for p in _inside(body)):
            raise NotLiftable
        self.added.append(count)
        return Run(op, body, tuple(steps), self.numbers.shape[1] + len(self.added) - 1)

    def open(self, op: str, body: Tree) -> Run:
        own = columns(body)
        steps = dict.fromkeys(own, 0)
        count = None
        for ref in refs(body):
            if not ref.columns:
                continue
            after, length = self.rows.after(ref.head, self.numbers[:, list(ref.columns)])
            if (length == 1).all():
                continue
            if (length == 1).any() or (count is not None and (count != after + 1).any()):
                raise NotLiftable
            count = after + 1
            steps[ref.columns[-1]] = 1
        if count is None:
            raise NotLiftable
        return self.run(op, body, [steps[c] for c in own], count)

    def between(self, op: str, first: Tree, last: Tree) -> Run:
        if key(first) != key(last) or not columns(first):
            raise NotLiftable
        distance = self.numbers[:, columns(last)] - self.numbers[:, columns(first)]
        most = np.abs(distance).max(axis=1)
        sign = np.sign(distance)
        if (sign != sign[0]).any() or (np.abs(distance) != most[:, None] * np.abs(sign)).any():
            raise NotLiftable
        if not most.all() or most.max() > 1_000_000:
            raise NotLiftable
        return self.run(op, first, sign[0].tolist(), most + 1)

    def advances(self, earlier: Tree, later: Tree) -> None:
        """The terms before `...` must advance by one."""
        if isinstance(earlier, Dots) or key(earlier) != key(later) or not columns(later):
            return
        distance = np.abs(self.numbers[:, columns(later)] - self.numbers[:, columns(earlier)])
        if distance.max() > 1:
            raise NotLiftable


def _inside(tree: Tree):
    yield tree
    match tree:
        case Op():
            for arg in tree.args:
                yield from _inside(arg)
        case Chain():
            for part in tree.parts:
                yield from _inside(part)
        case Run():
            yield from _inside(tree.body)


def elements(block: Block):
    """(head, int64[n, rank]) for every array that a skeleton reads, runs written out."""
    for head, subs, _ in readings(block):
        yield head, subs


def readings(
    block: Block, tree: Tree | None = None, rows: np.ndarray | None = None,
    numbers: np.ndarray | None = None,
):
    """(head, int64[n, rank], int64[n]) for every array that a skeleton reads, runs written out: the
    subscripts, and the row of the block in which they stand."""
    if tree is None:
        tree, rows, numbers = block.right, block.rows, np.arange(len(block.rows))
    match tree:
        case Ref() if tree.columns:
            yield tree.head, rows[:, list(tree.columns)], numbers
        case Op():
            for arg in tree.args:
                yield from readings(block, arg, rows, numbers)
        case Chain():
            for part in tree.parts:
                yield from readings(block, part, rows, numbers)
        case Run():
            count = rows[:, tree.count]
            wide = np.repeat(rows, count, axis=0)
            place = np.arange(len(wide)) - np.repeat(np.cumsum(count) - count, count)
            for column, step in zip(columns(tree.body), tree.steps, strict=True):
                if step:
                    wide[:, column] += step * place
            yield from readings(block, tree.body, wide, np.repeat(numbers, count))
