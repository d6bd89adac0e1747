"""Places backwards: a case `Y[4*h+c] = body` in Y's own coordinates.

For each point of Y: which h and c put it there, whether they are in range, and the body for them.
Subscripts of one index are solved by a division; those of several as digits of a number, where the
ranges make them such; anything else by looking for the point.
"""

from __future__ import annotations

from itertools import permutations

from hvm_vm.bytecode.sizes import Size
from hvm_vm.lowering import conditions
from hvm_vm.lowering.linear import Linear, linear, to_term
from hvm_vm.lowering.terms import Ix, Term, Terms


def at(terms: Terms, case, indices: tuple[Ix, ...]) -> tuple[Term, Term]:
    """(condition, body) of a case (see `regions._Case`) as functions of the axes' `indices`."""
    solved = _solved(terms, case, indices)
    if solved is None:
        return _sought(terms, case, indices)
    values, parts = solved
    condition = terms.both(*parts, terms.substitute(case.condition, values))
    compared = conditions.comparison(condition)
    if compared is not None and conditions.decided(*compared) is not None:
        condition = terms.const(int(conditions.decided(*compared)))
    return condition, terms.substitute(case.body, values)


def _solved(t: Terms, case, indices) -> tuple[dict[Ix, Term], list[Term]] | None:
    """The case's indices at a point, and the tests that there are such."""
    values: dict[Ix, Term] = {}
    parts: list[Term] = []
    waiting = [(linear(s), t.index(ix)) for s, ix in zip(case.subscripts, indices, strict=True)]
    if any(form is None for form, _ in waiting):
        return None
    while waiting:
        waiting.sort(key=lambda fh: sum(i not in values for i, _ in fh[0].terms))
        form, here = waiting.pop(0)
        unknown = [(i, c) for i, c in form.terms if i not in values]
        known = Linear(form.const, tuple((i, c) for i, c in form.terms if i in values))
        there = t.substitute(to_term(t, known), values)
        rest = here if form.const == 0 and not known.terms else t.apply("sub", here, there)
        if not unknown:
            parts.append(t.apply("eq", here, there))
        elif not _digits(t, rest, unknown, values, parts):
            return None
    for own in case.indices:
        if own not in values:
            return None
        for left, right in ((t.size(own.lo), values[own]), (values[own], t.size(own.hi))):
            test = t.apply("le", left, right)
            compared = conditions.comparison(test)
            if compared is None or conditions.decided(*compared) is not True:
                parts.append(test)
    return values, parts


def _digits(t: Terms, rest: Term, unknown, values: dict[Ix, Term], parts: list[Term]) -> bool:
    """Solve `rest = sum(coefficient * index)`; False if the indices are no digits of `rest`."""
    if len(unknown) == 1:
        (own, coefficient), = unknown
        step = coefficient.constant
        if step == 1:
            values[own] = rest
            return True
        if step is None and not (coefficient.at_least(1) or (-coefficient).at_least(1)):
            return False
        if not coefficient.at_least(1):
            rest, coefficient = t.apply("neg", rest), -coefficient
        if coefficient != 1:
            step = t.size(coefficient)
            parts.append(t.apply("eq", t.apply("mod", rest, step), t.zero))
            rest = t.apply("floor", t.apply("div", rest, step))
        values[own] = rest
        return True
    for order in permutations(unknown) if len(unknown) <= 4 else ():
        if _are_digits(order):
            break
    else:
        return False
    # From the first values of all ranges: every digit counts from 0.
    lowest = Size.of(0)
    for own, coefficient in order:
        lowest = lowest + coefficient * own.lo
    rest = t.apply("sub", rest, t.size(lowest))
    for own, coefficient in order[:-1]:
        step = t.size(coefficient)
        digit = t.apply("floor", t.apply("div", rest, step))
        values[own] = t.apply("add", digit, t.size(own.lo))
        rest = t.apply("mod", rest, step)
    own, coefficient = order[-1]
    last = t.apply("add", rest, t.size(coefficient * own.lo))
    return _digits(t, last, [(own, coefficient)], values, parts)


def _are_digits(order) -> bool:
    """Whether each coefficient is larger than all that the later indices can add."""
    reach = Size.of(0)
    for own, coefficient in reversed(order):
        if not (coefficient - reach).at_least(1) and not (
                reach == 0 and coefficient.at_least(1)):
            return False
        reach = reach + coefficient * (own.extent - 1)
    return True


def _sought(t: Terms, case, indices) -> tuple[Term, Term]:
    """As `at`, for any subscripts: of all points of the case the one that is put there."""
    fresh = {own: t.fresh_ix(own) for own in case.indices}
    values = {own: t.index(new) for own, new in fresh.items()}
    here = [t.apply("eq", t.substitute(s, values), t.index(ix))
            for s, ix in zip(case.subscripts, indices, strict=True)]
    condition = t.both(*here, t.substitute(case.condition, values))
    bound = tuple(fresh.values())
    count = t.reduce("sum", bound, condition, t.one)
    return (t.apply("lt", t.zero, count),
            t.reduce("sum", bound, condition, t.substitute(case.body, values)))
