"""What a program gives back: the `find` items, or what the default rule says.

A slice (`find u[N,i]`) is a variable of its own, whose result name is the variable's name, or the
item's text when two slices of one variable are asked for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hvm_vm.language import syntax as S

from .affine import Integers, plain_index
from .drawn import Drawn
from .families import Families
from .guards import references
from .indices import ONE, Bounds, NotASize, possible, range_of, size_of
from .names import Outline
from .order import components
from .problems import TooLarge, Unsupported
from .report import Report, meant
from .resolve import Resolver
from .scope import Frame
from .system import Axis, Ref, Result, SizeValue


@dataclass
class Found:
    """`results`, and the variables made for slices: their one relation and axes."""

    results: list[Result] = field(default_factory=list)
    slices: dict[str, tuple[Drawn, tuple[Axis, ...], str]] = field(default_factory=dict)
    spans: dict[str, object] = field(default_factory=dict)  # of each result's variable


class Finder:
    """Reads find items."""

    def __init__(
        self,
        resolver: Resolver,
        integers: Integers,
        axes: dict[str, tuple[Axis, ...]],
        families: Families,
        report: Report,
    ) -> None:
        self.resolver = resolver
        self.integers = integers
        self.axes = axes
        self.families = families
        self.report = report
        self.found = Found()

    def read(self, items: list[tuple[S.Expr, str]]) -> Found:
        """`items`: each with its text."""
        entries: dict[str, tuple[str, str]] = {}  # of each variable: that of the file, the text
        for item, text in items:
            for owner, variable in self._item(item, text):
                if variable not in entries:
                    entries[variable] = owner, text
                    self.found.spans[variable] = item.span
        counts = Counter(owner for owner, _ in entries.values())
        for variable, (owner, text) in entries.items():
            name = owner if counts[owner] == 1 else text
            self.found.results.append(Result(name, variable))
        return self.found

    def _item(self, item: S.Expr, text: str) -> list[tuple[str, str]]:
        """The (owner, variable) pairs that one item asks for."""
        name = item.name
        resolver = self.resolver
        if name in resolver.out.indices:
            self.report.error(f"{name} is an index, so it cannot be a result", item.span)
            return []
        if name in resolver.sizes.values:
            if type(item) is S.Subscript:
                self.report.error(f"{name} is a size, so it has no subscripts", item.span)
                return []
            return [(name, self._slice(item, text, (), SizeValue(resolver.sizes.values[name]), ()))]
        if name not in self.axes:
            members = self.families.members(name) if type(item) is S.Name else ()
            if members:
                return [(m, m) for m in members]
            names = [*self.axes, *self.families.names()]
            self.report.error(
                f"{name} is to be found, but no relation speaks of it",
                item.span,
                help=meant(name, names),
            )
            return []
        if type(item) is S.Name:
            return [(name, name)]
        axes = self.axes[name]
        if len(item.subs) != len(axes):
            rank = resolver.ranks[name]
            self.report.error(
                f"{name} has {len(axes)} subscript{'s' * (len(axes) != 1)},"
                f" but {len(item.subs)} here",
                item.span,
                notes=[(f"the axes of {name} are set here", rank[1])],
            )
            return []
        return self._subscript(item, text, axes)

    def _subscript(self, item: S.Subscript, text: str, axes) -> list[tuple[str, str]]:
        resolver, integers = self.resolver, self.integers
        frame: Frame = resolver.begin()
        subs, names = [], []
        try:
            for k, sub in enumerate(item.subs):
                if type(sub) is S.Range:
                    bounds = self._range(sub)
                    index = resolver.index_names.new(axes[k].text or f"p{k + 1}", bounds)
                    frame.names[f" {k}"] = index  # a name that nobody can write
                    subs.append(integers.expression(integers.index(index)))
                else:
                    subs.append(resolver.place(sub, frame))
                names = list(frame.names.values())
        except (Unsupported, TooLarge) as problem:
            self.report.error(f"{problem} cannot stand in find", item.span)
            return []
        if resolver.bad:
            return []
        places = [integers.polynomial(s) for s in subs]
        plain = [None if p is None else plain_index(p, integers) for p in places]
        whole = len(set(plain)) == len(plain) and all(
            i is not None and i.lo == a.lo and i.hi == a.hi
            for i, a in zip(plain, axes, strict=True)
        )
        if whole:
            return [(item.name, item.name)]
        indices = tuple(names)
        body = Ref(item.name, tuple(subs))
        return [(item.name, self._slice(item, text, indices, body, indices))]

    def _range(self, sub: S.Range) -> Bounds:
        values = self.resolver.sizes.values

        def lookup(name, span):
            if name in values:
                return values[name]
            raise NotASize(f"{name} is no size", span)

        ends = []
        for end in (sub.lo, sub.hi):
            try:
                ends.append(possible(size_of(end, lookup), end.span))
            except NotASize as problem:
                self.resolver.bad = True
                self.report.error(
                    str(problem), problem.span,
                    help=problem.help or meant(str(problem).split(" ")[0], values)
                )
                ends.append(None)
        lo, hi = (e if e is not None else ONE for e in ends)
        return range_of(lo, hi, sub.span, "this slice", self.report)

    def _slice(self, item, text: str, indices: tuple, body, names: tuple) -> str:
        """A variable for a part of another: named by its text."""
        variable = text if text not in self.axes else f"find {text}"
        node = S.Relation(S.Name(item.name, item.span), item, span=item.span)
        axes = tuple(Axis(i.lo, i.hi, i.text) for i in indices)
        places = tuple(self.integers.index(i) for i in indices)
        subs = tuple(self.integers.expression(p) for p in places)
        drawn = Drawn(node, variable, indices, subs, places, None, body)
        self.found.slices[variable] = (drawn, axes, item.name)
        return variable


def default_items(
    out: Outline, definitions, defaults, axes, resolver, dropped: list[S.Relation],
    answers: list[str] = (), systems=None,
) -> list[tuple[S.Expr, str]]:
    """Without `find`: the names that no other relation uses, in the order of the text.

    `answers`, which relations not written for them determine, and names with a guess are results
    too, and names that only use each other if none of them is a result.

    Relations `dropped` because their name is set from outside use names all the same: what the
    results are must not depend on how they are asked for."""
    reads: dict[str, set[str]] = {}
    used: set[str] = set()
    for relation in dropped:
        names = {n.name for n in S.walk(relation.rhs) if type(n) in (S.Name, S.Subscript)}
        reads.setdefault(relation.lhs.name, set()).update(names)
    for name, cases in definitions.items():
        reads.setdefault(name, set())
        for case in cases:
            for expr in (case.body, case.condition, *case.subscripts):
                for ref in references(expr) if expr is not None else ():
                    reads[name].add(ref.variable)
    for function in out.functions.values():
        used |= {n.name for n in S.walk(function.body) if type(n) in (S.Name, S.Subscript)}
    for relation in out.outside.values():
        used |= {n.name for n in S.walk(relation.rhs) if type(n) in (S.Name, S.Subscript)}
    for ref in (r for whole in systems.wholes for r in whole.references()) if systems else ():
        used.add(ref.variable)
    inside = {n for name, names in reads.items() for n in names if n != name}
    starts = {n: c[0].node.span.start for n, c in definitions.items()}
    if systems is not None:
        starts = {n: systems.place(n).start for n in systems.members} | starts
    starts |= {n: relation.span.start for n, (_, relation) in defaults.items()}
    starts |= {relation.lhs.name: relation.span.start for relation in dropped}
    answers = {n for n in answers if n in starts}
    inside |= used
    names = {n for n in starts if n not in inside or n in answers}
    names |= {n for group in _ends(reads, used) if not names & group for n in group & starts.keys()}
    names = sorted((n for n in names if n in axes), key=starts.__getitem__)
    return [(S.Name(n, resolver.ranks[n][1]), n) for n in names]


def _ends(reads: dict[str, set[str]], used: set[str]) -> list[set[str]]:
    """The groups of names that depend on each other and that nothing else uses. `used`: what is
    used outside of what `reads` tells."""
    groups = components(list(reads), lambda n: tuple(m for m in reads[n] if m in reads))
    group_of = {name: k for k, group in enumerate(groups) for name in group}
    open_ = [len(group) > 1 and not used.intersection(group) for group in groups]
    for name, names in reads.items():
        for other in names:
            if other in group_of and group_of[other] != group_of[name]:
                open_[group_of[other]] = False
    return [set(group) for group, is_open in zip(groups, open_, strict=True) if is_open]
