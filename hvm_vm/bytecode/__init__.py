"""The bytecode: instruction table, modules, files, verifier, assembler. Imports no compiler code.

`encode` and `decode` turn modules into the bytes of a file and back, `save` and `read` do so with
a file, `verify` makes of a module the only thing that may run.
"""

from __future__ import annotations

from hvm_vm.bytecode.canonical import canonical
from hvm_vm.bytecode.cost import cost
from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.reader import decode, read
from hvm_vm.bytecode.verifier import VerifiedProgram, verify
from hvm_vm.bytecode.writer import encode, save

__all__ = [
    "Module",
    "VerifiedProgram",
    "canonical",
    "cost",
    "decode",
    "encode",
    "read",
    "save",
    "verify",
]

_TEXT = {
    "assemble": "assembler",
    "disassemble": "disassembler",
}


def __getattr__(name: str):
    """The assembler and disassembler are imported when they are used: runs do without them."""
    if name not in _TEXT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_TEXT[name]}"), name)
