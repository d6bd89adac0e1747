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
from hvm_vm.commands.programs import read_file, require_source, to_source
from hvm_vm.errors import InputError


def configure(parser: Parser) -> None:
    parser.add("file", metavar="FILE.hmp", help="HMP source; - reads standard input")
    parser.add("-o", "--output", metavar="FILE.hvmb", help="where to write the bytecode")
    compile_options(parser)


def run(options: argparse.Namespace) -> int:
    from hvm_vm import compile
    from hvm_vm.bytecode import encode

    if options.file == "-" and not options.output:
        raise InputError("say where to write the bytecode: hvm compile - -o FILE.hvmb")
    source = read_file(options.file)
    require_source(options.file, source, "compile")
    output = options.output or os.path.splitext(options.file)[0] + ".hvmb"
    program = compile(
        to_source(options.file, source),
        known=options.known,
        free=options.free,
        find=options.find,
    )
    for warning in program.warnings:
        message(warning)
    data = encode(program.module)
    write_whole(output, lambda file: file.write(data))
    code = counted(len(program.module.code), "instruction")
    message(f"{output}: {code}, {counted(len(data), 'byte')}")
    return 0
