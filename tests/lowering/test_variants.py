"""Whole operations as models of today write them: each is the handful of instructions that a person
would hope for, and right."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lowering.listing import agrees, operations

QKV = "index t, u, w : T\nindex i : D\nindex c : C\ngiven Q[t,i], K[t,i], V[t,c]\nfind O[t,c]\n"
WEIGHTS = "A[t,u] = exp(S[t,u])/sum[w](exp(S[t,w]))\nO[t,c] = sum[u](A[t,u]*V[u,c])\n"
SIZES = {"T": 4, "U": 3, "D": 3, "C": 2, "G": 2, "R": 2, "H": 2, "B": 2, "N": 3, "M": 2}
SHAPES = {"Q": "TD", "K": "TD", "V": "TC"}

CASES = {
    "grouped queries": (
        "index t, u, w : T\nindex g : G\nindex r : R\nindex c : C\n"
        "given Q[t,g,r,c], K[u,g,c], V[u,g,c]\nfind O[t,g,r,c]\n"
        "S[g,r,t,u] = sum[c](Q[t,g,r,c]*K[u,g,c])/sqrt(C)\n"
        "A[g,r,t,u] = exp(S[g,r,t,u])/sum[w | w <= t](exp(S[g,r,t,w])) where u <= t\n"
        "O[t,g,r,c] = sum[u | u <= t](A[g,r,t,u]*V[u,g,c])",
        {"Q": "TGRC", "K": "TGC", "V": "TGC"}, ["attention"]),
    "elsewhere": (
        "index t : T\nindex u, w : U\nindex i : D\nindex c : C\n"
        "given Q[t,i], K[u,i], V[u,c]\nfind O[t,c]\nS[t,u] = sum[i](Q[t,i]*K[u,i])/sqrt(D)\n"
        + WEIGHTS, {"Q": "TD", "K": "UD", "V": "UC"}, ["attention"]),
    "linear bias": (
        "index t, u, w : T\nindex h : H\nindex c : C\n"
        "given Q[t,h,c], K[t,h,c], V[t,h,c], m[h]\nfind O[t,h,c]\n"
        "S[h,t,u] = sum[c](Q[t,h,c]*K[u,h,c])/sqrt(C) - m[h]*(t-u)\n"
        "A[h,t,u] = exp(S[h,t,u])/sum[w | w <= t](exp(S[h,t,w])) where u <= t\n"
        "O[t,h,c] = sum[u | u <= t](A[h,t,u]*V[u,h,c])",
        {"Q": "THC", "K": "THC", "V": "THC", "m": "H"}, ["attention"]),
    "sliding window": (
        QKV + "S[t,u] = sum[i](Q[t,i]*K[u,i])/sqrt(D)\n"
        "A[t,u] = exp(S[t,u])/sum[w | t - 2 < w <= t](exp(S[t,w])) where t - 2 < u <= t\n"
        "O[t,c] = sum[u | t - 2 < u <= t](A[t,u]*V[u,c])", SHAPES, ["attention"]),
    "scaled queries": (
        QKV + "P[t,i] = Q[t,i]/sqrt(D)\nS[t,u] = sum[i](P[t,i]*K[u,i])\n" + WEIGHTS, SHAPES,
        ["attention"]),
    "a special case of an array": (
        "index n, m, l : 0..N\nindex i, j : D\ngiven s[i]\nfind y[n,i]\nh[0,i] = s[i]\n"
        "h[n,i] = n*s[i]\nS[n,m] = sum[i](h[n,i]*h[m,i])\n"
        "A[n,m] = exp(S[n,m])/sum[l](exp(S[n,l]))\ny[n,i] = sum[m](A[n,m]*h[m,i])",
        {"s": "D"}, ["copy", "map", "attention"]),
    "a whole operation in a case": (
        "index n : 1..N\nindex i, j : D\ngiven X[n,i]\nY[1,i] = 0\n"
        "Y[n,i] = exp(X[n,i])/sum[j](exp(X[n,j]))\nfind Y", {"X": "ND"}, ["map", "softmax"]),
    "group norm": (
        "index b : B\nindex g : G\nindex k : H\nindex p : T\ngiven X[b,g,k,p], a[g,k]\n"
        "find Y[b,g,k,p]\nmu[b,g] = mean[k,p](X[b,g,k,p])\n"
        "v[b,g] = mean[k,p](X[b,g,k,p]^2) - mu[b,g]^2\n"
        "Y[b,g,k,p] = (X[b,g,k,p] - mu[b,g])/sqrt(v[b,g] + 1e-5)*a[g,k]",
        {"X": "BGHT", "a": "GH"}, ["layer_norm"]),
    "length 1": ("index t : T\nindex i, j : D\ngiven X[t,i]\nfind Y[t,i]\n"
                 "Y[t,i] = X[t,i]/sqrt(sum[j](X[t,j]^2))", {"X": "TD"}, ["rms_norm"]),
    "temperature": ("index t : T\nindex i, j : D\ngiven X[t,i], tau\nfind Y[t,i]\n"
                    "Y[t,i] = exp(X[t,i]/tau)/sum[j](exp(X[t,j]/tau))", {"X": "TD", "tau": ""},
                    ["softmax"]),
    "rotary embedding": (
        "index t : T\nindex k : 0..M-1\nindex s : 0..1\nindex i : D\n"
        "given W[0..2*M-1,i], X[t,i]\nfind q[t,k,s]\n"
        "y[t,k,s] = sum[i](W[M*s+k,i]*X[t,i])\nphi[t,k] = (t - 1)*100^(-k/M)\n"
        "q[t,k,0] = y[t,k,0]*cos(phi[t,k]) - y[t,k,1]*sin(phi[t,k])\n"
        "q[t,k,1] = y[t,k,1]*cos(phi[t,k]) + y[t,k,0]*sin(phi[t,k])",
        {"W": "2MD", "X": "TD"}, ["map", "contract", "map", "map"]),
}


@pytest.mark.parametrize("name", CASES)
def test_variant(name):
    text, shapes, expected = CASES[name]
    assert sorted(operations(text)) == sorted(expected)
    rng = np.random.default_rng(0)

    def shape(axes):
        return (4, 3) if axes == "2MD" else tuple(SIZES[a] for a in axes)

    sizes = {k: v for k, v in SIZES.items() if f": {k}\n" in text or f"..{k}\n" in text
             or (k == "M" and "2*M" in text)}
    agrees(text, sizes, **{n: rng.normal(size=shape(a)) for n, a in shapes.items()})
