"""Lifting beside relations that are solved, and arrays that depend on earlier ones."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.compiling.building import _compile, _source

ENGINES = ["reference", "jit"]


def operations(program) -> list[str]:
    lines = [line.split() for line in program.disassemble().splitlines()]
    return [words[1] for words in lines if words and words[0].isdigit()]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_solved_for_is_a_scalar_of_the_lifted_file(engine):
    text = "z^3 + z = 10\n" + "\n".join(
        f"q{i}_{j} = r{i}*s{j} + z" for i in range(1, 6) for j in range(1, 7))
    program = hvm.compile(text)
    assert operations(program) == ["solve", "map", "halt"]
    r, s = np.arange(1.0, 6), np.arange(6.0)
    out = program(engine=engine, r=r, s=s)
    assert np.isclose(out["z"], 2) and np.allclose(out["q"], np.outer(r, s) + 2)
    assert np.isclose(out["q5_6"], 27)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_relation_solved_through_a_lifted_family(engine):
    text = "\n".join([f"a{i} = w{i}*x" for i in range(1, 13)]
                     + ["total = " + " + ".join(f"a{i}" for i in range(1, 13)), "2*total = 20"])
    w = np.arange(1.0, 13)
    out = hvm.compile(text, find=["x", "a3"])(engine=engine, w=w)
    assert np.isclose(out["x"], 10 / w.sum()) and np.isclose(out["a3"], 30 / w.sum())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [3, 10])
def test_a_network_unrolled_in_time(engine, count):
    n = 4
    text = "\n".join(
        f"h{t}_{i} = tanh(" + " + ".join(f"W{i}_{j}*h{t - 1}_{j}" for j in range(1, n + 1))
        + f" + x{t}_{i})" for t in range(1, count + 1) for i in range(1, n + 1))
    program = hvm.compile(text)
    assert operations(program) == ["contract"] * count + ["halt"]
    rng = np.random.default_rng(count)
    w, x, h = rng.normal(size=(n, n)), rng.normal(size=(count, n)), rng.normal(size=n)
    out = program(engine=engine, W=w, x=x, **{f"h0_{i + 1}": h[i] for i in range(n)})
    for t in range(count):
        h = np.tanh(w @ h + x[t])
    assert np.allclose([out[f"h{count}_{i}"] for i in range(1, n + 1)], h)


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_whose_edges_are_inputs(engine):
    steps, cells = 6, 20
    text = "\n".join(
        f"u{a}_{i} = u{a - 1}_{i} + 0.1*(u{a - 1}_{i - 1} - 2*u{a - 1}_{i} + u{a - 1}_{i + 1})"
        for a in range(1, steps + 1) for i in range(1, cells + 1))
    program = hvm.compile(text)
    assert operations(program).count("scan") == 1 and len(operations(program)) <= 6
    rng = np.random.default_rng(0)
    start, edges = rng.normal(size=cells + 2), rng.normal(size=(steps, 2))
    given = {f"u0_{i}": start[i] for i in range(cells + 2)}
    given |= {f"u{a}_{i}": edges[a, k] for a in range(1, steps)
              for k, i in enumerate((0, cells + 1))}
    out = program(engine=engine, **given)
    u = start
    for a in range(1, steps + 1):
        inner = u[1:-1] + 0.1 * (u[:-2] - 2 * u[1:-1] + u[2:])
        u = np.concatenate([[edges[a, 0]], inner, [edges[a, 1]]]) if a < steps else inner
    assert np.allclose([out[f"u{steps}_{i}"] for i in range(1, cells + 1)], u)


def test_hundreds_of_scalars_solved_together():
    n = 300
    text = "\n".join([f"2*u{i} = u{i - 1} + u{i + 1} + {i % 7}" for i in range(1, n + 1)]
                     + ["u0 = 0", f"u{n + 1} = 1", "find u5"])
    program = hvm.compile(text)
    assert operations(program)[0] == "system"
    matrix = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    right = np.arange(1, n + 1) % 7.0
    right[-1] += 1
    assert np.isclose(program()["u5"], np.linalg.solve(matrix, right)[4])


@pytest.mark.parametrize("known", [{"h"}, {"h", "x"}, {"h2"}, {"h2", "x"}, {"h", "a"},
                                   {"h", "a", "x"}, {"y"}, {"h2", "x2", "a"}])
def test_what_is_left_out_is_warned_about_as_of_scalars(known):
    lines = [f"h{k} = a*x{k} + w" for k in range(1, 13)]
    lines += [f"y{k} = h{k} + 1" for k in range(1, 13)]
    text = "\n".join([*lines, "a = 3", "w = 2*v", "z = x3"]) + "\n"
    lifted = hvm.compile(text, known=known)
    plain = _compile(_source(text), frozenset(known), frozenset(), (), lift=False)
    assert lifted.warnings == plain.warnings
