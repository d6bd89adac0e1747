"""Relations over arrays that are solved together: what makes a system, and what is said of one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hvm_vm as hvm
from tests.relations.programs import error, errors, system, warnings

ENGINES = ["reference", "jit"]


def run(text: str, engine: str = "reference", find=(), free=(), **values):
    program = hvm.compile(text, known=list(values), find=list(find), free=list(free))
    return program(engine=engine, **values)


def kinds(text: str, **values) -> list[str]:
    """The operations of a program."""
    listing = hvm.compile(text, known=list(values)).disassemble()
    return [line.split()[1] for line in listing.splitlines() if line.split()[:1] and
            line.split()[0].isdigit()]


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_linear_system_whichever_way_it_is_written(engine, rng):
    a, b = rng.normal(size=(5, 5)) + 5 * np.eye(5), rng.normal(size=5)
    wanted = np.linalg.solve(a, b)
    head = "index i, j : N\ngiven A[i,j], b[i]\nfind x[i]\n"
    for relation in (
        "sum[j](A[i,j]*x[j]) = b[i]", "b[i] = sum[j](x[j]*A[i,j])",
        "sum[j](A[i,j]*x[j]) - b[i] = 0", "2*b[i] - sum[j](A[i,j]*(x[j] + x[j])) = 0",
        "sum[j](A[i,j]*x[j] - b[i]/N) = 0", "sum[j](x[j]*A[i,j]/3) = b[i]/3",
        "mean[j](A[i,j]*x[j])*N = b[i]",
        "x[i] = (b[i] - sum[j | j != i](A[i,j]*x[j]))/A[i,i]",
    ):
        assert np.allclose(run(head + relation, engine, A=a, b=b)["x"], wanted), relation


@pytest.mark.parametrize("engine", ENGINES)
def test_matrices_that_are_unknown(engine, rng):
    a, b = rng.normal(size=(4, 4)) + 4 * np.eye(4), rng.normal(size=(4, 3))
    left = "index i, j : N\nindex k : K\ngiven A[i,j], B[i,k]\nsum[j](A[i,j]*X[j,k]) = B[i,k]"
    assert np.allclose(run(left, engine, A=a, B=b)["X"], np.linalg.solve(a, b))
    right = "index i, j : N\nindex k : K\ngiven A[i,j], B[k,j]\nsum[i](X[k,i]*A[i,j]) = B[k,j]"
    assert np.allclose(run(right, engine, A=a, B=b.T)["X"], np.linalg.solve(a.T, b).T)
    both = """index i, j, k : N
given A[i,j], C[i,j]
sum[k](A[i,k]*X[k,j]) + sum[k](X[i,k]*A[j,k]) = C[i,j]"""
    c = rng.normal(size=(4, 4))
    x = run(both, engine, A=a, C=c)["X"]
    assert np.allclose(a @ x + x @ a.T, c)


@pytest.mark.parametrize("engine", ENGINES)
def test_boundary_cases_stand_in_for_the_relation_there(engine):
    text = "index i : 1..N\nN = 9\nu[1] = 1\nu[N] = 5\n2*u[i] = u[i-1] + u[i+1]\nfind u[i]"
    assert np.allclose(run(text, engine)["u"], np.linspace(1, 5, 9))
    free = """index i : 1..N
N = 9
u[1] = 1
u[N] - u[N-1] = 0.25
2*u[i] = u[i-1] + u[i+1] where 1 < i and i < N
find u[i]"""
    assert np.allclose(run(free, engine)["u"], 1 + 0.25 * np.arange(9))


@pytest.mark.parametrize("engine", ENGINES)
def test_edges_outside_of_a_plate(engine, rng):
    text = """index i, j : N
given f[i,j]
4*u[i,j] - u[i-1,j] - u[i+1,j] - u[i,j-1] - u[i,j+1] = f[i,j]
u[i,j] = 0 outside
find u"""
    f = rng.normal(size=(7, 7))
    u = np.pad(run(text, engine, f=f)["u"], 1)
    inner = u[1:-1, 1:-1]
    around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    assert np.allclose(4 * inner - around, f)


@pytest.mark.parametrize("engine", ENGINES)
def test_families_of_several_arrays_and_scalars(engine, rng):
    """Equality-constrained least squares: the multipliers are unknowns beside the weights."""
    q = rng.normal(size=(5, 5))
    q, c = q @ q.T + np.eye(5), rng.normal(size=5)
    a, b = rng.normal(size=(2, 5)), rng.normal(size=2)
    text = """index i, j : N
index m : M
given Q[i,j], c[i], A[m,i], b[m]
sum[j](Q[i,j]*x[j]) + sum[m](A[m,i]*y[m]) = c[i]
sum[i](A[m,i]*x[i]) = b[m]
find x, y"""
    found = run(text, engine, Q=q, c=c, A=a, b=b)
    matrix = np.block([[q, a.T], [a, np.zeros((2, 2))]])
    wanted = np.linalg.solve(matrix, np.concatenate([c, b]))
    assert np.allclose(np.concatenate([found["x"], found["y"]]), wanted)
    mean = """index i, j : N
given Q[i,j], c[i]
sum[j](Q[i,j]*x[j]) + shift = c[i]
sum[i](x[i]) = 0
find x, shift"""
    found = run(mean, engine, Q=q, c=c)
    assert np.isclose(found["x"].sum(), 0, atol=1e-12)
    assert np.allclose(q @ found["x"] + found["shift"], c)


@pytest.mark.parametrize("engine", ENGINES)
def test_definitions_in_a_circle_are_a_system(engine, rng):
    a, d = rng.uniform(0, 0.2, size=(4, 4)), rng.uniform(1, 2, size=4)
    text = "index i, j : N\ngiven A[i,j], d[i]\nx[i] = sum[j](A[i,j]*x[j]) + d[i]"
    assert np.allclose(run(text, engine, A=a, d=d)["x"], np.linalg.solve(np.eye(4) - a, d))
    two = """index i, j : N
given A[i,j], d[i]
y[i] = x[i]/2 + d[i]
x[i] = sum[j](A[i,j]*y[j])
find x, y"""
    found = run(two, engine, A=a, d=d)
    assert np.allclose(found["x"], a @ found["y"])
    assert np.allclose(found["y"], found["x"] / 2 + d)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_small_system_for_each_of_many(engine, rng):
    a, b = rng.normal(size=(6, 3, 3)), rng.normal(size=(6, 3))
    text = "index t : T\nindex i, j : N\ngiven A[t,i,j], b[t,i]\nsum[j](A[t,i,j]*x[t,j]) = b[t,i]"
    wanted = np.linalg.solve(a, b[..., None])[..., 0]
    assert np.allclose(run(text, engine, A=a, b=b)["x"], wanted)


@pytest.mark.parametrize("engine", ENGINES)
def test_nonlinear_ones(engine):
    text = """index i : 1..N
N = 10
h = 1/(N+1)
2*x[i] - x[i-1] - x[i+1] + h^2*(x[i] + i*h + 1)^3/2 = 0
x[i] = 0 outside
guess x[i] = i*h*(i*h - 1)
find x"""
    x = run(text, engine)["x"]  # discrete boundary value function (Moré, Garbow, Hillstrom 28)
    h = 1 / 11
    t = h * np.arange(1, 11)
    p = np.pad(x, 1)
    assert abs(2 * x - p[:-2] - p[2:] + h**2 * (x + t + 1) ** 3 / 2).max() < 1e-12
    pair = """index i, j : 3
A[i,j] = [[2, 1, 0], [1, 3, 1], [0, 1, 4]]
sum[j](A[i,j]*v[j]) = lambda*v[i]
sum[i](v[i]^2) = 1
guess v[i] = 0.6; guess lambda = 5
find lambda, v"""
    assert np.isclose(run(pair, engine)["lambda"], 3 + np.sqrt(3))


@pytest.mark.parametrize("engine", ENGINES)
def test_networks_whose_places_are_data(engine):
    text = """index e : E
index n : N
given integer head[e], integer tail[e]
given R[e], source
N = 4
find V[n], I[e], J[n]
V[tail[e]] - V[head[e]] = R[e]*I[e]
sum[e | head[e] = n](I[e]) + J[n] = sum[e | tail[e] = n](I[e])
V[1] = source
V[N] = 0
J[n] = 0 where n > 1 and n < N"""
    found = run(text, engine, head=[2, 3, 4, 3], tail=[1, 2, 3, 1], R=[1.0, 2, 1, 4], source=10.0)
    assert np.allclose(found["V"], [10, 150 / 19, 70 / 19, 0])
    assert np.allclose(found["J"], [70 / 19, 0, 0, -70 / 19])
    springs = """index e : 3
index n : 1..4
given integer s[e], integer t[e], k[e], load[n]
force[e] = k[e]*(u[t[e]] - u[s[e]])
sum[e | t[e] = n](force[e]) - sum[e | s[e] = n](force[e]) = load[n] where n > 1
u[1] = 0
find u, force"""
    found = run(springs, engine, s=[1, 2, 3], t=[2, 3, 4], k=[100.0, 200, 300],
                load=[0.0, 0, 0, 10])
    assert np.allclose(found["u"], [0, 0.1, 0.15, 0.55 / 3])
    assert np.allclose(found["force"], 10)


def test_another_array_asked_for():
    a, x = np.array([[2.0, 1], [1, 3]]), np.array([1.0, 2])
    text = "index i, j : N\ngiven A[i,j]\nsum[j](A[i,j]*x[j]) = b[i]"
    assert np.allclose(run(text, A=a, x=x)["b"], a @ x)
    assert np.allclose(run(text, A=a, b=a @ x)["x"], x)
    diagonal = "index i : N\ngiven b[i], x[i]\nd[i]*x[i] = b[i]"
    assert np.allclose(run(diagonal, b=a @ x, x=x)["d"], a @ x / x)


def test_one_instruction():
    text = "index i, j : N\ngiven A[i,j], b[i]\nsum[j](A[i,j]*x[j]) = b[i]"
    assert kinds(text, A=0, b=0) == ["system", "halt"]
    rod = "index i : 1..N\nN = 9\nu[1] = 1\nu[N] = 5\n2*u[i] = u[i-1] + u[i+1]\nfind u"
    assert kinds(rod) == ["system", "halt"]


def test_counts_that_do_not_fit():
    text = "index i : 3\ngiven b[i]\nx[1] + x[2] + x[3] = b[i]"
    with pytest.raises(hvm.HvmError, match=r"leave|contradict"):
        run(text, b=[1.0, 1, 1])
    assert "1 relation gives 1 equation for 3 unknown elements" in error(
        "index i : 3\ngiven b\nfind x\nsum[i](x[i]) = b")
    assert "5 equations for 1 unknown element of R" in error(
        "index k : 5\ngiven V[k], I[k]\nfind R\nV[k] = R*I[k]")
    fit = "index k : K\ngiven t[k], y[k]\nfind a, b\na + b*t[k] = y[k]"
    assert np.allclose([*run(fit, t=[0.0, 2], y=[1.0, 5]).values()], [1, 2])
    with pytest.raises(hvm.HvmError, match="3 equations for 2 unknowns, 1 too many"):
        run(fit, t=[0.0, 1, 2], y=[1.0, 3, 5])
    with pytest.raises(hvm.HvmError, match="1 equation for 2 unknowns, 1 too few"):
        run(fit, t=[0.0], y=[1.0])


def test_what_a_system_cannot_take():
    head = "index i : 3\ngiven b[i]\n"
    assert "the condition of" in errors(head + "x[i] + x[4-i]*b[i] = b[i] where x[i] > 0")[0]
    message = errors(head + "max[i](x[i]) = 1\nx[i] + x[4-i] = b[i]\nfind x")[0]
    assert "determined" in message


def test_many_nonlinear_arrays_without_a_guess_are_warned_about():
    text = """index i : 3
x[i] = y[4-i]^2/10
y[i] = sin(x[4-i]) + sum[i](x[i])/9
find x, y"""
    assert "x -> y -> x" in warnings(text)[0] and "guess y" in warnings(text)[0]
    assert not warnings(text + "\nguess y[i] = 0.1")


def test_families_of_solutions_and_contradictions():
    ring = "index i : N\ngiven b[i]\nx[i] - x[mod(i, N) + 1] = b[i]"
    with pytest.raises(hvm.RunError, match="leave x"):
        run(ring, b=[1.0, 1, -2])
    with pytest.raises(hvm.RunError, match="contradict"):
        run(ring, b=[1.0, 1, 1])


def test_guesses_and_bounds_of_arrays():
    text = "index i : 2\nx[i]*x[3-i] + x[i]^2 = 6*i\nguess x[i] = -3 in -9..0\nfind x"
    x = run(text)["x"]
    assert (x < 0).all() and np.allclose(x * x.sum(), [6, 12])


def test_the_system_of_a_file_says_what_is_solved():
    built = system("index i, j : N\ngiven A[i,j], b[i]\nsum[j](A[i,j]*x[j]) = b[i]")
    (one,) = built.coupled
    assert one.unknowns == ("x",) and len(one.equations) == 1


@st.composite
def linear(draw):
    """A random linear system of named arrays: text, data, and the solution."""
    count, n = draw(st.integers(1, 3)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = ["x", "y", "z"][:count]
    matrix = rng.normal(size=(count * n, count * n)) + 3 * np.eye(count * n)
    x = rng.normal(size=count * n)
    b = matrix @ x
    lines, values = [], {}
    for r in range(count):
        left, right = [], [f"b{names[r]}[i]"]
        for c in range(count):
            name = f"M{names[r]}{names[c]}"
            values[name] = matrix[r * n : (r + 1) * n, c * n : (c + 1) * n]
            if draw(st.booleans()) and c:
                values[name] = -values[name]
                right.append(f"sum[j]({name}[i,j]*{names[c]}[j])")
            else:
                left.append(f"sum[j]({names[c]}[j]*{name}[i,j])")
        values[f"b{names[r]}"] = b[r * n : (r + 1) * n]
        sides = [" + ".join(draw(st.permutations(side))) for side in (left, right)]
        if draw(st.booleans()):
            sides.reverse()
        lines.append(" = ".join(sides))
    head = ["index i, j : N", "given " + ", ".join(
        f"{name}[i,j]" if name[0] == "M" else f"{name}[i]" for name in values)]
    text = "\n".join([*head, "find " + ", ".join(names), *draw(st.permutations(lines))])
    return text, values, {name: x[k * n : (k + 1) * n] for k, name in enumerate(names)}


@settings(max_examples=25, deadline=None)
@given(linear())
def test_random_linear_systems(made):
    text, values, wanted = made
    for engine in ENGINES:
        found = run(text, engine, **values)
        for name, x in wanted.items():
            assert np.allclose(found[name], x, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_relations_of_very_different_sizes(engine):
    """u[0] = 200 beside slopes of 1e12: pivots are chosen among rows of one size."""
    n = 100_000
    text = """index i : 0..N
    given k
    find u
    dx = 0.5/N
    k*(u[i-1] - 2*u[i] + u[i+1])/dx^2 = 10000*(u[i] - 20)
    u[0] = 200
    u[N] = 40
    """
    u = hvm.compile(text)(N=n, k=45.0, engine=engine)["u"]
    x, m = np.linspace(0, 0.5, n + 1), (10000/45)**0.5
    exact = 20 + (20*np.sinh(m*x) + 180*np.sinh(m*(0.5 - x)))/np.sinh(m*0.5)
    assert u[0] == 200 and u[-1] == 40
    np.testing.assert_allclose(u, exact, atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_elements_with_relations_of_their_own_are_exact_in_nonlinear_systems(engine):
    text = """index i, j, k : 3
    A[i,j] = [[4,2,2],[2,5,3],[2,3,6]]
    sum[k](L[i,k]*L[j,k]) = A[i,j] where j <= i
    L[i,j] = 0 where j > i
    guess L[i,j] = 1
    find L
    """
    assert hvm.compile(text)(engine=engine)["L"] == pytest.approx(
        np.array([[2, 0, 0], [1, 2, 0], [1, 1, 2]]), abs=0, rel=1e-12)


def test_most_of_many_nonlinear_systems_need_no_care(monkeypatch):
    """Plain steps side by side solve what converges; only the rest is solved one by one."""
    from hvm_vm.engines.systems.solve import System

    alone, each = [], System._each
    monkeypatch.setattr(System, "_each", lambda self, arrays, evaluator, known, lanes: (
        alone.extend(lanes), each(self, arrays, evaluator, known, lanes))[1])
    rng = np.random.default_rng(0)
    a = rng.normal(size=(500, 4, 4)) + 4*np.eye(4)
    x = rng.normal(size=(500, 4))
    text = """index k : K
    index i, j : N
    given A[k,i,j], b[k,i]
    sum[j](A[k,i,j]*x[k,j]) + 0.1*x[k,i]^3 = b[k,i]
    find x
    """
    b = np.einsum("kij,kj->ki", a, x) + 0.1*x**3
    found = hvm.compile(text)(A=a, b=b)["x"]
    left = np.einsum("kij,kj->ki", a, found) + 0.1*found**3
    np.testing.assert_allclose(left, b, rtol=1e-9, atol=1e-9)
    assert len(alone) < 10


def test_a_relation_with_an_unknown_that_nothing_else_determines_is_not_turned_round():
    text = "index p : 3\nk[p] = [1, 2, 4]\nk[p]/Q[p] = dp\nfind Q, dp\n"
    assert "3 equations for 4 unknown elements of Q and dp" in error(text)
    found = run(text + "sum[p](Q[p]) = 7")
    assert found["Q"] == pytest.approx([1, 2, 4]) and found["dp"] == pytest.approx(1)


@pytest.mark.parametrize("engine", ENGINES)
def test_relations_under_one_condition_are_no_cases_of_each_other(engine):
    found = run("x + y = 3 where 1 < 2\nx - y = 1 where 1 < 2\n", engine)
    assert (found["x"], found["y"]) == (2, 1)
    two = """
index t : 1..3
given p
x[t] + y[t] = 3 where t > p
x[t] + y[t] = 5 where t <= p
x[t] - y[t] = 1 where t > p
x[t] - y[t] = 2 where t <= p
"""
    found = run(two, engine, p=1)
    np.testing.assert_allclose(found["x"], [3.5, 2, 2])
    np.testing.assert_allclose(found["y"], [1.5, 1, 1])
