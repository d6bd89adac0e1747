"""The names in statements that stay as they are."""

from __future__ import annotations

from collections.abc import Iterable

from hvm_vm.language import syntax as S


def expressions(statement: S.Statement) -> Iterable[S.Expr]:
    """The expressions of a statement in which scalars may stand."""
    match statement:
        case S.Relation():
            parts = [statement.lhs, statement.rhs, statement.where]
            if type(statement.rhs) is S.ListExpr:  # of constants
                parts = [statement.lhs, statement.where]
        case S.Check():
            parts = [statement.condition, statement.within, statement.where]
        case S.Guess():
            parts = [statement.target, statement.value, statement.lo, statement.hi]
        case S.Find():
            parts = list(statement.items)
        case S.IndexDecl():
            parts = [statement.lo, statement.hi, statement.until]
        case S.Given():
            parts = [S.Name(i.name, i.name_span) for i in statement.items]
        case _:
            parts = []
    return [p for p in parts if p is not None]


def determined(statement: S.Statement) -> list[str]:
    if type(statement) is S.Relation and type(statement.lhs) is S.Name:
        return [statement.lhs.name]
    return []


def names_in(statement: S.Statement, left: bool = True) -> list[str]:
    """The plain names of a statement; without `left`, but for the name that it determines."""
    parts = expressions(statement)
    if not left and determined(statement):
        parts = parts[1:]
    if type(statement) in (S.Find, S.Given) and not left:
        return []
    return [n.name for p in parts for n in S.walk(p) if type(n) is S.Name]


def in_subscripts(expr: S.Expr) -> list[str]:
    found = []
    for node in S.walk(expr):
        if type(node) is S.Subscript:
            for sub in node.subs:
                found += [n.name for n in S.walk(sub) if type(n) is S.Name]
    return found
