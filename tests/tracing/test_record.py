"""Recorded runs and what is written of them."""

from __future__ import annotations

import io
import itertools
import json

import pytest

from hvm_vm.tracing.record import Spread, record
from hvm_vm.tracing.report import lay_out, operation_sheet, show, stage_sheet
from hvm_vm.tracing.units import duration, percent, quantity, rate
from tests.tracing.fakes import Runnable, bound, frame


@pytest.fixture
def trace():
    return record(
        bound(), Runnable(), frame(), engine="fake", repeat=3, warmup=2, stages=[("load", 1500)]
    )


def test_warm_up_is_kept_apart():
    runnable = Runnable()
    trace = record(bound(), runnable, frame(), engine="fake", repeat=3, warmup=2)
    # The clock of instruction 0 said 1000 in the first run, 2000 and 3000 in the warm-up runs.
    assert trace.rows[0].times_ns == (4000, 5000, 6000)
    assert runnable.traced == 6
    assert trace.instructions_executed == 3
    assert len(trace.run_ns) == len(trace.traced_ns) == 3


def test_rows_say_where_they_come_from(trace):
    assert [row.op for row in trace.rows] == ["map", "sum", "halt"]
    assert [row.source for row in trace.rows] == ["small.hmp:3", "small.hmp:4", ""]
    assert trace.rows[1].relation == "s = sum[n](y[n])"
    assert trace.rows[0].shapes == ((4,), (4,))
    assert (trace.flops, trace.bytes) == (16, 104)


def test_spread():
    assert Spread.of([1, 2, 3]) == Spread(1, 2, 3, pytest.approx(0.8164965809))
    assert Spread.of([]) == Spread(0, 0, 0, 0)


def test_json_lines_are_one_object_each(trace):
    objects = [json.loads(line) for line in trace.json_lines().splitlines()]
    assert [o["kind"] for o in objects] == ["instruction"] * 3 + ["summary"]
    assert {o["version"] for o in objects} == {1}
    first = objects[0]
    assert first["pc"] == 0 and first["op"] == "map" and first["source"] == "small.hmp:3"
    assert first["time_ns"] == 5000 and first["min_ns"] == 4000 and first["max_ns"] == 6000
    assert first["flops"] == 12 and first["bytes"] == 64 and first["shapes"] == [[4], [4]]
    summary = objects[-1]
    assert summary["instructions_executed"] == 3 and summary["repeat"] == 3
    assert set(summary["stages_ns"]) == {"load", "first run"}


def test_chrome_has_every_execution_of_the_first_run_and_of_each_repeat(trace):
    events = [e for e in trace.chrome()["traceEvents"] if e["ph"] == "X"]
    assert [e["name"] for e in events if e["cat"] == "stage"] == ["load"]
    assert [e["name"] for e in events if e["cat"] == "run"] == [
        "first run", "warm-up 1", "warm-up 2", "run without clocks 1", "run 1",
        "run without clocks 2", "run 2", "run without clocks 3", "run 3",
    ]  # fmt: skip
    ran = [e for e in events if e["cat"] == "instruction"]
    assert [e["name"] for e in ran] == ["map", "sum", "halt"] * 4
    assert [e["args"]["number"] for e in ran] == [1] * 6 + [2] * 3 + [3] * 3
    for before, after in itertools.pairwise(ran):
        assert after["ts"] >= before["ts"]
    assert ran[0]["ts"] >= 1.5 and ran[0]["dur"] == 1.0  # after the load
    assert json.dumps(trace.chrome())


def test_the_report_shows_every_instruction_uncut(trace):
    text = str(trace)
    for row in trace.rows:
        assert row.disassembly in text
    assert "small.hmp:3" in text and "instructions_executed  3" in text and "N = 4" in text
    assert operation_sheet(trace).rows[0][:2] == ("1", "7.00 µs")
    assert operation_sheet(trace).rows[0][-1] == "halt"
    assert [row[0] for row in stage_sheet(trace).rows] == ["load", "first run", "steady run"]


def test_the_report_on_a_narrow_terminal_cuts_nothing(trace):
    from rich.console import Console

    file = io.StringIO()
    show(trace, Console(file=file, width=72, force_terminal=True, no_color=True, highlight=False))
    shown = "".join(file.getvalue().split())
    assert "…" not in file.getvalue()
    for word in ("map", "sum", "halt", "small.hmp:4", "GFLOP/s"):
        assert word in shown


def test_columns_are_aligned_and_names_come_last(trace):
    head, *lines = lay_out(operation_sheet(trace))
    at = head.index("operation")
    assert [line[at:] for line in lines] == ["halt", "sum", "map"]


def test_units():
    assert duration(0) == "0 ns" and duration(999) == "999 ns"
    assert duration(12_400) == "12.4 µs" and duration(3_210_000) == "3.21 ms"
    assert duration(1.5e9) == "1.50 s"
    assert rate(0, 10) == "-" and rate(20, 10) == "2.00"
    assert percent(1, 4) == "25.0%" and percent(1, 0) == "-"
    assert quantity(1230, "B") == "1.23 kB" and quantity(5e12, "FLOP") == "5.00 TFLOP"
