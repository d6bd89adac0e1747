"""How long unrolled programs take to compile, and how few instructions they become.

  python bench/lift.py                     # every kind, sizes that take a few seconds
  python bench/lift.py attention --size 96x48
  python bench/lift.py --peers --peer-python /tmp/peers/bin/python --plot docs/lifting.svg

For each kind and size: relations, megabytes of text, seconds to compile (after one small compile,
so that imports and compiled helpers are there), instructions beside the halt. Then how long a run
of the lifted program takes beside the same one written with indices. `--peers` gives the relations
to JAX, SymPy and CasADi, each in a process of its own that is stopped after 60 s; the smaller sizes
only, since they are stopped at all larger ones. `--plot` needs matplotlib.
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


def layers(count: int, width: int) -> list[str]:
    """Layers of a network, each of which reads the one before."""
    w_ = range(1, width + 1)
    return [f"h{n}_{i} = tanh(" + " + ".join(f"W{n}_{i}_{j}*h{n - 1}_{j}" for j in w_) + ")"
            for n in range(1, count + 1) for i in w_]


def system(count: int, _: int) -> list[str]:
    """A tridiagonal system of equations."""
    return [f"2*u_{i} = u_{i - 1} + u_{i + 1} + f_{i}" for i in range(1, count + 1)] + [
        f"f_{i} = {i % 7}/10" for i in range(1, count + 1)] + ["u_0 = 1", f"u_{count + 1} = 2"]


def graph(count: int, _: int) -> list[str]:
    """Relations that read any earlier ones."""
    draw = random.Random(1)
    return [f"n{k} = sin(n{draw.randrange(max(1, k - 50), k) if k > 1 else 0})"
            f" + {draw.randrange(9)}*n{draw.randrange(k)}" for k in range(1, count + 1)]


def chain(count: int, _: int) -> list[str]:
    """A recurrence along the only subscript."""
    return [f"x{k} = 0.5*x{k - 1} + a{k}" for k in range(1, count + 1)]


def network(count: int, _: int) -> list[str]:
    """Flows between nodes that are connected anyhow: balances of unequal length, to be solved."""
    draw = random.Random(2)
    edges = [(draw.randrange(k), k) for k in range(1, count)]
    edges += [tuple(draw.sample(range(count), 2)) for _ in range(2 * count)]
    lines = [f"q{e} = {draw.uniform(1, 3):.3f}*(h{a} - h{b})" for e, (a, b) in enumerate(edges, 1)]
    into: list[list[str]] = [[] for _ in range(count)]
    for e, (a, b) in enumerate(edges, 1):
        into[b].append(f" + q{e}")
        into[a].append(f" - q{e}")
    for k in range(1, count):
        lines.append(f"0{''.join(into[k])} = {draw.uniform(0, 1):.3f}")
    return [*lines, "h0 = 100"]


KINDS = {
    attention: [(3, 2), (8, 4), (64, 16), (96, 48)],
    stencil: [(30, 30), (100, 100), (300, 300)],
    elementwise: [(100, 100), (316, 316)],
    steps: [(20, 50), (50, 200)],
    layers: [(8, 16), (24, 32)],
    system: [(1000, 1), (5000, 1)],
    chain: [(1000, 1), (10000, 1)],
    graph: [(1000, 1), (10000, 1)],
    network: [(250, 1), (2500, 1)],
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


def peer(name: str, lines: list[str], python: str) -> str:
    """Seconds that a peer takes to digest the relations, as text."""
    import json

    if subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode:
        return "not installed"
    code = _RUN + PEERS[name] + "print(time.perf_counter() - start)\n"
    try:
        done = subprocess.run([python, "-c", code], input=json.dumps(lines), text=True,
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
    parser.add_argument("--peer-python", default=sys.executable, metavar="PYTHON",
                        help="the Python that has them (this one)")
    parser.add_argument("--plot", metavar="FILE.svg", help="relations against seconds")
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
            for name in PEERS if options.peers else ():
                stopped = points.get(f"{name}, {kind.__name__}", [(0, 0.0)])[-1][1] >= CAP
                if kind in (system, network) or stopped:  # SymPy could, others have no relations
                    row += f" {'-':>14}"
                    continue
                found = peer(name, lines, options.peer_python)
                row += f" {found:>14}"
                if found[0] in "0123456789>":
                    taken = float(found.strip("> s"))
                    points.setdefault(f"{name}, {kind.__name__}", []).append((len(lines), taken))
            print(row, flush=True)
    if not options.kinds or "attention" in options.kinds:
        runs()
    if options.plot:
        plot(points, options.plot)


INDEXED = """
index t, u, w : T
index i, j : D
given x[t,i], Wq[i,j], Wk[i,j], Wv[i,j]
find o[t,i]
q[t,i] = sum[j](Wq[i,j] * x[t,j])
k[t,i] = sum[j](Wk[i,j] * x[t,j])
v[t,i] = sum[j](Wv[i,j] * x[t,j])
s[t,u] = sum[i](q[t,i] * k[u,i])
a[t,u] = exp(s[t,u]) / sum[w](exp(s[t,w]))
o[t,i] = sum[u](a[t,u] * v[u,i])
"""


def runs() -> None:
    """The time of a run, lifted beside indexed: medians of runs in turn."""
    import statistics

    import numpy as np

    import hvm_vm as hvm

    print("\nrun of attention, lifted beside indexed (medians of 200 in turn)")
    rng = np.random.default_rng(0)
    for tokens, features in ((8, 4), (32, 16), (64, 16)):
        values = {n: rng.normal(size=(features, features)) for n in ("Wq", "Wk", "Wv")}
        values["x"] = rng.normal(size=(tokens, features))
        bound = [hvm.compile(t).bind(engine="jit", **values)
                 for t in (text_of(attention(tokens, features)), INDEXED)]
        times: list[list[float]] = [[], []]
        for _ in range(200):
            for run, own in zip(bound, times, strict=True):
                start = time.perf_counter()
                run.run()
                own.append(time.perf_counter() - start)
        lifted, indexed = map(statistics.median, times)
        print(f"{tokens:>4} x {features:<4} {1e6 * lifted:8.1f} µs {1e6 * indexed:8.1f} µs"
              f"   ratio {lifted / indexed:.2f}")


def plot(points: dict[str, list[tuple[int, float]]], path: str) -> None:
    """Relations against seconds, on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams["svg.hashsalt"] = "hvm"
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for kind, found in points.items():
        peer_, _, _ = kind.partition(",")
        style = {"jax": ":", "sympy": "--", "casadi": "-."}.get(peer_)
        axes.loglog(*zip(*sorted(found), strict=True), marker="o" if style is None else "x",
                    linestyle=style or "-", label=kind if style else f"hvm, {kind}")
    axes.axhline(CAP, color="grey", linewidth=0.8)
    axes.set(xlabel="relations", ylabel="seconds to compile")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize="x-small", ncols=2)
    figure.savefig(path, dpi=120, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
