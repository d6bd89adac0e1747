"""`hvm trace` and `hvm bench`."""

from __future__ import annotations

import json

import pytest


def test_trace_lists_every_instruction(hvm, line):
    done = hvm("trace", line, "--set", "x=[1, 2, 3]", "--engine", "reference")
    assert done.status == 0 and done.err == ""
    for words in ("line.hmp:5", "line.hmp:6", "GFLOP/s", "first run", "halt", "f64[3]"):
        assert words in done.out


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_trace_as_json_lines(hvm, line, engine):
    done = hvm("trace", line, "--set", "x=[1, 2, 3]", "--json", "--repeat", "3",
               "--warmup", "0", "--engine", engine)  # fmt: skip
    objects = [json.loads(text) for text in done.out.splitlines()]
    rows, summary = objects[:-1], objects[-1]
    assert [row["pc"] for row in rows] == list(range(len(rows)))
    assert rows[-1]["op"] == "halt"
    for row in rows:
        assert {"op", "pc", "source", "time_ns", "flops", "bytes", "shapes"} <= set(row)
        assert row["time_ns"] >= 0
    assert rows[0]["source"] == "line.hmp:5"
    assert summary["kind"] == "summary" and summary["engine"] == engine
    assert summary["instructions_executed"] == len(rows) and summary["repeat"] == 3


def test_both_engines_give_the_same_trace_but_for_times(hvm, line):
    def structure(engine):
        done = hvm("trace", line, "--set", "x=[1, 2]", "--json", "--engine", engine)
        keys = ("pc", "op", "source", "flops", "bytes", "shapes", "text")
        return [{k: json.loads(t).get(k) for k in keys} for t in done.out.splitlines()]

    assert structure("reference") == structure("jit")


def test_trace_for_chrome(hvm, line, tmp_path):
    file = tmp_path / "trace.json"
    assert hvm("trace", line, "--set", "x=[1]", "--chrome", file).status == 0
    events = json.loads(file.read_text())["traceEvents"]
    assert "halt" in {event["name"] for event in events}


@pytest.mark.parametrize("by", ["op", "line", "shape"])
def test_a_summary_in_place_of_the_instructions(hvm, line, by):
    done = hvm("trace", line, "--set", "x=[1, 2, 3]", "--engine", "reference", "--by", by)
    assert done.status == 0
    key = {"op": "max", "line": "largest = max[n](y[n])", "shape": "max  f64[] f64[3]"}[by]
    assert any(row.endswith(key) for row in done.out.splitlines())
    assert "instruction\n" not in done.out


def test_sorted_and_limited(hvm, line):
    done = hvm("trace", line, "--set", "x=[1, 2, 3]", "--sort", "ops", "--limit", "1")
    assert done.status == 0
    table = done.out.split("\n\n")[1].splitlines()
    assert table[1].startswith(" 0  line.hmp:5") or table[1].startswith("0  line.hmp:5")
    assert table[2].startswith("2 of 3 rows are not shown")


@pytest.mark.parametrize("wrong", [
    ["--by", "colour"], ["--sort", "size"], ["--limit", "0"], ["--limit", "x"], ["--repeat", "0"],
    ["--json", "--by", "op"], ["--json", "--limit", "3"],
])  # fmt: skip
def test_what_makes_no_sense_is_refused(hvm, line, wrong):
    done = hvm("trace", line, "--set", "x=[1]", *wrong)
    assert done.status == 2 and done.out == "" and "error" in done.err


@pytest.mark.parametrize("engine", ["reference", "jit"])
def test_a_failed_run_is_shown_up_to_where_it_failed(hvm, tmp_path, engine):
    file = tmp_path / "limit.hmp"
    file.write_text(
        "index n : N\ngiven x[n]\ns = sum[n](x[n])\ncheck s < 10\nz = sqrt(s)\nfind z\n")
    arguments = ("trace", file, "--set", "x=[1, 30]", "--engine", engine)
    done = hvm(*arguments)
    assert done.status == 1 and "check failed" in done.err
    assert "✗ 1  limit.hmp:4" in done.out and "✗ the run failed in instruction 1" in done.out
    done = hvm(*arguments, "--json", "--chrome", tmp_path / "trace.json")
    found = [json.loads(text) for text in done.out.splitlines()]
    assert done.status == 1 and [o.get("failed", False) for o in found[:-1]] == [
        False, True, False, False]  # fmt: skip
    assert "check failed" in found[-1]["error"]
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in events if e.get("cat") == "instruction"] == ["sum", "check"]


def test_bytecode_has_stages_of_its_own(hvm, line, tmp_path):
    assert hvm("compile", line, "-o", tmp_path / "line.hvmb").status == 0
    stages = {}
    for file in (line, tmp_path / "line.hvmb"):
        done = hvm("trace", file, "--set", "x=[1]", "--json", "--engine", "reference")
        stages[file] = list(json.loads(done.out.splitlines()[-1])["stages_ns"])
    assert stages[line] == ["load", "compile to bytecode", "verify", "read data", "bind",
                            "prepare engine", "first run"]  # fmt: skip
    assert stages[tmp_path / "line.hvmb"] == ["load", "verify", "read data", "bind",
                                              "prepare engine", "first run"]  # fmt: skip


def test_help_has_examples(hvm):
    done = hvm("trace", "--help")
    assert done.status == 0
    assert "hvm trace examples/transformer_block.hmp" in done.out and "--by line" in done.out


def test_nan_check_names_the_relation(hvm, tmp_path):
    file = tmp_path / "root.hmp"
    file.write_text("x = -1\ny = sqrt(x)\nz = 2*y\nfind z\n")
    done = hvm("trace", file, "--nan-check")
    assert done.status == 1 and "root.hmp" in done.err


def test_bench_compares_the_engines(hvm, line):
    done = hvm("bench", line, "--repeat", "3", "--json")
    assert done.status == 0
    found = json.loads(done.out)
    assert [row["engine"] for row in found["engines"]] == ["reference", "jit"]
    assert found["made_up"] == ["N = 64", "x[64]"]
    for row in found["engines"]:
        assert len(row["runs_ns"]) == 3 and row["difference"] < 1e-12


def test_bench_in_words(hvm, line):
    done = hvm("bench", line, "--set", "N=10", "--repeat", "2")
    assert "made up: x[10]" in done.err
    assert "reference" in done.out and "jit" in done.out and "ratio" in done.out


def test_bench_makes_up_subscripts_that_fit(hvm, tmp_path):
    file = tmp_path / "look.hmp"
    file.write_text("index t : T\nindex v : 0..V-1\ngiven integer k[t], E[v]\ny[t] = E[k[t]]\n")
    done = hvm("bench", file, "--set", "T=5", "--set", "V=3", "--repeat", "2", "--json")
    assert done.status == 0, done.err
    assert "k[5] (0..2)" in json.loads(done.out)["made_up"]


def test_bench_makes_up_symbols(hvm, tmp_path):
    file = tmp_path / "kind.hmp"
    file.write_text(
        "index i : 3\ngiven kind[i]\ny[i] = if(kind[i] = 'A', 1, if(kind[i] = 'B', 2, 3))\n"
    )
    done = hvm("bench", file, "--repeat", "1", "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["made_up"] == ["kind[3]"]


def test_bench_refuses_impossible_sizes(hvm, line):
    done = hvm("bench", line, "--set", "N=-1")
    assert done.status == 2 and "x" in done.err


def test_bench_takes_data_and_makes_up_the_rest(hvm, tmp_path):
    import numpy as np

    file = tmp_path / "dense.hmp"
    file.write_text(
        'index i : N\nindex j : D\ngiven W[i,j] from "dense.weight"\ngiven x[j], b[i]\n'
        "y[i] = sum[j](W[i,j]*x[j]) + b[i]\n"
    )
    np.savez(tmp_path / "weights.npz", **{"dense.weight": np.ones((3, 2))}, b=np.zeros(3))
    done = hvm("bench", file, "--data", tmp_path / "weights.npz", "--repeat", "2", "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["made_up"] == ["x[2]"]


def test_bench_tells_what_it_made_up_when_that_does_not_fit(hvm, tmp_path):
    file = tmp_path / "blocks.hmp"
    file.write_text("index i : 5\nindex k : K\ngiven x[k], integer n\ny[i] = x[i+n]\n")
    done = hvm("bench", file, "--set", "K=4")
    assert done.status == 2 and "x[4]" in done.err and "--set" in done.err


def test_nan_check_finds_what_no_result_shows(hvm, tmp_path):
    file = tmp_path / "hidden.hmp"
    file.write_text("given p\ny = sqrt(p)\nz = if(y > 1, y, 0)\nfind z\n")
    done = hvm("trace", file, "--set", "p=-1", "--json")
    assert done.status == 0 and done.err == ""
    done = hvm("trace", file, "--set", "p=-1", "--json", "--nan-check")
    assert done.status == 1 and "y = sqrt(p)" in done.err
    done = hvm("trace", file, "--set", "p=4", "--json", "--nan-check")
    assert done.status == 0 and done.err == "no instruction makes a NaN or an infinity\n"


def test_trace_takes_what_run_takes(hvm, tmp_path):
    import numpy as np

    file = tmp_path / "parts.hmp"
    file.write_text("given p\ny = p + 1\nz = 2*y\n")
    done = hvm("trace", file, "--set", "p=1", "--all", "--out", tmp_path / "out.npz", "--json")
    assert done.status == 0, done.err
    with np.load(tmp_path / "out.npz") as found:
        assert (found["y"], found["z"]) == (2.0, 4.0)


def test_html_is_written_whole(hvm, line, tmp_path):
    page = tmp_path / "trace.html"
    done = hvm("trace", line, "--set", "x=[1, 2]", "--html", page)
    assert done.status == 0
    text = page.read_text()
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "given x[n]" in text  # the source, not only its relations
    assert hvm("trace", line, "--set", "x=[1]", "--html", tmp_path / "no" / "t.html").status == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["line.hmp", "trace.html"]
