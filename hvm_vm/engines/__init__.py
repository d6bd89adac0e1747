"""The engines: each runs bound programs, and all give the same answers.

    engine = get("reference" | "jit" | "auto")

Engines are imported when they are asked for: the reference needs NumPy only, the jit needs Numba.
"""

from __future__ import annotations

from hvm_vm.errors import InputError

NAMES = ("auto", "reference", "jit", "native")


def get(name: str):
    """The engine `name` (see `engine.Engine`). Raises `InputError` for an unknown one."""
    if name == "reference":
        from hvm_vm.engines.reference import engine
    elif name == "jit":
        from hvm_vm.engines.jit import engine
    elif name == "auto":
        from hvm_vm.engines.auto import engine
    elif name == "native":
        raise InputError("the engine native is not part of this version: use jit or reference")
    else:
        from hvm_vm.engines.words import suggestion

        raise InputError(
            f"there is no engine {name}{suggestion(name, NAMES)}: choose auto, reference or jit"
        )
    return engine
