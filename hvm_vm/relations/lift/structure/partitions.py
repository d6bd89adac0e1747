"""What the names of a family have in common, by the terms in which they meet names of others.

In q[t,i] = sum[j](W[i,j] * x[t,j]) every q meets the x of its own t, and no other: the connected
components of "meets" are the values of t, of both families at once. In the same way q and W share
i, and W and x share j.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from .colours import Colours, mixed
from .erased import Erased, Shape

MOST_OUTER = 6     # names outside a sum that each of its terms is paired with
MOST_PARTITIONS = 16


@dataclass
class Family:
    """Names in the order of the text, with the partitions of them that were found: each a label for
    every name, numbered by first appearance."""

    names: np.ndarray
    partitions: list[np.ndarray] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)

    def add(self, labels: np.ndarray) -> int | None:
        """The place of a partition, which may be there already; None if it says nothing."""
        labels = numbered(labels)
        if labels.max(initial=0) == 0 and len(labels) > 1:
            return None
        code = labels.tobytes()
        if code not in self.known:
            if len(self.partitions) >= MOST_PARTITIONS:
                return None
            self.known[code] = len(self.partitions)
            self.partitions.append(labels)
        return self.known[code]


@dataclass(frozen=True, slots=True)
class Link:
    """The label of a name in one family's partition says that of another's: `labels[k]` belongs to
    label k of the first."""

    first: tuple[int, int]   # family, partition
    second: tuple[int, int]
    labels: np.ndarray


def numbered(labels: np.ndarray) -> np.ndarray:
    """The labels, numbered from 0 by first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def meetings(found: Erased, colours: Colours, family: np.ndarray,
             families: list[Family]) -> list[Link]:
    """Add what meetings say to `families`; `family` is the number of each name's, or -1."""
    keys, first, second = _pairs(found, colours, family)
    if not len(keys):
        return []
    _, key, counts = np.unique(keys, return_inverse=True, return_counts=True)
    key = key.reshape(-1)
    keep = counts[key] > 1
    key, first, second = key[keep], first[keep], second[keep]
    total = len(found.names)
    nodes, place = np.unique(
        np.concatenate([2 * key * total + first, (2 * key + 1) * total + second]),
        return_inverse=True)
    place = place.reshape(-1)
    a, b = place[: len(key)], place[len(key) :]
    _, component = connected_components(
        csr_matrix((np.ones(len(a), np.int8), (a, b)), (len(nodes), len(nodes))), directed=False)
    side = nodes // total
    cuts = np.flatnonzero(np.diff(side)) + 1
    sides: dict[int, tuple[int, int, np.ndarray]] = {}
    starts = [0, *cuts.tolist(), len(nodes)]
    for start, end in pairwise(starts):
        if start == end:
            continue
        members = nodes[start:end] % total
        number = int(family[members[0]])
        own = families[number]
        if len(members) != len(own.names) or len(members) < 2:
            continue
        labels = component[start:end][np.searchsorted(members, own.names)]
        partition = own.add(labels)
        if partition is not None:
            sides[int(side[start])] = number, partition, labels
    return [_link(sides[s], sides[s + 1]) for s in sides if s % 2 == 0 and s + 1 in sides]


def _link(a, b) -> Link:
    """Two sides of the same meetings; the labels of both are components."""
    (fa, pa, la), (fb, pb, lb) = a, b
    lb_numbered, la_numbered = numbered(lb), numbered(la)
    values, at = np.unique(lb, return_index=True)
    place = np.empty(la_numbered.max() + 1, np.int64)
    place[la_numbered] = lb_numbered[at[np.searchsorted(values, la)]]
    return Link((fa, pa), (fb, pb), place)


def _pairs(found: Erased, colours: Colours, family: np.ndarray):
    """(key, name, name) of every meeting; a key for each two places of each class of relations."""
    keys, first, second = [], [], []
    at = 0
    for shape in found.shapes:
        if shape.is_default:
            continue
        rows = len(shape.names)
        relation = colours.relation[at : at + rows]
        good = ~colours.odd[at : at + rows]
        at += rows
        left, right = _places(shape)
        if not left or not good.any():
            continue
        names = shape.names[good]
        slots = _slots(shape, names, colours)
        a, b = names[:, left], names[:, right]
        sa, sb = slots[:, left], slots[:, right]
        turn = sa > sb
        a, b = np.where(turn, b, a), np.where(turn, a, b)
        sa, sb = np.where(turn, sb, sa), np.where(turn, sa, sb)
        key = mixed(relation[good][:, None], sa, sb)
        wanted = (family[a] >= 0) & (family[b] >= 0)
        keys.append(key[wanted])
        first.append(a[wanted])
        second.append(b[wanted])
    if not keys:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty
    return np.concatenate(keys), np.concatenate(first), np.concatenate(second)


def _places(shape: Shape) -> tuple[list[int], list[int]]:
    """Which columns of a shape are paired: the left side with all, and the names of a term with
    each other and with those outside its sum."""
    by_terms: dict[tuple, list[int]] = {}
    for k, place in enumerate(shape.places):
        by_terms.setdefault(place.terms, []).append(k + 1)
    left, right = [], []
    for k in range(len(shape.places)):
        left.append(0)
        right.append(k + 1)
    for terms, inside in by_terms.items():
        inside = inside[:MOST_OUTER]
        for n, k in enumerate(inside):
            for other in inside[n + 1 :]:
                left.append(k)
                right.append(other)
        for cut in range(len(terms)):
            for outer in by_terms.get(terms[:cut], [])[:MOST_OUTER]:
                for k in inside:
                    left.append(outer)
                    right.append(k)
    return left, right


def _slots(shape: Shape, names: np.ndarray, colours: Colours) -> np.ndarray:
    """What each column is to its relation: where it stands and the colour of its name; among equal
    ones in a term, which of them it is."""
    path = np.array([-1, *[p.path for p in shape.places]])
    colour = colours.name[names]
    order = np.zeros(names.shape, np.int64)
    groups: dict[tuple, list[int]] = {}
    for k, place in enumerate(shape.places):
        groups.setdefault((place.path, place.terms), []).append(k + 1)
    for group in groups.values():
        for n, k in enumerate(group[1:], 1):
            for other in group[:n]:
                order[:, k] += colour[:, other] == colour[:, k]
    return mixed(path[None, :], colour, order)
