"""What an instruction costs: floating-point operations and bytes, over concrete extents.

FLOPs are the core's (the `flops` column of the instruction table: a sum of products of a number
and role letters, each letter standing for the extents of the dimensions with that role) and those
of its expressions, each counted at the points where it is evaluated. Conditions do not shrink the
count: it is that of the whole rectangle.

Bytes are the least traffic with a perfect cache: each distinct region that is read once, each
result written once. A region has as many elements as its dimensions have points, and never more
than its register.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING

from hvm_vm.bytecode import isa, lane_ops
from hvm_vm.bytecode.module import Node
from hvm_vm.bytecode.regions import dims_of_roles, result_count, root_name, root_roles

if TYPE_CHECKING:
    from hvm_vm.engines.bound import BoundAccess


def cost(
    op: str,
    extents: Sequence[int],
    roles: Sequence[str],
    nodes: Sequence[Node],
    roots: Sequence[int],
    accesses: Sequence[BoundAccess],
    elements: Sequence[int],
    itemsizes: Sequence[int],
) -> tuple[int, int]:
    """FLOPs and bytes of one execution.

    `roles` has one letter per dimension. `elements` and `itemsizes` are indexed by register number:
    the number of elements of each register and the bytes of one. `nodes` may be in the form of a
    descriptor or of a bound instruction.
    """
    row = isa.BY_NAME[op]
    if row.group == "control":
        return 0, 0
    reads = [frozenset(d for d, stride in enumerate(a.strides) if stride) for a in accesses]

    def points(wanted: str) -> int:
        return prod(extents[d] for d in dims_of_roles(wanted, roles, reads))

    flops = sum(number * points(letters) for number, letters in core_terms(row.flops))
    for region, numbers in _evaluated(row, nodes, roots).items():
        per_point = sum(lane_ops.BY_NAME[nodes[n].op].flops for n in numbers)
        flops += per_point * points(region) if per_point else 0
    if row.name == "solve":
        flops += _eliminations(row, roots, points("o"))
    return flops, _traffic(row, extents, nodes, roots, accesses, reads, elements, itemsizes)


_OPERANDS = frozenset(("const", "iconst", "size", "index", "load", "acc", "unknown"))


def scalar_operations(
    op: str,
    extents: Sequence[int],
    roles: Sequence[str],
    nodes: Sequence[Node],
    roots: Sequence[int],
    accesses: Sequence[BoundAccess],
) -> int:
    """How many operations of a scalar machine one execution stands for: those of the core, each
    operation of an expression at each point (`exp` is one, a comparison and a subscript looked up
    are one each), and one for each element that is only moved. Of a solve: one iteration. Of a
    part of a system: one evaluation."""
    row = isa.BY_NAME[op]
    if row.group == "control":
        return 0
    reads = [frozenset(d for d, stride in enumerate(a.strides) if stride) for a in accesses]

    def points(wanted: str) -> int:
        return prod(extents[d] for d in dims_of_roles(wanted, roles, reads))

    count = sum(number * points(letters) for number, letters in core_terms(row.flops))
    for region, numbers in _evaluated(row, nodes, roots).items():
        count += points(region) * sum(1 for n in numbers if nodes[n].op not in _OPERANDS)
    if row.group == "elementwise":
        moved = sum(1 for root in roots if nodes[root].op in _OPERANDS)
        count += moved * prod(extents)
    if row.name == "solve":
        count += _eliminations(row, roots, points("o"))
    return count


def _eliminations(row, roots: Sequence[int], points: int) -> int:
    """Of a solve, one iteration: the elimination and the two triangles at each point."""
    n = result_count(row, len(roots))
    return (2 * n**3 // 3 + 2 * n * n) * points


def _evaluated(row, nodes, roots) -> dict[str, set[int]]:
    """The nodes that are evaluated, by the roles of the dimensions that they are evaluated over."""
    found: dict[str, set[int]] = {}
    for position, root in enumerate(roots):
        if root >= 0:
            region = root_roles(row, root_name(row, position))
            found.setdefault(region, set()).update(_reachable(nodes, root))
    return found


@cache
def core_terms(formula: str) -> tuple[tuple[int, str], ...]:
    """The `flops` column taken apart: `2*quc + 4*qu` is ((2, "quc"), (4, "qu"))."""
    terms = []
    for term in formula.split("+"):
        number, _, letters = term.strip().partition("*")
        if int(number):
            terms.append((int(number), letters))
    return tuple(terms)


def _reachable(nodes: Sequence[Node], root: int) -> set[int]:
    found, waiting = {root}, [root]
    while waiting:
        for argument in nodes[waiting.pop()].args:
            if argument not in found:
                found.add(argument)
                waiting.append(argument)
    return found


def _traffic(row, extents, nodes, roots, accesses, reads, elements, itemsizes) -> int:
    dims = list(reads)
    if any(node.op == "gather" for node in nodes):
        varies = _varies_over(nodes, reads, frozenset(range(len(extents))))
        for node in nodes:
            if node.op == "gather":  # its region also follows the computed positions
                dims[node.immediate] = dims[node.immediate].union(*(varies[a] for a in node.args))
    total = 0
    seen = set()
    results = result_count(row, len(roots), len(accesses))
    for number, access in enumerate(accesses):
        key = (
            number < results,
            access.register,
            access.offset,
            access.strides,
            number if access.dynamic else -1,
        )
        if key in seen:
            continue
        seen.add(key)
        region = prod(extents[d] for d in dims[number])
        total += min(region, elements[access.register]) * itemsizes[access.register]
    return total


def _varies_over(nodes, reads, everything) -> list[frozenset[int]]:
    """For each node, the dimensions that its value depends on."""
    found: list[frozenset[int]] = []
    for node in nodes:
        own: frozenset[int] = frozenset()
        if node.op == "index":
            own = frozenset((node.immediate,))
        elif node.op in ("load", "gather"):
            own = reads[node.immediate]
        elif node.op == "acc":
            own = everything
        found.append(own.union(*(found[a] for a in node.args)))
    return found
