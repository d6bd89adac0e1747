"""What this machine can do at best, for the roofline: measured once, in half a second, and kept.

The arithmetic roof is what a matrix product of NumPy's BLAS reaches (512 by 512), for each
precision. The memory roofs are the larger of what reading and copying reach, for data that
fills the main memory and for data that stays in a cache, as most instructions' data does. Each is
the best of several tries, on as many threads as the run may use. Source: Williams, Waterman and
Patterson, "Roofline: an insightful visual performance model", CACM 2009.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

VERSION = 1
PRODUCT = 512  # rows and columns of the matrix product
WORKING_SETS = (1 << 15, 1 << 18, 1 << 21, 1 << 27)  # bytes; the last is the main memory
TRIES = 8


@dataclass(frozen=True, slots=True)
class Roof:
    """How near an instruction came to the least time that the machine would need for it: `share`,
    1 at best. `bound` says which roof that time is of: "flops", "cache" or "memory"."""

    share: float
    bound: str


@dataclass(frozen=True)
class Machine:
    """Rates in GFLOP/s by precision ("f32", "f64"), and in GB/s by the bytes of the data."""

    processor: str
    threads: int
    gflops: dict[str, float]
    bandwidth: tuple[tuple[int, float], ...]

    def roof(self, precision: str, flops: int, traffic: int, ns: float) -> Roof | None:
        """Of one execution that took `ns`; None when it does and moves nothing."""
        if ns <= 0 or not (flops or traffic):
            return None
        compute = flops / self.gflops[precision] if precision in self.gflops else 0.0
        name, rate = "memory", self.bandwidth[-1][1]
        for limit, found in self.bandwidth[:-1]:
            if traffic <= limit:
                name, rate = "cache", found
                break
        move = traffic / rate
        return Roof(compute / ns, "flops") if compute >= move else Roof(move / ns, name)

    def __str__(self) -> str:
        caches = self.bandwidth[:-1]
        rates = ", ".join(f"{rate:.0f} GFLOP/s in {name}" for name, rate in self.gflops.items())
        sizes = ", ".join(f"{rate:.0f} GB/s {_within(limit)}" for limit, rate in caches)
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{rates}; {sizes}, {self.bandwidth[-1][1]:.0f} GB/s from memory ({threads})"


def _within(limit: int) -> str:
    return f"up to {limit >> 20} MiB" if limit >= 1 << 20 else f"up to {limit >> 10} KiB"


@cache
def machine(threads: int) -> Machine:
    """This machine, on so many threads: what was measured before, or measured now."""
    file = _file(threads)
    found = _read(file, threads)
    if found is None:
        found = measure(threads)
        _write(file, found)
    return found


def measure(threads: int) -> Machine:
    """The rates, measured now."""
    return Machine(_processor(), threads, _products(threads), tuple(
        (size, _moved(size, threads)) for size in WORKING_SETS))


def _products(threads: int) -> dict[str, float]:
    rates = {}
    with _blas_threads(threads):
        for name, dtype in (("f32", np.float32), ("f64", np.float64)):
            a = np.ones((PRODUCT, PRODUCT), dtype)
            out = np.empty_like(a)
            rates[name] = 2 * PRODUCT**3 / _best(lambda a=a, out=out: np.matmul(a, a, out))
    return rates


def _moved(size: int, threads: int) -> float:
    """GB/s over `size` bytes in a cache of each thread, or of all together in main memory."""
    if size != WORKING_SETS[-1]:  # cores do not share it: one is measured
        count = size // 8
        again = (1 << 22) // size  # passes in one call, so that calls do not count
        data, half, out = np.ones(count), np.ones(count // 2), np.empty(again)
        rows = np.broadcast_to(data, (again, count))
        read = _best(lambda: rows.max(axis=1, out=out))
        copied = _best(lambda: [np.copyto(half, data[: count // 2]) for _ in range(again)])
        return threads * size * again / min(read, copied)
    count = size // 8 // threads
    parts = [(np.ones(count), np.ones(count // 2)) for _ in range(threads)]
    with _blas_threads(1):
        jobs = [lambda a=a: a.dot(a) for a, _ in parts]
        read = _best(lambda: _together(jobs))
    copies = [lambda a=a, b=b: np.copyto(b, a[: count // 2]) for a, b in parts]
    return size / min(read, _best(lambda: _together(copies)))


def _together(jobs) -> None:
    """NumPy lets go of the interpreter's lock while it works."""
    if len(jobs) == 1:
        jobs[0]()
        return
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _best(function) -> float:
    """Nanoseconds of the fastest try."""
    best = float("inf")
    for _ in range(TRIES):
        start = time.perf_counter_ns()
        function()
        best = min(best, time.perf_counter_ns() - start)
    return max(1.0, best)


@contextlib.contextmanager
def _blas_threads(threads: int):
    """NumPy's BLAS on so many threads, where it can be told."""
    import ctypes

    from hvm_vm.engines.jit.blas import blas

    library = blas()
    if not library.set_threads:
        yield
        return
    get = ctypes.CFUNCTYPE(ctypes.c_int)(library.get_threads)
    put = ctypes.CFUNCTYPE(None, ctypes.c_int)(library.set_threads)
    before = get()
    put(threads)
    try:
        yield
    finally:
        put(before)


# -- kept on the disk ------------------------------------------------------------------------------


def _file(threads: int) -> Path:
    from hvm_vm.engines.jit.cache import root

    return root() / f"machine-{threads}.json"


def _processor() -> str:
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        name = next((line.split(":", 1)[1].strip() for line in file
                     if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} processors, NumPy {np.__version__}"


def _read(file: Path, threads: int) -> Machine | None:
    """What is kept of this machine; None when there is nothing, or it is of another machine."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        found = Machine(held["processor"], held["threads"], dict(held["gflops"]),
                        tuple((int(s), float(r)) for s, r in held["bandwidth"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    rates = [*found.gflops.values(), *(r for _, r in found.bandwidth)]
    whole = set(found.gflops) == {"f32", "f64"} and len(found.bandwidth) == len(WORKING_SETS)
    if held.get("version") != VERSION or not whole or not all(r > 0 for r in rates):
        return None
    return found if (found.processor, found.threads) == (_processor(), threads) else None


def _write(file: Path, found: Machine) -> None:
    """Keep it if that is possible; processes that do so at once do not meet."""
    partial = file.with_suffix(f".{os.getpid()}.part")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps({"version": VERSION, **asdict(found)}), encoding="utf-8")
        os.replace(partial, file)
