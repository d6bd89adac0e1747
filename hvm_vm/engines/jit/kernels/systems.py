"""Systems over arrays: the way from the dispatch loop into `prepare_system.Callback`, and what is
worth compiling there.

`product` sums products of two operands and their magnitudes in one pass. `tridiagonal` eliminates
from both ends at once. One row's pivot needs that before it, so that the latency of a division a
row would bound the speed: pivots d'_i = d_i - a_i*c_{i-1}/d'_{i-1} are found as quotients of
p_i = d_i*p_{i-1} - a_i*c_{i-1}*p_{i-2} instead (Evans and Hatzopoulos 1979), BLOCK rows at a time,
whose divisions do not wait for each other. Without pivoting this is stable where the matrix is
diagonally dominant, which is checked; else the caller uses LAPACK.
"""

from __future__ import annotations

from math import fabs

from numba import njit

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import call1, get_f64, get_i64, lanes, put_f64

BLOCK = 16
DOUBTFUL = 2
SINGULAR = 1e-10  # the last pivot, in parts of its row; dominance bounds the others from below


def call(p):
    """Let the callback solve; its status."""
    return call1(get_i64(p, at.SYSTEM_CALLBACK), p)


def tridiagonal(p):
    """x of below*x[i-1] + main*x[i] + above*x[i+1] + constant = 0. Status DOUBTFUL where the matrix
    is not diagonally dominant, its last pivot nearly 0, or a residual too large a share of its
    terms: then x is not to be used."""
    n = get_i64(p, at.TRI_SIZE)
    a, d, c = get_i64(p, at.TRI_BELOW), get_i64(p, at.TRI_MAIN), get_i64(p, at.TRI_ABOVE)
    f, x = get_i64(p, at.TRI_CONSTANT), get_i64(p, at.TRI_X)
    r, y = get_i64(p, at.TRI_PIVOTS), get_i64(p, at.TRI_CARRIED)
    held = get_i64(p, at.TRI_HELD)
    # Rows 0 … m-1 from above and as many from below, to the middle row m; one more below when the
    # number is even: it is taken first.
    m = (n - 1) // 2
    low = n - 1 if n - 1 - m == m else n - 2
    if low < n - 1:
        put_f64(r, n - 1, 1.0 / get_f64(d, n - 1))
        put_f64(y, n - 1, -get_f64(f, n - 1))
    if m > 0:
        put_f64(r, 0, 1.0 / get_f64(d, 0))
        put_f64(y, 0, -get_f64(f, 0))
        pivot, carry = get_f64(d, low), -get_f64(f, low)
        if low < n - 1:
            pivot -= get_f64(c, low) * get_f64(a, n - 1) * get_f64(r, n - 1)
            carry -= get_f64(c, low) * get_f64(r, n - 1) * get_f64(y, n - 1)
        put_f64(r, low, 1.0 / pivot)
        put_f64(y, low, carry)
    first = 1
    while first < m:
        count = m - first if m - first < BLOCK else BLOCK
        # p_{i-1} and p_{i-2} of both ends, so that their quotient is the pivot before.
        u1, u2, v1, v2 = 1.0, get_f64(r, first - 1), 1.0, get_f64(r, low - first + 1)
        put_f64(held, 0, 1.0)
        put_f64(held, BLOCK + 1, 1.0)
        for k in range(count):
            i, j = first + k, low - first - k
            u = get_f64(d, i) * u1 - get_f64(a, i) * get_f64(c, i - 1) * u2
            v = get_f64(d, j) * v1 - get_f64(c, j) * get_f64(a, j + 1) * v2
            put_f64(held, k + 1, u)
            put_f64(held, BLOCK + k + 2, v)
            u2, u1, v2, v1 = u1, u, v1, v
        for k in range(count):
            put_f64(r, first + k, get_f64(held, k) / get_f64(held, k + 1))
            put_f64(r, low - first - k, get_f64(held, BLOCK + k + 1) / get_f64(held, BLOCK + k + 2))
        top, bottom = get_f64(y, first - 1), get_f64(y, low - first + 1)
        for k in range(count):
            i, j = first + k, low - first - k
            top = -get_f64(f, i) - get_f64(a, i) * get_f64(r, i - 1) * top
            bottom = -get_f64(f, j) - get_f64(c, j) * get_f64(r, j + 1) * bottom
            put_f64(y, i, top)
            put_f64(y, j, bottom)
        first += count
    pivot, carry = get_f64(d, m), -get_f64(f, m)
    if m > 0:
        pivot -= get_f64(a, m) * get_f64(c, m - 1) * get_f64(r, m - 1)
        carry -= get_f64(a, m) * get_f64(r, m - 1) * get_f64(y, m - 1)
    if m < n - 1:
        pivot -= get_f64(c, m) * get_f64(a, m + 1) * get_f64(r, m + 1)
        carry -= get_f64(c, m) * get_f64(r, m + 1) * get_f64(y, m + 1)
    if not fabs(pivot) > SINGULAR * fabs(get_f64(d, m)):
        return DOUBTFUL
    top = carry / pivot
    bottom = top
    put_f64(x, m, top)
    for k in range(1, m + 1):
        i, j = m - k, m + k
        top = get_f64(y, i) * get_f64(r, i) - get_f64(c, i) * get_f64(r, i) * top
        bottom = get_f64(y, j) * get_f64(r, j) - get_f64(a, j) * get_f64(r, j) * bottom
        put_f64(x, i, top)
        put_f64(x, j, bottom)
    if low < n - 1:
        j = n - 1
        put_f64(x, j, (get_f64(y, j) - get_f64(a, j) * bottom) * get_f64(r, j))
    # Nothing is stored from here on, so that the loop runs over vectors.
    share, wrong = get_f64(p, at.TRI_SHARE), 0
    for i in range(1, n - 1):
        below, main, above = get_f64(a, i), get_f64(d, i), get_f64(c, i)
        wrong += not fabs(main) >= fabs(below) + fabs(above)
        below *= get_f64(x, i - 1)
        main *= get_f64(x, i)
        above *= get_f64(x, i + 1)
        size = fabs(below) + fabs(main) + fabs(above) + fabs(get_f64(f, i))
        wrong += not fabs(below + main + above + get_f64(f, i)) <= share * size
    for i in range(0, n, n - 1 if n > 1 else 1):
        total, size, beside = get_f64(f, i), fabs(get_f64(f, i)), 0.0
        for j in range(i - 1 if i > 0 else 0, i + 2 if i < n - 1 else n):
            slope = get_f64(a, i) if j < i else get_f64(d, i) if j == i else get_f64(c, i)
            total += slope * get_f64(x, j)
            size += fabs(slope * get_f64(x, j))
            beside += fabs(slope) if j != i else 0.0
        wrong += not fabs(total) <= share * size
        wrong += not fabs(get_f64(d, i)) >= beside
    return DOUBTFUL if wrong != 0 else 0


def _product(kind: str):
    get = lanes(kind).get

    # Partial sums may be added in any order, so that they lie in vectors.
    @njit(error_model="numpy", fastmath={"reassoc"}, no_cpython_wrapper=True,
          no_cfunc_wrapper=True)
    def dense(a, b, columns):
        total, size = 0.0, 0.0
        for k in range(columns):
            t = float(get(a, k)) * float(get(b, k))
            total += t
            size += fabs(t)
        return total, size

    def product(p):
        rows, columns = get_i64(p, at.PRODUCT_ROWS), get_i64(p, at.PRODUCT_COLUMNS)
        a, b = get_i64(p, at.PRODUCT_A), get_i64(p, at.PRODUCT_B)
        a_row, a_step = get_i64(p, at.PRODUCT_A_ROW), get_i64(p, at.PRODUCT_A_STEP)
        b_row, b_step = get_i64(p, at.PRODUCT_B_ROW), get_i64(p, at.PRODUCT_B_STEP)
        sums, sizes = get_i64(p, at.PRODUCT_SUMS), get_i64(p, at.PRODUCT_SIZES)
        width = 4 if kind == "f32" else 8
        plain = a_step == width and b_step == width
        for row in range(rows):
            if plain:
                total, size = dense(a, b, columns)
            else:
                total, size = 0.0, 0.0
                for k in range(columns):
                    t = float(get(a + k * a_step, 0)) * float(get(b + k * b_step, 0))
                    total += t
                    size += fabs(t)
            put_f64(sums, row, total)
            put_f64(sizes, row, size)
            a += a_row
            b += b_row
        return 0
    return product


def build(name, kind=""):
    if name == "product":
        return _product(kind)
    return {"call": call, "tridiagonal": tridiagonal}[name]
