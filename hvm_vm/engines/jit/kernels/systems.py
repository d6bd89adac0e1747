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
CHECKED = 128  # rows
DOUBTFUL = 2
SINGULAR = 1e-10  # the last pivot, in parts of its row; dominance bounds the others from below


def call(p):
    """Let the callback solve; its status."""
    return call1(get_i64(p, at.SYSTEM_CALLBACK), p)


# Contraction only: sums stay in their order.
@njit(error_model="numpy", fastmath={"contract"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _forward(a, d, c, f, sign, r, x, held, m, low, p, q):
    """From both ends to the middle row; r becomes the slope beside each row's pivot, in parts of
    the pivot, x the row's constant, likewise. p and q are the first pivots' reciprocals."""
    first, top, bottom = 1, get_f64(x, 0), get_f64(x, low)
    while first < m:
        count = m - first if m - first < BLOCK else BLOCK
        # p_{i-1} and p_{i-2} of both ends, so that their quotient is the pivot before.
        u1, u2, v1, v2 = 1.0, p, 1.0, q
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
            put_f64(held, k, get_f64(held, k) / get_f64(held, k + 1))
        for k in range(BLOCK + 1, BLOCK + 1 + count):
            put_f64(held, k, get_f64(held, k) / get_f64(held, k + 1))
        for k in range(count):
            i, j = first + k, low - first - k
            p, q = get_f64(held, k), get_f64(held, BLOCK + 1 + k)
            top = sign * get_f64(f, i) * p - get_f64(a, i) * p * top
            bottom = sign * get_f64(f, j) * q - get_f64(c, j) * q * bottom
            put_f64(x, i, top)
            put_f64(x, j, bottom)
            put_f64(r, i, get_f64(c, i) * p)
            put_f64(r, j, get_f64(a, j) * q)
        first += count


@njit(error_model="numpy", fastmath={"contract"}, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _wrong(a, d, c, f, sign, x, start, stop, share):
    """How many of the rows are not dominated by their main slope, or not solved."""
    found = 0
    for i in range(start, stop):
        below, main, above = get_f64(a, i), get_f64(d, i), get_f64(c, i)
        found += not fabs(main) >= fabs(below) + fabs(above)
        below *= get_f64(x, i - 1)
        main *= get_f64(x, i)
        above *= get_f64(x, i + 1)
        size = fabs(below) + fabs(main) + fabs(above) + fabs(get_f64(f, i))
        found += not fabs(below + main + above - sign * get_f64(f, i)) <= share * size
    return found


def tridiagonal(p):
    """x of below*x[i-1] + main*x[i] + above*x[i+1] = sign*constant. Status DOUBTFUL where the
    matrix is not diagonally dominant, its last pivot nearly 0, or a residual too large a share of
    its terms: then x is not to be used."""
    n, sign = get_i64(p, at.TRI_SIZE), get_f64(p, at.TRI_SIGN)
    a, d, c = get_i64(p, at.TRI_BELOW), get_i64(p, at.TRI_MAIN), get_i64(p, at.TRI_ABOVE)
    f, x, r = get_i64(p, at.TRI_CONSTANT), get_i64(p, at.TRI_X), get_i64(p, at.TRI_CARRIED)
    # Rows 0 … m-1 from above and as many from below, to the middle row m; one more below when the
    # number is even: it is taken first.
    last = n - 1
    m = last // 2
    low = last if last - m == m else last - 1
    if low < last:
        put_f64(r, last, get_f64(a, last) / get_f64(d, last))
        put_f64(x, last, sign * get_f64(f, last) / get_f64(d, last))
    if m > 0:
        pivot, carry = get_f64(d, low), sign * get_f64(f, low)
        if low < last:
            pivot -= get_f64(c, low) * get_f64(r, last)
            carry -= get_f64(c, low) * get_f64(x, last)
        put_f64(r, low, get_f64(a, low) / pivot)
        put_f64(x, low, carry / pivot)
        put_f64(r, 0, get_f64(c, 0) / get_f64(d, 0))
        put_f64(x, 0, sign * get_f64(f, 0) / get_f64(d, 0))
        _forward(a, d, c, f, sign, r, x, get_i64(p, at.TRI_HELD), m, low, 1.0 / get_f64(d, 0),
                 1.0 / pivot)
    pivot, carry = get_f64(d, m), sign * get_f64(f, m)
    if m > 0:
        pivot -= get_f64(a, m) * get_f64(r, m - 1)
        carry -= get_f64(a, m) * get_f64(x, m - 1)
    if m < last:
        pivot -= get_f64(c, m) * get_f64(r, m + 1)
        carry -= get_f64(c, m) * get_f64(x, m + 1)
    if not fabs(pivot) > SINGULAR * fabs(get_f64(d, m)):
        return DOUBTFUL
    top = carry / pivot
    bottom = top
    put_f64(x, m, top)
    # Back to the ends; what has become known is checked while it is in the cache.
    share, wrong, k = get_f64(p, at.TRI_SHARE), 0, 1
    while k <= m:
        end = k + CHECKED if k + CHECKED < m + 1 else m + 1
        for away in range(k, end):
            i, j = m - away, m + away
            top = get_f64(x, i) - get_f64(r, i) * top
            bottom = get_f64(x, j) - get_f64(r, j) * bottom
            put_f64(x, i, top)
            put_f64(x, j, bottom)
        least = m - end + 2
        wrong += _wrong(a, d, c, f, sign, x, least if least > 1 else 1, m - k + 2, share)
        wrong += _wrong(a, d, c, f, sign, x, m + k, m + end - 1, share)
        k = end
    if low < last:
        put_f64(x, last, get_f64(x, last) - get_f64(r, last) * bottom)
        if low > 0:
            wrong += _wrong(a, d, c, f, sign, x, low, last, share)
    for i in range(0, n, last if n > 1 else 1):
        total, size, beside = -sign * get_f64(f, i), fabs(get_f64(f, i)), 0.0
        for j in range(i - 1 if i > 0 else 0, i + 2 if i < last else n):
            slope = get_f64(a, i) if j < i else get_f64(d, i) if j == i else get_f64(c, i)
            total += slope * get_f64(x, j)
            size += fabs(slope * get_f64(x, j))
            beside += fabs(slope) if j != i else 0.0
        wrong += not fabs(total) <= share * size
        wrong += not fabs(get_f64(d, i)) >= beside
    return DOUBTFUL if wrong != 0 else 0


def _product(kind: str):
    get = lanes(kind).get
    width = 4 if kind == "f32" else 8

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

    # Four rows side by side read memory faster than one.
    @njit(error_model="numpy", fastmath={"reassoc"}, no_cpython_wrapper=True,
          no_cfunc_wrapper=True)
    def dense4(a, a_row, b, columns, sums, sizes):
        a1, a2, a3 = a + a_row, a + 2 * a_row, a + 3 * a_row
        t0 = t1 = t2 = t3 = s0 = s1 = s2 = s3 = 0.0
        for k in range(columns):
            x = float(get(b, k))
            t = float(get(a, k)) * x
            t0 += t
            s0 += fabs(t)
            t = float(get(a1, k)) * x
            t1 += t
            s1 += fabs(t)
            t = float(get(a2, k)) * x
            t2 += t
            s2 += fabs(t)
            t = float(get(a3, k)) * x
            t3 += t
            s3 += fabs(t)
        put_f64(sums, 0, t0)
        put_f64(sums, 1, t1)
        put_f64(sums, 2, t2)
        put_f64(sums, 3, t3)
        put_f64(sizes, 0, s0)
        put_f64(sizes, 1, s1)
        put_f64(sizes, 2, s2)
        put_f64(sizes, 3, s3)

    def product(p):
        rows, columns = get_i64(p, at.PRODUCT_ROWS), get_i64(p, at.PRODUCT_COLUMNS)
        a, b = get_i64(p, at.PRODUCT_A), get_i64(p, at.PRODUCT_B)
        a_row, a_step = get_i64(p, at.PRODUCT_A_ROW), get_i64(p, at.PRODUCT_A_STEP)
        b_row, b_step = get_i64(p, at.PRODUCT_B_ROW), get_i64(p, at.PRODUCT_B_STEP)
        sums, sizes = get_i64(p, at.PRODUCT_SUMS), get_i64(p, at.PRODUCT_SIZES)
        if a_row == 0:  # the one that stays is the second
            a, a_row, a_step, b, b_row, b_step = b, b_row, b_step, a, a_row, a_step
        plain = a_step == width and b_step == width
        row = 0
        while plain and b_row == 0 and row + 4 <= rows:
            dense4(a, a_row, b, columns, sums + 8 * row, sizes + 8 * row)
            row += 4
            a += 4 * a_row
        while row < rows:
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
            row += 1
        return 0
    return product


def build(name, kind=""):
    if name == "product":
        return _product(kind)
    return {"call": call, "tridiagonal": tridiagonal}[name]
