"""How a relation depends on names that are solved for, and reductions over expressions of them.

A solve evaluates its relations point by point, so a reduction may not hold an unknown: sums are
taken apart (`sum[j](a[j]*x)` is `x*sum[j](a[j])`), or written out where their range is fixed.
"""

from __future__ import annotations

from itertools import product

from ..guards import nodes, references, substitute
from ..system import Apply, Const, Expr, Index, IndexValue, Reduce, Ref

MOST_TERMS = 4096
_OPS = {"sum": "add", "prod": "mul", "min": "min", "max": "max"}


class Coupled(Exception):
    """A reduction holds an unknown and cannot be taken apart. `args[0]`: its operation."""


def holds(expr: Expr, names) -> bool:
    """Whether `expr` reads one of `names`."""
    return any(ref.variable in names for ref in references(expr))


def degree(expr: Expr, names) -> int:
    """0: does not depend on `names`; 1: affine in them; 2: anything else."""
    kind = type(expr)
    if kind is Ref:
        return 1 if expr.variable in names else 0
    if not holds(expr, names):
        return 0
    if kind is Apply:
        degrees = [degree(a, names) for a in expr.args]
        if expr.op in ("add", "sub", "neg"):
            return max(degrees)
        if expr.op == "mul":
            return min(sum(degrees), 2)
        if expr.op == "div":
            return degrees[0] if not degrees[1] else 2
        if expr.op == "if" and not degrees[0]:
            return max(degrees)
    if kind is Reduce and expr.op in ("sum", "mean") and (
        expr.condition is None or not holds(expr.condition, names)
    ):
        return degree(expr.body, names)
    return 2


def open_sums(expr: Expr, names) -> Expr:
    """`expr` without reductions over `names`. Raises `Coupled`."""
    kind = type(expr)
    if kind is Apply:
        args = tuple(open_sums(a, names) for a in expr.args)
        return expr if args == expr.args else Apply(expr.op, args)
    if kind is not Reduce or not holds(expr, names):
        return expr
    body = open_sums(expr.body, names)
    condition = expr.condition
    if condition is not None and holds(condition, names):
        return written_out(expr.op, expr.indices, condition, body)
    if expr.op == "sum":
        try:
            return _summed(expr.indices, condition, body, names)
        except Coupled:
            pass
    return written_out(expr.op, expr.indices, condition, body)


def _summed(indices: tuple[Index, ...], condition, body: Expr, names) -> Expr:
    """`sum[indices | condition](body)` with everything that holds a name outside the sums."""
    if not holds(body, names):
        return Reduce("sum", indices, condition, body)
    if not _over(body, indices):
        return Apply("mul", (body, Reduce("sum", indices, condition, Const(1))))
    if type(body) is not Apply:
        raise Coupled("sum")
    if body.op in ("add", "sub", "neg"):
        return Apply(body.op, tuple(_summed(indices, condition, a, names) for a in body.args))
    if body.op == "div" and not holds(body.args[1], names):
        above, below = body.args
        factors = above.args if type(above) is Apply and above.op == "mul" else (above,)
        return _pulled(indices, condition, [*factors, Apply("div", (Const(1), below))], names)
    if body.op == "mul":
        return _pulled(indices, condition, list(body.args), names)
    raise Coupled("sum")


def _pulled(indices, condition, factors: list[Expr], names) -> Expr:
    outside = [f for f in factors if holds(f, names)]
    inside = [f for f in factors if not holds(f, names)]
    if any(_over(f, indices) for f in outside):
        if len(outside) > 1 or type(outside[0]) is not Apply or outside[0].op not in (
            "add", "sub", "neg",
        ):
            raise Coupled("sum")
        held = outside[0]  # a*(x - b[j]): multiplied out
        return Apply(held.op, tuple(
            _summed(indices, condition, Apply("mul", (*inside, a)), names) for a in held.args))
    inner = inside[0] if len(inside) == 1 else Apply("mul", tuple(inside) or (Const(1), Const(1)))
    return Apply("mul", (*outside, Reduce("sum", indices, condition, inner)))


def _over(expr: Expr, indices: tuple[Index, ...]) -> bool:
    """Whether `expr` depends on one of `indices`."""
    return any(type(node) is IndexValue and node.index in indices for node in nodes(expr))


def written_out(op: str, indices: tuple[Index, ...], condition, body: Expr) -> Expr:
    ranges = []
    for index in indices:
        lo, hi = index.lo.constant, index.hi.constant
        if lo is None or hi is None:
            raise Coupled(op)
        ranges.append(range(lo, hi + 1))
    count = 1
    for each in ranges:
        count *= len(each)
    if count > MOST_TERMS or (op not in _OPS and op != "mean") or (not count and op != "sum"):
        raise Coupled(op)
    if condition is not None and op not in ("sum", "prod"):
        raise Coupled(op)
    terms = []
    for point in product(*ranges):
        values = {i: Const(v) for i, v in zip(indices, point, strict=True)}
        term = substitute(body, values)
        if condition is not None:
            neutral = Const(0 if op == "sum" else 1)
            term = Apply("if", (substitute(condition, values), term, neutral))
        terms.append(term)
    if not terms:
        return Const(0)
    name = _OPS.get(op, "add")
    total = terms[0] if len(terms) == 1 else Apply(name, tuple(terms))
    return Apply("div", (total, Const(count))) if op == "mean" else total


