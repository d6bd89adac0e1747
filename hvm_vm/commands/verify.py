"""Check that a bytecode file is whole and valid, trusting nothing in it.

  hvm verify attention.hvmb

Status 0 if it is valid; otherwise 2, and one line that says section, instruction and reason.
"""

from __future__ import annotations

import argparse

from hvm_vm.commands.options import Parser
from hvm_vm.commands.output import counted
from hvm_vm.commands.programs import SOURCE, kind_of, read_file, verified
from hvm_vm.errors import BytecodeError


def configure(parser: Parser) -> None:
    parser.add("file", metavar="FILE.hvmb", help="bytecode")


def run(options: argparse.Namespace) -> int:
    data = read_file(options.file)
    if kind_of(data) == SOURCE:
        raise BytecodeError(
            f"{options.file}: this is not HVM bytecode (it does not begin as bytecode does); "
            "`hvm check` checks a source"
        )
    module = verified(options.file, data).module
    counts = (
        (len(module.code), "instruction"),
        (len(module.inputs), "input"),
        (sum(not output.hidden for output in module.outputs), "result"),
        (len(data), "byte"),
    )
    words = ", ".join(counted(count, noun) for count, noun in counts)
    print(f"{options.file}: valid; {words}")
    return 0
