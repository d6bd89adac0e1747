"""Reductions of a block of lanes to one value.

Sums and products are folded in halves, which is pairwise summation and vectorises as plain adds;
block results of f32 are collected in f64. A state is six words: total, correction, count, best,
index, any.

    reduce.<op>.<type>   dst: result, or the state when `lanes of a` come in several blocks
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit.kernels.intrinsics import get_f64, get_i64, lanes, put_f64, put_i64
from hvm_vm.engines.jit.kernels.loops import inline


def build(name: str, op: str, kind: str, truth: str):
    """`reduce.block.<op>.<type>.<truth>`: a block into the state `dst` (a: lanes, b: condition
    lanes of the truth type or 0, c: scratch of as many lanes; for argmax and argmin: the index
    values). `reduce.final…`: the state `a` into the result `dst`; status 1 when nothing was
    reduced. `reduce.whole…`: both, for a reduction of one block; the state is behind the scratch
    of `c`."""
    if op in ("argmax", "argmin"):
        return _arg(name, op, kind, truth)
    if op in ("any", "all"):
        return _truth(name, op, kind, truth)
    return _fold(name, op, kind, truth)


TOTAL, CORRECTION, COUNT = 0, 1, 2


def identity(op: str, kind: str):
    T = lanes(kind).T
    if op in ("sum", "mean"):
        return T(0)
    if op == "prod":
        return T(1)
    if kind == "i64":
        limits = np.iinfo(np.int64)
        return limits.min if op == "max" else limits.max
    return T(-np.inf) if op == "max" else T(np.inf)


def combine(op: str):
    """The scalar function of a fold; a NaN stays."""
    return inline({
        "sum": lambda x, y: x + y, "mean": lambda x, y: x + y, "prod": lambda x, y: x * y,
        "max": lambda x, y: x if (x > y or x != x) else y,
        "min": lambda x, y: x if (x < y or x != x) else y,
    }[op])


def make_fold(op: str, kind: str):
    """`fold(a, tmp, n)`: a block's value by halves; n > 0, `tmp` holds n/2 + 1 lanes."""
    get, put, f, size = lanes(kind).get, lanes(kind).put, combine(op), lanes(kind).size

    def fold(a, tmp, n):
        if n < 8:
            total = get(a, 0)
            for i in range(1, n):
                total = f(total, get(a, i))
            return total
        half = n // 2
        other = a + (n - half) * size
        for i in range(half):
            put(tmp, i, f(get(a, i), get(other, i)))
        n -= half
        if n > half:
            put(tmp, half, get(a, half))
        while n > 1:
            half = n // 2
            other = tmp + (n - half) * size
            for i in range(half):
                put(tmp, i, f(get(tmp, i), get(other, i)))
            n -= half
        return get(tmp, 0)
    return inline(fold)


def _fold(name, op, kind, truth):
    tools, holds = lanes(kind), lanes(truth).get
    get, put, size, T = tools.get, tools.put, tools.size, tools.T
    wide = lanes("i64" if kind == "i64" else "f64")
    wget, wput, W = wide.get, wide.put, wide.T
    fold, f, start = make_fold(op, kind), combine(op), identity(op, kind)
    empty_is_error, mean = op not in ("sum", "prod"), op == "mean"
    compensated = kind != "i64" and op in ("sum", "mean")
    first = W(start)

    def masked(a, b, c, n):
        """Lanes outside the condition become the identity; the number of those inside."""
        count = 0
        for i in range(n):
            inside = holds(b, i) != 0
            put(c, i, get(a, i) if inside else start)
            count += 1 if inside else 0
        return count

    masked = inline(masked)

    def block_value(a, b, c, n):
        if b != 0:
            count = masked(a, b, c + n * size, n)
            return fold(c + n * size, c, n), count
        return fold(a, c, n), n

    block_value = inline(block_value)

    def block(dst, a, b, c, n):
        value, count = block_value(a, b, c, n)
        if get_i64(dst, COUNT) == -1:  # the first block
            wput(dst, TOTAL, first)
            put_f64(dst, CORRECTION, 0.0)
            put_i64(dst, COUNT, 0)
        total = wget(dst, TOTAL)
        if compensated:  # Neumaier: what rounding dropped is kept apart
            sum_ = total + value
            lost = (total - sum_) + value if abs(total) >= abs(value) else (value - sum_) + total
            if lost == lost:  # not once an infinity has come in
                put_f64(dst, CORRECTION, get_f64(dst, CORRECTION) + lost)
            wput(dst, TOTAL, sum_)
        else:
            wput(dst, TOTAL, f(total, W(value)))
        put_i64(dst, COUNT, get_i64(dst, COUNT) + count)
        return 0

    def final(dst, a, b, c, n):
        count = get_i64(a, COUNT)
        if empty_is_error and count <= 0:
            return 1
        total = wget(a, TOTAL)
        if count < 0:
            total = first
        elif compensated:
            total += get_f64(a, CORRECTION)
        if mean:
            put(dst, 0, T(total / W(count)))
        else:
            put(dst, 0, T(total))
        return 0

    def whole(dst, a, b, c, n):
        value, count = block_value(a, b, c, n)
        if empty_is_error and count == 0:
            return 1
        if mean:
            put(dst, 0, value / T(count))
        else:
            put(dst, 0, value)
        return 0

    return {"block": block, "final": final, "whole": whole, "begin": begin}[name]


def begin(dst, a, b, c, n):
    """An empty state."""
    put_i64(dst, COUNT, -1)
    put_i64(dst, TOTAL, 0)
    return 0


def _truth(name, op, kind, truth):
    """any, all: TOTAL counts the lanes that decide."""
    get, put, holds = lanes(kind).get, lanes(truth).put, lanes(truth).get
    any_, zero, one = op == "any", lanes(truth).T(0), lanes(truth).T(1)

    def decisive(a, b, n):
        count, hits = 0, 0
        for i in range(n):
            inside = True
            if b != 0:
                inside = holds(b, i) != 0
            count += 1 if inside else 0
            hits += 1 if inside and ((get(a, i) != 0) == any_) else 0
        return count, hits

    decisive = inline(decisive)

    def block(dst, a, b, c, n):
        count, hits = decisive(a, b, n)
        put_i64(dst, COUNT, max(get_i64(dst, COUNT), 0) + count)
        put_i64(dst, TOTAL, get_i64(dst, TOTAL) + hits)
        return 0

    def final(dst, a, b, c, n):
        if get_i64(a, COUNT) <= 0:
            return 1
        put(dst, 0, one if (get_i64(a, TOTAL) > 0) == any_ else zero)
        return 0

    def whole(dst, a, b, c, n):
        count, hits = decisive(a, b, n)
        if count == 0:
            return 1
        put(dst, 0, one if (hits > 0) == any_ else zero)
        return 0

    return {"block": block, "final": final, "whole": whole, "begin": begin}[name]


def make_key(op: str, kind: str):
    """A whole number that orders as the lane does for `op`: the best is the largest. NaN is the
    best of all, zeros of either sign are equal, and no lane gives `worst`, the second value."""
    tools = lanes(kind)
    W, bits, zero = tools.I, tools.to_bits, tools.T(0)
    limits = np.iinfo(W)
    worst, best, shift = W(limits.min), W(limits.max), W(limits.bits - 1)
    sign = tools.T(-1 if op == "argmin" else 1)

    def key(x):
        k = bits(sign * x + zero)
        k = W(k ^ (W(k >> shift) & best))
        return k if x == x else best
    return inline(key), worst


def _arg(name, op, kind, truth):
    """argmax, argmin: the first place of the best; a NaN is the best of all. The best key is kept
    in TOTAL, its index value in CORRECTION; index values run by 1 from the first lane of `c`.

    Keys are whole numbers since LLVM takes their maximum in vectors; the place of the best is
    looked for in the one stretch of lanes that has it."""
    get, holds = lanes(kind).get, lanes(truth).get
    key, worst = make_key(op, kind)
    W, stretch = lanes(kind).I, 256

    def best_of(a, b, first, last):
        best = worst
        if b == 0:
            for i in range(first, last):
                best = max(best, key(get(a, i)))
        else:
            for i in range(first, last):
                best = max(best, key(get(a, i)) if holds(b, i) != 0 else worst)
        return W(best)

    best_of = inline(best_of)

    def search(a, b, n):
        """The best key and its lane; `worst` when there is none."""
        best, start = worst, 0
        for first in range(0, n, stretch):
            found = best_of(a, b, first, min(first + stretch, n))
            if found > best:
                best, start = found, first
        i = start
        while best != worst and (key(get(a, i)) != best or (b != 0 and holds(b, i) == 0)):
            i += 1
        return best, i

    search = inline(search)

    def block(dst, a, b, c, n):
        best, i = search(a, b, n)
        if best != worst and (get_i64(dst, COUNT) <= 0 or best > get_i64(dst, TOTAL)):
            put_i64(dst, TOTAL, best)
            put_i64(dst, CORRECTION, get_i64(c, 0) + i)
            put_i64(dst, COUNT, 1)
        return 0

    def final(dst, a, b, c, n):
        if get_i64(a, COUNT) <= 0:
            return 1
        put_i64(dst, 0, get_i64(a, CORRECTION))
        return 0

    def whole(dst, a, b, c, n):
        best, i = search(a, b, n)
        if best == worst:
            return 1
        put_i64(dst, 0, get_i64(c, 0) + i)
        return 0

    return {"block": block, "final": final, "whole": whole, "begin": begin}[name]
