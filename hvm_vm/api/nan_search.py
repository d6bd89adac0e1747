"""Where a NaN came from: the first instruction that made one out of operands that had none.

The program is run once more in the reference engine; after each instruction its results are looked
at. When its source is at hand it is compiled anew for this, with every variable a result: what was
fused away is then stored, and the relation to blame is the one that says `sqrt(x)`, not one that
uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hvm_vm.engines.bound import Bound, BoundInstruction, results_of
from hvm_vm.engines.operands import operands_read, shown
from hvm_vm.engines.reference import Reference
from hvm_vm.engines.slices import part_of
from hvm_vm.engines.words import at_point, located
from hvm_vm.errors import HvmError

MOST_POINTS = 200  # NaNs of one result whose operands are looked at


@dataclass(frozen=True)
class NanOrigin:
    """The instruction `pc` gave NaN for `variable` at the index values `point`, although what it
    read there, `operands` (text: number or array), held none."""

    pc: int
    variable: str
    names: tuple[str, ...]
    point: tuple[int, ...]
    operands: tuple[tuple[str, object], ...]
    text: str

    def __str__(self) -> str:
        return self.text


def find_nan(program, values: Mapping[str, object] | None = None, /, *, data=(),
             **named) -> NanOrigin | None:
    """The origin of the first NaN in a run of `program` with these inputs, or None."""
    given = {**(values or {}), **named}
    wide = program.everything(given, data=data, needed=True)
    if wide is not program:
        try:
            found = _search(wide, given, data)
        except (HvmError, MemoryError):  # what no result needs may fail
            found = None
        if found is not None:
            return found
    return _search(program, given, data)


def _search(program, given: Mapping[str, object], data) -> NanOrigin | None:
    prepared = program.prepare(given, engine="reference", data=data, keep_all=True)
    frame, bound = prepared.frame(), prepared.bound
    reference = Reference(bound)
    for one in bound.code[:-1]:
        reference.step(frame, one.pc)
        found = _made_nan(bound, one, frame.arrays)
        if found is not None:
            return found
    return None


def _made_nan(bound: Bound, one: BoundInstruction, arrays) -> NanOrigin | None:
    module = bound.program.module
    free = [d for d, role in enumerate(one.roles) if role in "on"]
    for k in range(results_of(one)):
        access = one.accesses[k]
        array = arrays[access.register]
        if array.dtype.kind != "f" or not np.isnan(array).any():
            continue
        extents = [one.extents[d] for d in free]
        offsets = np.full([1] * len(free), access.offset)
        for axis, d in enumerate(free):
            shape = [-1 if a == axis else 1 for a in range(len(free))]
            offsets = offsets + access.strides[d] * np.arange(one.extents[d]).reshape(shape)
        nan = np.isnan(array.reshape(-1)[np.broadcast_to(offsets, extents)])
        for point in np.argwhere(nan)[:MOST_POINTS]:
            here = one
            for d, counter in zip(free, point, strict=True):
                # Along a normalised dimension every point has a part in every result.
                if one.roles[d] == "o":
                    here = part_of(here, d, int(counter), int(counter) + 1)
            root = one.roots[k] if k < len(one.roots) else -1
            operands = operands_read(module, here, arrays, root)
            if any(np.isnan(np.asarray(value, float)).any() for _, value in operands):
                continue
            names = tuple(one.names[d] for d in free)
            values = tuple(int(p) + one.los[d] for p, d in zip(point, free, strict=True))
            variable = module.registers[access.register].name
            # An instruction of several results comes from several relations: this one's own.
            source = next((o.source for o in module.outputs if o.register == access.register),
                          one.source)
            read = "".join(f"\n    {text} = {shown(value)}" for text, value in operands)
            text = located(module, source if source >= 0 else one.source,
                           f"{variable} becomes NaN here{at_point(names, values)}") + read
            return NanOrigin(one.pc, variable, names, values, tuple(operands), text)
    return None
