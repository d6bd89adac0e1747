"""Normalisation: layer norm and RMS norm, in any of the usual spellings of the variance.

Nothing is matched piece by piece: from the candidate x the canonical forms of the variance are
built, and compared with what stands under the root. Whatever remains there and does not depend on
the normalised indices is epsilon; whatever else multiplies is left to the epilogue.
"""

from __future__ import annotations

from collections.abc import Iterator

from hvm_vm.lowering.canonical import Canon
from hvm_vm.lowering.linear import linear
from hvm_vm.lowering.recognise.match import Match, assignments, renamed
from hvm_vm.lowering.terms import Ix, Term, value_of


def layer(canon: Canon, term: Term) -> Match | None:
    """The layer norm that the canonical `term` is."""
    return _under_roots(canon, term, _layer)


def rms(canon: Canon, term: Term) -> Match | None:
    """The RMS norm that the canonical `term` is. (A layer norm is one too, of x - mean(x): look
    for that first.)"""
    return _under_roots(canon, term, _rms)


def _under_roots(canon: Canon, term: Term, find) -> Match | None:
    coefficient, powers = canon.factors(term)
    for base, exponent in powers.items():
        if exponent == -0.5:
            rest = {b: e for b, e in powers.items() if b is not base}
            found = find(canon, term, coefficient, rest, base)
            if found is not None:
                return found
    return None


# -- layer norm ------------------------------------------------------------------------------------


def _layer(canon: Canon, term: Term, coefficient, rest: dict, base: Term) -> Match | None:
    for centred, exponent in rest.items():
        if centred.op != "add" or exponent != 1:
            continue
        for x, names in _centred(canon, centred, term.free):
            factor = canon.product(
                coefficient, {b: e for b, e in rest.items() if b is not centred})
            epsilon = _variance_left(canon, base, x, names)
            if epsilon is None:
                weight, left = _weighted_variance(canon, base, x, names)
                if weight is None:
                    continue
                factor = canon.times(factor, canon.power(weight, -0.5))
                epsilon = _over(canon, left, weight)
            return Match("layer_norm", {"body": x, "epsilon": epsilon}, dict.fromkeys(names, "n"),
                         factor, canon.terms.true, [], term.free)
    return None


def _centred(canon: Canon, centred: Term, free) -> Iterator[tuple[Term, tuple[Ix, ...]]]:
    """(x, normalised indices) for every way to read a sum as x - mean(x)."""
    addends, const = canon.addends(centred)
    for addend, coefficient in addends.items():
        sums = [f for f in canon.factors(addend)[1] if f.op == "reduce" and f.data[0] == "sum"]
        for total in sums:
            x = canon.total({a: c for a, c in addends.items() if a is not addend}, const)
            mean = canon.total({addend: coefficient})
            for names in assignments(total.data[1], free - total.free):
                indices = tuple(names.values())
                if canon.negative(_mean(canon, x, indices)) is mean:
                    yield x, indices


def _mean(canon: Canon, body: Term, indices) -> Term:
    return canon.of(canon.terms.reduce("mean", tuple(indices), canon.terms.true, body))


def _variance_left(canon: Canon, base: Term, x: Term, indices) -> Term | None:
    """What stands beside the variance of x under the root, None if that is not there."""
    t = canon.terms
    mean = _mean(canon, x, indices)
    centred = canon.plus(x, canon.negative(mean))
    forms = (
        _mean(canon, canon.power(centred, 2), indices),
        canon.plus(_mean(canon, canon.power(x, 2), indices), canon.negative(canon.power(mean, 2))),
        _mean(canon, canon.times(x, centred), indices),
        _mean(canon, canon.plus(canon.power(x, 2), canon.negative(canon.power(mean, 2))), indices),
    )
    bound = frozenset(indices)
    for form in forms:
        # A variance that rounding made negative is often cut off at 0.
        cut = canon.of(t.raw("max", tuple(sorted((form, t.zero), key=lambda f: f.id))))
        for spelled in (form, cut):
            left = _minus(canon, base, spelled)
            if left is not None and left.free.isdisjoint(bound):
                return left
    return None


def _weighted_variance(canon: Canon, base: Term, x: Term, indices):
    """(weight, left) with base = weight*variance + left: another divisor, such as D - 1. The weight
    is made of sizes; (None, None) if it is not so."""
    t = canon.terms
    centred = canon.plus(x, canon.negative(_mean(canon, x, indices)))
    squares = canon.of(t.reduce("sum", tuple(indices), t.true, canon.power(centred, 2)))
    addends, const = canon.addends(base)
    for addend, coefficient in addends.items():
        scale, powers = canon.factors(addend)
        if powers.get(squares) != 1:
            continue
        weight = canon.times(
            canon.product(coefficient * scale, {b: e for b, e in powers.items()
                                                if b is not squares}),
            *[t.size(i.extent) for i in indices])
        left = canon.total({a: c for a, c in addends.items() if a is not addend}, const)
        if _of_sizes(canon, weight) and left.free.isdisjoint(indices):
            return weight, left
    return None, None


def _over(canon: Canon, left: Term, weight: Term) -> Term:
    if left is canon.terms.zero:
        return left
    return canon.times(left, canon.power(weight, -1))


def _minus(canon: Canon, whole: Term, part: Term) -> Term | None:
    addends, const = canon.addends(whole)
    taken, taken_const = canon.addends(part)
    for addend, coefficient in taken.items():
        if addends.pop(addend, None) != coefficient:
            return None
    return canon.total(addends, const - taken_const)


# -- RMS norm --------------------------------------------------------------------------------------


def _rms(canon: Canon, term: Term, coefficient, rest: dict, base: Term) -> Match | None:
    t = canon.terms
    addends, const = canon.addends(base)
    for addend, scale in addends.items():
        outside, factors = canon.factors(addend)
        sums = [f for f, e in factors.items() if f.op == "reduce" and f.data[0] == "sum" and e == 1]
        for total in sums:
            if total.args[0] is not t.true:
                continue
            for names in assignments(total.data[1], term.free - total.free):
                x = _root(canon, renamed(canon, total.args[1], names))
                if x is None:
                    continue
                indices = tuple(names.values())
                # base = weight*mean(x^2) + left
                weight = canon.times(canon.product(
                    outside * scale, {f: e for f, e in factors.items() if f is not total}),
                    *[t.size(i.extent) for i in indices])
                left = canon.total({a: c for a, c in addends.items() if a is not addend}, const)
                found = _scaled(canon, term, coefficient, rest, x, weight, left, indices)
                if found is not None:
                    return found
    return None


def _scaled(canon: Canon, term, coefficient, rest, x: Term, weight: Term, left: Term, indices):
    t = canon.terms
    bound = frozenset(indices)
    if not left.free.isdisjoint(bound):
        return None
    scale, inner = canon.factors(x)
    taken = dict(rest)
    for base, exponent in inner.items():
        have = taken.pop(base, 0)
        if have < exponent:
            return None
        if have > exponent:
            taken[base] = have - exponent
    if any(not b.free.isdisjoint(bound) and b.op == "exp" for b in taken):
        return None
    # A weight that is a positive number, or made of sizes, comes out of the root.
    value = value_of(weight)
    if not (value is not None and value > 0) and not _of_sizes(canon, weight):
        return None
    factor = canon.times(canon.product(coefficient / scale, taken), canon.power(weight, -0.5))
    epsilon = _over(canon, left, weight)
    return Match("rms_norm", {"body": x, "epsilon": epsilon}, dict.fromkeys(indices, "n"), factor,
                 t.true, [], term.free)


def _root(canon: Canon, square: Term) -> Term | None:
    """x of x^2, None if it is no square."""
    coefficient, powers = canon.factors(square)
    if coefficient != 1 or not powers:
        return None
    if any(e <= 0 or not float(e).is_integer() or int(e) % 2 for e in powers.values()):
        return None
    return canon.product(1, {b: e // 2 for b, e in powers.items()})


def _of_sizes(canon: Canon, term: Term) -> bool:
    """Whether a term is a positive product of sizes, and of sizes less 1 (of one point, that is a
    division by 0 in any spelling)."""
    coefficient, powers = canon.factors(term)
    forms = [linear(b) for b in powers]
    return coefficient > 0 and all(
        f is not None and not f.terms and f.const.at_least(-1) for f in forms)
