"""Defaults: constants for whole variables, which values set from outside replace.

`x = 1.5`, `rate = -1/3`, `mode = 'FAST'`, `b[i] = 0`, `a[i] = [0, 1/2, 1]`.
"""

from __future__ import annotations

import math

from hvm_vm.language import syntax as S

from .names import CONSTANTS, Outline
from .report import Report
from .resolve import Resolver


class NotConstant(Exception):
    """The expression is no constant."""


def read_defaults(
    out: Outline, resolver: Resolver, free: frozenset[str], report: Report
) -> tuple[dict[str, tuple[object, S.Relation]], set[str]]:
    """Take the defaults out of `out.relations`: name to (value, relation). Also the names that had
    errors.

    A value is a number, a symbol's `SymbolText`, or a nested list of them. Names in `free` lose
    their default.
    """
    found: dict[str, tuple[object, S.Relation]] = {}
    broken: set[str] = set()
    for name in list(out.relations):
        relations = out.relations[name]
        lists = [r for r in relations if type(r.rhs) is S.ListExpr]
        if name in free:
            kept = [r for r in relations if default_value(r, out) is None]
            if len(kept) < len(relations):
                relations = kept
                if kept:
                    out.relations[name] = kept
                else:
                    del out.relations[name]
                continue
        if len(relations) > 1:
            others = [r for r in relations if type(r.rhs) is not S.ListExpr]
            for relation in lists if others else lists[1:]:
                report.error(
                    f"a list gives the values of a whole variable, but {name} has other"
                    f" relations too",
                    relation.span,
                    notes=[
                        ("another one is here", r.span) for r in relations if r is not relation
                    ][:1],
                )
                broken.add(name)
            if others:
                out.relations[name] = others
            else:
                del out.relations[name]
                found[name] = (None, lists[0])
            continue
        relation = relations[0]
        value = default_value(relation, out)
        if value is None:
            if lists:
                _report_list(relation, out, report)
                del out.relations[name]
                found[name] = (None, relation)
                broken.add(name)
            continue
        found[name] = (_interned(value, resolver), relation)
        del out.relations[name]
    return found, broken


def default_value(relation: S.Relation, out: Outline) -> object:
    """The constant that `relation` gives its whole variable, or None."""
    rhs = relation.rhs
    kind = type(rhs)
    if kind is S.Name and not (rhs.name in CONSTANTS and _is_constant(rhs.name, out)):
        return None
    if relation.where is not None or relation.otherwise:
        return None
    lhs = relation.lhs
    if type(lhs) is S.Subscript:
        names = [s.name for s in lhs.subs if type(s) is S.Name and s.name in out.indices]
        if len(set(names)) < len(lhs.subs):
            return None
    elif kind is S.ListExpr:
        return None
    try:
        value = constant(rhs, out)
        if kind is S.ListExpr and _depth(value) != len(lhs.subs):
            return None
        return value
    except NotConstant:
        return None


def _report_list(relation: S.Relation, out: Outline, report: Report) -> None:
    lhs = relation.lhs
    if type(lhs) is S.Name:
        report.error(
            f"{lhs.name} is one number, but a list stands on the right",
            relation.rhs.span,
            help=f"give it an axis: {lhs.name}[i] = […]",
        )
        return
    try:
        value = constant(relation.rhs, out)
    except NotConstant as problem:
        report.error(
            f"the list of `{report.quote(relation.span)}` holds more than constants",
            problem.args[0] if problem.args else relation.rhs.span,
            help="determine the elements one by one: a[1] = …; a[2] = …",
        )
        return
    depth = _depth(value)
    if relation.where is not None or relation.otherwise:
        message = "a list gives the values of a whole variable, so it can have no condition"
    elif depth is None:
        message = "the rows of this list have different lengths"
    elif depth != len(lhs.subs):
        message = f"{lhs.name} has {len(lhs.subs)} axes, but the list is {depth} deep"
    else:
        message = "a list needs a left side with plain indices, each of them once"
    report.error(message, relation.rhs.span)


def _depth(value: object) -> int | None:
    """How deep a rectangular nested list is; None when it is ragged."""
    shape = shape_of(value)
    return None if shape is None else len(shape)


def shape_of(value: object) -> tuple[int, ...] | None:
    """The shape of a nested list, () for a number, None when its rows differ."""
    if not isinstance(value, list):
        return ()
    inner = {shape_of(v) for v in value}
    if len(inner) > 1 or None in inner:
        return None
    return (len(value), *(inner.pop() if inner else ()))


class SymbolText(str):
    """The text of a symbol among the numbers of a default."""


def _interned(value: object, resolver: Resolver) -> object:
    if isinstance(value, list):
        return [_interned(v, resolver) for v in value]
    if isinstance(value, SymbolText):
        resolver.symbols.setdefault(str(value), len(resolver.symbols))
    return value


def constant(expr: S.Expr, out: Outline) -> object:
    """The value of an expression of literals; whole numbers stay ints. Raises `NotConstant`."""
    kind = type(expr)
    if kind is S.Number:
        value = expr.value
        return value if not isinstance(value, int) or abs(value) < 2**53 else _float(value)
    if kind is S.Symbol:
        return SymbolText(expr.text)
    if kind is S.ListExpr:
        return [constant(item, out) for item in expr.items]
    if kind is S.Name and expr.name in CONSTANTS and _is_constant(expr.name, out):
        return CONSTANTS[expr.name]
    if kind is S.Negate:
        return -_number(expr.operand, out)
    if kind is S.Sum:
        total = _number(expr.terms[0], out)
        for term, negative in zip(expr.terms[1:], expr.negative[1:], strict=True):
            value = _number(term, out)
            total = total - value if negative else total + value
        return _checked(total)
    if kind is S.Product:
        total = _number(expr.factors[0], out)
        for factor, inverse in zip(expr.factors[1:], expr.inverse[1:], strict=True):
            value = _number(factor, out)
            total = _quotient(total, value) if inverse else _checked(total * value)
        return total
    if kind is S.Power:
        base, exponent = _number(expr.base, out), _number(expr.exponent, out)
        if isinstance(base, int) and isinstance(exponent, int) and 0 <= exponent <= 64:
            return _checked(base**exponent)
        try:
            return math.pow(base, exponent)
        except ValueError:
            return math.inf if base == 0 else math.nan
        except OverflowError:
            return math.inf if base > 0 or exponent % 2 == 0 else -math.inf
    raise NotConstant(expr.span)


def _is_constant(name: str, out: Outline) -> bool:
    return name not in out.defined


def _number(expr: S.Expr, out: Outline) -> int | float:
    value = constant(expr, out)
    if not isinstance(value, int | float):
        raise NotConstant(expr.span)
    return value


def _checked(value: int | float) -> int | float:
    return _float(value) if isinstance(value, int) and abs(value) >= 2**53 else value


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _quotient(a: int | float, b: int | float) -> float:
    """IEEE division."""
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)
