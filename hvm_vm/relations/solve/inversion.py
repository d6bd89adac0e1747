"""One relation turned round: `V = R*I` as `I = V/R`, where the unknown stands once.

Only operations with one inverse are undone: sums, products, quotients, odd powers, `exp`, `log`,
`sqrt`, powers to the unknown. What the inverse takes for granted (`sqrt(x) = y` has no solution
below 0) becomes a requirement of the run. Even powers, trigonometry and functions of the file have
several inverses or none: they are left to the solver.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.language import syntax as S

from ..defaults import NotConstant, constant
from ..names import Outline

ZERO, ONE, TWO = S.Number(0, "0"), S.Number(1, "1"), S.Number(2, "2")


@dataclass(frozen=True, slots=True)
class Domain(S.Check):
    """What must hold for a relation to have a solution. `words` say so when it does not."""

    words: str = ""


@dataclass
class Turned:
    """`target = value`, and the conditions (in words) under which there is a solution. `branch`:
    which of several values it is, if there are others."""

    target: S.Name | S.Subscript
    value: S.Expr
    needs: list[tuple[S.Expr, str]] = field(default_factory=list)
    branch: str = ""


class NoInverse(Exception):
    """Why a relation cannot be turned round, in words."""


def occurrences(expr: S.Expr, name: str) -> list[S.Expr]:
    """The nodes that are `name`, each as often as it stands there."""
    return [n for n in S.walk(expr) if type(n) in (S.Name, S.Subscript) and n.name == name]


def turn_round(relation: S.Relation, name: str, out: Outline) -> Turned:
    """`relation` as `name = …`. Raises `NoInverse` when the unknown does not stand once, or below
    something that has no single inverse."""
    left, right = occurrences(relation.lhs, name), occurrences(relation.rhs, name)
    count = len(left) + len(right)
    if count != 1:
        raise NoInverse(f"{name} stands there {count} times" if count else
                        f"it reaches {name} through other relations")
    for side in (relation.lhs, relation.rhs):
        for node in S.walk(side):
            if type(node) in _WITHOUT:
                raise NoInverse(f"it holds {_WITHOUT[type(node)]}")
    side, value = (relation.lhs, relation.rhs) if left else (relation.rhs, relation.lhs)
    target = (left or right)[0]
    turned = Turned(target, value)
    while side is not target:
        step = _UNDO.get(type(side))
        if step is None:
            raise NoInverse(f"{name} stands below {_OTHER.get(type(side), 'a condition')}")
        side = step(side, target, turned, out)
    return turned


def _holds(expr: S.Expr, target: S.Expr) -> bool:
    return any(n is target for n in S.walk(expr))


def _negate(node: S.Negate, target, turned: Turned, out) -> S.Expr:
    turned.value = S.Negate(turned.value)
    return node.operand


def _sum(node: S.Sum, target, turned: Turned, out) -> S.Expr:
    k = next(n for n, term in enumerate(node.terms) if _holds(term, target))
    others = [(t, s) for n, (t, s) in enumerate(zip(node.terms, node.negative, strict=True))
              if n != k]
    if not node.negative[k]:
        parts = [*_parts(turned.value, S.Sum), *((t, not s) for t, s in others)]
    else:
        parts = [*others, (turned.value, True)]
    parts.sort(key=lambda part: part[1])  # a sum begins with a term that is not negative
    if parts[0][1]:
        turned.value = S.Negate(_chain(S.Sum, [(t, False) for t, _ in parts]))
    else:
        turned.value = _chain(S.Sum, parts)
    return node.terms[k]


def _parts(expr: S.Expr, kind) -> list[tuple[S.Expr, bool]]:
    """The operands of a sum or product, each with whether it is taken off; or all of `expr`."""
    if type(expr) is not kind:
        return [(expr, False)]
    operands, off = (expr.terms, expr.negative) if kind is S.Sum else (expr.factors, expr.inverse)
    return list(zip(operands, off, strict=True))


def _chain(kind, parts: list) -> S.Expr:
    if len(parts) == 1:
        return parts[0][0]
    return kind(tuple(t for t, _ in parts), tuple(s for _, s in parts))


def _product(node: S.Product, target, turned: Turned, out) -> S.Expr:
    k = next(n for n, factor in enumerate(node.factors) if _holds(factor, target))
    others = [(f, down) for n, (f, down) in enumerate(zip(node.factors, node.inverse, strict=True))
              if n != k]
    for factor, down in others:
        turned.needs.append((S.Compare((factor, ZERO), ("!=",)), "it divides by 0" if down else
                             "it is multiplied by 0"))
    if not node.inverse[k]:
        parts = [*_parts(turned.value, S.Product), *((f, not down) for f, down in others)]
    else:
        turned.needs.append((S.Compare((turned.value, ZERO), ("!=",)),
                             "a quotient is 0 for no divisor"))
        parts = [*others, (turned.value, True)]
    turned.value = _chain(S.Product, parts)
    return node.factors[k]


def _power(node: S.Power, target, turned: Turned, out: Outline) -> S.Expr:
    value = turned.value
    if _holds(node.exponent, target):
        turned.needs.append((S.Compare((ZERO, value), ("<",)), "a power is positive"))
        turned.needs.append((S.Compare((ZERO, node.base), ("<",)), "the base must be positive"))
        turned.needs.append((S.Compare((node.base, ONE), ("!=",)), "every power of 1 is 1"))
        turned.value = S.Product((_call("log", value), _call("log", node.base)), (False, True))
        return node.exponent
    try:
        exponent = constant(node.exponent, out)
    except NotConstant:
        exponent = None
    if not isinstance(exponent, int | float) or exponent == 0 or abs(exponent) == float("inf"):
        raise NoInverse("the exponent is no plain number")
    root = S.Product((ONE, S.Number(exponent, str(exponent)) if exponent > 0 else
                      S.Negate(S.Number(-exponent, str(-exponent)))), (False, True))
    whole = float(exponent).is_integer()
    if whole and exponent % 2 == 0:
        raise NoInverse("an even power has two roots")
    if whole and exponent > 1 and _zero(value, out):
        raise NoInverse("the root is a multiple one")  # which the solver tells
    if exponent < 0:
        turned.needs.append((S.Compare((value, ZERO), ("!=",)), "a power with a negative exponent"
                             " is never 0"))
    if exponent == 1:
        turned.value = value
    elif exponent == -1:
        turned.value = S.Product((ONE, value), (False, True))
    elif whole:
        size = S.Power(_call("abs", value), root)
        turned.value = S.Product((_call("sign", value), size), (False, False))
        turned.branch = "the real root"
    else:
        turned.needs.append((S.Compare((ZERO, value), ("<=",)),
                             "a power with a broken exponent is never negative"))
        turned.value = S.Power(value, root)
    return node.base


def _zero(expr: S.Expr, out: Outline) -> bool:
    try:
        return constant(expr, out) == 0
    except NotConstant:
        return False


def _call(function: str, argument: S.Expr) -> S.Call:
    return S.Call(function, (), (argument,))


def _function(node: S.Call, target, turned: Turned, out: Outline) -> S.Expr:
    inverses = node.function in ("exp", "log", "sqrt") and node.function not in out.functions
    if not inverses or node.axes or len(node.args) != 1:
        raise NoInverse(f"{node.function} has no single inverse")
    value = turned.value
    if node.function == "exp":
        turned.needs.append((S.Compare((ZERO, value), ("<",)), "exp is always positive"))
        turned.value = _call("log", value)
    elif node.function == "log":
        turned.value = _call("exp", value)
    else:
        turned.needs.append((S.Compare((ZERO, value), ("<=",)), "a square root is never negative"))
        turned.value = S.Power(value, TWO)
    return node.args[0]


_UNDO = {
    S.Negate: _negate, S.Sum: _sum, S.Product: _product, S.Power: _power, S.Call: _function,
}  # fmt: skip

_WITHOUT = {S.Ellipsis: "an ellipsis", S.Derivative: "a derivative", S.ListExpr: "a list"}
_OTHER = {S.Reduce: "a reduction"}
