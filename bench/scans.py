"""What a step of a recurrence costs in the jit, beside the same loops by hand.

    python bench/scans.py

The examples `predator_prey` (two numbers a step, by Runge and Kutta) and `american_put` (a row of
a tree a step), each against a loop that Numba compiles and against Python's own loop (with NumPy
where there are rows), one thread, medians of runs in turn. All must give the same answers.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numba
import numpy as np

import hvm_vm as hvm

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
RUNS = 15


def populations(steps: int, h: float, born: float, eaten: float, starve: float, fed: float):
    x, y = np.empty(steps + 1), np.empty(steps + 1)
    x[0], y[0] = 10.0, 5.0
    for n in range(1, steps + 1):
        a, b = x[n - 1], y[n - 1]
        k1, l1 = a * (born - eaten * b), b * (fed * a - starve)
        c, d = a + h / 2 * k1, b + h / 2 * l1
        k2, l2 = c * (born - eaten * d), d * (fed * c - starve)
        c, d = a + h / 2 * k2, b + h / 2 * l2
        k3, l3 = c * (born - eaten * d), d * (fed * c - starve)
        c, d = a + h * k3, b + h * l3
        k4, l4 = c * (born - eaten * d), d * (fed * c - starve)
        x[n] = a + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        y[n] = b + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
    return x[steps]


def put_by_rows(n: int, s: float, k: float, r: float, sigma: float) -> float:
    dt = 1 / n
    u = np.exp(sigma * np.sqrt(dt))
    p = (np.exp(r * dt) - 1 / u) / (u - 1 / u)
    v = np.maximum(k - s * u ** (2.0 * np.arange(n + 1) - n), 0)
    for t in range(n - 1, -1, -1):
        early = k - s * u ** (2.0 * np.arange(t + 1) - t)
        v = np.maximum(early, np.exp(-r * dt) * (p * v[1 : t + 2] + (1 - p) * v[: t + 1]))
    return v[0]


def put_by_elements(n: int, s: float, k: float, r: float, sigma: float) -> float:
    dt = 1 / n
    u = np.exp(sigma * np.sqrt(dt))
    p = (np.exp(r * dt) - 1 / u) / (u - 1 / u)
    early = np.empty((n + 1, n + 1))
    for t in range(n + 1):
        for i in range(n + 1):
            early[t, i] = k - s * u ** (2.0 * i - t)
    v = np.empty((n + 1, n + 1))
    v[n] = np.maximum(early[n], 0)
    for t in range(n - 1, -1, -1):
        for i in range(t + 1):
            wait = np.exp(-r * dt) * (p * v[t + 1, i + 1] + (1 - p) * v[t + 1, i])
            v[t, i] = max(early[t, i], wait)
    return v[0, 0]


def compare(name: str, work: int, unit: str, ways: dict) -> None:
    answers = [run() for run in ways.values()]
    assert np.allclose(answers, answers[0], rtol=1e-9), answers
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(RUNS):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            times[way].append(time.perf_counter() - start)
    medians = {way: statistics.median(t) for way, t in times.items()}
    own = medians["HVM"]
    print(name)
    for way, t in medians.items():
        print(f"  {way:6} {t * 1e3:9.3f} ms  {t / work * 1e9:8.1f} ns a {unit}  "
              f"{t / own:7.2f} x HVM")


def main() -> None:
    numba.set_num_threads(1)
    steps = 20_000
    bound = hvm.compile(EXAMPLES / "predator_prey.hmp").bind(N=steps, engine="jit", threads=1)

    def hvm_populations() -> float:
        bound.run()
        return float(bound.outputs["x"])

    constants = steps, 0.01, 1.1, 0.4, 0.4, 0.1
    compiled = numba.njit(populations)
    compare(f"predator_prey, {steps} steps of 52 operations", steps, "step", {
        "HVM": hvm_populations, "Numba": lambda: compiled(*constants),
        "Python": lambda: populations(*constants)})

    n = 1000
    tree = hvm.compile(EXAMPLES / "american_put.hmp").bind(N=n, engine="jit", threads=1)

    def hvm_put() -> float:
        tree.run()
        return float(tree.outputs["price"])

    constants = n, 100.0, 100.0, 0.05, 0.2
    by_elements = numba.njit(put_by_elements)
    compare(f"american_put, {n} steps over rows of {n + 1}", n * n // 2, "node", {
        "HVM": hvm_put, "Numba": lambda: by_elements(*constants),
        "NumPy": lambda: put_by_rows(*constants)})


if __name__ == "__main__":
    main()
