"""The trace as Chrome's Trace Event Format, which chrome://tracing and ui.perfetto.dev open.

Complete events ("ph": "X") with `ts` and `dur` in microseconds: one for every execution of every
instruction in the first run and in each measured one, when it really ran; one for each run, and one
for each stage before them. What came before the recording has only durations: it is laid end to end
before it. Events beyond the limit of the recorder are counted in `otherData`. Source: "Trace Event
Format", Google, 2016.
"""

from __future__ import annotations

from hvm_vm.tracing.trace import FIRST, Trace, TraceRow

_STAGES, _RUNS, _CODE = 1, 2, 3  # the tracks


def chrome(trace: Trace) -> dict:
    """A JSON-ready object."""
    events: list[dict] = [
        _name("process_name", f"hvm {trace.file}", 0),
        _name("thread_name", "stages", _STAGES),
        _name("thread_name", "runs", _RUNS),
        _name("thread_name", f"instructions ({trace.engine})", _CODE),
    ]
    now = 0
    for stage in trace.stages:
        if stage.name != FIRST:
            events.append(_event(stage.name, "stage", now, stage.ns, _STAGES, {}))
            now += stage.ns
    for run in trace.runs:
        name = run.kind if run.kind == FIRST else f"{run.kind} {run.number}"
        events.append(_event(name, "run", now + run.start_ns, run.ns, _RUNS, {"runs": run.batch}))
    groups = [_details([trace.rows[pc] for pc in group]) for group in trace.groups]
    if trace.events is not None:
        for number, group, start, ns in trace.events.T.tolist():
            name, details = groups[group]
            run = trace.runs[number]
            events.append(_event(name, "instruction", now + start, ns, _CODE,
                                 {**details, "run": run.kind, "number": run.number}))  # fmt: skip
    return {
        "traceEvents": events,
        "displayTimeUnit": "ns",
        "otherData": {
            "file": trace.file,
            "engine": trace.engine,
            "threads": str(trace.threads),
            "events_dropped": str(trace.dropped),
            **({"error": trace.failure} if trace.failure else {}),
        },
    }


def _details(rows: list[TraceRow]) -> tuple[str, dict]:
    """The name and the arguments of the events of one instruction, or of several fused ones."""
    details = [
        {
            "pc": row.pc,
            "source": row.source,
            "relation": row.relation,
            "text": row.brief or row.disassembly,
            "shapes": [list(shape) for shape in row.shapes],
            "flops": row.flops // max(1, row.count),
            "bytes": row.bytes // max(1, row.count),
        }
        for row in rows
    ]
    name = "+".join(row.op for row in rows)
    return name, details[0] if len(rows) == 1 else {"fused": details}


def _event(name: str, kind: str, start: int, ns: int, track: int, details: dict) -> dict:
    return {
        "name": name, "cat": kind, "ph": "X", "ts": start / 1e3, "dur": ns / 1e3,
        "pid": 1, "tid": track, "args": details,
    }  # fmt: skip


def _name(kind: str, name: str, track: int) -> dict:
    return {"name": kind, "ph": "M", "ts": 0, "pid": 1, "tid": track, "args": {"name": name}}
