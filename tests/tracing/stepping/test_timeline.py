"""Going back and forth gives the same values: over generated programs, with and without memory to
keep what is overwritten, with registers that share memory and with registers that do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hvm_vm as hvm
from hvm_vm.tracing.stepping.session import Session
from hvm_vm.tracing.stepping.timeline import HELD, LOST
from tests.generation import programs

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def made(program, *, engine: str, keep_all: bool, limit: int) -> Session:
    compiled = hvm.compile(program.text)
    known = {s.name for s in compiled.module.symbols_of_size}
    inputs = {i.name for i in compiled.module.inputs}
    values = {n: v for n, v in {**program.inputs, **program.sizes}.items()
              if n in known or n in inputs}
    prepared = compiled.prepare(values, engine=engine, keep_all=keep_all)
    return Session(prepared.bound, prepared.runnable, prepared.frame(), engine=engine, limit=limit)


def snapshot(session: Session):
    return [array.copy() if state == HELD else state
            for array, state in zip(session.frame.arrays, session.timeline.states, strict=True)]


def same(one, other) -> None:
    for left, right in zip(one, other, strict=True):
        if isinstance(left, str) or isinstance(right, str):
            assert isinstance(left, str) and isinstance(right, str) and left == right
        else:
            np.testing.assert_array_equal(left, right)


@given(programs(), st.sampled_from(["reference", "jit"]), st.booleans(),
       st.sampled_from([0, 100, 1 << 20]), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
def test_back_and_forth_gives_the_same_values(program, engine, keep_all, limit, data):
    session = made(program, engine=engine, keep_all=keep_all, limit=limit)
    seen = [snapshot(session)]
    while not session.finished:
        session.step()
        seen.append(snapshot(session))
    for _ in range(4):
        count = data.draw(st.integers(1, len(seen)))
        session.back(count)
        same(snapshot(session), seen[session.position])
        session.step(data.draw(st.integers(1, len(seen))))
        same(snapshot(session), seen[session.position])
    session.resume()
    same(snapshot(session), seen[-1])


@given(programs(), st.booleans(), st.sampled_from([0, 1 << 20]), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_values_that_were_set_are_undone_and_replayed(program, keep_all, limit, data):
    session = made(program, engine="reference", keep_all=keep_all, limit=limit)
    names = [n for n, v in program.inputs.items()
             if n in session.names and v.dtype.kind == "f" and v.size]
    if not names:
        return
    history = []
    while not session.finished:
        history.append(snapshot(session))
        if data.draw(st.booleans()):
            session.set(f"{data.draw(st.sampled_from(names))} = 0.25")
        session.step()
    history.append(snapshot(session))  # a program may hold nothing but its halt
    session.back(session.position + 1)  # what was set at the start goes, too
    same(snapshot(session), history[0])
    for name in names:
        assert np.array_equal(session.value(name), program.inputs[name])


CHAIN = ("index t, u : T\ngiven x[t]\na[t] = sum[u](x[u]*x[t])\nb[t] = sum[u](a[u]*a[t])\n"
         "c[t] = sum[u](b[u]*b[t])\nd[t] = sum[u](c[u]*c[t])\nfind d[t]\n")


@pytest.mark.parametrize("limit", [0, 1 << 20])
def test_what_shares_memory_is_lost_and_comes_back(limit):
    program = hvm.compile(CHAIN)
    prepared = program.prepare({"x": np.arange(4.0) / 4}, engine="reference")
    session = Session(prepared.bound, prepared.runnable, prepared.frame(), limit=limit)
    session.step()
    first = session.value("a")
    session.resume()
    assert session.timeline.states.count(LOST) >= 1
    with pytest.raises(hvm.InputError, match="no longer stored"):
        session.value("a")
    session.back(len(prepared.bound.code) - 2)
    assert np.array_equal(session.value("a"), first)
    assert (session.timeline.rebuilt > 0) == (limit == 0)


def test_with_memory_for_it_nothing_is_lost():
    session = hvm.compile(CHAIN).step(x=np.arange(4.0))
    session.resume()
    for name in "abcd":
        assert session.value(name).shape == (4,)


def test_inputs_that_are_views_keep_their_layout():
    program = hvm.compile("index i, j : D\ngiven W[i,j]\ny[i] = sum[j](W[i,j])\n")
    base = np.arange(9.0).reshape(3, 3)
    for engine in ("reference", "jit"):
        session = program.step(W=base.T, engine=engine)
        session.set("W[1, 3] = 100")
        session.resume()
        assert list(session.value("y")) == [0 + 3 + 100, 1 + 4 + 7, 2 + 5 + 8]
        assert base[2, 0] == 6
