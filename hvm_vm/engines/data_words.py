"""What data a failure may come from: names of operands that are not finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import BoundAccess, BoundInstruction
from hvm_vm.engines.words import listed, printable

MOST = 3  # names that are listed


def not_finite(
    module: Module, one: BoundInstruction, arrays: Sequence[np.ndarray], point: Sequence[int],
    unknowns: Sequence[int],
) -> str:
    """`a is NaN and b holds infinity`: what an instruction reads at a point (of its first
    dimensions), but for the registers that are its `unknowns`; nothing where all is finite."""
    found: dict[str, str] = {}
    for here in (one, *(part.one for part in one.parts)):
        for access in here.accesses:
            if access.register in unknowns or access.dynamic or access.guarded:
                continue
            values = _read(arrays[access.register], access, here.extents, point)
            bad = values[~np.isfinite(values)] if values.dtype.kind == "f" else values[:0]
            if bad.size:
                name = printable(module.registers[access.register].name)
                verb, infinite = ("is", "infinite") if values.size == 1 else ("holds", "infinity")
                found[name] = f"{name} {verb} {'NaN' if np.isnan(bad).any() else infinite}"
    return listed(list(found.values()), most=MOST)


def _read(array: np.ndarray, access: BoundAccess, extents, point) -> np.ndarray:
    """The elements that an access reads, one axis a dimension."""
    places = np.full((), access.offset, np.int64)
    for d, stride in enumerate(access.strides):
        counters = np.array(point[d]) if d < len(point) else np.arange(extents[d])
        if stride:
            places = np.add.outer(places, stride * counters)
    return array.reshape(-1)[places]
