"""A contraction by plain loops, for spaces too small for BLAS or for packing. See
`layout.DIRECT`."""

from __future__ import annotations

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import get_i64, lanes, put_i64
from hvm_vm.engines.jit.kernels.loops import inline


@inline
def advance(odometer, dims):
    """The next point; the dimension that advanced, or -1 after the last."""
    d = dims - 1
    while d >= 0:
        counter = get_i64(odometer, 2 * d + 1) + 1
        if counter < get_i64(odometer, 2 * d):
            put_i64(odometer, 2 * d + 1, counter)
            return d
        put_i64(odometer, 2 * d + 1, 0)
        d -= 1
    return d


def build(name, kind):
    tools = lanes(kind)
    get, put, fma, zero = tools.get, tools.put, tools.fma, tools.T(0)

    def contract(p):
        a, b = get_i64(p, at.DIRECT_A), get_i64(p, at.DIRECT_B)
        d = get_i64(p, at.DIRECT_D)
        free, reduced = get_i64(p, at.DIRECT_FREE), get_i64(p, at.DIRECT_REDUCED)
        free_dims = get_i64(p, at.DIRECT_FREE_DIMS)
        reduced_dims = get_i64(p, at.DIRECT_REDUCED_DIMS)
        repeats = get_i64(p, at.DIRECT_REDUCED_POINTS)
        free_steps = get_i64(p, at.DIRECT_FREE_STEPS)
        reduced_steps = get_i64(p, at.DIRECT_REDUCED_STEPS)
        inner = get_i64(p, at.DIRECT_INNER)
        sa, sb = get_i64(p, at.DIRECT_INNER_A), get_i64(p, at.DIRECT_INNER_B)
        for k in range(free_dims):
            put_i64(free, 2 * k + 1, 0)
        for _ in range(get_i64(p, at.DIRECT_FREE_POINTS)):
            total = zero
            x, y = a, b
            for k in range(reduced_dims):
                put_i64(reduced, 2 * k + 1, 0)
            for _again in range(repeats):
                for i in range(inner):
                    total = fma(get(x + i * sa, 0), get(y + i * sb, 0), total)
                k = advance(reduced, reduced_dims)
                if k >= 0:
                    x += get_i64(reduced_steps, 2 * k)
                    y += get_i64(reduced_steps, 2 * k + 1)
            put(d, 0, total)
            k = advance(free, free_dims)
            if k >= 0:
                a += get_i64(free_steps, 3 * k)
                b += get_i64(free_steps, 3 * k + 1)
                d += get_i64(free_steps, 3 * k + 2)
        return 0
    return {"contract": contract}[name]
