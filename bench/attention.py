"""One head of attention with its Q, K, V products, float32: the jit against NumPy in one process.

    python bench/attention.py [threads]

Both sides use the same number of threads of the same BLAS. Prints medians and the ratio (below 1:
the jit is faster). The NumPy side is the expression as one writes it, and again with buffers
given.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

import hvm_vm as hvm

SOURCE = """
precision float32
index t, u, w : T
index i, j : D
given X[t,i], Wq[i,j], Wk[i,j], Wv[i,j]
find O[t,i]
Q[t,i] = sum[j](Wq[i,j] * X[t,j])
K[t,i] = sum[j](Wk[i,j] * X[t,j])
V[t,i] = sum[j](Wv[i,j] * X[t,j])
S[t,u] = sum[i](Q[t,i] * K[u,i]) / sqrt(D)
A[t,u] = exp(S[t,u]) / sum[w](exp(S[t,w]))
O[t,i] = sum[u](A[t,u] * V[u,i])
"""
SIZES = ((3, 2), (16, 32), (128, 384), (1024, 768))


def attention(X, Wq, Wk, Wv):
    Q, K, V = X @ Wq.T, X @ Wk.T, X @ Wv.T
    S = Q @ K.T / np.float32(np.sqrt(X.shape[1]))
    E = np.exp(S - S.max(axis=1, keepdims=True))
    return (E / E.sum(axis=1, keepdims=True)) @ V


def interleaved(functions, repeats: int, inner: int) -> list[float]:
    """The median seconds of a call of each, taken in turns so that both meet the same machine."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for mine, function in zip(times, functions, strict=True):
            start = time.perf_counter()
            for _ in range(inner):
                function()
            mine.append((time.perf_counter() - start) / inner)
    return [statistics.median(mine) for mine in times]


def set_numpy_threads(threads: int) -> None:
    import ctypes

    from hvm_vm.engines.jit.blas import blas
    put = blas().set_threads
    if put:
        ctypes.CFUNCTYPE(None, ctypes.c_int)(put)(threads)


def main() -> None:
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    set_numpy_threads(threads)
    program = hvm.compile(SOURCE)
    random = np.random.default_rng(0)
    print(f"{'T x d':>12} {'NumPy µs':>12} {'jit µs':>12} {'ratio':>7}   difference")
    for T, D in SIZES:
        data = {name: random.normal(size=(T if name == "X" else D, D)).astype(np.float32)
                / np.float32(D**0.5 if name != "X" else 1) for name in ("X", "Wq", "Wk", "Wv")}
        fast = program.bind(**data, engine="jit", threads=threads)
        fast.run()
        expected = attention(**data)
        difference = np.abs(fast.outputs["O"] - expected).max()
        inner = max(1, 200_000 // (T * D * (T + D)))
        numpy, jit = interleaved(
            (lambda data=data: attention(**data), fast.run), 21, min(inner * 20, 2000)
            if inner > 1 else 1)
        print(f"{T:>6} x {D:<4} {numpy * 1e6:12.2f} {jit * 1e6:12.2f} {jit / numpy:7.2f}"
              f"   {difference:.1e}")


if __name__ == "__main__":
    main()
