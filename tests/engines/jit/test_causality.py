"""Which conditions are seen as limits on the keys that a query sees."""

from __future__ import annotations

import pytest

from hvm_vm.engines.jit.causality import Limit, split
from tests.engines.jit.making import Making


def made():
    making = Making("f64", [(5, "o"), (7, "u"), (3, "o")])  # query a from 1, key b from 2
    t, u = making.node("index", immediate=0), making.node("index", immediate=1)
    return making, t, u


def seen(making, root):
    return split(making.bound("attention", (root,)).code[0], root, 0, 1, "f64")


def keys(limit: Limit, query: int) -> list[int]:
    return [k for k in range(7) if limit.divisor * k <= limit.const + limit.step * query]


@pytest.mark.parametrize("op, holds", [
    ("ile", lambda u, t: u <= t), ("ilt", lambda u, t: u < t)])
def test_a_comparison_is_a_limit(op, holds):
    making, t, u = made()
    limit, rest = seen(making, making.node(op, u, t))
    assert rest is None
    for query in range(5):
        assert keys(limit, query) == [k for k in range(7) if holds(k + 2, query + 1)]


def test_coefficients_and_shifts():
    making, t, u = made()
    two, three = (making.node("iconst", immediate=k) for k in (2, 3))
    left = making.node("iadd", making.node("imul", two, u), three)
    right = making.node("isub", making.node("imul", t, three), two)
    limit, rest = seen(making, making.node("ile", left, right))
    assert rest is None
    for query in range(5):
        assert keys(limit, query) == [
            k for k in range(7) if 2 * (k + 2) + 3 <= 3 * (query + 1) - 2]


def test_what_else_is_asked_is_left():
    making, t, u = made()
    mask = making.node("ine", u, making.node("iconst", immediate=4))
    causal = making.node("ile", u, t)
    for arguments in ((causal, mask), (mask, causal)):
        limit, rest = seen(making, making.node("and", *arguments))
        assert limit is not None and rest == mask


@pytest.mark.parametrize("condition", [
    lambda m, t, u: m.node("ile", t, u),                      # a lower limit
    lambda m, t, u: m.node("ine", t, u),
    lambda m, t, u: m.node("ile", u, m.node("index", immediate=2)),  # of another dimension
    lambda m, t, u: m.node("or", m.node("ile", u, t), m.node("ieq", u, t)),
    lambda m, t, u: m.node("ile", m.node("imul", u, u), t)])
def test_other_conditions_are_left_whole(condition):
    making, t, u = made()
    root = condition(making, t, u)
    assert seen(making, root) == (None, root)

