"""The trace for programs: JSON lines, one object an instruction in order, then one summary.

`trace.schema.json`, beside this file, says what is in them; `docs/trace.md` explains it. Every
object has `kind` and `version`, the version of these fields: they may be added to under the same
version, but none changes its meaning.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict

from hvm_vm.tracing.trace import Spread, Trace, TraceRow

VERSION = 1


def json_lines(trace: Trace) -> str:
    """The lines, each ended."""
    return "".join(
        f"{json.dumps(o, ensure_ascii=False, allow_nan=False)}\n" for o in objects(trace))


def objects(trace: Trace) -> list[dict]:
    """The objects, in order."""
    return [*(instruction(row) for row in trace.rows), summary(trace)]


def instruction(row: TraceRow) -> dict:
    """Of one instruction. What does not apply to it is left out."""
    each = row.execution
    found = {
        "kind": "instruction",
        "version": VERSION,
        "pc": row.pc,
        "op": row.op,
        "source": row.source,
        "count": row.count,
        "time_ns": row.mean_ns,
        "mean_ns": each.mean,
        "min_ns": each.min,
        "max_ns": each.max,
        "stddev_ns": each.stddev,
        "flops": row.flops,
        "bytes": row.bytes,
        "scalar_operations": row.scalar_operations,
        "shapes": [list(shape) for shape in row.shapes],
        "dtypes": list(row.dtypes),
        "text": row.disassembly,
        "relation": row.relation,
    }
    if row.roof is not None:
        found["roofline"] = {"share": row.roof.share, "bound": row.roof.bound}
    if row.iterations is not None:
        found |= {"iterations": row.iterations, "residual": _number(row.residual)}
    if row.timed_with:
        found |= {"timed_with": list(row.timed_with), "attribution": "estimated"}
    if row.failed:
        found["failed"] = True
    return found


def summary(trace: Trace) -> dict:
    """Of the whole trace."""
    found = {
        "kind": "summary",
        "version": VERSION,
        "file": trace.file,
        "engine": trace.engine,
        "threads": trace.threads,
        "sizes": trace.sizes,
        "instructions_executed": trace.instructions_executed,
        "execution_time_s": trace.execution_time_s if trace.run_ns else None,
        "scalar_operations": trace.scalar_operations,
        "operations_per_second": trace.operations_per_second if trace.run_ns else None,
        "flops": trace.flops,
        "bytes": trace.bytes,
        "repeat": trace.repeat,
        "warmup": trace.warmup,
        "traced_time_ns": asdict(Spread.of(trace.traced_ns)),
        "outside_ns": trace.outside_ns,
        "stages_ns": {stage.name: stage.ns for stage in trace.stages},
        "events": 0 if trace.events is None else trace.events.shape[1],
        "events_dropped": trace.dropped,
    }
    if trace.run_ns:
        found |= {"time_ns": asdict(trace.run), "tracing_ns": trace.tracing_ns}
    if trace.dispatch_ns is not None:
        found |= {"dispatch_ns": trace.dispatch_ns, "clock_ns": trace.clock_ns}
    if trace.machine is not None:
        machine = trace.machine
        found["machine"] = {
            "gflops": machine.gflops,
            "bandwidth": [{"bytes": size, "gb_per_s": rate} for size, rate in machine.bandwidth],
            "threads": machine.threads,
        }
    if trace.failure:
        found["error"] = trace.failure
    return found


def _number(value: float):
    """NaN and infinities as JSON has no numbers for them."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
