"""`--nan-check` of `hvm run` and `hvm trace`."""

from __future__ import annotations

import pytest


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "made.hmp"
        path.write_text(text)
        return path

    return write


ENGINES = ("reference", "jit", "auto")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("command", ["run", "trace"])
def test_it_names_relation_place_and_operands(hvm, file, command, engine):
    path = file("index t : 3..6\ngiven x[t]\ny[t] = log(x[t] - 1)\nz[t] = y[t]*2\nfind z[t]\n")
    done = hvm(command, path, "--set", "x=[2, 3, 1, 0]", "--nan-check", "--engine", engine)
    assert done.status == 1 and done.out == ""
    assert done.err == (f"{path}:3:1: error: y becomes -inf here at t = 5\n"
                        "    y[t] = log(x[t] - 1)\n    ^^^^^^^^^^^^^^^^^^^^\n    x = 1\n")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_infinity_that_no_result_shows(hvm, file, engine):
    path = file("given x\ny = exp(x)\nz = 1/(1 + y)\nfind z\n")
    done = hvm("run", path, "--set", "x=1000", "--nan-check", "--engine", engine)
    assert done.status == 1 and "y becomes inf here" in done.err and "x = 1000" in done.err
    assert hvm("run", path, "--set", "x=1000").status == 0


def test_a_nan_that_no_result_shows(hvm, file):
    path = file("given x\ny = sqrt(x)\nz = if(y > 1, y, 0)\nfind z\n")
    done = hvm("run", path, "--set", "x=-1", "--nan-check")
    assert done.status == 1 and "y becomes NaN here" in done.err


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_no_accident_is_not_reported(hvm, file, engine):
    masked = ("index t, u : 1..3\ngiven x[t]\nS[t,u] = if(u <= t, x[t]*x[u], -inf)\n"
              "A[t,u] = exp(S[t,u])/sum[u](exp(S[t,u]))\nfind A[t,u]\n")
    # exp(S) alone would overflow; the softmax that it is part of does not
    stable = ("index t, u : 1..3\ngiven x[t]\nE[t,u] = exp(x[t]*x[u])\n"
              "A[t,u] = E[t,u]/sum[u](E[t,u])\nfind A[t,u]\n")
    guarded = "index t : 1..3\ngiven x[t]\ny[t] = if(x[t] > 2, log(x[t] - 2), 0)\n"
    for text in (masked, stable, guarded):
        done = hvm("run", file(text), "--set", "x=[1, 2, 100]", "--nan-check", "--engine", engine)
        assert done.status == 0, done.err
        assert done.err == "no instruction makes a NaN or an infinity\n" and done.out


def test_inputs_that_are_not_finite_are_not_blamed(hvm, file):
    path = file("given x\ny = 2*x\n")
    assert hvm("run", path, "--set", "x=inf", "--nan-check").status == 0
    done = hvm("run", file("given x\ny = 2*x\nz = 1/(y - y + 1e-400)\nw = log(x - x)\n"),
               "--set", "x=1", "--nan-check")
    assert done.status == 1 and "becomes" in done.err


def test_it_comes_before_a_check_that_fails(hvm, file):
    path = file("given x\ny = sqrt(x)\ncheck y > 0\nfind y\n")
    done = hvm("run", path, "--set", "x=-1", "--nan-check")
    assert done.status == 1 and "y becomes NaN here" in done.err and "y > 0" not in done.err


def test_python(tmp_path):
    import hvm_vm as hvm

    program = hvm.compile("given x\ny = exp(x)\nz = y - y\nfind z\n")
    found = hvm.find_nan(program, x=1000.0, infinite=True, engine="jit")
    assert (found.kind, found.variable, found.operands) == ("inf", "y", (("x", 1000.0),))
    assert hvm.find_nan(program, x=1.0, infinite=True) is None
    assert hvm.find_nan(program, x=1000.0).variable == "z"
