"""The commands of `hvm`, one module each.

A command's module has a docstring (its help), `configure(parser)` and `run(options) -> status`.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    module: str
    usage: str
    summary: str


COMMANDS: dict[str, Command] = {
    "run": Command("run", "FILE [options]", "run a program and print its results"),
    "compile": Command("compile", "FILE.hmp [-o FILE.hvmb]", "compile relations to bytecode"),
    "check": Command("check", "FILE", "report every error and warning of a program"),
    "explain": Command("explain", "FILE", "show what each relation became"),
    "graph": Command("graph", "FILE [-o FILE.svg]", "draw what is computed from what"),
    "lift": Command("lift", "FILE", "write a scalar program as whole arrays"),
    "fmt": Command("fmt", "FILE [--write | --check]", "print a program in its canonical form"),
    "dis": Command("dis", "FILE", "print a program's bytecode as assembly text"),
    "asm": Command("asm", "FILE.hvma [-o FILE.hvmb]", "assemble assembly text into bytecode"),
    "verify": Command("verify", "FILE.hvmb", "check that a bytecode file is valid"),
    "trace": Command("trace", "FILE [options]", "run, and show what every instruction cost"),
    "step": Command("step", "FILE [options]", "run one instruction at a time"),
    "diff": Command("diff", "FILE [FILE] [options]", "say where two programs or runs differ"),
    "bench": Command("bench", "FILE [options]", "compare the engines on a program"),
}
