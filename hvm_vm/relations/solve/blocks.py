"""Simultaneous blocks: cycles of relations that are solved together, point by point.

The unknowns of a block are the names whose relation stays implicit, and as many more as it takes to
leave the others without a cycle: those keep their definitions, which the solver writes out. All
members have one space (all scalars, or all over the same ranges) and read each other at their own
point only.
"""

from __future__ import annotations

from functools import cached_property

from hvm_vm.language import syntax as S

from ..affine import Integers
from ..drawn import Drawn
from ..guards import references, substitute
from ..problems import TooLarge, Unsupported
from ..report import Report
from ..resolve import Resolver
from ..system import Apply, Block, Expr, Index, IndexValue, Ref, SymbolValue, Unknown
from .linearity import Coupled, degree, open_sums
from .tearing import tear

MOST_UNKNOWNS = 48  # of a block: all entries of its Jacobian are expressions in the bytecode


class Blocks:
    """The blocks of one file, in order. `unknowns`: every name that one is solved for."""

    def __init__(
        self, guesses: list[S.Guess], resolver: Resolver, integers: Integers, report: Report
    ) -> None:
        self.guesses: dict[str, S.Guess] = {}
        self.resolver, self.integers, self.report = resolver, integers, report
        for guess in guesses:
            first = self.guesses.setdefault(guess.target.name, guess)
            if first is not guess:
                report.error(
                    f"{guess.target.name} has two guesses",
                    guess.span,
                    notes=[("the first one is here", first.span)],
                )
        self.found: list[tuple[list[str], list[str]]] = []
        self.unknowns: dict[str, None] = {}
        self.members: dict[str, None] = {}

    def reads(self, name: str, definitions) -> list[str]:
        """The determined names that the guess of `name` reads."""
        guess = self.guesses.get(name)
        if guess is None:
            return []
        return [
            n.name
            for part in (guess.value, guess.lo, guess.hi)
            if part is not None
            for n in S.walk(part)
            if type(n) in (S.Name, S.Subscript) and n.name in definitions and n.name != name
        ]

    def take(self, component: list[str], definitions, reads) -> list[str] | None:
        """Make a block of a component that depends on itself: its names in order. None (and nothing
        changed) when its members do not have one space, or they are too many."""
        if not self._one_space(component, definitions):
            return None
        members = set(component)
        try:
            opened = {n: open_sums(definitions[n][0].body, members) for n in component}
        except Coupled:
            return None
        unknowns = [n for n in component if definitions[n][0].implicit]
        if len(unknowns) > MOST_UNKNOWNS:
            return None
        rest = [n for n in component if n not in unknowns]
        torn = tear(rest, reads, lambda n, into, out: (n not in self.guesses, -into * out),
                    MOST_UNKNOWNS - len(unknowns))
        if torn is None:
            return None
        rest = [n for n in rest if n not in torn]
        unknowns += torn
        unknowns.sort(key=lambda n: self._places.get(n, 0))
        for name in component:
            definitions[name][0].body = opened[name]
        for name in unknowns:
            case = definitions[name][0]
            if not case.implicit:
                own = Ref(name, case.subscripts)
                case.body, case.implicit = Apply("sub", (own, case.body)), True
        self._warn(unknowns, component, definitions, reads)
        ordered = [n for n in self._sorted(rest, reads)]
        self.found.append((unknowns, ordered))
        self.unknowns.update(dict.fromkeys(unknowns))
        self.members.update(dict.fromkeys(component))
        return [*unknowns, *ordered]

    # -- structure ---------------------------------------------------------------------------
    def _one_space(self, component: list[str], definitions) -> bool:
        members = set(component)
        spaces = set()
        for name in component:
            cases = definitions[name]
            if len(cases) != 1 or cases[0].condition is not None or cases[0].otherwise:
                return False
            case = cases[0]
            indices = [s.index for s in case.subscripts if type(s) is IndexValue]
            if len(indices) != len(case.subscripts) or len(set(indices)) != len(case.indices):
                return False
            spaces.add(tuple((i.lo, i.hi) for i in indices))
            for ref in references(case.body):
                if ref.variable in members and ref.subscripts != case.subscripts:
                    return False
        return len(spaces) == 1

    def _sorted(self, names: list[str], reads) -> list[str]:
        from ..order import components

        inside = set(names)
        within = {n: tuple(o for o in reads[n] if o in inside) for n in names}
        return [n for found in components(names, within.__getitem__) for n in found]

    def _warn(self, unknowns: list[str], component: list[str], definitions, reads) -> None:
        """A nonlinear block over arrays that nobody guessed is more often a mistake."""
        if len(unknowns) < 2 or not definitions[unknowns[0]][0].subscripts:
            return
        if any(n in self.guesses for n in component):
            return
        members = set(component)
        if all(degree(definitions[n][0].body, members) < 2 for n in component):
            return
        from ..shortest import shortest_cycle

        cycle = shortest_cycle(component, {n: tuple(reads[n]) for n in component})
        self.report.warning(
            f"these arrays are solved for together, element by element, each from 1:"
            f" {' -> '.join([*cycle, cycle[0]])}",
            definitions[unknowns[0]][0].node.span,
            help=f"if that is meant, say where to start: guess {unknowns[0]} = …",
        )

    # -- the system --------------------------------------------------------------------------
    def system(self, definitions: dict[str, list[Drawn]]) -> tuple[Block, ...]:
        """The blocks with their guesses resolved. Errors are reported."""
        return tuple(
            Block(tuple(self._unknown(n, definitions[n][0], {*unknowns, *inside})
                        for n in unknowns), tuple(inside))
            for unknowns, inside in self.found
        )

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where names stand first."""
        return {n: k for k, n in enumerate(self.resolver.ranks)}

    def _unknown(self, name: str, case: Drawn, own: set[str]) -> Unknown:
        return Unknown(name, *self.guess(name, case.subscripts, own))

    def guess(
        self, name: str, subscripts: tuple[Expr, ...], own: set[str]
    ) -> tuple[Expr | None, Expr | None, Expr | None]:
        """Where the solve for `name` starts, and its bounds (None: no bound), at `subscripts`. What
        is wrong is reported. `own`: what is solved for together, which guesses cannot read."""
        guess = self.guesses.get(name)
        nothing = None, None, None  # no guess: the engine looks for a start
        if guess is None:
            return nothing
        resolver = self.resolver
        frame = resolver.begin()
        try:
            target = guess.target
            places = [resolver.place(s, frame) for s in getattr(target, "subs", ())]
            parts = [
                None if part is None else resolver.expr(part, frame)
                for part in (guess.value, guess.lo, guess.hi)
            ]
        except (Unsupported, TooLarge) as problem:
            self.report.error(f"{problem} cannot stand in a guess", guess.span)
            return nothing
        if resolver.bad:
            return nothing
        if places and len(places) != len(subscripts):
            self.report.error(
                f"{name} has {len(subscripts)} subscripts, but {len(places)} here", guess.span
            )
            return nothing
        values: dict[Index, Expr] = {}
        for mine, other in zip(places, subscripts, strict=False):
            if type(mine) is not IndexValue:
                self.report.error(
                    f"a guess is for all of {name}: its subscripts are plain indices", guess.span
                )
                return nothing
            values[mine.index] = other
        free = [n for n, i in frame.names.items() if i not in values]
        if free:
            self.report.error(
                f"the index {free[0]} is free in the guess of {name}, but"
                f" {self.report.quote(target.span)} has no {free[0]}",
                guess.span,
                help=f"a guess of every element is written guess {name}[…] = …, with the indices in"
                " its subscripts",
            )
            return nothing
        start, lo, hi = (None if p is None else substitute(p, values) for p in parts)
        for part in (start, lo, hi):
            if type(part) is SymbolValue:
                self.report.error("a guess is a number", guess.span)
                return nothing
            if part is not None and any(r.variable in own for r in references(part)):
                self.report.error("a guess cannot depend on what is solved for", guess.span)
                return nothing
        return start, lo, hi
