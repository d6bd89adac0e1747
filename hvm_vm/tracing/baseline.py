"""A benchmark kept for later, and the verdict on a new one against it.

The verdict knows two kinds of noise. Within a run it is what the repeats show: Mann and Whitney's
test (Ann. Math. Stat. 18, 1947) asks whether the two sets of repeats differ at all, and a bootstrap
of the ratio of the medians (Efron, Ann. Stat. 7, 1979) how far. From one process to the next,
the same code differs by some percent more: by where its memory and code lie (`BETWEEN`), and by
what else the machine does, which a fixed piece of work beside the repeats tells
(`compare.control`). A difference below the sum of both is never called one.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hvm_vm.errors import InputError
from hvm_vm.tracing.compare import EngineTimes

KIND, VERSION = "hvm bench", 1
BETWEEN = 0.08  # relative difference that two processes with the same code may show
LEAST = 5  # repeats on each side, for a verdict
CHANCE = 0.01  # of a difference that is none, for one setting
RESAMPLES, SEED = 2000, 1979


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word`: "faster", "slower", "no difference", "too few repeats" or "not in the baseline".
    `change` is relative, of the time (-0.12: 12 % less), known to `error` (half of a 95 %
    interval) within the two runs; `margin` is what two processes with the same code may differ by
    beyond that."""

    word: str
    change: float = 0.0
    error: float = 0.0
    margin: float = 0.0

    def __str__(self) -> str:
        amount = f"{100 * abs(self.change):.0f} % ± {100 * self.error:.0f} %"
        if self.word == "no difference":
            return f"no difference beyond noise ({100 * self.change:+.0f} % ± " \
                   f"{100 * self.error:.0f} %, of processes ± {100 * self.margin:.0f} %)"
        return f"{self.word} by {amount}" if self.word in ("faster", "slower") else self.word


def verdict(before: Sequence[float], after: Sequence[float],
            controls: tuple[Sequence[float], Sequence[float]] = ((), ())) -> Verdict:
    """Of repeats' times `before` and `after`, in one unit; `controls` are those of the fixed work
    beside them."""
    if min(len(before), len(after)) < LEAST:
        return Verdict("too few repeats")
    from scipy.stats import mannwhitneyu

    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    rng = np.random.default_rng(SEED)
    ratios = _medians(rng, new) / _medians(rng, old)
    low, high = np.quantile(ratios, (0.025, 0.975))
    change, error = float(np.median(new) / np.median(old)) - 1, float(high - low) / 2
    sure = mannwhitneyu(old, new).pvalue < CHANCE if np.ptp(np.r_[old, new]) else False
    margin = 1 + BETWEEN + drift(*controls)
    if sure and low > margin:
        return Verdict("slower", change, error, margin - 1)
    if sure and high < 1 / margin:
        return Verdict("faster", change, error, margin - 1)
    return Verdict("no difference", change, error, margin - 1)


def drift(before: Sequence[float], after: Sequence[float]) -> float:
    """By how much the machine itself was slower or faster: 0.1 is 10 %."""
    if not len(before) or not len(after):
        return 0.0
    ratio = float(np.median(after) / np.median(before))
    return max(ratio, 1 / ratio) - 1


def _medians(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    return np.median(rng.choice(values, (RESAMPLES, len(values))), axis=1)


def _times(values) -> list[float]:
    found = [float(t) for t in values]
    if not all(0 < t < float("inf") for t in found):
        raise ValueError("not a time")
    return found


def machine() -> dict[str, object]:
    """What a time depends on and a name tells: processor, how many this process may use, system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": cores, "system": platform.system(),
            "architecture": platform.machine()}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def fingerprint(data: bytes) -> str:
    """What tells one program file from another."""
    return hashlib.sha256(data).hexdigest()


def document(file: str, program: str, rows: Sequence[EngineTimes]) -> bytes:
    """A baseline: UTF-8 JSON. `program`: the fingerprint of its file."""
    return json.dumps({
        "kind": KIND, "version": VERSION, "file": file, "program": program, "machine": machine(),
        "runs": [{"engine": r.engine, "precision": r.precision, "threads": r.threads,
                  "sizes": r.sizes, "runs_ns": list(r.runs_ns),
                  "control_ns": list(r.control_ns)} for r in rows],
    }, ensure_ascii=False, indent=1).encode() + b"\n"  # fmt: skip


def read(path: str, program: str) -> dict[tuple, tuple[list[float], list[float]]]:
    """The repeats of a baseline's settings, and the controls beside them. Raises `InputError` when
    the file is no baseline, or one of another program or machine."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        found = None
    if not isinstance(found, Mapping) or found.get("kind") != KIND:
        raise InputError(f"{path}: this is no baseline; `hvm bench FILE --save {path}` writes one")
    if found.get("version") != VERSION:
        raise InputError(f"{path}: this baseline has version {found.get('version')}, and only "
                         f"{VERSION} can be read: save it again")
    if found.get("program") != program:
        raise InputError(f"{path}: this is a baseline of another program ({found.get('file')}, or "
                         "this file before it was changed): save it again")
    here, there = machine(), found.get("machine")
    if there != here:
        differ = [k for k in here if not isinstance(there, Mapping) or there.get(k) != here[k]]
        told = "; ".join(f"{k}: {there.get(k) if isinstance(there, Mapping) else '?'} there, "
                         f"{here[k]} here" for k in differ) or "it is described otherwise"
        raise InputError(f"{path}: this is a baseline of another machine ({told}): times of two "
                         "machines tell nothing about a program")
    try:
        return {(r["engine"], r["precision"], int(r["threads"]),
                 tuple(sorted((str(k), int(v)) for k, v in r["sizes"].items()))):
                (_times(r["runs_ns"]), _times(r["control_ns"])) for r in found["runs"]}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: this baseline is damaged: save it again") from None
