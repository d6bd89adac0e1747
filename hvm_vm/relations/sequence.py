"""`and` and `or` from left to right: what stands before decides whether the rest matters.

`i > 1 and x[i-1] > 0` reads no x[0]. An operand that reads elements which may not exist without
the operands before it is put under them, as `if(i > 1, x[i-1] > 0, 0)`; what surely exists stays a
plain operand, whose order means nothing and which later stages recognise.
"""

from __future__ import annotations

from dataclasses import replace

from .affine import Integers, number
from .checks import Claim
from .drawn import Drawn
from .guards import Context, nodes, references
from .prove import proven
from .system import Apply, Axis, Const, Expr, Reduce, Ref, Requirement

NO, YES = Const(0), Const(1)


class Sequence:
    """Rewrites expressions. `axes`: of every variable."""

    def __init__(self, axes: dict[str, tuple[Axis, ...]], integers: Integers) -> None:
        self.axes = axes
        self.integers = integers

    def relation(self, case: Drawn) -> None:
        """Rewrite the condition and body of a case."""
        context = Context(case.indices)
        under = context.under(case.condition)
        if case.condition is not None:
            case.condition = self.apply(case.condition, context)
        case.body = self.apply(case.body, under)

    def claim(self, claim: Claim) -> Claim:
        """The same check rewritten."""
        context = Context(claim.indices)
        condition = claim.condition
        if condition is not None:
            condition = self.apply(condition, context)
        body = self.apply(claim.claim, context.under(claim.condition))
        return replace(claim, claim=body, condition=condition)

    def requirement(self, requirement: Requirement) -> Requirement:
        """The same with its claim rewritten."""
        claim = self.apply(requirement.claim, Context(requirement.indices))
        return requirement if claim is requirement.claim else replace(requirement, claim=claim)

    def apply(self, expr: Expr, context: Context) -> Expr:
        """`expr`, in which no operand is needed where those before it decide."""
        kind = type(expr)
        if kind is Apply:
            args = self._args(expr, context)
            if all(a is b for a, b in zip(args, expr.args, strict=True)):
                return expr
            return Apply(expr.op, args)
        if kind is Ref:
            if not expr.subscripts:
                return expr
            subs = tuple(self.apply(s, context) for s in expr.subscripts)
            if all(a is b for a, b in zip(subs, expr.subscripts, strict=True)):
                return expr
            return Ref(expr.variable, subs)
        if kind is Reduce:
            inner = context.inside(expr.indices)
            condition = expr.condition
            if condition is not None:
                condition = self.apply(condition, inner)
            body = self.apply(expr.body, inner.under(expr.condition))
            if condition is expr.condition and body is expr.body:
                return expr
            return Reduce(expr.op, expr.indices, condition, body)
        return expr

    def _args(self, expr: Apply, context: Context) -> tuple[Expr, ...]:
        op, args = expr.op, expr.args
        if op == "if":
            condition, yes, no = args
            return (
                self.apply(condition, context),
                self.apply(yes, context.under(condition)),
                self.apply(no, context.under(condition, False)),
            )
        if op not in ("and", "or"):
            return tuple(self.apply(a, context) for a in args)
        done: list[Expr] = []
        here = context
        for arg in args:
            new = self.apply(arg, here)
            if done and self._fragile(arg, context):
                before = done[0] if len(done) == 1 else Apply(op, tuple(done))
                new = Apply("if", (before, new, NO) if op == "and" else (before, YES, new))
            done.append(new)
            here = here.under(arg, op == "and")
        return tuple(done)

    def _fragile(self, expr: Expr, context: Context) -> bool:
        """Whether `expr` may read an element beyond the ranges of its variable."""
        facts = None
        for ref in references(expr):
            for sub, axis in zip(ref.subscripts, self.axes[ref.variable], strict=True):
                place = self.integers.polynomial(sub)
                if place is None:
                    return True
                inside = (Apply("le", (number(axis.lo), sub)), Apply("le", (sub, number(axis.hi))))
                if facts is None:
                    facts = context.inside(bound(expr)).facts(self.integers)
                if not all(proven(facts, part, self.integers) for part in inside):
                    return True
        return False


def bound(expr: Expr) -> tuple:
    """The indices of the reductions in `expr`."""
    return tuple(i for node in nodes(expr) if type(node) is Reduce for i in node.indices)
