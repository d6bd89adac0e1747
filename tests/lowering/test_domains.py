"""Bounds of unknowns from the domains of functions, and what solves make of them."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm

ENGINES = pytest.mark.parametrize("engine", ["reference", "jit"])


def clauses(text: str) -> str:
    """The bounds of the only solve of a program, as its listing has them."""
    listing = " ".join(hvm.compile(text).disassemble().split())
    found = listing.partition("tolerance 1e-09")[2].partition("residual")[0]
    return found.strip()


@pytest.mark.parametrize(
    "text, expected",
    [
        ("log(x - 5) + x = 10", "lower 5.0"),
        ("log(2 - x) + x = 0", "upper 2.0"),
        ("sqrt(6 - 2*x) + x^2 = 3", "upper 3.0"),
        ("asin(x) + x = 1.2", "lower -1.0 upper 1.0"),
        ("acos(2*x + 1) + x = 1", "lower -1.0 upper 0.0"),
        ("x^1.5 + x = 2", "lower 0.0"),
        ("x^-0.5 + x = 2.5", "lower 0.0"),
        ("x^3 + x = 2", ""),
        ("log(sqrt(x) - 2) + x = 40", "lower 4.0"),
        ("log(3*x - 6) + sqrt(9 - x) + x = 5\nguess x = 5 in 0..8",
         "start 5.0 lower 2.0 upper 8.0"),
        ("if(x > 0, log(x), 0) + x = 2", ""),      # asked for only where the condition holds
        ("log(x*y) + x = 1\nx - y = 0*x^2", ""),   # no interval of one unknown
        ("given a\nlog(a*x - 1) + x = 1",
         "lower if(0.0 < %a, $1, -inf) upper if(%a < 0.0, $1, inf)"),
    ],
)  # fmt: skip
def test_bounds_are_read_off_the_relations(text, expected):
    assert clauses(text) == expected


@ENGINES
@pytest.mark.parametrize(
    "text, x",
    [
        ("log(x - 5) + x = 10", 8.69344135896065),       # 1, where unknowns start, is outside
        ("asin(x) + x = 1.2", 0.5805706368905256),       # the slope at the start is infinite
        ("log(log(x)) + x = 4", 3.7259239290268935),
        ("sqrt(x*y - 5) + x = 3\nx - y = 1", 2.8),       # found by looking to all sides
        ("x*log(x) = -0.3\nguess x = 0.9", 0.6129927150689682),
    ],
)  # fmt: skip
def test_solves_stay_where_relations_have_values(text, x, engine):
    assert hvm.compile(text)(engine=engine)["x"] == pytest.approx(x, rel=1e-9)


@ENGINES
def test_the_sign_of_a_coefficient_is_looked_at_as_the_program_runs(engine):
    program = hvm.compile("index k : K\ngiven a[k]\nlog(a[k]*x[k] + 3) + a[k]*x[k] = -4\nfind x[k]")
    a = np.array([2.0, -2.0, 0.5, -7.0])
    x = program(a=a, engine=engine)["x"]
    np.testing.assert_allclose(np.log(a * x + 3) + a * x, -4, rtol=1e-9)


@ENGINES
@pytest.mark.parametrize(
    "text, words",
    [
        ("x^2 + x = 6\nguess x = 3 in 5..2", "x should be at least 5 and at most 2"),
        ("log(x - 5) + x = 10\nguess x = 1 in 0..4", "at least 5 and at most 4"),
        ("x*log(x) = -0.4", "no solution found for x"),
        ("sqrt(x) + x = 6\nguess x = -4 in -9..9", "cannot start at x = -4"),
    ],
)
def test_bounds_that_hold_no_solution(text, words, engine):
    with pytest.raises(hvm.RunError, match=words):
        hvm.compile(text)(engine=engine)
