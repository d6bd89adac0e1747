"""Which kernel computes a lane operation: the engine's side of `bytecode/lane_ops.py`."""

from __future__ import annotations

_LANE = ["add", "sub", "mul", "div", "neg", "abs", "sign", "floor", "ceil", "min", "max", "sqrt", "lt", "le", "eq", "ne", "and", "or", "not", "select"]
_MATH = ["exp", "log", "tanh", "erf", "sigmoid"]
_LIBM = ["mod", "pow", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh"]
_INTEGER = ["iadd", "isub", "imul", "ifloordiv", "imod", "imin", "imax", "ineg", "iabs", "isign"]
_COMPARE = ["ilt", "ile", "ieq", "ine", "iselect"]


def kernel_of(op: str, precision: str) -> str:
    """The kernel's name for a lane operation in a program of this precision (f32 or f64)."""
    found = _TABLE[op]
    if found == "math.erf" and precision == "f64":
        found = "libm.erf"
    return f"{found}.{'i64' if op in _INTEGER else precision}"


_TABLE = {
    **{op: f"lane.{op}" for op in _LANE}, "round": "lane.rint",
    "float": "lane.from_integer", "int": "lane.to_integer",
    **{op: f"math.{op}" for op in _MATH}, **{op: f"libm.{op}" for op in _LIBM},
    **{op: f"ilane.{op}" for op in _INTEGER + _COMPARE},
}


def wide_kind(op: str, kind: str) -> str:
    """The lane type in which a reduction over outer dimensions collects its results."""
    return "f64" if kind == "f32" and op in ("sum", "mean", "prod") else kind
