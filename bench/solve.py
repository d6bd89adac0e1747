"""Many nonlinear systems of two relations beside a hand-written Numba loop, CasADi and SciPy.

  python bench/solve.py [--sets 1000000] [--threads 1] [--repeat 7]
  python bench/solve.py --peer-python ~/peers/bin/python    # where CasADi is installed

    x^2 + y^2 = a
    exp(x) - y = b + 1        for every a, b; from x = y = 1

HVM and the loop run in turn in this process, with the same threads; medians and their ratio are
printed. The loop is what one would write by hand for this one system: Newton's method with the
inverse of the 2 x 2 Jacobian written out, and HVM's own test of convergence (every residual small
beside its terms, the full step small beside the unknowns, and then one step more). CasADi's `map`
of a Newton `rootfinder` and SciPy's `root` (hybr, with the Jacobian) take fewer sets, so that they
take seconds; their times are scaled to as many sets as HVM has, and the answers compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from math import exp
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import hvm_vm as hvm

TEXT = """
given a, b
x^2 + y^2 = a
exp(x) - y = b + 1
guess x = 1
guess y = 1
find x, y
"""
TOLERANCE, CAP = 1e-9, 60  # the tolerance is HVM's own
SAMPLES = {"casadi": 20_000, "casadi, 7 steps": 100_000, "scipy": 5_000}
PEERS = {
    "casadi": """
import casadi
x, k = casadi.SX.sym("x", 2), casadi.SX.sym("k", 2)
f = casadi.vertcat(x[0]**2 + x[1]**2 - k[0], casadi.exp(x[0]) - x[1] - k[1] - 1)
options = {"line_search": False, "max_iter": 60, "error_on_fail": False}
solver = casadi.rootfinder("s", "newton", casadi.Function("f", [x, k], [f]), options)
many = solver.map(len(a))
ones, sets = np.ones((2, len(a))), np.stack([a, b])
def run():
    return np.array(many(ones, sets))
""",
    "casadi, 7 steps": """
import casadi
x, k = casadi.SX.sym("x", 2), casadi.SX.sym("k", 2)
f = casadi.vertcat(x[0]**2 + x[1]**2 - k[0], casadi.exp(x[0]) - x[1] - k[1] - 1)
step = casadi.Function("step", [x, k], [x - casadi.solve(casadi.jacobian(f, x), f)])
last = casadi.SX.ones(2)
for _ in range(7):
    last = step(last, k)
many = casadi.Function("many", [k], [last]).map(len(a))
sets = np.stack([a, b])
def run():
    return np.array(many(sets))
""",
    "scipy": """
from scipy.optimize import root
def relations(x, a, b):
    return [x[0]**2 + x[1]**2 - a, exp(x[0]) - x[1] - b - 1]
def slopes(x, a, b):
    return [[2*x[0], 2*x[1]], [exp(x[0]), -1.0]]
def run():
    return np.array([root(relations, (1.0, 1.0), (p, q), jac=slopes).x
                     for p, q in zip(a, b)]).T
""",
}
RUN = """
import json, sys, time
from math import exp
import numpy as np
def data(count):
    rng = np.random.default_rng(0)
    return rng.uniform(1, 5, count), rng.uniform(0, 1, count)
a, b = data(int(sys.argv[1]))
%s
run() if int(sys.argv[2]) else None
times = []
for _ in range(3):
    start = time.perf_counter()
    found = run()
    times.append(time.perf_counter() - start)
with np.errstate(all="ignore"):
    relations = np.abs([found[0]**2 + found[1]**2 - a, np.exp(found[0]) - found[1] - b - 1])
worst = np.where(np.isfinite(relations), relations, np.inf).max(axis=0)
good = worst < 1e-6
print(json.dumps([sorted(times)[1], float(worst[good].max()), int((~good).sum())]))
"""


def data(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(1, 5, count), rng.uniform(0, 1, count)


def hand_written():
    """The loop, compiled; `loop(a, b, x, y)` fills x and y, and counts failures."""
    import numba

    @numba.njit(error_model="numpy", nogil=True)
    def loop(a, b, x, y):
        failed = 0
        for k in range(a.size):
            u, v, small, solved = 1.0, 1.0, False, False
            for _ in range(CAP):
                e = exp(u)
                f, g = u * u + v * v - a[k], e - v - (b[k] + 1.0)
                p, q, r, s = 2.0 * u, 2.0 * v, e, -1.0
                determinant = p * s - q * r
                du, dv = (q * g - s * f) / determinant, (r * f - p * g) / determinant
                near = (abs(f) <= TOLERANCE * (u * u + v * v + abs(a[k]))
                        and abs(g) <= TOLERANCE * (e + abs(v) + abs(b[k]) + 1.0)
                        and abs(du) <= TOLERANCE * abs(u) and abs(dv) <= TOLERANCE * abs(v))
                if near and small:
                    solved = True
                    break
                small = near
                u, v = u + du, v + dv
            if not solved:
                failed += 1
                u = v = np.nan
            x[k], y[k] = u, v
        return failed
    return loop


def by_hand(loop, a, b, threads: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.empty_like(a), np.empty_like(b)
    parts = [slice(a.size * k // threads, a.size * (k + 1) // threads) for k in range(threads)]
    if threads == 1:
        loop(a, b, x, y)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda s: loop(a[s], b[s], x[s], y[s]), parts))
    return x, y


def timed(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peer(name: str, python: str, sets: int) -> str | tuple[str, float]:
    """A row for a peer with its time, scaled to `sets`; or why there is none."""
    count = min(sets, SAMPLES[name])
    try:
        done = subprocess.run(
            [python, "-c", RUN % PEERS[name], str(count), str(int(name != "scipy"))],
            capture_output=True, text=True, check=True, timeout=300)
    except (subprocess.CalledProcessError, OSError, subprocess.TimeoutExpired) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        return f"{name:16} {lines[-1][:60] if lines else 'failed'}"
    seconds, residual, bad = json.loads(done.stdout)
    whole = seconds * sets / count
    return (f"{name:16} {whole:8.3f} s  {whole / sets * 1e9:8.0f} ns a set  largest residual"
            f" {residual:.1e}  (from {count} sets{f', {bad} of them not solved' if bad else ''})",
            whole)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1, help="of HVM and of the loop")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--peer-python", default=sys.executable, metavar="PYTHON",
                        help="the interpreter that has CasADi and SciPy (default: this one)")
    options = parser.parse_args()
    sets, threads = options.sets, options.threads
    a, b = data(sets)
    program, loop = hvm.compile(TEXT), hand_written()
    for _ in range(2):  # compiles, and loads what is compiled
        out = program.solve_many(a=a, b=b, engine="jit", threads=threads)
        x, y = by_hand(loop, a, b, threads)
    assert not out.failed.size
    for mine, theirs in ((out["x"], x), (out["y"], y)):
        np.testing.assert_allclose(mine, theirs, rtol=1e-7)
    found: dict[str, list[float]] = {"hvm": [], "numba": []}
    for _ in range(options.repeat):
        found["hvm"].append(timed(
            lambda: program.solve_many(a=a, b=b, engine="jit", threads=threads)))
        found["numba"].append(timed(lambda: by_hand(loop, a, b, threads)))
    relations = {
        "hvm": (out["x"], out["y"]), "numba": (x, y),
    }
    print(f"{sets} sets, {threads} thread{'s' if threads > 1 else ''} (medians of"
          f" {options.repeat})")
    seconds = {name: statistics.median(times) for name, times in found.items()}
    for name, (p, q) in relations.items():
        worst = max(np.abs(p**2 + q**2 - a).max(), np.abs(np.exp(p) - q - b - 1).max())
        print(f"{name:16} {seconds[name]:8.3f} s  {seconds[name] / sets * 1e9:8.0f} ns a set"
              f"  largest residual {worst:.1e}")
    for name in PEERS:
        row = peer(name, options.peer_python, sets)
        if isinstance(row, str):
            print(row)
            continue
        print(row[0])
        seconds[name] = row[1]
    ratio = seconds["hvm"] / seconds["numba"]
    print(f"HVM takes {ratio:.2f} times the time of the loop")
    for name in PEERS:
        if name in seconds:
            print(f"{name} takes {seconds[name] / seconds['hvm']:.1f} times the time of HVM")


if __name__ == "__main__":
    main()
