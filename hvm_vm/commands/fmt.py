"""Print a program in its canonical form: the same relations, evenly spaced and aligned.

  hvm fmt model.hmp              print it
  hvm fmt model.hmp --write      change the file
  hvm fmt model.hmp --check      only say whether it would change (status 1 if so)

Formatting twice changes nothing, and comments stay.
"""

from __future__ import annotations

import argparse
import sys

from hvm_vm.commands.options import Parser
from hvm_vm.commands.output import message, write_whole
from hvm_vm.commands.programs import read_file, require_source, to_source
from hvm_vm.errors import InputError


def configure(parser: Parser) -> None:
    parser.add("file", metavar="FILE", help="HMP source; - reads standard input")
    parser.add("--write", action="store_true", help="write the result to the file")
    parser.add("--check", action="store_true", help="print nothing; status 1 if it would change")


def run(options: argparse.Namespace) -> int:
    from hvm_vm.language import format_file, parse
    from hvm_vm.language.diagnostics import Diagnostics

    if options.write and options.file == "-":
        raise InputError("--write needs a file, not standard input")
    data = read_file(options.file)
    require_source(options.file, data, "fmt")
    source = to_source(options.file, data)
    diagnostics = Diagnostics(source)
    tree = parse(source, diagnostics)
    diagnostics.raise_if_errors()
    text = format_file(tree, source).encode()
    if options.check:
        if text != data:
            message(f"{options.file}: not in canonical form (`hvm fmt --write` makes it so)")
        return int(text != data)
    if options.write:
        if text != data:
            write_whole(options.file, lambda file: file.write(text))
        return 0
    sys.stdout.write(text.decode())
    return 0
