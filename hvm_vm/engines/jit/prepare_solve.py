"""Solves: three lane programs (starts and bounds, relations, results) around one kernel.

The unknowns, relations, scales and Jacobian entries of a part of the space lie side by side in
scratch memory, one row each, so the lane programs work on many points at once.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.bytecode.solve_layout import (
    ITERATIONS,
    TOLERANCE,
    UNSOLVED_NAN,
    Layout,
    unknown_count,
)
from hvm_vm.engines import solve_steps
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.block import ParameterBlock
from hvm_vm.engines.jit.encode import Flat, Step
from hvm_vm.engines.jit.lane_program import WIDTH, LaneCompiler, Leaf, Splat
from hvm_vm.engines.jit.prepare_maps import leaves_of
from hvm_vm.engines.jit.spaces import merge
from hvm_vm.engines.reference_solve import entries, is_linear
from hvm_vm.engines.slices import part_of

LANES = 4096       # points that are solved side by side,
NUMBERS = 1 << 20  # and the scratch memory for them, at most (or one point's)


def solve(bound, one, block, precision, threads) -> list[Step]:
    """A kernel for each part of the space."""
    steps = []
    for part in _parts(one):
        block.begin_instruction()  # parts run one after another, too
        steps.append(_part(bound, part, block, precision))
    return steps


def _parts(one):
    if not one.points:
        return
    if one.points <= max(1, min(LANES, NUMBERS // (2 * len(one.roots)))):
        yield one
        return
    d = max(range(len(one.extents)), key=lambda k: one.extents[k])
    half = one.extents[d] // 2
    yield from _parts(part_of(one, d, 0, half))
    yield from _parts(part_of(one, d, half, one.extents[d]))


def _part(bound, one, block: ParameterBlock, kind: str) -> Step:
    n = unknown_count(len(one.roots))
    layout, lanes, width = Layout(n), one.points, WIDTH[kind]
    strides, step = [], width
    for extent in reversed(one.extents):
        strides.insert(0, step if extent != 1 else 0)
        step *= extent

    def rows(count: int):
        """`count` rows of scratch memory, as a place and the leaves of the rows."""
        place = block.scratch(max(1, count) * lanes * width)
        return place, [Leaf(kind, place + k * lanes * width, tuple(strides)) for k in range(count)]

    jacobian, numbers = entries(one, n)
    memory = {name: rows(len(jacobian) if name == "jacobian" else n)
              for name in ("x", "start", "lower", "upper", "residual", "scale", "jacobian")}

    def program(pairs) -> Step:
        """A flat program that stores the values of nodes to leaves."""
        compiler = LaneCompiler(bound, one, block, kind)
        compiler.unknowns = memory["x"][1]
        values = [compiler.value(root) if isinstance(root, int) else root for root, _ in pairs]
        for value, (_, leaf) in zip(values, pairs, strict=True):
            compiler.store(value, leaf)
        flat = Flat(block)
        flat.stage(compiler.words, merge(one.extents, range(len(one.extents)),
                                         leaves_of(compiler.words)))
        return flat.encode()

    before, body = [], []
    for name, absent in (("start", 0.0), ("lower", -np.inf), ("upper", np.inf)):
        for position, leaf in zip(layout.run(name), memory[name][1], strict=True):
            root = one.roots[position]
            before.append((root if root >= 0 else Splat(kind, absent), leaf))
    for name in ("residual", "scale"):
        body += zip([one.roots[k] for k in layout.run(name)], memory[name][1], strict=True)
    body += zip(jacobian, memory["jacobian"][1], strict=True)
    compiler = LaneCompiler(bound, one, block, kind)
    after = [(x, compiler.leaf(access)) for x, access in zip(
        memory["x"][1], one.accesses[:n], strict=True)]
    state = block.scratch(8 * lanes * solve_steps.state_size(n))
    work = block.scratch(8 * solve_steps.work_size(n))
    programs = [(at.SOLVE_BEFORE, program(before)), (at.SOLVE_BODY, program(body)),
                (at.SOLVE_AFTER, program(after))]
    start = block.reserve(at.SOLVE_WORDS)
    epsilon = float(np.finfo(np.float32 if kind == "f32" else np.float64).eps)
    fields = {
        at.SOLVE_UNKNOWNS: n, at.SOLVE_LANES: lanes, at.SOLVE_X: memory["x"][0],
        at.SOLVE_START: memory["start"][0], at.SOLVE_LOW: memory["lower"][0],
        at.SOLVE_HIGH: memory["upper"][0], at.SOLVE_F: memory["residual"][0],
        at.SOLVE_SCALE: memory["scale"][0], at.SOLVE_JACOBIAN: memory["jacobian"][0],
        at.SOLVE_ROWS: block.add(*(int(x) for x in numbers)), at.SOLVE_STATE: state,
        at.SOLVE_WORK: work, at.SOLVE_LINEAR: int(is_linear(one, n)),
        at.SOLVE_CAP: int(one.nodes[one.roots[ITERATIONS]].immediate),
        at.SOLVE_TOLERANCE: _bits(one.nodes[one.roots[TOLERANCE]].immediate),
        at.SOLVE_EPSILON: _bits(epsilon), at.SOLVE_GOES_ON: int(one.status == UNSOLVED_NAN),
    }
    for field, value in fields.items():
        block.put(start + field, value)
    for field, made in programs:
        block.kernel(start + field, made.kernel)
        block.put(start + field + 1, made.parameters)
    block.solves.append((one.pc, start))
    return Step(f"solve.points.{kind}", block.here(start))


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


