"""Inside a `solve`: every evaluation of its relations, recorded while the reference engine repeats
it on copies of its results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.bytecode.solve_layout import unknown_count
from hvm_vm.engines.bound import Bound, BoundInstruction, Frame
from hvm_vm.engines.reference import Run
from hvm_vm.engines.reference_solve import solve
from hvm_vm.engines.solving.relations import lines_of, unknowns_of
from hvm_vm.errors import HvmError, InputError
from hvm_vm.tracing.stepping.timeline import results_of
from hvm_vm.tracing.stepping.values import summary

MOST = 6  # unknowns and relations that are listed


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The relations at one trial: `x` by unknown, `residual` (left - right) and `relative` (to the
    relation's terms) by relation. `kind` is what led there: `start`, a `Newton` step of all points
    together, or a `search` with care at this point alone; of systems over arrays also a `step`, an
    `elimination` or its `correction`."""

    x: np.ndarray
    residual: np.ndarray
    relative: np.ndarray
    kind: str

    @property
    def worst(self) -> float:
        """The largest relative residual; inf when one is not finite."""
        if not np.isfinite(self.relative).all():
            return float("inf")
        return float(self.relative.max(initial=0.0))


@dataclass
class SolveLog:
    """The evaluations of a solve at each point of its space, in order. `failure` is the error that
    ended it, or empty. `arrays`: of a system, each unknown with its elements among `names`, from
    and up to. `points_left_out`: how many points, the last ones, were not gone through."""

    pc: int
    names: Sequence[str]
    relations: Sequence[str]
    extents: tuple[int, ...]
    los: tuple[int, ...]
    dims: tuple[str, ...]
    points: dict[int, list[Evaluation]] = field(default_factory=dict)
    failure: str = ""
    arrays: list[tuple[str, int, int]] = field(default_factory=list)
    points_left_out: int = 0

    @property
    def unknowns(self) -> list[str]:
        """What is solved for, whole arrays by their names."""
        return [name for name, _, _ in self.arrays] or list(self.names)

    def trial(self, lane: int, k: int) -> dict[str, np.ndarray]:
        """The unknowns of an evaluation, whole arrays as vectors, by their names."""
        x = self.points[lane][k].x
        if self.arrays:
            return {name: x[first:end] for name, first, end in self.arrays}
        return {name: np.asarray(value) for name, value in zip(self.names, x, strict=True)}

    def hardest(self) -> int:
        """The point that took the most evaluations, the first of them."""
        return max(self.points, key=lambda lane: len(self.points[lane]), default=0)

    def lane(self, values: tuple[int, ...]) -> int:
        """The point at these index values. Raises `InputError`."""
        if len(values) != len(self.extents):
            raise InputError(f"a point of this solve is {', '.join(self.dims) or 'nothing'}")
        place = tuple(v - lo for v, lo in zip(values, self.los, strict=True))
        if any(not 0 <= p < n for p, n in zip(place, self.extents, strict=True)):
            raise InputError(f"{', '.join(map(str, values))} is not a point of this solve")
        lane = int(np.ravel_multi_index(place, self.extents)) if place else 0
        if lane not in self.points:
            raise InputError(f"only the first {len(self.points)} points of this solve are recorded")
        return lane

    def where(self, lane: int) -> str:
        """`at t = 3`, or nothing for a solve of one point."""
        point = np.unravel_index(lane, self.extents) if self.extents else ()
        pairs = [f"{n} = {int(p) + lo}" for n, p, lo in
                 zip(self.dims, point, self.los, strict=True)]
        return f"at {', '.join(pairs)}" if pairs else ""

    def lines(self, lane: int, k: int) -> list[str]:
        """An evaluation in words, a line for each unknown and each relation."""
        one = self.points[lane][k]
        where = self.where(lane)
        head = f"evaluation {k + 1} of {len(self.points[lane])}"
        lines = [f"{head}{' ' + where if where else ''}: {one.kind}, largest residual "
                 f"{one.worst:.2g} of a relation's terms"]
        if len(self.names) > MOST and self.arrays:
            lines += [f"  {summary(name, one.x[first:end])}" for name, first, end in self.arrays]
        else:
            shown = range(min(MOST, len(self.names)))
            lines += [f"  {self.names[j]} = {one.x[j]:.10g}" for j in shown]
            if len(self.names) > MOST:
                lines.append(f"  … {len(self.names) - MOST} more unknowns")
        order = np.argsort(-np.nan_to_num(one.relative, nan=np.inf, posinf=np.inf), kind="stable")
        shown = order[:MOST]
        lines += [f"  left - right = {one.residual[r]:.3g}    line {self.relations[r]}"
                  for r in sorted(shown)]
        if len(self.relations) > MOST:
            lines.append(f"  … {len(self.relations) - MOST} more relations, none further from "
                         "holding")
        return lines


def record_solve(bound: Bound, frame: Frame, one: BoundInstruction) -> SolveLog:
    """Solve again what the instruction `one` solves, and keep every evaluation. The frame's values
    do not change."""
    module = bound.program.module
    n = unknown_count(len(one.roots))
    arrays = list(frame.arrays)
    for register in results_of(one):
        arrays[register] = arrays[register].copy()
    names = tuple(unknowns_of(module, one, n))
    lines = lines_of(one) if one.message else []
    lines += [f"relation {k + 1}" for k in range(len(lines), n)]
    log = SolveLog(one.pc, names, tuple(lines), one.extents, one.los, one.names)

    def observe(point: int | None, x, f, scale) -> None:
        for column, lane in enumerate(range(x.shape[1]) if point is None else (point,)):
            found = log.points.setdefault(lane, [])
            trial = np.array(x[:, column], float)
            if found and np.array_equal(found[-1].x, trial, equal_nan=True):
                continue  # a point that waits for the others
            residual, terms = (np.array(a[:, column], float) for a in (f, scale))
            relative = np.abs(residual) / np.where(terms > 0, terms, 1.0)
            kind = "search" if point is not None else "Newton" if found else "start"
            found.append(Evaluation(trial, residual, relative, kind))

    run = Run(module, one, arrays)
    run.observer = observe
    try:
        with np.errstate(all="ignore"):
            solve(run)
    except HvmError as error:
        log.failure = str(error)
    return log
