"""Exact derivatives against differences."""

from __future__ import annotations

import math

import pytest

from hvm_vm.lowering.derivative import Derivative
from hvm_vm.lowering.terms import Terms

FUNCTIONS = {
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan, "sinh": math.sinh,
    "cosh": math.cosh, "tanh": math.tanh, "erf": math.erf, "abs": abs, "neg": lambda x: -x,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "sign": lambda x: math.copysign(1, x),
    "add": lambda *a: sum(a), "sub": lambda a, b: a - b, "mul": lambda *a: math.prod(a),
    "div": lambda a, b: a / b, "pow": math.pow, "mod": lambda a, b: a - b * math.floor(a / b),
    "atan2": math.atan2, "min": min, "max": max, "floor": math.floor,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
}  # fmt: skip


def value(term, x):
    if term.op == "const":
        return term.data[1]
    if term.op == "ref":
        return x if term.data == "x" else 0.7
    if term.op == "if":
        return value(term.args[1 if value(term.args[0], x) else 2], x)
    return FUNCTIONS[term.op](*(value(a, x) for a in term.args))


T = Terms()
X, Y = T.ref("x"), T.ref("y")


def use(op, *args):
    return T.apply(op, *args)


@pytest.mark.parametrize("op", [k for k in FUNCTIONS if k not in (
    "add", "sub", "mul", "div", "pow", "mod", "atan2", "min", "max", "lt", "le")])
@pytest.mark.parametrize("x", [0.3, 0.6])
def test_functions(op, x):
    check(use(op, use("mul", X, Y)), x)


@pytest.mark.parametrize(
    "term",
    [
        use("add", X, Y, use("mul", X, X)), use("sub", Y, X), use("mul", X, Y, X),
        use("div", Y, X), use("div", X, use("add", X, Y)), use("pow", X, T.const(2)),
        use("pow", X, T.const(-3)), use("pow", Y, X), use("pow", X, Y), use("pow", X, X),
        use("mod", use("mul", X, T.const(5)), Y), use("atan2", X, Y), use("atan2", Y, X),
        use("min", X, Y, use("mul", X, X)), use("max", X, Y, use("mul", X, X)),
        use("if", use("lt", X, Y), use("mul", X, X), use("exp", X)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("x", [0.4, 0.9, 1.3])
def test_operations(term, x):
    check(term, x)


def check(term, x):
    h = 1e-6
    exact = value(Derivative(T, X).of(term), x)
    about = (value(term, x + h) - value(term, x - h)) / (2 * h)
    assert exact == pytest.approx(about, rel=1e-6, abs=1e-8)


def test_what_does_not_depend_is_zero():
    assert Derivative(T, X).of(use("exp", Y)) is T.zero
    assert Derivative(T, X).of(X) is T.one
