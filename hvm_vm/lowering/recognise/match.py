"""What a recogniser finds, and what several recognisers need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations

from hvm_vm.lowering import conditions
from hvm_vm.lowering.canonical import Canon
from hvm_vm.lowering.terms import Ix, Term, value_of


@dataclass(slots=True)
class Match:
    """A whole operation. All terms are canonical.

    `around(acc)` = `if(outer, acc*factor, 0)` is what the matched expression is, `acc` being the
    operation's result. `roles` gives the roles of the indices that are not `o`. Where `defined` is
    false the expression is 0/0."""

    kind: str
    roots: dict[str, Term]
    roles: dict[Ix, str]
    factor: Term
    outer: Term
    operands: list[Term] = field(default_factory=list)
    free: frozenset = frozenset()
    defined: Term | None = None


def opened(canon: Canon, term: Term, within: dict | None = None) -> tuple[float, dict, list[Term]]:
    """A canonical product as (constant, {base: exponent}, conditions under which it is not 0).

    `within` gets, for each base, the conditions of the choices that it stands in."""
    coefficient, powers = canon.factors(term)
    found: dict[Term, float] = {}
    guards: list[Term] = []
    work = [(b, e, ()) for b, e in powers.items()]
    while work:
        base, exponent, around = work.pop(0)
        if base.op == "if" and exponent == 1 and value_of(base.args[2]) == 0:
            guards.append(base.args[0])
            c, more = canon.factors(base.args[1])
            coefficient *= c
            work = [(b, e, (*around, base.args[0])) for b, e in more.items()] + work
        elif base.op in conditions_ops and exponent == 1:
            guards.append(base)
        else:
            found[base] = found.get(base, 0) + exponent
            if within is not None:
                within[base] = [g for g in within.get(base, around) if g in around]
    exponentials = [b for b in found if b.op == "exp"]
    if len(exponentials) > 1:  # opening a choice may have set some free: join them
        c, found = canon.factors(canon.times(
            *[canon.power(b, e) for b, e in found.items()]))
        coefficient *= c
    return coefficient, found, guards


conditions_ops = frozenset(["ge0", "eq0", "ne0", "lt", "le", "eq", "ne", "and", "or", "not"])


def assignments(bound: tuple[Ix, ...], candidates) -> Iterator[dict[Ix, Ix]]:
    """Every way to read the bound indices as different candidates over the same ranges."""
    ordered = sorted(candidates, key=lambda i: i.number)
    if len(bound) > 4:
        return
    for chosen in permutations(ordered, len(bound)):
        if all(b.lo == c.lo and b.hi == c.hi for b, c in zip(bound, chosen, strict=True)):
            yield dict(zip(bound, chosen, strict=True))


def renamed(canon: Canon, term: Term, names: dict[Ix, Ix]) -> Term:
    t = canon.terms
    return canon.of(t.substitute(term, {a: t.index(b) for a, b in names.items()}))


def without(powers: dict, taken: dict) -> dict | None:
    """`powers` divided by `taken`; None if it does not hold all of it."""
    rest = dict(powers)
    for base, exponent in taken.items():
        have = rest.get(base, 0)
        if (have < exponent or exponent <= 0) and have != exponent:
            return None
        rest[base] = have - exponent
        if not rest[base]:
            del rest[base]
    return rest


def some_left(canon: Canon, condition: Term, indices) -> Term:
    """The canonical test that a condition leaves a point."""
    t = canon.terms
    if condition is t.true:
        count = [t.size(i.extent) for i in indices]
    else:
        count = [t.reduce("sum", tuple(indices), condition, t.one)]
    return canon.of(t.both(*[t.apply("lt", t.zero, c) for c in count]))


def truth(canon: Canon, guard: Term, parts: list[Term]) -> Term:
    return conditions.junction(canon.terms, "and", [guard, *parts])
