"""How long unrolled programs take to compile, and how few instructions they become.

  python bench/lift.py                     # every kind, sizes that take a few seconds
  python bench/lift.py attention --size 96x48
  python bench/lift.py --peers             # beside JAX, SymPy and CasADi, where they are installed

For each kind and size: relations, megabytes of text, seconds to compile (after one small compile,
so that imports and compiled helpers are there), instructions beside the halt.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time

CAP = 60  # seconds that a peer may take


def attention(tokens: int, features: int) -> list[str]:
    """One head of attention with its projections."""
    t_, i_ = range(1, tokens + 1), range(1, features + 1)
    lines = []
    for m in "qkv":
        for t in t_:
            for i in i_:
                terms = " + ".join(f"W{m}{i}_{j}*x{t}_{j}" for j in i_)
                lines.append(f"{m}{t}_{i} = {terms}")
    for t in t_:
        below = " + ".join(f"exp(s{t}_{w})" for w in t_)
        for u in t_:
            lines.append(f"s{t}_{u} = " + " + ".join(f"q{t}_{j}*k{u}_{j}" for j in i_))
            lines.append(f"a{t}_{u} = exp(s{t}_{u}) / ({below})")
        for i in i_:
            lines.append(f"o{t}_{i} = " + " + ".join(f"a{t}_{u}*v{u}_{i}" for u in t_))
    return lines


def stencil(rows: int, columns: int) -> list[str]:
    """One step of the heat equation on a grid."""
    return [
        f"y{i}_{j} = x{i}_{j} + 0.1*(x{i - 1}_{j} + x{i + 1}_{j} + x{i}_{j - 1} + x{i}_{j + 1}"
        f" - 4*x{i}_{j})" for i in range(1, rows + 1) for j in range(1, columns + 1)]


def elementwise(rows: int, columns: int) -> list[str]:
    """An elementwise map."""
    return [f"y{i}_{j} = tanh(x{i}_{j}) + b{j}*x{i}_{j}"
            for i in range(1, rows + 1) for j in range(1, columns + 1)]


def steps(count: int, cells: int) -> list[str]:
    """Steps of the heat equation in one dimension: arrays that depend on each other."""
    return [f"u{n}_{i} = u{n - 1}_{i} + 0.1*(u{n - 1}_{i - 1} - 2*u{n - 1}_{i} + u{n - 1}_{i + 1})"
            for n in range(1, count + 1) for i in range(1, cells + 1)]


def chain(count: int, _: int) -> list[str]:
    """A recurrence, which stays scalar."""
    return [f"x{k} = 0.5*x{k - 1} + a{k}" for k in range(1, count + 1)]


KINDS = {
    attention: [(3, 2), (8, 4), (64, 16), (96, 48)],
    stencil: [(30, 30), (100, 100), (300, 300)],
    elementwise: [(100, 100), (316, 316)],
    steps: [(20, 50), (50, 200)],
    chain: [(1000, 1), (10000, 1)],
}


def text_of(lines: list[str]) -> str:
    random.Random(0).shuffle(lines)
    return "\n".join(lines) + "\n"


PEERS = {
    "jax": """
import jax, jax.numpy as jnp
jax.jit(lambda env: run(env, jnp)).lower(env).compile()
""",
    "sympy": """
import sympy
names = {n: sympy.Symbol(n) for n in env}
out = run(names, sympy)
sympy.lambdify(list(names.values()), list(out.values()), cse=True)
""",
    "casadi": """
import casadi
names = {n: casadi.SX.sym(n) for n in env}
out = run(names, casadi)
casadi.Function("f", list(names.values()), list(out.values()))
""",
}
_RUN = """
import json, re, sys, time
lines = json.load(sys.stdin)
start = time.perf_counter()
def run(env, module):
    scope = {"exp": module.exp, "tanh": module.tanh, **env}
    for code in codes:
        exec(code, scope)
    return {n: scope[n] for n in results}
left = {line.split(" = ")[0] for line in lines}
reads = {line.split(" = ")[0]: set(re.findall(r"[A-Za-z]\\w*\\d", line.split(" = ")[1]))
         for line in lines}
bodies = {line.split(" = ")[0]: line for line in lines}
order, done = [], set()
def visit(name):
    stack = [name]
    while stack:
        n = stack[-1]
        more = [m for m in reads[n] if m in left and m not in done]
        if more:
            stack += more
        else:
            stack.pop()
            if n not in done:
                done.add(n)
                order.append(n)
for name in left:
    if name not in done:
        visit(name)
codes = [compile(bodies[n], "relation", "exec") for n in order]
used = set().union(*reads.values())
results = [n for n in order if n not in used]
env = {n: 0.5 for n in used - left}
"""


def peer(name: str, lines: list[str]) -> str:
    """Seconds that a peer takes to digest the relations, as text."""
    import importlib.util
    import json

    if importlib.util.find_spec(name) is None:
        return "not installed"
    code = _RUN + PEERS[name] + "print(time.perf_counter() - start)\n"
    try:
        done = subprocess.run([sys.executable, "-c", code], input=json.dumps(lines), text=True,
                              capture_output=True, timeout=CAP, check=True)
    except subprocess.TimeoutExpired:
        return f"> {CAP} s"
    except subprocess.CalledProcessError as error:
        return (error.stderr.strip().splitlines() or ["failed"])[-1][:40]
    return f"{float(done.stdout):.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help=", ".join(k.__name__ for k in KINDS))
    parser.add_argument("--size", help="rows x columns, such as 96x48, instead of the usual ones")
    parser.add_argument("--peers", action="store_true", help="time JAX, SymPy and CasADi, too")
    parser.add_argument("--plot", metavar="FILE.png", help="relations against seconds")
    options = parser.parse_args()
    import hvm_vm as hvm

    hvm.compile(text_of(attention(40, 8)))  # imports, and the compiled scanner
    print(f"{'kind':12} {'size':>9} {'relations':>10} {'MB':>7} {'compile':>9} {'per 10^4':>9}"
          f" {'instructions':>12}" + "".join(f" {p:>14}" for p in PEERS if options.peers))
    points: dict[str, list[tuple[int, float]]] = {}
    for kind, sizes in KINDS.items():
        if options.kinds and kind.__name__ not in options.kinds:
            continue
        if options.size:
            sizes = [tuple(map(int, options.size.split("x")))]
        for size in sizes:
            lines = kind(*size)
            text = text_of(lines)
            start = time.perf_counter()
            program = hvm.compile(text)
            seconds = time.perf_counter() - start
            points.setdefault(kind.__name__, []).append((len(lines), seconds))
            dimensions = "x".join(map(str, size))
            row = (f"{kind.__name__:12} {dimensions:>9} {len(lines):>10}"
                   f" {len(text) / 1e6:>7.2f} {seconds:>7.2f} s"
                   f" {1e4 * seconds / len(lines):>7.2f} s"
                   f" {len(program.module.code) - 1:>12}")
            peers = "".join(f" {peer(p, lines):>14}" for p in PEERS) if options.peers else ""
            print(row + peers, flush=True)
    if options.plot:
        plot(points, options.plot)


def plot(points: dict[str, list[tuple[int, float]]], path: str) -> None:
    """Relations against seconds, on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5))
    for kind, found in points.items():
        axes.loglog(*zip(*sorted(found), strict=True), marker="o", label=kind)
    axes.set(xlabel="relations", ylabel="seconds to compile")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()
