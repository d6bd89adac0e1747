"""From the nodes of an instruction to lane words: what is computed, before it is decided over which
blocks and where.

A word is a kernel `(dst, a, b, c, lanes)` and its operands: temporaries, leaves (operands in
memory, read by strides), constants. `encode.py` lays words out for the flat, sweep and rows
kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hvm_vm.bytecode import lane_ops
from hvm_vm.engines.bound import Bound, BoundAccess, BoundInstruction
from hvm_vm.engines.jit.block import ABSOLUTE, NULL, REGISTERS, ParameterBlock, Place
from hvm_vm.engines.jit.lane_words import kernel_of

KINDS = {np.dtype(np.float32): "f32", np.dtype(np.float64): "f64", np.dtype(np.int64): "i64"}
DTYPES = {kind: dtype for dtype, kind in KINDS.items()}
WIDTH = {"f32": 4, "f64": 8, "i64": 8}

LONG_INDEX = 1 << 20  # an index beyond this is computed block by block, not read from a table


@dataclass(eq=False, slots=True)
class Temporary:
    """Lanes in scratch memory. `pinned` ones live as long as the instruction."""

    kind: str
    pinned: bool = False
    lanes: int = 0       # as many as the block has when 0


@dataclass(frozen=True, slots=True)
class Leaf:
    """An operand in memory: element at `place + sum(strides[d]*counter[d])`, strides in bytes.

    With `ramp` the lanes are the int64 numbers `place + …` themselves."""

    kind: str
    place: Place
    strides: tuple[int, ...]
    ramp: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """The address of a leaf's first lane, for moves that walk it by a table themselves."""

    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Steps:
    """The address of the table by which a move walks a leaf."""

    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Splat:
    """A constant in every lane."""

    kind: str
    value: float | int


@dataclass(frozen=True, slots=True)
class Fixed:
    """A place that does not move, or a plain number."""

    place: Place
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The address of a few words: numbers, and addresses of operands."""

    items: tuple


NOTHING = Fixed(NULL)


@dataclass(slots=True)
class Word:
    """A kernel over lanes. `lanes` 0 means the lanes of the block, else their number (flat
    only)."""

    kernel: str
    dst: object
    a: object = NOTHING
    b: object = NOTHING
    c: object = NOTHING
    lanes: int = 0


class LaneCompiler:
    """Compiles expressions of one instruction into `words`. Values are memoised per compiler: an
    expression that is evaluated over other dimensions needs a compiler of its own."""

    def __init__(self, bound: Bound, one: BoundInstruction, block: ParameterBlock, precision: str):
        self.bound, self.one, self.block, self.precision = bound, one, block, precision
        self.words: list[Word] = []
        self.values: dict[int, object] = {}
        self.acc: object = None
        self.unknowns: list[Leaf] = []  # of a solve: where their values lie

    def leaf(self, access: BoundAccess) -> Leaf:
        """The memory that an affine access reads or writes."""
        dtype = self.bound.registers[access.register].dtype
        size = dtype.itemsize
        return Leaf(KINDS[dtype], Place(REGISTERS + access.register, access.offset * size),
                    tuple(s * size for s in access.strides))

    def emit(self, kernel: str, kind: str, a=NOTHING, b=NOTHING, c=NOTHING, dst=None):
        dst = dst or Temporary(kind)
        self.words.append(Word(kernel, dst, a, b, c))
        return dst

    def value(self, root: int):
        """The operand that holds node `root`."""
        nodes = self.one.nodes
        needed, stack = set(), [root]
        while stack:
            k = stack.pop()
            if k not in needed and k not in self.values:
                needed.add(k)
                stack.extend(nodes[k].args)
        for k in sorted(needed):
            self.values[k] = self._node(nodes[k], [self.values[a] for a in nodes[k].args])
        return self.values[root]

    def _node(self, node, args):
        op = node.op
        if op == "const":
            return Splat(self.precision, node.immediate)
        if op == "iconst":
            return Splat("i64", node.immediate)
        if op == "index":
            return self.counter(node.immediate)
        if op == "load":
            access = self.one.accesses[node.immediate]
            return self._gather(access, [], args[0]) if args and access.guarded else self._load(
                access, args)
        if op == "gather":
            access = self.one.accesses[node.immediate]
            count = len(access.dynamic)
            return self._gather(access, args[:count], args[count] if len(args) > count else None)
        if op == "acc":
            return self.acc
        if op == "unknown":
            return self.unknowns[node.immediate]
        if op == "pow":
            special = self._power(*args)
            if special is not None:
                return special
        row = lane_ops.BY_NAME[op]
        kind = "i64" if row.result == "i" else self.precision
        return self.emit(kernel_of(op, self.precision), kind, *args)

    def counter(self, dim: int) -> Leaf:
        """The index values along a dimension, as lanes."""
        strides = [0] * len(self.one.extents)
        if self.one.extents[dim] > LONG_INDEX:  # no table of numbers
            strides[dim] = 1
            return Leaf("i64", Place(ABSOLUTE, self.one.los[dim]), tuple(strides), ramp=True)
        strides[dim] = 8
        place = self.block.counters(self.one.los[dim], self.one.extents[dim])
        return Leaf("i64", place, tuple(strides))

    def _power(self, x, y):
        """Small whole powers by multiplication: as exact as pow, and much faster."""
        if not isinstance(y, Splat) or y.value not in (1, 2, 3, 4, -1):
            return None
        kind = self.precision
        if y.value == 1:
            return x
        if y.value == -1:
            return self.emit(f"lane.div.{kind}", kind, Splat(kind, 1.0), x)
        square = self.emit(f"lane.mul.{kind}", kind, x, x)
        if y.value == 2:
            return square
        return self.emit(f"lane.mul.{kind}", kind, square, x if y.value == 3 else square)

    def _load(self, access, guard):
        leaf = self.leaf(access)
        if not guard:
            return leaf
        name = f"ilane.guard.{self.precision}" if leaf.kind == "i64" else f"lane.guard.{leaf.kind}"
        return self.emit(name, leaf.kind, leaf, guard[0])

    def _gather(self, access, places, guard):
        """Computed places: addresses as int64 lanes, each axis checked, then the elements."""
        leaf = self.leaf(access)
        size = WIDTH[leaf.kind]
        truth = guard if guard is not None else NOTHING
        address: object = Leaf("i64", leaf.place, leaf.strides, ramp=True)
        for (stride, extent, _), place in zip(access.dynamic, places, strict=True):
            address = self.emit(f"move.axis.{self.precision}", "i64", place,
                                Table((extent, stride * size, address)), truth)
        for const, coefficients, extent, _ in access.guarded or ():
            place = Leaf("i64", Place(ABSOLUTE, const), tuple(coefficients), ramp=True)
            address = self.emit(f"move.axis.{self.precision}", "i64", place,
                                Table((extent, 0, address)), truth)
        return self.emit(f"move.take.{size}{self.precision}", leaf.kind, NOTHING, address, truth)

    def store(self, value, result: Leaf) -> None:
        """Write lanes to the result. The last word writes there directly where `encode` finds the
        result dense in its blocks; else a move is added."""
        self.words.append(Word(f"move.store.{WIDTH[result.kind]}", Raw(result), value,
                               Steps(result)))
