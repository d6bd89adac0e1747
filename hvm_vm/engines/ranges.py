"""Subscript ranges: every place of every access is checked before anything runs.

An affine place is extremal at a corner of the index space's box, so its range is exact. A load that
stands under a condition may leave its array where the condition is false: when the condition
involves no data it is evaluated here, over just the dimensions that matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from hvm_vm.bytecode.injectivity import injective
from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import BoundInstruction, nodes_under
from hvm_vm.engines.reference_lanes import Lanes, true
from hvm_vm.engines.words import (
    at_point,
    axis_names,
    index_range,
    located,
    relation_with,
)
from hvm_vm.errors import InputError

MOST_POINTS = 10_000_000  # of a condition that is evaluated while binding


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """The place along one axis: `const + sum(coefficients[d]*counter[d])`, in 0..extent-1."""

    register: int
    axis: int
    const: int
    coefficients: tuple[int, ...]
    extent: int

    def span(self, extents: Sequence[int]) -> tuple[int, int]:
        """The least and greatest place over a box that has points."""
        low = high = self.const
        for c, e in zip(self.coefficients, extents, strict=True):
            if c > 0:
                high += c * (e - 1)
            elif c < 0:
                low += c * (e - 1)
        return low, high


class RangeCheck:
    """Checks the places of one instruction whose extents, nodes and roots are bound."""

    def __init__(self, module: Module, instruction: BoundInstruction, los: Sequence[tuple]):
        self.module = module
        self.instruction = instruction
        self.los = los  # by register: the index value of the first element along each axis

    def outside(self, rules: Sequence[PlaceRule], dims: Sequence[int]) -> list[PlaceRule]:
        """The rules that some point breaks, of a space with the dimensions `dims` only."""
        extents = self.instruction.extents
        if any(extents[d] == 0 for d in dims):
            return []
        broken = []
        for rule in rules:
            low, high = rule.span([max(1, e) for e in extents])
            if low < 0 or high >= rule.extent:
                broken.append(rule)
        return broken

    def fail(self, rule: PlaceRule) -> None:
        """Raise for a rule that is broken and that no condition guards."""
        low, high = rule.span([max(1, e) for e in self.instruction.extents])
        lo = self.los[rule.register][rule.axis]
        runs = f"is {low + lo}" if low == high else f"runs over {low + lo}..{high + lo}"
        self._refuse(rule, runs)

    def _refuse(self, rule: PlaceRule, runs: str) -> None:
        name = self.module.registers[rule.register].name
        declared = {i.register: i.source for i in self.module.inputs}.get(rule.register, -1)
        rank = len(self.module.registers[rule.register].shape)
        axis = axis_names(self.module, name, rank, declared)[rule.axis]
        subscript, source = self._subscript(rule), self.instruction.source
        written = "a subscript"
        if subscript is not None:
            source = relation_with(self.module, source, name, rule.axis, subscript)
            written = "the subscript" if subscript.lstrip("-").isdigit() else (
                f"the subscript {subscript}")
        extent = index_range(self.los[rule.register][rule.axis], rule.extent)
        raise InputError(located(
            self.module, source,
            f"{written} of {name} along its {axis} {runs}, but that axis is {extent}"))

    def _subscript(self, rule: PlaceRule) -> str | None:
        """An affine place as the user would write it, in index values; None for a computed one."""
        if len(rule.coefficients) != len(self.instruction.extents):
            return None
        instruction = self.instruction
        const = rule.const + self.los[rule.register][rule.axis]
        text = ""
        for d, c in enumerate(rule.coefficients):
            if c:
                const -= c * instruction.los[d]
                factor = "" if abs(c) == 1 else f"{abs(c)}*"
                sign = ("-" if c < 0 else "") if not text else (" - " if c < 0 else " + ")
                text += f"{sign}{factor}{instruction.names[d]}"
        if not text:
            return str(const)
        return text + (f" - {-const}" if const < 0 else f" + {const}" if const else "")

    @np.errstate(all="ignore")
    def judge_guard(self, rules: Sequence[PlaceRule], guard: int) -> None:
        """Raise if a rule is broken at a point where the node `guard` is surely true.

        What depends on data, or has too many points, is left to the run."""
        conjuncts, exact = self._without_data(guard)
        if not conjuncts and not exact:
            return
        sure = exact
        dims = {d for r in rules for d, c in enumerate(r.coefficients) if c}
        for node in conjuncts:
            dims |= self._dims(node)
        lanes = self._lanes(dims)
        if lanes is None:
            return
        holds = np.ones((1,) * lanes.rank, bool)
        for node in conjuncts:
            holds = holds & true(lanes.value(node))
        for rule in rules:
            place = lanes._affine(rule.const, rule.coefficients)
            wrong = holds & ((place < 0) | (place >= rule.extent))
            if sure and wrong.any():
                self._fail_at(rule, lanes, place, wrong)

    @np.errstate(all="ignore")
    def judge_gather(self, register: int, axis: int, extent: int, node: int,
                     guard: int | None) -> None:
        """Raise if a computed place that involves no data leaves its axis."""
        if not self._data_free(node):
            return
        conjuncts, exact = ([], True) if guard is None else self._without_data(guard)
        if not exact:
            return
        lanes = self._lanes(set().union(self._dims(node), *map(self._dims, conjuncts)))
        if lanes is None:
            return
        holds = np.ones((1,) * lanes.rank, bool)
        for conjunct in conjuncts:
            holds = holds & true(lanes.value(conjunct))
        place = lanes.value(node)
        wrong = holds & ((place < 0) | (place >= extent))
        if wrong.any():
            rule = PlaceRule(register, axis, 0, (), extent)
            self._fail_at(rule, lanes, place, wrong)

    def _fail_at(self, rule: PlaceRule, lanes: Lanes, place, wrong) -> None:
        point = tuple(int(v) for v in np.argwhere(wrong)[0])
        lo = self.los[rule.register][rule.axis]
        got = int(np.broadcast_to(place, wrong.shape)[point]) + lo
        instruction = self.instruction
        dims = [d for d in range(lanes.rank) if wrong.shape[d] == instruction.extents[d]]
        where = at_point([instruction.names[d] for d in dims],
                         [point[d] + instruction.los[d] for d in dims])
        self._refuse(rule, f"is {got}{where}")

    def _lanes(self, dims: set[int]) -> Lanes | None:
        """An evaluator over the dimensions `dims` only, or None when it has too many points."""
        extents = self.instruction.extents
        kept = tuple(e if d in dims else 1 for d, e in enumerate(extents))
        count = 1
        for e in kept:
            count *= e
        if count > MOST_POINTS:
            return None
        dtype = np.dtype(np.float32 if self.module.precision == "f32" else np.float64)
        return Lanes(self.module, replace(self.instruction, extents=kept), None, dtype)

    def _data_free(self, root: int) -> bool:
        under = nodes_under(self.instruction.nodes, root)
        return all(n.op not in ("load", "gather", "acc") for n in under)

    def _dims(self, root: int) -> set[int]:
        return {n.immediate for n in nodes_under(self.instruction.nodes, root) if n.op == "index"}

    def _without_data(self, guard: int) -> tuple[list[int], bool]:
        """The conjuncts of a condition that involve no data, and whether those are all of it."""
        found, exact, stack = [], True, [guard]
        while stack:
            k = stack.pop()
            node = self.instruction.nodes[k]
            if self._data_free(k):
                found.append(k)
            elif node.op == "and":
                stack.extend(node.args)
            else:
                exact = False
        return found, exact


def repeated_place(extents: Sequence[int], strides: Sequence[int], offset: int, count: int):
    """A counter tuple whose element another point also writes, or None when places are distinct.

    `count` is the number of the register's elements; every place is in range."""
    if injective(strides, extents):
        return None
    # A part of the space that has more points than there are elements has a repetition, too.
    extents = list(extents)
    while prod(extents) > 2 * max(1, count):
        longest = extents.index(max(extents))
        extents[longest] = -(-extents[longest] // 2)
    written = np.zeros(count, bool)
    outer = int(np.argmax(extents))
    rest = np.zeros((1,) * len(extents), np.int64)
    for d, (stride, extent) in enumerate(zip(strides, extents, strict=True)):
        if d != outer:
            rest = rest + stride * np.arange(extent).reshape([-1 if k == d else 1 for k in
                                                              range(len(extents))])
    for k in range(extents[outer]):
        places = rest + (offset + k * strides[outer])
        distinct, counts = np.unique(places, return_counts=True)
        again = distinct[(counts > 1) | written[distinct]]
        if len(again):
            point = [int(v) for v in np.argwhere(places == again[0])[-1]]
            point[outer] = k
            return tuple(point)
        written[distinct] = True
    return None
