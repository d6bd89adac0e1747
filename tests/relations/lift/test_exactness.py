"""Whatever a program in scalars is like, lifting changes neither its errors nor its results."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import hvm_vm as hvm
from tests.relations.lift.kinds import KINDS
from tests.relations.lift.mutations import mutated
from tests.relations.lift.test_lifting import as_it_stands
from tests.relations.lift.unroll import STYLES, unrolled


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_lifted_and_scalar_programs_agree(seed):
    draw = random.Random(seed)
    text = unrolled(
        KINDS[draw.choice(sorted(KINDS))], {"T": draw.randint(2, 4), "D": draw.randint(2, 3)},
        style=draw.choice(sorted(STYLES)), seed=draw.choice((None, seed)),
        commute=draw.random() < 0.5)
    text = mutated(text, draw)
    try:
        plain = as_it_stands(text)
    except hvm.HvmError as error:
        wanted = str(error)
    else:
        wanted = None
    try:
        program = hvm.compile(text)
    except hvm.HvmError as error:
        assert str(error) == wanted
        return
    assert wanted is None
    values = {name: draw.gauss(0, 1) for name in plain.inputs}
    try:
        results = plain(values, engine="reference")
    except hvm.HvmError:
        return
    found = program(values, engine="reference")
    assert set(found) == set(results) == set(program.outputs)
    for name, value in results.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-7, atol=1e-12)
