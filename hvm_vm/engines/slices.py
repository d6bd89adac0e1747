"""Spaces cut and turned round: a large one in parts, each over a part of a free dimension."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hvm_vm.bytecode.isa import STORED
from hvm_vm.bytecode.module import Node
from hvm_vm.engines.bound import BoundInstruction, result_places

SLICE = 1 << 23  # points that are worked on at once


def slices(one: BoundInstruction) -> Iterator[BoundInstruction]:
    """The instruction over parts of its space, none of which is large; none at all when it has no
    results to compute."""
    stored = "o" if one.op == "system" else STORED  # one unknown of a system may be empty
    if any(n == 0 and role in stored for n, role in zip(one.extents, one.roles, strict=True)):
        return
    # A scan's walked points are evaluated one by one, and its free ones read each other's results.
    if one.op == "scan" or _working_set(one) <= SLICE:
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
    if one.op == "system":
        return max(one.points, *(part.one.points for part in one.parts))
    if one.op == "solve":  # a Jacobian and more for each point
        return one.points * len(one.roots)
    if one.op != "contract" or one.roots[0] >= 0:  # with a condition: perhaps term by term
        return one.points
    largest = 0
    for access in one.accesses[:3]:
        count = 1
        for stride, extent in zip(access.strides, one.extents, strict=True):
            count *= extent if stride else 1
        largest = max(largest, count)
    return largest


def part_of(one: BoundInstruction, d: int, start: int, stop: int) -> BoundInstruction:
    """The points whose counter of dimension `d` is in `start..stop-1`; of a system, `d` is a free
    dimension, which all its parts have."""
    extents, los = list(one.extents), list(one.los)
    extents[d], los[d] = stop - start, one.los[d] + start
    accesses = tuple(
        replace(a, offset=a.offset + start * a.strides[d], guarded=None if a.guarded is None else
                tuple((c + start * k[d], k, e, lo) for c, k, e, lo in a.guarded))
        for a in one.accesses)
    parts = tuple(replace(p, one=part_of(p.one, d, start, stop)) for p in one.parts)
    return replace(one, extents=tuple(extents), los=tuple(los), accesses=accesses, parts=parts)


def turned(one: BoundInstruction, d: int) -> BoundInstruction:
    """The same points, with dimension `d` counted from its last one to its first."""
    last = one.extents[d] - 1
    strides = [tuple(-s if k == d else s for k, s in enumerate(a.strides)) for a in one.accesses]
    accesses = tuple(
        replace(a, offset=a.offset + last * a.strides[d], strides=s,
                guarded=None if a.guarded is None else tuple(
                    (c + last * k[d], tuple(-x if j == d else x for j, x in enumerate(k)), e, lo)
                    for c, k, e, lo in a.guarded))
        for a, s in zip(one.accesses, strides, strict=True))
    nodes, number = [], {}
    for k, node in enumerate(one.nodes):
        if node.op == "index" and node.immediate == d:  # lo + last - counter
            nodes += [Node("iconst", (), 2 * one.los[d] + last), node]
            nodes.append(Node("isub", (len(nodes) - 2, len(nodes) - 1), 0))
        else:
            nodes.append(Node(node.op, tuple(number[a] for a in node.args), node.immediate))
        number[k] = len(nodes) - 1
    roots = tuple(number.get(r, -1) for r in one.roots)
    return replace(one, accesses=accesses, nodes=tuple(nodes), roots=roots)


def reads_own_anywhere(one: BoundInstruction) -> bool:
    """Whether a scan reads its results at computed places."""
    if one.op != "scan":
        return False
    count = result_places(one)
    results = {a.register for a in one.accesses[:count]}
    return any(a.dynamic and a.register in results for a in one.accesses[count:])
