"""The reference engine against a run point by point, and its errors."""

from __future__ import annotations

import numpy as np
import pytest

from hvm_vm.bytecode import lane_ops
from hvm_vm.engines import get, reference_reductions, slices
from hvm_vm.engines.bound import Frame
from hvm_vm.errors import InputError, RunError
from tests.engines import pointwise
from tests.engines.build import at, dim, program, register

RNG = np.random.default_rng(11)


def both(built, seed=0, sizes=None, **inputs):
    """Results of the reference and of the run point by point, of a program of one instruction."""
    rng = np.random.default_rng(seed)
    for item in built.module.inputs:
        reg = built.module.registers[item.register]
        if item.name not in inputs:
            shape = [s.evaluate(sizes or {}) for s in reg.shape]
            inputs[item.name] = (rng.integers(-3, 4, shape) if reg.dtype == "i64"
                                 else rng.normal(size=shape))
    prepared = built.prepare({**inputs, **(sizes or {})}, engine="reference")
    frame, other = prepared.frame(), prepared.frame()
    prepared.runnable.run(frame)
    pointwise.run(prepared.bound, other.arrays)
    return [(frame.arrays[o.register], other.arrays[o.register]) for o in built.module.outputs]


def check(built, tolerance=1e-13, **inputs):
    for actual, expected in both(built, **inputs):
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


# -- lanes -----------------------------------------------------------------------------------------


ARITY_F = [op for op in lane_ops.LANE_OPS if op.code >= 10 and set(op.arguments) <= {"f"}]
ARITY_I = [op for op in lane_ops.LANE_OPS if op.code >= 60 and op.arguments[0] == "i"]
ODD = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.3, 3.7, 30.0, -30.0]


@pytest.mark.parametrize("op", ARITY_F, ids=lambda op: op.name)
def test_float_operations(op):
    count = len(op.arguments)
    grid = np.array(np.meshgrid(*[ODD] * count)).reshape(count, -1)
    n = grid.shape[1]
    names = "abc"[:count]
    nodes = [("load", (), 1 + k) for k in range(count)] + [(op.name, tuple(range(count)))]
    built = program("map", [dim("p", n)], [register("y", n), *(register(k, n) for k in names)],
                    [at("0")] * (count + 1), nodes, [count])
    if op.name in ("atan2", "mod"):  # signed zeros: C and Python agree but for x mod x
        grid = grid + 0.0
    check(built, 1e-14, **dict(zip(names, grid, strict=True)))


@pytest.mark.parametrize("op", ARITY_I, ids=lambda op: op.name)
def test_integer_operations(op):
    count = len(op.arguments)
    grid = np.array(np.meshgrid(*[[-7, -2, -1, 0, 1, 2, 3, 9]] * count)).reshape(count, -1)
    n = grid.shape[1]
    result = "f64" if op.result == "f" else "i64"
    nodes = [("load", (), 1 + k) for k in range(count)] + [(op.name, tuple(range(count)))]
    inputs = [register(k, n, dtype="i64") for k in "ab"[:count]]
    built = program("map", [dim("p", n)], [register("y", n, dtype=result), *inputs],
                    [at("0")] * (count + 1), nodes, [count])
    check(built, 0, **dict(zip("ab", grid, strict=False)))


def test_special_values():
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 800.0, -800.0])
    expected = {
        "sign": [np.nan, 1, -1, 0, 0, 1, -1], "sigmoid": [np.nan, 1, 0, 0.5, 0.5, 1, 0],
        "sqrt": [np.nan, np.inf, np.nan, 0, 0, 800**0.5, np.nan],
        "log": [np.nan, np.inf, np.nan, -np.inf, -np.inf, np.log(800), np.nan],
        "not": [0, 0, 0, 1, 1, 0, 0],
    }  # fmt: skip
    for op, wanted in expected.items():
        built = program("map", [dim("p", 7)], [register("y", 7), register("x", 7)],
                        [at("0"), at("0")], [("load", (), 1), (op, (0,))], [1])
        np.testing.assert_allclose(built(x=values, engine="reference")["y"], wanted, err_msg=op)


def test_several_results_share_one_pass():
    nodes = [("load", (), 2), ("index", (), 0), ("float", (1,)), ("mul", (0, 2)), ("neg", (0,))]
    built = program("map", [dim("t", 4, lo=-1)], [register("a", 4), register("b", 4),
                                                  register("x", 4)],
                    [at("0"), at((3, (0, -1))), at("0")], nodes, [3, 4], results=2)
    out = built(x=[1, 2, 3, 4], engine="reference")
    assert out["a"].tolist() == [-1, 0, 3, 8] and out["b"].tolist() == [-4, -3, -2, -1]


def test_guarded_loads_and_gathers_are_0_outside():
    nodes = [("index", (), 0), ("iconst", (), 0), ("ilt", (0, 1)), ("load", (2,), 1)]
    built = program("map", [dim("t", 5)], [register("y", 5), register("x", 5)],
                    [at("0"), at((1, (0, 1)))], nodes, [3], integers=[5])
    check(built)
    nodes = [("load", (), 1), ("iconst", (), 0), ("ile", (1, 0)), ("gather", (0, 2), 2)]
    built = program("map", [dim("t", 5)], [register("y", 5), register("k", 5, dtype="i64"),
                                           register("x", 5)],
                    [at("0"), at("0"), at(None)], nodes, [3], integers=[0])
    check(built, k=[0, 4, -1, 2, -9])
    wrong = r"a subscript of x is 6 at t = 2, but that axis of x is 1\.\.5"
    with pytest.raises(InputError, match=wrong):
        built(k=[0, 5, 0, 0, 0], x=np.zeros(5), engine="reference")


def test_a_guard_on_data_that_lets_a_subscript_out():
    nodes = [("load", (), 1), ("load", (0,), 2)]
    built = program("map", [dim("t", 5)], [register("y", 5), register("c", 5), register("x", 5)],
                    [at("0"), at("0"), at((1, (0, 1)))], nodes, [1])
    assert built(c=[1, 1, 0, 1, 0], x=[1, 2, 3, 4, 5], engine="reference")["y"].tolist() == [
        2, 3, 0, 5, 0]
    with pytest.raises(InputError, match="is 6 at t = 5"):
        built(c=np.ones(5), x=np.zeros(5), engine="reference")


def test_numbers_that_must_be_whole():
    nodes = [("load", (), 1), ("int", (0,))]
    built = program("map", [dim("t", 3)], [register("y", 3, dtype="i64"), register("x", 3)],
                    [at("0"), at("0")], nodes, [1])
    assert built(x=[1, -2, 3e9], engine="reference")["y"].tolist() == [1, -2, 3000000000]
    for wrong in (2.5, np.nan, np.inf, 1e300):
        with pytest.raises(InputError, match=r"a whole number is needed, .* at t = 2"):
            built(x=[1, wrong, 3], engine="reference")


# -- reductions ------------------------------------------------------------------------------------

REDUCTIONS = sorted(reference_reductions.REDUCTIONS)


def reduction(op, condition=True, epilogue=False):
    """y[i] = op[j | c[j]](x[i,j]), with exp(-acc) or exp(acc) as the epilogue."""
    whole = op.startswith("arg")
    nodes = [("load", (), 1), ("acc",), ("float" if whole else "neg", (1,)), ("exp", (2,)),
             *([("load", (), 2)] if condition else [])]
    inputs = [register("x", 4, 5), *([register("c", 5)] if condition else [])]
    return program(op, [dim("i", 4), dim("j", 5, "r", lo=3)],
                   [register("y", 4, dtype="i64" if whole and not epilogue else "f64"), *inputs],
                   [at("0"), at("0", "1"), at("1")][: 1 + len(inputs)], nodes,
                   [0, 4 if condition else -1, 3 if epilogue else -1])


@pytest.mark.parametrize("epilogue", [False, True])
@pytest.mark.parametrize("op", REDUCTIONS)
def test_reductions(op, epilogue):
    built = reduction(op, False, epilogue)
    check(built)
    check(built, x=RNG.integers(0, 2, (4, 5)))
    built = reduction(op, True, epilogue)
    check(built, c=[0, 1, 1, 0, 1])
    check(built, c=[0, 1, 1, 0, 1], x=RNG.integers(0, 2, (4, 5)))
    check(built, c=[0, 0, 0, 0, 1], x=np.full((4, 5), 700.0))


def test_the_worst_value_inside_beats_any_outside():
    for op, worst in (("argmax", -np.inf), ("argmin", np.inf)):
        out = reduction(op)(x=np.full((4, 5), worst), c=[0, 0, 1, 1, 0], engine="reference")
        assert out["y"].tolist() == [5] * 4


@pytest.mark.parametrize("op", REDUCTIONS)
def test_reductions_of_nothing(op):
    built = reduction(op)
    inputs = dict(c=np.zeros(5), x=np.ones((4, 5)))
    if op in ("sum", "prod"):
        out = built(**inputs, engine="reference")
        assert out["y"].tolist() == [float(op == "prod")] * 4
    else:
        with pytest.raises(InputError, match=f"the {op} of nothing has no value.* at i = 1"):
            built(**inputs, engine="reference")
    dims = [dim("i", 4), dim("j", 0, "r")]
    result = "i64" if op.startswith("arg") else "f64"
    built = program(op, dims, [register("y", 4, dtype=result), register("x", 4, 9)],
                    [at("0"), at("0", (5, (1, 1)))], [("load", (), 1)], [0, -1, -1])
    if op in ("sum", "prod"):
        out = built(x=np.ones((4, 9)), engine="reference")
        assert out["y"].tolist() == [float(op == "prod")] * 4
    else:
        with pytest.raises(InputError, match=f"the {op} of nothing .* at i = 1"):
            built(x=np.ones((4, 9)), engine="reference")


def test_reductions_of_what_does_not_vary_count_every_point():
    for op, expected in (("sum", 15.0), ("prod", 243.0), ("mean", 3.0)):
        built = program(op, [dim("j", 5, "r")], [register("y"), register("x")], [at(), at()],
                        [("load", (), 1)], [0, -1, -1])
        assert built(x=3, engine="reference") == {"y": expected}


def test_nan_and_ties():
    for op, x, expected in (("max", [1, np.nan, 2], np.nan), ("argmax", [1, np.nan, 2], 2),
                            ("argmin", [3, 1, 1], 2), ("argmax", [3, 1, 3], 1)):
        result = "i64" if op.startswith("arg") else "f64"
        built = program(op, [dim("j", 3, "r")], [register("y", dtype=result), register("x", 3)],
                        [at(), at("0")], [("load", (), 1)], [0, -1, -1])
        np.testing.assert_equal(built(x=x, engine="reference")["y"], expected)


def test_float32_sums_are_pairwise():
    n = 1_000_000
    built = program("sum", [dim("i", 2), dim("j", n, "r")],
                    [register("y", 2, dtype="f32"), register("x", n, 2, dtype="f32")],
                    [at("0"), at("1", "0")], [("load", (), 1)], [0, -1, -1], precision="f32")
    y = built(x=np.full((n, 2), 0.1, np.float32), engine="reference")["y"]
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, 0.1 * n, rtol=1e-6)


# -- whole operations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dims", "places", "shapes"),
    [
        ("io jo kr", ("0 1", "0 2", "2 1"), "34 32 24"),  # matrix product
        ("io kr", ("0", "0 1", "1"), "3 32 2"),  # matrix-vector
        ("kr", ("", "0", "0"), " 5 5"),  # dot
        ("io jo", ("0 1", "0", "1"), "34 3 4"),  # outer
        ("bo io jo kr", ("0 1 2", "0 1 3", "0 2 3"), "234 232 242"),  # batched
        ("io kr", ("0", "0 1", "0 1"), "3 32 32"),  # rows dotted
        ("io kr lr", ("0", "0 1", "2"), "3 32 4"),  # sums that only one operand has
        ("io jo kr lr", ("1 0", "0 2 3", "3 2 1"), "43 323 324"),  # two reduced axes
        ("io kr", ("0", "0 1", ""), "3 32 "),  # a scalar
    ],
)
def test_contractions(dims, places, shapes):
    # dimension letters carry their extent by position in shapes of the registers
    parts = [(d[0], d[1]) for d in dims.split()]
    extents = {}
    for place, shape in zip(places, shapes.split(" "), strict=True):
        for d, e in zip(place.split(), shape, strict=True):
            extents[int(d)] = int(e)
    space = [dim(n, extents.get(k, 6), role) for k, (n, role) in enumerate(parts)]
    registers = [register(n, *map(int, shape)) for n, shape in zip("yab", shapes.split(" "),
                                                                   strict=True)]
    accesses = [at(*p.split()) for p in places]
    built = program("contract", space, registers, accesses, [("acc",)], [-1, -1])
    check(built)


def test_contraction_with_epilogue_diagonals_and_windows():
    nodes = [("acc",), ("load", (), 3), ("add", (0, 1)), ("tanh", (2,))]
    built = program("contract", [dim("i", 3), dim("k", 3, "r")],
                    [register("y", 3), register("a", 3, 3), register("b", 3), register("bias", 3)],
                    [at("0"), at("1", "1"), at("1"), at("0")], nodes, [-1, 3])
    check(built)
    window = program("contract", [dim("i", 4), dim("p", 3, "r")],
                     [register("y", 4), register("x", 9), register("f", 3)],
                     [at("0"), at((0, (0, 2), (1, 1))), at("1")], [("acc",)], [-1, -1])
    check(window)


def conditional(engine, x, f, equal=True):
    """y[i] = sum[k | k <= i](x[i,k]*f[k]), or with k < i."""
    nodes = [("index", (), 1), ("index", (), 0), ("ile" if equal else "ilt", (0, 1))]
    built = program("contract", [dim("i", 3), dim("k", 3, "r")],
                    [register("y", 3), register("x", 3, 3), register("f", 3)],
                    [at("0"), at("0", "1"), at("1")], nodes, [2, -1])
    return built(engine=engine, x=x, f=f)["y"]


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_points_outside_the_condition_take_no_part(engine):
    x = RNG.normal(size=(3, 3))
    expected = np.tril(x) @ [1, 2, 3]
    np.testing.assert_allclose(conditional(engine, x, [1, 2, 3]), expected)
    f = np.array([1, 2, np.nan])
    np.testing.assert_allclose(conditional(engine, x, f), [*expected[:2], np.nan])
    x[0, 1:] = np.inf, np.nan
    np.testing.assert_allclose(conditional(engine, x, f), [*expected[:2], np.nan])
    np.testing.assert_allclose(conditional(engine, x, [1, 2, 3], False)[0], 0)


def test_an_empty_contraction_is_0():
    built = program("contract", [dim("i", 3), dim("k", 0, "r")],
                    [register("y", 3), register("a", 3, 0), register("b", 0)],
                    [at("0"), at("0", "1"), at("1")], [("acc",)], [-1, -1])
    assert built(a=np.zeros((3, 0)), b=np.zeros(0), engine="reference")["y"].tolist() == [0] * 3


def softmax(weight=False, condition=False, epilogue=False):
    nodes = [("load", (), 1), ("load", (), 2), ("index", (), 1), ("index", (), 0), ("ile", (2, 3)),
             ("acc",), ("const", (), 0), ("mul", (5, 6))]
    return program("softmax", [dim("t", 4), dim("u", 4, "n")],
                   [register("y", 4, 4), register("s", 4, 4), register("w", 4)],
                   [at("0", "1"), at("0", "1"), at("1")], nodes,
                   [0, 1 if weight else -1, 4 if condition else -1, 7 if epilogue else -1],
                   constants=[3.0])


@pytest.mark.parametrize("flags", range(8))
def test_softmax(flags):
    built = softmax(bool(flags & 1), bool(flags & 2), bool(flags & 4))
    check(built, w=[1, 0, 2, 0.5])
    check(built, w=[1, 0, 2, 0.5], s=RNG.normal(size=(4, 4)) * 500)
    # Weight 0 must silence what would overflow.
    big = RNG.normal(size=(4, 4))
    big[:, 1] = 1e9
    check(built if flags & 1 else softmax(True), w=[1, 0, 1, 1], s=big)


def test_softmax_of_nothing_is_nan():
    out = softmax(True)(s=np.zeros((4, 4)), w=np.zeros(4), engine="reference")["y"]
    assert np.isnan(out).all()


@pytest.mark.parametrize("op", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("epilogue", [False, True])
def test_norms(op, epilogue):
    nodes = [("load", (), 1), ("const", (), 0), ("acc",), ("load", (), 2), ("mul", (2, 3))]
    built = program(op, [dim("t", 3), dim("i", 5, "n")],
                    [register("y", 3, 5), register("x", 3, 5), register("g", 5)],
                    [at("0", "1"), at("0", "1"), at("1")], nodes, [0, 1, 4 if epilogue else -1],
                    constants=[1e-5])
    check(built)


def attention(flags, heads=2, T=4, U=5):
    """Heads, causal condition, key mask, scale, epilogue."""
    dims = [dim("h", heads), dim("t", T), dim("u", U, "u"), dim("c", 3, "c"), dim("v", 2)]
    nodes = [("acc",), ("const", (), 0), ("mul", (0, 1)), ("load", (), 4), ("index", (), 2),
             ("index", (), 1), ("ile", (4, 5)), ("load", (), 5), ("add", (0, 7))]
    return program("attention", dims, [register("y", heads, T, 2), register("Q", heads, T, 3),
                                       register("K", heads, U, 3), register("V", heads, U, 2),
                                       register("m", U), register("e", heads, 2)],
                   [at("0", "1", "4"), at("0", "1", "3"), at("0", "2", "3"), at("0", "2", "4"),
                    at("2"), at("0", "4")], nodes,
                   [2 if flags & 1 else -1, 3 if flags & 2 else -1, 6 if flags & 4 else -1,
                    8 if flags & 8 else -1], constants=[0.5])


@pytest.mark.parametrize("flags", range(16))
def test_attention(flags):
    check(attention(flags), m=[1, 0, 1, 1, 0], Q=RNG.normal(size=(2, 4, 3)) * 50)


# -- large spaces, claims, engines -----------------------------------------------------------------


def test_large_spaces_run_in_slices(monkeypatch):
    cases = [attention(15), reduction("mean"), softmax(True, True)]
    inputs = [dict(m=[1, 0, 1, 1, 0]), dict(c=[0, 1, 1, 0, 1]), dict(w=[1, 0, 2, 1])]
    monkeypatch.setattr(slices, "SLICE", 7)
    for built, given in zip(cases, inputs, strict=True):
        check(built, **given)
    nodes = [("index", (), 0), ("iconst", (), 0), ("ilt", (0, 1)), ("load", (2,), 1)]
    built = program("map", [dim("t", 50)], [register("y", 50), register("x", 50)],
                    [at("0"), at((1, (0, 1)))], nodes, [3], integers=[50])
    check(built)
    built = program("contract", [dim("i", 9), dim("j", 5), dim("k", 4, "r")],
                    [register("y", 9, 5), register("a", 9, 4), register("b", 5, 4)],
                    [at("0", "1"), at("0", "2"), at("1", "2")], [("acc",)], [-1, -1])
    check(built)


def claim(status):
    nodes = [("load", (), 0), ("const", (), 0), ("lt", (1, 0))]
    return program("check", [dim("t", 4)], [register("x", 4)], [at("0")], nodes, [2], results=0,
                   constants=[0.0], texts=["x must be positive"], status=status)


def test_checks():
    claim(1)(x=[1, 2, 3, 4], engine="reference")
    with pytest.raises(RunError, match="x must be positive at t = 3") as caught:
        claim(1)(x=[1, 2, -1, 0], engine="reference")
    assert caught.value.exit_status == 1 and caught.value.instructions_executed == 0
    with pytest.raises(RunError, match="at t = 2"):
        claim(1)(x=[1, np.nan, -1, 0], engine="reference")
    with pytest.raises(InputError, match="at t = 4") as caught:
        claim(2)(x=[1, 2, 1, 0], engine="reference")
    assert caught.value.exit_status == 2


def test_traced_runs_give_the_same_and_count():
    built = attention(1)
    prepared = built.prepare({n: RNG.normal(size=s) for n, s in dict(
        Q=(2, 4, 3), K=(2, 5, 3), V=(2, 5, 2), m=5, e=(2, 2)).items()}, engine="reference")
    a, b, times = prepared.frame(), prepared.frame(), np.zeros(2, np.int64)
    assert prepared.runnable.run(a) == prepared.runnable.run_traced(b, times) == 2
    assert times[0] > 0 and times[1] == 0
    np.testing.assert_array_equal(a.arrays[0], b.arrays[0])
    assert isinstance(a, Frame)


def test_more_memory_than_there_is():
    built = program("sum", [dim("t", "T", "r")], [register("y"), register("x")], [at(), at()],
                    [("index", (), 0), ("float", (0,)), ("load", (), 1), ("mul", (1, 2))],
                    [3, -1, -1], symbols=["T"])
    with pytest.raises(RunError, match="there is not enough memory to evaluate this"):
        built(x=1, T=1 << 46, engine="reference")


def test_engines_by_name():
    assert get("reference").name == "reference" and get("auto").name == "auto"
    with pytest.raises(InputError, match="did you mean reference"):
        get("referense")
    with pytest.raises(InputError, match="native is not part of this version"):
        get("native")
