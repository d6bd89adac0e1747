"""Compare the engines on a program: load, compile, first run, steady state, and their results.

  hvm bench examples/attention.hmp --set T=128 --set D=384
  hvm bench examples/transformer_block.hmp --repeat 50 --json

The steady state is the median over the repeats after a warm-up, with the fastest and the slowest.
Inputs that are not given are made up from a fixed seed, and named.
"""

from __future__ import annotations

import argparse
import json
import time

from hvm_vm.commands.options import (
    ENGINES,
    Parser,
    compile_options,
    count,
    file_argument,
    input_options,
    whole_number,
)
from hvm_vm.commands.output import counted, message
from hvm_vm.commands.programs import given_data, given_values, open_program, report_unread
from hvm_vm.commands.run import report_warnings, spinner

COMPARED = ("reference", "jit")


def configure(parser: Parser) -> None:
    file_argument(parser)
    input_options(parser)
    compile_options(parser)
    parser.add("--engine", action="append", choices=ENGINES, default=None,
               help="an engine to measure (repeat for more; default: reference and jit)")
    parser.add("--threads", type=count, default=None, metavar="N",
               help="threads that one run may use (default: all)")
    parser.add("--repeat", type=count, default=20, metavar="N", help="measured runs (default 20)")
    parser.add("--warmup", type=whole_number, default=3, metavar="N",
               help="runs before them, beside the first (default 3)")
    parser.add("--json", action="store_true", help="print one JSON object")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    values = given_values(options)
    data = given_data(options)
    start = time.perf_counter_ns()
    program = open_program(options, known=values, offered=data)
    loaded = time.perf_counter_ns() - start
    report_warnings(program)
    report_unread(program, data, values)
    from hvm_vm.tracing.compare import compare, load
    from hvm_vm.tracing.synthesise import complete

    engines = options.engine or COMPARED
    loads = {name: load(name) for name in engines}  # before anything else runs in them
    inputs = complete(program, values, [data])
    with spinner("jit" if "jit" in engines else ""):
        rows = list(compare(
            program,
            inputs.values,
            engines,
            data=data,
            threads=options.threads,
            repeat=options.repeat,
            warmup=options.warmup,
            loads=loads,
        ))  # fmt: skip
    if options.json:
        print(json.dumps({
            "file": program.module.file,
            "load_ns": loaded,
            "made_up": list(inputs.made_up),
            "engines": [_json(row) for row in rows],
        }, ensure_ascii=False))  # fmt: skip
        return 0
    if inputs.made_up:
        message("made up: " + ", ".join(inputs.made_up))
    _print(program, rows, loaded)
    return 0


def _json(row) -> dict:
    from hvm_vm.commands.values import to_json

    found = row.to_json()
    return {**found, **{key: to_json(found[key]) for key in ("difference", "relative")}}


def _print(program, rows, loaded: int) -> None:
    from hvm_vm.tracing.report import Sheet, lay_out
    from hvm_vm.tracing.units import duration

    columns = ("engine", "load", "compile", "first run", "steady", "fastest", "slowest",
               "ratio", "difference", "relative")  # fmt: skip
    base = rows[0].median_ns
    lines = []
    for row in rows:
        low, high = row.spread
        lines.append((
            row.engine, duration(row.load_ns), duration(row.compile_ns), duration(row.first_ns),
            duration(row.median_ns), duration(low), duration(high),
            f"{base / row.median_ns:.2f} x", f"{row.difference:.2g}", f"{row.relative:.2g}",
        ))  # fmt: skip
    code = counted(len(program.module.code), "instruction")
    print(f"{program.module.file}: {code}, read and verified in {duration(loaded)}")
    for line in lay_out(Sheet(columns, frozenset(("engine",)), tuple(lines))):
        print(line)
