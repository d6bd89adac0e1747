"""What a recorded run is: rows, one an instruction, in runs with stages before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.engines.solved import Solved
from hvm_vm.tracing.machine import Machine, Roof

FIRST, WARMUP, PLAIN, MEASURED = "first run", "warm-up", "run without clocks", "run"


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

    @staticmethod
    def of_sums(count: int, total: float, least: float, most: float, squares: float) -> Spread:
        """From the number of samples, their sum, smallest, largest, and sum of squares."""
        if not count:
            return Spread(0.0, 0.0, 0.0, 0.0)
        mean = total / count
        return Spread(
            float(least), mean, float(most), max(0.0, squares / count - mean * mean) ** 0.5)


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One instruction. `count` is how often a run executes it (in a loop more than once); `flops`,
    `bytes` and `scalar_operations` are of all executions of one run: arithmetic done, memory read
    and written, by the cost rules of the instruction table, and how many operations of a scalar
    machine they stand for. `times_ns` has one entry a repeat, the sum over its executions.

    Where the engine fuses instructions, `timed_with` holds the pcs that have one time together,
    this one's among them: their time is divided by the work that was counted, an estimate."""

    pc: int
    op: str
    source: str  # file:line of the relation
    line: int
    relation: str  # the relation as the source wrote it
    disassembly: str
    shapes: tuple[tuple[int, ...], ...]  # of the operands: results first, then what is read
    flops: int
    bytes: int
    times_ns: tuple[float, ...]
    brief: str = ""  # `disassembly` for tables: a long one is told in few words
    solved: Solved | None = None  # what a solve reports
    count: int = 1
    each: Spread | None = None  # over all executions of all repeats
    scalar_operations: int = 0
    dtypes: tuple[str, ...] = ()  # of the operands, as `shapes`
    timed_with: tuple[int, ...] = ()
    roof: Roof | None = None
    failed: bool = False  # the run ended here

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
        """Of what a run spends here, over the repeats."""
        return Spread.of(self.times_ns)

    @property
    def execution(self) -> Spread:
        """Of one execution, over all of them."""
        return self.each or self.time

    @property
    def mean_ns(self) -> float:
        """What a run spends here, the mean over the repeats."""
        return sum(self.times_ns) / len(self.times_ns) if self.times_ns else 0.0

    def to_dict(self) -> dict:
        """The object that `hvm trace --json` prints for it."""
        from hvm_vm.tracing.jsonlines import instruction

        return instruction(self)


class Rows:
    """What instructions cost together: sums over `rows`, of one run."""

    __slots__ = ()
    rows: tuple[TraceRow, ...]

    @property
    def flops(self) -> int:
        """Floating-point operations of one run."""
        return sum(row.flops for row in self.rows)

    @property
    def bytes(self) -> int:
        """Bytes that the instructions read and write in one run."""
        return sum(row.bytes for row in self.rows)

    @property
    def scalar_operations(self) -> int:
        """How many operations of a scalar machine they stand for in one run."""
        return sum(row.scalar_operations for row in self.rows)

    @property
    def instructions_ns(self) -> float:
        """What a run spends in them."""
        return sum(row.mean_ns for row in self.rows)


@dataclass(frozen=True, slots=True)
class Stage:
    """What came before the measured runs: load, verify, bind, compile, first run."""

    name: str
    ns: int


@dataclass(frozen=True, slots=True)
class RunSpan:
    """One run, or `batch` short ones in a row: what for, which of them (from 1), when it began
    (nanoseconds since the recording did), and how long it took."""

    kind: str
    number: int
    start_ns: int
    ns: int
    batch: int = 1


@dataclass(frozen=True)
class Trace(Rows):
    """What `program.trace(…)` returns: a sequence of rows, one an instruction.

    `print(trace)` shows the report; a notebook shows it as a table. `trace[2]`, `len(trace)` and
    iteration are by instruction, `trace.by_op()`, `by_line()` and `by_shape()` are summaries."""

    file: str
    engine: str
    threads: int
    sizes: dict[str, int]
    rows: tuple[TraceRow, ...]
    instructions_executed: int
    repeat: int
    warmup: int
    run_ns: tuple[float, ...]  # whole runs, without clocks
    traced_ns: tuple[int, ...]  # whole runs, with them
    stages: tuple[Stage, ...] = ()
    outputs: dict[str, object] = field(default_factory=dict, repr=False, compare=False)
    module: Module | None = field(default=None, repr=False, compare=False)  # what was traced
    runs: tuple[RunSpan, ...] = field(default=(), repr=False)
    events: np.ndarray | None = field(default=None, repr=False, compare=False)
    groups: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    dropped: int = 0  # events that were counted but not kept
    dispatch_ns: float | None = None  # what the dispatch of an instruction costs
    clock_ns: float | None = None  # and what its clock costs
    machine: Machine | None = field(default=None, repr=False)
    failure: str = ""  # what ended the run, if it failed

    # -- a sequence of instructions ----------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[TraceRow]:
        return iter(self.rows)

    def __getitem__(self, pc):
        return self.rows[pc]

    # -- totals ------------------------------------------------------------------------------------

    @property
    def execution_time_s(self) -> float:
        """Seconds of a run, the mean of those without clocks."""
        return self.run.mean / 1e9

    @property
    def operations_per_second(self) -> float:
        """Scalar operations over the time of a run."""
        seconds = self.execution_time_s
        return self.scalar_operations / seconds if seconds else 0.0

    @property
    def run(self) -> Spread:
        """Nanoseconds of whole runs without clocks."""
        return Spread.of(self.run_ns)

    @property
    def outside_ns(self) -> float:
        """What a run with clocks spends outside of them: the call, and what precedes the loop."""
        return max(0.0, Spread.of(self.traced_ns).mean - self.instructions_ns)

    @property
    def tracing_ns(self) -> float:
        """What the clocks cost a run: the difference of the medians with and without them. Below 0
        where it is less than the noise."""
        if not self.run_ns or not self.traced_ns:
            return 0.0
        return float(np.median(self.traced_ns) - np.median(self.run_ns))

    # -- shown -------------------------------------------------------------------------------------

    def by_op(self) -> dict:
        """A `Group` for each operation, by falling total time."""
        from hvm_vm.tracing.groups import grouped

        return grouped(self, "op")

    def by_line(self) -> dict:
        """A `Group` for each line of the source (`"file:line"`), by falling total time."""
        from hvm_vm.tracing.groups import grouped

        return grouped(self, "line")

    def by_shape(self) -> dict:
        """A `Group` for each operation on operands of the same shapes, by falling total time."""
        from hvm_vm.tracing.groups import grouped

        return grouped(self, "shape")

    def __str__(self) -> str:
        from hvm_vm.tracing.report import plain

        return plain(self)

    def __repr__(self) -> str:
        from hvm_vm.tracing.report import headline

        return f"<Trace of {headline(self)}>"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        """The report, for IPython in a terminal."""
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from hvm_vm.tracing.notebook import html

        return html(self)

    def to_dict(self) -> dict:
        """`{"instructions": [...], "summary": {...}}`: the objects of `json_lines`, JSON-ready."""
        from hvm_vm.tracing.jsonlines import objects

        *rows, summary = objects(self)
        return {"instructions": rows, "summary": summary}

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
