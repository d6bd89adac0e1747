"""Run a program and print its results.

  hvm run examples/transformer_block.hmp
  hvm run examples/attention.hmp --data examples/attention.json --json
  hvm run model.hmp --set T=8 --set 'x=[1, 2, 3]' --find loss

  hvm run examples/ohm.hmp --set R=3 --data table.npz --out results.npz

FILE is HMP source or bytecode. Setting a name that a source determines makes it an input. Arrays of
a data file with one axis more than their input hold many sets of values, which are run together.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys

from hvm_vm.commands.nan_check import nan_check, nan_check_option
from hvm_vm.commands.options import (
    Parser,
    run_options,
)
from hvm_vm.commands.output import console, message, plain, with_folder, write_whole
from hvm_vm.commands.programs import opened, shown_name
from hvm_vm.commands.values import readable, to_json
from hvm_vm.errors import InputError


def configure(parser: Parser) -> None:
    run_options(parser)
    parser.add("--json", action="store_true", help="print one JSON object")
    parser.add("--out", metavar="FILE.npz", help="write the results to FILE.npz")
    parser.add("--report", action="store_true", help="what each solve took, and how well it holds")
    parser.add("--all", action="store_true", help="every variable, not only the results")
    nan_check_option(parser)


def run(options: argparse.Namespace) -> int:
    program, values, data = opened(options)
    if has_sets(program, values, data):
        from hvm_vm.commands.many import run_many

        if options.nan_check:
            raise InputError("--nan-check looks at one set of values at a time, and these data "
                             "hold many")
        with spinner(options.engine):
            return run_many(options, program, values, data)
    if options.nan_check:
        nan_check(options, program, values, data)
    with spinner(options.engine):
        done = program.run(
            values,
            engine=options.engine,
            threads=options.threads,
            data=[data],
            keep_all=options.all,
            timed=options.report,
        )
    shown = {**done.outputs, **done.hidden}
    if not shown:
        message(f"{shown_name(options.file)}: the program has no results")
    if options.out:
        write_results(options.out, shown)
    if options.json:
        _print_json(shown, done, options.report)
    elif not options.out:
        _print(_in_precision(program, shown))
    for one in done.reports:
        for warning in one.warnings():
            message(with_folder(warning, options.file))
    if options.report and not options.json:
        from hvm_vm.commands.solve_report import report_lines

        for line in report_lines(done.reports):
            message(line)
    if sys.stderr.isatty() and not options.json:
        from hvm_vm.tracing.units import duration

        message(
            f"{done.instructions_executed} instructions in {duration(done.execution_time_s * 1e9)}"
            f" ({done.engine})"
        )
    return blame_nan(program, values, data, done.outputs, options.file)


def has_sets(program, values: dict, data) -> bool:
    """Whether the data files hold many sets of values: arrays with an axis before their own."""
    if not data:
        return False
    from hvm_vm.api.many import has_sets

    return has_sets(program, values, data)


def spinner(engine: str):
    """A sign of life while kernels compile. `auto` never compiles, and must not load the jit."""
    if engine != "jit":
        return contextlib.nullcontext()
    from hvm_vm.commands.spinner import compiling

    return compiling()


def _print_json(shown: dict, done, report: bool) -> None:
    found = {
        "outputs": {name: to_json(value) for name, value in shown.items()},
        "instructions_executed": done.instructions_executed,
        "execution_time_s": done.execution_time_s,
        "engine": done.engine,
    }
    warnings = [warning for one in done.reports for warning in one.warnings()]
    if warnings:
        found["warnings"] = warnings
    if report:
        found["solves"] = [_plain(one.data()) for one in done.reports]
    print(json.dumps(
        found,
        ensure_ascii=False,
        allow_nan=False,
    ))  # fmt: skip


def _plain(value):
    """Plain data with infinities and NaN as texts, as everywhere in JSON."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return to_json(value) if isinstance(value, float) else value


def _in_precision(program, shown: dict) -> dict:
    """Scalars of single precision as such, so that they print with the digits that they have."""
    import numpy as np

    single = {o.name for o in program.module.outputs
              if program.module.registers[o.register].dtype == "f32"}  # fmt: skip
    return {n: np.float32(v) if n in single and np.isscalar(v) else v for n, v in shown.items()}


def _print(shown: dict) -> None:
    texts = [readable(name, value) for name, value in shown.items()]
    if plain():
        for text in texts:
            print(text)
        return
    from rich.text import Text

    screen = console()
    for name, text in zip(shown, texts, strict=True):
        line = Text(text)
        line.stylize("bold cyan", 0, len(name))
        # Arrays are laid out for their own width: a terminal may break lines, never cut them.
        screen.print(line, soft_wrap=True)


def write_results(path: str, shown: dict) -> None:
    """The results as a `.npz` file, whole or not at all."""
    import numpy as np

    arrays = {name: np.asarray(value) for name, value in shown.items()}
    write_whole(path, lambda file: np.savez(file, **arrays))


def blame_nan(program, values: dict, data, outputs: dict, path: str) -> int:
    """Status 1, and a message that names the relation, when a result is NaN but no input is."""
    import numpy as np

    found = [
        name
        for name, value in outputs.items()
        if np.asarray(value).dtype.kind == "f" and bool(np.isnan(value).any())
    ]
    if not found:
        return 0
    from hvm_vm import find_nan

    reason = find_nan(program, values, data=[data])
    if reason is None:
        return 0
    text = str(reason)
    if reason.variable not in found:
        text = text.replace(": error: ", f": error: {found[0]} holds NaN: ", 1)
    message(with_folder(text, path))
    return 1
