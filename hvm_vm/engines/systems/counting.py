"""Which scalar equations a system has: the points of its rows where their conditions hold."""

from __future__ import annotations

from math import prod

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import BoundInstruction, nodes_under
from hvm_vm.engines.reference_lanes import Lanes, true
from hvm_vm.engines.words import at_point, index_range, located, printable
from hvm_vm.errors import InputError

MOST_POINTS = 10_000_000  # of a condition that is evaluated while binding


def unknown_count(one: BoundInstruction) -> int:
    """The elements of all unknowns, for one batch point."""
    return sum(prod(one.extents[d] for d in own) for own in own_dims(one))


def own_dims(one: BoundInstruction) -> list[range]:
    """The dimensions that are each unknown's own axes, in order."""
    found, at = [], one.batch
    for count in one.owned:
        found.append(range(at, at + count))
        at += count
    return found


@np.errstate(all="ignore")
def check_count(module: Module, one: BoundInstruction) -> None:
    """Raise `InputError` when there are more or fewer equations than unknowns, as far as that does
    not depend on data. At run time `pattern` counts."""
    precision = np.dtype(np.float32 if module.precision == "f32" else np.float64)
    batch = one.extents[: one.batch]
    if 0 in batch:
        return
    counts = []
    for part in one.parts:
        if part.role != "row":
            continue
        root = part.one.roots[0]
        own = part.one.extents[one.batch :]
        if root < 0:
            counts.append(np.full((1,) * one.batch, prod(own)))
            continue
        if any(n.op in ("load", "gather") for n in nodes_under(part.one.nodes, root)):
            return
        if prod(part.one.extents) > MOST_POINTS:
            return
        holds = true(Lanes(module, part.one, None, precision).value(root))
        holds = np.broadcast_to(holds, (*holds.shape[: one.batch], *own))
        counts.append(holds.sum(axis=tuple(range(one.batch, holds.ndim))))
    total = sum(counts)
    wrong = np.argwhere(total != unknown_count(one))
    if len(wrong):
        point = tuple(int(p) for p in wrong[0])
        each = [int(np.broadcast_to(c, total.shape)[point]) for c in counts]
        where = [p + lo for p, lo in zip(point, one.los, strict=False)]
        raise miscount(module, one, each, where if any(n > 1 for n in batch) else ())


def miscount(module: Module, one: BoundInstruction, each: list[int], where) -> InputError:
    """The error of a system whose relations have `each` so many equations, at a batch point."""
    unknowns, equations = unknown_count(one), sum(each)
    names = ", ".join(element_range(module, one, k) for k in range(len(one.accesses)))
    lines = [printable(line) for line in one.message.split("\n")]
    place = at_point(one.names[: len(where)], list(where)) if where else ""
    apart = abs(equations - unknowns)
    what = "too few" if equations < unknowns else "too many"
    text = (f"{_counted(equations, 'equation')} for {_counted(unknowns, 'unknown')}"
            f"{place}, {apart} {what}: {names}")
    shown = "".join(f"\n  line {line}    {_counted(n, 'equation')}"
                    for line, n in zip(lines[:12], each, strict=False))
    return InputError(located(module, one.source, text) + shown)


def element_range(module: Module, one: BoundInstruction, k: int) -> str:
    """`u[0..12]`: an unknown with the index values of its own axes."""
    name = printable(module.registers[one.accesses[k].register].name)
    own = own_dims(one)[k]
    axes = [index_range(one.los[d], one.extents[d]) for d in own]
    return name + (f"[{', '.join(axes)}]" if axes else "")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
