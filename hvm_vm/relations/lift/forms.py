"""Affine forms of indices, and their syntax."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.language import syntax as S


@dataclass(frozen=True)
class Form:
    """`constant + sum(coefficient * index)`; `terms` by index name."""

    constant: int = 0
    terms: tuple[tuple[str, int], ...] = field(default=())

    def plus(self, other: Form, scale: int = 1) -> Form:
        terms = dict(self.terms)
        for name, coefficient in other.terms:
            terms[name] = terms.get(name, 0) + scale * coefficient
        return Form(self.constant + scale * other.constant,
                    tuple((n, c) for n, c in terms.items() if c))

    def shifted(self, by: int) -> Form:
        return Form(self.constant + by, self.terms)

    def counted(self, origin: int, step: int) -> Form:
        """`(self - origin) / step`, which is whole."""
        return Form((self.constant - origin) // step,
                    tuple((n, c // step) for n, c in self.terms))

    def bounds(self, ranges: dict[str, tuple[int, int]]) -> tuple[int, int]:
        """The least and greatest value while every index is in its range."""
        low = high = self.constant
        for name, coefficient in self.terms:
            a, b = (coefficient * e for e in ranges[name])
            low, high = low + min(a, b), high + max(a, b)
        return low, high

    def expr(self) -> S.Expr:
        """As a person would write it: `2*i+1`, `t`, `3`, `i-j`."""
        parts: list[tuple[bool, S.Expr]] = []
        for name, coefficient in self.terms:
            node: S.Expr = S.Name(name)
            if abs(coefficient) != 1:
                node = S.Product((_number(abs(coefficient)), node), (False, False))
            parts.append((coefficient < 0, node))
        if self.constant or not parts:
            parts.append((self.constant < 0, _number(abs(self.constant))))
        parts.sort(key=lambda p: p[0])  # a positive term first
        (negative, first), rest = parts[0], parts[1:]
        if negative:
            first = S.Negate(first)
        if not rest:
            return first
        return S.Sum((first, *(n for _, n in rest)), (False, *(f for f, _ in rest)))


@dataclass(frozen=True)
class Lookup:
    """An element of a table of whole numbers, which lie between `ends`, and what is added to it."""

    element: S.Subscript
    more: Form
    ends: tuple[int, int]

    def plus(self, other: Form, scale: int = 1) -> Lookup:
        return Lookup(self.element, self.more.plus(other, scale), self.ends)

    def bounds(self, ranges: dict[str, tuple[int, int]]) -> tuple[int, int]:
        low, high = self.more.bounds(ranges)
        return low + self.ends[0], high + self.ends[1]

    def expr(self) -> S.Expr:
        if self.more == Form():
            return self.element
        return S.Sum((self.element, self.more.expr()), (False, False))


@dataclass(frozen=True)
class Terms:
    """For each term of a run an element of a table, the terms along its last axis."""

    name: str
    subs: tuple[S.Expr, ...]

    def plus(self, place: Form, scale: int = 1) -> Lookup:
        """At the `place` of a term, from 0."""
        subs = (*self.subs, place.shifted(1).expr())
        return Lookup(S.Subscript(self.name, subs), Form(), (0, 0))


def index_form(name: str, scale: int = 1, constant: int = 0) -> Form:
    return Form(constant, ((name, scale),))


def integer(value: int) -> S.Expr:
    """A whole number as syntax."""
    return _number(value) if value >= 0 else S.Negate(_number(-value))


def _number(value: int) -> S.Number:
    return S.Number(value, str(value))
