"""Systems over arrays beside LAPACK and SuperLU, as SciPy gives them.

  python bench/systems.py [--threads 1] [--repeat 15] [--engine jit] [dense spd tridiagonal …]

Every kind runs in one process, HVM and the peer in turn; medians and their ratio are printed. The
peer gets its matrix ready made and is timed with what it needs to leave that as it is; HVM is timed
from the arrays of the relations: it puts the matrix together, solves, and checks every relation.
The tridiagonal system is also compared with its memory traffic: three diagonals, right-hand side
and solution, each moved once (5 x 8 bytes an unknown), at the speed of copying as many bytes: those
very ones, which a large cache holds, and a part of an array that no cache does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from hvm_vm.api.program import Program
from hvm_vm.bytecode import assemble, verify
from tests.bytecode import systems


def dense(rng, n=1000):
    from scipy.linalg.lapack import dgesv
    a, b = rng.normal(size=(n, n)), rng.normal(size=n)
    f = np.asfortranarray(a)
    return systems.text("dense"), {"A": a, "b": b}, lambda: dgesv(f, b), "x", f"gesv, {n} unknowns"


def spd(rng, n=1000):
    from scipy.linalg import cho_factor, cho_solve
    a, b = rng.normal(size=(n, n)), rng.normal(size=n)
    a = a @ a.T + n * np.eye(n)
    a = (a + a.T) / 2
    return (systems.text("dense"), {"A": a, "b": b},
            lambda: cho_solve(cho_factor(a, check_finite=False), b, check_finite=False), "x",
            f"cho_factor and cho_solve, {n} unknowns")


def tridiagonal(rng, n=100_000):
    from scipy.linalg.lapack import dgtsv
    a, c, f = (rng.uniform(-1, 1, n) for _ in range(3))
    d = 2.1 + rng.uniform(0, 1, n)
    return (systems.text("tridiagonal"), {"a": a, "d": d, "c": c, "f": f},
            lambda: dgtsv(a[1:], d, c[:-1], f), "u", f"gtsv, {n} unknowns")


def sparse(rng, n=120):
    from scipy.sparse import csc_matrix, identity, kron
    from scipy.sparse.linalg import splu
    second = csc_matrix(2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    matrix = (kron(second, identity(n)) + kron(identity(n), second)).tocsc()
    f = rng.normal(size=(n, n))
    return (systems.text("grid"), {"f": f}, lambda: splu(matrix).solve(f.reshape(-1)), "u",
            f"splu, a grid of {n} x {n}")


def sets(rng, count=100_000):
    s, d = rng.normal(size=count), rng.normal(size=count)
    a = np.broadcast_to(np.array([[1.0, 1], [1, -1]]), (count, 2, 2)).copy()
    b = np.stack([s, d], axis=1)[:, :, None]
    return (systems.text("pair"), {"s": s, "d": d, "c": -1.0}, lambda: np.linalg.solve(a, b), "x",
            f"numpy.linalg.solve, {count} times 2 unknowns")


KINDS = {"dense": dense, "spd": spd, "tridiagonal": tridiagonal, "sparse": sparse, "sets": sets}


def seconds(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--engine", default="jit")
    chosen = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != str(chosen.threads):  # it is read when it loads
        os.environ["OPENBLAS_NUM_THREADS"] = str(chosen.threads)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    rng = np.random.default_rng(0)
    for kind in chosen.kinds or KINDS:
        text, values, peer, _, words = KINDS[kind](rng)
        bound = Program(verify(assemble(text))).bind(
            engine=chosen.engine, threads=chosen.threads, constant=list(values), **values)
        bound.run()
        peer()
        ours, theirs = [], []
        for _ in range(chosen.repeat):
            ours.append(seconds(bound.run))
            theirs.append(seconds(peer))
        mine, other = statistics.median(ours), statistics.median(theirs)
        print(f"{kind:12} HVM {1e3 * mine:9.3f} ms   {words} {1e3 * other:9.3f} ms   "
              f"ratio {mine / other:.2f}   ({chosen.threads} threads)")
        if kind == "tridiagonal":
            n = len(values["f"])
            for times, where in ((1, "in the cache"), (40, "in memory")):
                source, target = np.ones((5 * times, n)), np.ones((5 * times, n))
                moved = statistics.median(
                    seconds(lambda s=source, t=target: np.copyto(t, s))
                    for _ in range(5 * chosen.repeat)) / 2 / times
                print(f"{'':12} traffic of {40 * n / 1e6:.1f} MB {where}: {1e3 * moved:.3f} ms, "
                      f"ratio {mine / moved:.1f}")


if __name__ == "__main__":
    main()
