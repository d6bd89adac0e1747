"""Write a scalar program as relations over whole arrays.

  hvm lift transformer_block.hmp

Not in this version: scalar programs run, but are not lifted yet.
"""

from __future__ import annotations

import argparse

from hvm_vm.commands.options import Parser
from hvm_vm.commands.output import message


def configure(parser: Parser) -> None:
    parser.add("file", metavar="FILE", help="HMP source")


def run(options: argparse.Namespace) -> int:
    message(f"error: {options.file}: `hvm lift` is not in this version; `hvm run` runs the "
            "program as it is")  # fmt: skip
    return 2
