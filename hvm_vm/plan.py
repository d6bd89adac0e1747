"""A program prepared for one set of shapes: its bound form, its runnables and frames to reuse.

A frame is the memory of one run. Each call takes one that nobody uses, or makes one, and gives it
back; so that calls from several threads never meet in one arena, and a repeated call allocates
nothing but its results.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

import numpy as np

from hvm_vm.engines import get
from hvm_vm.engines.bound import Bound, Frame

KEPT_FRAMES = 8
KEPT_BYTES = 1 << 28  # of arenas kept for the next call


class Plan:
    """A bound program with what engines made of it. Shared by threads."""

    def __init__(self, bound: Bound):
        self.bound = bound
        self._lock = threading.Lock()
        self._frames: dict[str, list[Frame]] = {}

    def runnable(self, engine: str, threads: int | None):
        """(engine's name, runnable): prepared once for each engine and number of threads."""
        threads = threads or available_threads()
        key = (engine, threads)
        found = self.bound.cache.get(key)
        if found is None:
            chosen = get(engine)
            if engine == "auto":
                chosen = chosen.choose(self.bound)
            with self._lock:
                found = self.bound.cache.get((chosen.name, threads))
                if found is None:
                    found = (chosen.name, chosen.prepare(self.bound, threads))
                    self.bound.cache[(chosen.name, threads)] = found
        return found

    def take(self, engine: str, arrays: Mapping[int, np.ndarray]) -> Frame:
        """A frame that no other run uses, with its inputs set. `arrays` are by register."""
        frames = self._frames.setdefault(engine, [])
        try:
            frame = frames.pop()  # atomic
        except IndexError:
            return Frame(self.bound, dict(arrays))
        for register, array in arrays.items():
            frame.arrays[register] = array
        frame.scratch = None  # it may hold addresses of the last run's inputs
        return frame

    def give_back(self, engine: str, frame: Frame, arrays: Mapping[int, np.ndarray]) -> None:
        """Keep a frame for the next run."""
        frames = self._frames.setdefault(engine, [])
        room = KEPT_BYTES // max(1, self.bound.arena_bytes)
        if len(frames) < min(KEPT_FRAMES, max(1, room)):
            for register in arrays:
                frame.arrays[register] = None  # do not keep the caller's data alive
            frame.scratch = None
            frames.append(frame)


def available_threads() -> int:
    """The processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
