"""Inputs, sizes, defaults, results, checks, types, and the errors of names."""

from __future__ import annotations

import numpy as np
import pytest

from hvm_vm.bytecode.module import TensorPattern
from tests.oracle import OracleError
from tests.relations.programs import (
    close,
    error,
    errors,
    results,
    system,
    values,
    warnings,
)


# --- inputs ----------------------------------------------------------------------------------
def test_names_that_nothing_determines_are_inputs():
    built = system("y = a*x + b")
    assert [n for n, v in built.variables.items() if v.is_input] == ["a", "x", "b"]
    assert not built.variables["a"].declared


def test_an_undeclared_input_beside_given_is_an_error():
    message = error("given width, height\narea = widht * height")
    assert message.startswith("2: ") and "widht" in message and "did you mean width?" in message


def test_a_slip_is_warned_about():
    assert "did you mean width?" in warnings("width = 3; area = 2*width + widht")[0]
    assert not warnings("y = x1_1 + x1_2 + x2_1")


def test_undeclared_inputs_get_their_axes_from_their_uses():
    built = system("index t : T\nindex k : 0..3\ny[t] = x[t] + w[0] + sum[k](w[k]*g[k+1])")
    shapes = {n: [f"{a.lo}..{a.hi}" for a in v.axes] for n, v in built.variables.items()}
    assert shapes == {"x": ["1..T"], "w": ["0..3"], "g": ["1..4"], "y": ["1..T"]}


def test_an_axis_that_nothing_measures():
    assert "axis 1 of E" in error("index t : T\ny[t] = E[token[t]]")


def test_given_axes_may_be_bare_ranges():
    built = system("index j : D\ngiven W[0..Rows-1, j]\ny[j] = W[0, j]")
    axes = built.variables["W"].axes
    shown = [(str(a.lo), str(a.hi), a.text) for a in axes]
    assert shown == [("0", "Rows - 1", ""), ("1", "D", "j")]
    assert set(built.size_defaults) == {"D", "Rows"}


def test_tensor_names():
    text = """
    index l : L
    index i, j : D
    given W[l,i,j] from "encoder.layer.{l-1}.weight", b[i] from "bias"
    y[i] = sum[l,j](W[l,i,j]) + b[i]
    """
    built = system(text)
    assert built.variables["W"].pattern == TensorPattern(("encoder.layer.", (0, 1, -1), ".weight"))
    assert built.variables["b"].pattern == TensorPattern(("bias",))
    assert "must hold one index" in error(text.replace("{l-1}", "{k-1}"))
    assert "affine" in error(text.replace("{l-1}", "{l*l}"))
    assert "not closed" in error(text.replace("{l-1}", "{l-1"))


def test_a_given_name_with_a_relation():
    assert "determines nothing" in error("given x\nx = y + 1\ny = 2")
    assert system("given x\nx = cos(p)\nfind p").blocks[0].unknowns[0].variable == "p"
    assert system("given x\nx = 3\ny = x").variables["x"].default == 3


def test_known_names_become_inputs():
    built = system("F = m*a\nm = 2\na = 3\nE = F*2", known={"F"})
    assert built.variables["F"].is_input and built.order == ("E",)
    built = system("F = m*a\nm = 2\nE = F*a", known={"F"})
    assert built.order == ("a", "E") and not built.variables["a"].is_input


def test_given_twice():
    assert "given twice" in error("given x, x\ny = x")


# --- sizes -----------------------------------------------------------------------------------
def test_size_defaults():
    built = system("N = 10\nM = 2*N\nindex i : M\nindex j : K\ny[i,j] = i*j + N")
    assert built.size_defaults == {"N": 10, "K": None}
    assert str(built.variables["y"].axes[0].hi) == "2*N"


def test_a_constant_in_a_subscript_is_a_size():
    built = system("index i : 5\ngiven x[i]\nn = 3\ny = x[n] + n\nz[n] = 1\nz[i] = 2")
    assert built.size_defaults == {"n": 3}


def test_a_size_may_be_found():
    assert values("N = 4\nindex i : N\ny[i] = i\nfind y[i], N")["N"] == 4


# --- defaults --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text, default",
    [
        ("x = 1.5", 1.5),
        ("x = -1/3", -1 / 3),
        ("x = 2*pi", 2 * np.pi),
        ("index i : 3\nx[i] = [0, 1/2, 1]", [0, 0.5, 1]),
        ("index i : 2\nindex j : 1\nx[i,j] = [[1], [2]]", [[1], [2]]),
        ("index i : 3\nx[i] = 0", 0),
    ],
)
def test_constants_are_defaults(text, default):
    built = system(text)
    assert built.variables["x"].is_input and built.variables["x"].default == default


def test_a_value_from_outside_replaces_a_default():
    text = "index i : 3\na[i] = [0, 1/2, 1]\nb = 2\ny[i] = b*a[i]"
    assert close(values(text)["y"], [0, 1, 2])
    assert close(values(text, {"a": [1, 1, 1], "b": 3})["y"], [3, 3, 3])


def test_free_drops_a_default():
    text = "x = 1\ny = 2*x\nx = z + 1\nz = 4"
    assert "two relations" in error(text)
    assert values(text, free={"x"}, find=("y",))["y"] == 10
    assert system("x = 1\ny = 2*x", free={"x"}).variables["x"].default is None


def test_lists_that_do_not_fit():
    head = "index i : 3\n"
    assert "has 3 elements" in error(head + "a[i] = [1, 2]\ny = a[1]")
    assert "different lengths" in error(head + "a[i] = [[1], [2, 3]]\ny = a[1]")
    assert "2 deep" in error(head + "a[i] = [[1], [2]]\ny = a[1]")
    assert "give it an axis" in error("a = [1, 2]\ny = a")
    assert "more than constants" in error(head + "a[i] = [1, b, 2]\nb = 2\ny = a[1]")
    assert "whole variable" in error(head + "a[i] = [1, 2, 3]\na[2] = 5\ny = a[1]")


# --- results ---------------------------------------------------------------------------------
def test_without_find_what_no_other_relation_uses():
    assert results("y = 2*x\nz = y + 1\nw = 3") == ["z", "w"]
    assert results("y = 2*x\ncheck y > 0") == ["y"]
    assert results("f(x) = k*x\nk = 2\ny = f(3)") == ["y"]


def test_find_and_what_replaces_it():
    assert results("y = 2*x\nz = y + 1\nfind y") == ["y"]
    assert results("y = 2*x\nz = y + 1\nfind y", find=("z",)) == ["z"]


def test_slices():
    text = "N = 3\nindex n : 0..N\nindex i : 2\nu[n,i] = 10*n + i\n"
    assert close(values(text + "find u[N,i]")["u"], [31, 32])
    assert close(values(text + "find u[1..2,i]")["u"], [[11, 12], [21, 22]])
    assert close(values(text + "find u[n,1]")["u"], [1, 11, 21, 31])
    out = values(text + "find u[0,i], u[N,i]")
    assert close(out["u[0,i]"], [1, 2]) and close(out["u[N,i]"], [31, 32])
    assert close(values(text + "find u[i,i]")["u"], [11, 22])
    assert results(text + "find u") == results(text + "find u[n,i]") == ["u"]
    assert values(text + "find u[2,1]")["u"] == 21
    assert values(text + "find u[3..1,i]")["u"].shape == (0, 2)  # however far apart the ends are


def test_errors_of_find():
    assert "did you mean area" in error("area = 2\nfind aera")
    assert "no relation speaks of" in error("area = 2", find=("volume",))
    assert "cannot be found" in error("area = 2", find=("a b",))
    assert "x has 1 subscript, but 2 here" in error("index i : 2\nx[i] = i\nfind x[i,i]")
    assert "is an index" in error("index i : 2\nx[i] = i\nfind i")


# --- checks ----------------------------------------------------------------------------------
def test_checks_are_requirements():
    text = "index i : 3\ngiven x[i]\ny = sum[i](x[i])\ncheck y = 6 within 1e-9\ncheck x[i] > 0"
    built = system(text)
    assert [r.status for r in built.requirements] == [1, 1]
    assert values(text, {"x": [1, 2, 3]})["y"] == 6
    with pytest.raises(OracleError, match=r"check failed: `check x\[i\] > 0`"):
        values(text, {"x": [0, 3, 3]})
    with pytest.raises(OracleError, match="check y = 6 within 1e-9"):
        values(text, {"x": [1, 1, 1]})


def test_a_check_has_conditions():
    text = "index i : 3\ngiven x[i]\ny = x[1]\ncheck x[i] > x[i-1] where i > 1"
    assert values(text, {"x": [1, 2, 3]})["y"] == 1
    with pytest.raises(OracleError):
        values(text, {"x": [1, 3, 2]})


# --- types -----------------------------------------------------------------------------------
def test_integers():
    text = """
    index t : T
    index v : 0..9
    given integer token[t], E[v], plain[t]
    shift[t] = token[t] + 1
    best = argmax[v](E[v])
    n = sum[t](1)
    k = sum[t](1)
    y[t] = E[token[t]] + E[mod(t, 3)] + E[best] + E[k-1] + E[free[t]]
    """
    built = system(text.replace("plain[t]", "plain[t], integer free[t]"))
    types = {n: v.type for n, v in built.variables.items()}
    assert types == {
        "token": "integer", "E": "float", "plain": "float", "shift": "integer", "best": "integer",
        "n": "float", "k": "integer", "y": "float", "free": "integer",
    }  # fmt: skip


def test_undeclared_integers_are_inferred():
    built = system("index t : T\nindex v : 0..9\ny[t] = E[token[t]] + sum[v](E[v])")
    assert built.variables["token"].type == "integer"


def test_a_subscript_is_an_integer():
    head = "index t : T\nindex v : 0..9\ngiven x[t], E[v]\n"
    assert "given integer x" in error(head + "y[t] = E[x[t]]")
    assert "whole number" in error(head + "y[t] = E[t/2]")
    assert system(head + "y[t] = E[round(x[t])]").order == ("y",)


def test_symbols_are_only_compared():
    head = "index i : 3\ngiven x[i]\nc[i] = if(x[i] > 0, 'A', 'B')\n"
    assert "symbol is used as a number" in error(head + "y[i] = c[i] + 1")
    assert "compared with a number" in error(head + "y[i] = (c[i] = 1)")
    assert "symbol is used as a number" in error(head + "y[i] = (c[i] < 'B')")
    assert "between a symbol and a number" in errors(head + "y[i] = if(x[i] > 0, 'A', 1)")[0]
    assert "runs over symbols" in error(head + "y = max[i](c[i])")
    assert "symbol elsewhere" in error(head + "d[i] = 'A' where i < 2\nd[i] = 1 otherwise")
    assert system(head).symbols == ("A", "B")


def test_precision():
    assert system("precision float32\ny = 1").precision == "f32"
    assert system("y = 1").precision == "f64"
    assert "two precisions" in error("precision float32\nprecision float64\ny = 1")


# --- order -----------------------------------------------------------------------------------
def test_order_of_computation():
    built = system("c = b + a\nb = a + x\na = x")
    assert built.order == ("a", "b", "c")


def test_a_long_chain_in_any_order():
    lines = [f"y{k} = y{k - 1} + 1" for k in range(1, 5000)]
    np.random.default_rng(0).shuffle(lines)
    built = system("\n".join(lines))
    assert built.order == tuple(f"y{k}" for k in range(1, 5000))


# --- what later versions do ------------------------------------------------------------------
@pytest.mark.parametrize(
    "text, words",
    [
        ("index i : 3\ngiven A[i,i], x\nsum[i](A[i,i]*y[i]) = x",
         "1 equation for 3 unknown elements of y"),
        ("x = 3\ny = x^2\ns = d(y)/d(x)", "derivative"),
        ("index n : 5\nh[n] = n\ny = last[n](h[n])", "last[n]"),
        ("guess x = 1\ny = 2", "no relation holds it"),
        ("2 = x + y\ny = 1\nx = 1", "check"),
    ],
)
def test_what_needs_solving_is_said_once(text, words):
    message = error(text)
    assert words in message
    assert any(w in message for w in ("not supported in this version", "determine", "holds"))


# --- all errors ------------------------------------------------------------------------------
def test_every_error_is_reported():
    text = """index i : 3
given x[i]
a[i] = x[j]
b = nope(3)
c[i] = x[i] + 'A'
e[i] = x[i,i]
f = a[1] + b
find g
"""
    lines = [int(e.split(":")[0]) for e in errors(text)]
    assert lines == [3, 4, 5, 6, 8]


def test_a_long_cycle_is_abridged():
    lines = ["index t, u : T", "given b[t]"]
    for k in range(500):
        lines += [f"alpha{k}[t] = sum[u | u < t](alpha{(k + 1) % 500}[u])/2 + b[t]"]
    message = error("\n".join(lines))
    assert "alpha0 -> alpha1 -> " in message and "… -> alpha498 -> alpha499 -> alpha0" in message
