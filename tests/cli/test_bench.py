"""`hvm bench`: what is measured side by side, pictures, baselines and their status."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest


@pytest.fixture
def quick(hvm, line):
    def call(*more):
        return hvm("bench", line, "--engine", "reference", "--repeat", "6", *more)

    return call


def test_engines_precisions_threads_and_sizes(hvm, line):
    done = hvm("bench", line, "--precision", "f32", "--precision", "f64", "--threads", 1,
               "--threads", 2, "--sizes", "N=8,16", "--repeat", 2, "--json")
    assert done.status == 0, done.err
    rows = json.loads(done.out)["engines"]
    one = [("reference", "f32"), ("jit", "f32"), ("jit", "f32"),
           ("reference", "f64"), ("jit", "f64"), ("jit", "f64")]
    assert [(r["engine"], r["precision"]) for r in rows] == one * 2
    assert [r["threads"] for r in rows if r["engine"] == "jit"] == [1, 2] * 4
    assert [r["sizes"]["N"] for r in rows] == [8] * 6 + [16] * 6
    for row in rows:
        assert row["relative"] < (1e-6 if row["precision"] == "f64" else 1e-3)
        assert len(row["runs_ns"]) == 2 and len(row["instructions"]) == 3
    # The two precisions are two: they round differently.
    assert any(r["difference"] > 0 for r in rows if r["precision"] == "f64")


def test_what_varies_has_a_column(quick):
    done = quick("--sizes", "N=8,16", "--precision", "f32", "--precision", "f64")
    head = done.out.splitlines()[1].split()
    assert head[:3] == ["engine", "precision", "N"]
    assert len(done.out.splitlines()) >= 6
    assert quick().out.splitlines()[1].split()[:2] == ["engine", "load"]


def test_which_instructions_gain(hvm, line):
    done = hvm("bench", line, "--sizes", "N=1000", "--repeat", 3, "--instructions", 1)
    assert "instructions, with clocks" in done.out
    table = done.out.split("\n\n")[1].splitlines()
    assert table[1].split()[:3] == ["pc", "source", "operation"] and "line.hmp:" in table[2]
    assert table[3].startswith("and 1 more") or table[3].startswith("and 2 more")


def test_a_picture(quick, tmp_path):
    done = quick("--sizes", "N=8,16", "--plot", tmp_path / "b.svg")
    assert done.status == 0
    root = ElementTree.parse(tmp_path / "b.svg").getroot()
    bars = [e for e in root.iter() if e.tag.endswith("}rect")]
    assert len(bars) == 2
    assert any("N=16" in (e.text or "") for e in root.iter())


def test_a_baseline_and_its_verdicts(quick, tmp_path):
    base = tmp_path / "base.json"
    assert quick("--save", base).status == 0
    found = json.loads(base.read_text())

    def scaled(factor: float):
        runs = [{**r, "runs_ns": [factor * t for t in r["runs_ns"]]} for r in found["runs"]]
        base.write_text(json.dumps({**found, "runs": runs}))

    scaled(1000)
    done = quick("--against", base, "--fail-if-slower")
    assert done.status == 0 and "faster by" in done.out
    scaled(0.001)
    done = quick("--against", base)
    assert done.status == 0 and "slower by" in done.out
    done = quick("--against", base, "--fail-if-slower", "--json")
    assert done.status == 1
    assert json.loads(done.out)["engines"][0]["verdict"]["word"] == "slower"
    done = quick("--against", base, "--sizes", "N=8", "--fail-if-slower")
    assert done.status == 0 and "not in the baseline" in done.out


def test_baselines_of_other_programs_are_refused(quick, line, tmp_path):
    base = tmp_path / "base.json"
    assert quick("--save", base).status == 0
    line.write_text(line.read_text() + "# changed\n")
    done = quick("--against", base)
    assert done.status == 2 and "another program" in done.err and not done.out


@pytest.mark.parametrize(("more", "words"), [
    (("--sizes", "N"), "NAME=N,N"),
    (("--sizes", "N=8,x"), "NAME=N,N"),
    (("--sizes", "M=8"), "M is no name of"),
    (("--sizes", "slope=1,2"), "slope is no size of line.hmp (sizes: N)"),
    (("--sizes", "N=8", "--set", "N=9"), "N is set twice"),
    (("--fail-if-slower",), "--against FILE"),
    (("--precision", "f16"), "--precision"),
    (("--against", "/nowhere.json"), "cannot be read"),
])  # fmt: skip
def test_errors(quick, more, words):
    done = quick(*more)
    assert done.status == 2 and words in done.err


def test_bytecode_has_its_precision(hvm, line, tmp_path):
    file = tmp_path / "line.hvmb"
    hvm("compile", line, "-o", file)
    done = hvm("bench", file, "--precision", "f32")
    assert done.status == 2 and "needs the source" in done.err
    assert hvm("bench", file, "--repeat", 1, "--engine", "reference").status == 0
