"""Bounds of unknowns from the domains of the functions that relations apply to them.

`log(x - 5)` asks for x >= 5, `sqrt(2 - a*x)` for a*x <= 2, `asin(x)` for -1..1, `x^1.5` for x >= 0.
The argument may be affine in one unknown, with any coefficients (their signs are looked at as the
program runs), also under further `log`, `sqrt` and `exp`. Bounds only keep a solve where its
relations have values: what stands under a condition asks for nothing, and a domain that is no
interval of one unknown (x != 0 of `1/x`) is left to the solver, which rejects points without a
value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hvm_vm.lowering.derivative import Derivative
from hvm_vm.lowering.terms import Term, Terms, refs_of, value_of

_CONDITIONAL = frozenset(("if", "guard", "and", "or", "reduce"))


@dataclass
class Domains:
    """The bounds that terms ask for: of each of the `unknowns` all `lows` and all `highs`."""

    terms: Terms
    unknowns: Sequence[Term]
    lows: list[list[Term]] = field(init=False)
    highs: list[list[Term]] = field(init=False)

    def __post_init__(self):
        self.lows = [[] for _ in self.unknowns]
        self.highs = [[] for _ in self.unknowns]
        self._slopes = [Derivative(self.terms, x) for x in self.unknowns]
        self._seen: set[int] = set()

    def low(self, k: int, own: Term | None) -> Term | None:
        """The largest of the lower bounds and the user's own; None: there is none."""
        return self._one("max", self.lows[k], own)

    def high(self, k: int, own: Term | None) -> Term | None:
        return self._one("min", self.highs[k], own)

    def _one(self, op: str, found: list[Term], own: Term | None) -> Term | None:
        found = list(dict.fromkeys([*found, *([] if own is None else [own])]))
        return self.terms.apply(op, *found) if found else None

    def read(self, term: Term) -> None:
        """Take the bounds that everything in `term` asks for."""
        t, waiting = self.terms, [term]
        while waiting:
            node = waiting.pop()
            if node.id in self._seen or node.op in _CONDITIONAL:
                continue
            self._seen.add(node.id)
            waiting.extend(node.args)
            if node.op in ("log", "sqrt"):
                self._within(node.args[0], t.zero, None)
            elif node.op in ("asin", "acos"):
                self._within(node.args[0], t.const(-1), t.one)
            elif node.op == "pow":
                exponent = value_of(node.args[1])
                if exponent is not None and not float(exponent).is_integer():
                    self._within(node.args[0], t.zero, None)

    def _within(self, term: Term, low: Term | None, high: Term | None) -> None:
        """Ask for low <= term <= high."""
        t = self.terms
        held = [k for k, x in enumerate(self.unknowns) if x in refs_of(term)]
        if len(held) != 1 or (low is None and high is None):
            return
        x, slope = self.unknowns[held[0]], self._slope(held[0], term)
        if slope is not None and x not in refs_of(slope):
            rest = t.replace(term, lambda node: t.zero if node is x else None)
            self._affine(held[0], slope, rest, low, high)
        elif term.op == "log":
            self._within(term.args[0], *(
                None if b is None else t.apply("exp", b) for b in (low, high)))
        elif term.op == "exp":
            self._within(term.args[0], *(
                t.apply("log", b) if b is not None and (value_of(b) or 0) > 0 else None
                for b in (low, high)))
        elif term.op == "sqrt":
            self._within(term.args[0], *(
                t.apply("mul", b, b) if b is not None and (value_of(b) or 0) > 0 else None
                for b in (low, high)))
        elif term.op in ("add", "sub", "neg"):
            self._sum(term, x, low, high)

    def _sum(self, term: Term, x: Term, low: Term | None, high: Term | None) -> None:
        """A sum with one term that holds the unknown."""
        t = self.terms
        holds = [k for k, a in enumerate(term.args) if x in refs_of(a)]
        if len(holds) != 1:
            return
        k = holds[0]
        inner = term.args[k]
        rest = t.replace(term, lambda node: t.zero if node is inner else None)
        low, high = (None if b is None else t.apply("sub", b, rest) for b in (low, high))
        if term.op == "neg" or (term.op == "sub" and k == 1):
            low, high = (None if b is None else t.apply("neg", b) for b in (high, low))
        self._within(inner, low, high)

    def _affine(self, k: int, slope: Term, rest: Term, low: Term | None, high: Term | None):
        """Ask for low <= slope*x + rest <= high."""
        t = self.terms
        rises, falls = t.apply("lt", t.zero, slope), t.apply("lt", slope, t.zero)
        for bound, when_rising, when_falling in (
            (low, self.lows, self.highs), (high, self.highs, self.lows),
        ):  # fmt: skip
            if bound is None:
                continue
            place = t.apply("div", t.apply("sub", bound, rest), slope)
            for when, found in ((rises, when_rising), (falls, when_falling)):
                none = t.const(-math.inf if found is self.lows else math.inf)
                where = t.apply("if", when, place, none)
                if where is not none:
                    found[k].append(where)

    def _slope(self, k: int, term: Term) -> Term | None:
        try:
            return self._slopes[k].of(term)
        except ValueError:  # a reduction over the unknown
            return None
