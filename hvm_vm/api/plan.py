"""A program prepared for one set of shapes: its bound form, its runnables and frames to reuse.

A frame is the memory of one run. Each call takes one that nobody uses, or makes one, and gives it
back; so that calls from several threads never meet in one arena, and a repeated call allocates
nothing but its results.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from functools import cache
from math import prod

import numpy as np

from hvm_vm.engines import get
from hvm_vm.engines.bound import Bound, Frame
from hvm_vm.engines.words import byte_count
from hvm_vm.errors import InputError, RunError

KEPT_FRAMES = 8
COPIED_BYTES = 1 << 15  # of inputs that are copied into a frame
KEPT_BYTES = 1 << 28  # of arenas kept for the next call


class Plan:
    """A bound program with what engines made of it. Shared by threads."""

    def __init__(self, bound: Bound):
        self.bound = bound
        self._lock = threading.Lock()
        self._frames: dict[str, list[Frame]] = {}
        self._kept = max(1, min(KEPT_FRAMES, KEPT_BYTES // max(1, bound.arena_bytes)))
        # Small inputs are copied into frames: cheaper than showing an engine new addresses.
        inputs = [r for r in bound.registers if r.offset < 0]
        self._copies = all(in_c_order(r) for r in inputs) and sum(
            prod(r.shape) * r.dtype.itemsize for r in inputs) <= COPIED_BYTES
        self._auto = ""         # what `auto` is now
        self._spent = 0.0       # seconds of runs that `auto` had in the reference
        self._look = 0.0        # when `auto` is chosen again

    def runnable(self, engine: str, threads: int | None, *, patient: bool = False):
        """(engine's name, runnable): prepared once for each engine and number of threads.

        `patient`: there will be many runs, so `auto` may take the time to compile."""
        if threads is None:
            threads = available_threads()
        elif not isinstance(threads, (int, np.integer)) or threads < 1:
            raise InputError(f"threads: a whole number, at least 1, is expected, not {threads!r}")
        if engine == "auto":
            engine = self._chosen(patient)
        found = self.bound.cache.get((engine, threads))
        if found is None:
            chosen = get(engine)
            with self._lock:
                found = self.bound.cache.get((engine, threads))
                if found is None:
                    found = chosen.prepare(self.bound, threads)
                    self.bound.cache[(engine, threads)] = found
        return engine, found

    def _chosen(self, patient: bool) -> str:
        """What `auto` stands for. Chosen at first, and again whenever the runs have taken twice as
        long as they had, until it is the jit."""
        if self._auto == "jit":
            return "jit"
        spent = math.inf if patient else self._spent
        if not self._auto or spent >= self._look:
            self._auto = get("auto").choose(self.bound, spent).name
            self._look = max(0.05, 2 * self._spent)
        return self._auto

    def ran(self, seconds: float) -> None:
        """Count a run of `auto` in the reference."""
        self._spent += seconds

    def take(self, engine: str, runnable, arrays: Mapping[int, np.ndarray]) -> Frame:
        """A frame that no other run uses, with its inputs set. `arrays` are by register."""
        frames = self._frames.setdefault(engine, [])
        try:
            frame = frames.pop()  # atomic
        except IndexError:
            if self._copies:
                arrays = {register: array.copy() for register, array in arrays.items()}
            return self.new_frame(arrays)
        held = frame.arrays
        if self._copies:
            for register, array in arrays.items():
                held[register][...] = array
            return frame
        for register, array in arrays.items():
            held[register] = array
        if frame.scratch is not None:  # it may hold the addresses of the last run's inputs
            rebind = getattr(runnable, "rebind", None)
            if rebind is None:
                frame.scratch = None
            else:
                rebind(frame)
        return frame

    def new_frame(self, arrays: Mapping[int, np.ndarray]) -> Frame:
        """A frame of the caller's own. `arrays` are by register."""
        try:
            return Frame(self.bound, dict(arrays))
        except MemoryError:
            raise RunError(f"the run needs {byte_count(self.bound.arena_bytes)} of memory, which "
                           "this machine does not give") from None

    def give_back(self, engine: str, frame: Frame, arrays: Mapping[int, np.ndarray]) -> None:
        """Keep a frame for the next run."""
        frames = self._frames.setdefault(engine, [])
        if len(frames) < self._kept:
            if not self._copies:
                for register in arrays:
                    frame.arrays[register] = None  # do not keep the caller's data alive
            frames.append(frame)


def in_c_order(register) -> bool:
    """Whether an input's memory has no gaps and its last axis is the fastest."""
    step = 1
    for extent, stride in zip(reversed(register.shape), reversed(register.strides), strict=True):
        if stride != step:
            return False
        step *= max(1, extent)
    return True


@cache
def available_threads() -> int:
    """The processors that this process may use; asked once."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
