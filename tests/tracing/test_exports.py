"""JSON lines by their schema and their documentation, the Chrome trace by its published format."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm import tracing
from hvm_vm.errors import RunError
from hvm_vm.tracing.record import record
from tests.tracing.fakes import Fused, Looped, Runnable, bound, frame

SCHEMA = json.loads((Path(tracing.__file__).parent / "trace.schema.json").read_text("utf-8"))
DOCUMENT = (Path(__file__).parents[2] / "docs" / "trace.md").read_text("utf-8")

SOLVING = "x^2 = 2 + y\ny = 3\nguess x = 1\nindex i : 4\na[i] = x*i\nfind a[i]\n"
FAILING = "index n : 3\ngiven x[n]\ny = sum[n](x[n])\ncheck y < 10\nz = sqrt(y)\nfind z\n"


def traces():
    """Traces that have every field between them."""
    program = hvm.compile(SOLVING)
    yield program.trace(engine="reference", repeat=2)
    yield program.trace(engine="jit", threads=1, repeat=2)
    yield record(bound(), Fused(), frame(), engine="fake", repeat=2)
    yield record(bound(), Looped(), frame(), engine="fake", repeat=2)
    for engine in ("reference", "jit"):
        with pytest.raises(RunError) as caught:
            hvm.compile(FAILING).trace(x=np.full(3, 30.0), engine=engine)
        yield caught.value.trace


@pytest.fixture(scope="module")
def recorded():
    return list(traces())


def objects(trace) -> list[dict]:
    return [json.loads(line) for line in trace.json_lines().splitlines()]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_object_is_as_the_schema_says(recorded):
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for trace in recorded:
        for found in objects(trace):
            validator.validate(found)


def test_the_schema_refuses_what_is_not_in_it(recorded):
    validator = jsonschema.Draft202012Validator(SCHEMA)
    found = objects(recorded[0])[0]
    assert not validator.is_valid({**found, "surprise": 1})
    assert not validator.is_valid({k: v for k, v in found.items() if k != "time_ns"})


@pytest.mark.parametrize("kind", ["instruction", "summary"])
def test_documented_fields_are_those_of_the_schema_and_all_occur(recorded, kind):
    heading = {"instruction": "Of an instruction:", "summary": "Of the summary:"}[kind]
    table = DOCUMENT.split(heading)[1].split("\n\n")[1]
    documented = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M))
    fields = SCHEMA["$defs"][kind]["properties"]
    assert documented == {name: field["description"] for name, field in fields.items()}
    seen = {key for t in recorded for o in objects(t) if o["kind"] == kind for key in o}
    assert seen == set(documented)


def test_infinite_residuals_are_written_as_text():
    from hvm_vm.tracing.jsonlines import _number

    assert [_number(x) for x in (0.5, math.nan, math.inf, -math.inf)] == [0.5, "nan", "inf", "-inf"]


# -- Chrome ----------------------------------------------------------------------------------------


def test_chrome_events_are_as_the_format_is_published(recorded):
    """Trace Event Format: name, cat, ph, ts, pid, tid, args; X has dur; M are metadata."""
    for trace in recorded:
        chrome = json.loads(json.dumps(trace.chrome(), allow_nan=False))
        assert set(chrome) == {"traceEvents", "displayTimeUnit", "otherData"}
        assert chrome["displayTimeUnit"] in ("ms", "ns")
        assert all(isinstance(v, (str, int)) for v in chrome["otherData"].values())
        named = {}
        for event in chrome["traceEvents"]:
            assert isinstance(event["name"], str) and isinstance(event["args"], dict)
            assert isinstance(event["pid"], int) and isinstance(event["tid"], int)
            if event["ph"] == "M":
                assert event["name"] in ("process_name", "thread_name")
                named[event["tid"]] = event["args"]["name"]
                continue
            assert event["ph"] == "X" and isinstance(event["cat"], str)
            assert event["ts"] >= 0 and event["dur"] >= 0
            assert event["tid"] in named


def test_events_of_a_track_nest(recorded):
    """Viewers draw X events of one track by nesting: none may overlap another in part."""
    for trace in recorded:
        chrome = trace.chrome()["traceEvents"]
        for track in (1, 2, 3):
            spans = [(e["ts"], e["ts"] + e["dur"]) for e in chrome
                     if e["ph"] == "X" and e["tid"] == track]
            assert spans == sorted(spans)
            if trace.engine != "fake":  # whose clock is made up
                for (_, end), (start, _) in itertools.pairwise(spans):
                    assert start >= end - 0.001


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_there_is_an_event_for_every_instruction_of_every_repeat(engine):
    program = hvm.compile(SOLVING)
    trace = program.trace(engine=engine, threads=1, repeat=3, warmup=2)
    ran = [e for e in trace.chrome()["traceEvents"] if e.get("cat") == "instruction"]
    pcs = list(range(len(trace)))
    assert [e["args"]["pc"] for e in ran] == pcs * 4
    assert [(e["args"]["run"], e["args"]["number"]) for e in ran[:: len(pcs)]] == [
        ("first run", 1), ("run", 1), ("run", 2), ("run", 3)]  # fmt: skip
    for event, row in zip(ran, list(trace) * 4, strict=True):
        assert event["name"] == row.op and event["args"]["source"] == row.source
        assert event["args"]["shapes"] == [list(shape) for shape in row.shapes]
    # The means are those of the measured events.
    for pc in pcs:
        spent = [e["dur"] for e in ran[len(pcs):] if e["args"]["pc"] == pc]
        assert np.mean(spent) * 1e3 == pytest.approx(trace[pc].mean_ns)
    assert trace.dropped == 0


def test_events_beyond_the_limit_are_counted_and_summed():
    whole = record(bound(), Looped(), frame(), engine="fake", repeat=2)
    cut = record(bound(), Looped(), frame(), engine="fake", repeat=2, events=7)
    assert cut.events.shape[1] == 7
    assert cut.dropped == whole.events.shape[1] - 7 > 0
    assert [r.times_ns for r in cut] == [r.times_ns for r in whole]
    assert cut.to_dict()["summary"]["events_dropped"] == cut.dropped
    assert cut.chrome()["otherData"]["events_dropped"] == str(cut.dropped)


def test_an_engine_that_only_adds_up_times_is_laid_end_to_end():
    trace = record(bound(), Runnable(), frame(), engine="fake", repeat=1)
    _, groups, starts, durations = trace.events[:, -3:]
    assert list(groups) == [0, 1, 2]
    assert list(starts[1:]) == list((starts + durations)[:-1])


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_instructions_lie_within_their_runs(engine):
    trace = hvm.compile(SOLVING).trace(engine=engine, threads=1, repeat=3)
    events = [e for e in trace.chrome()["traceEvents"] if e["ph"] == "X"]
    runs = {(e["name"]): e for e in events if e["cat"] == "run"}
    for event in events:
        if event["cat"] == "instruction":
            kind, number = event["args"]["run"], event["args"]["number"]
            run = runs[kind if kind == "first run" else f"{kind} {number}"]
            # The cycle counter's rate is known to a few parts in a thousand.
            slack = 1 + 0.01 * run["dur"]
            assert run["ts"] - slack <= event["ts"]
            assert event["ts"] + event["dur"] <= run["ts"] + run["dur"] + slack
