"""Lane kernels against NumPy and SciPy: accuracy, and the edges of the number range."""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pytest

from hvm_vm.bytecode import lane_ops
from hvm_vm.engines.jit import cache
from hvm_vm.engines.jit.lane_words import kernel_of

_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 5)
EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e-40, -1e-40, 1e-310, 1e30,
         -1e30, 88.72, 88.73, -87.4, -103.9, -104.5, 709.7, 709.79, -745.1, -745.2, 2.0**31]


def call(kernel: str, result, *arguments):
    operands = [a.ctypes.data for a in arguments] + [0] * (3 - len(arguments))
    return _KERNEL(cache.address(kernel))(result.ctypes.data, *operands, len(result))


def numbers(dtype) -> np.ndarray:
    random = np.random.default_rng(0)
    parts = [random.normal(size=5000) * scale for scale in (0.1, 1, 5, 40, 400)]
    with np.errstate(over="ignore"):
        return np.concatenate([*parts, EDGES]).astype(dtype)


EXACT = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "sigmoid": lambda x: np.where(x >= 0, 1, np.exp(-np.abs(x))) / (1 + np.exp(-np.abs(x))),
}


@pytest.mark.parametrize("op", [*EXACT, "erf"])
@pytest.mark.parametrize("kind, dtype, wide", [
    ("f32", np.float32, np.float64), ("f64", np.float64, np.longdouble)])
@pytest.mark.parametrize("most", [1, 1e6, np.inf])
def test_functions_are_within_units_in_the_last_place(op, kind, dtype, wide, most):
    """`most`: kernels may treat a block differently when an argument is large or no number."""
    x = numbers(dtype)
    if most < np.inf:
        random = np.random.default_rng(1)
        x = np.concatenate([x[np.abs(x) <= most], random.uniform(-most, most, 4000).astype(dtype),
                            (np.arange(-500, 500) * (np.pi / 4)).astype(dtype) if most > 1 else []])
        x = x.astype(dtype)
    found = np.empty_like(x)
    assert call(kernel_of(op, kind), found, x) == 0
    with np.errstate(all="ignore"):
        if op == "erf":
            expected = np.array([math.erf(v) for v in x.astype(np.float64)])
        else:
            expected = EXACT[op](x.astype(wide))
        rounded = expected.astype(dtype)
        assert np.array_equal(np.isnan(found), np.isnan(rounded))
        infinite = np.isinf(rounded)
        assert np.array_equal(found[infinite], rounded[infinite])
        zero = rounded == 0
        assert np.array_equal(np.signbit(found[zero]), np.signbit(rounded[zero]))
        finite = np.isfinite(rounded)
        units = np.abs(found[finite].astype(expected.dtype) - expected[finite]) / np.spacing(
            np.abs(rounded[finite]))
    assert units.max() < 3


@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
def test_atan2_in_every_quadrant(kind, dtype):
    y, x = (np.random.default_rng(k).normal(size=4000).astype(dtype) for k in (0, 1))
    y[:8] = [0.0, -0.0, 0.0, -0.0, 1e-30, -1e-30, 1e30, -1e30]
    found = np.empty_like(x)
    assert call(kernel_of("atan2", kind), found, y, x) == 0
    expected = np.arctan2(y.astype(np.longdouble), x.astype(np.longdouble))
    assert (np.abs(found - expected) <= 2 * np.spacing(np.abs(expected.astype(dtype)))).all()
    assert np.array_equal(np.signbit(found), np.signbit(expected))


BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
          "min": np.minimum, "max": np.maximum, "mod": np.mod, "pow": np.power,
          "atan2": np.arctan2, "lt": np.less, "le": np.less_equal, "eq": np.equal,
          "ne": np.not_equal, "and": np.logical_and, "or": np.logical_or}
UNARY = {"neg": np.negative, "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil,
         "round": np.rint, "sqrt": np.sqrt, "not": np.logical_not}


@pytest.mark.parametrize("op", [*BINARY, *UNARY])
@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
def test_arithmetic_is_numpys(op, kind, dtype):
    with np.errstate(all="ignore"):
        some = np.array([*EDGES, 2.5, -2.5, 3.0, 7.25, -7.25, 0.1], dtype)
        a, b = (g.ravel() for g in np.meshgrid(some, some))
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        function = BINARY.get(op) or UNARY[op]
        arguments = (a, b) if op in BINARY else (a,)
        expected = np.asarray(function(*arguments)).astype(dtype)
    found = np.empty_like(a)
    assert call(kernel_of(op, kind), found, *arguments) == 0
    tolerance = 4 * np.finfo(dtype).eps if op in ("pow", "atan2", "mod") else 0
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=0)


INTEGER = {"iadd": np.add, "isub": np.subtract, "imul": np.multiply,
           "ifloordiv": np.floor_divide, "imod": np.mod, "imin": np.minimum, "imax": np.maximum,
           "ilt": np.less, "ile": np.less_equal, "ieq": np.equal, "ine": np.not_equal}


@pytest.mark.parametrize("op", INTEGER)
def test_integers(op):
    some = np.array([0, 1, -1, 2, -2, 7, -7, 2**40, -2**40, 2**63 - 1, -2**63], np.int64)
    a, b = (np.ascontiguousarray(g.ravel()) for g in np.meshgrid(some, some))
    with np.errstate(all="ignore"):
        expected = INTEGER[op](a, b)
    kind = np.float64 if lane_ops.BY_NAME[op].result == "f" else np.int64
    found = np.empty(len(a), kind)
    assert call(kernel_of(op, "f64"), found, a, b) == 0
    assert np.array_equal(found, expected.astype(kind))


def test_integers_of_one_argument():
    some = np.array([0, 5, -5, 2**63 - 1, -2**63], np.int64)
    with np.errstate(all="ignore"):
        for op, function in (("ineg", np.negative), ("iabs", np.abs), ("isign", np.sign)):
            found = np.empty_like(some)
            assert call(kernel_of(op, "f32"), found, some) == 0
            assert np.array_equal(found, function(some))


def test_whole_numbers_only():
    found = np.zeros(3, np.int64)
    good, bad = np.array([1.0, -2.0, 2.0**52]), np.array([1.0, 2.5, 3.0])
    assert call(kernel_of("int", "f64"), found, good) == 0 and found.tolist() == [1, -2, 2**52]
    assert call(kernel_of("int", "f64"), found, bad) != 0
    for edge in (np.nan, np.inf, -np.inf, 2.0**63, -2.0**64):
        assert call(kernel_of("int", "f64"), found[:1], np.array([edge])) != 0


def test_every_lane_operation_has_a_kernel():
    structural = {"const", "iconst", "size", "index", "load", "gather", "acc", "unknown"}
    for op in lane_ops.LANE_OPS:
        if op.name not in structural:
            for kind in ("f32", "f64"):
                assert cache.address(kernel_of(op.name, kind))
