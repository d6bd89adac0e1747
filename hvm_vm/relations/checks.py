"""`check a = b within tol where condition`: assertions of the user, as requirements."""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.language import syntax as S

from .drawn import unsupported
from .problems import TooLarge, Unsupported
from .resolve import Resolver
from .scope import Free
from .system import Apply, Expr, Index


@dataclass(slots=True)
class Claim:
    """A resolved check: `claim` for all `indices` where `condition` holds."""

    node: S.Check
    indices: tuple[Index, ...]
    condition: Expr | None
    claim: Expr


def read_check(node: S.Check, resolver: Resolver) -> Claim | None:
    """Resolve one check; None when it has errors."""
    frame: Free = resolver.begin()
    try:
        claim = _claim(node, resolver, frame)
        condition = None if node.where is None else resolver.expr(node.where, frame)
    except Unsupported as problem:
        unsupported(node, problem, resolver)
        return None
    except TooLarge:
        resolver.report.error(
            f"`{resolver.report.quote(node.span)}` is too large when its functions are written out",
            node.span,
        )
        return None
    if resolver.bad:
        return None
    return Claim(node, tuple(frame.names.values()), condition, claim)


def _claim(node: S.Check, resolver: Resolver, frame: Free) -> Expr:
    if node.within is None:
        return resolver.expr(node.condition, frame)
    tolerance = resolver.expr(node.within, frame)
    condition = node.condition
    if type(condition) is not S.Compare:
        return resolver.error(
            "within belongs to a comparison", node.within.span, "such as check a = b within 1e-9"
        )
    operands = [resolver.expr(o, frame) for o in condition.operands]
    parts = []
    for left, op, right in zip(operands, condition.ops, operands[1:], strict=False):
        if op in (">", ">="):
            left, right, op = right, left, {">": "<", ">=": "<="}[op]
        if op == "=":
            # Equal infinities differ by NaN, but are equal.
            near = Apply("le", (Apply("abs", (Apply("sub", (left, right)),)), tolerance))
            parts.append(Apply("or", (Apply("eq", (left, right)), near)))
        elif op == "!=":
            return resolver.error("within says nothing of !=", node.within.span)
        else:
            most = Apply("add", (right, tolerance))
            parts.append(Apply("lt" if op == "<" else "le", (left, most)))
    return parts[0] if len(parts) == 1 else Apply("and", tuple(parts))
