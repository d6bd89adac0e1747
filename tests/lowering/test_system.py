"""What relations over arrays become: one `system`, solved by the right method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hvm_vm
from tests.lowering.listing import operations

ENGINES = ("reference", "jit")
DENSE = "index i, j : N\ngiven A[i,j], b[i]\nfind x[j]\nsum[j](A[i,j]*x[j]) = b[i]\n"
CHAIN = "index i : N\ngiven f[i]\nfind u[i]\n{}\nu[i] = 0 outside\n"


def report(text: str, engine: str = "reference", **inputs):
    """What the only solve of a program tells."""
    told, = hvm_vm.compile(text).run(inputs, engine=engine).reports
    return told


def parts(text: str) -> list[str]:
    """The terms of the system that a program becomes, as the disassembler writes them."""
    lines = hvm_vm.compile(text).disassemble().splitlines()
    return [line.split("along")[0].strip(" (") for line in lines if "(term" in line]


@pytest.mark.parametrize("text", [
    DENSE,
    CHAIN.format("2*u[i] - u[i-1] - u[i+1] = f[i]"),
    "index i, j : N\nindex k : M\ngiven A[i,j], B[i,k]\nfind X[j,k]\nsum[j](A[i,j]*X[j,k])=B[i,k]",
    "index i, j : N\ngiven A[i,j], d[i]\nfind x[i]\nx[i] = sum[j](A[i,j]*x[j]) + d[i]",
])  # fmt: skip
def test_a_system_is_one_instruction(text):
    assert operations(text) == ["system"]


def test_what_holds_no_unknown_is_computed_before():
    text = DENSE.replace("A[i,j]*x[j]", "sum[k](A[k,i]*A[k,j])*x[j]").replace("i, j :", "i, j, k :")
    assert operations(text) == ["contract", "system"]


def test_addends_are_terms():
    """Each its own, so that residuals are told beside what they are made of."""
    assert parts(CHAIN.format("2*u[i] = u[i-1] + u[i+1] + f[i]")) == [
        "term 0 value 2.0 * %u[i] slope 2.0",
        "term 0 value -%u[i - 1]?($1) condition $1 slope -1.0",
        "term 0 value -%u[i + 1]?($1) condition $1 slope -1.0",
        "term 0 value -%f[i]",
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "relation, n, method",
    [("2*u[i] - u[i-1] - u[i+1] = f[i]", 200, "tridiagonal 200"),
     ("6*u[i] - 4*u[i-1] - 4*u[i+1] + u[i-2] + u[i+2] = f[i]", 200, "banded 200, 5 wide"),
     ("2*u[i] - u[i-1] - u[i+1] = f[i]", 3, "LU 3")],
)  # fmt: skip
def test_the_method_follows_from_the_pattern(engine, relation, n, method):
    assert report(CHAIN.format(relation), engine, f=np.ones(n)).method == method


@pytest.mark.parametrize("engine", ENGINES)
def test_dense_methods(engine):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(40, 40)), rng.normal(size=40)
    assert report(DENSE, engine, A=a, b=b).method == "LU 40"
    assert report(DENSE, engine, A=a @ a.T + np.eye(40), b=b).method == "Cholesky 40"


def test_pointwise_axes_are_batches():
    """An axis in which everything is pointwise is no part of the system: N unknowns, not N*M."""
    text = "index i, j : N\nindex k : M\ngiven A[i,j], B[i,k]\nfind X[j,k]\n"
    told = report(text + "sum[j](A[i,j]*X[j,k]) = B[i,k]", A=np.eye(4)[::-1], B=np.ones((4, 7)))
    assert told.method == "LU 4" and told.points == 7
    text = "index t : T\nindex i, j : N\ngiven A[t,i,j], b[t,i]\nfind x[t,i]\n"
    told = report(text + "sum[j](A[t,i,j]*x[t,j]) = b[t,i]",
                  A=np.broadcast_to(np.eye(3), (5, 3, 3)), b=np.ones((5, 3)))
    assert told.points == 5


def test_slopes_are_exact():
    """A system that is linear in disguise takes one step; Newton converges quadratically."""
    told = report("index i : 5\nindex j : 5\nx[i]^2 + 0.1*sum[j](x[j]) = i\nfind x[i]")
    assert told.method.startswith("Newton") and told.iterations <= 8
    assert max(r.relative for r in told.relations) < 1e-14


# --- random linear systems ------------------------------------------------------------------------
@st.composite
def systems(draw):
    """A program whose relations stand in any order, with terms on any side, and its matrix."""
    n, seed = draw(st.integers(1, 9)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    matrix, right = rng.normal(size=(n, n)) + 3*np.eye(n), rng.normal(size=n)
    kind = draw(st.sampled_from(["dense", "banded", "elements", "two arrays"]))
    other = "b[i]"
    lines = [f"N = {n}", "index i, j : N", "given A[i,j], b[i]", "find x[i]"]
    if kind == "dense":
        split = draw(st.integers(0, n))
        terms = [f"sum[j | j <= {split}](A[i,j]*x[j])", f"sum[j | j > {split}](A[i,j]*x[j])"]
        lines.append(_moved(draw, terms, other))
    elif kind == "banded":
        matrix *= abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 1
        terms = ["A[i,i]*x[i]", "sum[j | j = i-1](A[i,j]*x[j])", "sum[j | j = i+1](x[j]*A[i,j])"]
        lines.append(_moved(draw, terms, other))
    elif kind == "elements":
        for k in range(1, n + 1):
            terms = [f"A[{k},{m}]*x[{m}]" for m in range(1, n + 1)]
            lines.append(_moved(draw, terms, f"b[{k}]"))
    else:
        lines.append("y[i] = sum[j | j < i](A[i,j]*x[j])")
        lines.append(_moved(draw, ["y[i]", "sum[j | j >= i](A[i,j]*x[j])"], other))
    return ";\n".join(draw(st.permutations(lines))), matrix, right


def _moved(draw, terms: list[str], right: str) -> str:
    """`sum of terms = right` with terms moved across the equals sign."""
    sides = [[], []]
    for term, own in [*((t, 0) for t in terms), (right, 1)]:
        side = draw(st.integers(0, 1))
        sides[side].append(f"{'-' if side != own else '+'} {term}")
    return " = ".join(" ".join(s).lstrip("+ ") or "0" for s in sides)


@given(systems())
@settings(max_examples=40, deadline=None)
def test_random_linear_systems(case):
    text, matrix, right = case
    program = hvm_vm.compile(text)
    for engine in ENGINES:
        found = program(A=matrix, b=right, engine=engine)["x"]
        np.testing.assert_allclose(found, np.linalg.solve(matrix, right), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_multiplies_a_zero_outside_has_no_say(engine):
    """The corners of a band are not looked at, whatever the data holds there."""
    text = ("index i : N\ngiven a[i], f[i]\nfind u[i]\n"
            "3*u[i] - a[i]*u[i-1] = f[i]\nu[i] = 0 outside")
    a, f = np.array([np.nan, 1, 2]), np.ones(3)
    expected = np.linalg.solve(3*np.eye(3) - np.diag(a[1:], -1), f)
    np.testing.assert_allclose(hvm_vm.compile(text)(a=a, f=f, engine=engine)["u"], expected)
    assert len(parts(text)) == 3
