"""Relations with a run of a single term, which looks like no run at all.

In a causal sum the first row has one term: `o1 = a1_1*v1` beside `o2 = a2_1*v1 + a2_2*v2`.
Such relations join the block of the runs, with a count of 1, if they follow its rule.
"""

from __future__ import annotations

import numpy as np

from .fit import fit
from .skeleton import Block, Chain, Num, Op, Ref, Run, Tree, columns, key

ONE = -1


def absorbed(blocks: list[Block]) -> list[Block]:
    """The blocks, with single-term relations moved into the blocks of their runs."""
    by_left: dict = {}
    for k, block in enumerate(blocks):
        by_left.setdefault(key(block.left), []).append(k)
    blocks = list(blocks)
    for places in by_left.values():
        if len(places) < 2:
            continue
        runs = [k for k in places if has_run(blocks[k].right) and len(blocks[k].rows) > 1]
        for big in sorted(runs, key=lambda k: -len(blocks[k].rows)):
            for small in places:
                if small != big and len(blocks[small].rows):
                    blocks[big], blocks[small] = _moved(blocks[big], blocks[small])
    return [b for b in blocks if len(b.rows)]


def _moved(big: Block, small: Block) -> tuple[Block, Block]:
    source = _match(big.right, small.right)
    if source is None or ONE not in source:
        return big, small
    axes = len(big.left.columns)
    rows = np.ones((len(small.rows), axes + len(source)), np.int64)
    rows[:, :axes] = small.rows[:, :axes]
    for k, column in enumerate(source):
        if column != ONE:
            rows[:, axes + k] = small.rows[:, column]
    both = np.concatenate([big.rows, rows])
    joint = fit(both[:, :axes], both[:, axes:]).follows
    if joint.all():
        follows = np.ones(len(rows), bool)
    else:
        rule = fit(big.rows[:, :axes], big.rows[:, axes:])
        follows = (rule.predicted(rows[:, :axes]) == rows[:, axes:]).all(axis=1)
    if not follows.any():
        return big, small
    joined = Block(big.left, big.right, np.concatenate([big.rows, rows[follows]]),
                   np.concatenate([big.statements, small.statements[follows]]))
    return joined, small.take(~follows)


def _match(run: Tree, plain: Tree) -> list[int] | None:
    """The columns of `plain` in the order of the columns of `run`, `ONE` for the count of a run
    that stands for a single term; None when the skeletons differ in more than that."""
    match run:
        case Run():
            if isinstance(plain, Run):
                if plain.op != run.op or plain.steps != run.steps:
                    return None
                found = _match(run.body, plain.body)
                return None if found is None else [*found, plain.count]
            found = _match(run.body, plain)
            return None if found is None else [*found, ONE]
        case Op() if isinstance(plain, Op):
            if plain.kind != run.kind or len(plain.args) != len(run.args):
                return None
            return _all(zip(run.args, plain.args, strict=True))
        case Chain() if isinstance(plain, Chain):
            if plain.op != run.op:
                return None
            left = list(zip(plain.flags, plain.parts, strict=True))
            found: list[int] = []
            more = len(plain.parts) - len(run.parts)
            for flag, part in zip(run.flags, run.parts, strict=True):
                inner = _factors(part) if not flag and run.op == "prod" else 0
                if inner and more >= inner - 1:  # sum(a*b)/c of a single term is a*b/c
                    columns_ = _factors_among(part.body, left)
                    if columns_ is not None:
                        found += [*columns_, ONE]
                        more -= inner - 1
                        continue
                for k, (other, candidate) in enumerate(left):
                    columns_ = _match(part, candidate) if other == flag else None
                    if columns_ is not None:
                        found += columns_
                        del left[k]
                        break
                else:
                    return None
            return None if left else found
    if isinstance(run, Ref | Num | Op | Chain) and key(run) == key(plain):
        return columns(plain)
    return [] if run == plain else None


def _factors(tree: Tree) -> int:
    """How many factors a run of products has in each term."""
    body = tree.body if isinstance(tree, Run) else None
    return len(body.parts) if isinstance(body, Chain) and body.op == "prod" else 0


def _factors_among(body: Chain, left: list) -> list[int] | None:
    """The columns of the factors of `body` among the parts `left`, which are taken out."""
    found: list[int] = []
    rest = list(left)
    for flag, part in zip(body.flags, body.parts, strict=True):
        for k, (other, candidate) in enumerate(rest):
            columns_ = _match(part, candidate) if other == flag else None
            if columns_ is not None:
                found += columns_
                del rest[k]
                break
        else:
            return None
    left[:] = rest
    return found


def _all(pairs) -> list[int] | None:
    found: list[int] = []
    for a, b in pairs:
        columns_ = _match(a, b)
        if columns_ is None:
            return None
        found += columns_
    return found


def has_run(tree: Tree) -> bool:
    """Whether a run of terms stands anywhere in `tree`."""
    match tree:
        case Run():
            return True
        case Op():
            return any(map(has_run, tree.args))
        case Chain():
            return any(map(has_run, tree.parts))
    return False
