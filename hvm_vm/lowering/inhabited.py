"""Whether a condition leaves a point: what an operation over nothing would be is then no question.

A proof is a witness: a value for each bound index, affine in the free ones, that is in range and
satisfies every comparison. Conditions on data are never proved.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, product

from hvm_vm.lowering import conditions
from hvm_vm.lowering.linear import ONE, ZERO, Linear
from hvm_vm.lowering.terms import Ix, Term, conjuncts

MOST = 64  # combinations of witnesses that are tried


def inhabited(condition: Term, bound: Iterable[Ix], free: Iterable[Ix], *,
              ranges: bool = False) -> bool:
    """True only if for every point of the `free` indices the condition holds somewhere in the
    ranges of the `bound` ones. With `ranges` these are known not to be empty."""
    compared = [conditions.comparison(part) for part in conjuncts(condition)]
    if any(c is None for c in compared):
        return False
    bound = tuple(bound)
    forms = [form for _, form in compared]
    wanted = [list(_witnesses(ix, forms, bound, free, ranges)) for ix in bound]
    return any(
        all(conditions.decided(kind, _at(form, dict(zip(bound, values, strict=True))))
            for kind, form in compared)
        for values in islice(product(*wanted), MOST))


def _witnesses(ix: Ix, forms: list[Linear], bound: tuple[Ix, ...], free: Iterable[Ix],
               ranges: bool):
    """Values that a bound index may be given: the ends, free indices, where a comparison is
    tight."""
    if ranges or (ix.hi - ix.lo).at_least(0):
        yield Linear(ix.lo)
        yield Linear(ix.hi)
    for other in sorted(free, key=lambda i: i.number):
        yield from _inside(ix, Linear(ZERO, ((other, ONE),)))
    for form in forms:
        found = dict(form.terms)
        coefficient = found.pop(ix, ZERO)
        rest = Linear(form.const, tuple(found.items()))
        if coefficient in (1, -1) and not any(i in found for i in bound):
            yield from _inside(ix, -rest if coefficient == 1 else rest)


def _inside(ix: Ix, value: Linear):
    limits = value.bounds()
    if limits is not None and (limits[0] - ix.lo).at_least(0) and (ix.hi - limits[1]).at_least(0):
        yield value


def _at(form: Linear, values: dict[Ix, Linear]) -> Linear:
    out = Linear(form.const)
    for ix, coefficient in form.terms:
        value = values.get(ix, Linear(ZERO, ((ix, ONE),)))
        out = out.plus(value.times(coefficient))
    return out
