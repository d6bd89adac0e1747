"""Trace objects: sequences, totals, groups, fused and looped instructions, failures, notebooks."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.errors import RunError
from hvm_vm.tracing.machine import Machine
from hvm_vm.tracing.record import record
from hvm_vm.tracing.report import View, instruction_sheet, plain, sheets
from tests.tracing.fakes import Fused, Looped, Runnable, bound, frame

MACHINE = Machine("fake", 1, {"f32": 2.0, "f64": 1.0}, ((100, 0.1), (1000, 0.05)))


@pytest.fixture
def looped():
    return record(bound(), Looped(), frame(), engine="fake", repeat=4, machine=MACHINE)


@pytest.fixture
def fused():
    return record(bound(), Fused(), frame(), engine="fake", repeat=2, machine=MACHINE)


def test_a_trace_is_a_sequence_of_instructions(looped):
    assert len(looped) == 3 and [row.op for row in looped] == ["map", "sum", "halt"]
    assert looped[1] is looped.rows[1] and looped[-1].op == "halt"
    assert [row.pc for row in looped[:2]] == [0, 1]


def test_loops_are_folded_with_counts(looped):
    row = looped[0]
    assert (row.count, row.mean_ns) == (3, 600) and row.times_ns == (600,) * 4
    each = row.execution
    assert (each.min, each.mean, each.max) == (100, 200, 300)
    assert each.stddev == pytest.approx(np.std([100, 200, 300]))
    assert row.flops == 3 * 12 and row.bytes == 3 * 64
    assert looped.instructions_executed == 7
    cells = instruction_sheet(looped).rows[0]
    assert cells[:4] == ("0", "small.hmp:3", "3", "600 ns")


def test_groups_add_up(looped):
    groups = looped.by_op()
    assert list(groups) == ["map", "sum", "halt"]
    assert (groups["sum"].count, groups["sum"].mean_ns) == (3, 150)
    assert list(looped.by_line()) == ["small.hmp:3", "small.hmp:4", "(no line)"]
    assert list(looped.by_shape()) == ["map f64[4] f64[4]", "sum f64[] f64[4]", "halt"]
    assert sum(g.mean_ns for g in looped.by_shape().values()) == looped.instructions_ns


def test_a_group_has_the_spread_of_all_executions():
    source = "index i : 3\na[i] = i\nb[i] = i^2\nfind a[i], b[i]\n"
    trace = hvm.compile(source).trace(engine="reference", repeat=3)
    for group in trace.by_op().values():
        samples = [t for row in group.rows for t in row.times_ns]
        each = group.execution
        assert (each.min, each.max) == (min(samples), max(samples))
        assert each.mean == pytest.approx(np.mean(samples))
        assert each.stddev == pytest.approx(np.std(samples), abs=1e-3)


def test_the_roofline_says_which_roof_binds(looped):
    # 12 FLOP at 1 GFLOP/s are 12 ns; 64 bytes from a cache at 0.1 GB/s 640 ns; it took 200.
    assert looped[0].roof.bound == "cache" and looped[0].roof.share == pytest.approx(3.2)
    assert MACHINE.roof("f64", 1000, 10, 2000).bound == "flops"
    assert MACHINE.roof("f64", 1000, 10, 2000).share == pytest.approx(0.5)
    assert MACHINE.roof("f32", 1000, 10, 2000).share == pytest.approx(0.25)
    assert MACHINE.roof("f64", 0, 5000, 1e6).bound == "memory"
    assert MACHINE.roof("f64", 0, 0, 10) is None
    assert looped[2].roof is None


def test_fused_instructions_share_a_time_and_say_so(fused):
    one, two = fused[0], fused[1]
    # By work: 64 bytes of the map, 40 of the sum.
    assert one.timed_with == two.timed_with == (0, 1)
    assert one.mean_ns + two.mean_ns == pytest.approx(6000)
    assert one.mean_ns == pytest.approx(6000 * 64 / 104)
    assert fused[2].timed_with == ()
    text = str(fused)
    assert "~0  small.hmp:3" in text and "~1  small.hmp:4" in text
    assert "~ one time together: instructions 0, 1" in text
    assert [o.get("attribution") for o in fused.to_dict()["instructions"]] == [
        "estimated", "estimated", None]  # fmt: skip
    named = [e for e in fused.chrome()["traceEvents"] if e.get("cat") == "instruction"]
    assert named[0]["name"] == "map+sum" and len(named[0]["args"]["fused"]) == 2


def test_totals_in_words(looped):
    text = str(looped)
    for words in ("instructions_executed  7", "execution_time_s", "scalar operations",
                  "an instruction", "GFLOP/s", "memory traffic", "with clocks", "roofline"):
        assert words in text
    assert looped.operations_per_second == pytest.approx(
        looped.scalar_operations / looped.execution_time_s)


def test_the_same_operations_and_counts_in_every_engine():
    program = hvm.compile("index i, j : 3\nA[i,j] = i + j^2\ns[i] = sum[j](A[i,j]*A[j,i])\n")
    found = [
        [(r.pc, r.op, r.source, r.count, r.flops, r.bytes, r.scalar_operations, r.shapes, r.dtypes)
         for r in program.trace(engine=engine)]
        for engine in ("reference", "jit")
    ]  # fmt: skip
    assert found[0] == found[1]


@pytest.mark.parametrize(("source", "operations"), [
    ("index i : 5\ngiven x[i]\ny[i] = 2*x[i] + 1\n", 10),
    ("index i : 5\ngiven x[i]\ny[i] = x[6-i]\n", 5),  # only moved
    ("index i : 5\ngiven x[i]\ny[i] = exp(x[i])\n", 5),
    ("index i, j : 5\ngiven x[i]\ny = sum[i,j](x[i]*x[j])\n", 50),
    # A system, evaluated once: 5 products, 5 products and signs, 5 quotients and signs.
    ("index i : 0..5\ngiven x[j]\nindex j : 1..5\n2*y[i] - 3*y[i-1] = x[i]/2 where i > 0\n"
     "y[0] = 1\nfind y[i]\n", 25),
])  # fmt: skip
def test_scalar_operations(source, operations):
    trace = hvm.compile(source).trace(x=np.ones(5), engine="reference", repeat=1)
    assert trace.scalar_operations == operations


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_a_failed_run_tells_what_ran_before(engine):
    program = hvm.compile(
        "index n : 3\ngiven x[n]\ny = sum[n](x[n])\ncheck y < 10\nz = sqrt(y)\nfind z\n")
    with pytest.raises(RunError) as caught:
        program.trace(x=np.full(3, 30.0), engine=engine)
    trace = caught.value.trace
    ops = [(row.op, row.count, row.failed) for row in trace]
    assert ops == [("sum", 1, False), ("check", 1, True), ("map", 0, False), ("halt", 0, False)]
    assert trace.instructions_executed == 1 and trace.run_ns == () and trace.warmup == 0
    assert trace[0].mean_ns > 0 and "check failed" in trace.failure
    text = str(trace)
    assert "✗ 1" in text and "✗ the run failed in instruction 1" in text
    assert trace.to_dict()["summary"]["execution_time_s"] is None
    assert "check failed" in trace._repr_html_()


def test_repeats_are_fewer_when_a_run_is_long(monkeypatch):
    from hvm_vm.tracing import record as module

    assert record(bound(), Runnable(), frame(), engine="fake", repeat=None).repeat == 5
    monkeypatch.setattr(module, "PATIENCE_NS", 1)
    assert record(bound(), Runnable(), frame(), engine="fake", repeat=None).repeat == 1
    assert record(bound(), Runnable(), frame(), engine="fake", repeat=3).repeat == 3


def test_who_watches_is_told_of_every_run():
    told = []

    class Watcher:
        def begin(self, kind, number, of, timeline):
            told.append((kind, number, of, timeline is not None))

    record(bound(), Looped(), frame(), engine="fake", repeat=2, watcher=Watcher())
    assert told == [
        ("first run", 1, 1, True), ("warm-up", 1, 1, True),
        ("run without clocks", 1, 2, False), ("run", 1, 2, True),
        ("run without clocks", 2, 2, False), ("run", 2, 2, True),
    ]  # fmt: skip


def test_progress_of_a_trace_in_python(monkeypatch, capsys):
    from hvm_vm.tracing import live

    monkeypatch.setattr(live, "LINES", 0.001)
    source = "index i, j : 600\na[i] = i\ns = sum[i,j](abs(a[i] - a[j])*exp(-a[i]))\nfind s\n"
    hvm.compile(source).trace(engine="reference", repeat=3, progress=True)
    assert "instruction 1 of" in capsys.readouterr().err


# -- views -----------------------------------------------------------------------------------------


def test_rows_are_sorted_and_limited(looped):
    assert [r[0] for r in instruction_sheet(looped, View(sort="total")).rows] == ["0", "1", "2"]
    assert [r[0] for r in instruction_sheet(looped, View(sort="gbps")).rows] == ["1", "0", "2"]
    sheet = instruction_sheet(looped, View(limit=1))
    assert len(sheet.rows) == 1
    assert sheet.note == "2 of 3 rows are not shown: 20.0% of the time"


def test_a_summary_takes_the_place_of_the_instructions(looped):
    table, *_ = sheets(looped, View(by="line"))
    assert [row[0] for row in table.rows] == ["small.hmp:3", "small.hmp:4", "(no line)"]
    assert table.columns[-1] == "relation" and table.rows[1][-1] == "s = sum[n](y[n])"
    assert [row[-1] for row in sheets(looped, View(by="shape"))[0].rows] == [
        "map  f64[4] f64[4]", "sum  f64[] f64[4]", "halt"]  # fmt: skip
    assert "s = sum[n](y[n])" in plain(looped, View(by="line"))


# -- notebooks -------------------------------------------------------------------------------------


def test_html_is_well_formed_and_escaped():
    program = hvm.compile("given x, y\nz = if(x < y, x, 'A' = 'A')\nfind z\n")
    page = program.trace(x=1.0, y=2.0, engine="reference", repeat=1)._repr_html_()
    tree = ElementTree.fromstring(page)  # a stray < or & would not parse
    assert len(tree.findall(".//tbody/tr")) == 2
    assert "%x < %y" in "".join(tree.find(".//tbody/tr").itertext())
    assert "x < y" in tree.find(".//tbody/tr").get("title")


def test_html_rows_are_those_of_the_trace(looped):
    tree = ElementTree.fromstring(looped._repr_html_())
    rows = tree.findall(".//tbody/tr")
    assert [row.get("title") for row in rows] == [r.relation for r in looped]
    assert [th.text for th in tree.findall(".//th")][-1] == "instruction"
