"""Compile relations to bytecode.

  hvm compile attention.hmp                     writes attention.hvmb beside it
  hvm compile attention.hmp -o build/a.hvmb

The same source always compiles to the same bytes. Weights that the source reads with `from` stay in
their data file; give it again when the bytecode runs.
"""

from __future__ import annotations

import argparse
import os

from hvm_vm.commands.options import Parser, compile_options
from hvm_vm.commands.output import counted, message, write_whole
from hvm_vm.commands.programs import open_program, read_file, require_source


def configure(parser: Parser) -> None:
    parser.add("file", metavar="FILE.hmp", help="HMP source")
    parser.add("-o", "--output", metavar="FILE.hvmb", help="where to write the bytecode")
    compile_options(parser)


def run(options: argparse.Namespace) -> int:
    from hvm_vm.bytecode import encode

    require_source(options.file, read_file(options.file), "compile")
    output = options.output or os.path.splitext(options.file)[0] + ".hvmb"
    program = open_program(options)
    data = encode(program.module)
    write_whole(output, lambda file: file.write(data))
    code = counted(len(program.module.code), "instruction")
    message(f"{output}: {code}, {counted(len(data), 'byte')}")
    return 0
