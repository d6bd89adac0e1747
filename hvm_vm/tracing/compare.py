"""Engines, precisions, thread counts and sizes side by side on one program and its inputs.

For each: what loading the engine costs, what preparing the program costs (for the jit: compiling or
loading kernels), the first run, and the steady state after a warm-up. Short runs are timed in
batches, so that the clock is not what is measured; the repeats of all that is compared take turns,
so that a slow minute of the machine is everybody's. Results are compared with those of the first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

BATCH_NS = 200_000  # a batch of runs lasts at least this long
_CONTROL = np.linspace(0.0, 1.0, 2000)
TOLERANCE = {"f64": 1e-9, "f32": 1e-4}  # of a result's magnitude: engines round differently


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run a program. `threads` None: all."""

    engine: str
    precision: str = "f64"
    threads: int | None = None
    sizes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class EngineTimes:
    """Nanoseconds. `runs_ns` has one entry a repeat: the mean of its batch."""

    engine: str
    load_ns: int
    compile_ns: int
    first_ns: int
    runs_ns: tuple[float, ...]
    batch: int
    difference: float  # the largest absolute difference of a result from the first one's
    relative: float  # that difference over the largest magnitude of its result
    precision: str = "f64"
    threads: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    instructions: tuple[Instruction, ...] = field(default=(), repr=False)
    control_ns: tuple[float, ...] = field(default=(), repr=False)  # `control` beside each repeat

    @property
    def median_ns(self) -> float:
        return float(np.median(self.runs_ns))

    @property
    def spread(self) -> tuple[float, float]:
        """The fastest and the slowest repeat."""
        return min(self.runs_ns), max(self.runs_ns)

    @property
    def key(self) -> tuple:
        """What tells it from the others."""
        return self.engine, self.precision, self.threads, tuple(sorted(self.sizes.items()))

    @property
    def agrees(self) -> bool:
        """Whether its results are those of the first one, but for rounding."""
        return self.relative <= TOLERANCE[self.precision]

    def to_json(self) -> dict:
        low, high = self.spread
        left_out = ("runs_ns", "instructions", "control_ns")
        return {
            **{k: v for k, v in asdict(self).items() if k not in left_out},
            "median_ns": self.median_ns,
            "min_ns": low,
            "max_ns": high,
            "runs_ns": list(self.runs_ns),
            "instructions": [asdict(one) for one in self.instructions],
        }


@dataclass(frozen=True, slots=True)
class Instruction:
    """What one instruction took: the median over the repeats of runs with clocks."""

    pc: int
    op: str
    source: str
    ns: float


@dataclass(frozen=True, slots=True)
class Gain:
    """An instruction in two settings. `ratio` above 1: the second is faster."""

    pc: int
    op: str
    source: str
    before_ns: float
    after_ns: float

    @property
    def ratio(self) -> float:
        return self.before_ns / self.after_ns if self.after_ns else float("inf")


def gains(before: EngineTimes, after: EngineTimes) -> list[Gain]:
    """Instruction by instruction, what matters most first; empty when the two run other code."""
    if [(i.pc, i.op) for i in before.instructions] != [(i.pc, i.op) for i in after.instructions]:
        return []
    found = [Gain(a.pc, a.op, a.source, a.ns, b.ns)
             for a, b in zip(before.instructions, after.instructions, strict=True)
             if a.ns or b.ns]
    return sorted(found, key=lambda gain: (-abs(gain.before_ns - gain.after_ns), gain.pc))


class _Runner:
    """A setting, prepared."""

    def __init__(self, program, values, setting: Setting, data, load_ns: int) -> None:
        self.setting, self.load_ns = setting, load_ns
        self.prepared = program.prepare(
            values, engine=setting.engine, threads=setting.threads, data=data)
        # Reading and binding are the same for every engine: `prepare` is the engine's own part.
        self.compile_ns = dict(self.prepared.stages).get("prepare engine", 0)
        self.frame = self.prepared.frame()
        self.run = self.prepared.runnable.run
        start = time.perf_counter_ns()
        self.run(self.frame)
        self.first_ns = time.perf_counter_ns() - start
        self.outputs = {n: np.asarray(v) for n, v in self.prepared.outputs(self.frame).items()}
        self.times: list[float] = []
        self.batch = 1

    def warm(self, warmup: int) -> None:
        for _ in range(warmup):
            self.run(self.frame)
        self.batch = _batch(self.run, self.frame)

    def once(self) -> None:
        run, frame = self.run, self.frame
        start = time.perf_counter_ns()
        for _ in range(self.batch):
            run(frame)
        self.times.append((time.perf_counter_ns() - start) / self.batch)

    def instructions(self, repeat: int) -> tuple[Instruction, ...]:
        bound = self.prepared.bound
        module = bound.program.module
        samples = np.zeros((repeat, len(bound.code)), np.int64)
        for sample in samples:
            self.prepared.runnable.run_traced(self.frame, sample)
        found = []
        for one, word, ns in zip(bound.code, module.code, np.median(samples, axis=0), strict=True):
            place = ""
            if word.source >= 0:
                place = f"{module.file}:{module.sources[word.source].line}"
            found.append(Instruction(one.pc, one.op, place, float(ns)))
        return tuple(found)


def compare(
    programs: Mapping[str, object],
    values: Mapping[str, object],
    settings: Sequence[Setting],
    *,
    data=(),
    repeat: int = 20,
    warmup: int = 3,
    loads: Mapping[str, int] | None = None,
) -> list[EngineTimes]:
    """Measure each setting, all with the same `values`; results are compared with the first's.

    `programs`: the program for each precision. `loads`: what loading an engine took, in
    nanoseconds, where the caller did it already. Errors of a run pass through."""
    runners = []
    for setting in settings:
        load_ns = (loads or {}).get(setting.engine)
        if load_ns is None:
            load_ns = load(setting.engine)
        runners.append(_Runner(programs[setting.precision], values, setting, data, load_ns))
    for runner in runners:
        runner.warm(warmup)
    controls = []
    for _ in range(repeat):
        for runner in runners:
            runner.once()
        controls.append(control())
    reference = runners[0].outputs
    found = []
    for runner in runners:
        difference, relative = largest_difference(reference, runner.outputs)
        prepared, setting = runner.prepared, runner.setting
        found.append(EngineTimes(
            prepared.engine, runner.load_ns, runner.compile_ns, runner.first_ns,
            tuple(runner.times), runner.batch, difference, relative, setting.precision,
            prepared.threads, dict(setting.sizes), runner.instructions(repeat),
            tuple(controls),
        ))  # fmt: skip
    return found


def control() -> float:
    """Nanoseconds of work that HVM has no part in (some 200 µs): how fast the machine is now."""
    start = time.perf_counter_ns()
    a = _CONTROL
    for _ in range(20):
        a = np.sqrt(a * a + 1.0) - a
        sum(range(200))
    return float(time.perf_counter_ns() - start)


def settings(engines: Iterable[str], precisions: Iterable[str], threads: Iterable[int | None],
             sizes: tuple[tuple[str, int], ...] = ()) -> list[Setting]:
    """Every combination. The reference engine has one thread of its own: it is measured once for
    each precision, not again for every number of threads."""
    found: dict[Setting, None] = {}
    threads = list(threads)
    for precision in precisions:
        for engine in engines:
            for count in threads[:1] if engine == "reference" else threads:
                found[Setting(engine, precision, count, sizes)] = None
    return list(found)


def load(engine: str) -> int:
    """Import an engine; the nanoseconds that it took."""
    from hvm_vm import engines

    start = time.perf_counter_ns()
    engines.get(engine)
    return time.perf_counter_ns() - start


def _batch(run, frame) -> int:
    """How many runs fill `BATCH_NS`."""
    start = time.perf_counter_ns()
    run(frame)
    once = max(1, time.perf_counter_ns() - start)
    return max(1, min(100_000, BATCH_NS // once))


def largest_difference(
    expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
) -> tuple[float, float]:
    """The largest absolute difference over all results, and the largest relative to the magnitude
    of its result. Equal NaN and infinities do not differ; NaN against a number differs by inf."""
    absolute = relative = 0.0
    for name, one in expected.items():
        other = actual[name]
        if one.dtype.kind != "f":
            gap = float(np.count_nonzero(one != other))
            absolute, relative = max(absolute, gap), max(relative, gap)
            continue
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        if same.all():
            continue
        left, right = one[~same].astype(np.float64), other[~same].astype(np.float64)
        with np.errstate(invalid="ignore"):
            gaps = np.abs(left - right)
        gap = float("inf") if not np.isfinite(gaps).all() else float(gaps.max())
        finite = np.abs(one[np.isfinite(one)])
        scale = float(finite.max()) if finite.size else 1.0
        absolute = max(absolute, gap)
        relative = max(relative, gap / scale if scale else gap)
    return absolute, relative
