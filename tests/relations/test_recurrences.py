"""Recurrences: one instruction where that can be, answers as loops in Python give them, and words
for what cannot be computed yet."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import hvm_vm as hvm

from .programs import error

ENGINES = ("reference", "jit")


def ops(program) -> list[str]:
    return [i.op for i in program.module.code]


@pytest.mark.parametrize("engine", ENGINES)
def test_first_elements_and_a_rule(engine):
    program = hvm.compile("index n : N\nN = 12\nf[1] = 1; f[2] = 1\nf[n] = f[n-1] + f[n-2]")
    assert ops(program).count("scan") == 1
    assert list(program(engine=engine)["f"]) == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144]
    for n in (2, 3):
        assert list(program(engine=engine, N=n)["f"]) == [1, 1, 2][:n]


@pytest.mark.parametrize("engine", ENGINES)
def test_backward(engine):
    program = hvm.compile("index t : 0..T\ngiven c[t]\nV[T] = c[T]\nV[t] = 0.5*V[t+1] + c[t]")
    c = np.arange(6.0)
    wanted = c.copy()
    for t in range(4, -1, -1):
        wanted[t] += 0.5 * wanted[t + 1]
    assert np.allclose(program(engine=engine, c=c)["V"], wanted)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("width", [1, 5, 1500])
def test_a_row_at_each_step(engine, width):
    text = """index n : 1..T
index i : M
given start[i], left, right
T = 20
u[0,i] = start[i]
u[n,i] = u[n-1,i] + 0.2*(if(i = 1, left, u[n-1,i-1]) - 2*u[n-1,i] + if(i = M, right, u[n-1,i+1]))
find u[T,i]"""
    start = np.random.default_rng(0).normal(size=width)
    program = hvm.compile(text)
    assert ops(program).count("scan") == 1
    u = start
    for _ in range(20):
        wide = np.concatenate([[2.0], u, [3.0]])
        u = u + 0.2 * (wide[:-2] - 2 * u + wide[2:])
    out = program(engine=engine, start=start, left=2, right=3)
    assert np.allclose(out["u"], u)


@pytest.mark.parametrize("engine", ENGINES)
def test_arrays_that_go_on_together(engine):
    """What the same step has computed, cases, ranges that begin apart, and what is not stored."""
    text = """index n : 1..N
index m : 0..N
N = 30
x[0] = 1; y[0] = 0
half[m] = x[m]/2
x[n] = x[n-1] + 0.1*y[n-1]
y[n] = y[n-1] - 0.1*half[n] where n < 20
y[n] = y[n-1] where n >= 20
find x[m], y[m]"""
    x, y = [1.0], [0.0]
    for n in range(1, 31):
        x.append(x[-1] + 0.1 * y[-1])
        y.append(y[-1] - 0.1 * x[-1] / 2 if n < 20 else y[-1])
    program = hvm.compile(text)
    out = program(engine=engine)
    assert np.allclose(out["x"], x) and np.allclose(out["y"], y)
    assert "half" not in {r.name for r in program.module.registers}


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_along_two_axes(engine):
    text = """index i : 0..N
index j : 0..M
given a[1..N], b[1..M]
d[i,0] = i
d[0,j] = j where j > 0
d[i,j] = min(d[i-1,j] + 1, d[i,j-1] + 1, d[i-1,j-1] + if(a[i] = b[j], 0, 1))
find d[N,M]"""
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 3, 9), rng.integers(0, 3, 7)
    d = np.zeros((10, 8))
    d[:, 0], d[0] = np.arange(10), np.arange(8)
    for i in range(1, 10):
        for j in range(1, 8):
            other = a[i - 1] != b[j - 1]
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + other)
    program = hvm.compile(text)
    assert program(engine=engine, a=a, b=b)["d"] == d[9, 7]


@pytest.mark.parametrize("engine", ENGINES)
def test_shifted_and_short_sums(engine):
    """`x[n+1] = …`, and a moving average, whose sum is written out."""
    text = """index n : 4..N-1
index k : 1..4
N = 12
x[1] = 1; x[2] = 2; x[3] = 3; x[4] = 4
x[n+1] = sum[k](x[n+1-k])/4 + s[n]
s[n] = x[n]/100
find x"""
    x = [1.0, 2, 3, 4]
    for _ in range(4, 12):
        x.append(sum(x[-4:]) / 4 + x[-1] / 100)
    assert np.allclose(hvm.compile(text)(engine=engine)["x"], x)


@pytest.mark.parametrize("engine", ENGINES)
def test_sums_of_data_within_steps(engine):
    """A reduction that reads no member is computed before the steps."""
    text = "index t : 1..T\nindex j : J\ngiven w[t,j]\nx[0] = 0\nx[t] = x[t-1]/2 + sum[j](w[t,j]^2)"
    w = np.random.default_rng(1).normal(size=(8, 3))
    x = [0.0]
    for row in w:
        x.append(x[-1] / 2 + (row**2).sum())
    assert np.allclose(hvm.compile(text)(engine=engine, w=w)["x"], x)


@pytest.mark.parametrize("engine", ENGINES)
def test_places_looked_up(engine):
    """Which earlier element is read stands in a table: one scan, and a check of the table. Another
    table, with later elements, makes it a system."""
    text = "index n : 1..7\nk[n] = [0,0,1,2,2,0,5]\nx[0] = 1\nx[n] = x[k[n]]/2 + n"
    program = hvm.compile(text)
    assert ops(program) == ["check", "map", "scan", "halt"]

    def wanted(k):
        x = [1.0] + [0.0] * 7
        for _ in range(80):
            x[1:] = [x[k[n - 1]] / 2 + n for n in range(1, 8)]
        return x

    k = [0, 0, 1, 2, 2, 0, 5]
    assert np.allclose(program(engine=engine)["x"], wanted(k))
    assert np.allclose(program(engine=engine, k=[0, 1, 2, 3, 4, 5, 6])["x"],
                       wanted([0, 1, 2, 3, 4, 5, 6]))
    later = [0, 0, 1, 2, 7, 0, 5]
    with pytest.raises(hvm.HvmError, match="before it is computed"):
        program(engine=engine, k=later)
    assert np.allclose(hvm.compile(text, known=["k"])(engine=engine, k=later)["x"], wanted(later))


@pytest.mark.parametrize("seed", range(40))
def test_rules_that_change_on_the_way(seed):
    """Two arrays whose rules begin and end anywhere, read as far back as they like, and now and
    then take up again what one element was."""
    rng = np.random.default_rng(seed)
    last = 24
    rules: dict[str, list] = {}
    for name in "xy":
        cuts = sorted({0, last + 1, *rng.integers(1, last, rng.integers(1, 4)).tolist()})
        rules[name] = []
        for lo, after in pairwise(cuts):
            lag, other = int(rng.integers(1, 6)), str(rng.choice(["x", "y"]))
            same = name == "y" and rng.random() < 0.4
            fixed = int(rng.integers(0, lo)) if lo and rng.random() < 0.4 else None
            rules[name].append((lo, after - 1, lag, other, same, fixed))
    lines = [f"index n : 0..{last}"]
    for name, parts in rules.items():
        for lo, hi, lag, other, same, fixed in parts:
            body = f"{name == 'x'} + 0.1*n".replace("True", "1").replace("False", "2")
            body += f" + if(n >= {lag}, {other}[n-{lag}]/3, 0)" if lo < lag else (
                f" + {other}[n-{lag}]/3")
            body += " + x[n]/5" if same else ""
            body += f" + {name}[{fixed}]/7" if fixed is not None else ""
            left = f"{name}[{lo}]" if lo == hi else f"{name}[n]"
            text = body.replace("n-", f"{lo}-").replace("0.1*n", f"0.1*{lo}") if lo == hi else body
            if lo == hi:
                text = text.replace("x[n]", f"x[{lo}]").replace("n >=", f"{lo} >=")
            where = "" if lo == hi else f" where {lo} <= n and n <= {hi}"
            lines.append(f"{left} = {text}{where}")
    lines.append("find x, y")
    values = {"x": np.zeros(last + 1), "y": np.zeros(last + 1)}
    for n in range(last + 1):
        for name, parts in rules.items():
            _, _, lag, other, same, fixed = next(p for p in parts if p[0] <= n <= p[1])
            value = (1 if name == "x" else 2) + 0.1 * n
            value += values[other][n - lag] / 3 if n >= lag else 0
            value += values["x"][n] / 5 if same else 0
            value += values[name][fixed] / 7 if fixed is not None else 0
            values[name][n] = value
    program = hvm.compile("\n".join(lines))
    for engine in ENGINES:
        out = program(engine=engine)
        assert np.allclose(out["x"], values["x"]) and np.allclose(out["y"], values["y"])


def test_what_a_step_makes_is_found_by_the_nan_search(tmp_path, capsys):
    """The first step that makes it, and the relation of steps, not that of the first element."""
    from hvm_vm.cli import main

    for text, step in (("index n : 1..9\nx[0] = 3\nx[n] = sqrt(x[n-1] - 1)", 3),
                       ("index n : 0..8\nx[9] = 3\nx[n] = sqrt(x[n+1] - 1)", 6)):
        path = tmp_path / "steps.hmp"
        path.write_text(text)
        main(["trace", str(path), "--nan-check"])
        told = capsys.readouterr()
        words = told.out + told.err
        assert f"steps.hmp:3:1: error: x becomes NaN here at n = {step}" in words


def test_a_read_before_the_first_step_is_an_error():
    with pytest.raises(hvm.HvmError, match="x"):
        hvm.compile("index n : 9\nx[n] = x[n-1] + 1")()


@pytest.mark.parametrize("text, words", [
    ("index t : 1..T\nindex i, j : D\ngiven W[i,j], x0[i]\nx[0,i] = x0[i]\n"
     "x[t,i] = sum[j](W[i,j]*x[t-1,j])", "it takes a sum over x, step by step"),
    ("index t : 1..T\ngiven c[t]\nx[0] = 1; y[0] = 1\nx[t] = x[t-1] + y[t]\ny[t] = c[t]*x[t]",
     "each step is a system"),
    ("index t : 1..T\nindex i : D\nx[0,i] = 1\ne[0] = 0\n"
     "x[t,i] = x[t-1,i] + e[t-1]\ne[t] = x[t,1]", "different shapes"),
])
def test_what_cannot_be_computed_yet(text, words):
    assert words in _message(text)


def _message(text: str) -> str:
    try:
        return error(text)
    except BaseException:  # later than the relations
        with pytest.raises(hvm.HvmError) as caught:
            hvm.compile(text)(T=3, D=2)
        return str(caught.value)
