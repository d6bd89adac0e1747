"""Two families that refinement cannot tell apart: the factors of one product.

    s[t,u] = sum[i](q[t,i] * k[u,i])        as far as uses go, q and k are one family of 2*T*D names

Where every product has one factor of each, the order of the factors in the text tells them apart,
or else (factors commuted) a colouring of the names with two colours: the factors of a product have
different ones, and names that are used in the same relations have the same.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from .colours import Colours, hashed_sets
from .erased import Erased


def sides(found: Erased, colours: Colours) -> np.ndarray | None:
    """For each name 0, or 1 where it belongs to the second of two families; None when no colour
    holds two."""
    first, second = _products(found, colours)
    if not len(first):
        return None
    side = np.zeros(len(found.names), np.int64)
    classes = colours.name[first]
    done = False
    used = None
    for colour in np.unique(classes).tolist():
        own = classes == colour
        a, b = first[own], second[own]
        if not np.isin(a, b).any():
            side[b] = 1
            done = True
            continue
        if used is None:
            used = _used(found)
        parity = _two_coloured(a, b, used)
        if parity is not None:
            names, odd = parity
            side[names[odd]] = 1
            done = True
    return side if done else None


def _products(found: Erased, colours: Colours) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of factors of one colour."""
    first, second = [], []
    for shape in found.shapes:
        groups: dict = {}
        for k, place in enumerate(shape.places):
            groups.setdefault((place.path, place.terms), []).append(k + 1)
        pairs = [g for g in groups.values() if len(g) == 2]
        if not pairs:
            continue
        a = shape.names[:, [p[0] for p in pairs]].ravel()
        b = shape.names[:, [p[1] for p in pairs]].ravel()
        equal = (colours.name[a] == colours.name[b])
        first.append(a[equal])
        second.append(b[equal])
    if not first:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(first), np.concatenate(second)


def _used(found: Erased) -> np.ndarray:
    """For each name, a hash of the relations that use it."""
    relation, name, at = [], [], 0
    for shape in found.shapes:
        rows, width = shape.names.shape
        relation.append(np.repeat(np.arange(at, at + rows), width - 1))
        name.append(shape.names[:, 1:].ravel())
        at += rows
    name = np.concatenate(name)
    return hashed_sets(name, np.concatenate(relation), len(found.names))


def _two_coloured(a, b, used) -> tuple[np.ndarray, np.ndarray] | None:
    """(names, whether each is of the second colour), or None where two colours do not do."""
    names = np.unique(np.concatenate([a, b]))
    a, b = np.searchsorted(names, a), np.searchsorted(names, b)
    _, same = np.unique(used[names], return_inverse=True)
    same = same.reshape(-1)
    # Doubled graph: node n says "n is first", node n + size says "n is second".
    _, start = np.unique(same, return_index=True)
    size = len(names)
    leader = start[same]
    alone = np.arange(size)
    left = np.concatenate([a, a + size, alone, alone + size])
    right = np.concatenate([b + size, b, leader, leader + size])
    _, label = connected_components(
        csr_matrix((np.ones(len(left)), (left, right)), (2 * size, 2 * size)), directed=False)
    if (label[:size] == label[size:]).any():
        return None
    # Each component and its mirror image: the first name of a component is first.
    return names, label[:size] > label[size:]
