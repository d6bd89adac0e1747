"""Recognition never changes an answer but for the better: spellings of whole operations on awkward
data, held against the oracle, which evaluates what is written.

Where the oracle has a number, the engines have it. Where it has NaN or an infinity, so have they,
unless the data overflow on the way (`huge`), or a spelling multiplies what it leaves out by zero
(`better`): 0*NaN is NaN there, and a number here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.language import Diagnostics, Source, parse
from hvm_vm.relations import build
from tests.oracle import evaluate

HEAD = "index t, u, w : T\nindex i, j : D\nindex c : C\n"
QKV = HEAD + "given Q[t,i], K[t,i], V[t,c]\nfind O[t,c]\n"
S = "S[t,u] = sum[i](Q[t,i]*K[u,i])\n"
SCORES = HEAD + "given S[t,u], m[u]\nfind A[t,u]\n"
WEIGHTS = HEAD + "given S[t,u], m[u], V[t,c]\nfind O[t,c]\n"

CASES = {
    # -- softmax
    "softmax": SCORES + "A[t,u] = exp(S[t,u])/sum[w](exp(S[t,w]))",
    "softmax, causal": SCORES + "A[t,u] = exp(S[t,u])/sum[w | w <= t](exp(S[t,w])) where u <= t\n"
                       "A[t,u] = 0 otherwise",
    "softmax, strictly before": SCORES + "A[t,u] = exp(S[t,u])/sum[w | w < t](exp(S[t,w]))"
                                " where u < t\nA[t,u] = 0 otherwise",
    "softmax, where m": SCORES + "A[t,u] = exp(S[t,u])/sum[w | m[w] > 0](exp(S[t,w]))"
                        " where m[u] > 0\nA[t,u] = 0 otherwise",
    "softmax, if m around": SCORES + "A[t,u] = if(m[u] > 0, exp(S[t,u])/"
                            "sum[w | m[w] > 0](exp(S[t,w])), 0)",
    "softmax, if m inside": SCORES + "A[t,u] = if(m[u] > 0, exp(S[t,u]), 0)/"
                            "sum[w | m[w] > 0](exp(S[t,w]))",
    "softmax, -inf by m": SCORES + "P[t,u] = if(m[u] > 0, S[t,u], -inf)\n"
                          "A[t,u] = exp(P[t,u])/sum[w](exp(P[t,w]))",
    "softmax, -inf before": SCORES + "P[t,u] = if(u < t, S[t,u], -inf)\n"
                            "A[t,u] = exp(P[t,u])/sum[w](exp(P[t,w]))",
    "softmax, truth m": SCORES + "A[t,u] = (m[u] > 0)*exp(S[t,u])/sum[w]((m[w] > 0)*exp(S[t,w]))",
    "softmax, weights": SCORES + "A[t,u] = m[u]*exp(S[t,u])/sum[w](m[w]*exp(S[t,w]))",
    "softmax, window": SCORES + "A[t,u] = exp(S[t,u])/sum[w | w <= t and w > t - 2](exp(S[t,w]))"
                       " where u <= t and u > t - 2\nA[t,u] = 0 otherwise",
    "softmax, logarithm": SCORES + "A[t,u] = exp(S[t,u] - log(sum[w](exp(S[t,w]))))",
    # -- sums of weights and values
    "weighted": WEIGHTS + "O[t,c] = sum[u | u <= t](S[t,u]*V[u,c])",
    "weighted, before": WEIGHTS + "O[t,c] = sum[u | u < t](S[t,u]*V[u,c])",
    "weighted, by m": WEIGHTS + "O[t,c] = sum[u | m[u] > 0](S[t,u]*V[u,c])",
    "weighted, scaled": WEIGHTS + "O[t,c] = sum[u | u < t](S[t,u]*V[u,c]*m[t])",
    "weighted, divided": WEIGHTS + "O[t,c] = sum[u | u < t](S[t,u]*V[u,c]/m[t])",
    "weighted, three": WEIGHTS + "O[t,c] = sum[u,w | w <= u](S[t,u]*S[u,w]*V[w,c])",
    "weighted, zeros": WEIGHTS + "A[t,u] = if(u <= t, S[t,u], 0)\nO[t,c] = sum[u](A[t,u]*V[u,c])",
    "weighted, nothing": HEAD + "given S[t,i], V[i,c], m[t]\n"
                         "O[t,c] = sum[i](S[t,i]*V[i,c]*m[t])",
    "softmax and values": WEIGHTS + "A[t,u] = exp(S[t,u])/sum[w | w < t](exp(S[t,w])) where u < t\n"
                          "O[t,c] = sum[u | u < t](A[t,u]*V[u,c])\nfind A[t,u]\n"
                          "A[t,u] = 0 otherwise",
    # -- attention
    "attention": QKV + S + "A[t,u] = exp(S[t,u])/sum[w](exp(S[t,w]))\n"
                 "O[t,c] = sum[u](A[t,u]*V[u,c])",
    "attention, causal": QKV + S + "A[t,u] = exp(S[t,u])/sum[w | w <= t](exp(S[t,w]))"
                         " where u <= t\nO[t,c] = sum[u | u <= t](A[t,u]*V[u,c])",
    "attention, before": QKV + S + "A[t,u] = exp(S[t,u])/sum[w | w < t](exp(S[t,w]))"
                         " where u < t\nO[t,c] = sum[u | u < t](A[t,u]*V[u,c])",
    "attention, quotient": QKV + S + "O[t,c] = sum[u | u <= t](exp(S[t,u])*V[u,c])/"
                           "sum[w | w <= t](exp(S[t,w]))",
    "attention, quotient before": QKV + S + "O[t,c] = sum[u | u < t](exp(S[t,u])*V[u,c])/"
                                  "sum[w | w < t](exp(S[t,w]))",
    "attention, by m": QKV + "given m[u]\n" + S + "A[t,u] = exp(S[t,u])/"
                       "sum[w | m[w] > 0](exp(S[t,w])) where m[u] > 0\nA[t,u] = 0 otherwise\n"
                       "O[t,c] = sum[u](A[t,u]*V[u,c])",
    "attention, sums by m": QKV + "given m[u]\n" + S + "A[t,u] = exp(S[t,u])/"
                            "sum[w | m[w] > 0](exp(S[t,w])) where m[u] > 0\n"
                            "O[t,c] = sum[u | m[u] > 0](A[t,u]*V[u,c])",
    "attention, quotient by m": QKV + "given m[u]\n" + S + "O[t,c] = sum[u | m[u] > 0]("
                                "exp(S[t,u])*V[u,c])/sum[w | m[w] > 0](exp(S[t,w]))",
    "attention, -inf by m": QKV + "given m[u]\n" + S + "P[t,u] = if(m[u] > 0, S[t,u], -inf)\n"
                            "A[t,u] = exp(P[t,u])/sum[w](exp(P[t,w]))\n"
                            "O[t,c] = sum[u](A[t,u]*V[u,c])",
    "attention, truth before": QKV + S + "A[t,u] = (u < t)*exp(S[t,u])/sum[w]((w < t)*exp(S[t,w]))"
                               "\nO[t,c] = sum[u](A[t,u]*V[u,c])",
    "attention, weights": QKV + "given m[u]\n" + S + "A[t,u] = m[u]*exp(S[t,u])/"
                          "sum[w](m[w]*exp(S[t,w]))\nO[t,c] = sum[u](A[t,u]*V[u,c])",
    "attention, -1e9": QKV + "given m[u]\n" + S + "P[t,u] = S[t,u]/2 + (1 - m[u])*(-1e9)\n"
                       "A[t,u] = exp(P[t,u])/sum[w](exp(P[t,w]))\nO[t,c] = sum[u](A[t,u]*V[u,c])",
    "attention, 1e9*m - 1e9": QKV + "given m[u]\n" + S + "B[u] = 1e9*m[u] - 1e9\n"
                              "A[t,u] = exp(S[t,u] + B[u])/sum[w](exp(S[t,w] + B[w]))\n"
                              "O[t,c] = sum[u](A[t,u]*V[u,c])",
    "attention, named mask": QKV + S + "B[t,u] = 0 where u <= t\nB[t,u] = -inf otherwise\n"
                             "P[t,u] = S[t,u]/sqrt(D) + B[t,u]\n"
                             "A[t,u] = exp(P[t,u])/sum[w](exp(P[t,w]))\n"
                             "O[t,c] = sum[u](A[t,u]*V[u,c])",
    "softmax, 1e9*m - 1e9": SCORES + "A[t,u] = exp(S[t,u] + (1e9*m[u] - 1e9))/"
                            "sum[w](exp(S[t,w] + (1e9*m[w] - 1e9)))",
    "attention, scaled inside": QKV + "given m[u]\n" + S + "A[t,u] = exp(S[t,u])/"
                                "sum[w | w < t](exp(S[t,w])) where u < t\n"
                                "O[t,c] = sum[u | u < t](A[t,u]*V[u,c]*m[t])",
    "attention, elsewhere": HEAD + "given Q[t,i], K[j,i], V[j,c]\nfind O[t,c]\n"
                            "S[t,j] = sum[i](Q[t,i]*K[j,i])\n"
                            "A[t,j] = exp(S[t,j])/sum[i](exp(S[t,i]))\n"
                            "O[t,c] = sum[j](A[t,j]*V[j,c])",
    "attention, elsewhere, quotient": HEAD + "given Q[t,i], K[j,i], V[j,c]\nfind O[t,c]\n"
                                      "S[t,j] = sum[i](Q[t,i]*K[j,i])\n"
                                      "O[t,c] = sum[j](exp(S[t,j])*V[j,c])/sum[j](exp(S[t,j]))",
    # -- norms
    "layer norm": HEAD + "given X[t,i]\nfind Y[t,i]\nmu[t] = mean[i](X[t,i])\n"
                  "v[t] = mean[i]((X[t,i] - mu[t])^2)\nY[t,i] = (X[t,i] - mu[t])/sqrt(v[t] + 1e-5)",
    "rms norm": HEAD + "given X[t,i], g[i]\nfind Y[t,i]\n"
                "Y[t,i] = g[i]*X[t,i]/sqrt(mean[j](X[t,j]^2) + 1e-5)",
}
AXES = {"S": "tt", "m": "t", "V": "tc", "Q": "ti", "K": "ti", "X": "ti", "g": "i"}
# Left out by a factor 0, or multiplied afterwards, where the oracle adds up 0*NaN or inf - inf; or
# all exponentials underflow there.
BETTER = {
    "attention, named mask", "attention, -1e9", "attention, 1e9*m - 1e9", "softmax, 1e9*m - 1e9",
    "attention, weights", "attention, by m", "attention, -inf by m", "attention, truth before",
    "softmax, weights", "softmax, truth m", "softmax, if m inside", "softmax, -inf by m",
    "softmax, -inf before", "weighted, zeros", "weighted, nothing",
}
EXTENTS = {"elsewhere": {"K": "ii", "V": "ic"}, "nothing": {"S": "ti", "V": "ic", "m": "t"}}


def axes_of(case: str) -> dict[str, str]:
    special = [v for k, v in EXTENTS.items() if k in case]
    return AXES | (special[0] if special else {})


def ordinary(rng, name, shape):
    return rng.normal(size=shape)


def masked(rng, name, shape):
    return np.zeros(shape) - 1 if name == "m" else rng.normal(size=shape)


def some_masked(rng, name, shape):
    x = rng.normal(size=shape)
    if name == "m":
        x[:] = [(k % 2) for k in range(shape[0])]
    return x


def zero(rng, name, shape):
    return np.zeros(shape)


def spoiled(value, where):
    def make(rng, name, shape):
        x = some_masked(rng, name, shape)
        if name == where and x.size:
            x[-1 if x.ndim == 1 else (-1, 0)] = value
        return x
    return make


def spoiled_first(value, where):
    def make(rng, name, shape):
        x = some_masked(rng, name, shape)
        if name == where and x.size:
            x[0] = value
        return x
    return make


def huge(rng, name, shape):
    return rng.normal(size=shape) * (1 if name == "m" else 1e3)


DATA = {
    "ordinary": ordinary, "masked": masked, "some masked": some_masked, "zero": zero, "huge": huge,
    "nan in V": spoiled(np.nan, "V"), "inf in V": spoiled(np.inf, "V"),
    "nan in the first of V": spoiled_first(np.nan, "V"),
    "nan in S": spoiled(np.nan, "S"), "inf in S": spoiled(np.inf, "S"),
    "-inf in S": spoiled(-np.inf, "S"), "nan in K": spoiled(np.nan, "K"),
    "inf in m": spoiled_first(np.inf, "m"), "nan in X": spoiled(np.nan, "X"),
}
SIZES = ((4, 3, 2), (1, 1, 1), (3, 0, 2), (0, 2, 2), (2, 2, 0))


@cache
def compiled(case: str):
    text = CASES[case] + "\n"
    diagnostics = Diagnostics()
    source = Source("case.hmp", text)
    system = build(parse(source, diagnostics), source, diagnostics)
    diagnostics.raise_if_errors()
    return system, hvm.compile(text)


def check(case: str, data: str, sizes) -> None:
    system, program = compiled(case)
    extents = dict(zip("tic", sizes, strict=True))
    rng = np.random.default_rng(5)
    axes = axes_of(case)
    names = [n for n, v in system.variables.items() if v.is_input]
    if data not in ("ordinary", "masked", "some masked", "zero", "huge") and (
            data.split()[-1] not in names):
        return
    inputs = {n: DATA[data](rng, n, tuple(extents[a] for a in axes[n])) for n in names}
    known = {s.name for s in program.module.symbols_of_size}
    given = {n: v for n, v in zip("TDC", sizes, strict=True) if n in known}
    try:
        expected = evaluate(system, inputs, given)
    except Exception as error:
        with pytest.raises(hvm.HvmError):
            program(engine="reference", **inputs, **given)
        assert "nothing" in str(error)
        return
    for engine in ("reference", "jit"):
        results = program(engine=engine, **inputs, **given)
        for name, value in expected.items():
            got = np.asarray(results[name])
            value = np.asarray(value)
            if data == "huge" and "logarithm" in case:
                continue  # exp(S - log(inf)) is 0
            if data == "huge" or case in BETTER:
                kept = np.isfinite(value)
                got, value = got[kept], value[kept]
            np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-9,
                                       err_msg=f"{name} in {engine}: {case}, {data}, {sizes}")


@pytest.mark.parametrize("case", CASES)
def test_small(case):
    for data in DATA:
        for sizes in SIZES:
            check(case, data, sizes)


@pytest.mark.parametrize("case", [c for c in CASES if "weighted" in c or "attention" in c])
def test_large_enough_for_products_of_matrices(case):
    for data in DATA:
        check(case, data, (13, 5, 7))
