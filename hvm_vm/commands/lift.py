"""Print the indexed program that a program in scalars is.

  hvm lift transformer_block.hmp
  hvm lift unrolled.hmp > indexed.hmp

What is printed is HMP that compiles to the same instructions. Relations that follow no common rule
stay as they are; why is said on standard error. A program of which nothing is lifted is printed as
it is, and why is said there, too.
"""

from __future__ import annotations

import argparse

from hvm_vm.commands.options import Parser
from hvm_vm.commands.output import message
from hvm_vm.commands.programs import read_file, require_source, to_source


def configure(parser: Parser) -> None:
    parser.add("file", metavar="FILE", help="HMP source")


def run(options: argparse.Namespace) -> int:
    from hvm_vm.compiling.building import compile_stages
    from hvm_vm.language import parse
    from hvm_vm.language.diagnostics import Diagnostics
    from hvm_vm.language.format import format_source
    from hvm_vm.relations.lift import Unliftable, lift
    from hvm_vm.relations.lift.report import indexed_text, reasons

    data = read_file(options.file)
    require_source(options.file, data, "lift")
    source = to_source(options.file, data)
    compile_stages(source)  # what is wrong with a program is said before it is rewritten
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    diagnostics.raise_if_errors()
    try:
        lifted = lift(source, file)
    except Unliftable as reason:
        print(format_source(source), end="")
        message(f"{source.name}: nothing is lifted: {reason}")
        return 0
    print(indexed_text(lifted), end="")
    for line in reasons(lifted, source):
        message(line)
    return 0
