"""Report every error and warning of a program, without running it.

  hvm check model.hmp
  hvm check model.hvmb

Status 0 if it is valid (warnings are allowed), 2 if it is not.
"""

from __future__ import annotations

import argparse
import contextlib
import re
from typing import TYPE_CHECKING

from hvm_vm.commands.options import Parser, compile_options, file_argument
from hvm_vm.commands.output import counted, message
from hvm_vm.commands.programs import (
    BYTECODE,
    kind_of,
    read_file,
    require_no_compiling,
    shown_name,
    to_source,
    verified,
)

if TYPE_CHECKING:
    from hvm_vm.language.source import Source


def configure(parser: Parser) -> None:
    file_argument(parser)
    compile_options(parser)


def run(options: argparse.Namespace) -> int:
    data = read_file(options.file)
    if kind_of(data) == BYTECODE:
        require_no_compiling(options.file, options)
        verified(options.file, data)
        print(f"{options.file}: valid bytecode")
        return 0
    return _check_source(options, to_source(options.file, data))


def _check_source(options: argparse.Namespace, source: Source) -> int:
    from hvm_vm.compiling.building import compile_stages

    choices = {"known": options.known, "free": options.free, "find": options.find}
    _raise_beside_syntax(source, choices)
    stages = compile_stages(source, **choices)
    for warning in stages.warnings:
        message(warning)
    count, warned = len(stages.verified.module.code), len(stages.warnings)
    noted = f", {counted(warned, 'warning')}" if warned else ""
    print(f"{shown_name(options.file)}: valid, {counted(count, 'instruction')}{noted}")
    return 0


def _raise_beside_syntax(source: Source, choices: dict) -> None:
    """When some statements cannot be read, report what is wrong with the others too, as far as it
    has nothing to do with a name of the former."""
    from hvm_vm import language, relations
    from hvm_vm.errors import CompileError
    from hvm_vm.language.diagnostics import Diagnostics

    found, others = Diagnostics(source), Diagnostics(source)
    tree = language.parse(source, found)
    if not found.has_errors:
        return
    unread = {word for error in found.errors for word in _words(_lines(error, source))}
    with contextlib.suppress(CompileError):
        relations.build(
            tree, source, others,
            known=frozenset(choices["known"]), free=frozenset(choices["free"]),
            find=tuple(choices["find"]),
        )  # fmt: skip
    for error in others.errors:
        quoted = source.text[slice(*error.span)] if error.span else ""
        if unread.isdisjoint(_words(f"{error.message} {error.help or ''} {quoted}")):
            found.add(error)
    found.raise_if_errors()


def _lines(error, source: Source) -> str:
    """The lines that a syntax error is about, from an opening bracket to where it was missed."""
    spans = [s for s in (error.span, *(span for _, span in error.notes)) if s is not None]
    if not spans:
        return source.text
    first, last = min(s.start for s in spans), max(s.end for s in spans)
    start = source.text.rfind("\n", 0, first) + 1
    end = source.text.find("\n", last)
    return source.text[start : end if end >= 0 else None]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d]\w*", text))
