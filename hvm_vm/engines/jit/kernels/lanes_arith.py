"""Lane operations in plain arithmetic, which LLVM turns into vector instructions.

Truth values are lanes holding 0 or 1. Comparisons, `min` and `max` follow `lane_ops`: NaN if
either is.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit.kernels.intrinsics import lanes
from hvm_vm.engines.jit.kernels.loops import binary, unary


def build(name: str, kind: str):
    """The kernel `lane.<name>.<kind>`."""
    if name in _SPECIAL:
        return _SPECIAL[name](kind)
    tools = lanes(kind)
    one, zero = tools.T(1), tools.T(0)
    if name in ("floor", "ceil", "rint", "sqrt", "abs"):
        return unary(kind, getattr(tools, name))
    scalars_of_two = {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y,
        "min": lambda x, y: x if (x < y or x != x) else y,
        "max": lambda x, y: x if (x > y or x != x) else y,
        "lt": lambda x, y: one if x < y else zero,
        "le": lambda x, y: one if x <= y else zero,
        "eq": lambda x, y: one if x == y else zero,
        "ne": lambda x, y: one if x != y else zero,
        "and": lambda x, y: one if (x != zero) & (y != zero) else zero,
        "or": lambda x, y: one if (x != zero) | (y != zero) else zero,
        # 0 where the guard y is false: what is not there counts as 0, even if x is NaN
        "guard": lambda x, y: x if y != zero else zero,
    }
    if name in scalars_of_two:
        return binary(kind, scalars_of_two[name])
    scalars_of_one = {
        "neg": lambda x: -x,
        "sign": lambda x: one if x > zero else (-one if x < zero else x),
        "not": lambda x: one if x == zero else zero,
    }
    return unary(kind, scalars_of_one[name])


def _select(kind):
    tools = lanes(kind)
    get, put, zero = tools.get, tools.put, tools.T(0)

    def select(dst, a, b, c, n):
        for i in range(n):
            x, y = get(b, i), get(c, i)
            put(dst, i, x if get(a, i) != zero else y)
        return 0
    return select


def _from_integer(kind):
    get, put, T = lanes("i64").get, lanes(kind).put, lanes(kind).T

    def from_integer(dst, a, b, c, n):
        for i in range(n):
            put(dst, i, T(get(a, i)))
        return 0
    return from_integer


def _to_integer(kind):
    """Numbers that must be whole; status 1 when one is not, or does not fit."""
    tools, put = lanes(kind), lanes("i64").put
    get, floor, limit, zero = tools.get, tools.floor, tools.T(2.0**63), tools.T(0)

    def to_integer(dst, a, b, c, n):
        bad = 0
        for i in range(n):
            x = get(a, i)
            fits = (floor(x) == x) & (x < limit) & (x >= -limit)
            bad |= 0 if fits else 1
            put(dst, i, np.int64(x if fits else zero))
        return bad
    return to_integer


def _claim(kind):
    """Status 1 unless every lane is true: neither 0 nor NaN."""
    tools = lanes(kind)
    get, zero = tools.get, tools.T(0)

    def claim(dst, a, b, c, n):
        bad = 0
        for i in range(n):
            x = get(a, i)
            bad |= 1 if (x == zero) | (x != x) else 0
        return bad
    return claim


_SPECIAL = {"select": _select, "from_integer": _from_integer, "to_integer": _to_integer,
            "claim": _claim}
