"""Walking an expression together with the conditions that stand over each part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .affine import Integers
from .prove import Formula, formula, ranges
from .system import Apply, Const, Expr, Index, IndexValue, Reduce, Ref

TRUE = Const(1)


class Context(NamedTuple):
    """The indices in scope, outermost first, and the guards that hold: (condition, polarity)."""

    indices: tuple[Index, ...] = ()
    guards: tuple[tuple[Expr, bool], ...] = ()

    def under(self, condition: Expr | None, holds: bool = True) -> Context:
        if condition is None:
            return self
        return Context(self.indices, (*self.guards, (condition, holds)))

    def inside(self, indices: tuple[Index, ...]) -> Context:
        return Context(self.indices + indices, self.guards)

    def facts(self, integers: Integers) -> list[Formula]:
        """What is known here, for the prover."""
        known = ranges(self.indices, integers)
        return known + [formula(c, integers, holds) for c, holds in self.guards]

    def condition(self) -> Expr | None:
        """All guards as one condition."""
        return conjunction([c if holds else negation(c) for c, holds in self.guards])


def rewrite(expr: Expr, context: Context, on_ref: Callable[[Ref, Context], Expr]) -> Expr:
    """`expr` with every element read replaced by `on_ref(ref, context)`, inner ones first."""
    kind = type(expr)
    if kind is Ref:
        subs = tuple(rewrite(s, context, on_ref) for s in expr.subscripts)
        return on_ref(expr if _same(subs, expr.subscripts) else Ref(expr.variable, subs), context)
    if kind is Apply:
        if expr.op == "if":
            condition, yes, no = expr.args
            args = (
                rewrite(condition, context, on_ref),
                rewrite(yes, context.under(condition), on_ref),
                rewrite(no, context.under(condition, False), on_ref),
            )
        elif expr.op in ("and", "or"):
            # From left to right: what stands before decides whether the rest matters.
            done, here = [], context
            for arg in expr.args:
                done.append(rewrite(arg, here, on_ref))
                here = here.under(arg, expr.op == "and")
            args = tuple(done)
        else:
            args = tuple(rewrite(a, context, on_ref) for a in expr.args)
        return expr if _same(args, expr.args) else Apply(expr.op, args)
    if kind is Reduce:
        inner = context.inside(expr.indices)
        condition = expr.condition
        if condition is not None:
            condition = rewrite(condition, inner, on_ref)
        body = rewrite(expr.body, inner.under(expr.condition), on_ref)
        if condition is expr.condition and body is expr.body:
            return expr
        return Reduce(expr.op, expr.indices, condition, body)
    return expr


def _same(left: tuple, right: tuple) -> bool:
    return all(a is b for a, b in zip(left, right, strict=True))


def nodes(expr: Expr) -> Iterator[Expr]:
    """Every expression within `expr`, and itself."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        kind = type(node)
        if kind is Apply:
            stack.extend(node.args)
        elif kind is Ref:
            stack.extend(node.subscripts)
        elif kind is Reduce:
            stack.append(node.body)
            if node.condition is not None:
                stack.append(node.condition)


def references(expr: Expr) -> Iterator[Ref]:
    """Every element read in `expr`."""
    return (node for node in nodes(expr) if type(node) is Ref)


def substitute(expr: Expr, values: dict[Index, Expr]) -> Expr:
    """Index values replaced by expressions. Reductions inside keep their own indices."""
    if not values:
        return expr
    kind = type(expr)
    if kind is IndexValue:
        return values.get(expr.index, expr)
    if kind is Ref:
        return Ref(expr.variable, tuple(substitute(s, values) for s in expr.subscripts))
    if kind is Apply:
        return Apply(expr.op, tuple(substitute(a, values) for a in expr.args))
    if kind is Reduce:
        condition = None if expr.condition is None else substitute(expr.condition, values)
        return Reduce(expr.op, expr.indices, condition, substitute(expr.body, values))
    return expr


# --- Conditions ------------------------------------------------------------------------------


def conjunction(parts: list[Expr | None]) -> Expr | None:
    """All of `parts` (None is true); None when nothing is left."""
    flat: list[Expr] = []
    for part in parts:
        if part is None:
            continue
        for piece in part.args if type(part) is Apply and part.op == "and" else (part,):
            if type(piece) is Const and piece.value:
                continue
            if piece not in flat:
                flat.append(piece)
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else Apply("and", tuple(flat))


def negation(condition: Expr, integers: Integers | None = None) -> Expr:
    """The opposite; comparisons of whole numbers are turned round, others are kept whole because
    of NaN."""
    if type(condition) is Const:
        return Const(0 if condition.value else 1)
    if type(condition) is Apply:
        op, args = condition.op, condition.args
        if op == "not":
            return args[0]
        if op in ("eq", "ne"):
            return Apply("ne" if op == "eq" else "eq", args)
        if op in ("lt", "le") and integers is not None:
            left, right = map(integers.polynomial, args)
            if left is not None and right is not None:
                return Apply("le" if op == "lt" else "lt", (args[1], args[0]))
        if op in ("and", "or") and integers is not None:
            parts = tuple(negation(a, integers) for a in args)
            return Apply("or" if op == "and" else "and", parts)
    return Apply("not", (condition,))
