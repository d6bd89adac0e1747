"""Many sets of values at once: against one run a set, and what happens to those that fail."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.api import many

ENGINES = pytest.mark.parametrize("engine", ["reference", "jit"])
PAIR = "given a, b\nx^2 + y = a\nx + y^2 = b\nguess x = 1; guess y = 1\nfind x, y"
PROGRAMS = {  # source, shapes of the inputs of one set, sizes
    "attention": ("""
index t, u : T
index i : D
given Q[t,i], K[t,i], V[t,i]
S[t,u] = sum[i](Q[t,i]*K[u,i])
O[t,i] = sum[u](exp(S[t,u])/sum[u](exp(S[t,u]))*V[u,i])
find O[t,i]""", {"Q": (3, 2), "K": (3, 2), "V": (3, 2)}),
    "norm and products": ("""
index t : T
index i, j : D
given x[t,i], W[i,j], g[i]
m[t] = mean[i](x[t,i])
n[t,i] = g[i]*(x[t,i] - m[t])/sqrt(mean[i]((x[t,i] - m[t])^2) + 1e-5)
y[t,i] = sum[j](W[i,j]*n[t,j])
best[t] = argmax[i](y[t,i])
shift[t] = y[t,best[t]] + t
find y[t,i], best[t], shift[t], total
total = sum[t](shift[t])""", {"x": (4, 3), "W": (3, 3), "g": (3,)}),
    "cases and guards": ("""
index k : K
given x[k], c
y[k] = x[k]*c where k = 1
y[k] = y1[k] + x[k-1] where k > 1
y1[k] = x[k]^2
large = max[k | x[k] > -9](y[k])
label = if(large > c, 'BIG', 'SMALL')
find y[k], large, label""", {"x": (5,), "c": ()}),
    "solves in rows": ("""
index k : K
given s[k], e
r[k]^3 + exp(r[k]) = s[k] + e
find r[k], m
m = max[k](r[k])""", {"s": (3,), "e": ()}),
}


@ENGINES
@pytest.mark.parametrize("name", PROGRAMS)
def test_as_one_run_a_set(name, engine):
    """Whatever has sets: every input, or any one alone."""
    text, shapes = PROGRAMS[name]
    program = hvm.compile(text)
    rng = np.random.default_rng(3)
    for wide in [set(shapes), *({n} for n in shapes)]:
        values = {n: rng.normal(size=((4, *s) if n in wide else s)) for n, s in shapes.items()}
        out = program.solve_many(values, engine=engine)
        assert not out.status.any() and list(out) == list(program.outputs)
        for k in range(4):
            one = program({n: v[k] if n in wide else v for n, v in values.items()}, engine=engine)
            for result, value in one.items():
                if isinstance(value, str) or np.asarray(value).dtype.kind in "iU":
                    np.testing.assert_array_equal(out[result][k], value)
                else:
                    np.testing.assert_allclose(out[result][k], value, rtol=1e-12, atol=1e-13)


@ENGINES
def test_sets_without_a_solution_harm_no_other(engine):
    program = hvm.compile(PAIR)
    out = program.solve_many(a=[3.0, -50.0, 5.0, np.nan], b=[5.0, -50.0, 3.0, 1.0], engine=engine)
    np.testing.assert_array_equal(out.status, [0, 1, 0, 1])
    np.testing.assert_array_equal(out.failed, [1, 3])
    np.testing.assert_allclose(out["x"], [1, np.nan, 2, np.nan], atol=1e-9)
    np.testing.assert_allclose(out["y"], [2, np.nan, 1, np.nan], atol=1e-9)
    assert out.message(0) == ""
    with pytest.raises(hvm.RunError) as alone:
        program(a=-50.0, b=-50.0, engine="reference")
    assert out.message(1) == str(alone.value)
    assert "no solution found for x and y" in out.message(1)


@ENGINES
def test_a_failed_check_is_a_status(engine):
    text = "index k : K\ngiven x[k], top\ny = sum[k](x[k])\ncheck x[k] <= top\ncheck y > 0\nfind y"
    out = hvm.compile(text).solve_many(
        x=[[1, 2], [9, 1], [-1, 0], [2, np.nan]], top=5, engine=engine)
    np.testing.assert_array_equal(out.status, [0, 1, 1, 1])
    np.testing.assert_array_equal(out["y"], [3, np.nan, np.nan, np.nan])
    assert "x[k] <= top` at k = 1" in out.message(1)
    assert "y > 0" in out.message(2)


def test_no_points_fail_no_check():
    text = "index k : K\ngiven x[k], top\ny = top + sum[k](x[k])\ncheck x[k] <= top\nfind y"
    out = hvm.compile(text).solve_many(x=np.zeros((3, 0)), top=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(out["y"], [1, 2, 3])


@ENGINES
def test_what_ends_a_run_ends_that_set_alone(engine):
    """A computed subscript out of range is found as a run goes, and is bad input (status 2)."""
    text = "index n : N\ngiven table[n], integer at\ny = table[at]\nfind y"
    at = np.arange(1, 41)
    at[[7, 30]] = 99
    out = hvm.compile(text).solve_many(table=np.arange(1.0, 41), at=at, engine=engine)
    np.testing.assert_array_equal(out.failed, [7, 30])
    assert set(out.status[[7, 30]]) == {2}
    good = out.status == 0
    np.testing.assert_array_equal(out["y"][good], at[good])
    assert np.isnan(out["y"][~good]).all() and "99" in out.message(7)


def test_a_failure_that_all_share_is_of_all():
    text = "given a, b\nx^2 = a\ny = x + b\nguess x = 1 in 0..9\nfind x, y"
    out = hvm.compile(text).solve_many(a=-1.0, b=[1.0, 2.0])
    np.testing.assert_array_equal(out.status, [1, 1])
    assert np.isnan(out["y"]).all() and np.isnan(out["x"]).all()
    assert "x^2 = a" in out.message(1)


def test_what_no_set_changes_is_computed_once():
    text = "index t : T\ngiven x[t], c\nm = mean[t](x[t])\ny = c*m\nfind m, y"
    out = hvm.compile(text).solve_many(x=[1.0, 2.0, 3.0], c=[1.0, 2.0])
    np.testing.assert_array_equal(out["m"], [2, 2])
    np.testing.assert_array_equal(out["y"], [2, 4])
    assert out["m"].strides == (0,)


@ENGINES
def test_chunks_and_threads_change_nothing(engine, monkeypatch):
    rng = np.random.default_rng(1)
    x, y = rng.uniform(1, 2, (2, 57))
    a, b = x * x + y, x + y * y
    a[20] = b[20] = -50
    program = hvm.compile(PAIR)
    whole = program.solve_many(a=a, b=b, engine=engine)
    monkeypatch.setattr(many, "LARGEST_CHUNK", 10)
    for threads in (1, 3):
        parts = program.solve_many(a=a, b=b, engine=engine, threads=threads)
        np.testing.assert_array_equal(parts.status, whole.status)
        np.testing.assert_array_equal(parts["x"], whole["x"])
    np.testing.assert_array_equal(whole.failed, [20])
    assert parts.instructions_executed > whole.instructions_executed


def test_any_names_may_be_known():
    """The source is compiled for the names that are given, as in a call."""
    program = hvm.compile("V = R*I\nP = V*I\nguess I = 1\nfind V, R, I, P")
    out = program.solve_many(P=[48.0, 75.0], R=3.0)
    np.testing.assert_allclose(out["I"], [4, 5])
    np.testing.assert_allclose(out["R"], [3, 3])
    out = program.solve_many(V=[12.0, 6.0], R=[3.0, 2.0])
    np.testing.assert_allclose(out["P"], [48, 18])
    with pytest.raises(hvm.InputError, match=r"Rr is not an input.*did you mean R"):
        program.solve_many(V=[1.0, 2.0], Rr=3.0)


def test_bytecode_says_what_it_was_compiled_for():
    program = hvm.loads(hvm.compile("V = R*I", known={"R", "I"}).encode())
    np.testing.assert_array_equal(program.solve_many(R=[1.0, 2.0], I=3.0)["V"], [3, 6])
    with pytest.raises(hvm.InputError, match=r"V is determined by.*\n?.*R and I"):
        program.solve_many(V=[1.0, 2.0], R=3.0)


def test_lengths_must_agree():
    program = hvm.compile(PAIR)
    with pytest.raises(hvm.InputError, match="a has 2 sets, but b has 3"):
        program.solve_many(a=[1.0, 2.0], b=[1.0, 2.0, 3.0])
    with pytest.raises(hvm.InputError, match="no value has an axis of sets"):
        program.solve_many(a=1.0, b=2.0)
    with pytest.raises(hvm.InputError, match="without elements"):
        program.solve_many(a=[], b=2.0)
    with pytest.raises(hvm.InputError, match="a is a single number"):
        program.solve_many(a=np.zeros((2, 2)), b=[1.0, 2.0])
    sized = hvm.compile("index t : T\ngiven x[t], c\ny = c*sum[t](x[t])\nfind y")
    with pytest.raises(hvm.InputError, match="T is a size, which all sets share"):
        sized.solve_many(x=[1.0, 2.0], c=[1.0, 2.0], T=[2, 2])


def test_scalars_of_a_family():
    lines = [f"y{t}_{i} = w{i}_1*x{t}_1 + w{i}_2*x{t}_2" for t in (1, 2, 3) for i in (1, 2)]
    program = hvm.compile("\n".join(lines))
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(5, 3, 2)), rng.normal(size=(2, 2))
    expected = np.einsum("ij,ktj->kti", w, x)
    out = program.solve_many(x=x, w=w)
    np.testing.assert_allclose(out["y"], expected)
    np.testing.assert_allclose(out["y3_1"], expected[:, 2, 0])
    assert list(out) == list(program.outputs)
    scalars = {f"x{t}_{i}": x[:, t - 1, i - 1] if t > 1 else float(x[0, 0, i - 1])
               for t in (1, 2, 3) for i in (1, 2)}
    out = program.solve_many(**scalars, w=w)
    np.testing.assert_allclose(out["y"][:, 1:], expected[:, 1:])
    np.testing.assert_allclose(out["y1_2"], np.full(5, expected[0, 0, 1]))


def test_symbols_and_whole_numbers():
    text = "given kind, integer n\ny = if(kind = 'UP', n, -n)\nlabel = if(y > 0, 'PLUS', 'MINUS')"
    out = hvm.compile(text + "\ncheck n < 9\nfind y, label").solve_many(
        kind=["UP", "DOWN", "UP"], n=[1, 2, 9])
    np.testing.assert_array_equal(out["label"], ["PLUS", "MINUS", ""])
    np.testing.assert_array_equal(out["y"], [1, -2, 0])


def test_inputs_of_data_files(tmp_path):
    path = tmp_path / "table.npz"
    np.savez(path, V=[12.0, 6.0], unused=np.zeros((7, 7)))
    out = hvm.compile("V = R*I\nP = V*I\nfind I, P").solve_many(R=3.0, data=str(path))
    np.testing.assert_allclose(out["I"], [4, 2])
    assert repr(out) == "<2 sets of I and P, 0 failed>"
    with pytest.raises(hvm.HvmError, match="there is no result Q"):
        out["Q"]


@ENGINES
def test_single_precision(engine):
    out = hvm.compile("precision float32\n" + PAIR).solve_many(
        a=[3.0, -50.0], b=[5.0, -50.0], engine=engine)
    assert out["x"].dtype == np.float32
    np.testing.assert_allclose(out["x"], [1, np.nan], rtol=1e-5)
