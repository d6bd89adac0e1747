"""What a timed run leaves: for each group of instructions, when it ran and for how long.

A group is what an engine can time by itself: one instruction, or several that it fused into one
function. An engine that fuses says so with `runnable.timed_groups`, a tuple of tuples of pcs;
without it every instruction is a group of its own. Groups may run any number of times, in any
order, as the bodies of loops do.

Sums are of every event. The events themselves are kept up to a limit, and those beyond it counted.
"""

from __future__ import annotations

import numpy as np

FLUSH = 1 << 16  # events that wait in lists before they become arrays


class Timeline:
    """One run. Engines call `add` or `extend`; then, by group, in nanoseconds:

    counts, total, least, most:  arrays: executions, and the sum, smallest and largest duration,
    squares:                     the sum of the squares of the durations;
    groups, starts, durations:   the events that were kept, in order. `starts` are those of the
                                 clock `time.perf_counter_ns`.
    dropped:                     how many more there were;
    began, ns:                   when the run began and how long it took, without what surrounds it
                                 and without the work done here; None: not known.

    `position` is the group that runs now, for who watches from another thread; None: not known."""

    def __init__(self, groups: int, keep: int) -> None:
        self.counts = np.zeros(groups, np.int64)
        self.total = np.zeros(groups, np.int64)
        self.least = np.full(groups, np.iinfo(np.int64).max)
        self.most = np.zeros(groups, np.int64)
        self.squares = np.zeros(groups)
        self.dropped = 0
        self.began: int | None = None
        self.ns: int | None = None
        self._keep = keep
        self._chunks: list[np.ndarray] = []
        self._waiting: list[tuple[int, int, int]] = []
        self._position = self._sofar = None

    def add(self, group: int, start: int, duration: int) -> None:
        """One execution."""
        self._waiting.append((group, start, duration))
        if len(self._waiting) >= FLUSH:
            self.close()

    def extend(self, groups: np.ndarray, starts: np.ndarray, durations: np.ndarray) -> None:
        """Many, in order."""
        np.add.at(self.counts, groups, 1)
        np.add.at(self.total, groups, durations)
        np.minimum.at(self.least, groups, durations)
        np.maximum.at(self.most, groups, durations)
        np.add.at(self.squares, groups, durations.astype(np.float64) ** 2)
        kept = min(len(groups), self._keep)
        self._keep -= kept
        self.dropped += len(groups) - kept
        if kept:
            self._chunks.append(np.stack(
                [np.asarray(a[:kept], np.int64) for a in (groups, starts, durations)]))

    def close(self) -> None:
        """Count what waits. To be called after the run, also one that failed."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self.extend(*np.array(waiting, np.int64).T)

    @property
    def events(self) -> np.ndarray:
        """int64[3, events kept]: groups, starts, durations."""
        if not self._chunks:
            return np.zeros((3, 0), np.int64)
        return np.concatenate(self._chunks, axis=1)

    # -- for who watches ---------------------------------------------------------------------------

    def watch(self, position, sofar=None) -> None:
        """`position()` is to say which group runs now, and `sofar()` the nanoseconds that each has
        taken, for an engine that tells what ran only after it."""
        self._position, self._sofar = position, sofar

    def sofar(self) -> np.ndarray:
        """Nanoseconds that each group has taken in this run so far."""
        if self._sofar is not None and not self.counts.any():
            return self._sofar()
        total = self.total.copy()
        for group, _, duration in tuple(self._waiting):
            total[group] += duration
        return total

    @property
    def position(self) -> int | None:
        return None if self._position is None else self._position()
