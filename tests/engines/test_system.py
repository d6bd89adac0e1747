"""`system` in the engines: right answers by every method, honest failures, both engines alike."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.api.program import Program
from hvm_vm.bytecode import assemble, verify
from hvm_vm.bytecode.module import DTYPES
from tests.bytecode import systems

ENGINES = ["reference", "jit"]


def program(name: str, precision: str = "f64", change=None, unsolved: str = ""):
    text = systems.text(name, precision, unsolved)
    return Program(verify(assemble(change(text) if change else text)))


def solved(name, engine, values, precision="f64", change=None, unsolved=""):
    """Outputs, and what the solve reports."""
    prepared = program(name, precision, change, unsolved).bind(engine=engine, **values)
    prepared.run()
    return prepared.outputs, prepared


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [1, 2, 3, 30, 120])
def test_dense(engine, n, rng):
    a, b = rng.normal(size=(n, n)), rng.normal(size=n)
    found, _ = solved("dense", engine, {"A": a, "b": b})
    assert np.allclose(found["x"], np.linalg.solve(a, b), rtol=1e-9, atol=1e-12)
    found, _ = solved("dense", engine, {"A": a @ a.T + np.eye(n), "b": b})
    assert np.allclose((a @ a.T + np.eye(n)) @ found["x"], b, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_single_precision(engine, rng):
    a, b = rng.normal(size=(20, 20)) + 5 * np.eye(20), rng.normal(size=20)
    values = {"A": a.astype("f"), "b": b.astype("f")}
    found, _ = solved("dense", engine, values, "f32")
    assert found["x"].dtype == np.float32
    assert np.allclose(found["x"], np.linalg.solve(a, b), atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_badly_scaled_but_regular(engine, rng):
    scale = 10.0 ** rng.uniform(-9, 9, 40)
    a = rng.normal(size=(40, 40)) * scale[:, None] * scale[None, ::-1]
    x = rng.normal(size=40) / scale[::-1]
    found, _ = solved("dense", engine, {"A": a, "b": a @ x})
    assert np.allclose(found["x"], x, rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [2, 40])
def test_one_matrix_many_right_hand_sides(engine, n, rng):
    a, b = rng.normal(size=(n, n)), rng.normal(size=(n, 9))
    found, _ = solved("matrix", engine, {"A": a, "B": b})
    assert np.allclose(a @ found["X"], b, atol=1e-10)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [2, 3, 60, 3000])
def test_a_rod_is_tridiagonal(engine, n, rng):
    h = rng.normal(size=n - 1)
    found, _ = solved("rod", engine, {"h": h, "a": 3.0, "b": -1.0})
    u = found["u"]
    assert u[0] == 3 and u[-1] == -1
    size = abs(u).max()
    assert np.allclose(2 * u[1:-1] - u[:-2] - u[2:], h, atol=1e-13 * size)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("precision", ["f64", "f32"])
@pytest.mark.parametrize("n", [25, 26, 33, 34, 257, 258])
def test_three_diagonals_solved_again_with_other_numbers(engine, precision, n, rng):
    """Also where the matrix is no longer diagonally dominant, and where it is singular."""
    below, above, right = (rng.uniform(-1, 1, n) for _ in range(3))
    main = 2.1 + rng.uniform(0, 1, n)
    values = {"a": below, "d": main, "c": above, "f": right}
    kind = {"f64": np.float64, "f32": np.float32}[precision]
    bound = program("tridiagonal", precision).bind(
        engine=engine, **{k: v.astype(kind) for k, v in values.items()})
    bound.run()
    for scale in (1.0, 1.5, 0.01):
        bound.inputs["d"][...] = scale * main
        bound.inputs["f"][...] = rng.normal(size=n)
        bound.run()
        a, d, c = (np.asarray(bound.inputs[k], float) for k in "adc")
        matrix = np.diag(d) + np.diag(a[1:], -1) + np.diag(c[:-1], 1)
        x = np.linalg.solve(matrix, bound.inputs["f"])
        close = 1e-10 if precision == "f64" else 1e-2 * np.linalg.cond(matrix) ** 0.5
        assert abs(bound.outputs["u"] - x).max() < close * abs(x).max()
    for name in "dac":
        bound.inputs[name][...] = 0.0
    with pytest.raises(hvm.RunError):
        bound.run()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [30, 131])
def test_dense_solved_again_with_another_matrix(engine, n, rng):
    a, b = rng.normal(size=(n, n)), rng.normal(size=n)
    bound = program("dense").bind(engine=engine, A=a, b=b)
    bound.run()
    symmetric = a + a.T
    indefinite = symmetric - np.diag(symmetric.diagonal()) + np.eye(n)
    for matrix in (a + np.eye(n), a @ a.T + np.eye(n), indefinite, a):
        bound.inputs["A"][...] = matrix
        bound.run()
        assert np.allclose(bound.outputs["x"], np.linalg.solve(matrix, b), rtol=1e-8, atol=1e-9)
    bound.inputs["A"][3] = bound.inputs["A"][5]
    with pytest.raises(hvm.RunError, match="contradict"):
        bound.run()


@pytest.mark.parametrize("engine", ENGINES)
def test_many_small_systems(engine, rng):
    s, d = rng.normal(size=400), rng.normal(size=400)
    found, _ = solved("pair", engine, {"s": s, "d": d, "c": -1.0})
    assert np.allclose(found["x"], (s + d) / 2) and np.allclose(found["y"], (s - d) / 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_points_without_a_solution_harm_nobody(engine, rng):
    """A coefficient for each set: some of them make the relations contradict."""
    def each(text):
        return (text.replace(".register c f64\n", ".register c f64[P]\n")
                .replace("%c*%y[p] slope %c", "%c[p]*%y[p] slope %c[p]"))
    c = np.array([-1.0, 1.0, 3.0, 1.0])
    s, d = np.array([1.0, 2, 3, 4]), np.array([5.0, 6, 7, 4])
    found, _ = solved("pair", engine, {"s": s, "d": d, "c": c}, change=each,
                      unsolved="unsolved nan")
    assert np.isnan(found["x"]).tolist() == [False, True, False, True]
    assert np.isnan(found["y"]).tolist() == [False, True, False, True]
    good = [0, 2]
    assert np.allclose((found["x"] + found["y"])[good], s[good])
    with pytest.raises(hvm.HvmError, match="at p = 2: there are no x and y"):
        solved("pair", engine, {"s": s, "d": d, "c": c}, change=each)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_is_gathered(engine, rng):
    n, e = 30, 70
    tail, head = rng.integers(1, n + 1, e), rng.integers(1, n + 1, e)
    tail[: n - 1], head[: n - 1] = np.arange(1, n), np.arange(2, n + 1)
    g = rng.uniform(1, 2, e)
    inflow = rng.normal(size=n)
    inflow[0] -= inflow.sum()
    found, _ = solved("network", engine, {"tail": tail, "head": head, "g": g, "J": inflow})
    v, i = found["V"], found["I"]
    assert abs(v[0]) < 1e-14 and np.allclose(i, g * (v[tail - 1] - v[head - 1]))
    out = np.bincount(tail - 1, i, n) - np.bincount(head - 1, i, n)
    assert np.allclose(out[1:], inflow[1:])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [4, 20, 60])
def test_a_grid_is_banded_or_sparse(engine, n, rng):
    f = rng.normal(size=(n, n))
    found, _ = solved("grid", engine, {"f": f})
    u = np.pad(found["u"], 1)
    left = 4 * u[1:-1, 1:-1] - u[:-2, 1:-1] - u[2:, 1:-1] - u[1:-1, :-2] - u[1:-1, 2:]
    assert np.allclose(left, f, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [5, 300])
def test_nonlinear(engine, n, rng):
    found, _ = solved("reaction", engine, {"f": rng.uniform(1, 2, n), "r": 0.7})
    u = np.pad(found["u"], 1)
    left = 2 * u[1:-1] - u[:-2] - u[2:] + 0.7 * u[1:-1] ** 3
    assert np.isfinite(u).all() and left.min() > 0.99 and left.max() < 2.01


@pytest.mark.parametrize("engine", ENGINES)
def test_bounds_are_kept(engine, rng):
    q = rng.uniform(1, 3, 25)
    found, _ = solved("squares", engine, {"q": q})
    x = found["x"]
    assert (x >= 0).all() and np.allclose(x**2 + x.mean(), q)


# -- failures ------------------------------------------------------------------------------------


def message(name, engine, values, change=None):
    with pytest.raises(hvm.HvmError) as caught:
        solved(name, engine, values, change=change)
    return str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_redundant_system_tells_its_family(engine):
    a = np.array([[1.0, 1], [2, 2]])
    text = message("dense", engine, {"A": a, "b": np.array([26.0, 52])})
    assert "x[1] = 26 - x[2]" in text and "open" in text


@pytest.mark.parametrize("engine", ENGINES)
def test_a_contradictory_system_names_what_clashes(engine, rng):
    a = rng.normal(size=(30, 30))
    a[7] = 2 * a[3]
    b = rng.normal(size=30)
    text = message("dense", engine, {"A": a, "b": b})
    assert "contradict" in text and "at i = 4" in text and "at i = 8" in text
    assert "at i = 5" not in text


@pytest.mark.parametrize("engine", ENGINES)
def test_a_free_node_is_named(engine):
    n, e = 20, 30
    tail, head = np.arange(1, e + 1) % 18 + 1, np.arange(2, e + 2) % 19 + 1
    tail[:18], head[:18] = np.arange(1, 19), np.arange(2, 20)
    values = {"tail": tail, "head": head, "g": np.ones(e), "J": np.zeros(n)}
    text = message("network", engine, values)
    assert "leave V[20] open" in text and "at n = 20" in text


@pytest.mark.parametrize("engine", ENGINES)
def test_a_large_singular_system(engine):
    """A rod whose ends are both left free: all of it may be shifted."""
    def floating(text):
        text = text.replace("%u[0] slope 1.0)", "%u[0] slope 1.0) (term 1 value -%u[1] slope -1.0)")
        return text.replace("%u[N] slope 1.0)",
                            "%u[N] slope 1.0) (term 2 value -%u[N - 1] slope -1.0)")
    values = {"h": np.zeros(799), "a": 0.0, "b": 0.0}
    text = message("rod", engine, values, floating)
    assert "u[0..800] (all shifted together)" in text


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_data_that_is_not_finite_is_located(engine, bad):
    a = np.eye(4)
    a[2, 1] = bad
    text = message("dense", engine, {"A": a, "b": np.ones(4)})
    assert f"A holds {'NaN' if np.isnan(bad) else 'infinity'}" in text
    assert "at i = 3" in text and "at i = 2" not in text


@pytest.mark.parametrize("engine", ENGINES)
def test_no_solution_is_told_with_its_residuals(engine):
    text = message("squares", engine, {"q": np.array([1.0, -5.0, 2.0])})
    assert "no solution found for x[1..3]" in text and "at i = 2    left - right = " in text


@pytest.mark.parametrize("engine", ENGINES)
def test_equations_and_unknowns_are_counted(engine):
    def without(text):
        return text.replace("(row 2)", "(row 2 condition 1.0 = 0.0)")
    text = message("rod", engine, {"h": np.zeros(5), "a": 1.0, "b": 2.0}, without)
    assert "6 equations for 7 unknowns, 1 too few: u[0..6]" in text
    assert "line 2: 2*u[i] = u[i-1] + u[i+1] + h[i]    5 equations" in text

    def by_data(text):
        return text.replace("(row 0 along i:N)", "(row 0 condition 0.0 < %b[i] along i:N)")
    text = message("dense", engine, {"A": np.eye(3), "b": np.array([1.0, -1, 2])}, by_data)
    assert "2 equations for 3 unknowns" in text


@pytest.mark.parametrize("engine", ENGINES)
def test_a_place_out_of_range_is_refused(engine):
    values = {"tail": np.array([1, 7]), "head": np.array([2, 1]), "g": np.ones(2),
              "J": np.zeros(2)}
    assert "a subscript of V is 7 at e = 2" in message("network", engine, values)


@pytest.mark.parametrize("engine", ENGINES)
def test_empty_systems(engine):
    found, _ = solved("dense", engine, {"A": np.zeros((0, 0)), "b": np.zeros(0)})
    assert found["x"].shape == (0,)
    found, _ = solved("pair", engine, {"s": np.zeros(0), "d": np.zeros(0), "c": 1.0})
    assert found["x"].shape == (0,)


ODD = (0.0, 1.0, -1.0, 1e-320, 1e-200, 1e200, -1e300, 1.7e308, float("nan"), float("inf"))
SHAPES = {"N": 4, "K": 3, "P": 3, "E": 5}


@pytest.mark.parametrize("name", systems.ALL)
@pytest.mark.parametrize("precision", ["f64", "f32"])
@pytest.mark.filterwarnings("error")
def test_odd_data_ends_alike(name, precision):
    made = program(name, precision)
    rng = np.random.default_rng(len(name))
    for seed in range(40):
        odd = rng.choice(ODD, rng.integers(1, 4))
        values = {}
        for item in made.module.inputs:
            register = made.module.registers[item.register]
            shape = tuple(axis.evaluate(SHAPES) for axis in register.shape)
            if register.dtype == "i64":
                values[item.name] = rng.integers(1, 5, shape)
                continue
            usual = rng.normal(size=shape)
            some = rng.random(shape) < (1.0 if seed % 4 == 0 else 0.15)
            with np.errstate(over="ignore"):
                values[item.name] = np.where(some, rng.choice(odd, shape), usual).astype(
                    DTYPES[precision])
        ends = []
        for engine in ENGINES:
            try:
                ends.append(dict(made(values, engine=engine)))
            except hvm.HvmError as error:
                ends.append(str(error))
        if isinstance(ends[0], str):
            assert ends[0] == ends[1], values
            continue
        for key, found in ends[0].items():
            np.testing.assert_allclose(found, ends[1][key], rtol=1e-6, err_msg=str(values))


@pytest.mark.parametrize("engine", ENGINES)
def test_more_slopes_than_memory_holds_are_told_before(engine, monkeypatch):
    from hvm_vm.engines.systems import pattern

    limit = 1 << 20
    monkeypatch.setattr(pattern, "not_enough_memory", lambda size: limit if size > limit else None)
    n = 200
    with pytest.raises(hvm.HvmError, match=r"the system for x\[1\.\.200\] needs about .* memory"):
        solved("dense", engine, {"A": np.eye(n), "b": np.ones(n)})
    found, _ = solved("rod", engine, {"h": np.ones(n - 1), "a": 0.0, "b": 0.0})  # few slopes
    assert np.isfinite(found["u"]).all()


# -- reports, batches, runs again -----------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "name, values, words",
    [
        ("dense", {"A": np.eye(30) + 0.1, "b": np.ones(30)}, "Cholesky 30"),
        ("dense", {"A": np.triu(np.ones((30, 30))), "b": np.ones(30)}, "LU 30"),
        ("rod", {"h": np.ones(99), "a": 0.0, "b": 0.0}, "tridiagonal 101"),
        ("grid", {"f": np.ones((20, 20))}, "banded 400, 41 wide"),
        ("grid", {"f": np.ones((60, 60))}, "sparse LU 3600"),
        ("reaction", {"f": np.ones(50), "r": 1.0}, "Newton, tridiagonal 50"),
    ],
)
def test_the_method_follows_from_the_pattern(engine, name, values, words):
    made = program(name).prepare(values, engine=engine)
    frame = made.frame()
    made.runnable.run(frame)
    (found,) = made.runnable.solved(frame).values()
    assert found.method == words
    assert found.residual < 1e-13 and found.points == 1
    assert len(found.residuals) == len(found.relative) == (3 if name == "rod" else 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_runs_again_with_other_data(engine, rng):
    bound = program("dense").bind(engine=engine, A=np.eye(5), b=np.ones(5))
    bound.run()
    a = rng.normal(size=(5, 5))
    bound.inputs["A"][...] = a
    bound.run()
    assert np.allclose(a @ bound.outputs["x"], 1)


def test_many_sets():
    many = program("dense").solve_many(b=np.array([[1.0, 2], [3, 4], [5, 6]]),
                                       A=np.array([[2.0, 0], [0, 4]]))
    assert np.allclose(many["x"], [[0.5, 0.5], [1.5, 1], [2.5, 1.5]])


# -- nonlinear systems that are not plain --------------------------------------------------------


def relations(unknowns: str, *rows: list[tuple[str, str]], more: str = "") -> str:
    """Assembly text of a system of three points; terms are (value, slopes)."""
    parts = [f"(row {r} along i:3)" for r in range(len(rows))]
    for r, terms in enumerate(rows):
        parts += [f"(term {r} value {v} {f'slope {s} ' if s else ''}along i:3)" for v, s in terms]
    message = "\\n".join(f"{r + 1}: relation {r + 1}" for r in range(len(rows)))
    return "\n".join([
        ".hvma 0.1", ".precision f64", *(f".register {u} f64[3]" for u in unknowns),
        *(f".output {u} %{u}" for u in unknowns),
        f"0 system {', '.join(f'%{u}[{u}]' for u in unknowns)} iterations 100 tolerance 1e-10",
        f"along {', '.join(f'{u}:3' for u in unknowns)}", *parts, more, f'message "{message}"',
        "1 halt"])


def reported(text: str, engine: str):
    made = Program(verify(assemble(text))).prepare({}, engine=engine)
    frame = made.frame()
    made.runnable.run(frame)
    (found,) = made.runnable.solved(frame).values()
    return [frame.arrays[item.register] for item in made.program.module.outputs], found


X, Y = "%x[i]", "%y[i]"
FROM_3 = "(start 0 body 3.0 along i:3)"


@pytest.mark.parametrize("engine", ENGINES)
def test_classical_roots(engine):
    rosenbrock = relations(
        "xy", [(f"10.0*{Y}", "10.0"), (f"-10.0*{X}*{X}", f"-20.0*{X}")],
        [("1.0", ""), (f"-{X}", "-1.0")], more="(start 0 body -1.2 along i:3)")
    (x, y), found = reported(rosenbrock, engine)
    assert np.allclose(x, 1) and np.allclose(y, 1) and found.multiple == 0
    powell = relations(
        "xy", [(f"10000.0*{X}*{Y}", f"10000.0*{Y}, 10000.0*{X}"), ("-1.0", "")],
        [(f"exp(-{X})", f"-exp(-{X})"), (f"exp(-{Y})", f"-exp(-{Y})"), ("-1.0001", "")],
        more="(start 0 body 0.0 along i:3)")
    (x, y), _ = reported(powell, engine)
    assert np.allclose(np.minimum(x, y), 1.098159e-5) and np.allclose(np.maximum(x, y), 9.106147)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_double_root_is_told(engine):
    text = relations("x", [(f"({X} - 1.0)*({X} - 1.0)", f"2.0*({X} - 1.0)")], more=FROM_3)
    (x,), found = reported(text, engine)
    assert np.allclose(x, 1, atol=1e-7) and found.multiple == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "text, words",
    [
        (relations("x", [(f"{X}*{X}", f"2.0*{X}"), ("1.0", "")]), "left - right = 1"),
        (relations("x", [(f"1.0/{X}", f"-1.0/({X}*{X})")]), "no solution found for x[1..3]"),
        (relations("x", [(f"log({X})", f"1.0/{X}"), ("1.0", "")],
                   more="(start 0 body -1.0 along i:3)"), "cannot start at x[1] = -1"),
        (relations("xy", [(f"{X}*{Y}", f"{Y}, {X}"), ("-1.0", "")],
                   [(f"2.0*{X}*{Y}", f"2.0*{Y}, 2.0*{X}"), ("-2.0", "")], more=FROM_3),
         "cannot be told: every relation holds, but also around"),
    ],
)
def test_what_has_no_single_root_fails(engine, text, words):
    with pytest.raises(hvm.HvmError) as caught:
        reported(text, engine)
    assert words in str(caught.value) and "at i = " in str(caught.value)
