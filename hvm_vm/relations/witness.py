"""Requirements that small examples decide.

What the prover leaves open is tried out: a requirement on indices and sizes that fails for every
choice of the open sizes is an error of the text; one without open sizes that holds is dropped. The
rest waits until the sizes of the data are known.
"""

from __future__ import annotations

import math
from itertools import product

from hvm_vm.bytecode.sizes import SizeError
from hvm_vm.language.source import Span

from .report import Report
from .system import Apply, Const, Expr, Index, IndexValue, Reduce, Requirement, SizeValue

TRIED = (2, 3, 5, 8)  # values of sizes that nothing determines yet
MOST_POINTS = 20_000


class _Data(Exception):
    """The claim depends on data."""


def settle(
    requirements: list[Requirement], defaults: dict[str, int | None], help: str, report: Report
) -> list[Requirement]:
    """The requirements that must be kept; those that cannot hold are reported, with `help`."""
    kept = []
    for requirement in requirements:
        verdict = _verdict(requirement, defaults)
        if verdict is True:
            continue
        if isinstance(verdict, dict):
            where = ", ".join(f"{i.text or i.name} = {v}" for i, v in verdict.items())
            report.error(
                requirement.message + (f" (at {where})" if where else ""),
                Span(requirement.place.start, requirement.place.end),
                help,
            )
            continue
        kept.append(requirement)
    return kept


def _verdict(requirement: Requirement, defaults) -> bool | dict | None:
    """True: it always holds. A point: it never does. None: that depends."""
    try:
        symbols = _symbols(requirement)
    except _Data:
        return None
    open_symbols = [s for s in symbols if defaults.get(s) is None]
    fixed = {s: defaults[s] for s in symbols if defaults.get(s) is not None}
    point = None
    for value in TRIED if open_symbols else TRIED[:1]:
        sizes = fixed | dict.fromkeys(open_symbols, value)
        try:
            found = _failure(requirement, sizes)
        except (SizeError, ZeroDivisionError, OverflowError):
            return None
        if found is None:  # too many points
            return None if point is None or open_symbols else point
        if found is True:
            return None if symbols else True
        point = point or found
    return point


def _failure(requirement: Requirement, sizes: dict[str, int]) -> bool | dict | None:
    """The first point where the claim fails, True if there is none, None for too many points."""
    ranges = []
    for index in requirement.indices:
        ranges.append(range(index.lo.evaluate(sizes), index.hi.evaluate(sizes) + 1))
    if math.prod(len(r) for r in ranges) > MOST_POINTS:
        return None
    for values in product(*ranges):
        point = dict(zip(requirement.indices, values, strict=True))
        if not _value(requirement.claim, point, sizes):
            return point
    return True


def _symbols(requirement: Requirement) -> set[str]:
    found: set[str] = set()
    todo: list = [requirement.claim, *requirement.indices]
    while todo:
        node = todo.pop()
        kind = type(node)
        if kind is Index:
            found |= node.lo.symbols() | node.hi.symbols()
        elif kind is SizeValue:
            found |= node.size.symbols()
        elif kind is Apply:
            todo += node.args
        elif kind is Reduce and node.op == "any":
            todo += [*node.indices, node.body]
            if node.condition is not None:
                todo.append(node.condition)
        elif kind is not Const and kind is not IndexValue:
            raise _Data
    return found


_OPERATIONS = {
    "neg": lambda a: -a, "sub": lambda a, b: a - b, "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b, "mod": lambda a, b: a % b, "abs": abs,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b, "not": lambda a: not a, "floor": math.floor, "ceil": math.ceil,
    "round": round, "min": min, "max": max, "add": lambda *a: sum(a),
    "mul": lambda *a: math.prod(a),
}  # fmt: skip


def _value(expr: Expr, point: dict[Index, int], sizes: dict[str, int]):
    kind = type(expr)
    if kind is Const:
        return expr.value
    if kind is IndexValue:
        return point[expr.index]
    if kind is SizeValue:
        return expr.size.evaluate(sizes)
    if kind is Reduce:
        ranges = [
            range(i.lo.evaluate(sizes), i.hi.evaluate(sizes) + 1) for i in expr.indices
        ]
        for values in product(*ranges):
            inner = point | dict(zip(expr.indices, values, strict=True))
            if expr.condition is not None and not _value(expr.condition, inner, sizes):
                continue
            if _value(expr.body, inner, sizes):
                return True
        return False
    op, args = expr.op, expr.args
    if op == "and":
        return all(_value(a, point, sizes) for a in args)
    if op == "or":
        return any(_value(a, point, sizes) for a in args)
    if op == "if":
        return _value(args[1 if _value(args[0], point, sizes) else 2], point, sizes)
    function = _OPERATIONS.get(op)
    if function is None:
        raise SizeError(op)
    return function(*(_value(a, point, sizes) for a in args))

