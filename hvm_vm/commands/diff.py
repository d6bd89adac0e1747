"""Run two programs, or one in two engines or two precisions, and say where they differ.

  hvm diff old.hmp new.hmp --set 'x=[1, 2, 3]'
  hvm diff model.hmp --data weights.npz --engines reference jit
  hvm diff examples/transformer_block.hmp --precisions f32 f64 --all

Both get the same inputs. Variables are matched by name; the first instruction whose result differs
beyond tolerance is shown, and of every variable the largest absolute and relative difference with
its subscripts. Status: 0 the same, 1 different, or one of them failed, 2 not valid.
"""

from __future__ import annotations

import argparse
import json
from copy import copy

from hvm_vm.commands.options import ENGINES, Parser, compile_options, count, input_options
from hvm_vm.commands.output import counted, message, with_folder
from hvm_vm.commands.programs import given_data, given_values, open_program
from hvm_vm.commands.run import spinner
from hvm_vm.errors import InputError

PRECISIONS = ("f32", "f64")


def configure(parser: Parser) -> None:
    parser.add("files", metavar="FILE", nargs="+", help="one or two programs: source or bytecode")
    input_options(parser)
    compile_options(parser)
    parser.add("--engines", nargs=2, choices=ENGINES, metavar=("E1", "E2"),
               help="the engines to run in (default: reference for both)")
    parser.add("--precisions", nargs=2, choices=PRECISIONS, metavar=("P1", "P2"),
               help="the precisions to run in, f32 or f64 (default: each program's own)")
    parser.add("--threads", type=count, default=None, metavar="N",
               help="threads that one run may use (default: all)")
    parser.add("--rtol", type=_number, default=None, metavar="R",
               help="relative tolerance (default 1e-9, with f32 1e-4)")
    parser.add("--atol", type=_number, default=None, metavar="A",
               help="absolute tolerance (default 1e-12, with f32 1e-6)")
    parser.add("--all", action="store_true", help="every variable, those fused away too")
    parser.add("--json", action="store_true", help="print one JSON object")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    files = options.files
    options.file = files[0]
    if len(files) > 2:
        raise InputError(f"{len(files)} files are given: two are compared")
    if len(files) == 1 and not options.engines and not options.precisions:
        raise InputError(f"{files[0]}: with what is it to be compared? Name a second program, or "
                         "--engines reference jit, or --precisions f32 f64")
    if files.count("-") > 1:
        raise InputError("standard input can be one of the programs, not both")
    values, data = given_values(options), given_data(options)
    sides = []
    engines = [e if e != "auto" else "reference" for e in options.engines or ("reference",) * 2]
    program = None
    with spinner("jit" if "jit" in engines else ""):
        for k in range(2):
            own = copy(options)
            own.file = files[min(k, len(files) - 1)]
            if k < len(files):
                program = open_program(own, known=values, offered=data)
                for warning in program.warnings:
                    message(warning)
            sides.append(_session(program, values, data, own, engines[k],
                                  options.precisions[k] if options.precisions else None))
        from hvm_vm.tracing.differences import compare_sessions

        found = compare_sessions(*sides, rtol=options.rtol, atol=options.atol)
    labels = _labels(options, engines)
    if not found.differences and not any(found.failures):
        from hvm_vm.engines.words import listed

        raise InputError("; ".join(f"{label} computes {listed(names) or 'nothing'}" for label, names
                                   in zip(labels, found.only, strict=True))
                         + ": no variable has the same name in both")
    if options.json:
        _print_json(found, sides, labels)
    else:
        _print(found, sides, labels, files)
    return 0 if found.same else 1


def _session(program, values: dict, data, options, engine: str, precision: str | None):
    if options.all:
        program = program.everything(values, data=[data])
    if precision is not None and precision != program.module.precision:
        from hvm_vm.api.program import Program
        from hvm_vm.bytecode import verify
        from hvm_vm.bytecode.precision import with_precision

        if data:  # values from outside come before what the relations determine
            values = {**{n: data[n] for n in program.determined(data)}, **values}
        program = Program(verify(with_precision(program.module, precision)))
    return program.step(values, engine=engine, threads=options.threads, data=[data])


def _labels(options, engines: list[str]) -> tuple[str, str]:
    """What the two sides are called: by what they differ in."""
    parts: list[list[str]] = [[], []]
    for k in range(2):
        if len(options.files) == 2:
            parts[k].append(options.files[k])
        if options.engines and (engines[0] != engines[1] or len(options.files) < 2):
            parts[k].append(engines[k])
        if options.precisions:
            parts[k].append(options.precisions[k])
    first, second = (" ".join(p) for p in parts)
    return (first, second) if first != second else (f"{first} (A)", f"{second} (B)")


def _print(found, sides, labels, files) -> None:
    from hvm_vm.tracing.differences import first_lines, subscripts
    from hvm_vm.tracing.report import Sheet, lay_out

    compared = counted(len(found.differences), "variable")
    print(f"{labels[0]} and {labels[1]}: {compared} compared, "
          f"tolerance {found.rtol:g} relative, {found.atol:g} absolute")
    for label, error, path in zip(labels, found.failures, (files[0], files[-1]), strict=True):
        if error is not None:
            print(f"{label} failed:")
            print(with_folder(str(error), path))
    rows = []
    for d in found.differences:
        place = f"{d.pc}" if d.pc >= 0 else "input"
        shape = f"[{','.join(map(str, d.shape))}]"
        if d.shape != d.other_shape:
            shape += f" and [{','.join(map(str, d.other_shape))}]"
        gaps = [(f"{gap:.3g}", subscripts(at) if gap else "") for gap, at in
                ((d.absolute, d.absolute_at), (d.relative, d.relative_at))]
        rows.append((place, d.name, shape, *gaps[0], *gaps[1],
                     "differs" if d.differs else "same" if not d.absolute else "close"))
    if rows:
        columns = ("pc", "variable", "shape", "absolute", "at", "relative", "at", "verdict")
        print()
        left = frozenset(("variable", "shape", "at", "verdict"))
        for line in lay_out(Sheet(columns, left, tuple(rows))):
            print(line)
    for label, names in zip(labels, found.only, strict=True):
        if names:
            print(f"\nonly in {label}: {', '.join(names)}")
    print()
    lines = first_lines(found, sides[0], labels)
    for line in lines:
        print(with_folder(line, files[0]))
    if not lines:
        print(_ending(found))


def _ending(found) -> str:
    """The verdict where no variable differs."""
    if found.same:
        return "the same within tolerance"
    failed = "both" if all(found.failures) else "one of them"
    if not found.differences:
        return f"{failed} failed, before anything could be compared"
    return f"{failed} failed; what ran before is the same within tolerance"


def _print_json(found, sides, labels) -> None:
    from hvm_vm.commands.values import to_json
    from hvm_vm.tracing.stepping.places import place_text

    def side(k: int) -> dict:
        error = found.failures[k]
        return {"label": labels[k], "file": sides[k].module.file, "engine": sides[k].engine,
                "precision": sides[k].module.precision, "only": list(found.only[k]),
                "error": None if error is None else str(error)}

    def variable(d) -> dict:
        return {
            "name": d.name, "pc": d.pc,
            "source": place_text(sides[0], d.pc).rpartition(":")[0] if d.pc >= 0 else "",
            "shape": list(d.shape), "other_shape": list(d.other_shape),
            "absolute": to_json(d.absolute), "absolute_at": list(d.absolute_at),
            "relative": to_json(d.relative), "relative_at": list(d.relative_at),
            "differs": d.differs, "elements_that_differ": d.count,
            "first": None if d.first is None else list(d.first),
            "values": None if d.values is None else [to_json(v) for v in d.values],
        }  # fmt: skip

    first = found.first
    print(json.dumps({
        "same": found.same, "rtol": found.rtol, "atol": found.atol, "a": side(0), "b": side(1),
        "first": None if first is None else variable(first),
        "variables": [variable(d) for d in found.differences],
    }, ensure_ascii=False, allow_nan=False))  # fmt: skip


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 0")
    return value
