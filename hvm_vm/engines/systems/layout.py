"""How the matrix of a system is kept: dense, three diagonals, a band, or sparse columns; chosen by
where its slopes fall. Equations and unknowns may be put in another order first, so that the band is
narrow: interleaved (element by element of all unknowns), or by reverse Cuthill-McKee (1969).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hvm_vm.engines.systems.pattern import Pattern

SMALL = 24          # unknowns up to which nothing but a dense matrix is worth a look
SPARSE_FROM = 2000  # unknowns from which a sparse elimination is considered
WIDE = 48           # diagonals beside the main one beyond which it is preferred to a band
MOST_DENSE = 12_000  # unknowns of a dense matrix (1.2 GB)

# About how many times slower than in a dense elimination an operation is in a band.
BAND_PRICE = 4


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """`kind` is dense, tridiagonal, banded or sparse. `row_at[i]`, `column_at[j]`: the place of
    equation i and unknown j in the matrix (None: their own). `scatter` puts slopes to their places
    of `length` numbers, `apart` when no place is written twice; `empty` are those that are not
    written at all; of a sparse matrix `indices` and `starts` are those of its columns."""

    kind: str
    size: int
    row_at: np.ndarray | None
    column_at: np.ndarray | None
    below: int
    above: int
    length: int
    scatter: tuple
    indices: np.ndarray | None = None
    starts: np.ndarray | None = None
    apart: bool = False
    empty: np.ndarray | None = None
    joined: list[np.ndarray] = field(default_factory=list)  # see `together`

    def fill(self, slopes: list[np.ndarray], out: np.ndarray) -> None:
        """Put slopes (for each entry of the pattern, its values) to their places in `out`."""
        if self.apart:  # nothing is written twice
            if 4 * len(self.empty) > self.length:
                out[:] = 0.0
            elif len(self.empty):
                out[self.empty] = 0.0
            for one, value in zip(self.scatter, slopes, strict=True):
                if one.covers:
                    one.put(out, value)
            return
        clean = False
        for one, value in zip(self.scatter, slopes, strict=True):
            if not clean:
                clean = True
                if one.covers == self.length and one.apart:
                    one.put(out, value)
                    continue
                out[:] = 0.0
            one.add(out, value)
        if not clean:
            out[:] = 0.0

    def fill_all(self, numbers: np.ndarray, out: np.ndarray) -> None:
        """Put slopes, entry after entry, to their places in `out`."""
        out[:] = np.bincount(self.together(), numbers, len(out))

    def together(self) -> np.ndarray:
        """The places of all entries, one after another."""
        if not self.joined:
            self.joined.append(np.concatenate(
                [np.zeros(0, np.int64), *(p.all() for p in self.scatter if p.covers)]))
        return self.joined[0]

    def arranged(self, right: np.ndarray) -> np.ndarray:
        """Rows of right-hand sides in the order of the matrix's equations."""
        if self.row_at is None:
            return right
        out = np.empty_like(right)
        out[..., self.row_at] = right
        return out

    def restored(self, x: np.ndarray) -> np.ndarray:
        """Rows of solutions in the order of the unknowns."""
        return x if self.column_at is None else x[..., self.column_at]


class Places:
    """The places of an entry's slopes among a matrix's numbers. `apart`: no two are the same;
    `covers`: how many there are. Where they advance regularly they are written through a view."""

    def __init__(self, places: np.ndarray, box: tuple[int, ...], picked: bool):
        self.covers = len(places)
        self.places: np.ndarray | None = places
        self.start, self.shape, self.steps = 0, (), ()
        regular = None
        if self.covers:
            regular = _regular(places, (len(places),) if picked else box)
        if regular is not None:
            self.start, self.shape, self.steps = regular
            self.places = None
            self.apart = _injective(self.shape, self.steps)
        else:
            self.apart = self.covers == 0 or bool(
                np.bincount(places - places.min()).max() <= 1)
            if self.apart is False:
                self.places = places

    def _view(self, out: np.ndarray) -> np.ndarray:
        item = out.itemsize
        return as_strided(out[self.start :], self.shape, [s * item for s in self.steps])

    def put(self, out: np.ndarray, value: np.ndarray) -> None:
        if self.places is None:
            self._view(out)[...] = value.reshape(self.shape)
        else:
            out[self.places] = value.reshape(-1)

    def add(self, out: np.ndarray, value: np.ndarray) -> None:
        if not self.covers:
            return
        if self.places is None and self.apart:
            self._view(out)[...] += value.reshape(self.shape)
        elif self.places is None:
            np.add.at(out, self.all(), value.reshape(-1))
        elif self.apart:
            out[self.places] += value.reshape(-1)
        else:
            out += np.bincount(self.places, value.reshape(-1), len(out))

    def all(self) -> np.ndarray:
        """The places, one by one."""
        if self.places is not None:
            return self.places
        total = np.full((1,) * len(self.shape), self.start)
        for d, step in enumerate(self.steps):
            shape = [-1 if a == d else 1 for a in range(len(self.shape))]
            total = total + step * np.arange(self.shape[d]).reshape(shape)
        return np.broadcast_to(total, self.shape).reshape(-1)


def _regular(places: np.ndarray, box: tuple[int, ...]):
    """(start, shape, steps) when the places advance by a fixed step along each axis, else None."""
    table = places.reshape(box)
    steps = []
    total = np.full((1,) * len(box), places[0])
    for d, extent in enumerate(box):
        step = 0
        if extent > 1:
            step = int(table[tuple(1 if a == d else 0 for a in range(len(box)))] - places[0])
        steps.append(step)
        shape = [-1 if a == d else 1 for a in range(len(box))]
        total = total + step * np.arange(extent).reshape(shape)
    if min(steps, default=0) < 0 or not np.array_equal(total, table):
        return None
    return int(places[0]), tuple(box), tuple(steps)


def _injective(shape, steps) -> bool:
    reach = 0
    for step, extent in sorted(zip(steps, shape, strict=True)):
        if extent > 1:
            if step <= reach:
                return False
            reach += step * (extent - 1)
    return True


def choose(pattern: Pattern) -> Layout:
    """The layout for a pattern."""
    n = pattern.size
    if n <= SMALL or not pattern.entries:
        return _dense(pattern)
    rows = np.concatenate([e.rows for e in pattern.entries])
    columns = np.concatenate([e.columns for e in pattern.entries])
    if len(rows) > n * n // 3 and n <= MOST_DENSE:  # a band would save little
        return _dense(pattern)
    best = None
    for order in (_natural, _interleaved, _cuthill_mckee):
        found = order(pattern, rows, columns, n)
        if found is None:
            continue
        row_at, column_at = found
        apart = row_at[rows] - column_at[columns]
        below, above = int(max(0, apart.max())), int(max(0, -apart.min()))
        if best is None or below + above < best[2] + best[3]:
            best = row_at, column_at, below, above
        if below <= 1 and above <= 1:
            break
        if below + above <= 8 and order is _interleaved:
            break
    row_at, column_at, below, above = best
    if below <= 1 and above <= 1:
        return _made("tridiagonal", pattern, row_at, column_at, 1, 1)
    width = below + above
    if n >= SPARSE_FROM and width > WIDE and (len(rows) < n * n // 50 or n > MOST_DENSE):
        return _made("sparse", pattern, None, None, 0, 0)
    if below * (width + 1) * BAND_PRICE < n * n // 3 or n > MOST_DENSE:
        return _made("banded", pattern, row_at, column_at, below, above)
    return _dense(pattern)


def _dense(pattern: Pattern) -> Layout:
    return _made("dense", pattern, None, None, pattern.size - 1, pattern.size - 1)


def _made(kind: str, pattern: Pattern, row_at, column_at, below: int, above: int) -> Layout:
    n = pattern.size
    identity = np.arange(n)
    if row_at is not None and np.array_equal(row_at, identity):
        row_at = None
    if column_at is not None and np.array_equal(column_at, identity):
        column_at = None
    where, indices, starts, length = [], None, None, 0
    pairs = [(e.rows if row_at is None else row_at[e.rows],
              e.columns if column_at is None else column_at[e.columns]) for e in pattern.entries]
    if kind == "dense":
        length = n * n
        where = [r * n + c for r, c in pairs]
    elif kind == "tridiagonal":
        length = 3 * n
        where = [(c - r + 1) * n + r for r, c in pairs]
    elif kind == "banded":  # as LAPACK's gbtrf wants it, column after column
        deep = 2 * below + above + 1
        length = deep * n
        where = [c * deep + below + above + r - c for r, c in pairs]
    else:
        keys = np.concatenate([c * n + r for r, c in pairs])
        found, inverse = np.unique(keys, return_inverse=True)
        length = len(found)
        indices = (found % n).astype(np.int32)
        starts = np.searchsorted(found, np.arange(n + 1) * n).astype(np.int32)
        cuts = np.cumsum([0, *(len(r) for r, _ in pairs)])
        inverse = inverse.reshape(-1)
        where = [inverse[a:b] for a, b in pairwise(cuts)]
    scatter = tuple(Places(w, e.box, e.pick is not None)
                    for w, e in zip(where, pattern.entries, strict=True))
    counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *where]), minlength=length)
    return Layout(kind, n, row_at, column_at, below, above, length, scatter, indices, starts,
                  bool(counts.max(initial=0) <= 1), np.flatnonzero(counts == 0))


# -- orders: (place of each equation, place of each unknown) ---------------------------------------


def _placed(order: np.ndarray) -> np.ndarray:
    at = np.empty(len(order), np.int64)
    at[order] = np.arange(len(order))
    return at


def _rows_along(rows, columns, column_at, n: int) -> np.ndarray:
    """Equations ordered by the middle of the unknowns that they join."""
    least, most = np.full(n, n), np.full(n, -1)
    np.minimum.at(least, rows, column_at[columns])
    np.maximum.at(most, rows, column_at[columns])
    return _placed(np.argsort(least + most, kind="stable"))


def _natural(pattern: Pattern, rows, columns, n: int):
    column_at = np.arange(n)
    return _rows_along(rows, columns, column_at, n), column_at


def _interleaved(pattern: Pattern, rows, columns, n: int):
    """Unknowns element by element: those of one place in their arrays stand together. An unknown's
    place is where, on the whole, the equations that hold it stand in their relation."""
    spread = np.empty(n)
    for first, points in zip(pattern.first, pattern.points, strict=True):
        spread[first : first + len(points)] = points
    total, count = np.bincount(columns, spread[rows], n), np.bincount(columns, minlength=n)
    column_at = _placed(np.argsort(total / np.maximum(count, 1), kind="stable"))
    return _rows_along(rows, columns, column_at, n), column_at


def _cuthill_mckee(pattern: Pattern, rows, columns, n: int):
    from scipy.sparse import csc_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching, reverse_cuthill_mckee

    matrix = csc_matrix((np.ones(len(rows), np.int8), (rows, columns)), (n, n)).tocsr()
    own = maximum_bipartite_matching(matrix, perm_type="column")  # of each row, its column
    if (own < 0).any():
        return None  # structurally singular
    # With its own unknown on the diagonal, equation and unknown move together.
    square = csc_matrix((np.ones(len(rows), np.int8), (own[rows], columns)), (n, n))
    column_at = _placed(reverse_cuthill_mckee((square + square.T).tocsr(), symmetric_mode=True))
    return column_at[own], column_at
