"""Arrays set apart: one array for each value of a subscript.

The layers h1_1 … h3_8 of a chain depend on each other, so they cannot be one array that is
determined at once. Set apart by their first subscript they are the arrays h1, h2 and h3.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .members import distinct
from .skeleton import Block, Chain, Op, Ref, Run, Tree, columns, refs


def head_apart(head: str, place: int, value: int) -> str:
    base, _, rank = head.rpartition("|")
    return f"{base}@{place}={value}|{int(rank) - 1}"


def set_apart(block: Block, apart: dict[str, int]) -> list[Block]:
    """The block with its arrays set apart: one block for each combination of values."""
    if not apart:
        return [block]
    named = [block.left, *refs(block.right)]
    wanted = [r.columns[apart[r.head]] for r in named if r.head in apart]
    if not wanted:
        return [block]
    values = block.rows[:, wanted]
    if any(_steps(block.right, c) for c in wanted):
        return [block]
    found = []
    low = values.min(axis=0)
    kinds, which = np.unique(values - low, axis=0, return_inverse=True)
    which = which.reshape(-1)
    for k, kind in enumerate(kinds + low):
        value = dict(zip(wanted, kind.tolist(), strict=True))
        left = _renamed(block.left, apart, value)
        right = _renamed(block.right, apart, value)
        found.append(replace(block.take(which == k), left=left, right=right))
    return found


def _renamed(tree: Tree, apart: dict[str, int], value: dict[int, int]) -> Tree:
    match tree:
        case Ref() if tree.head in apart:
            place = apart[tree.head]
            kept = tree.columns[:place] + tree.columns[place + 1 :]
            return Ref(head_apart(tree.head, place, value[tree.columns[place]]), kept)
        case Op():
            return Op(tree.kind, tuple([_renamed(a, apart, value) for a in tree.args]))
        case Chain():
            parts = tuple([_renamed(p, apart, value) for p in tree.parts])
            return Chain(tree.op, parts, tree.flags, tree.done)
        case Run():
            own = columns(tree.body)
            body = _renamed(tree.body, apart, value)
            kept = set(columns(body))
            steps = tuple([s for c, s in zip(own, tree.steps, strict=True) if c in kept])
            return Run(tree.op, body, steps, tree.count)
    return tree


def _steps(tree: Tree, column: int) -> bool:
    """Whether a run goes along a column."""
    match tree:
        case Op():
            return any(_steps(a, column) for a in tree.args)
        case Chain():
            return any(_steps(p, column) for p in tree.parts)
        case Run():
            own = columns(tree.body)
            moving = column in own and tree.steps[own.index(column)] != 0
            return moving or _steps(tree.body, column)
    return False


def set_members_apart(result) -> None:
    """Set apart the members, names and defaults of an `Unrolled` too."""
    for head, place in result.apart.items():
        if head not in result.members:
            continue
        table = result.members.pop(head)
        names = result.names.pop(head)
        for value in np.unique(table[:, place]).tolist():
            new = head_apart(head, place, value)
            own = np.delete(table[table[:, place] == value], place, axis=1)
            result.members[new] = distinct(own)
            result.names[new] = {}
        for subs, name in names.items():
            new = head_apart(head, place, subs[place])
            kept = subs[:place] + subs[place + 1 :]
            result.names[new][kept] = name
            result.elements[name] = new, kept
        defaults = result.defaults.pop(head, None)
        if defaults is not None:
            _defaults_apart(result, head, place, defaults)


def _defaults_apart(result, head: str, place: int, defaults) -> None:
    for value in np.unique(defaults.subscripts[:, place]).tolist():
        which = np.flatnonzero(defaults.subscripts[:, place] == value)
        result.defaults[head_apart(head, place, value)] = type(defaults)(
            np.delete(defaults.subscripts[which], place, axis=1),
            [defaults.values[k] for k in which],
            [defaults.statements[k] for k in which],
        )
