"""Options of the commands: a small layer over argparse, which starts four times faster than typer.

Errors in the command line end with status 2 and one line on standard error, without the usage text
that hides it.
"""

from __future__ import annotations

import argparse
import sys

ENGINES = ("auto", "reference", "jit", "native")


class _Quiet(argparse.ArgumentParser):
    def error(self, message: str):
        raise SystemExit((2, message))


class Parser:
    """The parser of one command; `help` is the command module's docstring."""

    def __init__(self, name: str, help: str, usage: str) -> None:
        self.name = name
        # The docstring's summary is written for readers of the code too: keep its layout.
        self._parser = _Quiet(
            prog=f"hvm {name}",
            usage=f"hvm {name} {usage}",
            description=help.strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.add = self._parser.add_argument

    def parse(self, arguments: list[str]) -> argparse.Namespace | int:
        """The options, or the exit status when there is nothing to run."""
        try:
            return self._parser.parse_intermixed_args(arguments)
        except SystemExit as stop:
            if isinstance(stop.code, tuple):
                status, message = stop.code
                print(f"error: {message} (`hvm {self.name} --help` shows the options)",
                      file=sys.stderr)  # fmt: skip
                return status
            return int(stop.code or 0)


def file_argument(parser: Parser) -> None:
    parser.add("file", metavar="FILE",
               help="HMP source (.hmp) or bytecode (.hvmb); - reads standard input")  # fmt: skip


def compile_options(parser: Parser) -> None:
    """What decides which program a source becomes."""
    parser.add("--find", action="append", default=[], metavar="NAME",
               help="a result to compute instead of the file's `find` (repeat for more)")
    parser.add("--free", action="append", default=[], metavar="NAME",
               help="drop a default, so that the relations determine the name instead")
    parser.add("--known", action="append", default=[], metavar="NAME",
               help="make NAME an input, though the relations determine it")  # fmt: skip


def input_options(parser: Parser) -> None:
    """What decides the values that a program gets."""
    parser.add("--set", action="append", default=[], metavar="NAME=VALUE", dest="sets",
               help="set an input or a size: a number, a JSON list, or the text of a symbol")
    parser.add("--data", action="append", default=[], metavar="FILE",
               help="read inputs from an .npz, .json or .safetensors file")  # fmt: skip


def engine_options(parser: Parser) -> None:
    parser.add("--engine", choices=ENGINES, default="auto",
               help="what runs the bytecode (default: auto)")
    parser.add("--threads", type=count, default=None, metavar="N",
               help="threads that one run may use (default: all)")  # fmt: skip


def run_options(parser: Parser) -> None:
    """The program, its values, how it is compiled and what runs it."""
    file_argument(parser)
    input_options(parser)
    compile_options(parser)
    engine_options(parser)


def whole_number(text: str) -> int:
    """An option that counts something, from 0."""
    return _at_least(0, text)


def count(text: str) -> int:
    """An option that counts something of which one is needed."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"at least {least} is needed")
    return value
