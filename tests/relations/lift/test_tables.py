"""Networks: relations of one form whose subscripts follow no rule are looked up in tables."""

from __future__ import annotations

import random

import numpy as np
import pytest

import hvm_vm as hvm

from .test_systems import shuffled

ENGINES = ("reference", "jit")


def ops(program) -> list[str]:
    return [i.op for i in program.module.code]


def tree(n: int, seed: int, more: int = 0) -> list[tuple[int, int]]:
    """Edges (from, to) of a connected network of the nodes 0..n."""
    r = random.Random(seed)
    edges = [(r.randrange(k), k) for k in range(1, n + 1)]
    while more:
        a, b = r.sample(range(n + 1), 2)
        if (a, b) not in edges:
            edges.append((a, b))
            more -= 1
    return edges


def balances(edges, n: int, right: str) -> list[str]:
    lines = []
    for k in range(1, n + 1):
        into = [f"q{e}" for e, (_, b) in enumerate(edges, 1) if b == k]
        out = [f" - q{e}" for e, (a, _) in enumerate(edges, 1) if a == k]
        lines.append(" + ".join(into) + "".join(out) + f" = {right}{k}")
    return lines


def network(n: int, seed: int, more: int):
    edges = tree(n, seed, more)
    rng = np.random.default_rng(seed)
    g, d = rng.uniform(1, 3, len(edges)).round(3), rng.uniform(0, 0.1, n).round(4)
    lines = [f"d{k} = {x}" for k, x in enumerate(d, 1)]
    lines += [f"g{e} = {x}" for e, x in enumerate(g, 1)]
    lines += [f"q{e} = g{e}*(h{a} - h{b})" for e, (a, b) in enumerate(edges, 1)]
    return edges, g, d, lines + balances(edges, n, "d") + ["h0 = 100"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [60, 300])
def test_flows_in_a_network(engine, n):
    """Balances of unequal length; ends where `q9 = d9` stands beside the law of q9."""
    edges, g, d, lines = network(n, 3, n // 2)
    program = hvm.compile(shuffled(lines, 1))
    assert ops(program).count("system") == 1 and len(ops(program)) <= 4
    matrix, right = np.zeros((n + 1, n + 1)), np.zeros(n + 1)
    matrix[0, 0], right[0], right[1:] = 1, 100, -d
    for (a, b), c in zip(edges, g, strict=True):
        for row, sign in ((a, 1), (b, -1)):
            if row:
                matrix[row, [a, b]] += [sign * c, -sign * c]
    h = np.linalg.solve(matrix, right)
    out = program(engine=engine)
    assert [out[f"h{k}"] for k in range(1, n + 1)] == pytest.approx(h[1:])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_nonlinear_network(engine):
    """Pipes: pressure falls with the square of the flow. Each answer is put into the relations."""
    n = 80
    edges = tree(n, 5, 30)
    rng = np.random.default_rng(0)
    r, d = rng.uniform(1, 3, len(edges)), rng.uniform(0, 0.1, n)
    lines = [f"h{a} - h{b} = r{e}*q{e}*abs(q{e})" for e, (a, b) in enumerate(edges, 1)]
    lines += [*balances(edges, n, "d"), "h0 = 100"]
    lines.append("find " + ", ".join([*(f"h{k}" for k in range(1, n + 1)),
                                      *(f"q{e}" for e in range(1, len(edges) + 1))]))
    program = hvm.compile(shuffled(lines, 2))
    assert ops(program).count("system") == 1 and len(ops(program)) <= 5
    out = program(engine=engine, r=r, d=d)
    h = [100.0, *(out[f"h{k}"] for k in range(1, n + 1))]
    q = [out[f"q{e}"] for e in range(1, len(edges) + 1)]
    assert [h[a] - h[b] for a, b in edges] == pytest.approx(
        [c * x * abs(x) for c, x in zip(r, q, strict=True)], abs=1e-7)
    for k in range(1, n + 1):
        total = sum(x * ((b == k) - (a == k)) for x, (a, b) in zip(q, edges, strict=True))
        assert total == pytest.approx(d[k - 1], abs=1e-8)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("most", [4, 7])
def test_ranks_of_pages(engine, most):
    """Explicit relations that depend on each other, with sums of equal and of unequal length."""
    n, r = 120, random.Random(7)
    links = [r.sample(range(n), 4 if most == 4 else r.randint(1, most)) for _ in range(n)]
    out_degree = [3 + k % 5 for k in range(n)]
    lines = [f"p{k} = 0.15 + 0.85*(" + " + ".join(f"p{j}/c{j}" for j in own) + ")"
             for k, own in enumerate(links)]
    program = hvm.compile(shuffled([*lines, "find " + ", ".join(f"p{k}" for k in range(n))], 4))
    assert ops(program).count("system") == 1 and len(ops(program)) <= 3
    matrix = np.eye(n)
    for k, own in enumerate(links):
        for j in own:
            matrix[k, j] -= 0.85 / out_degree[j]
    wanted = np.linalg.solve(matrix, np.full(n, 0.15))
    used = {j for own in links for j in own}
    out = program(engine=engine, **{f"c{k}": out_degree[k] for k in used})
    assert [out[f"p{k}"] for k in range(n)] == pytest.approx(wanted)


@pytest.mark.parametrize("engine", ENGINES)
def test_looked_up_without_a_system(engine):
    n, r = 90, random.Random(2)
    places = [(r.randrange(n), r.randrange(n)) for _ in range(n)]
    lines = [f"y{k} = w{k}*x{a} - x{b}^2" for k, (a, b) in enumerate(places)]
    program = hvm.compile(shuffled(lines, 3))
    assert ops(program) == ["map", "halt"]
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=n), rng.normal(size=n)
    given = {f"x{k}": x[k] for k in {c for ab in places for c in ab}}
    out = program(engine=engine, w=w, **given)
    assert [out[f"y{k}"] for k in range(n)] == pytest.approx(
        [w[k] * x[a] - x[b] ** 2 for k, (a, b) in enumerate(places)])


@pytest.mark.parametrize("engine", ENGINES)
def test_relations_that_read_any_earlier_ones(engine):
    """Scalars that only depend on earlier ones are computed one after another, in one scan."""
    n, r = 150, random.Random(5)
    reads = [(r.randrange(k), r.randrange(k)) for k in range(1, n)]
    lines = [f"t{k} = 0.5*sin(t{a}) + c{k}*t{b}" for k, (a, b) in enumerate(reads, 1)]
    program = hvm.compile(shuffled(lines, 6))
    assert ops(program).count("scan") == 1 and "system" not in ops(program)
    c, t = np.random.default_rng(0).uniform(-1, 1, n - 1), [0.7]
    for x, (a, b) in zip(c, reads, strict=True):
        t.append(0.5 * np.sin(t[a]) + x * t[b])
    out = program(engine=engine, t0=0.7, c=c)
    used = {k for ab in reads for k in ab}
    assert set(out) == {f"t{k}" for k in range(1, n) if k not in used}
    assert all(out[name] == pytest.approx(t[int(name[1:])]) for name in out)


def test_the_indexed_text_is_the_same_program(tmp_path, capsys):
    from hvm_vm.cli import main

    path = tmp_path / "network.hmp"
    *_, lines = network(70, 9, 20)
    path.write_text(shuffled(lines, 8))
    assert main(["lift", str(path)]) == 0
    text = capsys.readouterr().out
    assert "sum[" in text and "q[k1[" in text.replace(" ", "")
    assert ops(hvm.compile(text)) == ops(hvm.compile(path))


def test_one_of_two_relations_for_a_scalar(tmp_path):
    """`q12 = h12` beside the law that all q follow: an equation, and one system of all."""
    n = 12
    lines = [f"q{k} = kk*(T{k - 1} - T{k})" for k in range(1, n + 1)]
    lines += [f"q{k} - q{k + 1} = h{k}" for k in range(1, n)] + [f"q{n} = h{n}"]
    lines += [f"h{k} = c*(T{k} - Ta)" for k in range(1, n + 1)]
    program = hvm.compile(shuffled([*lines, "T0 = 100", "Ta = 20", "kk = 2", "c = 0.1"], 3))
    assert ops(program) == ["system", "halt"]
    out = program()
    matrix, right = np.eye(n + 1), np.zeros(n + 1)
    right[0] = 100
    for k in range(1, n + 1):
        matrix[k] = 0
        matrix[k, k - 1], matrix[k, k] = 2, -2 - 0.1
        right[k] = -0.1 * 20
        if k < n:
            matrix[k, k] -= 2
            matrix[k, k + 1] = 2
    wanted = np.linalg.solve(matrix, right)
    assert [out[f"T{k}"] for k in range(1, n + 1)] == pytest.approx(wanted[1:])
