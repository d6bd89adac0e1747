"""Which subscripts a set of relations has: boxes, lattices, triangles and bands.

    y[1..3, 1..2]        y[2*k]         a[t,u] where u <= t

A region is the product of ranges with steps, cut by bounds on the differences of two subscripts. It
describes a set of subscripts only if it has exactly as many points as the set.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

MOST_POINTS = 50_000_000


@dataclass(frozen=True)
class Region:
    """Axis k runs over lo[k], lo[k]+step[k], … hi[k]; for (a, b, d) in `bounds`, the subscript a
    less the subscript b is at most d. The points `without` are left out."""

    lo: tuple[int, ...]
    hi: tuple[int, ...]
    step: tuple[int, ...]
    bounds: tuple[tuple[int, int, int], ...] = ()
    without: tuple[tuple[int, ...], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple((b - a) // s + 1 for a, b, s in zip(self.lo, self.hi, self.step, strict=True))

    def points(self) -> np.ndarray:
        """Every point, int64[points, axes], sorted."""
        grids = np.indices(self.shape).reshape(len(self.lo), -1).T
        grids = grids * np.array(self.step, np.int64) + np.array(self.lo, np.int64)
        keep = np.ones(len(grids), bool)
        for a, b, most in self.bounds:
            keep &= grids[:, a] - grids[:, b] <= most
        return grids[keep]


def hull(left: np.ndarray) -> Region:
    """The least region that holds all of `left` (int64[relations, axes])."""
    if not left.shape[1]:
        return Region((), (), ())
    lo, hi = left.min(axis=0), left.max(axis=0)
    step = [max(1, int(np.gcd.reduce(left[:, k] - lo[k]))) for k in range(left.shape[1])]
    bounds = []
    axes = left.shape[1]
    if prod(((hi - lo) // step + 1).tolist()) > len(left):
        for a in range(axes):
            for b in range(axes):
                if a != b and step[a] == step[b] == 1:
                    most = int((left[:, a] - left[:, b]).max())
                    if most < hi[a] - lo[b]:
                        bounds.append((a, b, most))
    return Region(tuple(lo.tolist()), tuple(hi.tolist()), tuple(step), tuple(bounds))


def missing(region: Region, left: np.ndarray) -> np.ndarray | None:
    """The points of the region that `left` has not; None when the region is too large to ask."""
    size = prod(region.shape)
    if size == len(left) and not region.bounds:
        return left[:0]
    if size > 8 * len(left) + 1000 or size > MOST_POINTS:
        return None
    lo, step = np.array(region.lo, np.int64), np.array(region.step, np.int64)
    mask = np.zeros(region.shape, bool)
    mask[tuple(((left - lo) // step).T)] = True
    points = region.points()
    return points[~mask[tuple(((points - lo) // step).T)]]


def parted(left: np.ndarray, most: int = 8, depth: int = 3) -> list[np.ndarray] | None:
    """`left` (rows are numbered) cut along its axes into few parts, each of which is a region;
    None when that does not work."""
    for axis in range(left.shape[1]):
        slices: dict[int, np.ndarray] = {}
        order = np.argsort(left[:, axis], kind="stable")
        values, start = np.unique(left[order, axis], return_index=True)
        for value, rows in zip(values.tolist(), np.split(order, start[1:]), strict=True):
            slices[value] = rows
        parts: list[list[np.ndarray]] = []
        previous = None
        for value, rows in slices.items():
            others = np.delete(left[rows], axis, axis=1)
            section = others[np.lexsort(others.T[::-1])] if others.shape[1] else others
            if previous is not None and value == previous[0] + 1 and np.array_equal(
                    section, previous[1]):
                parts[-1].append(rows)
            else:
                parts.append([rows])
            previous = value, section
            if len(parts) > most:
                break
        if len(parts) > most:
            continue
        found: list[np.ndarray] = []
        for rows in (np.concatenate(p) for p in parts):
            if _exact(left[rows]):
                found.append(rows)
                continue
            cut = parted(left[rows], most, depth - 1) if depth and len(parts) > 1 else None
            if cut is None:
                found = []
                break
            found += [rows[c] for c in cut]
        if found and len(found) <= most:
            return found
    return None


def _exact(left: np.ndarray) -> bool:
    absent = missing(hull(left), left)
    return absent is not None and not len(absent)
