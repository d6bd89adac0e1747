"""The parts of a `system`, which solves relations over arrays: what each kind of part holds, and
how the slopes of a term belong to the nodes that read unknowns.

    row r      the points of relation r, each a scalar equation where `condition` holds
    term r     an addend of relation r: the sum over its reduced dimensions of `value`, where
               `condition` holds; `slope*`: for each node under `value` that reads an unknown, by
               rising number, d(value)/d(that node), or none where that is 0
    start, lower, upper k    of unknown k, over its axes: `body`
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hvm_vm.bytecode.module import Descriptor, Node, Part

ROLES = ("row", "term", "start", "lower", "upper")  # the order of parts, and their codes in a file
ROOTS = {
    "row": ("condition?",),
    "term": ("value", "condition?"),  # then the slopes
    "start": ("body",),
    "lower": ("body",),
    "upper": ("body",),
}
SLOPES = len(ROOTS["term"])  # where a term's slopes begin among its roots


def under(nodes: Sequence[Node], roots: Collection[int]) -> set[int]:
    """The nodes that the values of `roots` depend on, themselves among them."""
    seen: set[int] = set()
    waiting = [root for root in roots if root >= 0]
    while waiting:
        k = waiting.pop()
        if k not in seen:
            seen.add(k)
            waiting.extend(nodes[k].args)
    return seen


def reads(nodes: Sequence[Node], root: int, unknown: Sequence[bool]) -> list[int]:
    """The nodes under `root` that read an unknown, by rising number. `unknown` says of each operand
    of the part whether it is one."""
    return sorted(
        k for k in under(nodes, (root,))
        if nodes[k].op in ("load", "gather") and unknown[nodes[k].immediate]
    )


def operands_of(
    operands: Sequence[int], descriptor: Descriptor
) -> list[tuple[Part, tuple[int, ...]]]:
    """Each part of an instruction with its own operands."""
    found, at = [], len(descriptor.accesses)
    for part in descriptor.parts:
        count = len(part.descriptor.accesses)
        found.append((part, tuple(operands[at : at + count])))
        at += count
    return found


def unsorted_part(parts: Sequence[Part]) -> int:
    """The place of the first part that does not stand in order; -1 when all do. Parts go by role,
    then by number; several terms of a relation keep their order, which means something."""
    keys = [(ROLES.index(p.role), p.number) for p in parts]
    return next((k for k in range(1, len(keys)) if keys[k] < keys[k - 1]), -1)
