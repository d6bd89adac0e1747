"""Compare engines, precisions, thread counts and sizes on a program: load, compile, first run,
steady state, and their results.

  hvm bench examples/attention.hmp --set T=128 --set D=384
  hvm bench examples/attention.hmp --set D=64 --sizes T=64,128,256 --threads 1 --threads 2
  hvm bench examples/attention.hmp --precision f32 --precision f64 --plot bench.svg
  hvm bench model.hmp --save before.json       # then, after a change of HVM or the machine:
  hvm bench model.hmp --against before.json --fail-if-slower

The steady state is the median over the repeats after a warm-up, with the fastest and the slowest;
the repeats of everything that is compared take turns. Inputs that are not given are made up from a
fixed seed, and named. Status 1: slower than the baseline, with --fail-if-slower.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
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
from hvm_vm.commands.output import counted, message, write_whole
from hvm_vm.commands.programs import (
    given_data,
    given_values,
    open_program,
    read_file,
    report_unread,
    report_warnings,
)
from hvm_vm.commands.run import spinner
from hvm_vm.errors import InputError

COMPARED = ("reference", "jit")
PRECISIONS = {"f32": "float32", "f64": "float64", "float32": "float32", "float64": "float64"}
BAR = 24  # characters of a terminal


def configure(parser: Parser) -> None:
    file_argument(parser)
    input_options(parser)
    compile_options(parser)
    parser.add("--engine", action="append", choices=ENGINES, default=None,
               help="an engine to measure (repeat for more; default: reference and jit)")
    parser.add("--precision", action="append", choices=tuple(PRECISIONS), default=None,
               help="a precision instead of the source's (repeat for more)")
    parser.add("--threads", action="append", type=count, default=None, metavar="N",
               help="threads that one run may use (repeat for more; default: all)")
    parser.add("--sizes", action="append", default=[], metavar="NAME=N,N,…",
               help="values of a size to measure (repeat for other sizes: every combination)")
    parser.add("--repeat", type=count, default=20, metavar="N", help="measured runs (default 20)")
    parser.add("--warmup", type=whole_number, default=3, metavar="N",
               help="runs before them, beside the first (default 3)")
    parser.add("--instructions", type=whole_number, default=10, metavar="N",
               help="show the N instructions that gain or lose most between the first two "
                    "(default 10)")
    parser.add("--json", action="store_true", help="print one JSON object")
    parser.add("--plot", metavar="FILE.svg", help="also write a picture")
    parser.add("--save", metavar="FILE", help="also keep the times, as a baseline")
    parser.add("--against", metavar="FILE", help="compare with a baseline")
    parser.add("--fail-if-slower", action="store_true",
               help="with --against: status 1 if anything is slower beyond noise")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    if options.fail_if_slower and not options.against:
        raise InputError("--fail-if-slower needs a baseline: --against FILE")
    values = given_values(options)
    sizes = _sizes(options, values)
    if options.file == "-" and (options.save or options.against
                                or len(options.precision or ()) > 1):
        raise InputError("standard input can be read once only: give the program as a file")
    before, mark = None, ""
    if options.save or options.against:
        from hvm_vm.tracing import baseline

        mark = baseline.fingerprint(read_file(options.file))
        if options.against:
            before = baseline.read(options.against, mark)  # refused before anything is measured
    data = given_data(options)
    programs, loaded = _programs(options, {**values, **sizes[0]}, data)
    rows, made_up = _measured(options, programs, values, sizes, data)
    verdicts = []
    if before is not None:
        verdicts = [_verdict(before, row) for row in rows]
    program = next(iter(programs.values()))
    _files(options, program, rows, mark)
    if options.json:
        _print_json(program, rows, verdicts, loaded, made_up)
    else:
        if made_up:
            message("made up: " + ", ".join(made_up))
        _print(options, program, rows, verdicts, loaded)
    _tell_differences(rows)
    slower = any(v.word == "slower" for v in verdicts)
    return 1 if slower and options.fail_if_slower else 0


def _verdict(before, row):
    from hvm_vm.tracing.baseline import Verdict, verdict

    if row.key not in before:
        return Verdict("not in the baseline")
    times, controls = before[row.key]
    return verdict(times, row.runs_ns, (controls, row.control_ns))


def _sizes(options: argparse.Namespace, values: dict) -> list[dict[str, int]]:
    """Every combination of the values of `--sizes`; one empty one without."""
    named: dict[str, list[int]] = {}
    for text in options.sizes:
        name, equals, numbers = text.partition("=")
        name = name.strip()
        try:
            found = [int(n) for n in numbers.split(",")]
        except ValueError:
            found = []
        if not equals or not name or not found:
            raise InputError(f"--sizes {text}: NAME=N,N,… is expected, such as T=64,128")
        if name in named or name in values:
            raise InputError(f"--sizes {text}: {name} is set twice")
        named[name] = list(dict.fromkeys(found))
    return [dict(zip(named, one, strict=True)) for one in itertools.product(*named.values())]


def _programs(options: argparse.Namespace, values: dict, data):
    """The program for each precision, in order, and what reading and verifying took."""
    wanted = dict.fromkeys(PRECISIONS[p] for p in options.precision or ())
    start, programs, loaded = time.perf_counter_ns(), {}, 0
    for precision in wanted or (None,):
        program = open_program(options, known=values, offered=data, precision=precision)
        if not programs:
            loaded = time.perf_counter_ns() - start
            report_warnings(program)
            report_unread(program, data, values)
            unknown = [n for n in (t.partition("=")[0].strip() for t in options.sizes)
                       if n not in program.sizes]
            if unknown:
                have = ", ".join(program.sizes) or "none"
                raise InputError(f"--sizes {unknown[0]}: {unknown[0]} is no size of "
                                 f"{program.module.file} (sizes: {have})")
        programs[program.module.precision] = program
    return programs, loaded


def _measured(options, programs, values, sizes, data):
    from hvm_vm.tracing.compare import compare, load, settings
    from hvm_vm.tracing.synthesise import complete

    engines = list(dict.fromkeys(options.engine or COMPARED))
    threads = list(dict.fromkeys(options.threads or (None,)))
    loads = {name: load(name) for name in engines}  # before anything else runs in them
    rows, made_up = [], {}
    with spinner("jit" if "jit" in engines else ""):
        for one in sizes:
            inputs = complete(next(iter(programs.values())), {**values, **one}, [data])
            made_up.update(dict.fromkeys(inputs.made_up))
            rows += compare(
                programs,
                inputs.values,
                settings(engines, programs, threads, tuple(one.items())),
                data=data,
                repeat=options.repeat,
                warmup=options.warmup,
                loads=loads,
            )
    return rows, list(made_up)


def _files(options, program, rows, mark: str) -> None:
    if options.plot:
        from hvm_vm.tracing.bench_plot import plot

        picture = plot(f"{program.module.file}: steady run", rows, _names(rows)).encode()
        write_whole(options.plot, lambda file: file.write(picture))
    if options.save:
        from hvm_vm.tracing.baseline import document

        kept = document(program.module.file, mark, rows)
        write_whole(options.save, lambda file: file.write(kept))


def _varying(rows) -> list[str]:
    """What else than the engine tells the rows apart: columns to show."""
    found = [name for name in ("precision", "threads")
             if len({getattr(row, name) for row in rows}) > 1]
    return found + list(dict.fromkeys(name for row in rows for name in row.sizes))


def _value(row, column: str) -> str:
    if column in row.sizes and column not in ("precision", "threads"):
        return str(row.sizes[column])
    return str(getattr(row, column))


def _names(rows) -> list[str]:
    columns = _varying(rows)
    return [" ".join([row.engine, *(f"{c}={_value(row, c)}" if c in row.sizes else
                                    (f"{row.threads} thr." if c == "threads" else row.precision)
                                    for c in columns)]) for row in rows]


def _tell_differences(rows) -> None:
    """Results that rounding does not explain."""
    for first, row in _with_first(rows):
        tolerated = row.agrees or (row.precision != first.precision and row.relative < 1e-3)
        if not tolerated:
            message(f"warning: the results of {row.engine} ({row.precision}) differ from those of "
                    f"{first.engine} ({first.precision}) by {row.difference:.2g}, "
                    f"{row.relative:.2g} of the largest")


def _with_first(rows):
    """Each row with the first one of its sizes."""
    first = {}
    for row in rows:
        yield first.setdefault(tuple(row.sizes.items()), row), row


def _print_json(program, rows, verdicts, loaded: int, made_up: list[str]) -> None:
    from hvm_vm.commands.values import to_json

    engines = []
    for k, row in enumerate(rows):
        found = row.to_json()
        found.update({key: to_json(found[key]) for key in ("difference", "relative")})
        if verdicts:
            v = verdicts[k]
            found["verdict"] = {"word": v.word, "change": v.change, "error": v.error,
                                "margin": v.margin}
        engines.append(found)
    print(json.dumps({
        "file": program.module.file,
        "load_ns": loaded,
        "made_up": made_up,
        "engines": engines,
    }, ensure_ascii=False))  # fmt: skip


def _print(options, program, rows, verdicts, loaded: int) -> None:
    from hvm_vm.tracing.report import Sheet, lay_out
    from hvm_vm.tracing.units import duration

    varying = _varying(rows)
    bars = sys.stdout.isatty()
    columns = ("engine", *varying, "load", "compile", "first run", "steady", "fastest", "slowest",
               "ratio", "difference", "relative", *(("",) if bars else ()),
               *(("verdict",) if verdicts else ()))  # fmt: skip
    slowest = max(row.median_ns for row in rows)
    lines = []
    for k, (first, row) in enumerate(_with_first(rows)):
        low, high = row.spread
        lines.append((
            row.engine, *(_value(row, c) for c in varying),
            duration(row.load_ns), duration(row.compile_ns), duration(row.first_ns),
            duration(row.median_ns), duration(low), duration(high),
            f"{first.median_ns / row.median_ns:.2f} x", f"{row.difference:.2g}",
            f"{row.relative:.2g}", *((bar(row.median_ns / slowest),) if bars else ()),
            *((str(verdicts[k]),) if verdicts else ()),
        ))  # fmt: skip
    code = counted(len(program.module.code), "instruction")
    print(f"{program.module.file}: {code}, read and verified in {duration(loaded)}")
    for line in lay_out(Sheet(columns, frozenset(("engine", "precision", "", "verdict")),
                              tuple(lines))):
        print(line)
    _print_gains(options, rows)


def bar(part: float) -> str:
    """A bar of `part` of its greatest length, to an eighth of a character."""
    eighths = max(1, round(8 * BAR * part))
    return "█" * (eighths // 8) + ("", *"▏▎▍▌▋▊▉")[eighths % 8]


def _print_gains(options, rows) -> None:
    """Which instructions gain and lose most, from the first row to the next that runs its code in
    another engine (or else with other threads)."""
    from hvm_vm.tracing.compare import gains
    from hvm_vm.tracing.report import Sheet, lay_out
    from hvm_vm.tracing.units import duration

    others = [r for r in rows[1:] if r.sizes == rows[0].sizes]
    others.sort(key=lambda r: (r.engine == rows[0].engine, r.precision != rows[0].precision))
    if not others or not options.instructions:
        return
    found = gains(rows[0], others[0])
    if not found:
        return
    names = _names([rows[0], others[0]])
    sheet = Sheet(("pc", "source", "operation", *names, "ratio"),
                  frozenset(("source", "operation")), tuple(
        (str(g.pc), g.source, g.op, duration(g.before_ns), duration(g.after_ns),
         f"{g.ratio:.2f} x" + ("" if g.ratio >= 1 else " (loses)"))
        for g in found[: options.instructions]))  # fmt: skip
    print("\ninstructions, with clocks, by what they gain or lose")
    for line in lay_out(sheet):
        print(line)
    left = len(found) - options.instructions
    if left > 0:
        print(f"and {left} more: --instructions N shows N, --json all")
