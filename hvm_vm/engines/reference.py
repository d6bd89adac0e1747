"""The reference engine: NumPy, one short function per instruction. What it computes is what the
bytecode means; the other engines are held against it.

An instruction whose space is very large runs in slices along a free dimension, so that its
temporaries stay small.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hvm_vm.bytecode.isa import STORED, WALKED
from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import Bound, BoundAccess, BoundInstruction, Frame
from hvm_vm.engines.operands import operands_read, shown
from hvm_vm.engines.reference_lanes import Lanes, true
from hvm_vm.engines.reference_reductions import REDUCTIONS, reduction
from hvm_vm.engines.reference_solve import solve
from hvm_vm.engines.reference_system import system
from hvm_vm.engines.reference_whole import layer_norm, product_sum, rms_norm, softmax
from hvm_vm.engines.slices import part_of, slices
from hvm_vm.engines.solved import Solved
from hvm_vm.engines.timeline import Timeline
from hvm_vm.engines.words import at_point, located, printable
from hvm_vm.errors import HvmError, InputError, RunError

name = "reference"


class Run:
    """One instruction at work: its expressions, its operands' arrays, its result's place."""

    def __init__(self, module: Module, one: BoundInstruction, arrays: Sequence[np.ndarray] | None):
        self.module = module
        self.one = one
        self.arrays = arrays
        self.precision = np.dtype(np.float32 if module.precision == "f32" else np.float64)
        self.lanes = Lanes(module, one, arrays, self.precision)
        self.solved: Solved | None = None  # what a solve reports
        self.observer: Callable | None = None  # told every evaluation of a solve's relations
        self.kept: dict = {}  # what a system need not find again

    def dims(self, roles: str) -> tuple[int, ...]:
        return tuple(d for d, role in enumerate(self.one.roles) if role in roles)

    def expression(self, position: int) -> np.ndarray | None:
        """The value of a root that may be absent."""
        if position >= len(self.one.roots) or self.one.roots[position] < 0:
            return None
        return self.lanes.value(self.one.roots[position])

    def condition(self, position: int) -> np.ndarray | None:
        value = self.expression(position)
        return None if value is None else true(value)

    def full(self, value: np.ndarray, dims: Sequence[int]) -> np.ndarray:
        """`value` repeated along `dims` where it does not vary."""
        shape = [self.one.extents[d] if d in dims else n for d, n in enumerate(value.shape)]
        return np.broadcast_to(value, shape)

    def operand(self, position: int) -> np.ndarray:
        """What the core reads through an access."""
        return self.lanes.view(self.one.accesses[position])

    def finish(self, core: np.ndarray, epilogue: int) -> None:
        """Store the core's result, through the epilogue if there is one."""
        roots = self.one.roots
        if epilogue < len(roots) and roots[epilogue] >= 0:
            core = Lanes(self.module, self.one, self.arrays, self.precision, core).value(
                roots[epilogue])
        self.store(0, core)

    def store(self, position: int, value: np.ndarray) -> None:
        """Write `value` to the places of an access, along the dimensions that the result has."""
        one, access = self.one, self.one.accesses[position]
        kept = self.dims(STORED)
        place = _writable(self.arrays[access.register], access, [one.extents[d] for d in kept],
                          [access.strides[d] for d in kept])
        value = value.reshape([value.shape[d] for d in kept])
        place[...] = value


def _writable(array: np.ndarray, access: BoundAccess, extents, strides) -> np.ndarray:
    if 0 in extents:
        return np.zeros(extents, array.dtype)
    flat = array.reshape(-1)
    item = array.itemsize
    return as_strided(flat[access.offset :], extents, [s * item for s in strides])


# -- elementwise ---------------------------------------------------------------------------------


def elementwise(run: Run) -> None:
    """`D[p] = body(p)`, all bodies before any store."""
    values = [run.lanes.value(root) for root in run.one.roots]
    for position, value in enumerate(values):
        run.store(position, value)


def scan(run: Run) -> None:
    """The map at each point of the walked dimensions in turn: it sees what those before stored."""
    one = run.one
    walked = run.dims(WALKED)
    turns = [range(one.extents[d]) for d in walked]
    turns = [r if one.roles[d] == "f" else reversed(r) for r, d in zip(turns, walked, strict=True)]
    for point in product(*turns):
        here = one
        for d, s in zip(walked, point, strict=True):
            here = part_of(here, d, s, s + 1)
        elementwise(Run(run.module, here, run.arrays))


# -- whole operations ----------------------------------------------------------------------------


def contract(run: Run) -> None:
    """`D[p] = sum[r | condition](A*B)`."""
    product = product_sum(run.operand(1), run.operand(2), run.one.extents, run.dims("r"),
                          run.condition(0))
    run.finish(product, 1)


def softmax_(run: Run) -> None:
    """`D[p] = w*exp(s - m)/sum[n](w*exp(s - m))`."""
    score, weight, condition, along = _scored(run, None, run.dims("n"))
    run.finish(softmax(score, weight, condition, along), 3)


def _scored(run: Run, score, along):
    """Score, weight and condition of one shape, in full along the normalised dimensions."""
    score = run.expression(0) if score is None else score
    weight, condition = run.expression(1), run.condition(2)
    shapes = [x.shape for x in (score, weight, condition) if x is not None]
    shape = np.broadcast_shapes(*shapes)
    score = run.full(np.broadcast_to(score, shape), along)
    if weight is not None:
        weight = np.broadcast_to(weight, score.shape)
    if condition is not None:
        condition = np.broadcast_to(condition, score.shape)
    return score, weight, condition, along


def layer_norm_(run: Run) -> None:
    """`D[p] = (x - mean[n](x))/sqrt(mean[n]((x - mean[n](x))^2) + epsilon)`."""
    x = run.full(run.expression(0), run.dims("n"))
    run.finish(layer_norm(x, run.expression(1), run.dims("n")), 2)


def rms_norm_(run: Run) -> None:
    """`D[p] = x/sqrt(mean[n](x^2) + epsilon)`."""
    x = run.full(run.expression(0), run.dims("n"))
    run.finish(rms_norm(x, run.expression(1), run.dims("n")), 2)


def attention(run: Run) -> None:
    """`D[p] = sum[u | condition](softmax[u](score(sum[c](Q*K)))*V)`."""
    one, along = run.one, run.dims("u")
    acc = product_sum(run.operand(1), run.operand(2), one.extents, run.dims("c"))
    run.lanes.acc = acc
    score = run.expression(0) if one.roots and one.roots[0] >= 0 else acc
    if 0 in [one.extents[d] for d in along]:  # attends to nothing
        shape = [one.extents[d] if role == "o" else 1 for d, role in enumerate(one.roles)]
        run.finish(np.zeros(shape, run.precision), 3)
        return
    score, weight, condition, along = _scored(run, score, along)
    probability = softmax(score, weight, condition, along)
    run.finish(product_sum(probability, run.operand(3), one.extents, along, condition), 3)


# -- claims --------------------------------------------------------------------------------------


def check(run: Run) -> None:
    """Raise unless `claim` is true, not 0 and not NaN, at every point."""
    if 0 in run.one.extents:
        return
    claim = run.expression(0)
    wrong = (claim == 0) | np.isnan(claim)
    if not wrong.any():
        return
    one = run.one
    point = np.argwhere(wrong)[0]
    # The claim holds or fails alike along dimensions that it does not use: the first is named.
    where = at_point(one.names, [int(p) + lo for p, lo in zip(point, one.los, strict=True)])
    kind = RunError if one.status == 1 else InputError
    text = located(run.module, one.source, f"{printable(one.message)}{where}")
    raise kind(text + _read_there(run, point))


def _read_there(run: Run, point) -> str:
    """The values that a claim reads at a point, a line for each."""
    here = run.one
    for d, p in enumerate(point):
        here = part_of(here, d, int(p), int(p) + 1)
    found = operands_read(run.module, here, run.arrays, run.one.roots[0])
    return "".join(f"\n    {name} = {shown(value)}" for name, value in found[:8])


def judge(module: Module, one: BoundInstruction) -> None:
    """A check that involves no data."""
    with np.errstate(all="ignore"):
        for part in slices(one):
            check(Run(module, part, None))


INSTRUCTIONS: dict[str, Callable[[Run], None]] = {
    "map": elementwise, "copy": elementwise, "gather": elementwise, "select": elementwise,
    "scan": scan,
    **dict.fromkeys(REDUCTIONS, reduction),
    "contract": contract, "softmax": softmax_, "layer_norm": layer_norm_, "rms_norm": rms_norm_,
    "attention": attention, "solve": solve, "system": system, "check": check,
}  # fmt: skip


# -- running -------------------------------------------------------------------------------------


def _one(bound: Bound, one: BoundInstruction, frame: Frame, function) -> None:
    run = Run(bound.program.module, one, frame.arrays)
    run.kept = bound.cache
    function(run)
    if run.solved is not None:
        if not isinstance(frame.scratch, dict):
            frame.scratch = {}
        before = frame.scratch.get(one.pc)  # of the slices before
        frame.scratch[one.pc] = run.solved if before is None else before.with_part(run.solved)


class Reference:
    """A bound program as a list of instructions and their functions."""

    def __init__(self, bound: Bound):
        self.bound = bound
        self.module: Module = bound.program.module
        self.steps = [(tuple(slices(one)), INSTRUCTIONS[one.op]) for one in bound.code[:-1]]

    def step(self, frame: Frame, pc: int) -> None:
        """Run one instruction; the halt does nothing."""
        if pc < len(self.steps):
            parts, function = self.steps[pc]
            with np.errstate(all="ignore"):
                for part in parts:
                    _one(self.bound, part, frame, function)

    def run(self, frame: Frame) -> int:
        pc = -1
        frame.scratch = None
        try:
            with np.errstate(all="ignore"):
                for pc, (parts, function) in enumerate(self.steps):  # noqa: B007
                    for part in parts:
                        _one(self.bound, part, frame, function)
        except (HvmError, MemoryError) as error:
            raise self._failed(error, pc) from None
        return len(self.steps) + 1

    def run_traced(self, frame: Frame, times: np.ndarray) -> int:
        timeline = Timeline(len(times), keep=0)
        try:
            return self.run_timed(frame, timeline)
        finally:
            times += timeline.total

    def run_timed(self, frame: Frame, timeline: Timeline) -> int:
        clock, add = time.perf_counter_ns, timeline.add
        pc = -1
        frame.scratch = None
        timeline.watch(lambda: pc)
        began = start = clock()
        try:
            with np.errstate(all="ignore"):
                for pc, (parts, function) in enumerate(self.steps):
                    start = clock()
                    for part in parts:
                        _one(self.bound, part, frame, function)
                    add(pc, start, clock() - start)
            add(len(self.steps), clock(), 0)  # the halt
        except (HvmError, MemoryError) as error:
            add(pc, start, clock() - start)
            raise self._failed(error, pc) from None
        finally:
            timeline.began, timeline.ns = began, clock() - began
            timeline.close()
        return len(self.steps) + 1

    def solved(self, frame: Frame) -> dict[int, Solved]:
        """What each solve, by its pc, reports of the last run."""
        return frame.scratch if isinstance(frame.scratch, dict) else {}

    def _failed(self, error: Exception, pc: int) -> HvmError:
        if isinstance(error, MemoryError):
            one = self.bound.code[pc]
            error = RunError(located(
                self.module, one.source, "there is not enough memory to evaluate this"))
        error.instructions_executed = pc
        return error


class ReferenceEngine:
    name = name

    def ready(self, bound: Bound) -> bool:
        """Always: there is nothing to compile."""
        return True

    def prepare(self, bound: Bound, threads: int = 1) -> Reference:
        return Reference(bound)


engine = ReferenceEngine()
