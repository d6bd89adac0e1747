"""Solves, in both engines: known examples, SciPy as oracle, published systems, honest failures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import root

import hvm_vm as hvm

ENGINES = pytest.mark.parametrize("engine", ["reference", "jit"])
ARM = """
given x, y
a = 1; b = 1
find p, q
x = a*cos(p) + b*cos(p + q)
y = a*sin(p) + b*sin(p + q)
guess p = 0; guess q = 1
"""
OPTIONS = """
index o : O
given S[o], X[o], tau[o], market[o], r
find implied[o]
Phi(x) = (1 + erf(x/sqrt(2))) / 2
u(S,X,r,tau,v) = (log(S/X) + (r + v^2/2)*tau) / (v*sqrt(tau))
call(S,X,r,tau,v) = S*Phi(u(S,X,r,tau,v)) - X*exp(-r*tau)*Phi(u(S,X,r,tau,v) - v*sqrt(tau))
market[o] = call(S[o], X[o], r, tau[o], implied[o])
guess implied[o] = 0.3 in 0.001..5
"""


def run(text: str, engine: str = "reference", **values) -> dict:
    return dict(hvm.compile(text, known=frozenset(values))(engine=engine, **values))


def failure(text: str, engine: str, **values) -> str:
    with pytest.raises(hvm.HvmError) as caught:
        run(text, engine, **values)
    assert caught.value.exit_status == 1
    return str(caught.value)


# -- known examples -------------------------------------------------------------------------------
@ENGINES
@pytest.mark.parametrize(
    "text, values, expected",
    [
        ("x + y = 26\nx - y = 2", {}, {"x": 14, "y": 12}),
        ("a = b + 1\nb = 2*a", {}, {"a": -1, "b": -2}),
        ("A = P*(1 + r)^n", {"A": 2.0, "P": 1.0, "n": 10.0}, {"r": 2**0.1 - 1}),
        ("A = P + P*r", {"A": 110.0, "r": 0.1}, {"P": 100}),
        ("1/sqrt(f) = -2*log(e/3.7 + 2.51/(Re*sqrt(f)))/log(10)\nguess f = 0.02",
         {"e": 1e-4, "Re": 1e5}, {"f": 0.018513866077471}),
        ("x^2 = 4\nguess x = -1 in -5..0", {}, {"x": -2}),
        ("y = 2*x + 1\ny^2 = 9\nfind x", {}, {"x": 1}),           # through another relation
        ("x = cos(x)", {}, {"x": 0.7390851332151607}),
        ("x*1e12 = 1 + 0*x^2", {}, {"x": 1e-12}),
        ("x^2*1e24 = 1", {}, {"x": 1e-12}),
        ("x^3 = x + 1\nguess x = 0", {}, {"x": 1.324717957244746}),  # stalls, and starts again
        ("(x - 1)^2 = 0\nguess x = 3", {}, {"x": 1}),                # a multiple root
        ("total = 5 + x\ncost*2 + total = 7\nx^2 + total = 7", {}, {"cost": 0.5, "x": 1}),
        ("index t : 1..4\ngiven c[t], price\nsum[t](c[t]/(1 + r)^t) = price",
         {"c": [5.0, 5.0, 5.0, 105.0], "price": 100.0}, {"r": 0.05}),
        ("index i : N\ngiven w[i], m\nsum[i](w[i]*(x - 1)) = m",
         {"w": [1.0, 2.0, 5.0], "m": 4.0}, {"x": 1.5}),
    ],
)  # fmt: skip
def test_known_examples(text, values, expected, engine):
    out = run(text, engine, **values)
    for name, value in expected.items():
        assert out[name] == pytest.approx(value, rel=1e-7), name


@ENGINES
def test_the_arm_reaches_and_says_when_it_cannot(engine):
    out = run(ARM, engine, x=1.0, y=1.0)
    assert out["p"] == pytest.approx(0, abs=1e-12)
    assert out["q"] == pytest.approx(np.pi / 2)
    out = run(ARM.replace("guess q = 1", "guess q = -1"), engine, x=1.0, y=1.0)
    assert out["q"] == pytest.approx(-np.pi / 2)
    message = failure(ARM, engine, x=3.0, y=1.0)
    assert "no solution found for p and q" in message
    assert "line 5: x = a*cos(p) + b*cos(p + q)    left - right = " in message


@ENGINES
def test_one_solve_for_each_point_of_a_family(engine):
    rng = np.random.default_rng(1)
    n = 5000  # more than the engine solves side by side
    volatility = rng.uniform(0.1, 0.8, n)
    strike, tau = rng.uniform(80, 120, n), rng.uniform(0.5, 2, n)
    if engine == "reference":
        volatility, strike, tau = volatility[:60], strike[:60], tau[:60]
    data = {"S": np.full(len(tau), 100.0), "X": strike, "tau": tau, "r": 0.02}
    forward = OPTIONS.split("guess")[0].replace("find implied[o]", "find market[o]")
    forward = forward.replace("market[o], r", "r, v[o]").replace("implied[o]", "v[o]")
    market = run(forward, "jit", v=volatility, **data)["market"]
    found = run(OPTIONS, engine, market=market, **data)["implied"]
    np.testing.assert_allclose(found, volatility, rtol=1e-6)


@ENGINES
def test_the_point_that_fails_is_named(engine):
    message = failure("index k : K\ngiven s[k]\nr[k]^2 = s[k]", engine, s=[4.0, -1.0])
    assert "k = 2: no solution found for r" in message


@ENGINES
def test_blocks_over_arrays(engine):
    text = """
    index i : N
    given s[i], d[i]
    x[i]*y[i] = s[i]
    x[i] - h[i] = d[i]
    h[i] = 2*y[i]
    guess x[i] = s[i]
    """
    s, d = np.array([3.0, 8.0, 1.0]), np.array([1.0, 0.0, -1.0])
    out = run(text, engine, s=s, d=d)
    np.testing.assert_allclose(out["x"] * out["y"], s)
    np.testing.assert_allclose(out["x"] - 2 * out["y"], d, atol=1e-12)


@ENGINES
def test_single_precision(engine):
    out = run("precision float32\nx^2 + y = 3\ny^2 = x + 3", engine)
    assert out["x"] ** 2 + out["y"] == pytest.approx(3, rel=1e-6)


# -- failures -------------------------------------------------------------------------------------
@ENGINES
@pytest.mark.parametrize(
    "text, words",
    [
        ("x^2 + 1 = 0", "no solution found for x"),
        ("1/x = 0", "has no solution for x"),
        ("1/x + 0*x^2 = 0", "no solution found for x"),
        ("exp(-x) + 0*x^2 = 0", "no solution found for x"),
        ("x^2 = 4\nguess x = 0.5 in 0..1", "no solution found for x"),
        ("sqrt(x) + x = 6\nguess x = -4", "cannot start at x = -4"),
        ("x + y = 26\n2*x + 2*y = 52", "x = 26 - y"),
        ("x + y = 26\n2*x + 2*y = 50", "contradict each other"),
        ("x = x", "leave x open"),
        ("x/0 = 3", "it divides by 0"),
        ("floor(x) = 3", "a family of solutions"),
        ("x = x + 1", "contradict each other"),
        ("x - y = 0*x\nx^2 = y^2", "a family of solutions"),
        ("sin(x)^2 + cos(x)^2 = 1", "a family of solutions"),
        ("x*y = 1\nx^2*y^2 = 1\nguess x = 3", "a family of solutions"),
    ],
)
def test_no_answer_is_said_so(text, words, engine):
    assert words in failure(text, engine)


@ENGINES
def test_a_redundant_system_answers_with_all_its_solutions(engine):
    message = failure("x + y + z = 6\nx - y = 2\n2*x + z = 8", engine)
    assert "x = 4 - 0.5*z" in message and "y = 2 - 0.5*z" in message
    message = failure("x + y + z = 6\nx - y = 2\n2*x + z = 9", engine)
    assert all(f"line {k}" in message for k in (1, 2, 3))


def test_coefficients_decide_as_the_program_runs():
    text = "given k\nx + y = 2\nx + k*y = 3\nfind x, y"
    assert run(text, k=2.0)["y"] == pytest.approx(1)
    assert "contradict" in failure(text, "reference", k=1.0)


# -- oracles --------------------------------------------------------------------------------------
@ENGINES
@pytest.mark.parametrize("n", [2, 3, 8])
def test_random_linear_systems(n, engine):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(n, n)), rng.normal(size=n)
    lines = [
        " + ".join(f"{float(a[i, j])!r}*x{j}" for j in range(n)).replace("+ -", "- ")
        + f" = {float(b[i])!r};"
        for i in range(n)
    ]
    out = run("\n".join(lines), engine)
    found = [out[f"x{j}"] for j in range(n)]
    np.testing.assert_allclose(found, np.linalg.solve(a, b), rtol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_random_nonlinear_systems(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 5))
    a, solution = rng.normal(size=(n, n)), rng.uniform(0.5, 1.5, n)
    kinds = ["sin({0})", "{0}^2", "exp({0}/2)", "{0}*abs({0})", "log(1 + {0}^2)", "tanh({0})"]
    pick = [[str(rng.choice(kinds)) for _ in range(n)] for _ in range(n)]
    functions = {
        "sin({0})": np.sin, "{0}^2": np.square, "exp({0}/2)": lambda x: np.exp(x / 2),
        "{0}*abs({0})": lambda x: x * abs(x), "log(1 + {0}^2)": lambda x: np.log1p(x * x),
        "tanh({0})": np.tanh,
    }  # fmt: skip

    def relations(x):
        return np.array([
            sum(a[i, j] * functions[pick[i][j]](x[j]) for j in range(n)) for i in range(n)])

    b = relations(solution)
    lines = [
        " + ".join(f"({float(a[i, j])!r})*" + pick[i][j].format(f"x{j}") for j in range(n))
        + f" = {float(b[i])!r}"
        for i in range(n)
    ]
    oracle = root(lambda x: relations(x) - b, np.ones(n))
    for engine in ("reference", "jit"):
        try:
            out = run("\n".join(lines), engine)
        except hvm.HvmError:
            assert not oracle.success
            continue
        x = np.array([out[f"x{j}"] for j in range(n)])
        np.testing.assert_allclose(relations(x), b, rtol=1e-8, atol=1e-9)


# Moré, Garbow and Hillstrom 1981: relations, starts, published solutions.
CLASSICS = {
    "rosenbrock": ("1 - x = 0*y\n10*(y - x^2) = 0\nguess x = -1.2; guess y = 1",
                   {"x": 1, "y": 1}),
    "freudenstein-roth": (
        "x - 13 + ((5 - y)*y - 2)*y = 0\nx - 29 + ((y + 1)*y - 14)*y = 0\n"
        "guess x = 6; guess y = 5", {"x": 5, "y": 4}),
    "powell badly scaled": (
        "1e4*x*y - 1 = 0\nexp(-x) + exp(-y) - 1.0001 = 0\nguess x = 0; guess y = 1",
        {"x": 1.098159e-5, "y": 9.106146}),
    "powell singular": (
        "a + 10*b = 0\nsqrt(5)*(c - d) = 0\n(b - 2*c)^2 = 0\nsqrt(10)*(a - d)^2 = 0\n"
        "guess a = 3; guess b = -1; guess c = 0; guess d = 1", None),
    "helical valley": (
        "10*(z - 10*t) = 0\nt = atan2(y, x)/(2*pi)\n10*(sqrt(x^2 + y^2) - 1) = 0\nz = 0*x\n"
        "guess x = -1; guess y = 0.1; guess z = 0", {"x": 1, "y": 0}),
    "brown almost linear": (
        "2*a + b + c = 4\na + 2*b + c = 4\na*b*c = 1\n"
        "guess a = 0.5; guess b = 0.5; guess c = 0.5", None),
    "broyden tridiagonal": (
        "(3 - 2*a)*a - 2*b + 1 = 0\n(3 - 2*b)*b - a - 2*c + 1 = 0\n(3 - 2*c)*c - b + 1 = 0\n"
        "guess a = -1; guess b = -1; guess c = -1", None),
}  # fmt: skip


@ENGINES
@pytest.mark.parametrize("name", CLASSICS)
def test_classical_systems(name, engine):
    text, solution = CLASSICS[name]
    out = run(text, engine)
    if name == "powell singular":  # a singular root: known to about the fourth root of rounding
        assert all(abs(v) < 1e-3 for v in out.values())
        return
    if solution is not None:
        for key, value in solution.items():
            assert out[key] == pytest.approx(value, rel=1e-5, abs=1e-9)
    if name == "brown almost linear":
        a, b, c = (out[k] for k in "abc")
        np.testing.assert_allclose([2 * a + b + c, a + 2 * b + c, a * b * c], [4, 4, 1], rtol=1e-8)
    if name == "broyden tridiagonal":
        a, b = out["a"], out["b"]
        assert (3 - 2 * a) * a - 2 * b + 1 == pytest.approx(0, abs=1e-9)


# -- what is told ---------------------------------------------------------------------------------
@ENGINES
def test_the_trace_shows_iterations_and_residual(engine):
    trace = hvm.compile(ARM).trace(x=1.0, y=1.0, engine=engine, repeat=1)
    row = trace.rows[0]
    assert row.op == "solve" and 3 <= row.iterations <= 12 and row.residual < 1e-14
    assert "solve %x - (" in row.disassembly and "iterations, residual" in str(trace)
    assert '"iterations": ' in trace.json_lines()


def test_engines_take_the_same_steps():
    for text, _ in CLASSICS.values():
        program = hvm.compile(text)
        counts = [program.trace(engine=e, repeat=1).rows[0].iterations
                  for e in ("reference", "jit")]
        assert counts[0] == counts[1]


@pytest.mark.parametrize("text", [
    ARM.replace("q = 1", "q = 1e-300"),
    "x*y = 1\nx + y*1e200 = 5\nguess x = 1e-290; guess y = 1e280",
    "x^2*1e280 + y = 1e-290\nx - y^3*1e-290 = 1e200\nguess x = 1e-200",
    "exp(x) + y = 1e300\nexp(y)*x = 1e-300",
])
def test_numbers_that_overflow_on_the_way_end_alike(text):
    ends = []
    for engine in ("reference", "jit"):
        try:
            ends.append(run(text, engine, **({"x": -1.0, "y": -1.3} if "given" in text else {})))
        except hvm.HvmError as error:
            ends.append(str(error))
    if isinstance(ends[0], str):
        assert ends[0] == ends[1]
    else:
        assert ends[0] == pytest.approx(ends[1])


def test_a_bytecode_file_solves_without_the_compiler(tmp_path):
    path = tmp_path / "arm.hvmb"
    hvm.compile(ARM).save(path)
    assert hvm.load(path)(x=1.0, y=1.0)["q"] == pytest.approx(np.pi / 2)


@ENGINES
def test_many_points_with_many_unknowns_are_solved_in_parts(engine, monkeypatch):
    from hvm_vm.engines import slices

    monkeypatch.setattr(slices, "SLICE", 200)  # in the reference engine
    n, points = 6, 3000 if engine == "jit" else 40
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(n, n)) + 3 * np.eye(n), rng.normal(size=(n, points))
    given = ", ".join(f"b{i}[k]" for i in range(n))
    lines = [
        " + ".join(f"({float(a[i, j])!r})*x{j}[k]" for j in range(n)) + f" = b{i}[k]"
        for i in range(n)
    ]
    program = hvm.compile(f"index k : K\ngiven {given}\n" + "\n".join(lines))
    found = program.run({f"b{i}": b[i] for i in range(n)}, engine=engine)
    x = np.array([found.outputs[f"x{j}"] for j in range(n)])
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-9, atol=1e-12)
    assert found.solved[0].iterations == 3 and found.solved[0].residual < 1e-14


@ENGINES
def test_unsolved_points_become_nan_where_the_instruction_says_so(engine):
    from dataclasses import replace

    from hvm_vm.api.program import Program
    from hvm_vm.bytecode import verify
    from hvm_vm.bytecode.solve_layout import UNSOLVED_NAN

    module = hvm.compile("index k : K\ngiven s[k]\nr[k]^2 + exp(r[k]) = s[k]\nfind r[k]").module
    pc = next(n for n, one in enumerate(module.code) if one.op == "solve")
    descriptors = list(module.descriptors)
    number = module.code[pc].descriptor
    descriptors[number] = replace(descriptors[number], status=UNSOLVED_NAN)
    r = Program(verify(replace(module, descriptors=tuple(descriptors))))(
        engine=engine, s=[1.0, -3.0, 2.0, np.nan])["r"]
    np.testing.assert_array_equal(np.isnan(r), [False, True, False, True])
    np.testing.assert_allclose(r[[0, 2]] ** 2 + np.exp(r[[0, 2]]), [1, 2], rtol=1e-9, atol=1e-9)


def test_ordinary_points_end_side_by_side():
    # None of them is a suspect: the careful solve, point by point, would cost many times as much.
    from hvm_vm.engines.solving import plain

    rng = np.random.default_rng(0)
    a, b = rng.uniform(1, 5, 500), rng.uniform(0, 1, 500)

    def evaluate(x):
        u, v = x
        e = np.exp(u)
        return (np.stack([u * u + v * v - a, e - v - b]), np.stack([u * u + v * v + a, e + v + b]),
                np.stack([2 * u, 2 * v, e, -np.ones(500)]))

    bound = np.full((2, 500), np.inf)
    x, ended, passes, _ = plain.newton(
        evaluate, np.ones((2, 500)), -bound, bound, False, 1e-9, 2.2e-16)
    assert (ended == plain.ENDED).all()
    assert passes.max() <= 7
    np.testing.assert_allclose(evaluate(x)[0], 0, atol=1e-14)
