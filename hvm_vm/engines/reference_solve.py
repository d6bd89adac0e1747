"""`solve` in NumPy: all points are evaluated together, then each goes its own step."""

from __future__ import annotations

import numpy as np

from hvm_vm.bytecode.solve_layout import (
    ITERATIONS,
    TOLERANCE,
    UNSOLVED_NAN,
    Layout,
    unknown_count,
)
from hvm_vm.engines import solve_steps as steps
from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.reference_lanes import Lanes
from hvm_vm.engines.solve_words import failure
from hvm_vm.engines.solved import Solved
from hvm_vm.engines.words import at_point, located, printable
from hvm_vm.errors import RunError


def _get(memory, index):
    return memory[index]


def _put(memory, index, value):
    memory[index] = value


_advance = steps.make(_get, _put, _get, _put, _get, lambda function: function)


def entries(one: BoundInstruction, n: int) -> tuple[list[int], np.ndarray]:
    """The roots of the Jacobian's entries that are there, and for each place i*n + j its number
    among them, or -1."""
    found, rows = [], np.full(n * n, -1, np.int64)
    for k, position in enumerate(Layout(n).run("jacobian")):
        if one.roots[position] >= 0:
            rows[k] = len(found)
            found.append(one.roots[position])
    return found, rows


def is_linear(one: BoundInstruction, n: int) -> bool:
    """Whether every relation is affine in the unknowns, and no unknown has a bound."""
    layout = Layout(n)
    if any(one.roots[k] >= 0 for name in ("lower", "upper") for k in layout.run(name)):
        return False
    degrees: list[int] = []  # of each node: 2 is anything beyond affine
    for node in one.nodes:
        own = [degrees[a] for a in node.args]
        if node.op == "unknown":
            degrees.append(1)
        elif not any(own):
            degrees.append(0)
        elif node.op in ("add", "sub", "neg"):
            degrees.append(max(own))
        elif node.op == "mul":
            degrees.append(min(2, sum(own)))
        elif (node.op == "div" and not own[1]) or (node.op == "select" and not own[0]):
            degrees.append(max(own))
        else:
            degrees.append(2)
    return all(degrees[one.roots[k]] < 2 for k in layout.run("residual"))


def solve(run) -> None:
    """`D1[p], …, Dn[p]` with all relations 0. Raises `RunError` for the first point without a
    solution."""
    one = run.one
    n = unknown_count(len(one.roots))
    layout, shape = Layout(n), one.extents
    lanes = int(np.prod(shape, dtype=np.int64))
    if not lanes:
        return
    precision = run.precision
    jacobian, rows = entries(one, n)
    linear = is_linear(one, n)

    def values(lane_values: Lanes, roots, absent=0.0) -> np.ndarray:
        out = np.empty((max(1, len(roots)), lanes), precision)
        for k, root in enumerate(roots):
            value = absent if root < 0 else lane_values.value(root)
            out[k] = np.broadcast_to(value, shape).reshape(-1)
        return out

    def roots(name):
        return [one.roots[k] for k in layout.run(name)]

    x = values(run.lanes, roots("start"))
    start = x.copy()
    low = values(run.lanes, roots("lower"), -np.inf)
    high = values(run.lanes, roots("upper"), np.inf)
    x = np.minimum(np.maximum(x, low), high)
    state = np.zeros(lanes * steps.state_size(n))
    work = np.zeros(steps.work_size(n))
    cap = one.nodes[one.roots[ITERATIONS]].immediate
    tolerance = one.nodes[one.roots[TOLERANCE]].immediate
    epsilon = float(np.finfo(precision).eps)
    active = np.arange(lanes)
    while active.size:
        here = Lanes(run.module, one, run.arrays, precision)
        here.unknowns = [row.reshape(shape) for row in x]
        f, scale = values(here, roots("residual")), values(here, roots("scale"))
        slopes = values(here, jacobian)
        flat = [a.reshape(-1) for a in (x, f, scale, slopes)]
        kept = [
            lane for lane in active
            if _advance(n, lanes, int(lane), flat[0], flat[1], flat[2], flat[3], rows,
                        start.reshape(-1), low.reshape(-1), high.reshape(-1), state, work,
                        linear, tolerance, cap, epsilon)
        ]  # fmt: skip
        active = np.array(kept, np.int64)
    state = state.reshape(lanes, -1)
    run.solved = summary(state)
    status = state[:, steps.STATUS]
    bad = np.flatnonzero((status != steps.SOLVED) & (status != steps.MULTIPLE))
    if one.status == UNSOLVED_NAN:
        x[:, bad] = np.nan
    elif bad.size:
        _fail(run, int(bad[0]), state, n, linear)
    for k in range(n):
        run.store(k, x[k].reshape(shape))


def summary(state: np.ndarray) -> Solved:
    """The most evaluations that a point took, and the worst relative residual."""
    return Solved(int(state[:, steps.PASSES].max()), float(state[:, steps.RATIO].max()),
                  points=len(state))


def _fail(run, lane: int, state: np.ndarray, n: int, linear: bool) -> None:
    one, own = run.one, state[lane]
    x, vector = own[steps.HEAD :][:n], own[steps.HEAD + 4 * n :]
    residual, jacobian = vector[:n], vector[n:].reshape(n, n)
    status = int(own[steps.STATUS])
    if status == steps.UNDEFINED:
        residual = np.full(n, np.nan)
    names = [printable(run.module.registers[a.register].name) for a in one.accesses[:n]]
    lines = [printable(line) for line in one.message.split("\n")]
    text = failure(status, names, lines, x, residual, jacobian, linear, int(own[steps.PASSES]))
    point = np.unravel_index(lane, one.extents) if one.extents else ()
    where = at_point(one.names, [int(p) + lo for p, lo in zip(point, one.los, strict=True)])
    head, _, rest = text.partition("\n")
    if where:
        head = f"{where.strip()}: {head}"
    raise RunError(located(run.module, one.source, head) + (f"\n{rest}" if rest else ""))
