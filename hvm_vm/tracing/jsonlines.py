"""The trace for programs: JSON lines, one object an instruction in order, then one summary.

Every object has `kind` (`"instruction"` or `"summary"`) and `version`, the version of these
fields. An instruction has `pc`, `op`, `source` (`"file:line"`), `relation`, `text`, `shapes` (of
its operands, results first), `flops`, `bytes`, and in nanoseconds `time_ns` (the mean over
repeats), `min_ns`, `max_ns`, `stddev_ns`; a solve also `iterations` (evaluations of its relations)
and `residual` (the largest, relative). Fields may be added under the same version; none changes its
meaning.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from hvm_vm.tracing.record import Spread, Trace

VERSION = 1


def json_lines(trace: Trace) -> str:
    """The lines, each ended."""
    return "".join(f"{json.dumps(o, ensure_ascii=False)}\n" for o in objects(trace))


def objects(trace: Trace) -> list[dict]:
    """The objects, in order."""
    found = []
    for row in trace.rows:
        spread = row.time
        found.append({
            "kind": "instruction",
            "version": VERSION,
            "pc": row.pc,
            "op": row.op,
            "source": row.source,
            "time_ns": spread.mean,
            "min_ns": spread.min,
            "max_ns": spread.max,
            "stddev_ns": spread.stddev,
            "flops": row.flops,
            "bytes": row.bytes,
            "shapes": [list(shape) for shape in row.shapes],
            "text": row.disassembly,
            "relation": row.relation,
            **({} if row.iterations is None
               else {"iterations": row.iterations, "residual": row.residual}),
        })  # fmt: skip
    return [*found, summary(trace)]


def summary(trace: Trace) -> dict:
    return {
        "kind": "summary",
        "version": VERSION,
        "file": trace.file,
        "engine": trace.engine,
        "threads": trace.threads,
        "sizes": trace.sizes,
        "instructions_executed": trace.instructions_executed,
        "repeat": trace.repeat,
        "warmup": trace.warmup,
        "time_ns": {k: v for k, v in asdict(trace.run).items()},
        "traced_time_ns": {k: v for k, v in asdict(Spread.of(trace.traced_ns)).items()},
        "flops": trace.flops,
        "bytes": trace.bytes,
        "stages_ns": {stage.name: stage.ns for stage in trace.stages},
    }
