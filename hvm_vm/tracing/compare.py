"""The engines side by side on one program and one set of inputs.

For each: what loading it costs, what preparing the program costs (for the jit: compiling or loading
kernels), the first run, and the steady state after a warm-up. Short runs are timed in batches, so
that the clock is not what is measured. Results are compared with those of the first engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

BATCH_NS = 200_000  # a batch of runs lasts at least this long


@dataclass(frozen=True, slots=True)
class EngineTimes:
    """Nanoseconds. `runs_ns` has one entry a repeat: the mean of its batch."""

    engine: str
    load_ns: int
    compile_ns: int
    first_ns: int
    runs_ns: tuple[float, ...]
    batch: int
    difference: float  # the largest absolute difference of a result from the first engine's
    relative: float  # that difference over the largest magnitude of its result

    @property
    def median_ns(self) -> float:
        return float(np.median(self.runs_ns))

    @property
    def spread(self) -> tuple[float, float]:
        """The fastest and the slowest repeat."""
        return min(self.runs_ns), max(self.runs_ns)

    def to_json(self) -> dict:
        low, high = self.spread
        return {
            **{k: v for k, v in asdict(self).items() if k != "runs_ns"},
            "median_ns": self.median_ns,
            "min_ns": low,
            "max_ns": high,
            "runs_ns": list(self.runs_ns),
        }


def compare(
    program,
    values: Mapping[str, object],
    engines: Sequence[str],
    *,
    data=(),
    threads: int | None = None,
    repeat: int = 20,
    warmup: int = 3,
    loads: Mapping[str, int] | None = None,
) -> Iterator[EngineTimes]:
    """Measure `program` in each engine, one after the other. Errors of a run pass through.

    `loads`: what loading an engine took, in nanoseconds, where the caller did it already."""
    clock = time.perf_counter_ns
    reference: dict[str, np.ndarray] | None = None
    for name in engines:
        load_ns = (loads or {}).get(name)
        if load_ns is None:
            load_ns = load(name)
        prepared = program.prepare(values, engine=name, threads=threads, data=data)
        # Reading and binding are the same for every engine: `prepare` is the engine's own part.
        compile_ns = dict(prepared.stages).get("prepare engine", 0)
        frame = prepared.frame()
        run = prepared.runnable.run
        begun = clock()
        run(frame)
        first = clock() - begun
        outputs = {n: np.asarray(v) for n, v in prepared.outputs(frame).items()}
        if reference is None:
            reference = outputs
        difference, relative = largest_difference(reference, outputs)
        for _ in range(warmup):
            run(frame)
        batch = _batch(run, frame)
        yield EngineTimes(
            prepared.engine, load_ns, compile_ns, first,
            _repeats(run, frame, repeat, batch), batch, difference, relative,
        )  # fmt: skip


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


def _repeats(run, frame, repeat: int, batch: int) -> tuple[float, ...]:
    times = []
    for _ in range(repeat):
        start = time.perf_counter_ns()
        for _ in range(batch):
            run(frame)
        times.append((time.perf_counter_ns() - start) / batch)
    return tuple(times)


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
