"""`given f`, `guess u = 1`, `find u` and data that name a family speak of all its scalars."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.language import parse
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source
from hvm_vm.relations.families import Families
from hvm_vm.relations.whole_families import named_alone, spread

SIZES = [3, 40]  # scalars that are solved together, and enough of them to be lifted


def rod(n: int, *more: str) -> str:
    """Second differences with known ends: n relations that hold u1…un and f1…fn."""
    lines = [f"2*u{i} = u{i - 1} + u{i + 1} + f{i}" for i in range(1, n + 1)]
    return "\n".join([*lines, "u0 = 0", f"u{n + 1} = 1", *more]) + "\n"


def solution(f: np.ndarray) -> np.ndarray:
    n = len(f)
    matrix = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    ends = np.zeros(n)
    ends[-1] = 1
    return np.linalg.solve(matrix, f + ends)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("line", ["given f", "find u", "guess u = 1", "find u\ngiven f"])
def test_one_line_for_the_family(n, line):
    program = hvm.compile(rod(n, line))
    f = np.random.default_rng(n).normal(size=n)
    found = program(f=f)["u"]
    assert np.allclose(found, [0, *solution(f), 1])


@pytest.mark.parametrize("n", SIZES)
def test_find_from_outside_and_data(n):
    f = np.random.default_rng(n).normal(size=n)
    for options in ({"find": ["u"]}, {"known": ["f"]}):
        found = hvm.compile(rod(n), **options)(f=f)["u"]
        assert np.allclose(found, [0, *solution(f), 1]), options


def test_a_variable_of_that_name_is_itself():
    program = hvm.compile("given f, f1, f2\ny = f + f1 + f2")
    assert set(program.inputs) == {"f", "f1", "f2"}


def test_a_family_that_is_not_a_result_is_told():
    results = hvm.compile("x1 = 1 + a\nx2 = 2*x1\nx3 = 2*x2")(a=1)
    with pytest.raises(KeyError, match=r"no result x as an array.*: the results are x3"):
        results["x"]
    results = hvm.compile("given x1, x2, x3\nx4 = x1 + x2 + x3")(x=[1, 2, 3, 0])
    with pytest.raises(KeyError, match=r"no result x as an array.*\(`find x`"):
        results["x"]
    assert list(hvm.compile("x1 = 1 + a\nx2 = 2*x1\nx3 = 2*x2\nfind x")(a=1)["x"]) == [2, 4, 8]


def test_a_guess_for_each_scalar():
    text = "x1^2 = 4\nx2^2 = 9\nguess x = {}"
    low, high = (hvm.compile(text.format(g))() for g in (-1, 1))
    assert (low["x1"], low["x2"]) == pytest.approx((-2, -3))
    assert (high["x1"], high["x2"]) == pytest.approx((2, 3))


def test_which_statements():
    source = Source("t.hmp", "given f, g[3]\nguess u = 1\nfind v\nguess w[t] = 2\n")
    statements = parse(source, Diagnostics(source)).statements
    assert named_alone(statements) == {"f", "u"}
    families = Families(["f1", "f2", "u_1", "u_2"], frozenset())
    given, guess, find, array = (spread(s, families, {"f", "u"}) for s in statements)
    assert [i.name for i in given[0].items] == ["f1", "f2", "g"]
    assert [g.target.name for g in guess] == ["u_1", "u_2"]
    assert len(find) == 1 and len(array) == 1
