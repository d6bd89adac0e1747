"""Unrolled systems of equations: implicit families become indexed implicit relations."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hvm_vm as hvm
from hvm_vm.compiling.building import _compile, _source
from tests.relations.lift.mutations import NAME, mutated
from tests.relations.lift.test_lifting import count


def shuffled(lines: list[str], seed: int) -> str:
    random.Random(seed).shuffle(lines)
    return "\n".join(lines) + "\n"


def ops(program) -> list[str]:
    return [i.op for i in program.module.code]


def tridiagonal(n: int) -> list[str]:
    lines = [f"2*u_{i} = u_{i - 1} + u_{i + 1} + f_{i}" if i % 3 else
             f"f_{i} + u_{i + 1} + u_{i - 1} = u_{i}*2" for i in range(1, n + 1)]
    return [*lines, "u_0 = 1", f"u_{n + 1} = 2", *(f"f_{i} = {i % 4}/10" for i in range(1, n + 1))]


def inline(n: int, style=lambda j: f"x_{j}") -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    a = rng.uniform(-1, 1, (n, n)).round(3) + n * np.eye(n)
    b = rng.uniform(0, 1, n).round(3)
    lines = []
    for row, right in zip(a, b, strict=True):
        terms = " + ".join(f"{w:.3f}*{style(j)}" for j, w in enumerate(row, 1))
        lines.append(f"0 + {terms} = {right:.3f}".replace("+ -", "- "))
    return lines, a, b


@pytest.mark.parametrize("n", [9, 30])
def test_a_tridiagonal_system(n):
    program = hvm.compile(shuffled(tridiagonal(n), 1))
    assert ops(program) == ["system", "halt"]
    matrix = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    right = np.array([i % 4 / 10 for i in range(1, n + 1)])
    right[0] += 1
    right[-1] += 2
    for engine in ("reference", "jit"):
        out = program(engine=engine)
        assert list(sorted(out)) == sorted(f"u_{i}" for i in range(1, n + 1))
        wanted = np.linalg.solve(matrix, right)
        np.testing.assert_allclose([out[f"u_{i}"] for i in range(1, n + 1)], wanted, rtol=1e-9)
        np.testing.assert_allclose(out["u"][1:-1], wanted, rtol=1e-9)
    right[0] += 4  # a boundary is an input with a default
    np.testing.assert_allclose(program(u_0=5)["u_1"], np.linalg.solve(matrix, right)[0], rtol=1e-9)


@pytest.mark.parametrize("style", [lambda j: f"x_{j}", lambda j: f"x{j}"])
def test_a_matrix_written_in_numbers(style):
    lines, a, b = inline(12, style)
    program = hvm.compile(shuffled(lines, 2))
    assert ops(program) == ["system", "halt"]
    np.testing.assert_allclose(program()["x"], np.linalg.solve(a, b), rtol=1e-9)


def test_a_matrix_of_names_beside_explicit_relations():
    n = 10
    lines = [" + ".join(f"A_{i}_{j}*x_{j}" for j in range(1, n + 1)) + f" = b_{i}"
             for i in range(1, n + 1)]
    lines += [f"b_{i} = sin(c_{i}) + 2" for i in range(1, n + 1)]
    lines += [f"y_{i} = x_{i}^2 + x_1" for i in range(1, n + 1)]
    program = hvm.compile(shuffled(lines, 3), known=["A", "c"])
    assert sorted(ops(program)) == ["halt", "map", "map", "system"]
    rng = np.random.default_rng(0)
    a, c = rng.normal(size=(n, n)) + 5 * np.eye(n), rng.normal(size=n)
    x = np.linalg.solve(a, np.sin(c) + 2)
    for engine in ("reference", "jit"):
        out = program(A=a, c=c, engine=engine)
        np.testing.assert_allclose(out["x"], x, rtol=1e-9)
        np.testing.assert_allclose(out["y"], x**2 + x[0], rtol=1e-9)


def grid(n: int) -> list[str]:
    inside = range(1, n + 1)
    lines = [f"4*u_{i}_{j} = u_{i - 1}_{j} + u_{i + 1}_{j} + u_{i}_{j - 1} + u_{i}_{j + 1}"
             for i in inside for j in inside]
    lines += [f"u_{e}_{j} = {j}/2" for e in (0, n + 1) for j in inside]
    return lines + [f"u_{i}_{e} = 0.25" for e in (0, n + 1) for i in inside]


@pytest.mark.parametrize("n", [4, 9])
def test_a_grid_with_its_edges(n):
    text = shuffled(grid(n), 4)
    program = hvm.compile(text)
    assert ops(program) == ["system", "halt"]
    plain = _compile(_source(text), frozenset(), frozenset(), (), lift=False)
    wanted, found = plain(engine="jit"), program(engine="jit")
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9)


def plate(n: int) -> list[str]:
    lines = [line.replace("4*u", "u").replace(" = u", " = (u") + ")/4" for line in grid(n)[: n * n]]
    return lines + grid(n)[n * n:]


def average(n: int) -> list[str]:
    lines = [f"T{i} = (T{i - 1} + T{i + 1})/2" for i in range(1, n + 1)]
    return [*lines, "T0 = 3", f"T{n + 1} = 7"]


def solved_by_numpy(lines: list[str]) -> dict[str, float]:
    """The values of linear relations `name = …`."""
    sides = dict(line.split(" = ") for line in lines)
    names = list(sides)
    zero = dict.fromkeys(names, 0.0)
    right = np.array([eval(sides[n], {}, zero) for n in names])
    columns = [[eval(sides[n], {}, zero | {m: 1.0}) for n in names] for m in names]
    matrix = np.eye(len(names)) - (np.array(columns).T - right[:, None])
    return dict(zip(names, np.linalg.solve(matrix, right), strict=True))


def industries(n: int) -> list[str]:
    lines = [f"x{i} = d{i} + " + " + ".join(f"0.{(i * j) % 7}*x{j}/{n}" for j in range(1, n + 1))
             for i in range(1, n + 1)]
    return lines + [f"d{i} = {i % 5}" for i in range(1, n + 1)]


@pytest.mark.parametrize("lines", [average(9), average(60), plate(4), industries(12)])
def test_explicit_relations_that_depend_on_each_other(lines):
    wanted = solved_by_numpy(lines)
    text = shuffled(lines, 8)
    plain = _compile(_source(text), frozenset(), frozenset(), (), lift=False)
    program = hvm.compile(text)
    assert ops(program) == ["system", "halt"]
    for engine in ("reference", "jit"):
        found = program(engine=engine)
        assert set(found) == set(plain(engine=engine))
        assert len(found) == sum("(" in line or "x" in line for line in lines)
        for name, value in found.items():
            assert value == pytest.approx(wanted[name], rel=1e-9)


def test_each_step_of_many_is_a_system():
    n = 12
    lines = [f"u_{t}_{i} = (u_{t - 1}_{i} + 0.5*(u_{t}_{i - 1} + u_{t}_{i + 1}))/2"
             for t in range(1, 4) for i in range(1, n + 1)]
    lines += [f"u_{t}_0 = 1" for t in range(4)] + [f"u_{t}_{n + 1} = 0.{t}" for t in range(4)]
    lines += [f"u_0_{i} = {i}" for i in range(1, n + 1)]
    wanted = solved_by_numpy(lines)
    program = hvm.compile(shuffled(lines, 9))
    assert ops(program).count("system") == 3
    found = program(engine="jit")
    assert {f"u_3_{i}" for i in range(1, n + 1)} <= set(found)
    for name, value in found.items():
        assert value == pytest.approx(wanted[name], rel=1e-9)


def test_a_recurrence_is_no_system():
    lines = [f"s{i} = s{i - 1} + sin(s{i - 1})*a{i}" for i in range(1, 30)]
    lines += ["s0 = 1", *(f"a{i} = 0.{i % 7}" for i in range(1, 30))]
    program = hvm.compile(shuffled(lines, 10))
    assert "system" not in ops(program)
    value = 1.0
    for i in range(1, 30):
        value += np.sin(value) * (i % 7) / 10
    assert program()["s29"] == pytest.approx(value)


def test_relations_beside_the_system_are_part_of_it():
    n = 20
    lines = [f"v{k - 1} - v{k} = rs*i{k}" for k in range(1, n + 1)]
    lines += [*(f"i{k} = i{k + 1} + j{k}" for k in range(1, n)), f"i{n} = j{n}"]
    lines += [*(f"v{k} = rp*j{k}" for k in range(1, n + 1)), "v0 = 10", "rs = 1", "rp = 2"]
    program = hvm.compile(shuffled(lines, 11))
    assert ops(program) == ["system", "halt"]
    matrix = np.zeros((n, n))  # of the currents j
    for k in range(n):
        matrix[k, k:] = 1
        matrix[k, k] += 2
        if k:
            matrix[k, k - 1] -= 2
    wanted = np.linalg.solve(matrix, np.eye(n)[0] * 10)
    for engine in ("reference", "jit"):
        np.testing.assert_allclose(program(engine=engine)["j"], wanted, rtol=1e-9)


def test_one_odd_equation_and_a_guess():
    lines = [f"u_{i - 1} + u_{i + 1} = 2*u_{i} + 0.1*v_{i}" for i in range(1, 21)]
    lines[7] = "u_8^3 + u_7 = 0.3"
    lines += [f"v_{i} = sin(u_{i})*w_{i}" for i in range(1, 21)]
    lines += [f"w_{i} = {i}/10" for i in range(1, 21)]
    lines += ["u_0 = 1", "u_21 = q", "q = 2", "guess u_3 = 0.5", "total = u_3 + v_4"]
    text = shuffled(lines, 5)
    plain = _compile(_source(text), frozenset(), frozenset(), (), lift=False)
    program = hvm.compile(text)
    assert "system" in ops(program) and count(program) <= 3
    for engine in ("reference", "jit"):
        found, wanted = program(engine=engine), plain(engine=engine)
        assert set(found) == set(wanted)
        for name, value in wanted.items():
            assert found[name] == pytest.approx(value, rel=1e-7)


def test_few_equations_stay_scalar():
    program = hvm.compile("2*x_1 + x_2 = 3\nx_1 - x_2 = 0\n")
    assert program()["x_1"] == pytest.approx(1) and "system" not in ops(program)


def test_equations_that_say_the_same_are_an_error():
    lines = tridiagonal(9)
    for text in (shuffled([*lines, lines[0]], 6), shuffled(lines[1:], 6),
                 shuffled([*lines, "u_5 = 3"], 6)):
        with pytest.raises(hvm.HvmError) as error:
            hvm.compile(text)()
        with pytest.raises(hvm.HvmError) as plain:
            _compile(_source(text), frozenset(), frozenset(), (), lift=False)()
        assert str(error.value) == str(plain.value)


def test_the_indexed_text_is_the_same_program(tmp_path, capsys):
    from hvm_vm.cli import main

    path = tmp_path / "grid.hmp"
    path.write_text(shuffled(grid(5), 7))
    assert main(["lift", str(path)]) == 0
    text = capsys.readouterr().out
    assert "where" not in text and "u[0," in text
    indexed, lifted = hvm.compile(text), hvm.compile(path)
    assert ops(indexed) == ops(lifted)
    np.testing.assert_allclose(indexed()["u"], lifted()["u"], rtol=1e-12)


def kinds(n: int) -> dict[str, list[str]]:
    ladder = [f"v_{i} - v_{i + 1} = r_{i}*c_{i}" for i in range(1, n + 1)]
    ladder += [f"c_{i} - c_{i + 1} = g_{i}*v_{i + 1}" for i in range(1, n)]
    ladder += ["v_1 = 10", f"v_{n + 1} = 0", *(f"r_{i} = {i % 3 + 1}" for i in range(1, n + 1)),
               *(f"g_{i} = 0.{i % 4 + 1}" for i in range(1, n))]
    curved = [f"x_{i} + 0.1*x_{i % n + 1}^2 = {i}/10" for i in range(1, n + 1)]
    through = [f"v{k - 1} - v{k} = rs*i{k}" for k in range(1, n + 1)]
    through += [*(f"i{k} = i{k + 1} + j{k}" for k in range(1, n)), f"i{n} = j{n}"]
    through += [*(f"v{k} = rp*j{k}" for k in range(1, n + 1)), "v0 = 10", "rs = 1", "rp = 2"]
    fins = [f"q{k} = kk*(T{k - 1} - T{k})" for k in range(1, n + 1)]
    fins += [*(f"q{k} - q{k + 1} = h{k}" for k in range(1, n)), f"q{n} = h{n}"]
    fins += [*(f"h{k} = c*(T{k} - Ta)" for k in range(1, n + 1)), "T0 = 100", "Ta = 20", "kk = 2"]
    column = [f"y{k} = K*x{k}" for k in range(1, n + 1)]
    column += [f"Lq*x{k - 1} + V*y{k + 1} = Lq*x{k} + V*y{k}" for k in range(1, n + 1)]
    column += ["x0 = 0.4", f"y{n + 1} = 0.01", "K = 1.2", "Lq = 2", "V = 1.5"]
    loop = [f"x{i} = 0.5*cos(x{i % n + 1}) + 0.1*y{i}" for i in range(1, n + 1)]
    loop += [f"y{i} = x{i}^2 + b{i}" for i in range(1, n + 1)]
    loop += [f"b{i} = 0.{i % 5}" for i in range(1, n + 1)]
    return {"tridiagonal": tridiagonal(n), "inline": inline(n)[0], "grid": grid(4),
            "ladder": ladder, "curved": curved, "through": through, "fins": [*fins, "c = 0.1"],
            "column": column, "average": average(n), "plate": plate(4),
            "industries": industries(n), "loop": loop}


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_lifted_and_scalar_systems_agree(seed):
    draw = random.Random(seed)
    found = kinds(draw.randint(9, 11))
    text = shuffled(found[draw.choice(sorted(found))], seed)
    if draw.random() < 0.8:
        text = mutated(text, draw)
    names = sorted(set(NAME.findall(text)))
    known = frozenset(draw.sample(names, draw.choice((0, 0, 0, 1, 1, 2, 4))))
    for form in ("find {}", "guess {} = 0.7", "given {}", "check {} < 1e9"):
        if draw.random() < 0.1:
            text += form.format(draw.choice(names)) + "\n"
    try:
        plain = _compile(_source(text), known, frozenset(), (), lift=False)
    except hvm.HvmError as error:
        with pytest.raises(hvm.HvmError) as lifted:
            hvm.compile(text, known=known)
        assert str(lifted.value) == str(error)
        return
    program = hvm.compile(text, known=known)
    assert program.warnings == plain.warnings
    values = {n: draw.uniform(0.5, 1) for n in plain.inputs if n not in with_defaults(plain)}
    try:
        wanted = plain(values, engine="jit")
    except hvm.HvmError:
        return
    results = program(values, engine="jit")
    assert set(results) == set(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(results[name], value, rtol=1e-6, atol=1e-9)


def with_defaults(program) -> set[str]:
    return {i.name for i in program.module.inputs if i.default >= 0}


def test_unknowns_beyond_the_range_of_the_relations(tmp_path, capsys):
    """2*u[t] = u[t-1] + u[t+1] from u[0] and u[1] on: the last relation determines the last u."""
    from hvm_vm.cli import main

    lines = [f"2*u_{t} = u_{t - 1} + u_{t + 1} + f_{t}" for t in range(1, 12)]
    lines += ["u_0 = 1", "u_1 = 2", *(f"f_{t} = {t}" for t in range(1, 12))]
    wanted = [1.0, 2.0]
    for t in range(1, 12):
        wanted.append(2 * wanted[t] - wanted[t - 1] - t)
    path = tmp_path / "steps.hmp"
    for asked in ([], ["find u_12"]):
        path.write_text(shuffled([*lines, *asked], 4))
        assert hvm.compile(path)()["u_12"] == pytest.approx(wanted[12])
        assert main(["lift", str(path)]) == 0
        text = capsys.readouterr().out
        assert "u[t-1] + u[t+1]" in text
        found = hvm.compile(text)()
        last = found["u_12"] if asked else found["u"][12]
        assert last == pytest.approx(wanted[12])


@pytest.mark.parametrize("kind", sorted(kinds(9)))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_systems_in_any_order_are_one_instruction(kind, seed):
    program = hvm.compile(shuffled(kinds(12)[kind], seed))
    assert ops(program).count("system") == 1 and len(ops(program)) <= 3
