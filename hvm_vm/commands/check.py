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
    from hvm_vm.commands.stages import compile_stages

    stages = compile_stages(
        to_source(options.file, data),
        known=options.known,
        free=options.free,
        find=options.find,
    )
    if stages.warnings:
        message(stages.warnings)
    count, warned = len(stages.program.module.code), stages.warning_count
    noted = f", {warned} warning{'' if warned == 1 else 's'}" if warned else ""
    print(f"{options.file}: valid, {count} instruction{'' if count == 1 else 's'}{noted}")
    return 0
