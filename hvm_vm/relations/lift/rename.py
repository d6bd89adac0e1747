"""Scalars in a statement that stays, replaced by the array elements that they became."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hvm_vm.language import syntax as S

from .forms import integer


def renamed(expr: S.Expr, elements: dict[str, tuple[str, tuple[int, ...]]]) -> S.Expr:
    """`expr` with elements for scalars."""

    def on(node: S.Expr) -> S.Expr:
        if type(node) is S.Name:
            found = elements.get(node.name)
            if found is None:
                return node
            return S.Subscript(found[0], tuple(map(integer, found[1])), node.span)
        match node:
            case S.Negate() | S.Not():
                return replace(node, operand=on(node.operand))
            case S.Sum():
                return replace(node, terms=tuple(map(on, node.terms)))
            case S.Product():
                return replace(node, factors=tuple(map(on, node.factors)))
            case S.Power():
                return replace(node, base=on(node.base), exponent=on(node.exponent))
            case S.Compare() | S.And() | S.Or():
                return replace(node, operands=tuple(map(on, node.operands)))
            case S.Call():
                return replace(node, args=tuple(map(on, node.args)))
            case S.Subscript():
                return replace(node, subs=tuple(map(on, node.subs)))
            case S.Reduce():
                condition = None if node.condition is None else on(node.condition)
                return replace(node, condition=condition, body=on(node.body))
            case S.Last():
                return replace(node, body=on(node.body))
            case S.ListExpr():
                return replace(node, items=tuple(map(on, node.items)))
            case S.Derivative():
                return replace(node, of=on(node.of), by=on(node.by))
        return node

    return on(expr)


def renamed_statement(
    statement: S.Statement, on: Callable[[S.Expr], S.Expr]
) -> S.Statement:
    """A statement with `on` applied to its expressions."""

    def maybe(expr: S.Expr | None) -> S.Expr | None:
        return None if expr is None else on(expr)

    match statement:
        case S.Relation():
            return replace(statement, lhs=on(statement.lhs), rhs=on(statement.rhs),
                           where=maybe(statement.where))
        case S.Check():
            return replace(statement, condition=on(statement.condition),
                           within=maybe(statement.within), where=maybe(statement.where))
    return statement
