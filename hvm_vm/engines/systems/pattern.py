"""Where the slopes of a system fall: which scalar equation and which unknown element each point of
each term joins.

Equations are numbered relation by relation, over the points where a row's condition holds; unknown
elements unknown by unknown. All numbers are those of one batch point; `shared` says that they are
the same for all of them, `static` that they do not depend on data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.system_layout import SLOPES
from hvm_vm.engines.bound import BoundAccess, BoundInstruction, nodes_under
from hvm_vm.engines.memory import not_enough_memory
from hvm_vm.engines.reference_lanes import Lanes, true
from hvm_vm.engines.slices import part_of
from hvm_vm.engines.systems.counting import element_range, miscount, own_dims
from hvm_vm.engines.systems.singles import Singles, singles
from hvm_vm.engines.systems.values import is_linear, reads_of
from hvm_vm.engines.words import byte_count, located
from hvm_vm.errors import InputError

PLACING = 24  # bytes that a point of a term takes while its slopes are placed,
KEPT = 40     # and each of its slopes, with its part in the choice of a layout


@dataclass(frozen=True, eq=False, slots=True)
class Entry:
    """The slopes of one read of a term. `pick`: the points of the term's space (beyond the batch,
    in C order) that count, None for all; `rows` and `columns` say of each where it falls."""

    part: int
    root: int
    guard: int        # the node under which the unknown is read, or -1
    pick: np.ndarray | slice | None
    rows: np.ndarray
    columns: np.ndarray
    box: tuple[int, ...]
    varies: bool      # along the batch
    moves: bool       # with the unknowns


@dataclass(frozen=True, eq=False, slots=True)
class Pattern:
    """`points[r]`: the true points of relation r (places in its space, in C order); `first[r]` the
    number of its first equation; `arrays[k]` that of the first element of unknown k."""

    size: int
    points: tuple[np.ndarray, ...]
    first: tuple[int, ...]
    arrays: tuple[int, ...]
    entries: tuple[Entry, ...]
    linear: bool
    shared: bool
    static: bool
    singles: Singles

    @property
    def fixed(self) -> bool:
        """No slope depends on the batch point or on an unknown: one matrix serves all."""
        return self.linear and not any(entry.varies for entry in self.entries)

    def levels(self, x: np.ndarray, epsilon: float) -> np.ndarray:
        """Of each unknown element the largest magnitude in its array; `x` has a row for each batch
        point. An array that is 0 but for the rounding of the others (Arioli, Demmel and Duff 1989,
        section 3) has the largest magnitude of all."""
        if not self.size:
            return np.empty_like(x)
        most = abs(x).max(axis=1, keepdims=True)
        largest = self.largest(x)
        return np.where(largest > 16 * epsilon * most, largest, most)

    def largest(self, x: np.ndarray) -> np.ndarray:
        """Of each unknown element the largest magnitude in its array; `x` has a row for each batch
        point."""
        starts = np.unique([a for a in self.arrays if a < self.size])  # arrays without elements go
        if len(starts) == self.size:
            return abs(x)
        counts = np.diff([*starts, self.size])
        return np.repeat(np.maximum.reduceat(abs(x), starts, axis=1), counts, axis=1)

    def relation_of(self, equation: int) -> tuple[int, int]:
        """The relation of an equation, and the place of its point in the relation's space."""
        r = int(np.searchsorted(self.first, equation, side="right")) - 1
        while not len(self.points[r]):
            r -= 1
        return r, int(self.points[r][equation - self.first[r]])


def dependence(one: BoundInstruction, roots, unknowns, batch: int) -> tuple[bool, bool]:
    """Whether what stands under `roots` depends on data, and whether on the batch point."""
    data = varies = False
    for root in roots:
        if root < 0:
            continue
        for node in nodes_under(one.nodes, root):
            if node.op == "index":
                varies |= node.immediate < batch
            elif node.op in ("load", "gather"):
                access = one.accesses[node.immediate]
                data = True
                # What a computed place adds is a matter of its arguments.
                varies |= any(access.strides[d] and one.extents[d] > 1 for d in range(batch))
    return data, varies


def _read_depends(one: BoundInstruction, k: int, unknowns, main: BoundInstruction):
    """Of a node that reads an unknown: whether the element's place depends on data, on the batch
    point."""
    node = one.nodes[k]
    access = one.accesses[node.immediate]
    own = main.accesses[unknowns.index(access.register)]
    batch = main.batch
    data, varies = dependence(one, node.args[: len(access.dynamic)], unknowns, batch)
    varies |= any(access.strides[d] != own.strides[d] for d in range(batch))
    return data, varies


def traits(one: BoundInstruction) -> tuple[bool, bool]:
    """(static, shared) of a system's pattern."""
    unknowns = [a.register for a in one.accesses]
    data = varies = False
    for part in one.parts:
        here = part.one
        found = []
        if part.role == "row":
            found.append(dependence(here, here.roots[:1], unknowns, one.batch))
        elif part.role == "term":
            found.append(dependence(here, here.roots[1:2], unknowns, one.batch))
            found += [_read_depends(here, k, unknowns, one) for k in reads_of(here, unknowns)]
        for a, b in found:
            data |= a
            varies |= b
    many = prod(one.extents[: one.batch]) > 1
    return not data, not (varies and many)


def build(module: Module, one: BoundInstruction, arrays, precision) -> Pattern:
    """The pattern at the first batch point. Raises `InputError` where a place is out of range or
    there are not as many equations as unknowns."""
    static, shared = traits(one)
    first = one
    for d in range(one.batch):
        first = part_of(first, d, 0, 1)
    unknowns = [a.register for a in one.accesses]
    points, begins, places, each = [], [], [], []
    count = 0
    for part in first.parts:
        if part.role != "row":
            continue
        box = part.one.extents[one.batch :]
        holds = _mask(module, part.one, arrays, precision, part.one.roots[0], box)
        found = np.flatnonzero(holds)
        place = np.full(prod(box), -1, np.int64)
        place[found] = np.arange(count, count + len(found))
        points.append(found)
        begins.append(count)
        places.append(place)
        each.append(len(found))
        count += len(found)
    columns, size = _columns(module, first)
    if count != size:
        many = prod(one.extents[: one.batch]) > 1
        raise miscount(module, one, each, first.los[: one.batch] if many or any(
            n > 1 for n in one.extents[: one.batch]) else ())
    _check_memory(module, one, first)
    entries = []
    for k, part in enumerate(first.parts):
        if part.role == "term":
            entries += _entries(module, one, k, part, arrays, precision, places[part.number],
                                columns, unknowns)
    counts = [prod(first.extents[d] for d in own) for own in own_dims(first)]
    starts = tuple(sum(counts[:k]) for k in range(len(counts)))
    return Pattern(size, tuple(points), tuple(begins), starts, tuple(entries), is_linear(one),
                   shared, static, singles(one, points, begins, entries))


def _check_memory(module: Module, one: BoundInstruction, first: BoundInstruction) -> None:
    """Raise `InputError` before the places of more slopes are asked for than memory holds."""
    total = 0
    for part in first.parts:
        here = part.one
        slopes = sum(root >= 0 for root in here.roots[SLOPES:]) if part.role == "term" else 0
        if slopes:
            # Where conditions or guards pick few of the points, only those are kept.
            picked = here.roots[1] >= 0 or any(
                len(n.args) > len(here.accesses[n.immediate].dynamic)
                for n in here.nodes if n.op in ("load", "gather"))
            total += prod(here.extents) * (PLACING + (0 if picked else KEPT * slopes))
    limit = not_enough_memory(total)
    if limit is not None:
        names = ", ".join(element_range(module, one, k) for k in range(len(one.accesses)))
        raise InputError(located(
            module, one.source, f"the system for {names} needs about {byte_count(total)} of memory "
            f"for its slopes, but this machine has {byte_count(limit)}"))


def _mask(module, one, arrays, precision, root: int, box) -> np.ndarray:
    """Where a condition holds, over all points of the space beyond the batch, in one axis."""
    if root < 0:
        return np.ones(prod(box), bool)
    holds = true(Lanes(module, one, arrays, precision).value(root))
    return np.broadcast_to(holds, one.extents).reshape(-1)


def _columns(module: Module, first: BoundInstruction) -> tuple[dict[int, np.ndarray], int]:
    """For each unknown's register, the number of the unknown that each of its elements is."""
    found, count = {}, 0
    for access, own in zip(first.accesses, own_dims(first), strict=True):
        box = [first.extents[d] for d in own]
        places = np.full((1,) * len(box), access.offset, np.int64)
        for axis, d in enumerate(own):
            shape = [-1 if a == axis else 1 for a in range(len(box))]
            places = places + access.strides[d] * np.arange(box[axis]).reshape(shape)
        number = np.arange(count, count + prod(box))
        size = int(places.max(initial=0)) + 1
        table = np.full(size, -1, np.int64)
        table[np.broadcast_to(places, box).reshape(-1)] = number
        found[access.register] = table
        count += prod(box)
    return found, count


def _entries(module, one: BoundInstruction, k: int, part, arrays, precision, place, columns,
             unknowns):
    here = part.one
    reads = reads_of(here, unknowns)
    slopes = here.roots[SLOPES:]
    if all(root < 0 for root in slopes):
        return
    box = here.extents[one.batch :]
    rank = len(box)
    count = prod(box)
    if not count:
        return
    free = sum(here.roles[one.batch + d] == "n" for d in range(rank))
    rows = np.repeat(place, prod(box[free:]))
    counts = rows >= 0
    if here.roots[1] >= 0:
        counts &= _mask(module, here, arrays, precision, here.roots[1], box)
    lanes = Lanes(module, here, arrays, precision)
    full = one.parts[k].one  # over all batch points
    for read, root in zip(reads, slopes, strict=True):
        if root < 0:
            continue
        node = here.nodes[read]
        access = here.accesses[node.immediate]
        offset, inside = _where(lanes, access, [here.nodes, node])
        guard = node.args[len(access.dynamic)] if len(node.args) > len(access.dynamic) else -1
        guarded = guard
        mask = counts & np.broadcast_to(inside, here.extents).reshape(-1)
        if guard >= 0 and not dependence(here, (guard,), unknowns, one.batch)[0]:
            mask &= np.broadcast_to(true(lanes.value(guard)), here.extents).reshape(-1)
            guarded = -1  # what it allows is picked
        table = columns[access.register]
        column = np.broadcast_to(offset, here.extents).reshape(-1)
        pick = None if mask.all() else np.flatnonzero(mask)
        own_rows = rows if pick is None else rows[pick]
        own_columns = table[column if pick is None else column[pick]]
        moves = any(
            n.op in ("load", "gather") and here.accesses[n.immediate].register in unknowns
            for r in (root, guarded) if r >= 0 for n in nodes_under(here.nodes, r))
        varies = dependence(full, (root, guarded), unknowns, one.batch)[1]
        if rank == 1 and pick is not None and len(pick) and pick[-1] - pick[0] + 1 == len(pick):
            pick = slice(int(pick[0]), int(pick[-1]) + 1)
        yield Entry(k, root, guarded, pick, own_rows, own_columns, box, varies, moves)


def _where(lanes: Lanes, access: BoundAccess, read) -> tuple[np.ndarray, np.ndarray]:
    """The place of an access in its register at every point (0 where it is outside), and where it
    is inside. A place outside that no guard allows is refused when it is read."""
    _, node = read
    inside = np.ones((1,) * lanes.rank, bool)
    for const, coefficients, extent, _ in access.guarded or ():
        at = lanes._affine(const, coefficients)
        inside = inside & (at >= 0) & (at < extent)
    offset = lanes._affine(access.offset, access.strides)
    for (stride, extent, _), argument in zip(access.dynamic, node.args, strict=False):
        at = lanes.value(argument)
        inside = inside & (at >= 0) & (at < extent)
        offset = offset + stride * at
    return np.where(inside, offset, 0), inside


def single(one: BoundInstruction, point: tuple[int, ...]) -> BoundInstruction:
    """A system at one batch point."""
    for d, counter in enumerate(point):
        one = part_of(one, d, counter, counter + 1)
    return one
