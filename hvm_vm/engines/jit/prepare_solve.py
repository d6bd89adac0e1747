"""Solves: lane programs (starts and bounds, relations, results) over blocks of points, the
relations once more for one point, and the kernels around them.

The unknowns, relations, scales and Jacobian entries of a block lie side by side in scratch memory,
one row each, so the lane programs work on many points at once. The block moves over the space like
any rows do; of a point that needs care, the program of one point is moved there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from hvm_vm.bytecode.solve_layout import (
    ITERATIONS,
    TOLERANCE,
    UNSOLVED_NAN,
    Layout,
    unknown_count,
)
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.block import SCRATCH, ParameterBlock, Place
from hvm_vm.engines.jit.encode import Cell, Flat, Step, encode_rows
from hvm_vm.engines.jit.lane_program import DTYPES, WIDTH, LaneCompiler, Leaf, Splat
from hvm_vm.engines.jit.prepare_maps import leaves_of
from hvm_vm.engines.jit.spaces import Group, merge
from hvm_vm.engines.slices import part_of
from hvm_vm.engines.solving import memory
from hvm_vm.engines.solving.relations import DEFAULT_START, all_given, entries, is_linear

# Points that are solved side by side: no multiple of 4 KiB apart, or a cache has places for few.
LANES = 448
NUMBERS = 1 << 18  # of a block, at most (or one point's)


def solve(bound, one, block, precision, threads) -> list[Step]:
    """Forget what the last run told, then solve block after block."""
    if not one.points:
        return []
    n = unknown_count(len(one.roots))
    told = block.reserve(at.TOLD_WORDS + 3 * n)
    block.put(told + at.TOLD_N, n)
    block.solves.append((one.pc, told))
    steps = [Step("solve.clear", block.here(told))]
    for part, split, length in _parts(one):
        block.begin_instruction()  # parts run one after another, too
        steps.append(_Solve(bound, part, block, precision, split, length, told).step())
    return steps


def _parts(one):
    """The space as parts that whole blocks fill: each with the dimension that its blocks split (-1:
    it is one block), and the length of a block along it."""
    most = max(1, min(LANES, NUMBERS // (2 * len(one.roots))))
    split, inner = len(one.extents) - 1, 1
    while split >= 0 and inner * one.extents[split] <= most:
        inner *= one.extents[split]
        split -= 1
    if split < 0:
        yield one, -1, 1
        return
    length, extent = most // inner, one.extents[split]
    whole = extent - extent % length
    yield part_of(one, split, 0, whole), split, length
    if whole < extent:
        yield part_of(one, split, whole, extent), split, extent - whole


@dataclass
class _Solve:
    """One part of the space at work."""

    bound: object
    one: object
    block: ParameterBlock
    kind: str
    split: int
    length: int
    told: int

    def __post_init__(self):
        one = self.one
        self.n = unknown_count(len(one.roots))
        self.layout = Layout(self.n)
        self.dims = len(one.extents)
        # Of a block: one point along the dimensions outside.
        self.extents = tuple(
            1 if d < self.split else self.length if d == self.split else extent
            for d, extent in enumerate(one.extents))
        self.lanes = prod(self.extents)
        self.cells: list[Cell] = []

    def rows(self, count: int, lanes: int):
        """`count` rows of scratch memory, as a place and the leaves of the rows."""
        width, strides, step = WIDTH[self.kind], [], WIDTH[self.kind]
        for extent in reversed(self.extents if lanes > 1 else (1,) * self.dims):
            strides.insert(0, step if extent != 1 else 0)
            step *= extent
        place = self.block.scratch(max(1, count) * lanes * width)
        return place, [Leaf(self.kind, place + k * lanes * width, tuple(strides))
                       for k in range(count)]

    def program(self, pairs, unknowns, alone: bool = False):
        """A flat program that stores the values of nodes to leaves, over a block or `alone` at one
        point; with the cells of what it reads and writes outside the scratch memory."""
        compiler = LaneCompiler(self.bound, self.one, self.block, self.kind)
        compiler.unknowns = unknowns
        values = [compiler.value(root) if isinstance(root, int) else root for root, _ in pairs]
        for value, (_, leaf) in zip(values, pairs, strict=True):
            compiler.store(value, leaf)
        flat = Flat(self.block)
        groups = [] if alone else merge(
            self.extents, range(self.dims), leaves_of(compiler.words))
        flat.stage(compiler.words, groups)
        step = flat.encode()
        return step, [c for c in flat.cells
                      if c.leaf.place.base != SCRATCH and any(c.leaf.strides)]

    def outside(self, leaf: Leaf) -> Leaf:
        """A leaf by the dimensions over which blocks move."""
        strides = list(leaf.strides[: self.split])
        strides.append(self.length * leaf.strides[self.split])
        return Leaf(leaf.kind, leaf.place, tuple(strides), leaf.ramp)

    def step(self) -> Step:
        """The solve of every block."""
        one, block, n, layout = self.one, self.block, self.n, self.layout
        jacobian, numbers = entries(one, n)
        names = ("x", "start", "lower", "upper", "residual", "scale", "jacobian")
        side = {name: self.rows(len(jacobian) if name == "jacobian" else n, self.lanes)
                for name in names}
        alone = {name: self.rows(len(jacobian) if name == "jacobian" else n, 1)
                 for name in ("x", "residual", "scale", "jacobian")}

        def relations(memory):
            pairs = []
            for name in ("residual", "scale"):
                pairs += zip([one.roots[k] for k in layout.run(name)], memory[name][1], strict=True)
            return pairs + list(zip(jacobian, memory["jacobian"][1], strict=True))

        before = []
        for name, absent in (("start", DEFAULT_START), ("lower", -np.inf), ("upper", np.inf)):
            for position, leaf in zip(layout.run(name), side[name][1], strict=True):
                root = one.roots[position]
                before.append((root if root >= 0 else Splat(self.kind, absent), leaf))
        compiler = LaneCompiler(self.bound, one, block, self.kind)
        results = [compiler.leaf(access) for access in one.accesses[:n]]
        start = block.reserve(at.SOLVE_WORDS)
        moving: list[Cell] = []
        for field, pairs in ((at.SOLVE_BEFORE, before), (at.SOLVE_BODY, relations(side)),
                             (at.SOLVE_AFTER, list(zip(side["x"][1], results, strict=True)))):
            made, cells = self.program(pairs, side["x"][1])
            block.kernel(start + field, made.kernel)
            block.put(start + field + 1, made.parameters)
            moving += cells
        made, cells = self.program(relations(alone), alone["x"][1], alone=True)
        block.kernel(start + at.SOLVE_ONE, made.kernel)
        block.put(start + at.SOLVE_ONE + 1, made.parameters)
        first = block.reserve(at.CELL_WORDS * len(cells))
        for k, cell in enumerate(cells):
            here = first + at.CELL_WORDS * k
            block.put(here + at.CELL_TARGET, block.here(cell.word))
            block.put(here + at.CELL_BASE, cell.leaf.place)
            block.put(here + at.CELL_STEPS, block.add(*cell.leaf.strides))
            moving.append(Cell(here + at.CELL_BASE, cell.leaf))
        self._settle(start, side, alone, numbers, (len(cells), block.here(first)))
        step = Step(f"solve.points.{self.kind}", block.here(start))
        if self.split < 0:
            return step
        counts = [*one.extents[: self.split], one.extents[self.split] // self.length]
        groups = [Group(extent, d) for d, extent in enumerate(counts)]
        return encode_rows(block, groups, [Cell(c.word, self.outside(c.leaf)) for c in moving],
                           [step])

    def _settle(self, start: int, side, alone, numbers, cells) -> None:
        """Fill in the parameters of the kernel."""
        one, block, n, lanes = self.one, self.block, self.n, self.lanes
        width = WIDTH[self.kind]
        zeros = block.splat(0.0, DTYPES[self.kind], lanes)
        places = [zeros if k < 0 else side["jacobian"][0] + k * lanes * width for k in numbers]
        epsilon = float(np.finfo(DTYPES[self.kind]).eps)
        fields: dict[int, int | Place] = {
            at.SOLVE_UNKNOWNS: n, at.SOLVE_LANES: lanes, at.SOLVE_X: side["x"][0],
            at.SOLVE_START: side["start"][0], at.SOLVE_LOW: side["lower"][0],
            at.SOLVE_HIGH: side["upper"][0], at.SOLVE_F: side["residual"][0],
            at.SOLVE_SCALE: side["scale"][0], at.SOLVE_SLOPES: block.add(*places),
            at.SOLVE_BEFORE_ROW: block.scratch(8 * lanes),
            at.SOLVE_WORK: block.scratch(8 * n * (n + 2)),
            at.SOLVE_MEMORY: block.scratch(8 * memory.size(n)),
            at.SOLVE_POINT_X: alone["x"][0], at.SOLVE_POINT_F: alone["residual"][0],
            at.SOLVE_POINT_SCALE: alone["scale"][0], at.SOLVE_POINT_SLOPES: alone["jacobian"][0],
            at.SOLVE_NUMBERS: block.add(*numbers), at.SOLVE_LINEAR: int(is_linear(one, n)),
            at.SOLVE_GIVEN: int(all_given(one, n)),
            at.SOLVE_CAP: int(one.nodes[one.roots[ITERATIONS]].immediate),
            at.SOLVE_TOLERANCE: _bits(one.nodes[one.roots[TOLERANCE]].immediate),
            at.SOLVE_EPSILON: _bits(epsilon), at.SOLVE_GOES_ON: int(one.status == UNSOLVED_NAN),
            at.SOLVE_DIMS: self.dims, at.SOLVE_EXTENTS: block.add(*self.extents),
            at.SOLVE_CELLS: cells[0], at.SOLVE_CELL_AT: cells[1],
            at.SOLVE_TOLD: block.here(self.told),
        }
        for field, value in fields.items():
            block.put(start + field, value)
        block.kernel(start + at.SOLVE_POINT, f"solve.point.{self.kind}")


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))
