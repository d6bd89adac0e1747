"""Run a program with a clock around every instruction, and show what each one cost.

  hvm trace examples/transformer_block.hmp
  hvm trace model.hmp --data weights.safetensors --set 'token=[101, 102]' --repeat 20
  hvm trace model.hmp --by line --limit 10     # where the time goes, by relation
  hvm trace model.hmp --sort total             # the slowest instruction first
  hvm trace model.hmp --json > trace.jsonl     # for programs: docs/trace.md lists the fields
  hvm trace model.hmp --chrome trace.json      # open in ui.perfetto.dev
  hvm trace model.hmp --html trace.html        # open in a browser

Times are means over the repeats, after a first run and the warm-up, which are reported apart. When
the run fails, what ran before is shown, and the instruction that failed is marked.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from hvm_vm.commands.nan_check import nan_check, nan_check_option
from hvm_vm.commands.options import (
    Parser,
    count,
    run_options,
    whole_number,
)
from hvm_vm.commands.output import console, message, write_whole
from hvm_vm.commands.programs import (
    BYTECODE,
    kind_of,
    opened,
    read_file,
)
from hvm_vm.commands.run import blame_nan, spinner, write_results
from hvm_vm.errors import HvmError, InputError

BY = ("op", "line", "shape")
SORT = ("pc", "total", "count", "mean", "min", "max", "stddev", "gflops", "gbps", "roofline", "ops")


def configure(parser: Parser) -> None:
    run_options(parser)
    parser.add("--by", choices=BY,
               help="a summary by operation, source line or shapes, in place of the instructions")
    parser.add("--sort", choices=SORT, help="order of the rows (default: pc; of a summary: total)")
    parser.add("--limit", type=count, metavar="N", help="at most N rows; says what is left out")
    parser.add("--json", action="store_true", help="JSON lines: every instruction, then a summary")
    parser.add("--chrome", metavar="FILE", help="also write a Chrome / Perfetto trace")
    parser.add("--html", metavar="FILE",
               help="also write a page with timeline, table, graph and source, for a browser")
    parser.add("--repeat", type=count, default=None, metavar="N",
               help="measured runs (default 5, fewer when they would take more than 10 s)")
    parser.add("--warmup", type=whole_number, default=1, metavar="N",
               help="runs before them, beside the first (default 1)")  # fmt: skip
    nan_check_option(parser)
    parser.add("--out", metavar="FILE.npz", help="also write the results to FILE.npz")
    parser.add("--all", action="store_true",
               help="store every variable, not only what the results need")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    if options.json and (options.by or options.sort or options.limit):
        raise InputError("--by, --sort and --limit are for the table: --json prints every "
                         "instruction in order")
    try:
        trace, program, values, data = traced(options)
    except (HvmError, KeyboardInterrupt) as error:
        trace = getattr(error, "trace", None)
        if trace is not None:
            _report(trace, options)
            sys.stdout.flush()
        raise
    _report(trace, options)
    if options.out:
        write_results(options.out, trace.outputs)
    return blame_nan(program, values, data, trace.outputs, options.file)


def _report(trace, options: argparse.Namespace) -> None:
    """What the options ask for, of a whole run or of what ran before it ended."""
    _export(trace, options)
    if not options.json:
        _show(trace, options)


def source_text(path: str) -> str | None:
    """The text of a source file; None of bytecode, and of standard input, which is read."""
    if path == "-":
        return None
    data = read_file(path)
    return None if kind_of(data) == BYTECODE else data.decode("utf-8-sig", "replace")


def _export(trace, options: argparse.Namespace) -> None:
    """The files and lines for programs."""
    if options.chrome:
        text = json.dumps(trace.chrome(), ensure_ascii=False).encode()
        write_whole(options.chrome, lambda file: file.write(text))
        if trace.dropped:
            message(f"note: {options.chrome} has no events for {trace.dropped} executions, "
                    "which are in the sums only")
    if options.html:
        page = trace.html(source_text(options.file)).encode()
        write_whole(options.html, lambda file: file.write(page))
    if options.json:
        sys.stdout.write(trace.json_lines())


def _show(trace, options: argparse.Namespace) -> None:
    """The tables for people."""
    from hvm_vm.tracing import report

    view = report.View(options.by, options.sort, options.limit)
    if not sys.stdout.isatty():
        print(report.plain(trace, view))
    else:
        report.show(trace, console(), view)


def traced(options: argparse.Namespace):
    """The `Trace` of the program that the options name, the program, and its values and data."""
    from dataclasses import replace

    from hvm_vm.tracing.live import Progress, names_of
    from hvm_vm.tracing.machine import machine
    from hvm_vm.tracing.record import record

    stages: list[tuple[str, int]] = []
    program, values, data = opened(options, stages)
    if options.nan_check:
        nan_check(options, program, values, data)
    if options.all:
        program = program.everything(values, data=[data])
    with spinner(options.engine):
        prepared = program.prepare(
            values, engine=options.engine, threads=options.threads, data=[data]
        )
        frame = prepared.frame()
    name = prepared.bound.program.module.file or os.path.basename(options.file)
    with Progress(lambda: names_of(prepared.bound)) as progress:
        try:
            trace = record(
                prepared.bound,
                prepared.runnable,
                frame,
                engine=prepared.engine,
                threads=prepared.threads,
                repeat=options.repeat,
                warmup=options.warmup,
                stages=[*stages, *prepared.stages],
                machine=machine(prepared.threads),
                watcher=progress,
            )
        except (HvmError, KeyboardInterrupt) as error:
            if hasattr(error, "trace"):
                error.trace = replace(error.trace, file=name)
            raise
    trace = replace(trace, file=name, outputs=prepared.outputs(frame))
    return trace, prepared.program, values, data
