"""What an instruction reads at one point, for messages: names and values."""

from __future__ import annotations

import numpy as np

from hvm_vm.bytecode import isa
from hvm_vm.engines.bound import BoundInstruction, result_places
from hvm_vm.engines.reference_lanes import Lanes


def operands_read(module, here: BoundInstruction, arrays,
                  root: int) -> list[tuple[str, object]]:
    """What the instruction reads, by the names of the registers, for its root `root`; `here` is the
    instruction at one point (`slices.part_of`)."""
    row = isa.BY_NAME[here.op]
    precision = np.dtype(np.float32 if module.precision == "f32" else np.float64)
    lanes = Lanes(module, here, arrays, precision)
    found, seen = [], set()
    results = result_places(here)
    with np.errstate(all="ignore"):
        for access in here.accesses[results : results + row.reads]:
            found.append((module.registers[access.register].name, lanes.view(access)))
        for root_ in here.roots if row.group != "elementwise" else (root,):
            for k in _loads(here, root_):
                if k not in seen and not _uses_acc(here, k):
                    seen.add(k)
                    name = module.registers[here.accesses[here.nodes[k].immediate].register].name
                    found.append((name, lanes.value(k)))
    # `check.sum`, made by the compiler, is a `sum` to people.
    return [(name.rpartition(".")[2], value.item() if value.size == 1 else value.copy())
            for name, value in found]


def _under(one: BoundInstruction, root: int) -> list[int]:
    seen, stack = set(), [root] if root >= 0 else []
    while stack:
        k = stack.pop()
        if k not in seen:
            seen.add(k)
            stack.extend(one.nodes[k].args)
    return sorted(seen)


def _loads(one: BoundInstruction, root: int) -> list[int]:
    return [k for k in _under(one, root) if one.nodes[k].op in ("load", "gather")]


def _uses_acc(one: BoundInstruction, k: int) -> bool:
    return any(one.nodes[n].op == "acc" for n in _under(one, k))


def shown(value) -> str:
    """A value on one line: a number, few numbers, or how many and between what."""
    if np.ndim(value) == 0:
        return f"{value:.10g}" if isinstance(value, float) else str(value)
    array = np.asarray(value)
    if array.size <= 8:
        return np.array2string(array.reshape(-1), precision=6, separator=", ")
    finite = array[np.isfinite(array)]
    if not finite.size:
        return f"{array.size} values, none finite"
    return f"{array.size} values from {finite.min():.6g} to {finite.max():.6g}"
