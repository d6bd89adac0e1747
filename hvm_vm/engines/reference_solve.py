"""`solve` in NumPy: plain Newton at all points together, then the others one by one."""

from __future__ import annotations

import numpy as np

from hvm_vm.bytecode.solve_layout import (
    ITERATIONS,
    TOLERANCE,
    UNSOLVED_NAN,
    Layout,
    unknown_count,
)
from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.data_words import not_finite
from hvm_vm.engines.reference_lanes import Lanes
from hvm_vm.engines.slices import part_of
from hvm_vm.engines.solved import Solved
from hvm_vm.engines.solving import memory as at
from hvm_vm.engines.solving import plain, point
from hvm_vm.engines.solving.relations import (
    DEFAULT_START,
    all_given,
    entries,
    is_linear,
    lines_of,
    unknowns_of,
)
from hvm_vm.engines.solving.words import failure
from hvm_vm.engines.words import at_point, located
from hvm_vm.errors import RunError


class Relations:
    """The relations of an instruction over its points, evaluated wherever the unknowns are put."""

    def __init__(self, run, one: BoundInstruction):
        self.run, self.one = run, one
        self.n = n = unknown_count(len(one.roots))
        self.layout = Layout(n)
        self.lanes = int(np.prod(one.extents, dtype=np.int64))
        self.jacobian, self.numbers = entries(one, n)
        self.lane: int | None = None  # of a point alone, its number among all
        self._known: dict[int, np.ndarray] | None = None  # values that no unknown changes

    def roots(self, name: str) -> list[int]:
        return [self.one.roots[k] for k in self.layout.run(name)]

    def rows(self, lanes: Lanes, roots, absent=0.0) -> np.ndarray:
        """A row of values, one a point, for each root."""
        out = np.empty((len(roots), self.lanes), self.run.precision)
        for k, root in enumerate(roots):
            value = absent if root < 0 else lanes.value(root)
            out[k] = np.broadcast_to(value, self.one.extents).reshape(-1)
        return out

    def fixed(self, name: str, absent=0.0) -> np.ndarray:
        """Starts or bounds."""
        return self.rows(self._lanes(()), self.roots(name), absent)

    def _lanes(self, unknowns) -> Lanes:
        lanes = Lanes(self.run.module, self.one, self.run.arrays, self.run.precision)
        lanes.unknowns = unknowns
        return lanes

    def at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Residuals and scales (n rows) and the Jacobian (n by n rows) at `x` (n rows)."""
        lanes = self._lanes([row.reshape(self.one.extents) for row in x])
        if self._known is None:
            moving: set[int] = set()
            for k, node in enumerate(self.one.nodes):
                if node.op == "unknown" or any(a in moving for a in node.args):
                    moving.add(k)
            self._known = {}
            moving_roots = [*self.roots("residual"), *self.roots("scale"), *self.jacobian]
            for root in moving_roots:
                lanes.value(root)
            self._known.update((k, v) for k, v in lanes.values.items() if k not in moving)
        else:
            lanes.values.update(self._known)
        slopes = np.zeros((self.n * self.n, self.lanes), self.run.precision)
        present = [k for k, number in enumerate(self.numbers) if number >= 0]
        slopes[present] = self.rows(lanes, self.jacobian)
        f, scale = (self.rows(lanes, self.roots(name)) for name in ("residual", "scale"))
        if self.run.observer is not None:
            self.run.observer(self.lane, x, f, scale)
        return f, scale, slopes

    def point(self, lane: int) -> Relations:
        """The same relations at one point alone."""
        one = self.one
        for d, place in enumerate(np.unravel_index(lane, one.extents) if one.extents else ()):
            one = part_of(one, d, int(place), int(place) + 1)
        found = Relations(self.run, one)
        found.lane = lane
        return found


def _evaluate(relations: Relations, m: np.ndarray, n: int) -> bool:
    """The evaluation that `solving.point` asks for, at one point."""
    x = np.array(m[at.HEAD : at.HEAD + n], relations.run.precision).reshape(n, 1)
    m[at.HEAD : at.HEAD + n] = x[:, 0].tolist()
    f, scale, slopes = (part[:, 0].tolist() for part in relations.at(x))
    _put_vector(m, n, at.F, f)
    _put_vector(m, n, at.SCALE, scale)
    first = at.HEAD + (at.VECTORS + at.JACOBIAN * n) * n
    m[first : first + n * n] = slopes
    return all(abs(v) < at.HUGE for v in f) and all(abs(v) < at.HUGE for v in slopes)


def _put_vector(m: np.ndarray, n: int, which: int, values) -> None:
    m[at.HEAD + which * n : at.HEAD + (which + 1) * n] = values


def _vector(m: np.ndarray, n: int, which: int) -> np.ndarray:
    return np.array(m[at.HEAD + which * n : at.HEAD + (which + 1) * n])


# NumPy's numbers, not Python's, whose arithmetic raises where theirs has infinities and NaN.
solve_point = np.errstate(all="ignore")(point.make(
    np.ndarray.__getitem__, np.ndarray.__setitem__, _evaluate, lambda function: function))


def solve(run) -> None:
    """`D1[p], …, Dn[p]` with all relations 0. Raises `RunError` for the first point without a
    solution."""
    one = run.one
    relations = Relations(run, one)
    n, lanes = relations.n, relations.lanes
    if not lanes:
        return
    epsilon = float(np.finfo(run.precision).eps)
    tolerance = one.nodes[one.roots[TOLERANCE]].immediate
    linear = is_linear(one, n)
    start, low, high = (relations.fixed(name, absent) for name, absent in (
        ("start", DEFAULT_START), ("lower", -np.inf), ("upper", np.inf)))
    x, ended, passes, solved = plain.newton(
        relations.at, start, low, high, linear, tolerance, epsilon)
    for lane in np.flatnonzero(ended != plain.ENDED):
        m = np.zeros(at.size(n))
        m[at.LINEAR], m[at.TOLERANCE], m[at.EPSILON] = float(linear), tolerance, epsilon
        m[at.GIVEN] = float(all_given(one, n))
        m[at.EVALUATIONS] = float(passes[lane])
        m[at.CAP] = passes[lane] + float(one.nodes[one.roots[ITERATIONS]].immediate)
        for which, values in ((at.START, start), (at.LOW, low), (at.HIGH, high)):
            _put_vector(m, n, which, values[:, lane].tolist())
        status = solve_point(relations.point(lane), m, n)
        good = status in (at.SOLVED, at.MULTIPLE)
        if not good and one.status != UNSOLVED_NAN:
            _fail(run, lane, status, m, n, linear)
        x[:, lane] = _vector(m, n, at.AT) if good else np.nan
        told = _told(m, n, status)
        solved = told if solved is None else solved.with_part(told)
    run.solved = solved
    for k in range(n):
        run.store(k, x[k].reshape(one.extents))


def _told(m: np.ndarray, n: int, status: int) -> Solved:
    """What is told of one point."""
    if status not in (at.SOLVED, at.MULTIPLE):
        return Solved(int(m[at.EVALUATIONS]), 0.0, (0.0,) * n, (0.0,) * n, unsolved=1,
                      at_bounds=(0,) * n)
    x, residuals = _vector(m, n, at.AT), abs(_vector(m, n, at.RESIDUAL))
    size = np.maximum(_vector(m, n, at.TERMS), abs(_slopes(m, n)) @ abs(x))
    relative = np.divide(residuals, size, out=np.zeros(n), where=residuals > 0)
    bound = (x <= _vector(m, n, at.LOW)) | (x >= _vector(m, n, at.HIGH))
    return Solved(int(m[at.EVALUATIONS]), float(relative.max()), tuple(residuals.tolist()),
                  tuple(relative.tolist()), float(m[at.CONDITION]),
                  multiple=int(status == at.MULTIPLE), at_bounds=tuple(bound.astype(int).tolist()))


def _slopes(m: np.ndarray, n: int) -> np.ndarray:
    first = at.HEAD + (at.VECTORS + at.SLOPES * n) * n
    return np.array(m[first : first + n * n]).reshape(n, n)


def _fail(run, lane: int, status: int, m: np.ndarray, n: int, linear: bool) -> None:
    one = run.one
    residual = _vector(m, n, at.RESIDUAL)
    place = np.unravel_index(lane, one.extents) if one.extents else ()
    data = not_finite(run.module, one, run.arrays, place, [a.register for a in one.accesses[:n]])
    text = failure(status, unknowns_of(run.module, one, n), lines_of(one), _vector(m, n, at.AT),
                   residual, _slopes(m, n), linear, int(m[at.EVALUATIONS]),
                   (_vector(m, n, at.LOW), _vector(m, n, at.HIGH)), data)
    where = at_point(one.names, [int(p) + lo for p, lo in zip(place, one.los, strict=True)])
    head, _, rest = text.partition("\n")
    if where:
        head = f"{where.strip()}: {head}"
    raise RunError(located(run.module, one.source, head) + (f"\n{rest}" if rest else ""))
