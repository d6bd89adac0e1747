"""A session without any terminal: forwards, back, breakpoints, values set by hand."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.errors import InputError, RunError

BLOCK = """index t, u, w : T
index i, j : D
given X[t,i], Wq[i,j]
find O[t,i], S[t,u], A[t,u]
Q[t,i] = sum[j](Wq[i,j] * X[t,j])
S[t,u] = sum[i](Q[t,i] * X[u,i])
A[t,u] = exp(S[t,u]) / sum[w](exp(S[t,w]))
O[t,i] = sum[u](A[t,u] * X[u,i])
"""
X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]])
WQ = np.array([[1.0, 0.5], [-0.5, 2.0]])


@pytest.fixture(params=["reference", "jit"])
def session(request):
    return hvm.compile(BLOCK).step(X=X, Wq=WQ, engine=request.param)


def test_stepping_to_the_end_gives_what_a_run_gives(session):
    out = hvm.compile(BLOCK)(X=X, Wq=WQ)
    ran = 0
    while not session.finished:
        ran += session.step().ran
    assert ran == len(session.bound.code) - 1 == session.position
    for name, value in out.items():
        np.testing.assert_allclose(session.value(name), value, rtol=1e-12)


def test_back_makes_values_unknown_again_and_forwards_brings_them_back(session):
    session.resume()
    values = {name: session.value(name) for name in ("Q", "S", "A", "O")}
    assert session.back(2).ran == -2 and session.position == len(session.bound.code) - 3
    with pytest.raises(InputError, match="O is not computed yet"):
        session.value("O")
    session.step(2)
    for name, value in values.items():
        assert np.array_equal(session.value(name), value)
    assert session.back(100).reason == "start" and session.position == 0
    assert session.back().ran == 0


@pytest.mark.parametrize("where", ["softmax", "2", ":7", "line 7"])
def test_a_breakpoint_without_a_condition_stops_before(session, where):
    session.breakpoints.add(where)
    stop = session.resume()
    assert stop.reason == "breakpoint" and session.instruction.op == "softmax"
    assert session.resume().reason == "end"
    assert session.reverse().reason == "breakpoint" and session.instruction.op == "softmax"
    assert session.reverse().reason == "start"


def test_a_breakpoint_on_a_variable_stops_when_it_is_there(session):
    session.breakpoints.add("S")
    assert session.resume().reason == "breakpoint"
    assert "S" in session.changed and session.value("S").shape == (3, 3)


def test_conditions(session):
    low = session.breakpoints.add("S if max(S) > 1000")
    high = session.breakpoints.add("S if max(S) > 1 and S[2,2] >= max(S)")
    nan = session.breakpoints.add("softmax if any nan")
    stop = session.resume()
    assert stop.breakpoints == (high,) and low.hits == 0
    session.set("S[1,2] = nan")
    assert session.resume().breakpoints == (nan,)
    assert session.value("count nan in A") == 3


def test_breakpoints_are_disabled_and_deleted(session):
    one = session.breakpoints.add("S")
    one.enabled = False
    assert session.resume().reason == "end"
    session.restart()
    one.enabled = True
    session.breakpoints.delete(one.number)
    assert session.resume().reason == "end"
    with pytest.raises(InputError, match="there is no breakpoint 1"):
        session.breakpoints.delete(1)


@pytest.mark.parametrize(("text", "words"), [
    ("99", "there is no instruction 99"), (":1", "line 1 has no instruction"),
    ("solve", "this program has no solve"), ("sofmax", "did you mean softmax"),
    ("X", "X is an input"), ("S if max(Z) > 1", "there is no variable Z"),
    ("S if max(S >", "at the end"), ("", "say where"), ("T", "T is a size"),
])  # fmt: skip
def test_breakpoints_that_cannot_be(session, text, words):
    with pytest.raises(InputError, match=words):
        session.breakpoints.add(text)
    assert not len(session.breakpoints)


def test_a_condition_of_many_values_is_an_error(session):
    session.breakpoints.add("S if S > 1")
    with pytest.raises(InputError, match=r"9 truth values: say any"):
        session.resume()


def test_a_watch_stops_in_both_directions(session):
    from hvm_vm.tracing.stepping.session import Scope

    watch = session.breakpoints.watch("S[1,2]", Scope(session))
    assert watch.last is None
    stop = session.resume()
    assert stop.reason == "watch" and stop.before is None
    assert np.array_equal(watch.last, session.value("S[1,2]"))
    session.resume()
    assert session.finished
    assert session.reverse().reason == "watch" and watch.last is None


def test_set_recomputes_what_follows_and_back_restores(session):
    given = X.copy()
    session.breakpoints.add("A")
    session.resume()
    session.set("S[1, ..] = 0")
    session.back(1)
    session.resume()
    assert not np.allclose(session.value("A[1, ..]"), 1 / 3)
    session.back(1)
    session.set("S[1, ..] = [0, 0, 0]")
    session.resume()
    np.testing.assert_allclose(session.value("A[1, ..]"), [1 / 3] * 3)
    session.restart()
    session.set("X[1, 2] = 5")
    session.breakpoints.clear()
    session.resume()
    changed = given.copy()
    changed[0, 1] = 5
    expected = hvm.compile(BLOCK)(X=changed, Wq=WQ)["O"]
    np.testing.assert_allclose(session.value("O"), expected, rtol=1e-12)
    assert np.array_equal(X, given)  # the caller's array is the caller's


@pytest.mark.parametrize(("text", "words"), [
    ("S = 1", "not computed yet"), ("X[4,1] = 1", "4 is outside axis t of X, which is 1..3"),
    ("X[1] = 2", "X has 2 axes, X\\[t, i\\], not 1"), ("X = [1, 2, 3]", "3 x 2"),
    ("T = 3", "T is a size"), ("Y = 1", "no variable Y"), ("X[1,1]", "write it as set"),
    ("X = 'ODD'", "numbers, not symbols"),
])  # fmt: skip
def test_values_that_cannot_be_set(session, text, words):
    with pytest.raises(InputError, match=words):
        session.set(text)
    assert np.array_equal(session.value("X"), X)


def test_slices_are_in_index_values():
    program = hvm.compile("index n : 0..4\nindex k : 2..4\ngiven x[n,k]\ny[n,k] = 2*x[n,k]\n")
    x = np.arange(15.0).reshape(5, 3)
    session = program.step(x=x)
    assert session.value("x[0, 2]") == 0 and session.value("x[4,4]") == 14
    assert np.array_equal(session.value("x[1..3, 3]"), x[1:4, 1])
    assert np.array_equal(session.value("x[1:3, 3]"), x[1:3, 1])
    assert np.array_equal(session.value("x[.., 3..]"), x[:, 1:])
    assert np.array_equal(session.value("x[:, :3]"), x[:, :1])
    assert session.value("x[3..2, 2]").size == 0
    assert session.value("sum(x[1, ..])*2 - 1") == 2 * (3 + 4 + 5) - 1
    with pytest.raises(InputError, match=r"1..4 is not inside axis k of x, which is 2..4"):
        session.value("x[0, 1..4]")
    with pytest.raises(InputError, match="one whole number"):
        session.value("x[1.5, 2]")


def test_a_failing_instruction_is_stopped_at_and_can_be_mended():
    program = hvm.compile("given x\ny = sqrt(x)\nz = y + 1\ncheck y < 10\nfind y, z\n")
    for engine in ("reference", "jit"):
        session = program.step(x=400.0, engine=engine)
        stop = session.resume()
        assert stop.reason == "failed" and isinstance(stop.error, RunError)
        assert session.instruction.op == "check" and session.failed is stop.error
        assert session.value("y") == 20
        assert session.resume().reason == "failed"
        session.back(100)
        session.set("x = 4")
        assert session.resume().reason == "end" and session.failed is None
        assert session.value("z") == 3


def test_gathers_check_what_was_set():
    program = hvm.compile("index t : T\nindex v : V\ngiven integer k[t], E[v]\ny[t] = E[k[t]]\n")
    for engine in ("reference", "jit"):
        session = program.step(k=[1, 2], E=[5.0, 6.0, 7.0], engine=engine)
        session.set("k[2] = 9")
        assert session.resume().reason == "failed"
        session.set("k[2] = 3")
        session.resume()
        assert list(session.value("y")) == [5, 7]
        with pytest.raises(InputError, match="whole numbers"):
            session.set("k[1] = 1.5")


def test_symbols_and_families():
    program = hvm.compile("x1 = 1; x2 = 4; x3 = 9\ny1 = sqrt(x1)\ny2 = sqrt(x2)\ny3 = sqrt(x3)\n"
                          "kind = if(y3 > 2, 'BIG', 'SMALL')\n")
    session = program.step()
    session.resume()
    assert session.value("y2") == 2 and session.value("kind") == "BIG"
    assert list(session.value("y")) == [1, 2, 3]
    session.restart()
    session.set("x3 = 1")
    session.resume()
    assert session.value("kind") == "SMALL" and session.value("y3") == 1
    assert session.value("kind = 'SMALL'")


def test_fused_variables_are_computed_apart():
    program = hvm.compile("given x\ny = x + 1\nz = y*2\nfind z\n")
    session = program.step(x=3.0)
    assert session.value("y") == 4
    with pytest.raises(InputError, match="no variable q"):
        session.value("q")
    with pytest.raises(InputError, match="fused"):
        session.set("y = 1")
    wide = program.step(x=3.0, all=True)
    wide.breakpoints.add("y")
    assert wide.resume().reason == "breakpoint" and wide.value("y") == 4


def test_inside_a_solve():
    program = hvm.compile("given a\nx*exp(x) = a\nguess x = 1\n")
    for engine in ("reference", "jit"):
        session = program.step(a=5.0, engine=engine)
        log = session.solve_log()
        assert session.position == 0 and log.names == ("x",) and not log.failure
        (found,) = log.points.values()
        assert found[0].x[0] == 1 and found[0].kind == "start"
        assert found[0].residual[0] == pytest.approx(np.e - 5)
        assert found[-1].worst < 1e-14 < found[0].worst
        session.resume()
        assert session.value("x") == pytest.approx(found[-1].x[0], rel=1e-12)


def test_inside_a_solve_at_many_points_and_one_that_fails():
    program = hvm.compile("index t : 1..3\ngiven a[t]\nx[t]^2 + x[t] = a[t]\nguess x[t] = 1\n")
    log = program.step(a=[2.0, 6.0, 12.0]).solve_log()
    assert set(log.points) == {0, 1, 2} and log.where(1) == "at t = 2"
    assert log.lane((3,)) == 2 and len(log.points[0]) <= len(log.points[log.hardest()])
    with pytest.raises(InputError, match="is not a point"):
        log.lane((4,))
    session = program.step(a=[2.0, -6.0, 12.0])
    assert "no solution" in session.solve_log().failure
    assert session.resume().reason == "failed"


SYSTEM = """index i, j : 3
given A[i,j], b[i]
find x[i]
sum[j](A[i,j]*x[j]) = b[i]
"""


def test_inside_a_system():
    data = {"A": [[4.0, 1, 0], [1, 3, 1], [0, 1, 5]], "b": [1.0, 2, 3]}
    for engine in ("reference", "jit"):
        session = hvm.compile(SYSTEM).step(data, engine=engine)
        log = session.solve_log()
        assert session.position == 0 and not log.failure and log.unknowns == ["x"]
        assert list(log.names) == ["x[1]", "x[2]", "x[3]"] and len(log.relations) == 3
        (found,) = log.points.values()
        assert [one.kind for one in found[:2]] == ["start", "elimination"]
        assert list(found[0].x) == [0, 0, 0] and list(found[0].residual) == [-1, -2, -3]
        np.testing.assert_allclose(found[-1].x, np.linalg.solve(data["A"], data["b"]), rtol=1e-12)
        assert any("b[i] at i = 2" in line for line in log.lines(0, 0))
        session.resume()
        np.testing.assert_allclose(session.value("x"), found[-1].x, rtol=1e-12)


def test_inside_systems_at_points_nonlinear_and_failing():
    text = SYSTEM.replace("index i", "index p : 2\nindex i").replace("A[i,j]", "A[p,i,j]").replace(
        "b[i]", "b[p,i]").replace("x[i]", "x[p,i]").replace("x[j]", "x[p,j]")
    A = np.array([np.eye(3), 2 * np.eye(3)])
    log = hvm.compile(text).step(A=A, b=np.ones((2, 3))).solve_log()
    assert set(log.points) == {0, 1} and log.where(1) == "at p = 2"
    np.testing.assert_allclose(log.points[log.lane((2,))][-1].x, 0.5)
    failing = hvm.compile(text).step(A=0 * A, b=np.ones((2, 3)))
    assert "contradict" in failing.solve_log().failure

    many = hvm.compile("index i : 0..20\ngiven k\nu[i] = 0 where i = 0\nu[i] = 1 where i = 20\n"
                       "u[i-1] - 2*u[i] + u[i+1] = k*u[i]^2 where 1 <= i < 20\nfind u[i]\n")
    session = many.step(k=0.1)
    log = session.solve_log()
    found = log.points[0]
    assert len(found) > 3 and found[-1].worst < 1e-12 < found[1].worst
    assert "u f64[21]  all 1" in log.lines(0, 0)[1]
    session.resume()
    np.testing.assert_allclose(session.value("u"), found[-1].x, rtol=1e-9)
