"""From FILE to something to work with: what kind of file it is, its program, its values.

What a file is, its first bytes say, never its name.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable

from hvm_vm.commands.values import parse_set
from hvm_vm.errors import BytecodeError, InputError

SOURCE, BYTECODE = "source", "bytecode"


def read_file(path: str) -> bytes:
    """The bytes of `path` (`-`: standard input). Raises `InputError` when it cannot be read."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{path}: {_reason(error, path)}") from None


def _reason(error: OSError, path: str) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file" + _nearby(path)
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a program"
    if isinstance(error, PermissionError):
        return "you may not read this file"
    return f"cannot be read ({error.strerror})"


def _nearby(path: str) -> str:
    import difflib

    folder = os.path.dirname(path) or "."
    try:
        names = os.listdir(folder)
    except OSError:
        return ""
    near = difflib.get_close_matches(os.path.basename(path), names, n=1)
    return f"; did you mean {os.path.join(os.path.dirname(path), near[0])}?" if near else ""


def shown_name(path: str) -> str:
    """`path` as messages say it."""
    return "standard input" if path == "-" else path


def kind_of(data: bytes) -> str:
    """`SOURCE` or `BYTECODE`, by the first bytes."""
    # Only the beginning of the magic: a damaged header is still bytecode, and told as such.
    return BYTECODE if data.startswith(b"\x89HVM") else SOURCE


def require_source(path: str, data: bytes, command: str) -> None:
    """Raise `InputError` if `data` is bytecode, which holds no source text."""
    if kind_of(data) == BYTECODE:
        raise InputError(
            f"{path}: this is bytecode; `hvm {command}` needs the source it was compiled from"
        )


def to_source(path: str, data: bytes):
    """The text as a `Source` (raises `CompileError` if it is not UTF-8 text)."""
    from hvm_vm.language.source import Source

    if b"\0" in data[:4096]:
        raise InputError(f"{path}: this is neither HMP source nor HVM bytecode")
    if data.lstrip().startswith(b".hvma"):
        raise InputError(f"{path}: this is assembly text; `hvm asm {path}` makes bytecode of it")
    return Source.from_bytes(shown_name(path), data)


def require_no_compiling(path: str, options: argparse.Namespace) -> None:
    """Raise `InputError` for options that bytecode, which is compiled already, cannot obey."""
    for option in ("find", "free", "known"):
        if getattr(options, option):
            raise InputError(
                f"{path}: --{option} needs the source: this is bytecode, compiled already"
            )


def open_program(
    options: argparse.Namespace,
    *,
    known: Iterable[str] = (),
    offered: Iterable[str] = (),
    stages: list[tuple[str, int]] | None = None,
    precision: str | None = None,
):
    """The program of the source or bytecode file that the options name.

    `known` names, those of `--known`, and the variables among `offered` names (those of data files)
    are set from outside: a source is compiled with them as inputs. What each step took, in
    nanoseconds, is added to `stages`. `precision` replaces that of a source.
    """
    path = options.file
    clock = time.perf_counter_ns
    start = clock()
    data = read_file(path)
    read = clock()
    if kind_of(data) == BYTECODE:
        require_no_compiling(path, options)
        if precision is not None:
            raise InputError(f"{path}: another precision needs the source: this is bytecode, "
                             "compiled already")
        from hvm_vm.api.program import Program
        from hvm_vm.bytecode import decode, verify

        try:
            module = decode(data)
            decoded = clock()
            program = Program(verify(module))
        except BytecodeError as error:
            raise BytecodeError(f"{path}: {error}") from None
        steps = [("load", decoded - start), ("verify", clock() - decoded)]
    else:
        from hvm_vm import compile

        program = compile(
            to_source(path, data),
            known={*known, *options.known},
            free=options.free,
            find=options.find,
            offered=offered,
            precision=precision,
        )
        steps = [("load", read - start), ("compile to bytecode", clock() - read)]
        if stages is not None:
            steps = _verify_apart(program, steps)
    if stages is not None:
        stages += steps
    return program


def _verify_apart(program, steps: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The compiler verifies what it made: how much of its time that was, measured again."""
    from hvm_vm.bytecode import verify

    start = time.perf_counter_ns()
    verify(program.module)
    spent = time.perf_counter_ns() - start
    *before, (name, ns) = steps
    return [*before, (name, max(0, ns - spent)), ("verify", spent)]


def verified(path: str, data: bytes):
    """The verified program of bytecode. Raises `BytecodeError` that names the file."""
    from hvm_vm.bytecode import decode, verify

    try:
        return verify(decode(data))
    except BytecodeError as error:
        raise BytecodeError(f"{path}: {error}") from None


def given_values(options: argparse.Namespace) -> dict[str, object]:
    """The values of `--set`, by name. Raises `InputError` when a name is set twice."""
    values: dict[str, object] = {}
    for text in options.sets:
        name, value = parse_set(text)
        if name in values:
            raise InputError(f"--set {name}: it is set twice")
        values[name] = value
    return values


def given_data(options: argparse.Namespace):
    """The data files of `--data`, opened as one mapping of names to arrays."""
    if not options.data:
        return {}
    from hvm_vm.api.data import read_data

    return read_data(*options.data)


def opened(options: argparse.Namespace, stages: list[tuple[str, int]] | None = None):
    """What a command runs: the program that its options name, the values and the data for it, with
    what there is to say about them said on standard error. `stages`: see `open_program`."""
    values, data = given_values(options), given_data(options)
    program = open_program(options, known=values, offered=data, stages=stages)
    report_warnings(program)
    report_slips(program, values)
    report_unread(program, data, values)
    return program, values, data


def report_warnings(program) -> None:
    """The compiler's warnings, on standard error."""
    from hvm_vm.commands.output import message

    for warning in program.warnings:
        message(warning)


def report_slips(program, values: dict[str, object]) -> None:
    """Say on standard error which symbols that were set look like slips of one that the program
    names. (A symbol that it does not name at all is fine: it equals none of them.)"""
    from hvm_vm.commands.output import message
    from hvm_vm.engines.words import suggestion

    symbols = program.module.symbols
    for item in program.module.inputs:
        text = values.get(item.name)
        if item.symbolic and isinstance(text, str) and text not in symbols:
            near = suggestion(text, symbols)
            if near:
                message(f"note: {item.name} is '{text}', which the program does not name{near}")


def report_unread(program, data: Iterable[str], values: Iterable[str]) -> None:
    """Say on standard error which names of the data a program compiled already cannot read, as its
    relations determine them."""
    values = set(values)
    ignored = [name for name in program.determined(data) if name not in values]
    if ignored:
        from hvm_vm.commands.output import message
        from hvm_vm.engines.words import listed

        be, them = ("is", "it") if len(ignored) == 1 else ("are", "them")
        message(
            f"note: {listed(ignored)} in the data {be} not used: "
            f"{program.module.file or 'the program'} determines {them} "
            f"(compiled with --known {ignored[0]}, it reads {them} instead)"
        )
