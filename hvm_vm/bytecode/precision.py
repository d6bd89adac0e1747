"""The same program in the other precision: to see what rounding does to it (`hvm diff`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hvm_vm.bytecode.module import DTYPES, Descriptor, Module, Node
from hvm_vm.bytecode.solve_layout import TOLERANCE

SOLVE_TOLERANCE = {"f64": 1e-9, "f32": 1e-4}  # what a solve can be asked for


def with_precision(module: Module, precision: str) -> Module:
    """`module` with every number in `precision` ("f32" or "f64"); integers stay. Solves ask for no
    more digits than there are in f32, and for no fewer than f64 programs do."""
    if module.precision == precision:
        return module
    constants = list(module.constants)
    descriptors = list(module.descriptors)
    for one in module.code:
        if one.op in ("solve", "system"):
            descriptors[one.descriptor] = _retoleranced(
                descriptors[one.descriptor], constants, precision)
    registers = tuple(r if r.dtype == "i64" else replace(r, dtype=precision)
                      for r in module.registers)
    arrays = list(module.arrays)
    for item in module.inputs:
        if item.default >= 0 and registers[item.register].dtype == precision:
            with np.errstate(over="ignore"):
                arrays[item.default] = arrays[item.default].astype(DTYPES[precision])
    return replace(module, precision=precision, registers=registers, arrays=tuple(arrays),
                   constants=tuple(constants), descriptors=tuple(descriptors))


def _retoleranced(descriptor: Descriptor, constants: list[float], precision: str) -> Descriptor:
    """The descriptor of a solve with the tolerance that the precision allows."""
    now = constants[descriptor.nodes[descriptor.roots[TOLERANCE]].immediate]
    choose = max if precision == "f32" else min
    wanted = choose(now, SOLVE_TOLERANCE[precision])
    if wanted == now:
        return descriptor
    if wanted not in constants:
        constants.append(wanted)
    nodes = (*descriptor.nodes, Node("const", (), constants.index(wanted)))
    roots = list(descriptor.roots)
    roots[TOLERANCE] = len(nodes) - 1
    return replace(descriptor, nodes=nodes, roots=tuple(roots))
