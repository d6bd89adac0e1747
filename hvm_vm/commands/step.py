"""Run a program one instruction at a time.

  hvm step attention.hmp --data block.npz

Not in this version: `hvm trace` shows every instruction with its cost, and `hvm run --all` every
value.
"""

from __future__ import annotations

import argparse

from hvm_vm.commands.options import Parser, compile_options, file_argument, input_options
from hvm_vm.commands.output import message


def configure(parser: Parser) -> None:
    file_argument(parser)
    compile_options(parser)
    input_options(parser)


def run(options: argparse.Namespace) -> int:
    message(f"error: {options.file}: `hvm step` is not in this version; `hvm trace` shows every "
            "instruction, `hvm run --all` every value")  # fmt: skip
    return 2
