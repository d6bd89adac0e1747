"""Elementwise instructions and checks: one lane program over the whole space."""

from __future__ import annotations

from hvm_vm.bytecode.isa import WALKED
from hvm_vm.engines.jit.block import ParameterBlock
from hvm_vm.engines.jit.encode import Flat, Step, encode_rows
from hvm_vm.engines.jit.encode_sweep import LANES, encode_sweep
from hvm_vm.engines.jit.lane_program import LaneCompiler, Leaf, Raw, Table, Word
from hvm_vm.engines.jit.spaces import by_stride, merge, points
from hvm_vm.engines.slices import reads_own_anywhere, turned


def leaves_of(words: list[Word]) -> list[Leaf]:
    """Every operand in memory that the words touch."""
    found: dict[Leaf, None] = {}

    def visit(x):
        if isinstance(x, Table):
            for item in x.items:
                visit(item)
        elif isinstance(x, Leaf):
            found[x] = None
        elif isinstance(x, Raw):
            found[x.leaf] = None

    for word in words:
        for operand in (word.dst, word.a, word.b, word.c):
            visit(operand)
    return list(found)


def over_space(block: ParameterBlock, words: list[Word], extents, dims,
               result: Leaf | None) -> list[Step]:
    """Run words over all points of `dims`."""
    groups = merge(extents, by_stride(dims, result), leaves_of(words))
    if points(groups) <= LANES:
        flat = Flat(block)
        flat.stage(words, groups)
        return [flat.encode()]
    return [encode_sweep(block, groups, [], ([], words, []))[0]]


def elementwise(bound, one, block, precision, threads) -> list[Step]:
    """map, copy, gather, select: all bodies, then all stores."""
    if one.points == 0:
        return []
    words, results = _bodies(bound, one, block, precision)
    return over_space(block, words, one.extents, range(len(one.extents)), results[0])


def _bodies(bound, one, block, precision) -> tuple[list[Word], list[Leaf]]:
    """The words that compute and store every result, and where the results lie."""
    compiler = LaneCompiler(bound, one, block, precision)
    values = [compiler.value(root) for root in one.roots]
    results = [compiler.leaf(access) for access in one.accesses[: len(values)]]
    for value, result in zip(values, results, strict=True):
        compiler.store(value, result)
    return compiler.words, results


def scan(bound, one, block, precision, threads) -> list[Step]:
    """The words of a map at each point of the walked dimensions in turn."""
    if one.points == 0:
        return []
    walked = [d for d, role in enumerate(one.roles) if role in WALKED]
    for d in walked:
        if one.roles[d] == "b":
            one = turned(one, d)
    words, results = _bodies(bound, one, block, precision)
    free = [d for d in range(len(one.extents)) if d not in walked]
    lanes = merge(one.extents, by_stride(free, results[0]), leaves_of(words))
    if points(lanes) <= LANES:
        flat = Flat(block)
        flat.stage(words, lanes, direct=not reads_own_anywhere(one))
        step, cells = flat.encode(), flat.cells
    else:
        step, cells = encode_sweep(block, lanes, [], ([], words, []))
    rows = merge(one.extents, walked, [cell.leaf for cell in cells])
    return [encode_rows(block, rows, cells, [step])]


def check(bound, one, block, precision, threads) -> list[Step]:
    """A claim over its space; the kernel stops at the first block where it fails."""
    if one.points == 0:
        return []
    compiler = LaneCompiler(bound, one, block, precision)
    value = compiler.value(one.roots[0])
    compiler.emit(f"lane.claim.{precision}", precision, value)
    return over_space(block, compiler.words, one.extents, range(len(one.extents)), None)
