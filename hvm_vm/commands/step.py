"""Run a program one instruction at a time, forwards and back.

  hvm step examples/transformer_block.hmp
  hvm step model.hmp --data weights.npz --set T=8
  printf 'b S\\nc\\np S[1, ..]\\nback\\nq\\n' | hvm step model.hmp --all

In a terminal it fills the screen: source, bytecode and values side by side, with a line for
commands. Otherwise, and with --plain, it reads commands line by line from standard input; `help`
lists them. A variable that is not stored, as it was fused into another instruction, is computed
apart when it is looked at; --all stores every one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from hvm_vm.commands.options import (
    Parser,
    run_options,
)
from hvm_vm.commands.output import message, with_folder, write_whole
from hvm_vm.commands.programs import opened
from hvm_vm.commands.run import spinner
from hvm_vm.engines.words import printable
from hvm_vm.errors import InputError

PROMPT = "(hvm) "


def configure(parser: Parser) -> None:
    run_options(parser)
    parser.add("--all", action="store_true", help="store every variable: nothing is fused away")
    parser.add("--plain", action="store_true",
               help="line by line, also in a terminal")
    parser.add("--commands", metavar="FILE",
               help="read the commands from FILE instead of standard input")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    if options.file == "-" and not options.commands:
        raise InputError("standard input cannot be the program and the commands: name a file, or "
                         "give the commands with --commands FILE")
    script = _script(options.commands)
    program, values, data = opened(options)
    engine = options.engine if options.engine != "auto" else "reference"
    with spinner(engine):
        session = program.step(values, engine=engine, threads=options.threads, data=[data],
                               all=options.all)
    from hvm_vm.tracing.stepping.commands import Interpreter

    interpreter = Interpreter(session, write_whole)
    terminal = script is None and sys.stdin.isatty() and sys.stdout.isatty()
    if terminal and not options.plain and os.environ.get("TERM") != "dumb":
        screen = _screen()
        if screen is not None:
            return screen(interpreter, _source(options.file))
    return lines(interpreter, options.file, script)


def lines(interpreter, path: str, script: list[str] | None) -> int:
    """The line-based front end: commands of a script or of standard input, to the end or to `q`."""
    interactive = script is None and sys.stdin.isatty()
    source = sys.stdin if script is None else iter(script)
    for text in interpreter.start():
        print(with_folder(text, path))
    number = 0
    while not interpreter.ended:
        if interactive:
            _line_editing()
            try:
                line = input(PROMPT)
            except EOFError:
                print()
                break
        else:
            line = next(source, None)
            if line is None:
                break
            line = line.rstrip("\n")
            print(f"{PROMPT}{printable(line.strip())}")
        number += 1
        try:
            for text in interpreter.execute(line):
                print(with_folder(text, path))
        except InputError as error:
            sys.stdout.flush()
            where = "" if interactive else f"line {number}: "
            message("\n".join(map(printable, f"{where}error: {error}".split("\n"))))
        sys.stdout.flush()
    return interpreter.status


def _line_editing() -> None:
    """Arrow keys and a history in a terminal, where Python has them."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401


def _script(path: str | None) -> list[str] | None:
    if path is None:
        return None
    from hvm_vm.commands.programs import read_file

    try:
        return read_file(path).decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path}: this is not text") from None


def _source(path: str) -> str | None:
    """The text of a source file, to be shown beside the bytecode; None for bytecode."""
    from hvm_vm.commands.programs import SOURCE, kind_of, read_file

    if path == "-":
        return None
    data = read_file(path)
    return data.decode("utf-8", "replace") if kind_of(data) == SOURCE else None


def _screen():
    """The full-screen front end, or None where Textual is not installed."""
    try:
        from hvm_vm.tracing.stepping.screen import show
    except ImportError as error:
        if not (error.name or "").startswith("textual"):
            raise
        message("note: line by line; the full screen needs the package textual "
                "(pip install textual)")
        return None
    return show
