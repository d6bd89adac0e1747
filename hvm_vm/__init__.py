"""HVM: mathematics as relations, in any order, run as whole-operation bytecode.

    import hvm_vm as hvm

    program = hvm.compile("attention.hmp")      # a path, or source text
    out = program(X=X, Wq=Wq, Wk=Wk, Wv=Wv)     # mapping of name to NumPy array
    program.save("attention.hvmb")
    program = hvm.load("attention.hvmb")        # runs without the compiler

Everything is imported when it is first used: loading bytecode never imports the compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hvm_vm.errors import BytecodeError, CompileError, HvmError, InputError, RunError

if TYPE_CHECKING:
    from hvm_vm.api.bytecode_files import load, loads
    from hvm_vm.api.program import Program
    from hvm_vm.compiling.building import compile
    from hvm_vm.tracing.trace import Trace

__version__ = "0.1.0"

__all__ = [
    "BytecodeError", "CompileError", "HvmError", "InputError", "Program", "RunError", "Trace",
    "compile", "find_nan", "load", "loads", "read_data",
]  # fmt: skip

_HOMES = {
    "compile": "hvm_vm.compiling.building",
    "load": "hvm_vm.api.bytecode_files",
    "loads": "hvm_vm.api.bytecode_files",
    "Program": "hvm_vm.api.program",
    "Trace": "hvm_vm.tracing.trace",
    "find_nan": "hvm_vm.api.nan_search",
    "read_data": "hvm_vm.api.data",
    "load_ipython_extension": "hvm_vm.notebook",  # `%load_ext hvm_vm`
}


def __getattr__(name: str):
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hvm_vm' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *_HOMES])
