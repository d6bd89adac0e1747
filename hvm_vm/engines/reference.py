"""The reference engine: NumPy, one short function per instruction. What it computes is what the
bytecode means; the other engines are held against it.

An instruction whose space is very large runs in slices along a free dimension, so that its
temporaries stay small.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import Bound, BoundAccess, BoundInstruction, Frame
from hvm_vm.engines.reference_lanes import Lanes, true
from hvm_vm.engines.reference_whole import add_up, layer_norm, product_sum, rms_norm, softmax
from hvm_vm.engines.words import at_point, located, printable
from hvm_vm.errors import HvmError, InputError, RunError

name = "reference"

SLICE = 1 << 23  # points that are worked on at once


class Run:
    """One instruction at work: its expressions, its operands' arrays, its result's place."""

    def __init__(self, module: Module, one: BoundInstruction, arrays: Sequence[np.ndarray] | None):
        self.module = module
        self.one = one
        self.arrays = arrays
        self.precision = np.dtype(np.float32 if module.precision == "f32" else np.float64)
        self.lanes = Lanes(module, one, arrays, self.precision)

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
        kept = self.dims("on")
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


# -- reductions ----------------------------------------------------------------------------------


def reduction(run: Run) -> None:
    """`D[p] = op[r | condition](body)`: length 1 along the reduced dimensions."""
    one, along = run.one, run.dims("r")
    if 0 in [one.extents[d] for d in along]:
        run.finish(_of_nothing(run), 2)
        return
    condition = run.condition(1)
    body = run.expression(0)
    shape = body.shape
    if condition is not None:
        shape = np.broadcast_shapes(shape, condition.shape)
        condition = run.full(np.broadcast_to(condition, shape), along)
    body = run.full(np.broadcast_to(body, shape), along)
    if condition is not None and one.op not in EMPTY:
        _refuse_empty(run, condition.any(axis=along, keepdims=True))
    run.finish(REDUCTIONS[one.op](run, body, condition, along), 2)


EMPTY = {"sum": 0, "prod": 1}  # other reductions of nothing are errors


def _of_nothing(run: Run) -> np.ndarray:
    """The value of a reduction whose range is empty."""
    free = [run.one.extents[d] if run.one.roles[d] == "o" else 1 for d in range(run.lanes.rank)]
    if run.one.op not in EMPTY:
        _refuse_empty(run, np.zeros(free, bool))
        return np.zeros(free, run.precision)
    return np.full((1,) * run.lanes.rank, EMPTY[run.one.op], run.precision)


def _refuse_empty(run: Run, some: np.ndarray) -> None:
    if not some.all():
        point = tuple(np.argwhere(~some)[0])
        at = run.lanes.at(point, _free_shape(run, some.shape))
        raise InputError(run.lanes.located(
            f"the {run.one.op} of nothing has no value: there is no element to take it over{at}"))


def _free_shape(run: Run, shape):
    """Reduced dimensions are not part of a message's point."""
    return [-1 if run.one.roles[d] == "r" else n for d, n in enumerate(shape)]


def _sum(run, body, condition, along):
    if condition is not None:
        body = np.where(condition, body, body.dtype.type(0))
    return add_up(body, along)


def _prod(run, body, condition, along):
    if condition is not None:
        body = np.where(condition, body, body.dtype.type(1))
    return body.prod(axis=along, keepdims=True, dtype=body.dtype)


def _extreme(function, worst):
    def reduce(run, body, condition, along):
        if condition is not None:
            # A NaN inside stays, one outside does not count.
            body = np.where(condition, body, _worst(body.dtype, worst))
        return function(body, axis=along, keepdims=True)

    return reduce


def _worst(dtype: np.dtype, sign: int):
    if dtype.kind == "f":
        return dtype.type(sign * np.inf)
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min


def _mean(run, body, condition, along):
    count = np.ones((1,) * body.ndim, np.int64)
    if condition is None:
        for d in along:
            count = count * body.shape[d]
    else:
        count = condition.sum(axis=along, keepdims=True)
    return _sum(run, body, condition, along) / count.astype(run.precision)


def _any(run, body, condition, along):
    mask = true(body) if condition is None else true(body) & condition
    return mask.any(axis=along, keepdims=True).astype(run.precision)


def _all(run, body, condition, along):
    mask = true(body) if condition is None else true(body) | ~condition
    return mask.all(axis=along, keepdims=True).astype(run.precision)


def _arg(function, worst):
    def reduce(run, body, condition, along):
        (axis,) = along
        if condition is not None:
            masked = np.where(condition, body, _worst(body.dtype, worst))
            found = function(masked, axis=axis, keepdims=True)
            # When all inside are as bad as the filler, the first inside.
            found = np.where(np.take_along_axis(condition, found, axis), found,
                             np.argmax(condition, axis=axis, keepdims=True))
        else:
            found = function(body, axis=axis, keepdims=True)
        return found + run.one.los[axis]

    return reduce


REDUCTIONS = {
    "sum": _sum, "prod": _prod, "mean": _mean, "any": _any, "all": _all,
    "max": _extreme(np.max, -1), "min": _extreme(np.min, 1),
    "argmax": _arg(np.argmax, -1), "argmin": _arg(np.argmin, 1),
}  # fmt: skip


# -- whole operations ----------------------------------------------------------------------------


def contract(run: Run) -> None:
    """`D[p] = sum[r](A*B)`."""
    product = product_sum(run.operand(1), run.operand(2), run.one.extents, run.dims("r"))
    run.finish(product, 0)


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
    """`D[p] = sum[u](softmax[u](score(sum[c](Q*K)))*V)`."""
    one, along = run.one, run.dims("u")
    acc = product_sum(run.operand(1), run.operand(2), one.extents, run.dims("c"))
    run.lanes.acc = acc
    score = run.expression(0) if one.roots and one.roots[0] >= 0 else acc
    if 0 in [one.extents[d] for d in along]:  # attends to nothing: a softmax of nothing is NaN
        shape = [one.extents[d] if role == "o" else 1 for d, role in enumerate(one.roles)]
        run.finish(np.full(shape, np.nan, run.precision), 3)
        return
    probability = softmax(*_scored(run, score, along))
    run.finish(product_sum(probability, run.operand(3), one.extents, along), 3)


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
    raise kind(located(run.module, one.source, f"{printable(one.message)}{where}"))


def judge(module: Module, one: BoundInstruction) -> None:
    """A check that involves no data."""
    with np.errstate(all="ignore"):
        for part in slices(one):
            check(Run(module, part, None))


INSTRUCTIONS: dict[str, Callable[[Run], None]] = {
    "map": elementwise, "copy": elementwise, "gather": elementwise, "select": elementwise,
    **dict.fromkeys(REDUCTIONS, reduction),
    "contract": contract, "softmax": softmax_, "layer_norm": layer_norm_, "rms_norm": rms_norm_,
    "attention": attention, "check": check,
}  # fmt: skip


# -- running -------------------------------------------------------------------------------------


def slices(one: BoundInstruction) -> Iterator[BoundInstruction]:
    """The instruction over parts of its space, none of which is large."""
    if _working_set(one) <= SLICE:
        yield one
        return
    d = max((d for d, role in enumerate(one.roles) if role == "o"),
            key=lambda d: one.extents[d], default=-1)
    if d < 0 or one.extents[d] < 2:
        yield one
        return
    half = one.extents[d] // 2
    yield from slices(part_of(one, d, 0, half))
    yield from slices(part_of(one, d, half, one.extents[d]))


def _working_set(one: BoundInstruction) -> int:
    """The largest number of elements that the instruction holds at once, about."""
    if one.op != "contract":
        return one.points
    largest = 0
    for access in one.accesses[:3]:
        count = 1
        for stride, extent in zip(access.strides, one.extents, strict=True):
            count *= extent if stride else 1
        largest = max(largest, count)
    return largest


def part_of(one: BoundInstruction, d: int, start: int, stop: int) -> BoundInstruction:
    """The points whose counter of dimension `d` is in `start..stop-1`."""
    extents, los = list(one.extents), list(one.los)
    extents[d], los[d] = stop - start, one.los[d] + start
    accesses = tuple(
        replace(a, offset=a.offset + start * a.strides[d], guarded=None if a.guarded is None else
                tuple((c + start * k[d], k, e, lo) for c, k, e, lo in a.guarded))
        for a in one.accesses)
    return replace(one, extents=tuple(extents), los=tuple(los), accesses=accesses)


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
                    function(Run(self.module, part, frame.arrays))

    def run(self, frame: Frame) -> int:
        pc = -1
        try:
            with np.errstate(all="ignore"):
                for pc, (parts, function) in enumerate(self.steps):  # noqa: B007
                    for part in parts:
                        function(Run(self.module, part, frame.arrays))
        except (HvmError, MemoryError) as error:
            raise self._failed(error, pc) from None
        return len(self.steps) + 1

    def run_traced(self, frame: Frame, times: np.ndarray) -> int:
        clock = time.perf_counter_ns
        pc = -1
        try:
            with np.errstate(all="ignore"):
                for pc, (parts, function) in enumerate(self.steps):
                    start = clock()
                    for part in parts:
                        function(Run(self.module, part, frame.arrays))
                    times[pc] += clock() - start
        except (HvmError, MemoryError) as error:
            raise self._failed(error, pc) from None
        return len(self.steps) + 1

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
