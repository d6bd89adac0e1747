"""Systems that do not fit are told in the names of the file."""

from __future__ import annotations

import pytest

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
