"""Softmax in many spellings is one instruction; what only looks like one is not."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from tests.lowering.listing import close, operations, run

HEAD = "index t, u, w : T\ngiven S[t,u]\nfind A[t,u]\n"

PLAIN = {
    "quotient": "A[t,u] = exp(S[t,u]) / sum[w](exp(S[t,w]))",
    "reciprocal": "A[t,u] = (1/sum[w](exp(S[t,w]))) * exp(S[t,u])",
    "named parts": "E[t,u] = exp(S[t,u]); Z[t] = sum[w](E[t,w]); A[t,u] = E[t,u]/Z[t]",
    "named reciprocal": "E[t,u] = exp(S[t,u]); Z[t] = 1/sum[w](E[t,w]); A[t,u] = E[t,u]*Z[t]",
    "maximum": "A[t,u] = exp(S[t,u] - max[w](S[t,w])) / sum[w](exp(S[t,w] - max[u](S[t,u])))",
    "named maximum": "M[t] = max[w](S[t,w]); E[t,u] = exp(S[t,u] - M[t])\n"
                     "A[t,u] = E[t,u]/sum[w](E[t,w])",
    "logarithm": "A[t,u] = exp(S[t,u] - log(sum[w](exp(S[t,w]))))",
    "named logarithm": "L[t] = log(sum[w](exp(S[t,w]))); A[t,u] = exp(S[t,u] - L[t])",
    "stable logarithm": "M[t] = max[w](S[t,w]); L[t] = M[t] + log(sum[w](exp(S[t,w]-M[t])))\n"
                        "A[t,u] = exp(S[t,u] - L[t])",
    "shift": "A[t,u] = exp(S[t,u] + t) / sum[w](exp(t + S[t,w]))",
    "factor": "A[t,u] = exp(S[t,u])*exp(2) / sum[w](exp(2 + S[t,w]))",
}

CAUSAL = {
    "where": "A[t,u] = exp(S[t,u]) / sum[w | w <= t](exp(S[t,w])) where u <= t\n"
             "A[t,u] = 0 where u > t",
    "otherwise": "A[t,u] = exp(S[t,u]) / sum[w | t >= w](exp(S[t,w])) where u < t + 1\n"
                 "A[t,u] = 0 otherwise",
    "if": "A[t,u] = if(u <= t, exp(S[t,u]), 0) / sum[w](if(w > t, 0, exp(S[t,w])))",
    "if around": "A[t,u] = if(u > t, 0, exp(S[t,u]) / sum[w | not (w > t)](exp(S[t,w])))",
    "truth": "A[t,u] = (u <= t)*exp(S[t,u]) / sum[w]((w <= t)*exp(S[t,w]))",
    "infinity": "P[t,u] = if(u <= t, S[t,u], -inf); A[t,u] = exp(P[t,u]) / sum[w](exp(P[t,w]))",
    "added infinity": "P[t,u] = S[t,u] + if(u > t, -inf, 0)\n"
                      "A[t,u] = exp(P[t,u]) / sum[w](exp(P[t,w]))",
    "infinity, maximum": "P[t,u] = if(u <= t, S[t,u], -inf); M[t] = max[w](P[t,w])\n"
                         "A[t,u] = exp(P[t,u] - M[t]) / sum[w](exp(P[t,w] - M[t]))",
}

NOT = {
    "another numerator": "A[t,u] = exp(2*S[t,u]) / sum[w](exp(S[t,w]))",
    "another axis": "A[t,u] = exp(S[u,t]) / sum[w](exp(S[t,w]))",
    "not normalised where it is defined": "A[t,u] = exp(S[t,u]) / sum[w | w <= t](exp(S[t,w]))",
    "no exponential": "A[t,u] = S[t,u] / sum[w](S[t,w])",
    "square": "A[t,u] = exp(S[t,u]) / sum[w](exp(S[t,w]))^2",
    "another mask": "A[t,u] = (u < t)*exp(S[t,u]) / sum[w | w < u](exp(S[t,w]))",
}


def softmax(s, mask=None):
    s = s if mask is None else np.where(mask, s, -np.inf)
    e = np.exp(s - s.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.fixture
def scores():
    return np.random.default_rng(0).normal(size=(5, 5))


@pytest.mark.parametrize("name", PLAIN)
def test_plain(name, scores):
    assert operations(HEAD + PLAIN[name]) == ["softmax"]
    close(run(HEAD + PLAIN[name], S=scores)["A"], softmax(scores))
    close(run(HEAD + PLAIN[name], S=1000 * scores)["A"], softmax(1000 * scores))


@pytest.mark.parametrize("name", CAUSAL)
def test_causal(name, scores):
    assert operations(HEAD + CAUSAL[name]) == ["softmax"]
    mask = np.tril(np.ones((5, 5), bool))
    close(run(HEAD + CAUSAL[name], S=scores)["A"], softmax(scores, mask))


@pytest.mark.parametrize("name", NOT)
def test_not_a_softmax(name, scores):
    assert "softmax" not in operations(HEAD + NOT[name])


def test_weights_and_what_is_done_to_it(scores):
    text = ("given m[u], g[u]\n"
            "A[t,u] = 1 + 2*g[u]*m[u]*exp(S[t,u]/3) / sum[w](m[w]*exp(S[t,w]*(1/3)))")
    m, g = np.array([1, 0, 1, 0.5, 1]), np.arange(5.0)
    assert operations(HEAD + text) == ["softmax"]
    e = m * np.exp(scores / 3)
    close(run(HEAD + text, S=scores, m=m, g=g)["A"], 1 + 2 * g * e / e.sum(1, keepdims=True))


def test_parts_that_are_results_are_still_computed(scores):
    text = "find E[t,u], Z[t]\n" + PLAIN["named parts"]
    assert operations(HEAD + text).count("softmax") == 1
    out = run(HEAD + text, S=scores)
    close(out["E"], np.exp(scores))
    close(out["Z"], np.exp(scores).sum(1))
    close(out["A"], softmax(scores))


def test_over_several_indices():
    text = ("index t : T\nindex i, j : D\nindex h, g : 2\ngiven S[t,i,h]\n"
            "A[t,i,h] = exp(S[t,i,h]) / sum[g,j](exp(S[t,j,g]))")
    s = np.random.default_rng(1).normal(size=(3, 4, 2))
    assert operations(text) == ["softmax"]
    e = np.exp(s)
    close(run(text, S=s)["A"], e / e.sum((1, 2), keepdims=True))


def test_sigmoids_written_out_are_not_looked_through_for_softmaxes(monkeypatch):
    """A chain of gates has exponentials, sums and quotients, but no sum of exponentials."""
    from hvm_vm.lowering.recognise import attention, softmax

    asked = []
    for module in (attention, softmax):
        monkeypatch.setattr(module, "match", lambda *_, **__: asked.append(1))
    hvm.compile("index i, j : 4\n" + "".join(
        f"r{k}[i] = 1/(1 + exp(-sum[j](U[i,j]*h{k - 1}[j])))\n"
        f"h{k}[i] = tanh(sum[j](V[i,j]*r{k}[j]*h{k - 1}[j]))\n" for k in range(1, 9)))
    assert not asked
    hvm.compile("index t, u : 4\na[t] = exp(s[t])/sum[u](exp(s[u]))\n")
    assert asked
