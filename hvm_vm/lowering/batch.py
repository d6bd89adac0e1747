"""Batch dimensions of a system: axes in which every relation, unknown and read is pointwise.

`sum[j](A[i,j]*X[j,k]) = B[i,k]` is one system for each k. An axis of one unknown is tried, and what
follows from it for the relations that read the unknown, for the other unknowns that these read, and
so on, must be without contradiction and reach everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hvm_vm.lowering.terms import Ix, Term, refs_of
from hvm_vm.relations.system import Axis


@dataclass
class Batch:
    """`dims`: the ranges; `axes[unknown]` its axis and `indices[relation]` its index for each."""

    dims: list[Axis]
    axes: dict[str, list[int]]
    indices: list[list[Ix]] = field(default_factory=list)


def batch_axes(unknowns: list[str], relations: list, infos, depends: Callable[[Term], bool]
               ) -> Batch:
    """The batch dimensions of `relations` (with their addends) over `unknowns`."""
    batch = Batch([], {name: [] for name in unknowns}, [[] for _ in relations])
    own = set(unknowns)
    reads = [
        list({r.id: r for a in relation.addends for r in refs_of(a.value) if r.data in own}
             .values())
        for relation in relations
    ]
    readers: dict[str, list[int]] = {name: [] for name in unknowns}
    for number, refs in enumerate(reads):
        for name in dict.fromkeys(r.data for r in refs):
            readers[name].append(number)
    first = unknowns[0]
    for axis in range(len(infos[first].axes)):
        found = _spread(first, axis, relations, reads, readers, infos, batch)
        if found is None:
            continue
        axes, indices = found
        batch.dims.append(infos[first].axes[axis])
        for name, k in axes.items():
            batch.axes[name].append(k)
        for number, ix in indices.items():
            batch.indices[number].append(ix)
    return batch


def _spread(first: str, axis: int, relations, reads, readers, infos, batch: Batch):
    """(axis of each unknown, index of each relation) if `axis` of `first` is one, else None."""
    wanted = infos[first].axes[axis]
    axes: dict[str, int] = {first: axis}
    indices: dict[int, Ix] = {}
    waiting = [first]
    while waiting:
        for number in readers[waiting.pop()]:
            if number in indices:
                continue
            ix = _index(number, axes, relations, reads)
            if ix is None or (ix.lo, ix.hi) != (wanted.lo, wanted.hi):
                return None
            indices[number] = ix
            for ref in reads[number]:
                at = [k for k, sub in enumerate(ref.args) if ix in sub.free]
                if len(at) != 1 or ref.args[at[0]].op != "index":
                    return None
                known = axes.get(ref.data)
                if known is None:
                    other = infos[ref.data].axes[at[0]]
                    if (other.lo, other.hi) != (wanted.lo, wanted.hi):
                        return None
                    axes[ref.data] = at[0]
                    waiting.append(ref.data)
                elif known != at[0]:
                    return None
    if len(axes) != len(batch.axes) or len(indices) != len(relations):
        return None
    # What was found for one reading must hold for all: later unknowns may read earlier relations.
    for number, ix in indices.items():
        if any(ref.args[axes[ref.data]].op != "index" or ref.args[axes[ref.data]].data is not ix
               for ref in reads[number]):
            return None
    return axes, indices


def _index(number: int, axes: dict[str, int], relations, reads) -> Ix | None:
    """The relation's own index that stands at the axis of the unknowns that it reads."""
    for ref in reads[number]:
        axis = axes.get(ref.data)
        if axis is not None:
            sub = ref.args[axis]
            found = sub.op == "index" and sub.data in relations[number].indices
            return sub.data if found else None
    return None
