"""Conditions: one form for comparisons of integers, so that equal conditions are equal terms.

`u <= t`, `t >= u`, `u < t + 1` and `not (u > t)` all become `ge0(t - u)`: an affine form that is at
least 0. Likewise `eq0` and `ne0`, with the sign of the form fixed. `restore` writes them back.
"""

from __future__ import annotations

from hvm_vm.lowering.linear import Linear, linear, to_term
from hvm_vm.lowering.terms import Term, Terms, conjuncts

_OPPOSITE = {"eq0": "ne0", "ne0": "eq0", "eq": "ne", "ne": "eq"}


def comparison(term: Term) -> tuple[str, Linear] | None:
    """("ge0" | "eq0" | "ne0", form) of a comparison of affine integers, else None."""
    op = term.op
    if op == "not":
        inner = comparison(term.args[0])
        if inner is None:
            return None
        kind, form = inner
        return ("ge0", _minus_one(-form)) if kind == "ge0" else (_OPPOSITE[kind], form)
    if op in ("ge0", "eq0", "ne0"):
        form = linear(term.args[0])
        return None if form is None else (op, _signed(op, form))
    if op not in ("lt", "le", "eq", "ne"):
        return None
    left, right = (linear(a) for a in term.args)
    if left is None or right is None:
        return None
    form = right.minus(left)
    if op == "lt":
        return "ge0", _minus_one(form)
    if op == "le":
        return "ge0", form
    return op + "0", _signed(op + "0", form)


def _minus_one(form: Linear) -> Linear:
    return Linear(form.const - 1, form.terms)


def _signed(kind: str, form: Linear) -> Linear:
    """An equation and its negative are one: make the first coefficient positive."""
    if kind == "ge0":
        return form
    first = form.terms[0][1] if form.terms else form.const
    if first.terms and first.terms[0][1] < 0:
        return -form
    return form


def decided(kind: str, form: Linear, within: dict | None = None) -> bool | None:
    """True or False when it is so for all values of the indices in range, else None."""
    bounds = form.bounds(within)
    if bounds is None:
        return None
    low, high = bounds
    if kind == "ge0":
        return True if low.at_least(0) else False if (-high).at_least(1) else None
    apart = low.at_least(1) or (-high).at_least(1)
    same = not form.terms and form.const == 0
    if kind == "eq0":
        return False if apart else True if same else None
    return True if apart else False if same else None


def of_comparison(terms: Terms, kind: str, form: Linear) -> Term:
    known = decided(kind, form)
    if known is not None:
        return terms.const(int(known))
    return terms.raw(kind, (to_term(terms, form),))


def negate(terms: Terms, term: Term) -> Term:
    """The canonical opposite of a canonical condition."""
    if term.op == "const":
        return terms.const(int(not term.data[1]))
    if term.op in ("and", "or"):
        other = "or" if term.op == "and" else "and"
        return junction(terms, other, [negate(terms, a) for a in term.args])
    if term.op == "not":
        return term.args[0]
    if term.op == "ge0":
        return of_comparison(terms, "ge0", _minus_one(-linear(term.args[0])))
    if term.op in _OPPOSITE:
        return terms.raw(_OPPOSITE[term.op], term.args)
    # Of numbers, not (a < b) is not b <= a: one may be NaN.
    return terms.raw("not", (term,))


def junction(terms: Terms, op: str, parts: list[Term]) -> Term:
    """A canonical `and` or `or`: flat, sorted, without repetitions and constants."""
    absorbing = 0 if op == "and" else 1
    kept: dict[int, Term] = {}
    for part in parts:
        for piece in part.args if part.op == op else (part,):
            if piece.op == "const":
                if int(bool(piece.data[1])) == absorbing:
                    return terms.const(absorbing)
                continue
            kept[piece.id] = piece
    if any(negate(terms, k).id in kept for k in kept.values() if k.op != "not"):
        return terms.const(absorbing)
    if not kept:
        return terms.const(1 - absorbing)
    ordered = tuple(kept[k] for k in sorted(kept))
    return ordered[0] if len(ordered) == 1 else terms.raw(op, ordered)


def implies(given: Term, wanted: Term) -> bool:
    """True only if every part of `wanted` is a part of `given` (both canonical)."""
    known = {p.id for p in conjuncts(given)}
    return all(p.id in known for p in conjuncts(wanted))


def restore(terms: Terms, kind: str, form: Linear) -> Term:
    """The comparison as people write it: `u <= t` for `ge0(t - u)`."""
    strict = kind == "ge0" and form.const == -1
    const = form.const + 1 if strict else form.const
    left = [(i, -c) for i, c in form.terms if _negative(c)]
    right = [(i, c) for i, c in form.terms if not _negative(c)]
    nothing = const - const
    down = _negative(const)  # the constant goes to the side where it is positive
    below = Linear(-const if down else nothing, tuple(left))
    above = Linear(nothing if down else const, tuple(right))
    op = {"ge0": "lt" if strict else "le", "eq0": "eq", "ne0": "ne"}[kind]
    return terms.apply(op, to_term(terms, below), to_term(terms, above))


def _negative(size) -> bool:
    return bool(size.terms) and size.terms[0][1] < 0
