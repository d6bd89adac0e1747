"""Assemble assembly text, as `hvm dis` prints it, into bytecode.

  hvm asm attention.hvma                     writes attention.hvmb beside it
  hvm asm attention.hvma -o attention.hvmb

The result is verified before it is written.
"""

from __future__ import annotations

import argparse
import os

from hvm_vm.commands.options import Parser
from hvm_vm.commands.output import counted, message, write_whole
from hvm_vm.commands.programs import BYTECODE, kind_of, read_file
from hvm_vm.errors import InputError


def configure(parser: Parser) -> None:
    parser.add("file", metavar="FILE.hvma", help="assembly text; - reads standard input")
    parser.add("-o", "--output", metavar="FILE.hvmb", help="where to write the bytecode")


def run(options: argparse.Namespace) -> int:
    from hvm_vm.bytecode import assemble, encode, verify

    data = read_file(options.file)
    if kind_of(data) == BYTECODE:
        raise InputError(f"{options.file}: this is bytecode already; `hvm dis` prints its assembly")
    if options.file == "-" and not options.output:
        raise InputError("say where to write the bytecode: hvm asm - -o FILE.hvmb")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{options.file}: this is not assembly text") from None
    module = assemble(text, options.file)
    verify(module)
    encoded = encode(module)
    output = options.output or os.path.splitext(options.file)[0] + ".hvmb"
    write_whole(output, lambda file: file.write(encoded))
    code = counted(len(module.code), "instruction")
    message(f"{output}: {code}, {counted(len(encoded), 'byte')}")
    return 0
