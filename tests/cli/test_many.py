"""`hvm run` with a table of many sets."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.fixture
def ohm(tmp_path):
    file = tmp_path / "ohm.hmp"
    file.write_text("V = R*I\nP = V*I\nguess I = 1\nfind V, R, I, P\n")
    return file


@pytest.fixture
def table(tmp_path):
    def make(**arrays):
        path = tmp_path / "table.npz"
        np.savez(path, **arrays)
        return path

    return make


def test_a_line_a_set_when_they_are_few(hvm, ohm, table):
    done = hvm("run", ohm, "--set", "R=3", "--data", table(P=[48.0, -1.0]))
    assert done.status == 1
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["2", "sets,", "1", "failed"]
    assert lines[1:] == [["set", "V", "R", "I", "P", "status"],
                         ["1", "12", "3", "4", "48", "done"],
                         ["2", "nan", "3", "nan", "nan", "failed"]]
    assert done.err.startswith("1 of 2 sets failed: set 2\nset 2: ")
    assert f"{ohm}:2:1: error: no solution found for I" in done.err


def test_a_summary_when_they_are_many(hvm, ohm, table):
    done = hvm("run", ohm, "--set", "R=2", "--data", table(V=np.linspace(0, 8, 101)))
    assert done.status == 0 and done.err == ""
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[1:] == [["result", "of", "each", "set", "least", "mean", "largest"],
                         ["V", "float64", "0", "4", "8"], ["R", "float64", "2", "2", "2"],
                         ["I", "float64", "0", "2", "4"], ["P", "float64", "0", "10.72", "32"]]


def test_json_and_files(hvm, ohm, table, tmp_path):
    out = tmp_path / "out.npz"
    done = hvm("run", ohm, "--set", "R=3", "--data", table(P=[48.0, -1.0]), "--json",
               "--out", out, "--find", "I")
    found = json.loads(done.out)
    assert done.status == 1
    assert found["outputs"] == {"I": [4.0, "nan"]} and found["status"] == [0, 1]
    assert list(found["messages"]) == ["1"] and "no solution" in found["messages"]["1"]
    with np.load(out) as file:
        np.testing.assert_array_equal(file["I"], [4, np.nan])
        np.testing.assert_array_equal(file["status"], [0, 1])
        assert set(file.files) == {"I", "status"}


def test_most_failures_are_only_counted(hvm, ohm, table):
    done = hvm("run", ohm, "--set", "R=3", "--data", table(P=np.full(30, -1.0)))
    assert done.status == 1
    assert done.err.startswith("30 of 30 sets failed: sets 1, 2, 3, 4, 5, 6, 7, 8, … 30\n")
    assert done.err.endswith("… 27 more\n")


def test_json_data_and_arrays_of_each_set(hvm, line, tmp_path):
    data = tmp_path / "data.json"
    data.write_text('{"x": [[1, 2, 3], [4, 5, 6]]}')
    done = hvm("run", line, "--data", data, "--json")
    assert done.status == 0
    assert json.loads(done.out)["outputs"] == {
        "y": [[3.0, 5.0, 7.0], [9.0, 11.0, 13.0]], "largest": [7.0, 13.0]}
    done = hvm("run", line, "--data", data)
    assert done.out.splitlines()[2].split() == ["y", "float64[3]", "3", "8", "13"]


def test_bytecode(hvm, ohm, table, tmp_path):
    code = tmp_path / "ohm.hvmb"
    assert hvm("compile", ohm, "--known", "R", "--known", "I", "-o", code).status == 0
    done = hvm("run", code, "--set", "R=3", "--data", table(I=[1.0, 2.0]), "--json")
    assert json.loads(done.out)["outputs"]["V"] == [3.0, 6.0]


@pytest.mark.parametrize("arguments, words", [
    (["--set", "R=3", "--all"], "--all shows one run"),
    (["--set", "R=3", "--report"], "--report shows one run"),
    (["--set", "R=[1, 2, 3]"], "P has 2 sets, but R has 3"),
])  # fmt: skip
def test_what_cannot_be_done(hvm, ohm, table, arguments, words):
    done = hvm("run", ohm, "--data", table(P=[48.0, 75.0]), *arguments)
    assert done.status == 2 and words in done.err and done.out == ""
