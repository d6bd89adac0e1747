"""Sums of products."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from tests.lowering.listing import agrees, close, operations, run

HEAD = "index i, j, k, l : N\nindex t : T\n"
N, T = 4, 3

CASES = {
    "chain": ("given F[i,j], P[i,j]\nz[i,j] = sum[k,l](F[i,k]*P[k,l]*F[j,l])",
              ["contract", "contract"], lambda d: d["F"] @ d["P"] @ d["F"].T),
    "sum as a factor": ("given A[i,j], x[j], y[j]\nz[i] = sum[j](A[i,j]*(x[j] + y[j]))",
                        ["map", "contract"], lambda d: d["A"] @ (d["x"] + d["y"])),
    "scaled": ("given A[i,j], x[j], s[i]\nz[i] = sum[j](A[i,j]*x[j]/s[i])*2 + s[i]",
               ["contract"], lambda d: d["A"] @ d["x"] / d["s"] * 2 + d["s"]),
    "trace": ("given A[i,j]\nz = sum[i](A[i,i])", ["sum"], lambda d: np.trace(d["A"])),
    "weighted": ("given A[i,j], x[j], B[j,k]\nz[i,k] = sum[j](A[i,j]*x[j]*B[j,k])",
                 ["map", "contract"], lambda d: d["A"] * d["x"] @ d["B"]),
    "distances": ("given X[t,i]\nz[i,j] = sum[t]((X[t,i] - X[t,j])^2)", ["sum"],
                  lambda d: ((d["X"][:, :, None] - d["X"][:, None]) ** 2).sum(0)),
    "masked": ("given A[i,j], B[j,k]\nz[i,k] = sum[j | j <= i](A[i,j]*B[j,k])",
               ["contract"], lambda d: np.tril(d["A"]) @ d["B"]),
    "two products": ("given W[i,j], U[i,j], X[t,j], b[i]\n"
                     "z[t,i] = tanh(sum[j](W[i,j]*X[t,j]) + sum[j](U[i,j]*X[t,j]) + b[i])",
                     ["contract", "contract"],
                     lambda d: np.tanh(d["X"] @ d["W"].T + d["X"] @ d["U"].T + d["b"])),
    "nested": ("given W[i,j], U[i,j], X[t,j]\nz[t,i] = sum[j](W[i,j]*sum[k](U[j,k]*X[t,k]))",
               ["contract", "contract"], lambda d: d["X"] @ d["U"].T @ d["W"].T),
    "map read once": ("given A[i,j], x[j]\nq[j] = exp(x[j]); z[i] = sum[j](A[i,j]*q[j])",
                      ["map", "contract"], lambda d: d["A"] @ np.exp(d["x"])),
    "centred": ("given X[t,i]\nm[i] = mean[t](X[t,i])\n"
                "z[i,j] = sum[t]((X[t,i]-m[i])*(X[t,j]-m[j]))/(T-1)\nfind z[i,j]",
                ["mean", "map", "contract"], lambda d: np.cov(d["X"].T)),
}
SHAPES = {"x": (N,), "y": (N,), "s": (N,), "b": (N,), "X": (T, N)}


@pytest.mark.parametrize("name", CASES)
def test_sum_of_products(name):
    text, expected, value = CASES[name]
    assert operations(HEAD + text) == expected
    rng = np.random.default_rng(0)
    names = [part.split("[")[0].strip() for part in text.split("\n")[0][6:].split("],")]
    data = {n: rng.normal(size=SHAPES.get(n, (N, N))) for n in names}
    close(run(HEAD + text, **data)["z"], value(data))


def test_convolution_is_a_contraction():
    text = "index i : M\nindex k : 0..K-1\ngiven x[1..M+K-1], w[k]\ny[i] = sum[k](x[i+k]*w[k])"
    assert operations(text) == ["contract"]
    x, w = np.arange(7.0), np.array([1.0, -2, 0.5])
    close(run(text, x=x, w=w)["y"], np.correlate(x, w))


def test_an_index_that_only_a_factor_outside_has():
    text = HEAD + "given A[i,j], x[j], g[t]\nz[i,t] = exp(sum[j](g[t]*A[i,j]*x[j]))"
    rng = np.random.default_rng(0)
    a, x, g = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=3)
    close(run(text, A=a, x=x, g=g)["z"], np.exp(np.outer(a @ x, g)))


def test_a_mean_of_products_is_a_contraction_that_refuses_nothing():
    text = "index t : T\nindex i, j : D\ngiven X[t,i]\nz[i,j] = mean[t](X[t,i]*X[t,j])"
    assert operations(text) == ["contract"]
    x = np.random.default_rng(0).normal(size=(5, 3))
    close(run(text, X=x)["z"], x.T @ x / 5)
    with pytest.raises(hvm.HvmError, match="mean of nothing"):
        run(text, X=np.zeros((0, 3)))


def test_equal_reductions_are_computed_once():
    text = HEAD + "given X[t,i]\nfind a[t], b[t]\na[t] = sum[i](X[t,i]); b[t] = 3*sum[j](X[t,j])"
    assert operations(text) == ["sum", "map"]


APART = {
    "plus": ("y[t,i] = sum[j](W[i,j]*X[t,j] + b[j])", ["sum", "contract"]),
    "minus": ("y[t,i] = sum[j](-b[j] - W[i,j]*X[t,j])", ["sum", "contract"]),
    "two": ("y[t,i] = tanh(2*sum[j | j <= t](W[i,j]*X[t,j] - b[j] + U[j,i]*X[t,j]) + t)",
            ["sum", "contract", "contract"]),
    "shared": ("y[t,i] = sum[j](W[i,j]*X[t,j] - b[j]) + sum[j](U[i,j]*X[t,j] - b[j])",
               ["sum", "contract", "contract"]),
    "shared with a variable": ("y[t,i] = sum[j](W[i,j]*X[t,j] - b[j]) + s\ns = sum[j](b[j])",
                               ["sum", "sum", "contract"]),
    "a pass is needed": ("y[t,i] = sum[j](W[i,j]*X[t,j] + exp(W[i,j] + X[t,j]))", ["sum"]),
}


@pytest.mark.parametrize("name", APART)
@pytest.mark.parametrize("spoil", [None, np.inf, np.nan])
def test_sums_of_sums(name, spoil):
    relation, expected = APART[name]
    used = [f for f in ("W[i,j]", "X[t,j]", "b[j]", "U[j,i]") if f[0] in relation]
    text = f"index i, j : D\nindex t : T\ngiven {', '.join(used)}\nfind y[t,i]\n{relation}"
    assert operations(text) == expected
    rng = np.random.default_rng(0)
    shapes = {"W": (3, 3), "X": (2, 3), "b": (3,), "U": (3, 3)}
    data = {f[0]: rng.normal(size=shapes[f[0]]) for f in used}
    if spoil is not None:
        data["X"][0, 1], data["W"][1, 2] = spoil, -spoil
        if "b" in data:
            data["b"][0] = -spoil
    agrees(text, {"T": 2, "D": 3}, **data)


def test_a_part_of_a_sum_that_was_given_up_is_still_computed_for_others():
    text = ("index i, j : D\nindex t : T\ngiven W[i,j], X[t,j], m[t], U[i,j]\n"
            "find y[t,i], z[t,i]\n"
            "y[t,i] = sum[j](W[i,j]*X[t,j] - m[t] + exp(W[i,j] + X[t,j]))\n"
            "z[t,i] = sum[j](U[i,j]*X[t,j] - m[t])")
    assert operations(text) == ["sum", "sum", "contract"]
    rng = np.random.default_rng(0)
    agrees(text, {"T": 2, "D": 3}, W=rng.normal(size=(3, 3)), X=rng.normal(size=(2, 3)),
           m=rng.normal(size=2), U=rng.normal(size=(3, 3)))
