"""Attention in many spellings is one instruction, unless its parts are needed elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lowering.listing import close, operations, run

HEAD = "index t, u, w : T\nindex i, j : D\ngiven Q[t,i], K[t,i], V[t,i]\nfind O[t,i]\n"
SCORES = "S[t,u] = sum[i](Q[t,i]*K[u,i])\n"
SOFTMAX = "A[t,u] = exp(S[t,u])/sum[w](exp(S[t,w]))\n"
VALUES = "O[t,i] = sum[u](A[t,u]*V[u,i])\n"

PLAIN = {
    "named": SCORES + SOFTMAX + VALUES,
    "in one relation": "O[t,i] = sum[u](exp(sum[j](Q[t,j]*K[u,j]))"
                       "/sum[w](exp(sum[j](K[w,j]*Q[t,j])))*V[u,i])",
    "divided at the end": SCORES + "O[t,i] = sum[u](exp(S[t,u])*V[u,i])/sum[w](exp(S[t,w]))",
    "sums by name": SCORES + "E[t,u] = exp(S[t,u]); N[t,i] = sum[u](V[u,i]*E[t,u])\n"
                    "Z[t] = sum[u](E[t,u]); O[t,i] = N[t,i]/Z[t]",
    "maximum": SCORES + "M[t] = max[w](S[t,w]); E[t,u] = exp(S[t,u] - M[t])\n"
               "Z[t] = sum[u](E[t,u]); O[t,i] = sum[u](E[t,u]/Z[t]*V[u,i])",
}
SCALED = {
    "divided": "S[t,u] = sum[i](Q[t,i]*K[u,i])/sqrt(D)\n",
    "multiplied": "S[t,u] = D^(-1/2)*sum[i](Q[t,i]*K[u,i])\n",
    "inside": "S[t,u] = sum[i](Q[t,i]*K[u,i]/sqrt(D))\n",
    "by name": "P[t,u] = sum[i](K[u,i]*Q[t,i]); S[t,u] = P[t,u]/D^0.5\n",
}
CAUSAL = {
    "where": SCORES + "A[t,u] = exp(S[t,u])/sum[w | w <= t](exp(S[t,w])) where u <= t\n"
             "O[t,i] = sum[u | u <= t](A[t,u]*V[u,i])",
    "zeros": SCORES + "A[t,u] = exp(S[t,u])/sum[w | w <= t](exp(S[t,w])) where u <= t\n"
             "A[t,u] = 0 otherwise\n" + VALUES,
    "infinity": "S[t,u] = if(u <= t, sum[i](Q[t,i]*K[u,i]), -inf)\n" + SOFTMAX + VALUES,
    "scores where": "S[t,u] = sum[i](Q[t,i]*K[u,i]) where u <= t\n"
                    "A[t,u] = exp(S[t,u])/sum[w | w <= t](exp(S[t,w])) where u <= t\n"
                    "O[t,i] = sum[u | u <= t](A[t,u]*V[u,i])",
    "truth": SCORES + "A[t,u] = (u <= t)*exp(S[t,u])/sum[w]((w <= t)*exp(S[t,w]))\n" + VALUES,
}


def attention(q, k, v, scale=1.0, mask=None):
    s = scale * q @ k.T
    s = s if mask is None else np.where(mask, s, -np.inf)
    e = np.exp(s - s.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True) @ v


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(5, 3)) for name in "QKV"}


@pytest.mark.parametrize("name", PLAIN)
def test_plain(name, data):
    assert operations(HEAD + PLAIN[name]) == ["attention"]
    close(run(HEAD + PLAIN[name], **data)["O"], attention(*data.values()))


@pytest.mark.parametrize("name", SCALED)
def test_scaled(name, data):
    text = HEAD + SCALED[name] + SOFTMAX + VALUES
    assert operations(text) == ["attention"]
    close(run(text, **data)["O"], attention(*data.values(), scale=3**-0.5))


@pytest.mark.parametrize("name", CAUSAL)
def test_causal(name, data):
    assert operations(HEAD + CAUSAL[name]) == ["attention"]
    mask = np.tril(np.ones((5, 5), bool))
    close(run(HEAD + CAUSAL[name], **data)["O"], attention(*data.values(), mask=mask))


def test_mask_bias_and_residual(data):
    text = HEAD + ("given m[u], B[t,u], g[i]\nS[t,u] = sum[i](Q[t,i]*K[u,i])/2 + B[t,u]\n"
                   "A[t,u] = m[u]*exp(S[t,u])/sum[w](m[w]*exp(S[t,w]))\n"
                   "P[t,i] = sum[u](A[t,u]*V[u,i]); O[t,i] = g[i]*P[t,i] + Q[t,i]")
    assert operations(text) == ["attention"]
    rng = np.random.default_rng(1)
    m, b, g = np.array([1, 0, 1, 0.5, 1]), rng.normal(size=(5, 5)), rng.normal(size=3)
    e = m * np.exp(data["Q"] @ data["K"].T / 2 + b)
    close(run(text, m=m, B=b, g=g, **data)["O"],
          g * (e / e.sum(1, keepdims=True) @ data["V"]) + data["Q"])


def test_heads_and_a_projection():
    text = ("index t, u, w : T\nindex i : D\nindex h : 0..H-1\nindex c : C\n"
            "given Q[t,h,c], K[t,h,c], V[t,h,c], W[i,1..H*C]\nfind Y[t,i]\n"
            "S[h,t,u] = sum[c](Q[t,h,c]*K[u,h,c])/sqrt(C)\n"
            "A[h,t,u] = exp(S[h,t,u])/sum[w](exp(S[h,t,w]))\n"
            "O[t,h,c] = sum[u](A[h,t,u]*V[u,h,c])\n"
            "Y[t,i] = sum[h,c](W[i,C*h+c]*O[t,h,c])")
    assert operations(text) == ["attention", "contract"]
    rng = np.random.default_rng(2)
    q, k, v = rng.normal(size=(3, 5, 2, 3))
    weights = rng.normal(size=(4, 6))
    heads = [attention(q[:, h], k[:, h], v[:, h], 3**-0.5) for h in range(2)]
    close(run(text, Q=q, K=k, V=v, W=weights)["Y"], np.concatenate(heads, 1) @ weights.T)


@pytest.mark.parametrize("name, shape", [("S", (5, 5)), ("A", (5, 5))])
def test_parts_that_are_results_are_kept(name, shape, data):
    text = HEAD + f"find {name}[t,u]\n" + SCORES + SOFTMAX + VALUES
    assert operations(text) == ["contract", "softmax", "contract"]
    out = run(text, **data)
    assert out[name].shape == shape
    close(out["O"], attention(*data.values()))


def test_weights_that_somebody_else_reads_are_kept(data):
    text = HEAD + "find e[t]\n" + SCORES + SOFTMAX + VALUES + "e[t] = A[t,t]"
    assert operations(text) == ["contract", "softmax", "contract", "copy"]


@pytest.mark.parametrize("scale", ["", "0.5*"])
@pytest.mark.parametrize("case", [
    "if(p <= T, {}, 7)", "if(p > T, 7, {})", "if(p > 1, 7, {})",
    "if(p <= T and (p != 2 or j != 2), {}, 7)"])  # fmt: skip
def test_queries_that_exist_under_a_condition_only(case, scale):
    import hvm_vm as hvm

    whole = (f"sum[u](exp({scale}sum[i](K[u,i]*Q[p,i]))*V[u,j])"
             f"/sum[w](exp({scale}sum[i](K[w,i]*Q[p,i])))")
    text = HEAD.replace("O[t,i]", "O[p,j]") + "index p : 1..T+2\nO[p,j] = " + case.format(whole)
    program = hvm.compile(text)
    assert "attention" in [one.op for one in program.module.code]
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 4, 3))
    weights = np.exp(q @ k.T * (0.5 if scale else 1))
    wanted = np.full((6, 3), 7.0)
    shown = 1 if "> 1" in case else 4
    wanted[:shown] = (weights @ v / weights.sum(axis=1, keepdims=True))[:shown]
    if "j != 2" in case:
        wanted[1, 1] = 7
    for engine in ("reference", "jit"):
        np.testing.assert_allclose(program(Q=q, K=k, V=v, engine=engine)["O"], wanted, rtol=1e-12)
