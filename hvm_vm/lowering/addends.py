"""Residuals taken apart: what is added up in a relation that is solved over arrays.

`sum[j](A[i,j]*x[j]) - b[i]` is two addends: `A[i,j]*x[j]`, summed over j, and `-b[i]`. Sums that
hold an unknown are opened, wherever they stand as an addend or a factor of one; conditions that
do not depend on the unknowns become conditions of the addends. A sum below a function
(`exp(sum[j](w[j]*x[j]))`) cannot be opened, nor can a product: the caller makes unknowns of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hvm_vm.lowering.terms import HAS_REDUCE, Ix, Term, Terms, conjuncts, refs_of, value_of

OPENED = frozenset(("sum", "mean"))


@dataclass(frozen=True)
class Addend:
    """`value` summed over `indices`, where `condition`. `factors` are (term, divides) pairs that
    multiply what is being taken apart."""

    indices: tuple[Ix, ...]
    condition: Term
    value: Term
    factors: tuple[tuple[Term, bool], ...] = ()
    negative: bool = False


class Opening:
    """Takes residuals apart. `auxiliary(sum, condition)` gives the reference that stands for a sum
    or product which cannot be opened where it is; `unknown` are the names that are solved for. Of
    unknowns there are sums, means and products only, whose conditions do not read them: the front
    end sees to it."""

    def __init__(self, terms: Terms, unknown: set[str],
                 auxiliary: Callable[[Term, Term], Term]) -> None:
        self.t, self.unknown, self.auxiliary = terms, unknown, auxiliary
        self._depends: dict[int, bool] = {}

    def depends(self, term: Term) -> bool:
        """Whether a term reads an unknown."""
        found = self._depends.get(term.id)
        if found is None:
            found = self._depends[term.id] = any(
                r.data in self.unknown for r in refs_of(term))
        return found

    def of(self, residual: Term, condition: Term) -> list[Addend]:
        """The addends of a residual; `condition` is that of the relation, under which it holds."""
        found: list[Addend] = []
        self._open(residual, Addend((), self.t.true, self.t.one), condition, found)
        return found

    def _open(self, term: Term, into: Addend, outer: Term, found: list[Addend]) -> None:
        """Add the addends of `term`, each times what `into` says."""
        t, op, args = self.t, term.op, term.args
        if op in ("add", "sub"):
            for k, arg in enumerate(args):
                part = into if op == "add" or k == 0 else replace(
                    into, negative=not into.negative)
                self._open(arg, part, outer, found)
        elif op == "neg":
            self._open(args[0], replace(into, negative=not into.negative), outer, found)
        elif not self.depends(term):
            self._known(term, into, found)
        elif op == "reduce" and term.data[0] in OPENED:
            self._reduce(term, into, outer, found)
        elif op in ("if", "guard") and not self.depends(args[0]):
            test = args[0]
            self._open(args[1], replace(into, condition=t.both(into.condition, test)), outer, found)
            if op == "if":
                other = t.both(into.condition, t.apply("not", test))
                self._open(args[2], replace(into, condition=other), outer, found)
        elif op in ("mul", "div") and (opened := self._factor(term)) is not None:
            rest = tuple((self._closed(a, into, outer), op == "div") for k, a in enumerate(args)
                         if k != opened)
            self._open(args[opened], replace(into, factors=(*into.factors, *rest)), outer, found)
        else:
            found.append(replace(into, value=self._times(self._closed(term, into, outer), into),
                                 factors=(), negative=False))

    def _factor(self, term: Term) -> int | None:
        """The factor to be multiplied out: one that holds sums, or choices by what is known."""
        if term.op == "div":
            return 0 if self._opens(term.args[0]) else None
        return next((k for k, a in enumerate(term.args) if self._opens(a)), None)

    def _opens(self, term: Term) -> bool:
        if not self.depends(term):
            return False
        op, args = term.op, term.args
        if op == "reduce":
            return term.data[0] in OPENED
        if op in ("if", "guard"):
            return not self.depends(args[0])
        if op in ("add", "sub", "neg", "mul"):
            return any(self._opens(a) for a in args)
        return op == "div" and self._opens(args[0])

    def _reduce(self, term: Term, into: Addend, outer: Term, found: list[Addend]) -> None:
        t = self.t
        (op, indices), (condition, body) = term.data, term.args
        taken = {*into.indices, *outer.free}.union(*(f.free for f, _ in into.factors))
        renamed = {i: t.fresh_ix(i) for i in indices if i in taken}
        if renamed:
            values = {i: t.index(n) for i, n in renamed.items()}
            condition, body = t.substitute(condition, values), t.substitute(body, values)
            indices = tuple(renamed.get(i, i) for i in indices)
        if op == "mean":
            into = replace(into, factors=(*into.factors, (self._count(indices, condition), True)))
        self._open(body, replace(into, indices=(*into.indices, *indices),
                                 condition=t.both(into.condition, condition)), outer, found)

    def _count(self, indices: tuple[Ix, ...], condition: Term) -> Term:
        """How many elements a mean is over."""
        t = self.t
        if condition is not t.true:
            return t.reduce("sum", indices, condition, t.one)
        return t.apply("mul", *(t.size(i.extent) for i in indices))

    def _known(self, term: Term, into: Addend, found: list[Addend]) -> None:
        """An addend without unknowns of its own. Its sums are computed before the solve, unless an
        unknown stands among the factors."""
        t = self.t
        if value_of(term) == 0:
            return  # `a[i]*u[i-1]` where u is 0 outside: a[1] has no say, not even as NaN
        value = self._times(term, into)
        if into.indices and not any(self.depends(f) for f, _ in into.factors):
            inner = [p for p in conjuncts(into.condition) if not p.free.isdisjoint(into.indices)]
            outside = [p for p in conjuncts(into.condition) if p not in inner]
            total = t.reduce("sum", into.indices, t.both(*inner), value)
            found.append(Addend((), t.both(*outside), total))
            return
        found.append(Addend(into.indices, into.condition, value))

    def _times(self, term: Term, into: Addend) -> Term:
        t = self.t
        above = [f for f, down in into.factors if not down]
        below = [f for f, down in into.factors if down]
        if term is not t.one or not above:
            above.append(term)
        value = above[0] if len(above) == 1 else t.apply("mul", *above)
        for factor in below:
            value = t.apply("div", value, factor)
        return t.apply("neg", value) if into.negative else value

    def _closed(self, term: Term, into: Addend, outer: Term) -> Term:
        """`term` with auxiliary unknowns in the place of reductions over unknowns."""
        if not term.flags & HAS_REDUCE or not self.depends(term):
            return term

        def change(node: Term) -> Term | None:
            if node.op != "reduce" or not self.depends(node):
                return None
            return self.auxiliary(node, self.t.both(outer, into.condition))

        return self.t.replace(term, change)
