"""Whole-row kernels: softmax and the norms, over one row of lanes that lie side by side.

`dst` may be the row itself. Sums and maxima are folded in halves (see `reductions.make_fold`).
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit.kernels.intrinsics import get_i64, lanes
from hvm_vm.engines.jit.kernels.lanes_math import make_exp
from hvm_vm.engines.jit.kernels.loops import inline
from hvm_vm.engines.jit.kernels.reductions import make_fold


def build(name: str, kind: str):
    if name in ("softmax", "attend"):
        return _softmax(kind, name == "attend")
    return {"layer_norm": _layer_norm, "rms_norm": _rms_norm}[name](kind)


def make_copy(kind):
    get, put = lanes(kind).get, lanes(kind).put

    def copy(dst, a, n):
        if dst != a:
            for i in range(n):
                put(dst, i, get(a, i))
    return inline(copy)


def _softmax(kind, flush):
    """dst = w e^(a - m)/sum(…), w the lanes b (or 0: all 1); c: (condition lanes or 0, scratch of n
    lanes). See `isa` and the reference engine for what is outside the condition.

    With `flush` (attention), probabilities below the smallest normal number become 0: they add
    less than 1e-37 of the values, and matrix products with subnormal numbers are a hundred times
    slower. Lanes outside become -0, which no other lane is (see `attention.py`)."""
    tools = lanes(kind)
    tiny = tools.T(np.finfo(tools.T).tiny if flush else 0)
    get, put, zero, one = tools.get, tools.put, tools.T(0), tools.T(1)
    most, least, outside = tools.T(np.inf), tools.T(-np.inf), tools.T(-0.0 if flush else 0.0)
    exp, top, total, copy = (make_exp(kind), make_fold("max", kind), make_fold("sum", kind),
                             make_copy(kind))

    def plain(dst, a, scratch, n):
        copy(dst, a, n)
        m = top(dst, scratch, n)
        for i in range(n):
            put(dst, i, exp(get(dst, i) - m))
        sum_ = total(dst, scratch, n)
        scale = one / (m if m == most else sum_)  # beside an infinite score all others are 0
        for i in range(n):
            x = get(dst, i) * scale
            put(dst, i, zero if abs(x) < tiny else x)

    def weighted(dst, a, b, condition, scratch, n):
        copy(dst, a, n)
        for i in range(n):
            inside = True
            if condition != 0:
                inside = get(condition, i) != zero
            if b != 0:
                inside = inside and get(b, i) != zero
            if not inside:
                put(dst, i, least)
        m = top(dst, scratch, n)
        for i in range(n):
            e = exp(get(dst, i) - m)
            inside = True
            if condition != 0:
                inside = get(condition, i) != zero
            if b != 0:
                w = get(b, i)
                inside = inside and w != zero
                e *= w
            put(dst, i, e if inside else zero)
        sum_ = total(dst, scratch, n)
        if m == most:
            sum_ = m
        for i in range(n):
            x = get(dst, i) / sum_
            x = zero if abs(x) < tiny else x
            if condition != 0:
                x = outside if get(condition, i) == zero else x
            put(dst, i, x)

    plain, weighted = inline(plain), inline(weighted)

    def softmax(dst, a, b, c, n):
        condition, scratch = get_i64(c, 0), get_i64(c, 1)
        if b == 0 and condition == 0:
            plain(dst, a, scratch, n)
        else:
            weighted(dst, a, b, condition, scratch, n)
        return 0
    return softmax


def _layer_norm(kind):
    """dst = (a - mean)/sqrt(variance + b[0]); c: scratch of 2n lanes."""
    tools = lanes(kind)
    get, put, T, sqrt, size = tools.get, tools.put, tools.T, tools.sqrt, tools.size
    total, copy, one = make_fold("sum", kind), make_copy(kind), T(1)

    def layer_norm(dst, a, b, c, n):
        copy(dst, a, n)
        mean = total(dst, c, n) / T(n)
        for i in range(n):
            put(dst, i, get(dst, i) - mean)
        squares = c + n * size
        for i in range(n):
            x = get(dst, i)
            put(squares, i, x * x)
        scale = one / sqrt(total(squares, c, n) / T(n) + get(b, 0))
        for i in range(n):
            put(dst, i, get(dst, i) * scale)
        return 0
    return layer_norm


def _rms_norm(kind):
    """dst = a/sqrt(mean(a^2) + b[0]); c: scratch of 2n lanes."""
    tools = lanes(kind)
    get, put, T, sqrt, size = tools.get, tools.put, tools.T, tools.sqrt, tools.size
    total, copy, one = make_fold("sum", kind), make_copy(kind), T(1)

    def rms_norm(dst, a, b, c, n):
        copy(dst, a, n)
        squares = c + n * size
        for i in range(n):
            x = get(dst, i)
            put(squares, i, x * x)
        scale = one / sqrt(total(squares, c, n) / T(n) + get(b, 0))
        for i in range(n):
            put(dst, i, get(dst, i) * scale)
        return 0
    return rms_norm
