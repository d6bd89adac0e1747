"""Lane operations that go through the C library, one call a lane: the seldom used ones."""

from __future__ import annotations

from hvm_vm.engines.jit.kernels.intrinsics import lanes, make_libm
from hvm_vm.engines.jit.kernels.loops import binary, unary


def build(name: str, kind: str):
    """The kernel `libm.<name>.<kind>`; f32 lanes use the f32 functions."""
    if name == "mod":
        return binary(kind, _mod(kind))
    arity = 2 if name in ("pow", "atan2") else 1
    return (binary if arity == 2 else unary)(kind, make_libm(name, kind, arity))


def _mod(kind):
    """The floored remainder, as NumPy's: C's fmod moved to the sign of the divisor, which a zero
    takes too. NaN for a zero divisor."""
    tools = lanes(kind)
    fmod, copysign, zero = make_libm("fmod", kind, 2), tools.copysign, tools.T(0)

    def mod(x, y):
        r = fmod(x, y)
        if r == zero:
            return copysign(zero, y)
        if (r < zero) != (y < zero) and r == r and y == y:
            return r + y
        return r
    return mod
