"""Run a program with a clock around every instruction, and show what each one cost.

  hvm trace examples/transformer_block.hmp
  hvm trace model.hmp --data weights.safetensors --set 'token=[101, 102]' --repeat 20
  hvm trace model.hmp --json > trace.jsonl
  hvm trace model.hmp --chrome trace.json      # open in ui.perfetto.dev
  hvm trace model.hmp --html trace.html        # open in a browser

Times are means over the repeats, after a first run and the warm-up, which are reported apart.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from hvm_vm.commands.options import (
    Parser,
    compile_options,
    count,
    engine_options,
    file_argument,
    input_options,
    whole_number,
)
from hvm_vm.commands.output import console, message, plain, with_folder, write_whole
from hvm_vm.commands.programs import (
    BYTECODE,
    given_data,
    given_values,
    kind_of,
    open_program,
    read_file,
    report_slips,
    report_unread,
)
from hvm_vm.commands.run import blame_nan, report_warnings, spinner, write_results


def configure(parser: Parser) -> None:
    file_argument(parser)
    input_options(parser)
    compile_options(parser)
    engine_options(parser)
    parser.add("--json", action="store_true", help="JSON lines: every instruction, then a summary")
    parser.add("--chrome", metavar="FILE", help="also write a Chrome / Perfetto trace")
    parser.add("--html", metavar="FILE",
               help="also write a page with timeline, table, graph and source, for a browser")
    parser.add("--repeat", type=count, default=5, metavar="N", help="measured runs (default 5)")
    parser.add("--warmup", type=whole_number, default=1, metavar="N",
               help="runs before them, beside the first (default 1)")  # fmt: skip
    parser.add("--nan-check", action="store_true",
               help="say which instruction makes the first NaN, even if no result shows it")
    parser.add("--out", metavar="FILE.npz", help="also write the results to FILE.npz")
    parser.add("--all", action="store_true",
               help="store every variable, not only what the results need")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    values = given_values(options)
    trace, program, data = traced(options, values)
    if options.chrome:
        text = json.dumps(trace.chrome(), ensure_ascii=False).encode()
        write_whole(options.chrome, lambda file: file.write(text))
    if options.html:
        page = trace.html(source_text(options.file)).encode()
        write_whole(options.html, lambda file: file.write(page))
    if options.json:
        sys.stdout.write(trace.json_lines())
    elif plain():
        print(trace)
    else:
        from hvm_vm.tracing.report import show

        show(trace, console())
    if options.out:
        write_results(options.out, trace.outputs)
    status = blame_nan(program, values, data, trace.outputs, options.file)
    if options.nan_check and not status:
        from hvm_vm import find_nan

        # A NaN that no result shows: `max`, `if` and comparisons hide it.
        found = find_nan(program, values, data=[data])
        if found is None:
            message("no instruction makes a NaN")
            return 0
        message(with_folder(str(found), options.file))
        return 1
    return status


def source_text(path: str) -> str | None:
    """The text of a source file; None of bytecode, and of standard input, which is read."""
    if path == "-":
        return None
    data = read_file(path)
    return None if kind_of(data) == BYTECODE else data.decode("utf-8-sig", "replace")


def traced(options: argparse.Namespace, values: dict):
    """The `Trace` of the program that the options name, the program, and the data for it."""
    from dataclasses import replace

    from hvm_vm.tracing.record import record

    stages: list[tuple[str, int]] = []
    data = given_data(options)
    program = open_program(options, known=values, offered=data, stages=stages)
    report_warnings(program)
    report_slips(program, values)
    report_unread(program, data, values)
    if options.all:
        program = program.everything(values, data=[data])
    with spinner(options.engine):
        prepared = program.prepare(
            values, engine=options.engine, threads=options.threads, data=[data]
        )
        frame = prepared.frame()
        trace = record(
            prepared.bound,
            prepared.runnable,
            frame,
            engine=prepared.engine,
            threads=prepared.threads,
            repeat=options.repeat,
            warmup=options.warmup,
            stages=[*stages, *prepared.stages],
        )
    name = trace.file or os.path.basename(options.file)
    return replace(trace, file=name, outputs=prepared.outputs(frame)), prepared.program, data

