"""Systems over arrays: relations that are solved together for all elements of their unknowns.

What a relation determines is counted by elements here, not by whole variables. The unknowns are
the names that relations hold and nothing else determines, those that explicit relations determine
in part, and the members of cycles that go both ways along an axis. An explicit relation is an
equation of the system like all others.

A relation stays at a point unless it would read an unknown outside of its ranges there, or the
element that it is matched to has an explicit relation and keeping both would over-determine: where
whole relations match whole unknowns one to one and the counts do not fit as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hvm_vm.bytecode.sizes import Size
from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from ..affine import Integers
from ..cases import Cases
from ..coverage import Coverage
from ..drawn import Drawn
from ..guards import Context, references
from ..indices import Bounds
from ..report import Report, place
from ..resolve import Resolver
from ..system import (
    Apply,
    Axis,
    Coupled,
    Equation,
    Expr,
    IndexValue,
    Ref,
    Start,
)
from .blocks import Blocks
from .extents import Extents
from .judging import Group, check_axes, check_count, judge, warn_of_cycle
from .rows import Whole, draw_whole
from .staying import leave_out, supersede, surplus
from .writing_out import expanded, write_out


@dataclass
class Kept:
    """The unknowns of a component of the order, the members that are written out where they are
    read (as `bodies` say), the relations of the unknowns' own, and the others where they stay."""

    unknowns: list[str]
    inside: list[str]
    bodies: dict[str, Expr]
    explicit: dict[str, list[Drawn]]
    rows: list[Drawn]


class Systems:
    """The systems of one file. `names`: what is known to be solved for before the order is."""

    def __init__(self, resolver: Resolver, integers: Integers, report: Report) -> None:
        self.resolver, self.integers, self.report = resolver, integers, report
        self.wholes: list[Whole] = []
        self.points: list[Whole] = []  # relations that are solved point by point if nothing else
        self.names: dict[str, None] = {}
        self.found: list[Group] = []
        self._spans: dict[str, Span] = {}  # where each unknown is first determined
        self.members: dict[str, None] = {}
        self.axes: dict[str, tuple[Axis, ...]] = {}
        self.cases: Cases | None = None
        self.blocks: Blocks | None = None
        self.extents = Extents(resolver, integers)

    def add(self, whole: Whole) -> None:
        """Take in a relation, resolved; errors are reported."""
        if not whole.rows:
            draw_whole(whole, self.resolver)
        self.wholes.append(whole)

    def note(self, whole: Whole) -> None:
        """A relation that is solved point by point, unless it holds an unknown of a system."""
        self.points.append(whole)

    def _all(self) -> Iterator[Whole]:
        yield from self.wholes
        yield from self.points

    @property
    def rows(self) -> list[Drawn]:
        return [row for whole in self.wholes for row in whole.rows if not row.bad]

    # -- unknowns and their axes ---------------------------------------------------------------
    def open(self, more: list[str], definitions) -> list[str]:
        """The unknowns that no relation is written for."""
        names = [w.matched for w in self.wholes if w.matched] + more
        names += [n for w in self.wholes if w.matched is None for n in w.names]
        self.names.update(dict.fromkeys(names))
        return [n for n in self.names if n not in definitions]

    def partly(self, definitions) -> list[str]:
        """The names with relations of their own that the systems' relations hold, or determine."""
        held = dict.fromkeys(r.variable for w in self._all() for r in w.references())
        held.update(dict.fromkeys(w.matched for w in self._all() if w.matched))
        return [n for n in held if n in definitions]

    def used(self, names: list[str], definitions, places) -> dict[str, list[Axis | None]]:
        """See `Extents.used`."""
        return self.extents.used(names, self._rows(), definitions, places)

    def places(self, items: list[S.Expr]) -> list[tuple[str, tuple[Expr, ...]]]:
        """See `Extents.places`."""
        return self.extents.places(items, list(self._all()))

    def _rows(self) -> list[Drawn]:
        return [row for w in self._all() for row in w.rows]

    def decide(self, definitions, coverage: Coverage) -> None:
        """Add the names that are read where no explicit relation determines them, and take out
        those that are read elsewhere only. A matched name that explicit relations determine whole
        is an error."""
        partial = coverage.partial
        open: dict[str, list[Whole]] = {n: [] for n in self.partly(definitions) if n in partial}
        for whole in self._all() if open else ():
            held = dict.fromkeys(r.variable for r in whole.references())
            for name in held:
                if name in open and self._open(whole, name, coverage):
                    open[name].append(whole)
            if whole.matched in open and whole.matched not in held:  # read by what it reads
                open[whole.matched].append(whole)
        self.names.update(dict.fromkeys(n for n, wholes in open.items() if wholes))
        for whole in self.wholes:
            name = whole.matched
            if name in open and not open[name]:
                self.names.pop(name, None)
                held = [n for n, wholes in open.items() if whole in wholes]
                if not any(n in self.names for n in [*held, *whole.names]):
                    self._known(whole, name, definitions)
                taken = {w.matched for w in self._all()}
                whole.matched = next((n for n in held if n not in taken), None)
                for row in whole.rows:
                    row.name = whole.matched or ""
            if name in definitions and definitions[name] and name not in partial:
                self._known(whole, name, definitions)

    def _open(self, whole: Whole, name: str, coverage: Coverage) -> bool:
        """Whether a relation reads elements of `name` that no explicit relation determines."""
        return any(
            not row.bad and coverage.holes(
                row.body, Context(row.indices).under(row.condition), name)
            for row in whole.rows)

    def _known(self, whole: Whole, name: str, definitions) -> None:
        report, first = self.report, whole.relations[0]
        report.error(
            f"`{report.quote(first.span)}` determines nothing that is not determined already:"
            f" {name} is known",
            first.span,
            help="to assert that it holds, write check in front of it; or remove what determines"
            " one of its names",
            notes=[(f"{name} is determined here", c.node.span) for c in definitions[name][:3]],
        )

    # -- order -----------------------------------------------------------------------------------
    def reads(self, definitions) -> dict[str, dict[str, None]]:
        """What each unknown reads through the relations of systems. A relation without an unknown
        of its own ties all that it holds together, as does one that does not determine just the
        elements of its own, or an unknown without a relation."""
        found: dict[str, dict[str, None]] = {n: {} for n in self.names}
        matched = {w.matched for w in self._all() if w.matched}
        through = self._through(definitions) if self.names else {}
        for whole in self._all() if self.names else ():
            refs = dict.fromkeys(r.variable for r in whole.references())
            held = [n for n in refs if n in self.names]
            if not held or (whole.matched and whole.matched not in refs):
                held = [n for n in _reached(refs, through) if n in self.names]
            loose = [n for n in held if n not in matched]
            fits = whole.matched and (whole in self.points or self._fits(whole, definitions))
            owner = [whole.matched] if fits else held
            for name in owner:
                if name in found:
                    found[name].update(refs)
            for name in loose:
                found[name].update(dict.fromkeys(owner))
                found[name].update(refs)
        for name, refs in found.items():
            refs.pop(name, None)
        return found

    def _through(self, definitions) -> dict[str, list[str]]:
        """What names of which unknowns are reached read, of such names."""
        reads = {name: list(dict.fromkeys(r.variable for case in cases
                                          for r in references(case.body)))
                 for name, cases in definitions.items() if name not in self.names}
        users: dict[str, list[str]] = {}
        for name, refs in reads.items():
            for ref in refs:
                users.setdefault(ref, []).append(name)
        near = dict.fromkeys(_reached(dict.fromkeys(self.names), users))
        return {n: [r for r in reads[n] if r in near] for n in near if n in reads}

    def _fits(self, whole: Whole, definitions) -> bool:
        """Whether a relation, with the explicit ones of the name that it is matched to, determines
        just the elements of that name."""
        name = whole.matched
        others = [w for w in self.wholes if w.matched == name and w is not whole]
        cases = definitions.get(name, ())
        if whole.bad or others or any(c.bad for c in cases):
            return True  # an error is reported anyway
        rows = [replace(row) for row in whole.rows]
        rows += [replace(c) for c in cases if c.implicit]
        explicit = {name: [c for c in cases if not c.implicit]}
        for row in rows:
            leave_out(row, set(self.names), self.axes, self.integers)
        self._supersede([(whole, row) for row in rows], explicit, [name])
        return surplus(rows, explicit, [name], self.axes, self.integers) == Size.of(0)

    def concerns(self, component: list[str]) -> bool:
        return any(n in self.names for n in component)

    def take(self, component: list[str], definitions, reads) -> list[str]:
        """Make a system of a component: its names in order."""
        wholes = self._wholes(component)
        if self._bad(component, wholes, definitions):
            self._enter(Group(list(component)))
            return list(component)
        kept = self._keep(component, wholes, definitions, reads)
        unknowns, inside, bodies, explicit = kept.unknowns, kept.inside, kept.bodies, kept.explicit
        solved = set(unknowns)
        group = Group(unknowns)
        group.equations += kept.rows
        for name in unknowns:
            for case in explicit[name]:
                residual = Apply("sub", (Ref(name, case.subscripts), case.body))
                group.equations.append(Drawn(
                    case.node, name, case.indices, (), (), case.condition, residual, implicit=True))
        group.equations.sort(key=lambda e: e.node.span.start)
        for equation in group.equations:
            equation.body = expanded(equation.body, bodies)
            judge(equation, solved, self.report)
        check_count(group, self.axes, self.integers, self.report)
        check_axes(group, component, reads, self.axes, self.report)
        warn_of_cycle(group, component, reads, self.axes, self.blocks.guesses, self.report)
        self._enter(group)
        return [*unknowns, *inside]

    def _wholes(self, component: list[str]) -> list[Whole]:
        members = set(component)
        return [
            w for w in self.wholes
            if (w.matched in members if w.matched else any(n in members for n in w.names))
        ]

    @staticmethod
    def _bad(component, wholes: list[Whole], definitions) -> bool:
        return any(w.bad for w in wholes) or any(c.bad for n in component for c in definitions[n])

    def _keep(self, component: list[str], wholes: list[Whole], definitions, reads) -> Kept:
        """The unknowns of a component, and where its relations stay."""
        inside, bodies = write_out(component, self.names, definitions, reads,
                                   list(self.resolver.ranks))
        ranks = {n: k for k, n in enumerate(self.resolver.ranks)}
        unknowns = sorted((n for n in component if n not in bodies),
                          key=lambda n: ranks.get(n, 0))
        explicit = {n: [c for c in definitions[n] if not c.implicit] for n in unknowns}
        rows = [(w, replace(row)) for w in wholes for row in w.rows]
        rows += [(None, replace(c)) for n in unknowns for c in definitions[n] if c.implicit]
        members = set(component)
        for _, row in rows:
            leave_out(row, members, self.axes, self.integers)
        self._supersede(rows, explicit, unknowns)
        return Kept(unknowns, inside, bodies, explicit, [row for _, row in rows])

    def _supersede(self, rows, explicit, unknowns: list[str]) -> None:
        supersede(rows, explicit, unknowns, self.axes, self.cases, self.integers)

    def _enter(self, group: Group) -> None:
        self.found.append(group)
        spans: dict[str, Span] = {}
        for equation in reversed(group.equations):
            spans[equation.name] = equation.node.span
        for name in group.unknowns if group.equations else ():
            self._spans.setdefault(name, spans.get(name, group.equations[0].node.span))
        self.names.update(dict.fromkeys(group.unknowns))
        self.members.update(dict.fromkeys(group.unknowns))

    # -- the system --------------------------------------------------------------------------------
    @property
    def equations(self) -> list[Drawn]:
        return [e for group in self.found for e in group.equations if not e.bad]

    def place(self, name: str):
        """Where an unknown is first determined."""
        found = self._spans.get(name)
        return self.resolver.ranks[name][1] if found is None else found

    def starts(self) -> dict[str, Start]:
        """The guesses of unknowns, resolved; errors are reported."""
        return {n: self._start(n, group) for group in self.found for n in group.unknowns
                if n in self.blocks.guesses}

    def system(self, starts: dict[str, Start]) -> tuple[Coupled, ...]:
        """The systems as they stand in a System."""
        return tuple(
            Coupled(
                tuple(group.unknowns),
                tuple(Equation(e.indices, e.condition, e.body, place(e.node.span))
                      for e in group.equations),
                tuple(starts[n] for n in group.unknowns if n in starts),
            )
            for group in self.found
        )

    def _start(self, name: str, group: Group) -> Start:
        indices = tuple(
            self.resolver.index_names.new(a.text or f"p{k + 1}", Bounds(a.lo, a.hi))
            for k, a in enumerate(self.axes[name]))
        start, lo, hi = self.blocks.guess(
            name, tuple(IndexValue(i) for i in indices), set(group.unknowns))
        return Start(name, indices, start, lo, hi)


def _reached(names: dict[str, None], through: dict[str, list[str]]) -> list[str]:
    """`names`, and all that they lead to."""
    found, waiting = dict(names), list(names)
    while waiting:
        for other in through.get(waiting.pop(), ()):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return list(found)
