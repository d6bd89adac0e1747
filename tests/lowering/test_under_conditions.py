"""Whole operations of what exists, or is wanted, under a condition only."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm


def softmax(r):
    return np.exp(r) / np.exp(r).sum(axis=1, keepdims=True)


def layer_norm(r):
    return (r - r.mean(axis=1, keepdims=True)) / np.sqrt(r.var(axis=1, keepdims=True) + 1e-5)


def rms_norm(r):
    return r / np.sqrt((r**2).mean(axis=1, keepdims=True) + 1e-6)


BODIES = {
    softmax: "exp(x[p,i])/sum[j](exp(x[p,j]))",
    layer_norm: "(x[p,i] - mean[j](x[p,j]))"
                "/sqrt(mean[j]((x[p,j] - mean[k](x[p,k]))^2) + 1e-5)",
    rms_norm: "x[p,i]/sqrt(mean[j](x[p,j]^2) + 1e-6)",
}
CASES = [  # where it is wanted, in words and in numbers; x has 3 rows
    ("p <= 3", lambda p, i: p <= 3),
    ("p <= 3 and (p != 2 or i != 4)", lambda p, i: (p <= 3) & ((p != 2) | (i != 4))),
    ("not (p > 3 or i = 1)", lambda p, i: (p <= 3) & (i != 1)),
]


@pytest.mark.parametrize("form", ["{name} = if({where}, {body}, 7)",
                                  "{name} = {body} where {where}\n{name} = 7 otherwise"])
@pytest.mark.parametrize("words, wanted", CASES, ids=[words for words, _ in CASES])
@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
def test_rows_that_exist_under_a_condition_only(kind, words, wanted, form):
    relation = form.format(name="n[p,i]", body=BODIES[kind], where=words)
    program = hvm.compile(
        f"index p : 5\nindex q : 3\nindex i, j, k : 4\ngiven x[q,i]\nfind n\n{relation}\n")
    x = np.random.default_rng(0).normal(size=(3, 4))
    p, i = np.arange(1, 6)[:, None], np.arange(1, 5)[None]
    right = np.where(wanted(p, i), np.vstack([kind(x), np.zeros((2, 4))]), 7.0)
    for engine in ("reference", "jit"):
        np.testing.assert_allclose(program(x=x, engine=engine)["n"], right, rtol=1e-9)
