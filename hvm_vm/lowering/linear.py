"""Affine forms: integer terms as `const + sum(coefficient * index)`, with sizes as coefficients.

Subscripts in this form are places that an instruction reads without computing them; comparisons in
this form can be compared, negated and turned into bounds.
"""

from __future__ import annotations

from typing import NamedTuple

from hvm_vm.bytecode.sizes import Size
from hvm_vm.lowering.terms import Ix, Term, Terms, value_of

ZERO = Size.of(0)
ONE = Size.of(1)


class Linear(NamedTuple):
    """`const + sum(coefficient * index value)`; the coefficients by rising index number, none 0."""

    const: Size
    terms: tuple[tuple[Ix, Size], ...] = ()

    def __neg__(self) -> Linear:
        return Linear(-self.const, tuple((i, -c) for i, c in self.terms))

    def plus(self, other: Linear) -> Linear:
        found = dict(self.terms)
        for ix, coefficient in other.terms:
            found[ix] = found.get(ix, ZERO) + coefficient
        return _linear(self.const + other.const, found)

    def minus(self, other: Linear) -> Linear:
        return self.plus(-other)

    def times(self, factor: Size) -> Linear:
        return _linear(self.const * factor, {i: c * factor for i, c in self.terms})

    def bounds(self, within: dict[Ix, tuple[Size, Size]] | None = None) -> tuple | None:
        """(least, greatest) value over the indices' ranges; None if a sign is not known."""
        low = high = self.const
        for ix, coefficient in self.terms:
            lo, hi = (within or {}).get(ix, (ix.lo, ix.hi))
            if coefficient.at_least(0):
                low, high = low + coefficient * lo, high + coefficient * hi
            elif (-coefficient).at_least(0):
                low, high = low + coefficient * hi, high + coefficient * lo
            else:
                return None
        return low, high


def _linear(const: Size, found: dict[Ix, Size]) -> Linear:
    kept = [(i, c) for i, c in found.items() if c.terms]
    kept.sort(key=lambda ic: ic[0].number)
    return Linear(const, tuple(kept))


def linear(term: Term) -> Linear | None:
    """The affine form of an integer term, or None when it has none."""
    if term.linear is None:
        term.linear = _find(term) or False
    return term.linear or None


def _find(term: Term) -> Linear | None:
    op = term.op
    if op == "const":
        value = value_of(term)
        if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 48:
            value = int(value)
        return Linear(Size.of(value)) if isinstance(value, int) else None
    if op == "size":
        return Linear(term.data)
    if op == "index":
        return Linear(ZERO, ((term.data, ONE),))
    if term.type != "i" or op not in _RULES:
        return None
    if op in ("floor", "ceil") and term.args[0].op != "div":
        return linear(term.args[0])
    args = [linear(a) for a in (term.args[0].args if op in ("floor", "ceil") else term.args)]
    if not args or any(a is None for a in args):
        return None
    return _RULES[op](args)


def _add(args: list[Linear]) -> Linear:
    total = args[0]
    for arg in args[1:]:
        total = total.plus(arg)
    return total


def _mul(args: list[Linear]) -> Linear | None:
    total = args[0]
    for arg in args[1:]:
        if not arg.terms:
            total = total.times(arg.const)
        elif not total.terms:
            total = arg.times(total.const)
        else:
            return None
    return total


def _of_sizes(rule):
    def apply(args: list[Linear]) -> Linear | None:
        if len(args) != 2 or any(a.terms for a in args):
            return None
        if args[1].const == 0:
            return None
        return Linear(rule(args[0].const, args[1].const))

    return apply


_RULES = {
    "add": _add,
    "sub": lambda a: a[0].minus(a[1]),
    "neg": lambda a: -a[0],
    "mul": _mul,
    "floor": _of_sizes(lambda a, b: a.floordiv(b)),
    "ceil": _of_sizes(lambda a, b: -(-a).floordiv(b)),
    "mod": _of_sizes(lambda a, b: a.mod(b)),
}


def to_term(terms: Terms, form: Linear) -> Term:
    """The term of an affine form, the same one for equal forms."""
    parts = []
    for ix, coefficient in form.terms:
        value = terms.index(ix)
        if coefficient != 1:
            value = terms.apply("mul", terms.size(coefficient), value)
        parts.append(value)
    if form.const.terms or not parts:
        parts.append(terms.size(form.const))
    return terms.apply("add", *parts)
