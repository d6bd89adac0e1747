"""Constant folding: operations on numbers, by the rules of IEEE arithmetic."""

from __future__ import annotations

import math


def fold(op: str, values: list) -> int | float | None:
    """The value of an operation on numbers by the rules of IEEE arithmetic, None if left to run."""
    try:
        rule = _FOLD.get(op)
        out = rule(*values) if rule else None
    except (OverflowError, ValueError, ZeroDivisionError, TypeError):
        return None
    if isinstance(out, bool):
        return int(out)
    if isinstance(out, int) and abs(out) >= 1 << 62:
        return float(out)
    return out if out is None or isinstance(out, (int, float)) else None


def _sum(*values):
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _product(*values):
    total = values[0]
    for value in values[1:]:
        total = total * value
    return total


def _power(base, exponent):
    if isinstance(base, int) and isinstance(exponent, int) and 0 <= exponent <= 64:
        return base**exponent
    return math.pow(base, exponent)


_FOLD = {
    "add": _sum, "mul": _product, "sub": lambda a, b: a - b, "neg": lambda a: -a,
    "div": lambda a, b: a / b, "pow": _power, "mod": lambda a, b: a % b,
    "min": min, "max": max, "abs": abs,
    "sign": lambda a: (a > 0) - (a < 0) if a == a else None,
    "floor": math.floor, "ceil": math.ceil, "round": round,
    "sqrt": math.sqrt, "exp": math.exp, "log": math.log,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "atan": math.atan,
    "asin": math.asin, "acos": math.acos, "atan2": math.atan2,
    "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "erf": math.erf,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
    "and": lambda *a: all(a), "or": lambda *a: any(a), "not": lambda a: not a,
}  # fmt: skip
