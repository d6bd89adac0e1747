"""Report every error and warning of a program, without running it.

  hvm check model.hmp
  hvm check model.hvmb

Status 0 if it is valid (warnings are allowed), 2 if it is not.
"""

from __future__ import annotations

import argparse

from hvm_vm.commands.options import Parser, compile_options, file_argument
from hvm_vm.commands.output import message
from hvm_vm.commands.programs import (
    BYTECODE,
    kind_of,
    read_file,
    to_source,
    verified,
)


def configure(parser: Parser) -> None:
    file_argument(parser)
    compile_options(parser)
    parser.add("--known", action="append", default=[], metavar="NAME",
               help="check it as if NAME were set from outside")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    data = read_file(options.file)
    if kind_of(data) == BYTECODE:
        verified(options.file, data)
        print(f"{options.file}: valid bytecode")
        return 0
    return _check_source(options, data)


def _check_source(options: argparse.Namespace, data: bytes) -> int:
    from hvm_vm import bytecode, language, lowering, relations
    from hvm_vm.language.diagnostics import Diagnostics, render

    source = to_source(options.file, data)
    diagnostics = Diagnostics(source)
    tree = language.parse(source, diagnostics)
    # A file that does not parse has no relations to speak of: what follows would be noise.
    diagnostics.raise_if_errors()
    system = relations.build(
        tree,
        source,
        diagnostics,
        known=frozenset(options.known),
        free=frozenset(options.free),
        find=tuple(options.find),
    )
    diagnostics.raise_if_errors()
    program = bytecode.verify(lowering.lower(system))
    warnings = diagnostics.warnings
    if warnings:
        message(render(warnings))
    count = len(program.module.code)
    noted = f", {len(warnings)} warning{'s' if len(warnings) != 1 else ''}" if warnings else ""
    print(f"{options.file}: valid, {count} instruction{'s' if count != 1 else ''}{noted}")
    return 0
