"""Softmax: w*exp(s) / sum[n | c](w*exp(s)), however it is written.

The denominator is a sum whose body, with the bound indices read as free ones, divides the
numerator. The exponents may carry a maximum that was subtracted by hand (the instruction does so
anyway), a mask of minus infinity (which becomes the condition), a logarithm of the sum.

Where the condition leaves nothing the denominator is 0, and the quotient 0/0. The instruction gives
0 there: right if the condition guards the whole quotient, and no question if it provably leaves a
point; else a test is put around the instruction.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from hvm_vm.lowering import conditions
from hvm_vm.lowering.canonical import Canon
from hvm_vm.lowering.inhabited import inhabited
from hvm_vm.lowering.recognise.match import (
    Match,
    assignments,
    opened,
    renamed,
    some_left,
    truth,
    without,
)
from hvm_vm.lowering.terms import Ix, Term, value_of


def match(canon: Canon, term: Term, guard: Term, full: Callable[[Term], Term]) -> Match | None:
    """The softmax that the canonical `term` is, read where the canonical `guard` holds. `full`
    gives the canonical form of a term with all definitions looked through."""
    within: dict[Term, list[Term]] = {}
    coefficient, powers, guards = opened(canon, term, within)
    known = truth(canon, guard, guards)
    for base, exponent in powers.items():
        weights = exponentials(canon, base) if exponent == -1 else None
        if weights is None:
            continue
        above = {b: e for b, e in powers.items() if b is not base}
        for names in assignments(base.data[1], term.free - base.free):
            found = _divide(canon, above, base, names)
            if found is None:
                continue
            rest, score, weight = found
            condition = renamed(canon, base.args[0], names)
            if not conditions.implies(known, condition):
                continue
            indices = tuple(names.values())
            score, condition = simplified(canon, score, condition, indices, full)
            protected = truth(canon, guard, within.get(base, []))
            safe = conditions.implies(protected, condition) or inhabited(
                condition, indices, term.free - frozenset(indices), ranges=True)
            outer = [g for g in guards if not conditions.implies(condition, g)]
            roots = {"score": score}
            if weight is not canon.terms.one:
                roots["weight"] = weight
            if condition is not canon.terms.true:
                roots["condition"] = condition
            return Match("softmax", roots, dict.fromkeys(indices, "n"),
                         canon.product(coefficient, rest),
                         conditions.junction(canon.terms, "and", outer), [], term.free,
                         None if safe else some_left(canon, condition, indices))
    return None


def exponentials(canon: Canon, base: Term) -> Term | None:
    """The body of a sum of weighted exponentials of something that varies in it, else None."""
    if base.op != "reduce" or base.data[0] != "sum":
        return None
    body = base.args[1]
    bound = frozenset(base.data[1])
    _, powers = canon.factors(body)
    found = [b for b, e in powers.items() if b.op == "exp" and e == 1 and b.free & bound]
    return body if len(found) == 1 else None


def _divide(canon: Canon, above: dict, base: Term, names: dict[Ix, Ix]):
    """(what is left of the numerator, score, weight) when the sum's body divides it, else None."""
    body = renamed(canon, base.args[1], names)
    _, below = canon.factors(body)
    exponents = {b: e for b, e in below.items() if b.op == "exp"}
    (exponential, _), = exponents.items()
    weight = {b: e for b, e in below.items() if b is not exponential}
    mine = [b for b, e in above.items() if b.op == "exp" and e == 1]
    if len(mine) != 1:
        return None
    rest = without({b: e for b, e in above.items() if b is not mine[0]}, weight)
    if rest is None:
        return None
    extra = split_exponent(canon, mine[0].args[0], exponential.args[0])
    if extra is None:
        return None
    if extra is not canon.terms.zero:
        scale = canon.terms.raw("exp", (extra,))
        _, rest = canon.factors(canon.times(canon.product(1, rest), scale))
    return rest, exponential.args[0], canon.product(1, weight)


def split_exponent(canon: Canon, whole: Term, part: Term) -> Term | None:
    """`whole - part` when every addend of `part` is one of `whole`, else None."""
    if whole is part:
        return canon.terms.zero
    addends, const = canon.addends(whole)
    taken, taken_const = canon.addends(part)
    for addend, coefficient in taken.items():
        if addends.get(addend) != coefficient:
            return None
        del addends[addend]
    return canon.total(addends, const - taken_const)


def simplified(
    canon: Canon, score: Term, condition: Term, indices, full: Callable[[Term], Term]
) -> tuple[Term, Term]:
    """The score without what the instruction does by itself, and the condition it hid."""
    addends, const = canon.addends(score)
    masks = [condition]
    for addend, coefficient in list(addends.items()):
        choice = full(addend) if addend.op == "ref" else addend
        if coefficient != 1 or choice.op != "if":
            continue
        test, yes, no = choice.args
        if value_of(no) == -math.inf:
            kept, part = test, yes
        elif value_of(yes) == -math.inf and test.op in ("ge0", "eq0", "ne0", "and", "or"):
            kept, part = conditions.negate(canon.terms, test), no
        else:
            continue
        del addends[addend]
        masks.append(kept)
        more, c = canon.addends(part)
        const += c
        for term, k in more.items():
            addends[term] = addends.get(term, 0) + k
    condition = conditions.junction(canon.terms, "and", masks)
    bound = frozenset(indices)
    for addend, coefficient in list(addends.items()):
        if coefficient != -1 or addend.op not in ("reduce", "ref") or addend.free & bound:
            continue
        whole = full(addend)
        if whole.op == "reduce" and whole.data[0] == "max":
            rest = full(canon.total({a: c for a, c in addends.items() if a is not addend}, const))
            nowhere = canon.terms.true
            if any(_maximum(canon, body, given, indices) is whole for body, given in (
                    (rest, condition), (rest, nowhere),
                    (_masked(canon, rest, condition), nowhere))):
                del addends[addend]
    return canon.total(addends, const), condition


def _maximum(canon: Canon, body: Term, condition: Term, indices) -> Term:
    return canon.of(canon.terms.reduce("max", tuple(indices), condition, body))


def _masked(canon: Canon, body: Term, condition: Term) -> Term:
    return canon.of(canon.terms.raw("if", (condition, body, canon.terms.const(-math.inf))))
