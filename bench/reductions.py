"""Reductions, rows, gathers and contractions: the jit against NumPy in one process, one thread.

    python bench/reductions.py [words of a case's name]

Prints medians in microseconds and the ratio (below 1: the jit is faster).
"""

from __future__ import annotations

import sys

import numpy as np
from attention import interleaved, set_numpy_threads
from numpy.lib.stride_tricks import sliding_window_view

import hvm_vm as hvm

HEAD = "precision float32\n"
random = np.random.default_rng(0)


def normal(*shape) -> np.ndarray:
    return random.normal(size=shape).astype(np.float32)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def layer_norm(x):
    c = x - x.mean(axis=1, keepdims=True)
    return c / np.sqrt((c * c).mean(axis=1, keepdims=True) + np.float32(1e-5))


def cases():
    """(name, source, values, NumPy's way)."""
    x = normal(1000, 1000)
    square = "index i, j : N\ngiven X[i,j]\nfind y[{0}]\ny[{0}] = {1}"
    for op, peer in (("sum", np.sum), ("max", np.max), ("mean", np.mean), ("argmax", np.argmax)):
        yield f"{op} inner", square.format("i", f"{op}[j](X[i,j])"), {"X": x}, (
            lambda f=peer: f(x, axis=1))
        yield f"{op} outer", square.format("j", f"{op}[i](X[i,j])"), {"X": x}, (
            lambda f=peer: f(x, axis=0))
    head, item = random.integers(1, 1001, 10**5), normal(10**5)
    yield "sum by key", ("index n : N\nindex e : E\ngiven integer head[e], I[e]\nfind y[n]\n"
                         "y[n] = sum[e | head[e] = n](I[e])"), {
        "head": head, "I": item, "N": 1000}, lambda: np.bincount(head - 1, item, 1000)
    rows = normal(512, 768)
    given = "index i : N\nindex j, k : M\ngiven X[i,j]\nfind y[i,j]\n"
    yield "softmax", given + "y[i,j] = exp(X[i,j])/sum[k](exp(X[i,k]))", {"X": rows}, (
        lambda: softmax(rows))
    yield "layer norm", given + (
        "m[i] = mean[j](X[i,j])\nv[i] = mean[j]((X[i,j] - m[i])^2)\n"
        "y[i,j] = (X[i,j] - m[i])/sqrt(v[i] + 1e-5)"), {"X": rows}, lambda: layer_norm(rows)
    table, tokens = normal(30000, 384), random.integers(1, 30001, 2000)
    yield "embedding", ("index v : V\nindex i : D\nindex t : T\ngiven E[v,i], integer tok[t]\n"
                        "find y[t,i]\ny[t,i] = E[tok[t],i]"), {"E": table, "tok": tokens}, (
        lambda: table[tokens - 1])
    w = normal(1000, 1000)
    yield "ij,ij->i", ("index i, j : N\ngiven A[i,j], B[i,j]\nfind y[i]\n"
                       "y[i] = sum[j](A[i,j]*B[i,j])"), {"A": x, "B": w}, (
        lambda: np.einsum("ij,ij->i", x, w))
    yield "ij,ij->j", ("index i, j : N\ngiven A[i,j], B[i,j]\nfind y[j]\n"
                       "y[j] = sum[i](A[i,j]*B[i,j])"), {"A": x, "B": w}, (
        lambda: np.einsum("ij,ij->j", x, w))
    a, b = normal(16, 200, 100), normal(16, 100, 150)
    for out in ("bij", "ijb"):
        axes = ",".join(out)
        yield f"bik,bkj->{out}", (
            "index b : NB\nindex i : NI\nindex j : NJ\nindex k : NK\n"
            f"given A[b,i,k], B[b,k,j]\nfind y[{axes}]\ny[{axes}] = sum[k](A[b,i,k]*B[b,k,j])"), {
            "A": a, "B": b}, lambda o=out: np.einsum(f"bik,bkj->{o}", a, b, optimize=True)
    image, kernel = normal(16, 66, 66), normal(32, 16, 3, 3)
    for step, size in ((1, 64), (2, 32)):
        yield f"convolution 3x3, step {step}", (
            f"index c : C\nindex o : O\nindex p, q : 0..{size - 1}\nindex a, b : 0..2\n"
            "given X[c,0..65,0..65], W[o,c,a,b]\nfind y[o,p,q]\n"
            f"y[o,p,q] = sum[c,a,b](X[c,{step}*p+a,{step}*q+b]*W[o,c,a,b])"), {
            "X": image, "W": kernel}, (lambda s=step: np.einsum(
                "cyxab,ocab->oyx", sliding_window_view(image, (3, 3), (1, 2))[:, ::s, ::s],
                kernel, optimize=True))


def main(words: list[str]) -> None:
    set_numpy_threads(1)
    for name, source, values, peer in cases():
        if any(word not in name for word in words):
            continue
        run = hvm.compile(HEAD + source).bind(values, engine="jit", threads=1).run
        run()
        mine, theirs = interleaved([run, peer], 15, 1)
        print(f"{name:24} {mine * 1e6:9.1f} µs   NumPy {theirs * 1e6:9.1f} µs   "
              f"ratio {mine / theirs:5.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
