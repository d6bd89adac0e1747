"""Systems of many relations between scalars that follow no rule: sparse networks."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.optimize import root

import hvm_vm as hvm


def links(n: int, seed: int) -> list[list[int]]:
    draw = random.Random(seed)
    return [draw.sample(range(n), 3) for _ in range(n)]


def ranks(n: int, seed: int = 1):
    """Linear: x = a + 0.8*mean of three others; the matrix of what is read, as well."""
    matrix = np.zeros((n, n))
    lines = []
    names = [f"{random.Random(k).choice('abcdefgh')}{k * k % 97}_{k}z" for k in range(n)]
    for k, own in enumerate(links(n, seed)):
        lines.append(f"{names[k]} = a + 0.8*(" + " + ".join(names[j] for j in own) + ")/3")
        matrix[k, own] += 0.8 / 3
    random.Random(seed).shuffle(lines)
    return "\n".join(lines) + f"\na = 0.25\nfind {', '.join(names)}\n", names, matrix


@pytest.mark.parametrize("engine", ["reference", "jit"])
@pytest.mark.parametrize("n", [60, 300])
def test_a_linear_network(n, engine):
    text, names, matrix = ranks(n)
    program = hvm.compile(text)
    for a in (0.25, 2.0, -3.0):  # the second and third run go another way
        out = program(a=a, engine=engine)
        wanted = np.linalg.solve(np.eye(n) - matrix, np.full(n, a))
        np.testing.assert_allclose([out[name] for name in names], wanted, rtol=1e-10)


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_a_nonlinear_network(engine):
    n = 80
    own = links(n, 2)
    names = [f"{'pqrst'[k % 5]}{'uvw'[k % 3]}{k * 7 % 101}n" for k in range(n)]
    lines = [f"{names[k]} + 0.1*{names[i]}^2 = cos({names[j]})*b + 0.2*{names[m]}"
             for k, (i, j, m) in enumerate(own)]
    lines += [f"guess {name} = 0.5" for name in names]
    random.Random(3).shuffle(lines)
    program = hvm.compile("\n".join(lines) + "\nb = 0.7\n")
    i, j, m = np.array(own).T
    for b in (0.7, 0.3, 0.7):
        found = root(lambda x, b=b: x + 0.1 * x[i] ** 2 - np.cos(x[j]) * b - 0.2 * x[m],
                     np.full(n, 0.5), tol=1e-12)
        assert found.success
        out = program(b=b, engine=engine)
        np.testing.assert_allclose([out[name] for name in names], found.x, rtol=1e-8)


def test_a_network_without_a_solution_is_said_so():
    text, _, _ = ranks(60)
    program = hvm.compile(text.replace("a + 0.8*(", "a + (", 60))  # the mean of others, plus a
    with pytest.raises(hvm.HvmError) as error:
        program(engine="jit")
    with pytest.raises(hvm.HvmError) as other:
        program(engine="reference")
    assert str(error.value) == str(other.value)


def test_many_sets_of_a_network():
    n = 60
    text, names, matrix = ranks(n)
    sets = np.array([0.25, 1.0, 4.0])
    found = hvm.compile(text).solve_many(a=sets)
    for k, a in enumerate(sets):
        wanted = np.linalg.solve(np.eye(n) - matrix, np.full(n, a))
        np.testing.assert_allclose([found[name][k] for name in names], wanted, rtol=1e-10)


@pytest.mark.parametrize("engine", ["reference", "jit"])
@pytest.mark.parametrize("n, m", [(4, 5), (12, 18), (40, 60)])
def test_flows_in_a_network_of_pipes(n, m, engine):
    """Pipes of any two nodes, by numbers that are regular, between nodes by names that are not."""
    draw = random.Random(n)
    ends = [(i, draw.randrange(i)) for i in range(1, n)]
    while len(ends) < m:
        pair = tuple(draw.sample(range(n), 2))
        if pair not in ends and pair[::-1] not in ends:
            ends.append(pair)
    factor = [round(draw.uniform(0.5, 3), 6) for _ in ends]
    taken = [0.0, *(round(draw.uniform(0, 0.2), 6) for _ in range(n - 1))]
    names = [f"h_{draw.choice(['alpha', 'beta', 'rho'])}{draw.choice('xyz')}{i}" for i in range(n)]
    lines = [f"{names[b]} - {names[a]} = {factor[k]}*q{k}*abs(q{k}) + 0.01*q{k}"
             for k, (a, b) in enumerate(ends)]
    for i in range(1, n):
        flows = [f"q{k}" for k, (a, _) in enumerate(ends) if a == i]
        flows += [f"(-q{k})" for k, (_, b) in enumerate(ends) if b == i]
        lines.append(f"{' + '.join(flows)} = {taken[i]}")
    lines.append(f"{names[0]} = 10")
    draw.shuffle(lines)
    lines.append(f"find {', '.join([*(f'q{k}' for k in range(m)), *names[1:]])}")
    out = hvm.compile("\n".join(lines) + "\n")(engine=engine)
    a, b = np.array(ends).T

    def left(x):
        q, h = x[:m], np.concatenate([[10.0], x[m:]])
        balance = np.bincount(a, q, n) - np.bincount(b, q, n) - taken
        return np.concatenate([h[b] - h[a] - factor * q * abs(q) - 0.01 * q, balance[1:]])

    x = np.array([*(out[f"q{k}"] for k in range(m)), *(out[name] for name in names[1:])])
    np.testing.assert_allclose(left(x), 0, atol=1e-9)
    found = root(left, np.ones(len(x)), tol=1e-12)
    if found.success:
        np.testing.assert_allclose(x, found.x, rtol=1e-6, atol=1e-8)
