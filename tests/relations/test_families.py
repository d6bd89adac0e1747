"""Scalar families, and the two forms of `...`."""

from __future__ import annotations

import pytest

from hvm_vm.relations.families import Families
from tests.relations.programs import error, system, values


def family(*names: str) -> dict[str, tuple[int, ...]]:
    return {n: s for n, (_, s) in Families(names).subscripts.items()}


def test_underscores_say_where_subscripts_end():
    assert family("q1_1", "q3_12") == {"q1_1": (1, 1), "q3_12": (3, 12)}
    assert family("x_1", "x_2") == {"x_1": (1,), "x_2": (2,)}


def test_digits_are_cut_as_the_others_are():
    assert family("s11", "s12", "s21", "s22")["s21"] == (2, 1)
    assert family(*(f"x{k}" for k in range(1, 13)))["x12"] == (12,)
    assert family("W1_1", "W12") == {"W1_1": (1, 1), "W12": (1, 2)}
    assert family("a11", "a21", "a22", "a31", "a32", "a33")["a31"] == (3, 1)
    assert family(*(f"W{i}{j}{k}" for i in "12" for j in "12" for k in "12"))["W111"] == (1, 1, 1)


def test_families_of_the_system():
    built = system("y1 = x1 + x2\ny2 = W0 * d1\nW0 = 2*W\nW1 = 4*W\nd1 = 3*W")
    families = {f.name: (f.lo, f.shape, [m.name for m in f.members]) for f in built.families}
    assert families == {"x": ((1,), (2,), ["x1", "x2"]), "y": ((1,), (2,), ["y1", "y2"])}


def test_a_subscripted_name_is_no_member():
    built = system("index i : 3\ngiven x1[i], x2, x3\ny = x1[1] + x2 + x3")
    assert [[m.name for m in f.members] for f in built.families] == [["x2", "x3"]]


def test_names_that_can_be_cut_in_two_ways():
    message = error("y = W111 + W1_1 + W12_12")
    assert "W111" in message and "W1_11" in message and "W11_1" in message and "_" in message


def test_the_names_beside_decide():
    text = "\n".join(
        f"q{i} = " + " + ".join(f"W{i}_{j}*x{j}" for j in (1, 2, 12)) for i in (1, 2, 12)
    )
    built = system(text + "\nq11 = W111*x1 + W11_2*x2\nq3 = W3_1*x1")
    family = next(f for f in built.families if f.name == "W")
    assert ("W111", (11, 1)) in [(m.name, m.subscripts) for m in family.members]


def test_an_open_end_runs_to_the_last_member():
    assert values("t = exp(s1) + ...\ns1 = 0; s2 = 0; s3 = 0; s4 = 0")["t"] == 4
    assert values("t = s2 * ...\ns1 = 5; s2 = 2; s3 = 3", find=("t",))["t"] == 6
    assert values("t = max(s1, ...)\ns1 = 5; s2 = 2; s3 = 9", find=("t",))["t"] == 9
    assert values("t = 10 - s1 - ...\ns1 = 1; s2 = 2; s3 = 3", find=("t",))["t"] == 4
    rows = "a11 = 1; a12 = 2; a21 = 3; a22 = 4; a23 = 5"
    assert values(f"t = a21 + ...\n{rows}", find=("t",))["t"] == 12
    assert values(f"t = a11*a21 + ...\n{rows.replace('; a23 = 5', '')}", find=("t",))["t"] == 11


def test_between_two_terms_subscripts_advance_in_step():
    text = "t = a11*v1_1 + ... + a13*v3_1\n" + "; ".join(
        f"a1{k} = {k}; v{k}_1 = {k}" for k in (1, 2, 3)
    )
    assert values(text, find=("t",))["t"] == 14
    assert values("t = x1 + ... + x12", {f"x{k}": k for k in range(1, 13)})["t"] == 78
    down = "t = x1*y3 + ... + x3*y1\n" + "; ".join(f"x{k} = {k}; y{k} = {k}" for k in (1, 2, 3))
    assert values(down, find=("t",))["t"] == 10
    assert values("index i : 4\ngiven x[i]\nt = x[1] + ... + x[4]", {"x": [1, 2, 3, 4]})["t"] == 10


@pytest.mark.parametrize(
    "text, words",
    [
        ("t = a11*v1 + ... + a13*v4", "in step"),
        ("t = a1 + ... + b3", "different shapes"),
        ("t = a1 + ... + a1", "equal"),
        ("t = a1 + a3 + ... + a9", "advance by one"),
        ("t = x + ...", "no name before ..."),
        ("t = a1*b1 + ...\nu = a2 + a3 + b2", "same number"),
    ],
)
def test_ellipses_that_are_not_clear(text, words):
    assert words in error(text)


def test_a_family_is_found_and_set_as_one():
    text = "y1 = 2*x1\ny2 = 2*x2\nz = y1 + y2"
    assert [r.name for r in system(text, find=("y",)).results] == ["y1", "y2"]
    assert system(text, known={"y"}).variables["y1"].is_input
