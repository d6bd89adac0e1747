"""Dimensions as the kernels walk them: merged where every operand allows, ordered for the
result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from hvm_vm.engines.jit.lane_program import WIDTH, Leaf


@dataclass(frozen=True, slots=True)
class Group:
    """Dimensions of the instruction that are walked as one; the last one's stride is the
    group's."""

    extent: int
    last: int  # a dimension of the instruction, or -1 for a single point

    def stride(self, leaf: Leaf) -> int:
        return leaf.strides[self.last] if self.last >= 0 else 0


def merge(extents: Sequence[int], dims: Iterable[int], leaves: Sequence[Leaf]) -> list[Group]:
    """`dims` in the given order (slowest first) as groups; dimensions of one point vanish."""
    groups: list[Group] = []
    for d in dims:
        if extents[d] == 1:
            continue
        if groups and all(leaf.strides[groups[-1].last] == leaf.strides[d] * extents[d]
                          for leaf in leaves):
            groups[-1] = Group(groups[-1].extent * extents[d], d)
        else:
            groups.append(Group(extents[d], d))
    return groups


def by_stride(dims: Iterable[int], leaf: Leaf | None) -> list[int]:
    """Dimensions with the largest step of `leaf` first, so that it is walked in memory order."""
    return list(dims) if leaf is None else sorted(dims, key=lambda d: -abs(leaf.strides[d]))


def points(groups: Sequence[Group]) -> int:
    return prod(g.extent for g in groups)


def walk(groups: Sequence[Group], leaf: Leaf) -> list[tuple[int, int]]:
    """(extent, stride) of a leaf over groups, merged as far as this leaf alone allows."""
    dims: list[tuple[int, int]] = []
    for g in groups:
        stride = g.stride(leaf)
        if dims and dims[-1][1] == stride * g.extent:
            dims[-1] = (dims[-1][0] * g.extent, stride)
        else:
            dims.append((g.extent, stride))
    return dims or [(1, 0)]


def dense(groups: Sequence[Group], leaf: Leaf) -> bool:
    """Whether the lanes of these groups lie side by side in memory, so that nothing need be
    moved."""
    if leaf.ramp:
        return False
    if points(groups) == 1:
        return True
    dims = walk(groups, leaf)
    return len(dims) == 1 and dims[0][1] == WIDTH[leaf.kind]


def steps(groups: Sequence[Group], strides: Sequence[int]) -> list[int]:
    """What to add to an address when a group advances and all later ones return to 0."""
    return [strides[d] - sum(strides[j] * (groups[j].extent - 1)
                             for j in range(d + 1, len(groups)))
            for d in range(len(groups))]
