"""The program being lowered: its variables, their definitions as terms, and what reads what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from hvm_vm.bytecode.sizes import Size
from hvm_vm.lowering.canonical import Canon
from hvm_vm.lowering.linear import linear
from hvm_vm.lowering.terms import HAS_GUARD, HAS_REF, Ix, Term, Terms, refs_of
from hvm_vm.relations.system import Axis, Place, System


@dataclass(slots=True)
class Info:
    """A variable or a temporary. `axes` give the index values that it spans."""

    name: str
    axes: tuple[Axis, ...]
    type: str  # "float", "integer" or "symbol"
    is_input: bool = False
    place: Place | None = None


@dataclass(slots=True)
class Region:
    """A part of a definition: `variable[subscripts] = body` for every point of a box.

    `box` gives each index's range (lo, hi). Where `guard` is false the value does not matter and
    nothing may fail."""

    box: dict[Ix, tuple[Size, Size]]
    subscripts: tuple[Term, ...]
    guard: Term
    body: Term
    place: Place


@dataclass(slots=True)
class Def:
    """How a variable is determined. `simple`: one region, one plain index for each whole axis, so
    that any reference to it can be replaced by its body."""

    name: str
    regions: list[Region]
    simple: bool = False
    flags: int = 0  # of the bodies and of everything they read

    @property
    def indices(self) -> tuple[Ix, ...]:
        return tuple(self.regions[0].box)

    @property
    def body(self) -> Term:
        return self.regions[0].body

    @property
    def guard(self) -> Term:
        return self.regions[0].guard


@dataclass
class Program:
    """What every step of lowering works on."""

    system: System
    terms: Terms
    canon: Canon
    infos: dict[str, Info] = field(default_factory=dict)
    defs: dict[str, Def] = field(default_factory=dict)
    position: dict[str, int] = field(default_factory=dict)  # of determined variables, in `order`
    users: dict[str, set[str]] = field(default_factory=dict)  # of live variables, by definition
    results: frozenset[str] = frozenset()
    solves: dict[str, object] = field(default_factory=dict)  # of unknowns: their block (`solve.py`)
    scans: dict[str, object] = field(default_factory=dict)  # of members: their recurrence
    systems: dict[str, object] = field(default_factory=dict)  # likewise their system (`system.py`)

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line of the text begins."""
        return [0, *(m.end() for m in re.finditer("\n", self.system.text))]

    def in_range(self, ref: Term, box: dict | None = None) -> bool:
        """True only if every subscript of `ref` provably is in range for all index values."""
        axes = self.infos[ref.data].axes
        for subscript, axis in zip(ref.args, axes, strict=True):
            form = linear(subscript)
            bounds = form.bounds(box) if form is not None else None
            if bounds is None:
                return False
            low, high = bounds
            if low is axis.lo and high is axis.hi:
                continue
            if not ((low - axis.lo).at_least(0) and (axis.hi - high).at_least(0)):
                return False
        return True

    def safe(self, term: Term, box: dict | None = None) -> bool:
        """True only if nothing in `term` can be out of range, whatever the guards say."""
        if not term.flags & HAS_REF:
            return True
        return all(self.in_range(r, box) for r in refs_of(term))

    def expand(self, ref: Term) -> Term:
        """The body of the variable that `ref` reads, at its subscripts."""
        definition = self.defs[ref.data]
        values = dict(zip(definition.indices, ref.args, strict=True))
        body = definition.body
        guard = definition.guard
        if guard is not self.terms.true and not self.safe(body):
            body = self.terms.guard(guard, body)
        return self.terms.substitute(body, values)

    def strip_guards(self, term: Term) -> Term:
        """`term` without the guards that protect nothing."""
        if not term.flags & HAS_GUARD:
            return term

        def change(node: Term) -> Term | None:
            if node.op == "guard" and self.safe(node.args[1]):
                return self.strip_guards(node.args[1])
            return None

        return self.terms.replace(term, change)
