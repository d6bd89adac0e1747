"""Relations that are solved, in cases: `where` and `otherwise`, in both engines."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from tests.relations.programs import error, errors

POINTS = "index i : 4\nfind x[i]\n"
ROOTS = [1, 2 ** (1 / 3), 3**0.5, 2]


def solved(text: str, **values) -> tuple[np.ndarray, list[str]]:
    """x as both engines have it, and the instructions that solve for it."""
    program = hvm.compile(text, known=frozenset(values))
    found = [program(engine=engine, **values)["x"] for engine in ("reference", "jit")]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
    return found[0], [one.op for one in program.module.code if one.op in ("solve", "system")]


@pytest.mark.parametrize("text, expected", [
    ("x[i]^2 = i where i > 2\nx[i]^3 = i otherwise", ROOTS),
    ("x[i]^3 = i otherwise\nx[i]^2 = i where i > 2", ROOTS),
    ("x[i]^2 = i where i > 2\nx[i]^3 = i where i <= 2", ROOTS),
    ("x[i]^2 = i where i > 2\nx[j]^3 = j otherwise\nindex j : 4", ROOTS),
    ("x[i]^2 = i where i > 9\nx[i]^3 = i otherwise", np.cbrt([1, 2, 3, 4])),
    ("x[i]^2 = i where i > 0\nx[i]^3 = i otherwise", np.sqrt([1, 2, 3, 4])),
    ("x[i]^2 = i where i > 3\nx[i]^3 = i where i = 2\nexp(x[i]) = i otherwise",
     [0, 2 ** (1 / 3), np.log(3), 2]),
    ("x[i]^2 = i where mod(i, 2) = 0\nx[i]^3 = i otherwise",
     [1, 2**0.5, 3 ** (1 / 3), 2]),
    ("i = x[i]^2 where i = 1 or i = 4\ni = x[i]^3 otherwise", np.append(np.cbrt([1, 2, 3]), 2)),
    # With relations of its own.
    ("x[i] = 7 where i > 2\nx[i]^3 = i otherwise", [1, 2 ** (1 / 3), 7, 7]),
    ("x[i]^2 = i where i > 2\nx[i] = 7 otherwise", [7, 7, 3**0.5, 2]),
    ("x[i]^2 = i where i > 3\nx[i] = 5 where i < 2\nx[i] = 7 otherwise", [5, 7, 7, 2]),
    ("x[i]^2 = i where i > 3\nx[j] = 10*j otherwise\nindex j : 4", [10, 20, 30, 2]),
    # A domain that one case has does not bound the others.
    ("log(x[i]) = i where i > 2\nx[i]^3 + 0*x[i] = -i otherwise",
     [-1, -(2 ** (1 / 3)), np.exp(3), np.exp(4)]),
])
def test_each_point_has_the_relation_of_its_case(text, expected):
    found, ops = solved(POINTS + text)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert ops == ["solve"]  # point by point


@pytest.mark.parametrize("text, expected", [
    ("x[1] = 7\nx[i]^2 = i", [7, 2**0.5, 3**0.5, 2]),
    ("x[1]^3 = 8\nx[i]^2 = i where i > 1", [2, 2**0.5, 3**0.5, 2]),
    ("x[i]^2 = i where i > 3\nx[1] = 5\nx[i] = 7 otherwise", [5, 7, 7, 2]),
    ("2*x[i] = x[i-1] + x[i+1] where i > 1 and i < 4\nx[i] = i otherwise", [1, 2, 3, 4]),
    ("sum[j](x[j]) + x[i] = 4 where i > 2\nx[i] = 7 otherwise\nindex j : 4",
     [7, 7, -10 / 3, -10 / 3]),
])
def test_cases_that_are_solved_together(text, expected):
    found, ops = solved(POINTS + text)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert ops == ["system"]


def test_conditions_on_data_choose_at_every_point():
    a = np.random.default_rng(0).uniform(0.1, 5, 20_000)
    text = "index i : N\ngiven a[i]\nfind x[i]\nx[i]^2 + x[i] = a[i] where a[i] > 2\n"
    program = hvm.compile(text + "x[i]^3 + x[i] = a[i] otherwise")
    x = program(a=a, engine="jit")["x"]
    np.testing.assert_allclose(np.where(a > 2, x**2 + x, x**3 + x), a, rtol=1e-12)


@pytest.mark.parametrize("c, expected", [(1.0, 2), (-1.0, 3)])
@pytest.mark.parametrize("last", ["x^3 = 27 otherwise", "x = 3 otherwise"])
def test_scalars(c, expected, last):
    found, ops = solved(f"given c\nfind x\nx^2 = 4 where c > 0\n{last}", c=c)
    assert found == pytest.approx(expected) and ops == ["solve"]


def test_several_axes():
    text = "index i, j : 3\nfind x[i,j]\nx[i,j]^2 = i + j where i > j\nx[i,j]^3 = i*j otherwise"
    found, ops = solved(text)
    i, j = np.mgrid[1:4, 1:4]
    np.testing.assert_allclose(found, np.where(i > j, np.sqrt(i + j), np.cbrt(i * j)))
    assert ops == ["solve"]


def test_with_another_unknown():
    text = ("index i : 4\nfind x[i]\nguess y[i] = 4\nx[i]^2 = y[i] where i > 2\n"
            "x[i]^3 = y[i] otherwise\nx[i] + y[i] = 6")
    found, ops = solved(text)
    y = 6 - found
    np.testing.assert_allclose(np.where(np.arange(1, 5) > 2, found**2, found**3), y)
    assert ops == ["solve"]


def test_the_cases_stand_in_the_failure():
    with pytest.raises(hvm.RunError) as caught:
        hvm.compile(POINTS + "x[i]^2 = -i where i > 2\nx[i]^3 = i otherwise")()
    message = str(caught.value)
    assert "at i = 3: no solution found for x" in message
    assert "line 3: x[i]^2 = -i where i > 2; line 4: x[i]^3 = i otherwise    left - right = 3" in (
        message)


@pytest.mark.parametrize("text, words", [
    ("x[i]^2 = i where i > 2\nx[i]^3 = i where i < 2", "3 equations for 4 unknown elements of x"),
    ("x[i]^2 = i where i > 2\nx[i]^3 = i where i < 4", "5 equations for 4 unknown elements of x"),
    ("x[i]^2 = i where i > 2\nx[i]^3 = i otherwise\nx[i]^5 = i otherwise",
     "two relations take what the others leave"),
    ("x[i]^2 = i\nx[i] = 7 otherwise", "`x[i]^2 = i` holds everywhere"),
    ("x[i]^2 = i where i > 2", "2 equations for 4 unknown elements"),
])
def test_cases_that_do_not_fit_are_told(text, words):
    assert words in error(POINTS + text)


def test_conditions_on_what_is_solved_for():
    found = errors(POINTS + "x[i]^2 = i where x[i] > 1\nx[i]^3 = i otherwise")
    assert len(found) == 2
    assert all("depends on x, which is solved for (choose by value" in one for one in found)


def test_a_diagonal_alone_is_told():
    assert "speaks of the diagonal of x only" in error(
        "index i, j : 3\nfind x[i,j]\nx[i,i]^2 = i\nx[i,j]^3 = i*j where i != j")
