"""Loops over lanes: a scalar function becomes a kernel `(dst, a, b, c, lanes) -> status`."""

from __future__ import annotations

from types import FunctionType

from numba import njit

from hvm_vm.engines.jit.kernels.intrinsics import lanes


def inline(function):
    """A scalar function that kernels call and LLVM inlines; IEEE division, no exceptions."""
    if not isinstance(function, FunctionType):  # an intrinsic is inlined as it is
        return function
    return njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def unary(kind: str, scalar, result: str | None = None):
    get, put, f = lanes(kind).get, lanes(result or kind).put, inline(scalar)

    def kernel(dst, a, b, c, n):
        for i in range(n):
            put(dst, i, f(get(a, i)))
        return 0
    return kernel


def binary(kind: str, scalar, result: str | None = None):
    get, put, f = lanes(kind).get, lanes(result or kind).put, inline(scalar)

    def kernel(dst, a, b, c, n):
        for i in range(n):
            put(dst, i, f(get(a, i), get(b, i)))
        return 0
    return kernel
