"""The BLAS that NumPy brings along, by address; else the one that SciPy brings.

The Fortran interface is used: every argument is a pointer. Whole numbers are stored as int64: a
library with 32-bit integers reads the low half, which is right on a little-endian machine.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Blas:
    """Addresses of functions; `get_threads` and `set_threads` are 0 when the library has none."""

    gemm: dict[str, int]
    gemv: dict[str, int]
    get_threads: int
    set_threads: int


@cache
def blas() -> Blas:
    return _from_numpy() or _from_scipy()


def _from_numpy() -> Blas | None:
    """OpenBLAS inside NumPy's wheel. NumPy's own extension is linked to it, so looking a symbol up
    through the extension finds it wherever the wheel put it."""
    if sys.byteorder != "little":
        return None
    try:
        import numpy.linalg._umath_linalg as extension
        library = ctypes.CDLL(extension.__file__)
    except (ImportError, OSError):
        return None

    def find(name: str) -> int:
        for spelling in (f"scipy_{name}64_", f"scipy_{name}_64_", f"{name}64_", f"{name}_64_"):
            try:
                return ctypes.cast(getattr(library, spelling), ctypes.c_void_p).value or 0
            except AttributeError:
                continue
        return 0

    gemm = {"f32": find("sgemm"), "f64": find("dgemm")}
    gemv = {"f32": find("sgemv"), "f64": find("dgemv")}
    if not all((*gemm.values(), *gemv.values())):
        return None
    get, put = find("openblas_get_num_threads"), find("openblas_set_num_threads")
    return Blas(gemm, gemv, get if put else 0, put if get else 0)


def _from_scipy() -> Blas:
    from scipy.linalg import cython_blas
    pointer, name = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_GetName
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]

    def find(symbol: str) -> int:
        capsule = cython_blas.__pyx_capi__[symbol]
        return pointer(capsule, name(capsule))

    return Blas({"f32": find("sgemm"), "f64": find("dgemm")},
                {"f32": find("sgemv"), "f64": find("dgemv")}, 0, 0)
