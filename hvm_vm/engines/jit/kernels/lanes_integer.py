"""Lane operations on int64: arithmetic wraps, division is floored and gives 0 for a zero
divisor."""

from __future__ import annotations

from hvm_vm.engines.jit.kernels.intrinsics import lanes
from hvm_vm.engines.jit.kernels.loops import binary, unary


def build(name: str, kind: str):
    """The kernel `ilane.<name>.<kind>`: kind is the type of truth values, or i64 for arithmetic."""
    if name in _TWO:
        return binary("i64", _TWO[name])
    if name in _ONE:
        return unary("i64", _ONE[name])
    if name == "iselect":
        return _select(kind)
    if name == "guard":
        return _guard(kind)
    one, zero = lanes(kind).T(1), lanes(kind).T(0)
    return binary("i64", {
        "ilt": lambda x, y: one if x < y else zero,
        "ile": lambda x, y: one if x <= y else zero,
        "ieq": lambda x, y: one if x == y else zero,
        "ine": lambda x, y: one if x != y else zero,
        "inside": lambda x, y: one if (x >= 0) & (x < y) else zero,
    }[name], kind)


_TWO = {
    "iadd": lambda x, y: x + y,
    "isub": lambda x, y: x - y,
    "imul": lambda x, y: x * y,
    "ifloordiv": lambda x, y: (-x if y == -1 else x // y) if y != 0 else 0,
    "imod": lambda x, y: (0 if y == -1 else x % y) if y != 0 else 0,
    "imin": lambda x, y: x if x < y else y,
    "imax": lambda x, y: x if x > y else y,
}
_ONE = {
    "ineg": lambda x: -x,
    "iabs": lambda x: -x if x < 0 else x,
    "isign": lambda x: 1 if x > 0 else (-1 if x < 0 else 0),
}


def _select(kind):
    truth, zero = lanes(kind).get, lanes(kind).T(0)
    get, put = lanes("i64").get, lanes("i64").put

    def select(dst, a, b, c, n):
        for i in range(n):
            x, y = get(b, i), get(c, i)
            put(dst, i, x if truth(a, i) != zero else y)
        return 0
    return select


def _guard(kind):
    """a where the truth value b holds, else 0."""
    truth, zero = lanes(kind).get, lanes(kind).T(0)
    get, put = lanes("i64").get, lanes("i64").put

    def guard(dst, a, b, c, n):
        for i in range(n):
            x = get(a, i)
            put(dst, i, x if truth(b, i) != zero else 0)
        return 0
    return guard
