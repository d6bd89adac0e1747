"""How many threads LAPACK takes: those of NumPy's and of SciPy's OpenBLAS, where they say."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SUFFIXES = ("", "64_", "_64_")


@contextmanager
def lapack_threads(count: int) -> Iterator[None]:
    """Within, `count` threads. What is not loaded, or has no such setting, is left alone."""
    changed = []
    for get, put in _settings():
        before = get()
        if before != count:
            put(count)
            changed.append((put, before))
    try:
        yield
    finally:
        for put, before in changed:
            put(before)


_FOUND: dict[str, tuple | None] = {}


def _settings():
    for name in ("numpy.linalg._umath_linalg", "scipy.linalg._flapack"):
        if name not in _FOUND and name in sys.modules:
            _FOUND[name] = _find(sys.modules[name].__file__)
        if _FOUND.get(name) is not None:
            yield _FOUND[name]


def _find(path: str):
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return None
    for prefix in ("scipy_openblas", "openblas"):
        for suffix in _SUFFIXES:
            try:
                get = getattr(library, f"{prefix}_get_num_threads{suffix}")
                put = getattr(library, f"{prefix}_set_num_threads{suffix}")
            except AttributeError:
                continue
            get.restype, put.argtypes = ctypes.c_int, [ctypes.c_int]
            return get, put
    return None
