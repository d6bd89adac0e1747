"""Where a NaN or an infinity came from: the first instruction that made one out of operands that
were finite.

The program is run once more, one instruction at a time in any engine; after each one its results
are looked at. When its source is at hand it is compiled anew for this, with every variable a
result: what was fused away is then stored, and the relation to blame is the one that says
`sqrt(x)`, not one that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.isa import STORED, WALKED
from hvm_vm.engines.bound import Bound, BoundInstruction, nodes_under, result_places
from hvm_vm.engines.operands import operands_read, shown
from hvm_vm.engines.reference_lanes import Lanes
from hvm_vm.engines.slices import part_of, slices
from hvm_vm.engines.words import at_point, located
from hvm_vm.errors import HvmError, RunError

MOST_POINTS = 200  # NaNs of one result whose operands are looked at


@dataclass(frozen=True)
class NanOrigin:
    """The instruction `pc` gave a value that is not finite (`kind`: "NaN", "inf" or "-inf") for
    `variable` at the index values `point`, although what it read there, `operands` (text: number or
    array), was finite."""

    pc: int
    variable: str
    names: tuple[str, ...]
    point: tuple[int, ...]
    operands: tuple[tuple[str, object], ...]
    text: str
    kind: str = "NaN"

    def __str__(self) -> str:
        return self.text


class NotFinite(RunError):
    """A run in which an instruction made a NaN or an infinity; `.origin` says where."""

    def __init__(self, origin: NanOrigin):
        super().__init__(origin.text)
        self.origin = origin


def check_finite(program, values: Mapping[str, object] | None = None, /, *, data=(),
                 engine: str = "reference", threads: int | None = None) -> None:
    """Raise `NotFinite` if a run of `program` makes a NaN or an infinity out of finite operands."""
    found = find_nan(program, values, data=data, infinite=True, engine=engine, threads=threads)
    if found is not None:
        raise NotFinite(found)


def find_nan(program, values: Mapping[str, object] | None = None, /, *, data=(),
             infinite: bool = False, engine: str = "reference", threads: int | None = None,
             **named) -> NanOrigin | None:
    """The origin of the first NaN in a run of `program` with these inputs, or None.

    `infinite`: of the first NaN or infinity. An infinity that the relation itself writes (`inf`)
    is no accident, and not reported. `engine`, `threads`: as in a call."""
    given = {**(values or {}), **named}
    how = {"data": data, "engine": engine, "threads": threads}
    if not infinite:
        return _inside(program, given, how, infinite) or _search(program, given, how, infinite)
    found = _search(program, given, how, infinite)
    inner = _inside(program, given, how, infinite)
    if inner is None:
        return found
    # The relation inside a fused instruction, if that is where it comes from: what is stored there
    # may overflow in ways that the fused instruction does not.
    stored = {register.name for register in program.module.registers}
    if found is not None:
        fused = inner.variable == found.variable or inner.variable not in stored
        return inner if fused else found
    # What no result of an instruction shows: `1/(1 + exp(x))`.
    return inner if inner.variable not in stored and _hides(program, given, how) else None


def _hides(program, given: Mapping[str, object], how: dict) -> bool:
    """Whether an expression of the program's own instructions passes through a value that is not
    finite. (What uses the core's result is not looked at, and taken to.)"""
    prepared = program.prepare(given, **how)
    frame, bound = prepared.frame(), prepared.bound
    module = bound.program.module
    precision = np.dtype(np.float32 if module.precision == "f32" else np.float64)
    for one in bound.code[:-1]:
        for part in slices(one):
            lanes, wild = Lanes(module, part, frame.arrays, precision), set()
            with np.errstate(all="ignore"):
                for k, node in enumerate(part.nodes):
                    if node.op in ("acc", "unknown") or not wild.isdisjoint(node.args):
                        wild.add(k)
                    elif node.args and node.op != "gather" and _starts(lanes, k, node):
                        return True
            if wild:
                return True
        prepared.runnable.step(frame, one.pc)
    return False


def _starts(lanes: Lanes, k: int, node) -> bool:
    """Whether node `k` is not finite somewhere though its arguments are."""
    value = lanes.value(k)
    if value.dtype.kind != "f" or np.isfinite(value).all():
        return False
    bad = ~np.isfinite(value)
    for argument in node.args:
        operand = lanes.value(argument)
        if operand.dtype.kind == "f":
            bad = bad & np.isfinite(operand)
    return bool(bad.any())


def _inside(program, given: Mapping[str, object], how: dict, infinite: bool) -> NanOrigin | None:
    """The origin among all variables that the results need, each stored."""
    wide = program.everything(given, data=how["data"], needed=True)
    if wide is program:
        return None
    try:
        return _search(wide, given, how, infinite)
    except (HvmError, MemoryError):  # what no result needs may fail
        return None


def _search(program, given: Mapping[str, object], how: dict, infinite: bool) -> NanOrigin | None:
    prepared = program.prepare(given, **how)
    frame, bound = prepared.frame(), prepared.bound
    for one in bound.code[:-1]:
        prepared.runnable.step(frame, one.pc)
        found = _made(bound, one, frame.arrays, infinite)
        if found is not None:
            return found
    return None


def _made(bound: Bound, one: BoundInstruction, arrays, infinite: bool) -> NanOrigin | None:
    """The origin of a value of this instruction's results that is not finite, if it is here."""
    module = bound.program.module
    free = [d for d, role in enumerate(one.roles) if role in STORED]
    for k in range(result_places(one)):
        access = one.accesses[k]
        array = arrays[access.register]
        if array.dtype.kind != "f":
            continue
        root = one.roots[k] if k < len(one.roots) else -1
        test = np.isnan
        if infinite and not _says_infinity(one, root):
            test = _not_finite
        if not test(array).any():
            continue
        extents = [one.extents[d] for d in free]
        offsets = np.full([1] * len(free), access.offset)
        for axis, d in enumerate(free):
            shape = [-1 if a == axis else 1 for a in range(len(free))]
            offsets = offsets + access.strides[d] * np.arange(one.extents[d]).reshape(shape)
        values = array.reshape(-1)[np.broadcast_to(offsets, extents)]
        for point in _computed_first(np.argwhere(test(values)), [one.roles[d] for d in free]):
            here = one
            for d, counter in zip(free, point, strict=True):
                # Along a normalised dimension every point has a part in every result.
                if one.roles[d] in "o" + WALKED:
                    here = part_of(here, d, int(counter), int(counter) + 1)
            operands = operands_read(module, here, arrays, root)
            if any(test(np.asarray(value, float)).any() for _, value in operands):
                continue
            made = float(values[tuple(point)])
            return _origin(bound, one, k, tuple(map(int, point)), operands, made)
    return None


def _computed_first(points: np.ndarray, roles: Sequence[str]) -> np.ndarray:
    """Some of the points of an instruction, those of a scan's first steps before the others."""
    for axis, role in enumerate(roles):
        if role in WALKED:
            step = points[:, axis] if role == "f" else -points[:, axis]
            points = points[np.argsort(step, kind="stable")]
    return points[:MOST_POINTS]


def _not_finite(array: np.ndarray) -> np.ndarray:
    return ~np.isfinite(array)


def _says_infinity(one: BoundInstruction, root: int) -> bool:
    """Whether an expression of the instruction holds an infinite constant."""
    roots = [root] if isa.BY_NAME[one.op].group == "elementwise" else one.roots
    return any(node.op == "const" and not np.isfinite(node.immediate)
               for r in roots if r >= 0 for node in nodes_under(one.nodes, r))


def _origin(bound: Bound, one: BoundInstruction, k: int, point: tuple[int, ...], operands,
            made: float) -> NanOrigin:
    """Result `k` of the instruction is `made` at these counters of its free dimensions."""
    module, register = bound.program.module, one.accesses[k].register
    free = [d for d, role in enumerate(one.roles) if role in STORED]
    names = tuple(one.names[d] for d in free)
    values = tuple(p + one.los[d] for p, d in zip(point, free, strict=True))
    variable = module.registers[register].name
    kind = "NaN" if np.isnan(made) else "inf" if made > 0 else "-inf"
    # An instruction of several results comes from several relations: this one's own.
    source = one.source
    if result_places(one) > 1:
        source = next((o.source for o in module.outputs if o.register == register), source)
    read = "".join(f"\n    {text} = {shown(value)}" for text, value in operands)
    text = located(module, source if source >= 0 else one.source,
                   f"{variable} becomes {kind} here{at_point(names, values)}") + read
    return NanOrigin(one.pc, variable, names, values, tuple(operands), text, kind)
