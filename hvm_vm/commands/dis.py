"""Print a program's bytecode as assembly text.

  hvm dis attention.hmp
  hvm dis attention.hmp --code                  only the instructions
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
    parser.add("--code", action="store_true",
               help="only the instructions, for reading: not to be assembled")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    from hvm_vm.bytecode.disassembler import disassemble, listing

    program = open_program(options)
    sys.stdout.write((listing if options.code else disassemble)(program.module))
    return 0
