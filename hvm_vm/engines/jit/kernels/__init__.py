"""The compiled kernels, by name. Imported only when one has to be compiled: this half needs Numba.

A kernel is a plain Python function over int64 addresses, written with `intrinsics`; names read
`family.operation.type`, such as `lane.add.f32`. `source(name)` finds its function.
"""

from __future__ import annotations

from importlib import import_module

# The first part of a kernel's name -> the module whose `build(parts)` makes its function.
FAMILIES = {
    "run": "dispatch",
    "move": "moves",
    "lane": "lanes_arith",
    "math": "lanes_math",
    "libm": "lanes_libm",
    "trig": "lanes_trig",
    "ilane": "lanes_integer",
    "reduce": "reductions",
    "accumulate": "accumulators",
    "scatter": "scatter",
    "row": "rows",
    "blas": "blas_calls",
    "direct": "direct",
    "choose": "choose",
    "attention": "attention",
    "solve": "solves",
    "systems": "systems",
}


def source(name: str):
    """The Python function of a kernel; a KeyError for a name that no module knows."""
    family, *parts = name.split(".")
    return import_module(f"{__name__}.{FAMILIES[family]}").build(*parts)
