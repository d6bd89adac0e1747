"""Draw what a program computes from what: its relations, or its instructions, as a graph.

  hvm graph examples/attention.hmp -o attention.svg
  hvm graph examples/robot_arm.hmp --format mermaid
  hvm graph model.hvmb --of instructions --format dot | dot -Tpng > model.png

Boxes are inputs, relations (with their text and line), checks and results; an arrow is a variable
that one passes to another; relations that are solved at once stand in one frame. Of bytecode, which
holds no source, only the relations with instructions are known. A drawing holds the --limit boxes
nearest to the results, and says how many it leaves out.
"""

from __future__ import annotations

import argparse
import os
import sys

from hvm_vm.commands.options import Parser, compile_options, count, file_argument
from hvm_vm.commands.output import message, write_whole
from hvm_vm.commands.programs import (
    BYTECODE,
    kind_of,
    read_file,
    require_no_compiling,
    to_source,
    verified,
)
from hvm_vm.errors import InputError

EXTENSIONS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}


def configure(parser: Parser) -> None:
    file_argument(parser)
    compile_options(parser)
    parser.add("--of", choices=("relations", "instructions"), default="relations",
               help="what the boxes are (default: relations)")
    parser.add("--format", choices=("svg", "mermaid", "dot"), default=None,
               help="default: what the ending of the -o file says, else svg")
    parser.add("-o", "--out", metavar="FILE", default=None,
               help="write to FILE (.svg, .mmd, .dot), whole or not at all")
    parser.add("--limit", type=count, default=300, metavar="N",
               help="boxes at most (default 300)")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    form = _format(options)
    from hvm_vm.tracing.graph.model import bounded

    graph = bounded(_graph(options), options.limit)
    if graph.remark:
        message(f"note: {graph.remark} (--limit sets how many are drawn)")
    text = _text(form, graph)
    if options.out is None:
        sys.stdout.write(text)
    else:
        write_whole(options.out, lambda file: file.write(text.encode()))
    return 0


def _format(options: argparse.Namespace) -> str:
    if options.format:
        return options.format
    if options.out is None:
        return "svg"
    ending = os.path.splitext(options.out)[1].lower()
    if ending and ending not in EXTENSIONS:
        raise InputError(f"{options.out}: `{ending}` is no format of a graph; use .svg, .mmd or "
                         ".dot, or say --format")
    return EXTENSIONS.get(ending, "svg")


def _text(form: str, graph) -> str:
    if form == "svg":
        from hvm_vm.tracing.graph.svg import svg as write
    elif form == "dot":
        from hvm_vm.tracing.graph.dot import dot as write
    else:
        from hvm_vm.tracing.graph.mermaid import mermaid as write
    return write(graph)


def _graph(options: argparse.Namespace):
    from hvm_vm.tracing.graph.of_module import of_instructions, of_relations

    data = read_file(options.file)
    if kind_of(data) == BYTECODE:
        require_no_compiling(options.file, options)
        module = verified(options.file, data).module
        return (of_instructions if options.of == "instructions" else of_relations)(module)
    from hvm_vm.compiling.building import compile_stages
    from hvm_vm.compiling.relations_graph import relations_graph

    stages = compile_stages(to_source(options.file, data), known=options.known,
                            free=options.free, find=options.find)
    for warning in stages.warnings:
        message(warning)
    if options.of == "instructions":
        return of_instructions(stages.verified.module)
    return relations_graph(stages.system)
