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

from hvm_vm.commands.options import (
    Parser,
    compile_options,
    engine_options,
    file_argument,
    input_options,
)
from hvm_vm.commands.output import console, message, plain, with_folder, write_whole
from hvm_vm.commands.programs import (
    given_data,
    given_values,
    open_program,
    report_slips,
    report_unread,
    shown_name,
)
from hvm_vm.commands.values import readable, to_json


def configure(parser: Parser) -> None:
    file_argument(parser)
    input_options(parser)
    compile_options(parser)
    engine_options(parser)
    parser.add("--json", action="store_true", help="print one JSON object")
    parser.add("--out", metavar="FILE.npz", help="write the results to FILE.npz")
    parser.add("--report", action="store_true", help="how well each solve holds, on stderr")
    parser.add("--all", action="store_true", help="every variable, not only the results")


def run(options: argparse.Namespace) -> int:
    values = given_values(options)
    data = given_data(options)
    program = open_program(options, known=values, offered=data)
    report_warnings(program)
    report_slips(program, values)
    report_unread(program, data, values)
    if has_sets(program, values, data):
        from hvm_vm.commands.many import run_many

        with spinner(options.engine):
            return run_many(options, program, values, data)
    with spinner(options.engine):
        done = program.run(
            values,
            engine=options.engine,
            threads=options.threads,
            data=[data],
            keep_all=options.all,
        )
    shown = {**done.outputs, **done.hidden}
    if not shown:
        message(f"{shown_name(options.file)}: the program has no results")
    if options.out:
        write_results(options.out, shown)
    if options.json:
        _print_json(shown, done)
    elif not options.out:
        _print(_in_precision(program, shown))
    if options.report:
        for line in solve_report(program, done.solved):
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


def solve_report(program, solved: dict) -> list[str]:
    """A few lines for each solve: its unknowns, iterations, residual and relations."""
    module = program.module
    lines = []
    for pc, found in sorted(solved.items()):
        one = module.code[pc]
        relations = module.texts[module.descriptors[one.descriptor].message].split("\n")
        count = len(relations)
        if one.op == "system":  # arrays: as many as there are, of any number of relations
            count = len(module.descriptors[one.descriptor].accesses)
        names = ", ".join(module.registers[r].name for r in one.operands[:count])
        lines.append(f"solved for {names}: {found.iterations} iterations, largest residual"
                     f" {found.residual:.1e} of a relation's terms")
        lines += [f"  line {relation}" for relation in relations]
    return lines or ["nothing had to be solved for"]


def report_warnings(program) -> None:
    """The compiler's warnings, on standard error."""
    for warning in program.warnings:
        message(warning)


def spinner(engine: str):
    """A sign of life while kernels compile. `auto` never compiles, and must not load the jit."""
    if engine != "jit":
        return contextlib.nullcontext()
    from hvm_vm.commands.spinner import compiling

    return compiling()


def _print_json(shown: dict, done) -> None:
    print(json.dumps(
        {
            "outputs": {name: to_json(value) for name, value in shown.items()},
            "instructions_executed": done.instructions_executed,
            "execution_time_s": done.execution_time_s,
            "engine": done.engine,
        },
        ensure_ascii=False,
        allow_nan=False,
    ))  # fmt: skip


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
