"""Gaussian elimination with full pivoting, of a matrix that tells its rank (Golub and Van Loan
2013, section 3.4.8). The pivots are compared after scaling by rows and columns."""

from __future__ import annotations

from hvm_vm.engines.solving.memory import (
    COLUMN,
    CONDITION,
    HEAD,
    ORDER,
    RIGHT,
    ROW,
    VECTORS,
    WORK,
)


def make(get, put, jit):
    """(eliminate, null_vector) over a memory; `jit` decorates its functions."""

    @jit
    def swap(m, a, b):
        held = get(m, a)
        put(m, a, get(m, b))
        put(m, b, held)
        return 0

    @jit
    def eliminate(m, n, least):
        """Solve WORK*y = RIGHT in place, with ROW and COLUMN the scales. The rank: pivots below
        `least` of the first count as 0. When it is n, y is in RIGHT."""
        work, right, order = HEAD + (VECTORS + WORK * n) * n, HEAD + RIGHT * n, HEAD + ORDER * n
        row, column = HEAD + ROW * n, HEAD + COLUMN * n
        for j in range(n):
            put(m, order + j, float(j))
        first, best = 0.0, 1.0
        for k in range(n):
            best, p, q = -1.0, k, k
            for i in range(k, n):
                for j in range(k, n):
                    size = abs(get(m, work + i * n + j)) * get(m, row + i) * get(m, column + j)
                    if size > best:
                        best, p, q = size, i, j
            if k == 0:
                first = best
            if not best > least * first or best == 0.0:
                put(m, CONDITION, 1e300)
                return k
            if p != k:
                for j in range(n):
                    swap(m, work + k * n + j, work + p * n + j)
                swap(m, right + k, right + p)
                swap(m, row + k, row + p)
            if q != k:
                for i in range(n):
                    swap(m, work + i * n + k, work + i * n + q)
                swap(m, order + k, order + q)
                swap(m, column + k, column + q)
            pivot = get(m, work + k * n + k)
            for i in range(k + 1, n):
                factor = get(m, work + i * n + k) / pivot
                if factor != 0.0:
                    for j in range(k + 1, n):
                        put(m, work + i * n + j,
                            get(m, work + i * n + j) - factor * get(m, work + k * n + j))
                    put(m, right + i, get(m, right + i) - factor * get(m, right + k))
        put(m, CONDITION, first / best)
        for back in range(n):
            k = n - 1 - back
            total = get(m, right + k)
            for j in range(k + 1, n):
                total -= get(m, work + k * n + j) * get(m, row + j)
            put(m, row + k, total / get(m, work + k * n + k))  # the rows' scales are used up
        for k in range(n):
            put(m, right + int(get(m, order + k)), get(m, row + k))
        return n

    @jit
    def null_vector(m, n, rank, into):
        """The vector that the eliminated matrix of this rank maps to 0 (of full rank n, give n-1:
        the one that it shrinks most, about) into the vector at `into`."""
        work, row, order = HEAD + (VECTORS + WORK * n) * n, HEAD + ROW * n, HEAD + ORDER * n
        for k in range(n):
            put(m, row + k, 1.0 if k == rank else 0.0)
        for back in range(rank):
            k = rank - 1 - back
            total = 0.0
            for j in range(k + 1, rank + 1):
                total -= get(m, work + k * n + j) * get(m, row + j)
            put(m, row + k, total / get(m, work + k * n + k))
        for k in range(n):
            put(m, into + int(get(m, order + k)), get(m, row + k))
        return 0

    return eliminate, null_vector
