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
from dataclasses import dataclass, field, replace

from hvm_vm.bytecode.sizes import Size
from hvm_vm.language import syntax as S

from ..affine import Integers
from ..axes import Use, guarded_uses, used_axes
from ..cases import FALSE, Cases
from ..coverage import Coverage
from ..drawn import Drawn
from ..guards import Context, conjunction, negation, references, rewrite, substitute
from ..indices import Bounds
from ..order import components
from ..prove import formula, proven, refuted
from ..report import Report, joined, place
from ..resolve import Resolver
from ..system import (
    Apply,
    Axis,
    Const,
    Coupled,
    Equation,
    Expr,
    Index,
    IndexValue,
    Reduce,
    Ref,
    Start,
)
from .blocks import Blocks
from .counting import elements, points
from .linearity import Coupled as Inseparable
from .linearity import degree, holds, written_out
from .rows import Whole, draw_whole, own_place

MOST_NODES = 60  # of an explicit relation that is written out in those that read it


@dataclass
class Group:
    """One system: its unknowns, and its equations as residuals."""

    unknowns: list[str]
    equations: list[Drawn] = field(default_factory=list)


class Systems:
    """The systems of one file. `names`: what is known to be solved for before the order is."""

    def __init__(self, resolver: Resolver, integers: Integers, report: Report) -> None:
        self.resolver, self.integers, self.report = resolver, integers, report
        self.wholes: list[Whole] = []
        self.points: list[Whole] = []  # relations that are solved point by point if nothing else
        self.names: dict[str, None] = {}
        self.found: list[Group] = []
        self.members: dict[str, None] = {}
        self.axes: dict[str, tuple[Axis, ...]] = {}
        self.cases: Cases | None = None
        self.blocks: Blocks | None = None

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
        """The names with relations of their own that the systems' relations hold."""
        held = dict.fromkeys(r.variable for w in self._all() for r in w.references())
        return [n for n in held if n in definitions]

    def used(self, names: list[str], definitions, places) -> dict[str, list[Axis | None]]:
        """How far names that are determined in part are read by relations that may determine the
        rest, or asked for; else by those that are computed from them."""
        arrays = {n for n in names if self.resolver.ranks[n][0]}
        if not arrays:
            return {}
        first = self._uses([row for w in self._all() for row in w.rows], arrays)
        for name, subscripts in places:
            if name in arrays:
                first.setdefault(name, []).append(Use(subscripts))
        later = self._uses([c for cases in definitions.values() for c in cases], arrays)
        found = {}
        for name in arrays:
            axes = self._axes(name, first)
            if None in axes:
                axes = [a or b for a, b in zip(axes, self._axes(name, later), strict=True)]
            found[name] = axes
        return found

    def _uses(self, cases: list[Drawn], names: set[str]) -> dict[str, list[Use]]:
        found: dict[str, list[Use]] = {}
        for case in cases:
            for name, use in guarded_uses(case, names, self.integers):
                found.setdefault(name, []).append(use)
        return found

    def _axes(self, name: str, uses: dict[str, list[Use]]) -> list[Axis | None]:
        rank = self.resolver.ranks[name][0]
        good = [use for use in uses.get(name, ()) if len(use.subscripts) == rank]
        fenced = name in self.resolver.out.outside
        return used_axes(good, self.integers, fenced) if good else [None] * rank

    def uses(self, items: list[S.Expr]) -> list[tuple[str, tuple[Expr, ...]]]:
        """The places at which `find v[o]`, `guess v[o] = …`, `v[o] = 0 outside` speak of arrays."""
        found = []
        bounds = self.resolver.sizes.bounds
        for item in items:
            if type(item) is not S.Subscript:
                continue
            names = [s.name for s in item.subs if type(s) is S.Name and s.name in bounds]
            if len(names) == len(item.subs):
                found.append((item.name, tuple(
                    IndexValue(self.resolver.index_names.new(n, bounds[n])) for n in names)))
        return found

    def decide(self, definitions, coverage: Coverage) -> None:
        """Add the names that are read where no explicit relation determines them, and take out
        those that are read elsewhere only. A matched name that explicit relations determine whole
        is an error."""
        partial = coverage.partial
        open: dict[str, list[Whole]] = {n: [] for n in self.partly(definitions) if n in partial}
        for whole in self._all() if open else ():
            for name in dict.fromkeys(r.variable for r in whole.references()):
                if name in open and self._open(whole, name, coverage):
                    open[name].append(whole)
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
        for whole in self._all():
            refs = dict.fromkeys(r.variable for r in whole.references())
            held = [n for n in refs if n in self.names]
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
            self._within(row, set(self.names))
        self._supersede([(whole, row) for row in rows], explicit, [name])
        return self._balance(rows, explicit, [name]) == Size.of(0)

    def concerns(self, component: list[str]) -> bool:
        return any(n in self.names for n in component)

    def take(self, component: list[str], definitions, reads) -> list[str]:
        """Make a system of a component: its names in order."""
        members = set(component)
        wholes = [
            w for w in self.wholes
            if (w.matched in members if w.matched else any(n in members for n in w.names))
        ]
        if any(w.bad for w in wholes) or any(c.bad for n in component for c in definitions[n]):
            self._enter(Group(list(component)))
            return list(component)
        inside, bodies = self._inside(component, definitions, reads)
        unknowns = [n for n in component if n not in bodies]
        ranks = {n: k for k, n in enumerate(self.resolver.ranks)}
        unknowns.sort(key=lambda n: ranks.get(n, 0))
        solved = set(unknowns)
        group = Group(unknowns)
        explicit = {n: [c for c in definitions[n] if not c.implicit] for n in unknowns}
        rows = [(w, row) for w in wholes for row in w.rows]
        rows += [(None, c) for n in unknowns for c in definitions[n] if c.implicit]
        for _, row in rows:
            self._within(row, members)
        self._supersede(rows, explicit, unknowns)
        for _, row in rows:
            group.equations.append(row)
        for name in unknowns:
            for case in explicit[name]:
                residual = Apply("sub", (Ref(name, case.subscripts), case.body))
                group.equations.append(Drawn(
                    case.node, name, case.indices, (), (), case.condition, residual, implicit=True))
        group.equations.sort(key=lambda e: e.node.span.start)
        for equation in group.equations:
            equation.body = self._expanded(equation.body, bodies)
            self._judge(equation, solved)
        self._count(group)
        self._warn(group, component, reads)
        self._enter(group)
        return [*unknowns, *inside]

    def _enter(self, group: Group) -> None:
        self.found.append(group)
        self.names.update(dict.fromkeys(group.unknowns))
        self.members.update(dict.fromkeys(group.unknowns))

    # -- what is written out ---------------------------------------------------------------------
    def _inside(self, component, definitions, reads) -> tuple[list[str], dict[str, Expr]]:
        """The members that keep their definitions, in order, and what they are written out as."""
        rest = [n for n in component if n not in self.names and self._plain(definitions[n])]
        bodies: dict[str, Expr] = {}
        if len(rest) == len(component):
            rest.remove(min(rest, key=lambda n: list(self.resolver.ranks).index(n)
                            if n in self.resolver.ranks else 0))
        while True:
            inside = set(rest)
            within = {n: tuple(o for o in reads[n] if o in inside) for n in rest}
            cyclic = next((c for c in components(rest, within.__getitem__)
                           if len(c) > 1 or c[0] in within[c[0]]), None)
            if cyclic is None:
                break
            rest.remove(max(cyclic, key=lambda n: sum(n in reads[o] for o in cyclic)))
        ordered = [n for found in components(rest, within.__getitem__) for n in found]
        for name in ordered:
            case = definitions[name][0]
            body = self._expanded(case.body, bodies)
            if _size(body) <= MOST_NODES:
                bodies[name] = _Template(case, body)
        return [n for n in ordered if n in bodies], bodies

    def _plain(self, cases: list[Drawn]) -> bool:
        """Whether a definition can stand for every read: one case over all, without sums."""
        if len(cases) != 1 or cases[0].condition is not None or cases[0].implicit:
            return False
        case = cases[0]
        indices = [s.index for s in case.subscripts if type(s) is IndexValue]
        if len(indices) < len(case.subscripts) or len(set(indices)) < len(indices):
            return False
        return not any(type(node) is Reduce for node in _nodes(case.body))

    def _expanded(self, expr: Expr, bodies: dict) -> Expr:
        if not bodies:
            return expr

        def on_ref(ref: Ref, _: Context) -> Expr:
            template = bodies.get(ref.variable)
            return ref if template is None else template.at(ref.subscripts)

        return rewrite(expr, Context(), on_ref)

    # -- where a relation stays --------------------------------------------------------------------
    def _within(self, row: Drawn, members: set[str]) -> None:
        """Leave out the points at which a relation reads an unknown beyond its ranges."""
        integers, parts = self.integers, []
        own = set(row.indices)
        facts = Context(row.indices).under(row.condition).facts(integers)

        def on_ref(ref: Ref, here: Context) -> Ref:
            if ref.variable not in members or here.guards:
                return ref
            for sub, axis in zip(ref.subscripts, self.axes[ref.variable], strict=True):
                position = integers.polynomial(sub)
                affine = None if position is None else integers.affine(position)
                if affine is None or not set(affine[0]) <= own:
                    continue
                for low, high in ((axis.lo, position), (position, axis.hi)):
                    claim = Apply("le", (integers.expression(low), integers.expression(high)))
                    if not proven(facts, claim, integers) and claim not in parts:
                        parts.append(claim)
            return ref

        rewrite(row.body, Context(row.indices), on_ref)
        if parts and not refuted([*facts, *(formula(p, integers) for p in parts)]):
            row.condition = conjunction([*parts, row.condition])

    def _supersede(self, rows, explicit, unknowns: list[str]) -> None:
        """Leave out relations where the element that they are matched to has one of its own."""
        kept = self._balance([r for _, r in rows], explicit, unknowns)
        if kept is not None and kept == 0:
            return
        matched = {row.name for _, row in rows if row.name}
        owners = [row.name for whole, row in rows if whole is None] + [
            w.matched for w in {id(w): w for w, _ in rows if w is not None}.values()]
        if None in owners or len(set(owners)) < len(owners):
            return
        if any(n not in matched and not self._full(n, explicit[n]) for n in unknowns):
            return
        for _, row in rows:
            name = row.name
            subscripts = own_place(row, name, self.integers) if explicit.get(name) else None
            if subscripts is None:
                continue
            facts = Context(row.indices).under(row.condition).facts(self.integers)
            places = tuple(self.integers.polynomial(s) for s in subscripts)
            parts = [row.condition]
            for case in explicit[name]:
                there = self.cases.covers(case, places, facts)
                if there is None:
                    parts.append(FALSE)
                elif not refuted([*facts, formula(there, self.integers)]):
                    parts.append(negation(there, self.integers))
            row.condition = conjunction(parts)

    def _full(self, name: str, cases: list[Drawn]) -> bool:
        total = self._points(cases)
        return total is not None and total == elements(self.axes[name])

    def _points(self, rows: list[Drawn]) -> Size | None:
        total = Size.of(0)
        for row in rows:
            count = points(row.indices, row.condition, self.integers)
            if count is None:
                return None
            total = total + count
        return total

    def _balance(self, rows: list[Drawn], explicit, unknowns) -> Size | None:
        """Equations less unknown elements; None where the text cannot say."""
        total = self._points([*rows, *(c for n in unknowns for c in explicit[n])])
        if total is None:
            return None
        for name in unknowns:
            total = total - elements(self.axes[name])
        return total

    # -- judging -----------------------------------------------------------------------------------
    def _judge(self, equation: Drawn, solved: set[str]) -> None:
        """Bring an equation to the form that a system takes; report what has none."""
        report, node = self.report, equation.node
        quote = report.quote(node.span)
        for ref in references(equation.body):
            if any(holds(s, solved) for s in ref.subscripts):
                report.error(
                    f"a subscript of {ref.variable} in `{quote}` depends on what is solved for",
                    node.span,
                )
                return
        if equation.condition is not None and holds(equation.condition, solved):
            names = {r.variable for r in references(equation.condition)} & solved
            report.error(
                f"the condition of `{quote}` depends on {joined(sorted(names))}, which"
                f" {'is' if len(names) == 1 else 'are'} solved for",
                node.span,
                help="choose by value inside the relation: if(condition, a, b)",
            )
            return
        try:
            equation.body = _summed(equation.body, solved)
        except Inseparable as problem:
            names = {r.variable for r in references(equation.body)} & solved
            report.error(
                f"`{quote}` must be solved for {joined(sorted(names))}, but {problem} reduces over"
                " an expression of it: that is supported for sums and means, and for ranges of"
                " fixed length",
                node.span,
            )

    def _count(self, group: Group) -> None:
        """Report a system that has too many or too few equations whatever the sizes are."""
        balance = self._balance(group.equations, {n: [] for n in group.unknowns}, group.unknowns)
        if balance is None or balance == 0:
            return
        over = (balance.constant is not None and balance.constant > 0) or (
            balance.constant is None and balance.at_least(1))
        under = (balance.constant is not None and balance.constant < 0) or (
            balance.constant is None and (-balance).at_least(1))
        if not over and not under:
            return
        report = self.report
        rows = {e.node.span: e.node for e in group.equations}
        relations = sorted(rows.values(), key=lambda r: r.span.start)
        total = self._points(group.equations)
        wanted = sum((elements(self.axes[n]) for n in group.unknowns), Size.of(0))
        count = "1 relation gives" if len(relations) == 1 else f"{len(relations)} relations give"
        report.error(
            f"{'over' if over else 'under'}-determined: {count} {_many(total, 'equation')} for"
            f" {_many(wanted, 'unknown element')} of {joined(group.unknowns)}",
            relations[0].span,
            help="remove one of them, or write check in front of it" if over else
            "say what determines the others: a relation such as "
            f"{_first(group.unknowns[0], self.axes)} = …, or set "
            f"{'it' if len(group.unknowns) == 1 else 'one of them'} from outside",
            notes=[("this one too", r.span) for r in relations[1:7]],
        )

    def _warn(self, group: Group, component: list[str], reads) -> None:
        """A nonlinear system over several arrays that nobody guessed is more often a mistake."""
        arrays = [n for n in component if self.axes[n]]
        if len(arrays) < 2 or any(n in self.blocks.guesses for n in component):
            return
        solved = set(group.unknowns)
        if all(degree(e.body, solved) < 2 for e in group.equations):
            return
        from ..order import shortest_cycle

        members = set(component)
        cycle = shortest_cycle(component, {n: tuple(o for o in reads[n] if o in members)
                                           for n in component})
        first = min(group.equations, key=lambda e: e.node.span.start)
        self.report.warning(
            f"these arrays are solved for together, all elements at once, each from 1:"
            f" {' -> '.join([*cycle, cycle[0]])}",
            first.node.span,
            help=f"if that is meant, say where to start: guess {group.unknowns[0]}[…] = …",
        )

    # -- the system --------------------------------------------------------------------------------
    @property
    def equations(self) -> list[Drawn]:
        return [e for group in self.found for e in group.equations if not e.bad]

    def place(self, name: str):
        """Where an unknown is first determined."""
        for group in self.found:
            if name in group.unknowns:
                own = [e for e in group.equations if e.name == name] or group.equations
                if own:
                    return own[0].node.span
        return self.resolver.ranks[name][1]

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


@dataclass(frozen=True)
class _Template:
    """A definition that is written out where it is read."""

    case: Drawn
    body: Expr

    def at(self, subscripts: tuple[Expr, ...]) -> Expr:
        values: dict[Index, Expr] = {
            own.index: there
            for own, there in zip(self.case.subscripts, subscripts, strict=True)
        }
        return substitute(self.body, values)


def _nodes(expr: Expr):
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        kind = type(node)
        if kind is Apply:
            stack.extend(node.args)
        elif kind is Ref:
            stack.extend(node.subscripts)
        elif kind is Reduce:
            stack.append(node.body)
            if node.condition is not None:
                stack.append(node.condition)


def _size(expr: Expr) -> int:
    return sum(1 for _ in _nodes(expr))


def _summed(expr: Expr, solved: set[str]) -> Expr:
    """`expr` with no reductions over unknowns but sums and means under known conditions."""
    kind = type(expr)
    if kind is Apply:
        args = tuple(_summed(a, solved) for a in expr.args)
        return expr if args == expr.args else Apply(expr.op, args)
    if kind is not Reduce or not holds(expr, solved):
        return expr
    body = _summed(expr.body, solved)
    condition = expr.condition
    free = condition is None or not holds(condition, solved)
    if expr.op in ("sum", "mean") and free:
        return Reduce(expr.op, expr.indices, condition, body)
    if expr.op == "sum":
        return Reduce("sum", expr.indices, None, Apply("if", (condition, body, Const(0))))
    return written_out(expr.op, expr.indices, condition, body)


def _many(count: Size, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def _first(name: str, axes) -> str:
    return f"{name}[{','.join(str(a.lo) for a in axes[name])}]" if axes[name] else name
