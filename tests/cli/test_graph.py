"""`hvm graph`: formats, files, what it says about what it leaves out."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest


@pytest.mark.parametrize(("name", "start"), [
    ("g.svg", "<svg"), ("g.dot", "digraph"), ("g.gv", "digraph"), ("g.mmd", "---\ntitle"),
])  # fmt: skip
def test_the_ending_says_the_format(hvm, line, tmp_path, name, start):
    done = hvm("graph", line, "-o", tmp_path / name)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert (tmp_path / name).read_text().startswith(start)


def test_svg_on_standard_output(hvm, line):
    done = hvm("graph", line)
    assert done.status == 0
    root = ElementTree.fromstring(done.out)
    keys = [e.get("data-key") for e in root.iter() if e.get("data-key")]
    assert len(keys) == 3 + 2 + 2  # inputs, relations, results
    assert hvm("graph", line).out == done.out


@pytest.mark.parametrize("of", ["relations", "instructions"])
def test_bytecode(hvm, line, tmp_path, of):
    file = tmp_path / "line.hvmb"
    assert hvm("compile", line, "-o", file).status == 0
    done = hvm("graph", file, "--of", of, "--format", "dot")
    assert done.status == 0
    assert "line.hmp:5" in done.out and "y[n] = slope*x[n] + offset" in done.out
    assert hvm("graph", file, "--find", "y").status == 2


def test_what_is_left_out_is_told(hvm, line):
    done = hvm("graph", line, "--limit", 3, "--format", "mermaid")
    assert done.status == 0
    assert "note: 4 boxes of 7 are left out: those farthest from the results" in done.err
    assert "4 boxes of 7 are left out" in done.out


def test_errors(hvm, line, tmp_path):
    done = hvm("graph", line, "-o", tmp_path / "g.png")
    assert done.status == 2 and "`.png` is no format of a graph" in done.err
    assert not (tmp_path / "g.png").exists()
    assert hvm("graph", line, "-o", tmp_path / "no" / "g.svg").status == 2
    assert hvm("graph", tmp_path / "none.hmp").status == 2
    bad = tmp_path / "bad.hmp"
    bad.write_text("y = = 2\n")
    done = hvm("graph", bad, "-o", tmp_path / "g.svg")
    assert done.status == 2 and "bad.hmp:1:5" in done.err
    assert not (tmp_path / "g.svg").exists()
