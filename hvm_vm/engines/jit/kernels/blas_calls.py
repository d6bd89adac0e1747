"""Calls of BLAS: parameters lie in memory already as Fortran wants them. See `layout.GEMM`."""

from __future__ import annotations

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import call1, fortran_gemm, fortran_gemv, get_i64
from hvm_vm.engines.jit.kernels.loops import inline

THREADS, GET, SET = at.BLAS_THREADS, at.BLAS_GET, at.BLAS_SET


@inline
def enter_threads(p):
    """Set the library's number of threads; what it was, or 0 when it need not be put back."""
    wanted = get_i64(p, THREADS)
    if wanted == 0:
        return 0
    now = call1(get_i64(p, GET), 0) & 0xFFFFFFFF
    if now == wanted:
        return 0
    call1(get_i64(p, SET), wanted)
    return now


@inline
def leave_threads(p, before):
    if before != 0:
        call1(get_i64(p, SET), before)


def gemm(p):
    before = enter_threads(p)
    q = p + 8 * at.GEMM_ARGUMENTS
    fortran_gemm(get_i64(p, at.BLAS_FUNCTION), q, q + 8, q + 16, q + 24, q + 32, q + 40,
                 get_i64(q, 6), q + 56, get_i64(q, 8), q + 72, q + 80, get_i64(q, 11), q + 96)
    leave_threads(p, before)
    return 0


def gemv(p):
    before = enter_threads(p)
    q = p + 8 * at.GEMM_ARGUMENTS
    fortran_gemv(get_i64(p, at.BLAS_FUNCTION), q, q + 8, q + 16, q + 24, get_i64(q, 4), q + 40,
                 get_i64(q, 6), q + 56, q + 64, get_i64(q, 9), q + 80)
    leave_threads(p, before)
    return 0


def build(name):
    return {"gemm": gemm, "gemv": gemv}[name]
