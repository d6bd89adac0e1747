"""What an engine is: it prepares a bound program once, then runs it with frames.

    runnable = engine.prepare(bound, threads)   # may compile; cached by the caller on `bound.cache`
    runnable.run(frame)                           # untraced: nothing is measured
    runnable.run_traced(frame, times)             # times: int64[len(code)], nanoseconds, added to
    runnable.run_timed(frame, timeline)           # every execution, with its start: `Timeline`
    runnable.step(frame, pc)                      # one instruction: what `hvm step` runs

A run that fails raises `RunError` (status 1) or `InputError` (status 2: subscripts out of range,
undetermined elements) whose text names the relation; `instructions_executed` counts what ran.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hvm_vm.engines.bound import Bound, Frame
from hvm_vm.engines.timeline import Timeline


class Runnable(Protocol):
    """A bound program in an engine's own form. Immutable; may be shared by threads."""

    def run(self, frame: Frame) -> int:
        """Run to the halt; the number of instructions executed (the halt counts)."""

    def run_traced(self, frame: Frame, times: np.ndarray) -> int:
        """As `run`, adding each instruction's nanoseconds to `times[pc]`."""

    def run_timed(self, frame: Frame, timeline: Timeline) -> int:
        """As `run`, telling `timeline` of every execution of a group of instructions, also when the
        run fails. Groups are `self.timed_groups` (tuples of pcs) where the engine has them, because
        it fuses instructions; else the pcs. Optional: the recorder can do with `run_traced`."""

    def step(self, frame: Frame, pc: int) -> None:
        """Run the instruction `pc` alone, on what those before it left in the frame."""


class Engine(Protocol):
    name: str

    def prepare(self, bound: Bound, threads: int) -> Runnable:
        """Everything that needs doing once."""
