"""Unrolled recurrences become one scan; what is none stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm

from .test_systems import shuffled

ENGINES = ("reference", "jit")


def ops(program) -> list[str]:
    return [i.op for i in program.module.code]


def compiled(lines: list[str], seed: int = 1):
    return hvm.compile(shuffled(lines, seed))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [9, 60])
def test_a_chain(engine, count):
    program = compiled([f"s{k} = 0.9*s{k - 1} + a{k}" for k in range(1, count)])
    assert ops(program).count("scan") == 1 and len(ops(program)) <= 4
    a = np.random.default_rng(0).normal(size=count - 1)
    s = 2.0
    for x in a:
        s = 0.9 * s + x
    assert program(engine=engine, s0=2, a=a)[f"s{count - 1}"] == pytest.approx(s)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_families_backward(engine):
    lines = [f"p{t} = 0.5*p{t + 1} - q{t}/3" for t in range(40)]
    lines += [f"q{t} = p{t + 1} + q{t + 1}/2" for t in range(40)]
    program = compiled(lines)
    assert ops(program).count("scan") == 1
    p, q = 1.5, -1.0
    for _ in range(40):
        p, q = 0.5 * p - (p + q / 2) / 3, p + q / 2
    out = program(engine=engine, p40=1.5, q40=-1.0)
    assert out["p0"] == pytest.approx(p)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("steps", [6, 30])
def test_rows_in_time(engine, steps):
    """The count does not depend on the steps, and the results are the last row by name."""
    cells = 40
    lines = [f"u_{t}_{i} = u_{t - 1}_{i}"
             f" + 0.1*(u_{t - 1}_{i - 1} - 2*u_{t - 1}_{i} + u_{t - 1}_{i + 1})"
             for t in range(1, steps) for i in range(1, cells + 1)]
    lines += [f"u_{t}_0 = 1" for t in range(steps)]
    lines += [f"u_{t}_{cells + 1} = 0" for t in range(steps)]
    lines += [f"u_0_{i} = {i % 3}" for i in range(1, cells + 1)]
    program = compiled(lines)
    assert ops(program).count("scan") == 1 and len(ops(program)) <= 8
    u = np.array([1.0, *(i % 3 for i in range(1, cells + 1)), 0.0])
    for _ in range(steps - 1):
        u[1:-1] = u[1:-1] + 0.1 * (u[:-2] - 2 * u[1:-1] + u[2:])
    out = program(engine=engine)
    assert [out[f"u_{steps - 1}_{i}"] for i in range(1, cells + 1)] == pytest.approx(u[1:-1])
    assert set(out) >= {f"u_{steps - 1}_{i}" for i in range(cells + 2)}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_moving_average(engine):
    """A short sum over the array itself, along the steps."""
    lines = [f"x{k} = (x{k - 1} + x{k - 2} + x{k - 3} + x{k - 4})/4 + b{k}" for k in range(5, 60)]
    program = compiled(lines)
    assert ops(program).count("scan") == 1
    b = np.random.default_rng(1).normal(size=55)
    x = [1.0, 2.0, 3.0, 4.0]
    for v in b:
        x.append(sum(x[-4:]) / 4 + v)
    given = {f"x{k}": float(k) for k in range(1, 5)}
    assert program(engine=engine, b=b, **given)["x59"] == pytest.approx(x[-1])


def test_products_of_a_matrix_stay_steps_of_their_own():
    """Each step of a network is a contraction; a recurrence of sums is no scan."""
    lines = [f"h{t}_{i} = tanh(W{i}_1*h{t - 1}_1 + W{i}_2*h{t - 1}_2 + W{i}_3*h{t - 1}_3)"
             for t in range(1, 8) for i in range(1, 4)]
    assert ops(compiled(lines)) == ["contract"] * 7 + ["halt"]


@pytest.mark.parametrize("engine", ENGINES)
def test_one_odd_step(engine):
    lines = [f"s{k} = 0.5*s{k - 1} + 1" for k in range(1, 40)]
    lines[19] = "s20 = s19^2 - 3"
    program = compiled(lines)
    assert "scan" in ops(program) and len(ops(program)) <= 6
    s = 0.25
    for k in range(1, 40):
        s = s * s - 3 if k == 20 else 0.5 * s + 1
    assert program(engine=engine, s0=0.25)["s39"] == pytest.approx(s)


def test_a_step_that_depends_on_itself_stays_a_solve():
    """x and y of a step depend on each other: a block for each step, as the scalars say."""
    lines = [f"x{k} = 0.5*cos(x{k + 1}) + 0.1*y{k}" for k in range(1, 12)]
    lines += [f"y{k} = x{k}^2 + 0.1*k1" for k in range(1, 12)]
    program = compiled(lines)
    x = 0.7
    for _ in range(11):
        c = 0.5 * np.cos(x)
        y = x
        for _ in range(60):
            y = c + 0.1 * (y * y + 0.1 * 0.3)
        x = y
    assert program(x12=0.7, k1=0.3)["x1"] == pytest.approx(x)


def test_the_indexed_text_is_the_same_program(tmp_path, capsys):
    from hvm_vm.cli import main

    path = tmp_path / "steps.hmp"
    path.write_text(shuffled([f"s{k} = 0.9*s{k - 1} + a{k}" for k in range(1, 50)], 5))
    assert main(["lift", str(path)]) == 0
    text = capsys.readouterr().out
    assert "s[t] = s[t-1]*0.9 + a[t]" in text or "0.9*s[t-1] + a[t]" in text
    assert ops(hvm.compile(text)) == ops(hvm.compile(path))
