"""The recorder: run a bound program with a clock around every instruction.

Times are nanoseconds of wall clock. The first run (which may still compile kernels) and the
warm-up runs are kept apart from the `repeat` measured ones; a run without clocks is measured beside
them, so that a reader sees what tracing itself costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import Bound, Frame
from hvm_vm.engines.engine import Runnable
from hvm_vm.engines.solved import Solved
from hvm_vm.tracing.describe import brief, describe


@dataclass(frozen=True, slots=True)
class Spread:
    """Nanoseconds over repeats."""

    min: float
    mean: float
    max: float
    stddev: float

    @staticmethod
    def of(samples: Iterable[float]) -> Spread:
        values = np.asarray(list(samples), dtype=np.float64)
        if not len(values):
            return Spread(0.0, 0.0, 0.0, 0.0)
        return Spread(
            float(values.min()), float(values.mean()), float(values.max()), float(values.std())
        )


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One instruction. `flops` and `bytes` are of one run (arithmetic done, memory read and
    written, by the cost rules of the instruction table); `times_ns` has one entry a repeat."""

    pc: int
    op: str
    source: str  # file:line of the relation
    line: int
    relation: str  # the relation as the source wrote it
    disassembly: str
    shapes: tuple[tuple[int, ...], ...]  # of the operands: results first, then what is read
    flops: int
    bytes: int
    times_ns: tuple[int, ...]
    brief: str = ""  # `disassembly` for tables: a long one is told in few words
    solved: Solved | None = None  # what a solve reports

    @property
    def iterations(self) -> int | None:
        """Of a solve: the most evaluations of its relations that a point took."""
        return self.solved.iterations if self.solved else None

    @property
    def residual(self) -> float | None:
        """Of a solve: the largest residual relative to the terms of its relation."""
        return self.solved.residual if self.solved else None

    @property
    def time(self) -> Spread:
        return Spread.of(self.times_ns)

    @property
    def mean_ns(self) -> float:
        return sum(self.times_ns) / len(self.times_ns) if self.times_ns else 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What came before the measured runs: load, verify, bind, compile, first run."""

    name: str
    ns: int


@dataclass(frozen=True)
class Trace:
    """What `program.trace(…)` returns. `print(trace)` shows the report."""

    file: str
    engine: str
    threads: int
    sizes: dict[str, int]
    rows: tuple[TraceRow, ...]
    instructions_executed: int
    repeat: int
    warmup: int
    run_ns: tuple[int, ...]  # whole runs, without clocks
    traced_ns: tuple[int, ...]  # whole runs, with them
    stages: tuple[Stage, ...] = ()
    outputs: dict[str, object] = field(default_factory=dict, repr=False, compare=False)
    module: Module | None = field(default=None, repr=False, compare=False)  # what was traced

    @property
    def flops(self) -> int:
        """Floating-point operations of one run."""
        return sum(row.flops for row in self.rows)

    @property
    def bytes(self) -> int:
        """Bytes that the instructions of one run read and write."""
        return sum(row.bytes for row in self.rows)

    @property
    def run(self) -> Spread:
        return Spread.of(self.run_ns)

    def __str__(self) -> str:
        from hvm_vm.tracing.report import plain

        return plain(self)

    def json_lines(self) -> str:
        """One JSON object a line: every instruction in order, then a summary."""
        from hvm_vm.tracing.jsonlines import json_lines

        return json_lines(self)

    def chrome(self) -> dict:
        """The trace in the Trace Event Format of Chrome and Perfetto, as a JSON-ready object."""
        from hvm_vm.tracing.chrome import chrome

        return chrome(self)

    def html(self, source: str | None = None) -> str:
        """One page that stands alone: timeline, table, graphs and source, linked to one another.

        `source`: the program's text, to show all of it; without it, the relations that the bytecode
        names are shown. Raises `ValueError` for a trace without its module."""
        from hvm_vm.tracing.page import page

        return page(self, source)


def record(
    bound: Bound,
    runnable: Runnable,
    frame: Frame,
    *,
    engine: str,
    threads: int = 1,
    repeat: int = 5,
    warmup: int = 1,
    stages: Iterable[tuple[str, int]] = (),
) -> Trace:
    """Run `runnable` on `frame`: once, `warmup` times, then `repeat` times with and without clocks.

    `stages` are (name, nanoseconds) of what the caller did before. Errors of the run pass through.
    """
    repeat, warmup = max(1, repeat), max(0, warmup)
    clock = time.perf_counter_ns
    before = clock()
    executed = runnable.run(frame)
    all_stages = [Stage(name, int(ns)) for name, ns in stages]
    all_stages.append(Stage("first run", clock() - before))

    count = len(bound.code)
    for _ in range(warmup):
        runnable.run_traced(frame, np.zeros(count, np.int64))
    samples = np.zeros((repeat, count), np.int64)
    run_ns, traced_ns = [], []
    for sample in samples:
        start = clock()
        runnable.run(frame)
        middle = clock()
        executed = runnable.run_traced(frame, sample)
        end = clock()
        run_ns.append(middle - start)
        traced_ns.append(end - middle)

    module: Module = bound.program.module
    solved = runnable.solved(frame) if hasattr(runnable, "solved") else {}
    rows = tuple(
        _row(module, bound, k, samples[:, k], solved.get(k)) for k in range(count))
    return Trace(
        file=module.file,
        engine=engine,
        threads=threads,
        sizes=dict(bound.sizes),
        rows=rows,
        instructions_executed=int(executed),
        repeat=repeat,
        warmup=warmup,
        run_ns=tuple(run_ns),
        traced_ns=tuple(traced_ns),
        stages=tuple(all_stages),
        module=module,
    )


def _row(module: Module, bound: Bound, k: int, samples, solved: Solved | None) -> TraceRow:
    instruction, word = bound.code[k], module.code[k]
    place, line, relation = module.file, 0, ""
    if instruction.source >= 0:
        span = module.sources[instruction.source]
        place, line, relation = f"{module.file}:{span.line}", span.line, span.text
    return TraceRow(
        pc=instruction.pc,
        op=instruction.op,
        source=place if instruction.source >= 0 else "",
        line=line,
        relation=relation,
        disassembly=describe(module, word, bound.sizes),
        brief=brief(module, word, bound.sizes),
        shapes=tuple(bound.registers[r].shape for r in word.operands),
        flops=int(instruction.flops),
        bytes=int(instruction.bytes),
        times_ns=tuple(int(t) for t in samples),
        solved=solved,
    )
