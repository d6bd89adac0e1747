"""Print a program's bytecode as assembly text.

  hvm dis attention.hmp
  hvm dis attention.hvmb > attention.hvma

`hvm asm` turns the text back into the same bytes.
"""

from __future__ import annotations

import argparse
import sys

from hvm_vm.commands.options import Parser, compile_options, file_argument
from hvm_vm.commands.programs import open_program


def configure(parser: Parser) -> None:
    file_argument(parser)
    compile_options(parser)


def run(options: argparse.Namespace) -> int:
    from hvm_vm.bytecode import disassemble

    program = open_program(options)
    text = disassemble(program.module)
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return 0
