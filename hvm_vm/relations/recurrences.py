"""Recurrences: arrays that are computed one step after another.

The reads within a component of the order all go one way along an axis (`h[n-1,i]`, or `V[t+1]`),
or stay at one place of it and go one way along the next (`d[i-1,j]`, `d[i,j-1]`): the axes are
*walked* in turn, forward or backward. What is read at the same step is the very element that the
step computes.
"""

from __future__ import annotations

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import NamedTuple

from hvm_vm.bytecode.sizes import Size

from .affine import Integers
from .drawn import Drawn
from .guards import Context, nodes, references, rewrite, substitute
from .looked_up import Tables, requirement
from .prove import at_least
from .report import Report, place
from .shortest import shown_cycle
from .system import Apply, Const, Expr, Recurrence, Reduce, Ref, Requirement


class Read(NamedTuple):
    """An element that a `case` reads of a member: the places that the case determines, those that
    it reads (None: computed from data), and what is known there, for the prover. `side`: where it
    is looked up in a table along the only axis, see `Tables.side`."""

    case: Drawn
    ref: Ref
    own: tuple[Size, ...]
    there: tuple[Size | None, ...]
    facts: list
    context: Context
    side: int

    @property
    def name(self) -> str:
        return self.case.name

    @property
    def variable(self) -> str:
        return self.ref.variable

    def level(self, axis: int) -> bool:
        return self.own[axis] == self.there[axis]


def reads_within(component: list[str], definitions: dict[str, list[Drawn]],
                 integers: Integers, tables: Tables) -> list[Read]:
    """Every read of a member of the component by a member."""
    members = set(component)
    found: list[Read] = []
    for name in component:
        for case in definitions[name]:
            context = Context(case.indices)

            def on_ref(ref: Ref, here: Context, case=case) -> Ref:
                if ref.variable in members:
                    there, side = tuple(map(integers.polynomial, ref.subscripts)), 0
                    if there == (None,) and len(case.subscripts) == 1:
                        side = tables.side(ref.subscripts[0], case.subscripts[0])
                    facts = here.facts(integers)
                    found.append(Read(case, ref, case.places, there, facts, here, side))
                return ref

            for expr in (case.body, case.condition):
                if expr is not None:
                    rewrite(expr, context if expr is case.condition
                            else context.under(case.condition), on_ref)
    return found


def one_direction(reads: list[Read]) -> bool:
    """Whether along one axis every read is at the same place or certainly before it (or none
    before, and some after): a recurrence, not a system."""
    return any(_direction(reads, axis) is not None for axis in range(_rank(reads)))


def _rank(reads: list[Read]) -> int:
    return min((min(len(r.own), len(r.there)) for r in reads), default=0)


def _direction(reads: list[Read], axis: int) -> bool | None:
    """Whether an axis is walked forward, if it can be walked at all."""
    if any(r.there[axis] is None and not r.side for r in reads):
        return None
    apart = [r for r in reads if not r.level(axis)]
    if not apart:
        return None
    if all(r.side < 0 or (not r.side and at_least(r.facts, r.own[axis], r.there[axis] + 1))
           for r in apart):
        return True
    if all(r.side > 0 or (not r.side and at_least(r.facts, r.there[axis], r.own[axis] + 1))
           for r in apart):
        return False
    return None


def _is_cyclic(reads: list[Read]) -> bool:
    """Whether an element depends on itself by way of elements at its own place."""
    after: dict[str, set[str]] = {}
    for read in reads:
        if read.own == read.there:
            after.setdefault(read.name, set()).add(read.variable)
    try:
        TopologicalSorter(after).prepare()
    except CycleError:
        return True
    return False


MOST_TERMS = 64  # of a sum over members that is written out
_WRITTEN = {"sum": ("add", 0), "prod": ("mul", 1), "max": ("max", None), "min": ("min", None)}


def written_out(expr: Expr, members: set[str]) -> Expr:
    """`expr` with short sums, products, maxima and minima over members as their terms."""
    kind = type(expr)
    if kind is Apply:
        args = tuple(written_out(a, members) for a in expr.args)
        same = all(a is b for a, b in zip(args, expr.args, strict=True))
        return expr if same else Apply(expr.op, args)
    if kind is not Reduce or expr.op not in _WRITTEN:
        return expr
    if not any(r.variable in members for r in references(expr)):
        return expr
    op, neutral = _WRITTEN[expr.op]
    ranges, count = [], 1
    for index in expr.indices:
        lo, hi = index.lo.constant, index.hi.constant
        if lo is None or hi is None:
            return expr
        ranges.append(range(lo, hi + 1))
        count *= max(0, hi - lo + 1)
    if not 0 < count <= MOST_TERMS or (neutral is None and expr.condition is not None):
        return expr
    body = written_out(expr.body, members)
    terms = []
    for point in product(*ranges):
        values = {i: Const(v) for i, v in zip(expr.indices, point, strict=True)}
        term = substitute(body, values)
        if expr.condition is not None:
            term = Apply("if", (substitute(expr.condition, values), term, Const(neutral)))
        terms.append(term)
    return terms[0] if len(terms) == 1 else Apply(op, tuple(terms))


class Recurrences:
    """The recurrences of one file, in order."""

    def __init__(self, integers: Integers, tables: Tables, report: Report) -> None:
        self.integers, self.tables, self.report = integers, tables, report
        self.found: list[Recurrence] = []
        self.requirements: list[Requirement] = []

    def reads(self, component: list[str], definitions: dict[str, list[Drawn]]) -> list[Read]:
        """See `reads_within`."""
        return reads_within(component, definitions, self.integers, self.tables)

    def take(self, component: list[str], definitions: dict[str, list[Drawn]], reads) -> None:
        """Make a recurrence of a component whose reads go in one direction. One of a kind that
        cannot be computed yet is reported."""
        members = set(component)
        bodies = {n: [written_out(c.body, members) for c in definitions[n]] for n in component}
        cases = {n: [replace(c, body=b) for c, b in zip(definitions[n], bodies[n], strict=True)]
                 for n in component}
        wrong, why = self._unfit(cases)
        within = self.reads(component, cases)
        walks, rest = self._walks(within)
        if why is None and rest:
            wrong, name, other = rest[0].case, rest[0].name, rest[0].variable
            why = f"an element of {name} depends on other elements of {other} at the same step"
            if len(rest[0].own) != len(rest[0].there):
                why = f"{name} and {other}, which depend on each other, have different shapes"
        if why is None and _is_cyclic(within):
            why = "what a step computes depends on itself: each step is a system of equations"
        if why is not None:
            first = wrong or min((r.case for r in within), key=lambda c: c.node.span.start)
            cycle = shown_cycle(component, reads)
            cycle = f" ({cycle})" if cycle.count("->") > 1 else ""  # more than itself
            self.report.error(
                f"`{self.report.quote(first.node.span)}` is a recurrence that is not supported in"
                f" this version: {why}{cycle}", first.node.span)
            return
        for read in within:
            if read.side:
                quoted = self.report.quote(read.case.node.span)
                self.requirements.append(requirement(
                    read.ref.subscripts[0], read.case.subscripts[0], read.context, walks[0][1],
                    f"`{quoted}` reads an element of {read.variable} before it is computed",
                    place(read.case.node.span)))
        for name in component:
            for case, body in zip(definitions[name], bodies[name], strict=True):
                case.body = body
        self.found.append(Recurrence(tuple(component), tuple(walks)))

    @staticmethod
    def _unfit(cases: dict[str, list[Drawn]]) -> tuple[Drawn | None, str | None]:
        """A case that takes a reduction over members, and that in words."""
        for case in (c for each in cases.values() for c in each):
            for expr in (case.body, case.condition):
                for node in nodes(expr) if expr is not None else ():
                    if type(node) is Reduce:
                        held = next(
                            (r.variable for r in references(node) if r.variable in cases), None)
                        if held is not None:
                            return case, f"it takes a {node.op} over {held}, step by step"
        return None, None

    def _walks(self, reads: list[Read]) -> tuple[list[tuple[int, bool]], list[Read]]:
        """The axes walked, each with its direction, and the reads that this leaves unordered. An
        axis that can be walked always may be: it only takes reads away."""
        walks: list[tuple[int, bool]] = []
        rank = _rank(reads)
        while True:
            for axis in range(rank):
                forward = None if any(a == axis for a, _ in walks) else _direction(reads, axis)
                if forward is not None:
                    walks.append((axis, forward))
                    reads = [r for r in reads if r.level(axis)]
                    break
            else:
                return walks, [r for r in reads if not self._same_step(r)]

    def _same_step(self, read: Read) -> bool:
        """Whether it is an element that its step computes: at the same place, or at another
        constant one."""
        if len(read.own) != len(read.there):
            return False
        return all(
            own == there or not (there is None or self.integers.mixed(own)
                                 or self.integers.mixed(there))
            for own, there in zip(read.own, read.there, strict=True))
