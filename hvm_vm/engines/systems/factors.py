"""Eliminations: a matrix in one of the layouts becomes factors that solve for right-hand sides.

Each has `solve(right)` (rows of right-hand sides to rows of solutions), `solve_transposed`, `pivot`
(the least pivot by the largest, 0 when one is 0 or NaN) and `name`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hvm_vm.engines.systems.layout import SMALL, Layout


class Factors:
    """Factors of a matrix; `numbers` are overwritten."""

    name = ""

    norm: Callable[[], float]  # the largest sum of magnitudes of a row of the matrix

    def __init__(self, layout: Layout, pivots: np.ndarray):
        self.layout = layout
        self.pivot = pivot_ratio(pivots)

    def solve(self, right: np.ndarray) -> np.ndarray:
        return self.layout.restored(self._solve(self.layout.arranged(right), False))

    def solve_transposed(self, right: np.ndarray) -> np.ndarray:
        layout = self.layout
        if layout.column_at is not None:
            out = np.empty_like(right)
            out[..., layout.column_at] = right
            right = out
        x = self._solve(right, True)
        return x if layout.row_at is None else x[..., layout.row_at]

    def _solve(self, right: np.ndarray, transposed: bool) -> np.ndarray:
        raise NotImplementedError

    def condition(self) -> float:
        """An estimate of the condition number in the norm of row sums (Higham and Tisseur 2000)."""
        from scipy.sparse.linalg import LinearOperator, onenormest
        n = self.layout.size
        if n < 5 or not self.pivot:  # too small for the estimate
            return float("nan") if self.pivot else float("inf")
        inverse = LinearOperator(
            (n, n), matvec=lambda x: self.solve_transposed(x.reshape(1, -1))[0],
            rmatvec=lambda x: self.solve(x.reshape(1, -1))[0], dtype=float)
        return float(onenormest(inverse) * self.norm())


def pivot_ratio(pivots: np.ndarray) -> float:
    sizes = abs(pivots)
    most = sizes.max(initial=0.0)
    least = sizes.min(initial=np.inf)
    return float(least / most) if most > 0 and np.isfinite(most) and np.isfinite(least) else 0.0


class Small(Factors):
    """A few unknowns, by NumPy alone: importing SciPy takes longer than many such solves."""

    def __init__(self, layout: Layout, numbers: np.ndarray):
        n = layout.size
        self.matrix, self.name = numbers.reshape(n, n).copy(), f"LU {n}"
        self.layout = layout
        try:
            self.inverse = np.linalg.inv(self.matrix)
        except np.linalg.LinAlgError:
            self.inverse = np.full((n, n), np.nan)
        # As small where the matrix is nearly singular as pivots are, whatever its rows' scales.
        spread = (abs(self.inverse) @ abs(self.matrix).sum(axis=1)).max(initial=1.0)
        self.pivot = float(1 / spread) if np.isfinite(spread) else 0.0

    def _solve(self, right, transposed):
        matrix = self.matrix.T if transposed else self.matrix
        try:
            return np.linalg.solve(matrix, right.T).T
        except np.linalg.LinAlgError:
            return np.full_like(right, np.nan)

    def condition(self) -> float:
        """The condition number in the norm of row sums."""
        return self.norm() * float(abs(self.inverse).sum(axis=1).max(initial=0.0))


class Dense(Factors):
    """LAPACK's getrf of the transposed matrix: rows of ours are its columns."""

    def __init__(self, layout: Layout, numbers: np.ndarray):
        from scipy.linalg import lapack
        n = layout.size
        self.lapack = lapack
        self.lu, self.order, _ = lapack.dgetrf(numbers.reshape(n, n).T, overwrite_a=1)
        self.name = f"LU {n}"
        super().__init__(layout, self.lu.diagonal())

    def _solve(self, right, transposed):
        x, _ = self.lapack.dgetrs(self.lu, self.order, right.T, trans=0 if transposed else 1)
        return x.T

    def condition(self) -> float:
        """LAPACK's estimate of the condition number, in the norm of row sums."""
        reciprocal, _ = self.lapack.dgecon(self.lu, self.norm(), norm="1")
        return 1 / reciprocal if reciprocal > 0 else np.inf


class Cholesky(Factors):
    """potrf of a symmetric positive definite matrix."""

    def __init__(self, layout: Layout, root: np.ndarray, lapack):
        self.root, self.lapack = root, lapack
        self.name = f"Cholesky {layout.size}"
        super().__init__(layout, root.diagonal() ** 2)

    def _solve(self, right, transposed):
        x, _ = self.lapack.dpotrs(self.root, right.T, lower=1)
        return x.T

    def condition(self) -> float:
        """As of `Dense`."""
        reciprocal, _ = self.lapack.dpocon(self.root, self.norm(), uplo="L")
        return 1 / reciprocal if reciprocal > 0 else np.inf


class Tridiagonal(Factors):
    """gttrf: partial pivoting, one diagonal more."""

    def __init__(self, layout: Layout, numbers: np.ndarray):
        from scipy.linalg import lapack
        n = layout.size
        below, main, above = numbers.reshape(3, n)
        self.lapack = lapack
        self.factors = lapack.dgttrf(below[1:].copy(), main.copy(), above[: n - 1].copy())[:-1]
        self.name = f"tridiagonal {n}"
        super().__init__(layout, self.factors[1])

    def _solve(self, right, transposed):
        x, _ = self.lapack.dgttrs(*self.factors, np.asfortranarray(right.T),
                                  trans="T" if transposed else "N")
        return x.T


class Banded(Factors):
    def __init__(self, layout: Layout, numbers: np.ndarray):
        from scipy.linalg import lapack
        n, kl, ku = layout.size, layout.below, layout.above
        self.lapack = lapack
        self.lu, self.order, _ = lapack.dgbtrf(numbers.reshape(n, -1).T, kl, ku, overwrite_ab=1)
        self.name = f"banded {n}, {kl + ku + 1} wide"
        super().__init__(layout, self.lu[kl + ku])

    def _solve(self, right, transposed):
        layout = self.layout
        x, _ = self.lapack.dgbtrs(self.lu, layout.below, layout.above, right.T, self.order,
                                  trans=1 if transposed else 0)
        return x.T


class Sparse(Factors):
    """SciPy's SuperLU (Li 2005)."""

    def __init__(self, layout: Layout, numbers: np.ndarray):
        from scipy.sparse import csc_matrix
        from scipy.sparse.linalg import splu
        n = layout.size
        matrix = csc_matrix((numbers, layout.indices, layout.starts), (n, n))
        self.name = f"sparse LU {n}"
        try:
            self.lu = splu(matrix)
            pivots = self.lu.U.diagonal()
        except RuntimeError:  # exactly singular
            self.lu, pivots = None, np.zeros(1)
        super().__init__(layout, pivots)

    def _solve(self, right, transposed):
        if self.lu is None:
            return np.full_like(right, np.nan)
        return self.lu.solve(np.ascontiguousarray(right.T), "T" if transposed else "N").T


class RowsScaled(Factors):
    """Factors of a matrix whose rows have been multiplied by `row`."""

    def __init__(self, made: Factors, row: np.ndarray):
        self.made, self.row = made, row
        self.layout, self.name = made.layout, made.name
        self.pivot, self.norm = made.pivot, made.norm

    def solve(self, right):
        return self.made.solve(right * self.row)

    def solve_transposed(self, right):
        return self.made.solve_transposed(right) * self.row


def powers_of_two(sizes: np.ndarray) -> np.ndarray:
    """What brings magnitudes near 1 without rounding; 1 for what is 0 or not finite."""
    usual = np.isfinite(sizes) & (sizes > 0)
    exponents = np.frexp(np.where(usual, sizes, 1.0))[1]
    return np.ldexp(1.0, -exponents)


def factorise(layout: Layout, numbers: np.ndarray, norm: Callable[[], float]) -> Factors:
    """Factors of a matrix in its layout. `numbers` may be overwritten; `norm` is its largest sum of
    magnitudes of a row, asked for only by `condition`."""
    if layout.size <= SMALL:
        made: Factors = Small(layout, numbers)
        made.norm = norm
        return made
    kind = {"tridiagonal": Tridiagonal, "banded": Banded, "sparse": Sparse}.get(layout.kind)
    made = kind(layout, numbers) if kind else _cholesky(layout, numbers) or Dense(layout, numbers)
    made.norm = norm
    return made


def _cholesky(layout: Layout, numbers: np.ndarray) -> Cholesky | None:
    """None, and `numbers` as they were, unless the matrix is symmetric positive definite."""
    matrix = numbers.reshape(layout.size, layout.size)
    if not np.array_equal(matrix[0, :4], matrix[:4, 0]):  # most show at once that they are not
        return None
    main = matrix.diagonal().copy()
    if not (main > 0).all() or not _symmetric(matrix):
        return None
    from scipy.linalg import lapack
    root, info = lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if info == 0:
        return Cholesky(layout, root, lapack)
    below = np.tril(matrix, -1)  # the other half is as it was
    matrix[...] = below + below.T
    np.fill_diagonal(matrix, main)
    return None


BLOCK = 128  # rows and columns that are compared at once, so that both stay in the cache


def _symmetric(matrix: np.ndarray) -> bool:
    n = len(matrix)
    for i in range(0, n, BLOCK):
        for j in range(0, i + 1, BLOCK):
            block = matrix[i : i + BLOCK, j : j + BLOCK]
            if not np.array_equal(block, matrix[j : j + BLOCK, i : i + BLOCK].T):
                return False
    return True
