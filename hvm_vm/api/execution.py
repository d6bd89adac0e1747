"""What comes before a run and what comes of it, for reports: `Prepared` and `Execution`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hvm_vm.api.plan import Plan
from hvm_vm.api.results import Results
from hvm_vm.engines.solved import Solved

if TYPE_CHECKING:
    from hvm_vm.api.program import Program
    from hvm_vm.api.solve_report import SolveReport


@dataclass(frozen=True)
class Execution:
    """What one run gave. `hidden` holds the intermediates when all were asked for; `solved` what
    solves report, by their pc, and `reports` the same by the names of the program."""

    outputs: Results
    hidden: dict[str, object]
    instructions_executed: int
    execution_time_s: float
    engine: str
    sizes: dict[str, int]
    solved: dict[int, Solved] = field(default_factory=dict)
    reports: tuple[SolveReport, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A program with its values, ready to run: `runnable.run(frame)`."""

    program: Program
    plan: Plan
    arrays: dict[int, np.ndarray]
    engine: str
    threads: int
    runnable: object
    stages: tuple[tuple[str, int], ...]

    @property
    def bound(self):
        return self.plan.bound

    def frame(self):
        """A new frame, the caller's own."""
        return self.plan.new_frame(self.arrays)

    def outputs(self, frame) -> Results:
        """The results that a run left in `frame`, copied out of it."""
        return self.program._results(frame, hidden=False)
