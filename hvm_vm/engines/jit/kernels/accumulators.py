"""Reductions over outer dimensions: many results at once, a lane each, one term at a time.

Sums of f32 are collected in f64 lanes, so that adding a million rows keeps their digits.
"""

from __future__ import annotations

from hvm_vm.engines.jit.kernels.intrinsics import lanes
from hvm_vm.engines.jit.kernels.loops import inline
from hvm_vm.engines.jit.kernels.reductions import combine, identity
from hvm_vm.engines.jit.lane_words import wide_kind


def build(name: str, op: str, kind: str, truth: str):
    """`accumulate.begin…` sets dst (and the counts in c, unless 0); `accumulate.add…` adds the
    lanes a, where the condition b (unless 0) holds, to dst, counting in c; `accumulate.final…`
    turns the lanes a and the counts in c (with b: the count when c is 0, as int64) into results
    in dst."""
    fold = {"any": "max", "all": "min"}.get(op, op)
    logical = op in ("any", "all")
    wide = lanes(truth if logical else wide_kind(op, kind))
    wget, wput, W = wide.get, wide.put, wide.T
    get, put, T = lanes(kind).get, lanes(truth if logical else kind).put, lanes(kind).T
    holds = lanes(truth).get
    start, f = identity(fold, wide.kind), combine(fold)
    count_get, count_put = lanes("i64").get, lanes("i64").put
    mean, empty_is_error = op == "mean", op not in ("sum", "prod")
    one, zero = W(1), W(0)
    R = lanes(truth if logical else kind).T

    def begin(dst, a, b, c, n):
        for i in range(n):
            wput(dst, i, start)
        if c != 0:
            for i in range(n):
                count_put(c, i, 0)
        return 0

    if logical:
        def term(x):
            return one if x != T(0) else zero
    else:
        def term(x):
            return W(x)
    term = inline(term)

    def add(dst, a, b, c, n):
        if b == 0:
            for i in range(n):
                wput(dst, i, f(wget(dst, i), term(get(a, i))))
        else:
            for i in range(n):
                x = term(get(a, i)) if holds(b, i) != 0 else start
                wput(dst, i, f(wget(dst, i), x))
            if c != 0:
                for i in range(n):
                    count_put(c, i, count_get(c, i) + (1 if holds(b, i) != 0 else 0))
        return 0

    def final(dst, a, b, c, n):
        if c != 0 and empty_is_error:
            for i in range(n):
                if count_get(c, i) == 0:
                    return 1
        for i in range(n):
            x = wget(a, i)
            if mean:
                count = b
                if c != 0:
                    count = count_get(c, i)
                x /= W(count)
            put(dst, i, R(x))
        return 0

    return {"begin": begin, "add": add, "final": final}[name]
