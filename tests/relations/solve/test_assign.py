"""Which relation determines which name, and what is turned round."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hvm_vm
from tests.relations.programs import close, error, system, values


@pytest.mark.parametrize(
    "known, name, value",
    [({"R": 3.0, "I": 4.0}, "V", 12.0), ({"V": 12.0, "I": 4.0}, "R", 3.0),
     ({"V": 12.0, "R": 3.0}, "I", 4.0)],
)  # fmt: skip
def test_ohms_law_gives_whichever_is_missing(known, name, value):
    out = values("V = R*I", known, known=set(known))
    assert out == {name: pytest.approx(value)}


def test_an_indexed_family_is_turned_round_whole():
    out = values("index k : K\nV[k] = R[k]*I[k]", {"V": [2.0, 9.0], "R": [1.0, 3.0]}, {"K": 2},
                 known={"V", "R"})
    assert close(out["I"], [2, 3])


def test_what_a_constant_gives_a_whole_array_leaves_its_other_relation_free():
    text = "index k : 4\ny[k] = [1, 4, 9, 16]\nc[k] = 2\ny[k] = c[k]*x[k]"
    assert close(values(text)["x"], [0.5, 2, 4.5, 8])


@pytest.mark.parametrize(
    "text, x",
    [
        ("3 - x = 1", 2), ("-x = 1", -1), ("1 - (2 - x) = 5", 6), ("2*x/4 = 3", 6),
        ("6/x = 3", 2), ("1/(2*x) = 4", 1 / 8), ("x^3 = -8", -2), ("x^-1 = 4", 1 / 4),
        ("x^-3 = -8", -1 / 2), ("x^0.5 = 3", 9), ("2^x = 8", 3), ("exp(x) = 1", 0),
        ("log(x) = 0", 1), ("sqrt(x) = 3", 9), ("2*exp(-x/3) + 1 = 2", 3 * math.log(2)),
        ("5 = -(x - 1)", -4), ("(x + 1)^(1/3) = 2", 7), ("4 = 2 - x - 3", -5),
    ],
)  # fmt: skip
def test_operations_that_are_undone(text, x):
    built = system(text)
    assert not built.blocks
    assert values(text)["x"] == pytest.approx(x)


@pytest.mark.parametrize("text", ["sqrt(x) = y", "exp(x) = y", "2^x = y", "x^0.5 = y"])
def test_what_an_inverse_takes_for_granted_is_required(text):
    built = system(f"given y\n{text}")
    assert built.requirements and built.requirements[0].status == 1
    assert "has no solution for x" in built.requirements[0].message


def test_values_from_outside_come_first_then_names_on_the_left():
    built = system("a = b + 1\nc = 2*a\na + d = 5\ngiven b")
    assert set(built.order) == {"a", "c", "d"}
    built = system("F = m*a\nm = 2\nE = F*a\nfind a, E", known={"F"})
    assert built.order == ("a", "E")


def test_a_computed_value_that_is_set_instead_determines_nothing_else():
    built = system("index i : N\nh[i] = 2*x[i]\ny = sum[i](h[i])", known={"h"})
    assert built.order == ("y",)
    assert [r.name for r in built.results] == ["y"]


def test_names_that_are_asked_for_are_unknown_and_the_others_inputs():
    built = system("a*x = b\nfind x")
    assert built.variables["a"].is_input and built.order == ("x",)
    built = system("a*x = b\nguess b = 2")
    assert built.order == ("b",)


def test_a_default_is_known_until_it_is_freed():
    assert system("x + y = 3\nx = 1").order == ("y",)
    built = system("x + y = 3\nx = 1", free={"x"}, known={"y"})
    assert built.order == ("x",)


def test_unknowns_of_such_relations_are_results():
    built = system("x + 1 = a\ny = 2*x\ngiven a")
    assert [r.name for r in built.results] == ["x", "y"]


def test_functions_count_by_what_they_read():
    built = system("f(t) = t*k\ngiven k\nf(2) + x = 10")
    assert built.order == ("x",)


def test_a_constant_beside_a_relation_is_what_is_known():
    assert values("y = 2*x + 1\ny = 5\nfind x") == {"x": 2}
    assert "two relations determine a" in error("a = b + 1\na = 3\ngiven b")


def test_divisions_are_required_to_be_possible():
    built = system("given d\nx/d = 3")
    assert built.order == ("x",) and "it divides by 0" in built.requirements[0].message


def test_relations_are_solved_for_elements():
    """A relation determines elements, not whole names: x[1] and x[2] from two relations."""
    out = hvm_vm.compile("given a\nx[1] + x[2] = a\nx[1] - x[2] = 1")(a=5.0)
    assert out["x"] == pytest.approx([3, 2])
    text = "index i, j : 3\ngiven A[i,j], b[i]\nsum[j](A[i,j]*x[j]) = b[i]"
    matrix = np.array([[2.0, 1, 0], [1, 3, 1], [0, 1, 4]])
    out = hvm_vm.compile(text)(A=matrix, b=matrix @ [1.0, -2, 3])
    assert out["x"] == pytest.approx([1, -2, 3])
    out = hvm_vm.compile("index i : 3\nx[i]^2 = i where i > 1\nx[1] = 7")()
    assert out["x"] == pytest.approx([7, 2**0.5, 3**0.5])


def test_a_cycle_of_arrays_is_a_system():
    out = hvm_vm.compile("index i : 3\na[i] = b[4-i] + i\nb[i] = 2*a[i]\nfind a, b")()
    matrix = np.eye(3) - 2*np.eye(3)[::-1]
    expected = np.linalg.solve(matrix, [1.0, 2, 3])
    assert out["a"] == pytest.approx(expected) and out["b"] == pytest.approx(2*expected)


def test_a_guess_is_a_number_that_is_known():
    assert "cannot depend on what is solved for" in error("guess x = y\nx^2 = 4\ny = x")
    assert "a guess is a number" in error("guess x = 'A'\nx^2 = 4")
    assert "the index j is free in the guess of x" in error(
        "index i, j : 3\nguess x[i] = j\nx[i]^2 = 4*i")
    assert system("guess y = x\nx^2 = 4\ny^2 = x").order == ("x", "y")


THROW = """
across = speed*cos(angle)
up = speed*sin(angle)
up*time - 5*time^2 = 0
range = across*time
guess angle = 0.3; guess time = 1; guess speed = 3
find angle, speed, range, time
"""


@pytest.mark.parametrize(
    "known, found",
    [({"speed", "angle"}, {"range", "time"}), ({"speed", "range"}, {"angle", "time"}),
     ({"angle", "range"}, {"speed", "time"}), ({"time", "range"}, {"speed", "angle"})],
)  # fmt: skip
def test_what_is_wanted_is_found_through_other_relations(known, found):
    """Also where each relation that is left holds an unknown of its own, but too few of them."""
    throw = {"speed": 20.0, "angle": 0.5}
    throw["time"] = throw["speed"] * math.sin(0.5) / 5
    throw["range"] = throw["speed"] * math.cos(0.5) * throw["time"]
    program = hvm_vm.compile(THROW, known=known)
    out = program({n: throw[n] for n in known}, engine="reference")
    assert {n: out[n] for n in found} == pytest.approx({n: throw[n] for n in found}, rel=1e-6)


def test_what_nobody_wants_is_not_found_through_others():
    """`height` set from outside is not a relation for `speed`, an input like any other."""
    built = system("given speed\nup = 2*speed\nheight = up^2\ntime = up/5\nfind time",
                   known={"height"})
    assert not built.blocks


@pytest.mark.parametrize("text, found", [
    ("y = 2*x\ny = 10 - x\nfind x, y", {"x": 10/3, "y": 20/3}),
    ("z = x + y\nz = 2*x - y + 1\nz = 5 - x\nfind x, y, z", {"x": 1.8, "y": 1.4, "z": 3.2}),
    ("given a\nq = 3*p\nq = a + 2\nfind p", {"p": 1.0}),
    ("q = a - p\nq = 2*p\na = 6\nfind q", {"q": 4.0}),
    ("index i : 2\nq[i] = 8 - i*p[i]\nq[i] = i*p[i]\nfind p[i]", {"p": [4, 2]}),
])  # fmt: skip
def test_two_relations_may_be_written_for_one_name(text, found):
    """One determines it, the other an unknown that it holds."""
    inputs = {"a": 1.0} if "given a" in text else {}
    out = hvm_vm.compile(text)(inputs)
    assert {n: out[n] for n in found} == {n: pytest.approx(v) for n, v in found.items()}


def test_two_relations_for_one_name_without_an_unknown_overlap():
    assert "two relations determine z" in error("given x\nz = x + 1\nz = 2*x")
    assert "two relations determine y" in error("y = 2*x\ny = 10 - x", known={"x"})


def test_what_is_given_may_be_freed():
    """A declared input that is not known this time is found, as any other name."""
    text = "given R, I\nV = R*I\nfind V"
    program = hvm_vm.compile(text, known={"V"}, free={"I"}, find=["I"])
    assert program(V=6.0, R=2.0)["I"] == pytest.approx(3)
    text = "index i, j : N\ngiven A[i,j], b[i]\nfind x[j]\nsum[j](A[i,j]*x[j]) = b[i]"
    program = hvm_vm.compile(text, known={"x"}, free={"b"}, find=["b"])
    assert program(A=np.diag([1.0, 2]), x=[3.0, 4])["b"] == pytest.approx([3, 8])


def test_a_relation_of_known_names_only_is_warned_about():
    text = "V = R*I\nP = V*I\n"
    for known, warned in (({"V", "R", "I"}, True), ({"V", "I"}, False), ({"R", "I"}, False)):
        program = hvm_vm.compile(text, known=known)
        assert len(program.warnings) == warned
    program = hvm_vm.compile(text, known={"V", "R", "I"})
    assert "`V = R*I` is left out: V is set from outside" in program.warnings[0]
    assert program(V=12, R=7, I=2)["P"] == 24
    chain = "h = 2*g\ng = 3*x\ny = h + 1\n"
    assert not hvm_vm.compile(chain, known={"h"}).warnings
    assert hvm_vm.compile(chain, known={"h", "x"}).warnings
    # A value that the file gives by default may be at odds with what is set instead.
    assert not hvm_vm.compile("r = d/2\nd = 3\na = r^2\n", known={"r"}).warnings
    assert hvm_vm.compile("r = d/2\nd = 3\na = r^2\n", known={"r", "d"}).warnings


@pytest.mark.parametrize("n", [4, 5])
def test_an_unknown_is_left_to_the_relation_that_reaches_it(n):
    """A column of plates in which one x is set and one y is open: a relation holds x2, but must
    determine x3, which it reaches by way of y3."""
    for known in range(1, n + 1):
        for open_ in range(1, n + 1):
            if known == open_:
                continue
            lines = [f"y{k} = K*x{k}" for k in range(1, n + 1) if k != open_]
            lines += [f"L*x{k - 1} + V*y{k + 1} = L*x{k} + V*y{k}" for k in range(1, n + 1)]
            lines += ["x0 = 0.4", f"y{n + 1} = 0.01", "K = 1.2", "L = 2", "V = 1.5"]
            lines.append("find " + ", ".join(
                [f"x{k}" for k in range(1, n + 1) if k != known] + [f"y{open_}"]))
            out = hvm_vm.compile("\n".join(lines), known=[f"x{known}"])(**{f"x{known}": 0.3})
            x = [0.4] + [out[f"x{k}"] if k != known else 0.3 for k in range(1, n + 1)]
            y = [0.0] + [1.2 * v for v in x[1:]] + [0.01]
            y[open_] = out[f"y{open_}"]
            for k in range(1, n + 1):
                left, right = 2 * x[k - 1] + 1.5 * y[k + 1], 2 * x[k] + 1.5 * y[k]
                assert left == pytest.approx(right, abs=1e-9)
