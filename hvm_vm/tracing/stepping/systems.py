"""Inside a `system`: every evaluation of its relations, recorded while the reference engine repeats
it on copies of its results, one batch point after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from hvm_vm.engines.bound import Bound, BoundInstruction, Frame
from hvm_vm.engines.systems.counting import own_dims
from hvm_vm.engines.systems.solve import System
from hvm_vm.engines.systems.words import Words
from hvm_vm.errors import HvmError
from hvm_vm.tracing.stepping.solves import Evaluation, SolveLog
from hvm_vm.tracing.stepping.timeline import results_of

POINTS = 256  # batch points that are gone through


class Named(Sequence):
    """So many names, each made when it is asked for."""

    def __init__(self, count: int, name: Callable[[int], str]):
        self.count, self.name = count, name

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < self.count:
            raise IndexError(number)
        return self.name(number)


def record_system(bound: Bound, frame: Frame, one: BoundInstruction) -> SolveLog:
    """Solve again what the instruction `one` solves, and keep every evaluation at its first
    `POINTS` batch points. The frame's values do not change."""
    module = bound.program.module
    arrays = list(frame.arrays)
    for register in results_of(one):
        arrays[register] = arrays[register].copy()
    batch = one.batch
    log = SolveLog(one.pc, (), (), one.extents[:batch], one.los[:batch], one.names[:batch])
    at = 0
    for access, own in zip(one.accesses, own_dims(one), strict=False):
        count = prod(one.extents[d] for d in own)
        log.arrays.append((module.registers[access.register].name, at, at + count))
        at += count
    log.points_left_out = max(0, prod(log.extents) - POINTS)

    def observe(lane: int, pattern, x, residual, scale) -> None:
        if not log.names:
            words = Words(module, one, pattern)
            log.names = Named(len(x), words.unknown)
            log.relations = Named(len(residual), words.equation)
        found = log.points.setdefault(lane, [])
        relative = np.abs(residual) / np.where(scale > 0, scale, 1.0)
        kind = "start"
        if found:
            kind = "step" if not pattern.linear else "elimination" if len(found) == 1 else (
                "correction")
        found.append(Evaluation(x.copy(), residual.copy(), relative, kind))

    system = System(module, one, {})
    try:
        system.watched(arrays, range(min(POINTS, system.lanes)), observe)
    except HvmError as error:
        log.failure = str(error)
    return log
