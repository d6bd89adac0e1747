"""A bound program of scalar products, which costs little but its dispatch."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hvm_vm.bytecode.module import Node
from hvm_vm.engines import get
from hvm_vm.engines.bound import Bound, BoundAccess, BoundInstruction, BoundRegister, Frame


def prepared(count: int):
    """`count` products of scalars, each of the two before it: a runnable of the jit, a frame."""
    one = np.dtype(np.float64)
    registers = tuple(BoundRegister(f"r{k}", one, (), (), (), 8 * k) for k in range(count + 2))
    nodes = (Node("load", (), 1), Node("load", (), 2), Node("mul", (0, 1)))
    code = [BoundInstruction(k, "map", -1, (), (), "", (), tuple(
        BoundAccess(r, 0, ()) for r in (k + 2, k, k + 1)), nodes, (2,)) for k in range(count)]
    halt = BoundInstruction(count, "halt", -1, (), (), "", (), (), (), ())
    verified = SimpleNamespace(module=SimpleNamespace(precision="f64"))
    bound = Bound(verified, {}, registers, (*code, halt), 8 * (count + 2))
    frame = Frame(bound, {})
    frame.arrays[0][...] = frame.arrays[1][...] = 1.0
    return get("jit").prepare(bound, 1), frame
