"""`hvm run` with a table: a data file whose arrays have an axis of sets before their own.

  hvm run examples/ohm.hmp --data table.npz --set R=3 --out results.npz

One set of results a line when they are few, else a summary; sets that fail are listed on standard
error and make the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from hvm_vm.commands.output import console, counted, message, plain, with_folder, write_whole
from hvm_vm.commands.values import to_json
from hvm_vm.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from hvm_vm.api.many import ManyResults

ROWS = 20      # sets that are printed one by one,
COLUMNS = 8    # if each has no more results than these
MESSAGES = 3   # failures that are explained


def run_many(options: argparse.Namespace, program, values: dict[str, object], data) -> int:
    """Run and print every set; 1 when some failed."""
    for option in ("all", "report"):
        if getattr(options, option):
            raise InputError(f"--{option} shows one run, but the data has many sets: leave it out, "
                             "or give the values of one set")
    done = program.solve_many(values, engine=options.engine, threads=options.threads, data=data)
    reasons = {int(k): with_folder(done.message(k), options.file) for k in done.failed[:MESSAGES]}
    if options.out:
        _write(options.out, done)
    if options.json:
        _print_json(done, reasons)
    elif not options.out:
        _print_table(done)
    if sys.stderr.isatty() and not options.json:
        from hvm_vm.tracing.units import duration

        message(f"{done.instructions_executed} instructions in "
                f"{duration(done.execution_time_s * 1e9)} ({done.engine})")
    if not done.failed.size:
        return 0
    message(f"{done.failed.size} of {counted(done.status.size, 'set')} failed: "
            f"{_some(done.failed)}")
    for k, reason in reasons.items():
        message(f"set {k + 1}: {reason}")
    if done.failed.size > len(reasons):
        message(f"… {done.failed.size - len(reasons)} more")
    return 1


def _some(failed: np.ndarray) -> str:
    """`sets 3, 7, … 99`, counted from 1 as indices are."""
    numbers = [str(k + 1) for k in failed[:8]]
    if failed.size > 9:
        numbers += ["…", str(failed[-1] + 1)]
    elif failed.size == 9:
        numbers.append(str(failed[-1] + 1))
    text = ", ".join(numbers).replace("…, ", "… ")
    return f"set {text}" if failed.size == 1 else f"sets {text}"


def _write(path: str, done: ManyResults) -> None:
    """The results and `status` as a `.npz` file."""
    import numpy as np

    name = "status"
    while name in done:  # a result of the program has its name
        name += "_"
    arrays = {**done, name: done.status}
    write_whole(path, lambda file: np.savez(file, **arrays))


def _print_json(done: ManyResults, reasons: dict[int, str]) -> None:
    print(json.dumps(
        {
            "outputs": {name: to_json(value) for name, value in done.items()},
            "status": done.status.tolist(),
            "messages": {str(k): text for k, text in reasons.items()},
            "instructions_executed": done.instructions_executed,
            "execution_time_s": done.execution_time_s,
            "engine": done.engine,
        },
        ensure_ascii=False,
        allow_nan=False,
    ))  # fmt: skip


def _print_table(done: ManyResults) -> None:
    few = (done.status.size <= ROWS and len(done) <= COLUMNS
           and all(value.ndim == 1 for value in done.values()))
    head, rows = _each(done) if few else _summary(done)
    title = f"{counted(done.status.size, 'set')}, {done.failed.size} failed"
    if plain():
        print(title)
        widths = [max(len(row[c]) for row in [head, *rows]) for c in range(len(head))]
        for row in [head, *rows]:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            print("  ".join(cells).rstrip())
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left", no_wrap=True,
                         style=None if number else "bold cyan")
    for row in rows:
        failed = few and row[-1] != "done"
        table.add_row(*(Text(cell) for cell in row), style="red" if failed else None)
    console().print(table)


def _each(done: ManyResults) -> tuple[list[str], list[list[str]]]:
    words = ("done", "failed", "invalid")
    rows = [[str(k + 1), *(_number(value[k]) for value in done.values()), words[status]]
            for k, status in enumerate(done.status.tolist())]
    return ["set", *done, "status"], rows


def _summary(done: ManyResults) -> tuple[list[str], list[list[str]]]:
    """The range of each result over the sets that did not fail."""
    import numpy as np

    good = done.status == 0
    rows = []
    for name, value in done.items():
        shape = ",".join(map(str, value.shape[1:]))
        kind = "symbols" if value.dtype.kind == "U" else value.dtype.name
        row = [name, f"{kind}[{shape}]" if shape else kind]
        found = value[good] if value.dtype.kind in "fi" else np.empty(0)
        found = found[np.isfinite(found)]
        row += [_number(f(found)) for f in (np.min, np.mean, np.max)] if found.size else ["-"] * 3
        rows.append(row)
    return ["result", "of each set", "least", "mean", "largest"], rows


def _number(value) -> str:
    return str(value) if value.dtype.kind in "USi" else f"{float(value):.6g}"
