"""Systems that do not fit are told in the names of the file."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

import hvm_vm as hvm
from hvm_vm.relations.solve.matching import match
from tests.relations.programs import error, errors


def test_over_determined():
    message = error("x + y = 3\nx - y = 1\n2*x = y\nz - 1 = 2")
    assert "3 relations determine only x and y" in message and "z" not in message.split("(")[0]


def test_under_determined():
    message = error("x + y + z = 3\nx - y = 1\n2*w = 4")
    assert "2 relations hold 3 unknowns, x, y and z" in message
    assert "--set z=" in message and "w" not in message.split("unknowns")[1].split(";")[0]


def test_both_at_once():
    found = errors("a + 1 = 2\na + 2 = 3\nx + y = 4")
    assert len(found) == 2
    assert "over-determined" in found[0] and "under-determined" in found[1]


def test_a_slip_of_the_finger_comes_first():
    message = error("total + price = 3\ntotal - prise = 1\ncheck price > 0")
    assert "prise stands here only" in message and "did you mean price?" in message


def test_nothing_left_to_determine():
    message = error("x + y = 3\nx = 1\ny = 2")
    assert "determines nothing that is not determined already" in message and "check" in message
    message = error("given x, y\nx + y = 3")
    assert "x and y are known already" in message


def test_too_few_knowns():
    message = error("V = R*I", known={"V"})
    assert "1 relation holds 2 unknowns, R and I; set one of them" in message


def test_a_guess_for_nothing():
    assert "x has a guess, but no relation holds it" in error("guess x = 1\ny = 2")
    assert "two guesses" in errors("guess x = 1\nguess x = 2\nx^2 = 2")[0]


def test_given_lines_ask_for_declarations():
    message = error("given a\na*x = b\nfind x")
    assert "nothing determines b, and no given line declares it" in message


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_a_matching_is_largest_and_serves_the_first_first(order):
    found = match([("a", "b"), ("a", "c"), ("b", "c")], order)
    assert len(found.unknown_of) == 3
    found = match([("a", "b", "c")], order)
    assert found.unknown_of == {0: order[0]}


def test_dulmage_mendelsohn_sets():
    found = match([("x", "y"), ("x", "y"), ("y", "x"), ("z", "w")], "xyzw")
    assert found.over_determined() == ([0, 1, 2], ["x", "y"])
    assert found.under_determined(["w"]) == ([3], ["w", "z"])


def size_of_matching(rows: list[list[str]]) -> int:
    names = sorted({n for row in rows for n in row})
    pattern = np.array([[n in row for n in names] for row in rows])
    return int((maximum_bipartite_matching(csr_matrix(pattern)) >= 0).sum())


@pytest.mark.parametrize("array", ["", "[i]"])
@pytest.mark.parametrize("seed", range(40))
def test_culprits_of_systems_at_random(seed, array):
    """A relation is over-determining if a largest matching can do without it, an unknown
    under-determined if one can do without that."""
    rng = random.Random(seed)
    names = rng.sample("abcdfghkmnpqrstuvwxyz", rng.randint(2, 6))
    rows = [rng.sample(names, min(len(names), rng.choice([1, 2, 2, 3])))
            for _ in range(max(1, len(names) + rng.choice([-1, 0, 0, 1, 1])))]
    power = rng.choice(["", "^3"])
    head = "index i : 4\n" if array else ""
    text = head + "".join(
        " + ".join(f"{rng.randint(2, 9)}*{n}{array}{power}" for n in row) + f" = {k + 1}\n"
        for k, row in enumerate(rows))
    largest = size_of_matching(rows)
    over = {k for k in range(len(rows)) if size_of_matching(rows[:k] + rows[k + 1 :]) == largest}
    under = {n for n in {n for row in rows for n in row}
             if size_of_matching([[m for m in row if m != n] for row in rows]) == largest}
    told, missing = set(), set()
    try:
        hvm.compile(text)
    except hvm.CompileError as problem:
        for one in problem.diagnostics:
            spans = [one.span, *(span for _, span in one.notes)]
            if one.message.startswith("over-determined"):
                told |= {text.count("\n", len(head), span.start) for span in spans}
            elif one.message.startswith("under-determined"):
                listed = one.message.split("unknowns, ")[1].split(";")[0]
                missing |= set(listed.replace(" and ", ", ").split(", "))
    assert (told, missing) == (over, under)


def test_relations_for_parts_of_an_array_count_by_its_elements():
    text = "index i : 4\nindex j : 1..2\nindex k : 3..4\n2*x[j]^3 = 2\n3*x[k] = 6\nfind x[i]\n"
    assert hvm.compile(text)()["x"] == pytest.approx([1, 1, 2, 2])


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_as_many_equations_as_unknowns_at_the_wrong_places(engine):
    text = ("index i : 1..N\ngiven f[i]\n2*u[i] = u[i-1] + u[i+1] + f[i]\n"
            "u[1] = 3\nu[1]^2 = 5\nfind u\n")
    with pytest.raises(hvm.RunError) as caught:
        hvm.compile(text)(f=np.arange(5.0), engine=engine)
    message = str(caught.value)
    assert "2 equations hold u[1] only, which leaves too few relations for u[2]" in message
    assert "line 4: u[1] = 3" in message and "line 5: u[1]^2 = 5" in message


def test_one_report_for_each_part():
    found = errors("a + b = 1\nu + v + w = 2\nb + c = 3\nx - 1 = 2")
    assert len(found) == 2
    assert "2 relations hold 3 unknowns, a, b and c" in found[0]
    assert "1 relation holds 3 unknowns, u, v and w" in found[1]


@pytest.mark.parametrize("text", ["a + e = b + c + d\nc + d = 1", "x*y = z\nz + w = v\nv*x = 2",
                                  "p + q + r + s = 1\nr + s = 2\ns*p = r"])
def test_the_advice_can_be_followed(text):
    names = [part.split("=")[0] for part in error(text).split("--set ")[1:]]
    assert names
    hvm.compile(text, known=names)


def test_a_whole_family_is_advised():
    n = 20
    text = "\n".join(f"2*u{i} = u{i - 1} + u{i + 1} + f{i}" for i in range(1, n + 1))
    message = error(text + f"\nu0 = 0\nu{n + 1} = 1\n")
    assert "such as `given f` for all of that name" in message
    assert hvm.compile(text + f"\nu0 = 0\nu{n + 1} = 1\ngiven f\n")(f=np.ones(n))["u"].shape
