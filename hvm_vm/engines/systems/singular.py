"""Matrices without full rank: the directions in which the unknowns are free, and the combinations
of equations that say nothing (or that contradict each other)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DENSE = 400   # unknowns up to which all singular values are found; beyond, the few least ones
FEW = 6       # how many are looked for there
TINY = 1e-300    # what is not above it has no finite reciprocal, and is left as it is
SUSPECT = 1e-10  # pivots farther apart than this are looked at


@dataclass(frozen=True, eq=False, slots=True)
class Deficient:
    """`free`: rows, an orthonormal basis of the null space in scaled unknowns times their scales;
    `idle`: rows, likewise of the combinations of equations that are 0 for all unknowns."""

    free: np.ndarray
    idle: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class Slopes:
    """A matrix as numbers beside places; equal places add up."""

    rows: np.ndarray
    columns: np.ndarray
    numbers: np.ndarray
    size: int

    def times(self, x: np.ndarray) -> np.ndarray:
        return np.bincount(self.rows, self.numbers * x[self.columns], self.size)

    def reach(self, x: np.ndarray) -> np.ndarray:
        """sum[j](|J_ij*x_j|) of each equation."""
        return np.bincount(self.rows, abs(self.numbers * x[self.columns]), self.size)

    def reach_of_all(self, x: np.ndarray) -> np.ndarray:
        """`reach` of every row of `x`."""
        from scipy.sparse import csr_matrix
        matrix = csr_matrix((abs(self.numbers), (self.rows, self.columns)), (self.size, self.size))
        return (matrix @ abs(x).T).T

    def largest(self, weight: np.ndarray | None = None) -> np.ndarray:
        """The largest |J_ij|*weight_j of each equation."""
        out = np.zeros(self.size)
        sizes = abs(self.numbers) if weight is None else abs(self.numbers) * weight[self.columns]
        np.maximum.at(out, self.rows, sizes)
        return out

    def dense(self) -> np.ndarray:
        n = self.size
        return np.bincount(self.rows * n + self.columns, self.numbers, n * n).reshape(n, n)

    def norm(self) -> float:
        """The largest sum of magnitudes of a row."""
        return float(np.bincount(self.rows, abs(self.numbers), self.size).max(initial=0.0))

    def scaled(self, row: np.ndarray, column: np.ndarray) -> Slopes:
        numbers = self.numbers * row[self.rows] * column[self.columns]
        return Slopes(self.rows, self.columns, numbers, self.size)


def equilibrated(slopes: Slopes) -> tuple[Slopes, np.ndarray, np.ndarray]:
    """The matrix with rows, then columns, of largest magnitude 1, and the scales of both."""
    row = slopes.largest()
    row = 1 / np.where(row > TINY, row, 1.0)
    turned = Slopes(slopes.columns, slopes.rows, slopes.numbers * row[slopes.rows], slopes.size)
    column = turned.largest()
    column = 1 / np.where(column > TINY, column, 1.0)
    return slopes.scaled(row, column), row, column


def deficient(slopes: Slopes, epsilon: float) -> Deficient | None:
    """Where the matrix has no full rank (to rounding); None when it has."""
    scaled, row, column = equilibrated(slopes)
    least = 8 * epsilon * np.sqrt(slopes.size)
    if slopes.size <= DENSE:
        left, sizes, right = np.linalg.svd(scaled.dense())
        null = sizes <= least * max(sizes[0], 1e-300)
        if not null.any():
            return None
        return Deficient(right[null] * column, left.T[null] * row)
    free = _least(scaled, least, False)
    if free is None:
        return None
    idle = _least(scaled, least, True)
    return Deficient(free * column, (free[:0] if idle is None else idle) * row)


def _least(slopes: Slopes, least: float, transposed: bool) -> np.ndarray | None:
    """Vectors that the matrix takes to (nearly) 0, by inverse iteration with a block of them."""
    from scipy.sparse import csc_matrix, identity
    from scipy.sparse.linalg import splu
    n = slopes.size
    matrix = csc_matrix((slopes.numbers, (slopes.rows, slopes.columns)), (n, n))
    matrix = matrix.T.tocsc() if transposed else matrix
    size = abs(matrix).sum(axis=1).max()
    rng = np.random.default_rng(n)
    lu = None
    for shift in (1e-13, 1e-11):
        try:  # shifted off exact singularity
            lu = splu((matrix + shift * size * identity(n, format="csc")).tocsc())
            break
        except RuntimeError:
            continue
    if lu is None:
        return None
    block = np.linalg.qr(rng.standard_normal((n, min(FEW, n))))[0]
    for _ in range(4):
        block = lu.solve(block)
        if not np.isfinite(block).all():
            return None
        block = np.linalg.qr(block)[0]
    image = matrix @ block
    # The combinations of the block that are taken to the least.
    _, sizes, right = np.linalg.svd(image, full_matrices=False)
    found = (block @ right.T).T[sizes <= max(least, 1e-12) * size]
    return found if len(found) else None
