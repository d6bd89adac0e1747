"""The trace as Chrome's Trace Event Format, which chrome://tracing and ui.perfetto.dev open.

Complete events ("ph": "X") with `ts` and `dur` in microseconds. The clock measures durations, so
the instructions of one mean run are laid end to end after the stages that came before it. Source:
"Trace Event Format", Google, 2016.
"""

from __future__ import annotations

from hvm_vm.tracing.record import Trace

_STAGES, _CODE = 1, 2  # the two tracks


def chrome(trace: Trace) -> dict:
    """A JSON-ready object."""
    events: list[dict] = [
        _name("process_name", f"hvm {trace.file}", 0),
        _name("thread_name", "stages", _STAGES),
        _name("thread_name", f"instructions ({trace.engine})", _CODE),
    ]
    now = 0.0
    for stage in trace.stages:
        events.append(_event(stage.name, now, stage.ns, _STAGES, {}))
        now += stage.ns
    for row in trace.rows:
        details = {
            "pc": row.pc,
            "source": row.source,
            "relation": row.relation,
            "text": row.disassembly,
            "shapes": [list(shape) for shape in row.shapes],
            "flops": row.flops,
            "bytes": row.bytes,
        }
        events.append(_event(row.op, now, row.mean_ns, _CODE, details))
        now += row.mean_ns
    return {"traceEvents": events, "displayTimeUnit": "ns"}


def _event(name: str, start_ns: float, ns: float, track: int, details: dict) -> dict:
    return {
        "name": name, "cat": "hvm", "ph": "X", "ts": start_ns / 1e3, "dur": ns / 1e3,
        "pid": 1, "tid": track, "args": details,
    }  # fmt: skip


def _name(kind: str, name: str, track: int) -> dict:
    return {"name": kind, "ph": "M", "pid": 1, "tid": track, "args": {"name": name}}
