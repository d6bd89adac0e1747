"""Reductions by key: one pass, the same results and errors as the reference."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.engines.jit.prepare_scatter import find_key

SOURCE = """precision {}
index n : 0..N-1
index e : E
index k : 5
given integer head[e], integer tail[e], I[e,k], w[e]
find y[n,k]
y[n,k] = {}
"""
BY_KEY = (
    "sum[e | head[e] = n](w[e]*I[e,k])",
    "sum[e | head[e] = n and w[e] > 0](I[e,k]^2)*2 + n",
    "mean[e | head[e] = n](I[e,k])",
    "max[e | head[e] = n](I[e,k] + w[e])",
    "min[e | n = head[e]](w[k] + I[e,k])",
    "prod[e | head[e] = n](1 + w[e]/100) + 0*I[1,k]",
    "sum[e | head[e] = n](w[tail[e]]*I[e,k])",
)
NOT_BY_KEY = (
    "sum[e | head[e] = n](n*w[e]) + 0*I[1,k]",
    "sum[e | head[e] = n or w[e] > 0](I[e,k])",
    "sum[e | head[e] + n = 5](I[e,k])",
)


def made(source: str, edges: int):
    random = np.random.default_rng(0)
    head = random.integers(-1, 41, edges)
    head[:40] = np.arange(40)
    return hvm.compile(source), {
        "head": head, "tail": random.integers(1, edges + 1, edges), "N": 40,
        "I": random.normal(size=(edges, 5)), "w": random.normal(size=edges)}


def outcome(program, values, engine):
    try:
        return program(values, engine=engine)["y"]
    except hvm.HvmError as error:
        return str(error)


@pytest.mark.parametrize("expression", BY_KEY + NOT_BY_KEY)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_both_engines_agree(expression, precision):
    program, values = made(SOURCE.format(precision, expression), 1500)
    for _ in range(2):
        want, got = (outcome(program, values, e) for e in ("reference", "jit"))
        if isinstance(want, str):
            assert want == got
        else:
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
        values["head"][values["head"] == 3] = 4  # nothing is left for one result


@pytest.mark.parametrize("expression", BY_KEY + NOT_BY_KEY)
def test_which_are_by_key(expression):
    program, values = made(SOURCE.format("float64", expression), 1500)
    keys = []
    for one in program.prepare(values, engine="reference").bound.code:
        if one.op == "contract":
            keys.append(find_key(one, "sum", one.roots[0], None))
        elif one.op in ("sum", "mean", "max", "min", "prod"):
            condition = one.roots[1] if one.roots[1] >= 0 else None
            keys.append(find_key(one, one.op, condition, one.roots[0]))
    assert any(keys) == (expression in BY_KEY)
