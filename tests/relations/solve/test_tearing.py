"""Cutsets of cycles: what is left does not depend on itself, and few are taken."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvm_vm.relations.order import components
from hvm_vm.relations.solve.tearing import tear


def usual(_, into: int, out: int) -> int:
    return -into * out


def cyclic(names, reads) -> bool:
    inside = set(names)
    within = {n: tuple(o for o in reads[n] if o in inside) for n in names}
    return any(len(c) > 1 or c[0] in within[c[0]] for c in components(names, within.__getitem__))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_what_is_left_is_in_order(seed):
    draw = random.Random(seed)
    n = draw.randint(1, 120)
    names = [f"x{k}" for k in range(n)]
    reads = {name: tuple(draw.sample(names, draw.randint(0, min(3, n)))) for name in names}
    torn = tear(names, reads, usual)
    assert not cyclic([n for n in names if n not in torn], reads)
    assert len(set(torn)) == len(torn)
    assert all(cyclic([n for n in names if n not in torn[:k]], reads) for k in range(len(torn)))
    if torn:
        assert tear(names, reads, usual, len(torn) - 1) is None
        assert tear(names, reads, usual, len(torn)) == torn


@pytest.mark.parametrize("n", [5, 2000])
def test_a_ring_needs_one(n):
    names = [f"x{k}" for k in range(n)]
    reads = {f"x{k}": (f"x{(k + 1) % n}",) for k in range(n)}
    assert len(tear(names, reads, usual)) == 1


def test_neighbours_need_half():
    n = 1001
    reads = {f"x{k}": tuple(f"x{j}" for j in (k - 1, k + 1) if 0 <= j < n) for k in range(n)}
    assert len(tear(list(reads), reads, usual)) <= 0.6 * n
    assert tear(list(reads), reads, usual, 48) is None


def test_what_is_preferred_goes_first():
    reads = {"a": ("b",), "b": ("c",), "c": ("a",)}
    assert tear("abc", reads, lambda n, *_: n != "b") == ["b"]
