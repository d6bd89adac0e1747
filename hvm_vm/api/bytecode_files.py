"""Bytecode files as programs: read, verified, ready to call. Imports no compiler code."""

from __future__ import annotations

import os

from hvm_vm.api.program import Program
from hvm_vm.errors import BytecodeError, InputError


def load(path: str | os.PathLike) -> Program:
    """The program of a `.hvmb` file. Raises `InputError` when it cannot be read, `BytecodeError`
    when it is damaged, of another kind, or does not verify."""
    try:
        path = os.fspath(path)
    except TypeError:
        raise InputError(f"load takes a path, not a {type(path).__name__}") from None
    from hvm_vm.bytecode import read, verify

    if not os.path.exists(path):
        raise InputError(f"{path}: there is no such file")
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise InputError(f"{path}: cannot be read")
    module = read(path)  # large files are mapped: embedded weights are paged in when used
    try:
        return Program(verify(module))
    except BytecodeError as error:
        raise BytecodeError(f"{path}: {error}") from None


def loads(data: bytes) -> Program:
    """The program in the bytes of a `.hvmb` file."""
    from hvm_vm.bytecode import decode, verify

    return Program(verify(decode(data)))
