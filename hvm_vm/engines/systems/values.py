"""The values of a system's parts, by the reference engine's lanes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.system_layout import SLOPES, reads, under
from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.reference_lanes import Lanes, true
from hvm_vm.engines.systems.counting import own_dims


class Values:
    """Evaluates expressions of the parts of one system at the unknowns' current elements.

    `value(k, root)` is node `root` of part `k`, with one axis a dimension of the part, of length 1
    where it does not vary. `moved()` must be called after the unknowns' registers have changed."""

    def __init__(self, module: Module, one: BoundInstruction, arrays: Sequence[np.ndarray],
                 precision: np.dtype):
        self.module, self.one, self.arrays, self.precision = module, one, arrays, precision
        self.unknowns = [a.register for a in one.accesses]
        self.lanes = [Lanes(module, p.one, arrays, precision) for p in one.parts]
        self.moving = [moving_nodes(p.one, self.unknowns) for p in one.parts]
        self.touched: set[int] = set()  # parts with values that are kept
        self._constants: frozenset[int] | None = None
        self._places: list[np.ndarray] | None = None
        self._counts: list[int] = []

    @property
    def constants(self) -> frozenset[int]:
        """The terms that need not be 0 where all unknowns are, as far as their expressions show."""
        if self._constants is None:
            self._constants = frozenset(
                k for k, part in enumerate(self.one.parts)
                if part.role == "term" and not homogeneous(part.one, self.unknowns))
        return self._constants

    def value(self, k: int, root: int) -> np.ndarray:
        self.touched.add(k)
        return self.lanes[k].value(root)

    def together(self, keys: Sequence[tuple[int, int]], wanted: np.ndarray) -> np.ndarray:
        """The only values of the (part, node) pairs of `keys` that are `wanted`; 0 of the others.
        An engine may find them all at once, and keep by `keys` (the same tuple) how."""
        found = np.zeros(len(keys))
        for k in np.flatnonzero(wanted).tolist():
            found[k] = self.value(*keys[k]).reshape(-1)[0]
        return found

    def sums(self, k: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Of term `k` the sums of its values and of their magnitudes, over its summed dimensions,
        where an engine has a faster way to them than `value`."""
        return None

    def again(self, pattern, layout, constants: frozenset[int], share: float) -> None:
        """A linear system was solved: its terms are what its slopes say. An engine may prepare to
        solve it faster the next time. `constants` are the terms that are not 0 where all unknowns
        are; a residual is rounding up to `share` of the magnitudes of its terms."""

    def work(self, count: int) -> np.ndarray:
        """Memory for a matrix, the same again in every run where an engine keeps it."""
        return np.empty(count)

    def condition(self, k: int, root: int) -> np.ndarray:
        return true(self.value(k, root))

    def moved(self) -> None:
        for k in self.touched:
            values = self.lanes[k].values
            for node in self.moving[k].intersection(values):
                del values[node]

    # -- the unknowns' registers ------------------------------------------------------------------

    def places(self) -> list[np.ndarray]:
        """A view of each unknown: the batch dimensions, then its own."""
        if self._places is None:
            self._places = [self._place(access, own) for access, own in zip(
                self.one.accesses, own_dims(self.one), strict=True)]
            rows = prod(self.one.extents[: self.one.batch])
            self._counts = [p.size // max(1, rows) for p in self._places]
        return self._places

    def _place(self, access, own) -> np.ndarray:
        flat = self.arrays[access.register].reshape(-1)
        dims = [*range(self.one.batch), *own]
        shape = [self.one.extents[d] for d in dims]
        if 0 in shape:
            return np.zeros(shape, flat.dtype)
        strides = [access.strides[d] * flat.itemsize for d in dims]
        return as_strided(flat[access.offset :], shape, strides)

    def put(self, x: np.ndarray) -> None:
        """The unknowns become `x`, a row for each batch point."""
        at = 0
        for place, count in zip(self.places(), self._counts, strict=True):
            place[...] = x[:, at : at + count].reshape(place.shape)
            at += count
        self.moved()

    def get(self) -> np.ndarray:
        """The unknowns as they are, a row for each batch point, as float64."""
        rows = prod(self.one.extents[: self.one.batch])
        found = [p.reshape(rows, count)
                 for p, count in zip(self.places(), self._counts, strict=True)]
        return np.concatenate(found, axis=1).astype(float)


def moving_nodes(one: BoundInstruction, unknowns: Sequence[int]) -> set[int]:
    """The nodes of a part whose values depend on unknowns."""
    moving: set[int] = set()
    for k, node in enumerate(one.nodes):
        reads_one = (node.op in ("load", "gather")
                     and one.accesses[node.immediate].register in unknowns)
        if reads_one or moving.intersection(node.args):
            moving.add(k)
    return moving


def reads_of(one: BoundInstruction, unknowns: Sequence[int]) -> list[int]:
    """The nodes of a term that read unknowns, in the order of its slopes."""
    unknown = [a.register in unknowns for a in one.accesses]
    return reads(one.nodes, one.roots[0], unknown)


def homogeneous(one: BoundInstruction, unknowns: Sequence[int]) -> bool:
    """Whether a term is 0 where all unknowns are, as its expression shows."""
    moving = moving_nodes(one, unknowns)
    zero: set[int] = set()
    for k, node in enumerate(one.nodes):
        if k not in moving:
            continue
        own = [a in zero for a in node.args]
        if node.op in ("load", "gather"):
            own = [one.accesses[node.immediate].register in unknowns]
        elif node.op == "mul":
            own = [any(own)]
        elif node.op == "div":
            own = own[:1]
        elif node.op == "select":
            own = own[1:] if node.args[0] not in moving else [False]
        elif node.op not in ("add", "sub", "neg"):
            own = [False]
        if all(own):
            zero.add(k)
    return one.roots[0] in zero


def is_linear(one: BoundInstruction) -> bool:
    """Whether every relation is affine in the unknowns, and no unknown has a bound."""
    unknowns = [a.register for a in one.accesses]
    for part in one.parts:
        if part.role in ("lower", "upper"):
            return False
        if part.role == "term":
            moving = moving_nodes(part.one, unknowns)
            if moving & under(part.one.nodes, part.one.roots[SLOPES:]):
                return False
            # A guard or a condition that unknowns decide is no slope, but bends the relation.
            for k in under(part.one.nodes, part.one.roots[:1]):
                node = part.one.nodes[k]
                if node.op in ("load", "gather") and moving.intersection(node.args):
                    return False
    return True
