"""Elementwise maps over a million elements: the jit against NumPy (SciPy's erf) in one process.

    python bench/maps.py [elements]

One thread on both sides. Prints medians in nanoseconds an element and the ratio (below 1: the jit
is faster).
"""

from __future__ import annotations

import sys

import numpy as np
from attention import interleaved
from scipy.special import erf

import hvm_vm as hvm

MAPS = {
    "exp(x[i])": lambda x, z: np.exp(x),
    "log(z[i])": lambda x, z: np.log(z),
    "sin(x[i])": lambda x, z: np.sin(x),
    "cos(x[i])": lambda x, z: np.cos(x),
    "tan(x[i])": lambda x, z: np.tan(x),
    "atan(x[i])": lambda x, z: np.arctan(x),
    "atan2(x[i], z[i])": lambda x, z: np.arctan2(x, z),
    "tanh(x[i])": lambda x, z: np.tanh(x),
    "sinh(x[i])": lambda x, z: np.sinh(x),
    "erf(x[i])": lambda x, z: erf(x),
    "z[i]^x[i]": lambda x, z: np.power(z, x),
    "2.5*x[i] + 1.5": lambda x, z: x.dtype.type(2.5) * x + x.dtype.type(1.5),
    "sqrt(x[i]^2 + z[i]^2)": lambda x, z: np.sqrt(x * x + z * z),
    "x[i]/2*(1 + erf(x[i]/sqrt(2)))": lambda x, z: x / 2 * (1 + erf(x / x.dtype.type(2**0.5))),
}


def main(elements: int) -> None:
    random = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        x = random.normal(size=elements).astype(dtype)
        z = np.abs(x) + x.dtype.type(0.1)
        for expression, peer in MAPS.items():
            names = [name for name in "xz" if f"{name}[" in expression]
            program = hvm.compile(
                f"precision {dtype}\nindex i : N\ngiven {', '.join(n + '[i]' for n in names)}\n"
                f"find y[i]\ny[i] = {expression}")
            run = program.bind({n: {"x": x, "z": z}[n] for n in names}, engine="jit",
                               threads=1).run
            run()
            mine, theirs = interleaved([run, lambda f=peer, a=x, b=z: f(a, b)], 15, 1)
            print(f"{dtype} {expression:32} {mine / elements * 1e9:7.2f} ns   NumPy "
                  f"{theirs / elements * 1e9:7.2f} ns   ratio {mine / theirs:5.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10**6)
