"""Which names are alike: colour refinement of relations and names.

A name's colour is made of the relation that determines it and of those that use it; a relation's of
its formula and of the names in it; and so on until nothing splits any more (Weisfeiler and Leman
1968; see Paige and Tarjan 1987). Colours are hashes of sets, so how often a name is used, or how
long a sum is, makes no difference: the rows of a triangle are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .erased import Erased

MOST_ROUNDS = 24
SMALL = 200_000  # so many uses are walked one by one, more of them level by level
FEW = 4          # odd ones are at most one in so many


@dataclass
class Uses:
    """Who uses whom. `left`: the name that each relation determines; `kind`: its formula. Of each
    use: `relation`, `name`, `path` (int64)."""

    left: np.ndarray
    kind: np.ndarray
    relation: np.ndarray
    name: np.ndarray
    path: np.ndarray
    count: int  # of names


def uses_of(found: Erased) -> Uses:
    left, kind, relation, name, path = [], [], [], [], []
    at = 0
    for shape in found.shapes:
        if shape.is_default:
            continue
        rows, width = shape.names.shape
        left.append(shape.names[:, 0])
        kind.append(shape.kinds)
        relation.append(np.repeat(np.arange(at, at + rows), width - 1))
        name.append(shape.names[:, 1:].ravel())
        path.append(np.tile([p.path for p in shape.places], rows))
        at += rows
    if not left:
        empty = np.zeros(0, np.int64)
        return Uses(empty, empty, empty, empty, empty, len(found.names))
    return Uses(*map(np.concatenate, (left, kind, relation, name, path)), len(found.names))


def mixed(*parts) -> np.ndarray:
    """A hash of integers, elementwise (the finalizer of splitmix64)."""
    value = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        for part in parts:
            value = value * np.uint64(0xD1342543DE82EF95) + np.asarray(part).astype(np.uint64)
            value ^= value >> np.uint64(30)
            value = value * np.uint64(0xBF58476D1CE4E5B9)
            value ^= value >> np.uint64(27)
            value = value * np.uint64(0x94D049BB133111EB)
            value ^= value >> np.uint64(31)
    return value


def hashed_sets(owner: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """For each owner, a hash of the set of its values."""
    found = np.zeros(count, np.uint64)
    _, first = np.unique(mixed(owner, values), return_index=True)
    with np.errstate(over="ignore"):
        np.add.at(found, owner[first], mixed(values[first]))
    return found


def levels(uses: Uses) -> np.ndarray:
    """How far each name is from the inputs, by its longest way; -1 where it depends on itself."""
    level = np.zeros(uses.count, np.int64)
    waiting = np.bincount(uses.relation, minlength=len(uses.left))
    level[uses.left] = -1
    order = np.argsort(uses.name, kind="stable")
    start = np.searchsorted(uses.name[order], np.arange(uses.count + 1))
    users = uses.relation[order]
    if len(users) < SMALL:
        _walk_levels(level, waiting, start.tolist(), users.tolist(), uses.left.tolist())
        return level
    ready = np.flatnonzero(level == 0)
    depth = 0
    while len(ready):
        depth += 1
        lengths = start[ready + 1] - start[ready]
        places = np.repeat(start[ready] - np.cumsum(lengths) + lengths, lengths)
        relations = users[places + np.arange(len(places))]
        waiting -= np.bincount(relations, minlength=len(waiting))
        ready = uses.left[np.unique(relations[waiting[relations] == 0])]
        level[ready] = depth
    return level


def _walk_levels(level, waiting, start, users, left) -> None:
    ready = np.flatnonzero(level == 0).tolist()
    waiting = waiting.tolist()
    found = dict.fromkeys(ready, 0)
    while ready:
        following = []
        for name in ready:
            depth = found[name] + 1
            for relation in users[start[name] : start[name + 1]]:
                waiting[relation] -= 1
                if not waiting[relation]:
                    found[left[relation]] = depth  # the last of its names is the deepest
                    following.append(left[relation])
        ready = following
    for name, depth in found.items():
        level[name] = depth


@dataclass
class Colours:
    """`name` (0 .. classes-1) and `relation`: the class of each. `odd`: relations that were left
    out, since names like the one they determine are determined otherwise."""

    name: np.ndarray
    relation: np.ndarray
    odd: np.ndarray


def refined(uses: Uses, fixed: np.ndarray, tolerant: bool,
            side: np.ndarray | None = None) -> Colours:
    """The classes. `fixed`: for each name a number of its family where that is known, else -1.
    `tolerant`: relations among many of another formula are left out (one odd row). `side`: what
    else is known to tell names apart."""
    by = np.full(uses.count, -1, np.int64)
    by[uses.left] = np.arange(len(uses.left))
    odd = np.zeros(len(uses.left), bool)
    level = levels(uses)
    if tolerant:
        odd = _adopt(uses, by, fixed, level)
    keep = ~odd[uses.relation]
    relation, name, path = uses.relation[keep], uses.name[keep], uses.path[keep]
    base = mixed(by >= 0, level, fixed, 0 if side is None else side)
    colour, classes = base, 0
    for _ in range(MOST_ROUNDS):
        made = mixed(uses.kind, colour[uses.left])
        made = mixed(made, hashed_sets(relation, mixed(path, colour[name]), len(made)))
        determined = np.where(by >= 0, made[by], 0) if len(made) else base
        used = hashed_sets(name, mixed(path, made[relation]), uses.count)
        new = mixed(base, determined, used)
        new[fixed >= 0] = base[fixed >= 0]
        count = len(np.unique(new))
        if count <= classes:
            break
        colour, classes = new, count
    made = mixed(uses.kind, colour[uses.left])
    made = mixed(made, hashed_sets(relation, mixed(path, colour[name]), len(made)))
    return Colours(np.unique(colour, return_inverse=True)[1],
                   np.unique(made, return_inverse=True)[1], odd)


def _adopt(uses: Uses, by, fixed, level) -> np.ndarray:
    """Let the few names that are used as many others are, but determined otherwise (or not at all),
    pass for names that are determined as the others. The relations left out are returned."""
    odd = np.zeros(len(uses.left), bool)
    used = hashed_sets(uses.name, mixed(uses.path, uses.kind[uses.relation]), uses.count)
    determined = by >= 0
    used[~np.isin(np.arange(uses.count), uses.name) & ~determined] = 0
    kind = np.where(determined, uses.kind[by], -1) if len(uses.kind) else by
    order = np.lexsort([level, kind, used])
    groups = np.flatnonzero(np.diff(used[order])) + 1
    for group in np.split(order, groups):
        if len(group) < FEW or used[group[0]] == 0 or fixed[group[0]] >= 0:
            continue
        codes = mixed(kind[group], level[group])
        values, first, counts = np.unique(codes, return_index=True, return_counts=True)
        most = counts.argmax()
        leader = group[first[most]]
        if len(values) == 1 or counts[most] * FEW < len(group) * (FEW - 1) or by[leader] < 0:
            continue
        others = group[codes != values[most]]
        odd[by[others][by[others] >= 0]] = True
        by[others] = by[leader]
        level[others] = level[leader]
    return odd
