"""The recorder: run a bound program with a clock around every instruction.

Times are nanoseconds of wall clock. The first run (which may still load what it needs) and the
warm-up runs are kept apart from the `repeat` measured ones; a run without clocks is measured beside
each of them, so that a reader sees what tracing itself costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from hvm_vm.bytecode.cost import scalar_operations
from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import Bound, BoundInstruction, Frame
from hvm_vm.engines.engine import Runnable
from hvm_vm.engines.timeline import Timeline
from hvm_vm.errors import HvmError
from hvm_vm.tracing.describe import brief, describe
from hvm_vm.tracing.machine import Machine
from hvm_vm.tracing.trace import (
    FIRST,
    MEASURED,
    PLAIN,
    WARMUP,
    RunSpan,
    Spread,
    Stage,
    Trace,
    TraceRow,
)

__all__ = ["EVENTS", "REPEAT", "Spread", "Stage", "Trace", "TraceRow", "Watcher", "record"]

REPEAT = 5  # measured runs, if nothing else is asked for
PATIENCE_NS = 10_000_000_000  # and fewer when they would take longer than this
BATCH_NS, BATCH = 100_000, 100  # runs without clocks go on so long, so many at most, each time
EVENTS = 200_000  # executions that are kept one by one; what is beyond them is summed and counted


class Watcher(Protocol):
    """Who is told how far a recording is, to show it."""

    def begin(self, kind: str, number: int, of: int, timeline: Timeline | None) -> None:
        """A run begins: the first run, or `number` of `of`. `timeline.position` says where."""


def record(
    bound: Bound,
    runnable: Runnable,
    frame: Frame,
    *,
    engine: str,
    threads: int = 1,
    repeat: int | None = REPEAT,
    warmup: int = 1,
    stages: Iterable[tuple[str, int]] = (),
    machine: Machine | None = None,
    watcher: Watcher | None = None,
    events: int = EVENTS,
) -> Trace:
    """Run `runnable` on `frame`: once, `warmup` times, then `repeat` times with and without clocks.

    `repeat` None: `REPEAT` times, but fewer when the first run says that they would take long.
    `stages` are (name, nanoseconds) of what the caller did before. Errors of a run pass through,
    with what ran before them as a `Trace` in their attribute `trace`; a `KeyboardInterrupt` with
    the `Trace` of the measured runs before it, if there are any.
    """
    recorder = _Recorder(bound, runnable, frame, watcher, events)
    warmup = max(0, warmup)
    stages = [Stage(name, int(ns)) for name, ns in stages]

    def trace(executed: int, rows, plain, traced, failure="") -> Trace:
        dispatch, clock = (None, None) if failure else _calibrated(runnable)
        module: Module = bound.program.module
        return Trace(
            file=module.file, engine=engine, threads=threads, sizes=dict(bound.sizes), rows=rows,
            instructions_executed=executed, repeat=len(traced),
            warmup=sum(r.kind == WARMUP for r in recorder.runs),
            run_ns=tuple(plain), traced_ns=tuple(traced),
            stages=(*stages, *(Stage(FIRST, r.ns) for r in recorder.runs[:1])),
            runs=tuple(recorder.runs), events=recorder.all_events(), groups=recorder.groups,
            dropped=recorder.dropped, dispatch_ns=dispatch, clock_ns=clock, machine=machine,
            failure=failure, module=module,
        )  # fmt: skip

    measured: list[Timeline] = []
    plain: list[float] = []

    def finished() -> Trace:
        """Of the measured runs that there are, each of them whole."""
        solved = runnable.solved(frame) if hasattr(runnable, "solved") else {}
        spans = [r.ns for r in recorder.runs if r.kind == MEASURED]
        return trace(int(executed), recorder.rows(measured, solved, machine), plain,
                     spans[: len(measured)])

    try:
        executed = recorder.timed(FIRST, 1, 1)
        if repeat is None:
            first = recorder.runs[0].ns
            repeat = max(1, min(REPEAT, PATIENCE_NS // max(1, 2 * first)))
        repeat = max(1, repeat)
        for k in range(warmup):
            recorder.timed(WARMUP, k + 1, warmup)
        for k in range(repeat):
            timeline = recorder.timeline()
            plain.append(recorder.plain(k + 1, repeat))
            executed = recorder.timed(MEASURED, k + 1, repeat, timeline)
            measured.append(recorder.last)
    except HvmError as error:
        error.trace = recorder.failed(error, trace, machine)
        raise
    except KeyboardInterrupt as error:
        if measured:
            error.trace = finished()
        raise
    return finished()


class _Recorder:
    """The runs of one recording, and their events."""

    def __init__(self, bound: Bound, runnable, frame: Frame, watcher, keep: int) -> None:
        self.bound, self.runnable, self.frame, self.watcher = bound, runnable, frame, watcher
        groups = getattr(runnable, "timed_groups", None)
        self.groups = tuple(
            tuple(g) for g in groups) if groups else tuple((k,) for k in range(len(bound.code)))
        self.runs: list[RunSpan] = []
        self.keep, self.dropped = keep, 0
        self.last: Timeline | None = None
        self._events: list[np.ndarray] = []
        self._origin = time.perf_counter_ns()

    def timeline(self, keep: bool = True) -> Timeline:
        """For the next run with clocks."""
        return Timeline(len(self.groups), self.keep if keep else 0)

    def plain(self, number: int, of: int) -> float:
        """Runs without clocks, several of short ones, as one run alone is not what it is among
        others; the nanoseconds of one."""
        if self.watcher is not None:
            self.watcher.begin(PLAIN, number, of, None)
        run, frame = self.runnable.run, self.frame
        batch = max(1, min(BATCH, BATCH_NS // max(1, self.runs[-1].ns)))
        start = time.perf_counter_ns()
        for _ in range(batch):
            run(frame)
        ns = time.perf_counter_ns() - start
        self.runs.append(RunSpan(PLAIN, number, start - self._origin, ns, batch))
        return ns / batch

    def timed(self, kind: str, number: int, of: int, timeline: Timeline | None = None) -> int:
        """A run with clocks, whose events are kept if it is not a warm-up; what it executed."""
        if timeline is None:
            timeline = self.timeline(kind != WARMUP)
        self.last = timeline
        if self.watcher is not None:
            self.watcher.begin(kind, number, of, timeline)
        run = getattr(self.runnable, "run_timed", None) or self._end_to_end
        start = time.perf_counter_ns()
        try:
            return run(self.frame, timeline)
        finally:
            ns = time.perf_counter_ns() - start
            if kind != FIRST and timeline.ns is not None:
                start, ns = timeline.began, timeline.ns
            if kind != WARMUP:
                groups, starts, durations = timeline.events
                self._events.append(np.stack([
                    np.full(len(groups), len(self.runs)), groups, starts - self._origin, durations
                ]))
                self.keep -= len(groups)
                self.dropped += timeline.dropped
            self.runs.append(RunSpan(kind, number, start - self._origin, ns))

    def _end_to_end(self, frame: Frame, timeline: Timeline) -> int:
        """For an engine that only adds up times: its instructions as if each ran once, in order."""
        times = np.zeros(len(self.bound.code), np.int64)
        start = time.perf_counter_ns()
        try:
            return self.runnable.run_traced(frame, times)
        finally:
            ran = np.flatnonzero(times)
            took = times[ran]
            timeline.extend(ran, start + np.cumsum(took) - took, took)

    def all_events(self) -> np.ndarray:
        """int64[4, events]: the number of the run, the group, the start and the duration."""
        return np.concatenate(self._events, axis=1) if self._events else np.zeros((4, 0), np.int64)

    # -- rows --------------------------------------------------------------------------------------

    def rows(self, measured: Sequence[Timeline], solved, machine, executed: int | None = None,
             failed: int = -1) -> tuple[TraceRow, ...]:
        """One row an instruction. `executed`: of a run that failed, how many were."""
        rows: list[TraceRow | None] = [None] * len(self.bound.code)
        for number, pcs in enumerate(self.groups):
            weights = self._weights(pcs)
            for pc in pcs:
                rows[pc] = self._row(pc, number, pcs, weights[pc], measured, solved, machine,
                                     executed, failed)
        for pc, row in enumerate(rows):  # what the engine has no step for
            if row is None:
                rows[pc] = self._row(pc, None, (), 0.0, measured, solved, machine, executed, failed)
        return tuple(rows)

    def _weights(self, pcs: Sequence[int]) -> dict[int, float]:
        """The part of its group's time that each instruction is given: by its work, counted as the
        larger of its operations and its bytes."""
        if len(pcs) == 1:
            return {pcs[0]: 1.0}
        work = {pc: max(self.bound.code[pc].flops, self.bound.code[pc].bytes) for pc in pcs}
        whole = sum(work.values())
        return {pc: w / whole if whole else 1 / len(pcs) for pc, w in work.items()}

    def _row(self, pc, group, pcs, weight, measured, solved, machine, executed, failed) -> TraceRow:
        bound, module = self.bound, self.bound.program.module
        instruction, word = bound.code[pc], module.code[pc]
        place, line, relation = "", 0, ""
        if instruction.source >= 0:
            span = module.sources[instruction.source]
            place, line, relation = f"{module.file}:{span.line}", span.line, span.text
        count, times, each = 1, tuple(0.0 for _ in measured), Spread(0.0, 0.0, 0.0, 0.0)
        if group is not None:
            count = max(1, *(int(t.counts[group]) for t in measured)) if measured else 1
            times = tuple(_whole(weight * int(t.total[group])) for t in measured)
            sums = [t for t in measured if t.counts[group]]
            if sums:
                each = Spread.of_sums(
                    sum(int(t.counts[group]) for t in sums),
                    weight * sum(int(t.total[group]) for t in sums),
                    weight * min(int(t.least[group]) for t in sums),
                    weight * max(int(t.most[group]) for t in sums),
                    weight**2 * sum(float(t.squares[group]) for t in sums))
        if executed is not None and pc >= executed and pc != failed:
            count = 0
        flops, traffic = count * int(instruction.flops), count * int(instruction.bytes)
        dtypes = tuple(module.registers[r].dtype for r in word.operands)
        mean = sum(times) / len(times) if times else 0.0
        roof = None
        if machine is not None and count and mean and pc != failed:
            precision = dtypes[0] if dtypes and dtypes[0] != "i64" else module.precision
            roof = machine.roof(precision, instruction.flops, instruction.bytes, mean / count)
        return TraceRow(
            pc=pc,
            op=instruction.op,
            source=place,
            line=line,
            relation=relation,
            disassembly=describe(module, word, bound.sizes),
            brief=brief(module, word, bound.sizes),
            shapes=tuple(bound.registers[r].shape for r in word.operands),
            dtypes=dtypes,
            flops=flops,
            bytes=traffic,
            scalar_operations=count * _stands_for(instruction),
            times_ns=times,
            each=each,
            count=count,
            solved=solved.get(pc),
            timed_with=tuple(pcs) if len(pcs) > 1 else (),
            roof=roof,
            failed=pc == failed,
        )

    def failed(self, error: HvmError, trace, machine) -> Trace:
        """What ran in the run that `error` ended. The engine counted the instructions before it."""
        executed = getattr(error, "instructions_executed", None)
        where = -1 if executed is None else executed
        ran = [self.last] if self.last is not None else []
        rows = self.rows(ran, {}, machine, executed, where)
        return trace(int(executed or 0), rows, [], [r.ns for r in self.runs[-1:]], str(error))


def _stands_for(one: BoundInstruction) -> int:
    """Operations of a scalar machine that one execution stands for; of a system, in all parts."""
    own = scalar_operations(one.op, one.extents, one.roles, one.nodes, one.roots, one.accesses)
    return own + sum(_stands_for(part.one) for part in one.parts)


def _whole(ns: float) -> float:
    """A whole number of nanoseconds as such."""
    return int(ns) if ns == int(ns) else ns


def _calibrated(runnable) -> tuple[float | None, float | None]:
    """What dispatch and clock cost an instruction, where the engine can say."""
    if not hasattr(runnable, "calibrate"):
        return None, None
    without, with_clocks = runnable.calibrate()
    return without, max(0.0, with_clocks - without)
