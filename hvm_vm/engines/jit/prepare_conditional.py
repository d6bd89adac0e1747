"""Contractions with a condition: a matrix product of an operand with zeros, where that is exact."""

from __future__ import annotations

from math import prod

from hvm_vm.engines.jit import contraction
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.block import ParameterBlock
from hvm_vm.engines.jit.encode import Step, table
from hvm_vm.engines.jit.lane_program import WIDTH, LaneCompiler, Leaf, Splat
from hvm_vm.engines.jit.prepare_contract import (
    SMALL,
    THREADED,
    dense_scratch,
    finished,
    product_steps,
)
from hvm_vm.engines.jit.prepare_maps import leaves_of, over_space
from hvm_vm.engines.jit.prepare_reduce import product_sum
from hvm_vm.engines.jit.prepare_scatter import find_key
from hvm_vm.engines.jit.scale import fold_scale
from hvm_vm.engines.jit.spaces import by_stride, merge, points


def conditional(bound, one, block: ParameterBlock, precision: str, threads: int) -> list[Step]:
    """D[p] = epilogue(sum[r | condition](A*B)); roots: condition, epilogue.

    One operand is copied with zeros where the condition is false. 0*x is 0 if the other operand is
    finite, which is looked up while running: if it is not, the sum goes term by term."""
    slowly = product_sum(bound, one, block, precision, threads)
    compiler = LaneCompiler(bound, one, block, precision)
    result, a, b = (compiler.leaf(access) for access in one.accesses[:3])
    if find_key(one, "sum", one.roots[0], None) is not None:
        return slowly  # which is fast then
    if one.points <= SMALL or {a.kind, b.kind, result.kind} != {precision}:
        return slowly
    masking = LaneCompiler(bound, one, block, precision)
    truth = masking.value(one.roots[0])
    of_truth = leaves_of(masking.words) + ([truth] if isinstance(truth, Leaf) else [])

    def dims_of(leaf: Leaf, other: Leaf) -> list[int]:
        """The dimensions of a masked operand: the batch, its own, the summed ones."""
        dims = [d for d, n in enumerate(one.extents) if n != 1 and (
            leaf.strides[d] or any(x.strides[d] for x in of_truth))]
        return sorted(dims, key=lambda d: (one.roles[d] == "r", not other.strides[d],
                                           -abs(leaf.strides[d])))

    def size(dims: list[int]) -> int:
        return prod(one.extents[d] for d in dims)

    if size(dims_of(b, a)) < size(dims_of(a, b)):
        a, b = b, a
    dims = dims_of(a, b)
    if size(dims) * 2 > one.points:  # copying costs as much as adding up
        return slowly
    masked = dense_scratch(block, one.extents, dims, precision)
    plan = contraction.plan(one.extents, one.roles, masked, b, result, WIDTH[precision])
    if plan is None:
        return slowly
    masking.store(masking.emit(f"lane.select.{precision}", precision, truth, a,
                               Splat(precision, 0.0)), masked)
    quickly = over_space(block, masking.words, one.extents, dims, masked)
    epilogue = one.roots[1] if one.roots[1] >= 0 else None
    alpha, epilogue = fold_scale(one, epilogue, precision)
    steps, acc = product_steps(block, one.extents, plan, masked, b, result, precision, alpha,
                               threads if one.points >= THREADED else 0)
    quickly += steps + finished(block, one, compiler, acc, epilogue, result)
    return [_choice(block, one.extents, b, quickly, slowly)]


def _choice(block: ParameterBlock, extents, operand: Leaf, first: list[Step],
            second: list[Step]) -> Step:
    """The first steps if all of an operand is finite, else the second."""
    dims = [d for d in range(len(extents)) if operand.strides[d]]
    groups = merge(extents, by_stride(dims, operand), [operand])
    start = block.reserve(at.CHOOSE_WORDS)
    block.put(start + at.CHOOSE_OPERAND, operand.place)
    block.put(start + at.CHOOSE_TABLE, table(block, groups, operand))
    block.put(start + at.CHOOSE_ELEMENTS, points(groups))
    for field, steps in ((at.CHOOSE_FIRST, first), (at.CHOOSE_SECOND, second)):
        pairs = block.reserve(2 * len(steps))
        for k, step in enumerate(steps):
            block.kernel(pairs + 2 * k, step.kernel)
            block.put(pairs + 2 * k + 1, step.parameters)
        block.put(start + field, len(steps))
        block.put(start + field + 1, block.here(pairs))
    return Step(f"choose.finite.{operand.kind}", block.here(start))
