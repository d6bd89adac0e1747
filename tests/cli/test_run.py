"""`hvm run`: values in, results out."""

from __future__ import annotations

import json

import numpy as np
import pytest


def test_results_are_printed_readably(hvm, line):
    done = hvm("run", line, "--set", "x=[1, 2, 3]")
    assert done.status == 0 and done.err == ""
    assert done.out == "y  float64[3] =\n[3. 5. 7.]\nlargest = 7.0\n"


def test_json_is_one_object(hvm, line):
    done = hvm("run", line, "--set", "x=[1, 2, 3]", "--json")
    found = json.loads(done.out)
    assert found["outputs"] == {"y": [3.0, 5.0, 7.0], "largest": 7.0}
    assert set(found) == {"outputs", "instructions_executed", "execution_time_s", "engine"}
    assert found["instructions_executed"] >= 3 and found["execution_time_s"] >= 0
    assert found["engine"] in ("reference", "jit")


def test_defaults_are_replaced(hvm, line):
    done = hvm("run", line, "--set", "x=[1]", "--set", "slope=10", "--json")
    assert json.loads(done.out)["outputs"]["largest"] == 11.0


def test_a_determined_name_that_is_set_becomes_an_input(hvm, line):
    done = hvm("run", line, "--set", "x=[0, 0]", "--set", "y=[4, 9]", "--find", "largest", "--json")
    assert done.err == ""
    assert json.loads(done.out)["outputs"] == {"largest": 9.0}


def test_all_shows_intermediates(hvm, line):
    done = hvm("run", line, "--set", "x=[1, 2]", "--find", "largest", "--all", "--json")
    outputs = json.loads(done.out)["outputs"]
    assert outputs == {"largest": 5.0, "y": [3.0, 5.0]}


def test_all_shows_what_is_fused_or_not_needed_but_not_what_lacks_an_input(hvm, tmp_path):
    file = tmp_path / "some.hmp"
    file.write_text(
        "index k : 4\ngiven a, b\nx = a + 1\ny = sqrt(x)\nz = y + 1\nspare = 2*z\nlacking = b*a\n"
        "half[2*k] = a\nlater = lacking + 1\nfind z\n"
    )
    done = hvm("run", file, "--set", "a=3", "--all", "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)["outputs"]
    assert found == {"z": 3.0, "x": 4.0, "y": 2.0, "spare": 6.0}
    found = json.loads(hvm("run", file, "--set", "a=3", "--set", "b=1", "--all", "--json").out)
    assert found["outputs"]["later"] == 4.0
    hvm("compile", file, "-o", tmp_path / "some.hvmb")
    assert hvm("run", tmp_path / "some.hvmb", "--set", "a=3", "--all").out == "z = 3.0\n"


def test_whole_numbers_beyond_64_bits_are_numbers(hvm, line):
    done = hvm("run", line, "--set", f"x=[{10**23}]", "--find", "largest")
    assert done.out == "largest = 2e+23\n"


def test_data_files(hvm, line, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([1.0, 5.0]))
    (tmp_path / "x.json").write_text('{"x": [1, 5]}')
    for name in ("x.npz", "x.json"):
        done = hvm("run", line, "--data", tmp_path / name, "--find", "largest")
        assert (done.out, done.err) == ("largest = 11.0\n", "")


def test_set_beats_data(hvm, line, tmp_path):
    (tmp_path / "x.json").write_text('{"x": [1, 5], "slope": 3}')
    done = hvm("run", line, "--data", tmp_path / "x.json", "--set", "slope=0", "--find", "largest")
    assert done.out == "largest = 1.0\n"


def test_data_comes_before_what_relations_determine(hvm, line, tmp_path):
    (tmp_path / "x.json").write_text('{"x": [1, 5], "y": [7, 7], "other": 3, "t": 4}')
    arguments = ("--data", tmp_path / "x.json")
    done = hvm("run", line, *arguments, "--find", "largest")
    assert (done.out, done.err) == ("largest = 7.0\n", "")
    assert hvm("compile", line, "-o", tmp_path / "line.hvmb").status == 0
    done = hvm("run", tmp_path / "line.hvmb", *arguments)
    assert "largest = 11.0\n" in done.out
    assert "y in the data is not used" in done.err and "other" not in done.err


@pytest.mark.parametrize("engine", ["auto", "reference", "jit"])
def test_engines_agree(hvm, line, engine):
    done = hvm("run", line, "--set", "x=[1, 2, 3]", "--engine", engine, "--threads", "1")
    assert done.out.endswith("largest = 7.0\n")


def test_the_native_engine_is_not_there_yet(hvm, line):
    done = hvm("run", line, "--set", "x=[1]", "--engine", "native")
    assert done.status == 2 and "native" in done.err


def test_bytecode_runs_as_source_does(hvm, line, tmp_path):
    file = tmp_path / "anything.bin"  # content decides, not the name
    assert hvm("compile", line, "-o", file).status == 0
    done = hvm("run", file, "--set", "x=[1, 2, 3]")
    assert done.out.endswith("largest = 7.0\n")
    done = hvm("run", file, "--set", "x=[1]", "--set", "y=[1]")
    assert done.status == 2 and "y" in done.err
    done = hvm("run", file, "--set", "x=[1]", "--free", "slope")
    assert done.status == 2 and "--free" in done.err


def test_out_is_whole_or_not_at_all(hvm, line, tmp_path):
    out = tmp_path / "out.npz"
    assert hvm("run", line, "--set", "x=[1, 2]", "--out", out).status == 0
    with np.load(out) as found:
        assert found["y"].tolist() == [3.0, 5.0] and found["largest"].shape == ()
    before = out.read_bytes()
    assert hvm("run", line, "--set", "x=[[1]]", "--out", out).status == 2
    assert out.read_bytes() == before
    done = hvm("run", line, "--set", "x=[1]", "--out", tmp_path / "nowhere" / "out.npz")
    assert done.status == 2 and "nowhere" in done.err
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_nan_results_are_printed_and_blamed(hvm, tmp_path):
    file = tmp_path / "root.hmp"
    file.write_text("x = -1\ny = sqrt(x)\nz = 2*y\nw = 3\nfind z, w\n")
    done = hvm("run", file, "--json")
    assert done.status == 1
    assert json.loads(done.out)["outputs"] == {"z": "nan", "w": 3.0}
    assert done.err.startswith(f"{file}:2:1: error: z holds NaN: y becomes NaN here\n")


def test_of_lifted_scalars_the_right_relation_is_blamed(hvm, tmp_path):
    file = tmp_path / "three.hmp"
    file.write_text(
        "x1 = 1; x2 = -4; x3 = 9\ny1 = sqrt(x1)\ny2 = sqrt(x2)\ny3 = sqrt(x3)\ns = y1 + y2 + y3\n"
    )
    done = hvm("run", file)
    assert done.status == 1 and "three.hmp:3:1: error: s holds NaN: y2 becomes" in done.err
    found = json.loads(hvm("run", file, "--set", "x2=4", "--all", "--json").out)["outputs"]
    assert found == {"s": 6.0, "y1": 1.0, "y2": 2.0, "y3": 3.0}


def test_only_what_the_results_need_is_blamed(hvm, tmp_path):
    file = tmp_path / "root.hmp"
    file.write_text("given p\nbad = log(p)\nz = y + 1\nx = p*2\ny = sqrt(x)\nfind z\n")
    done = hvm("run", file, "--set", "p=-1")
    assert done.status == 1 and "y = sqrt(x)" in done.err and "log" not in done.err


def test_infinities_are_texts_in_json(hvm, tmp_path):
    file = tmp_path / "far.hmp"
    file.write_text("index n : 2\nx[n] = [1, -1]\ny[n] = x[n]*inf\n")
    done = hvm("run", file, "--json")
    assert done.status == 0
    assert json.loads(done.out)["outputs"] == {"y": ["inf", "-inf"]}


def test_a_failed_check_is_status_1(hvm, tmp_path):
    file = tmp_path / "wrong.hmp"
    file.write_text("x = 2\ny = x^2\ncheck y = 5\n")
    done = hvm("run", file)
    assert done.status == 1 and done.err.startswith(f"{file}:3:1: error: ") and done.out == ""
    assert done.err.endswith("\n    y = 4\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "x"], "NAME=VALUE"),
        (["--set", "x=[1", "--set", "y=2"], "--set x"),
        (["--set", "x=[1]", "--set", "x=[2]"], "twice"),
        (["--set", "slop=2", "--set", "x=[1]"], "slope"),
        ([], "x"),
        (["--set", "x=3"], "x"),
        (["--set", "x=[[1, 2], [3]]"], "x"),
        (["--set", "x=hello"], "the text 'hello'"),
        (["--set", "x=[1]", "--set", "slope=1/0"], "divides by zero"),
        (["--set", f"x=[{10**400}]"], "too large"),
        (["--set", "x=[1, 2]", "--set", "N=3"], "N"),
        (["--data", "nowhere.npz"], "nowhere.npz"),
        (["--set", "x=[1]", "--find", "larges"], "line.hmp: error: larges is to be found"),
        (["--set", "x=[1]", "--find", "larges"], "did you mean largest"),
        (["--set", "x=[1]", "--free", "slop"], "did you mean slope"),
        (["--set", "x=[1]", "--free", "y"], "y has no default to drop"),
        (["--set", "x=[1]", "--known", "larges"], "did you mean largest"),
        ([], "--set x=…"),
    ],
)
def test_wrong_input_is_told_in_words(hvm, line, arguments, words):
    done = hvm("run", line, *arguments)
    assert done.status == 2, done.err
    assert words in done.err and done.out == "" and "Traceback" not in done.err


def test_symbols_are_set_and_shown_as_text(hvm, tmp_path):
    file = tmp_path / "kind.hmp"
    file.write_text(
        "given kind, x\ny = if(kind = 'SQUARE', x^2, x)\n"
        "name = if(y > 9, 'BIG', 'SMALL')\nfind y, name\n"
    )
    done = hvm("run", file, "--set", "kind=SQUARE", "--set", "x=4")
    assert done.out == "y = 16.0\nname = BIG\n", done.err
    done = hvm("run", file, "--set", "kind=SQARE", "--set", "x=4")
    assert done.status == 0 and "did you mean SQUARE" in done.err  # equals no symbol of the file
    assert done.out == "y = 4.0\nname = SMALL\n"
    done = hvm("run", file, "--set", "kind=3", "--set", "x=4")
    assert done.status == 2 and "not a number" in done.err


def test_binary_files_are_not_read_as_source(hvm, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros(100))
    for command in ("run", "check", "fmt", "dis", "explain", "verify", "trace"):
        done = hvm(command, tmp_path / "x.npz")
        assert done.status == 2 and "Traceback" not in done.err
        assert "bytecode" in done.err


def test_a_program_without_results_says_so(hvm, tmp_path):
    (tmp_path / "empty.hmp").write_text("# nothing yet\n")
    done = hvm("run", tmp_path / "empty.hmp")
    assert done.out == "" and "no results" in done.err


def test_results_do_not_depend_on_what_is_set(hvm, tmp_path):
    file = tmp_path / "one.hmp"
    file.write_text("x = 3\ny = 2*z\nz = 4\n")
    assert hvm("run", file).out == "x = 3.0\ny = 8.0\n"
    assert hvm("run", file, "--set", "x=5", "--set", "z=1").out == "x = 5.0\ny = 2.0\n"
    assert hvm("run", file, "--set", "y=5").out == "x = 3.0\ny = 5.0\n"


def test_report_shows_how_well_each_solve_holds(hvm, tmp_path):
    path = tmp_path / "pair.hmp"
    path.write_text("x + y = s\nx*y = 6\nguess x = 1\nguess y = 5\n")
    for engine in ("reference", "jit"):
        done = hvm("run", path, "--set", "s=5", "--report", "--engine", engine)
        assert done.status == 0 and done.out == "x = 2.0\ny = 3.0\n"
        assert "solved for x and y: Newton, " in done.err and "condition " in done.err
        assert "  line  residual  relative  relation\n" in done.err and "  x*y = 6\n" in done.err
        assert "bound" not in done.err and "warning" not in done.err
    path.write_text("2*x + y = s\nx - y = 1\n")
    assert "solved for x and y: linear, " in hvm("run", path, "--set", "s=5", "--report").err
    path.write_text("x + 1 = s\n")
    assert "nothing had to be solved" in hvm("run", path, "--set", "s=5", "--report").err


def test_a_report_in_json_has_the_same_numbers(hvm, tmp_path):
    path = tmp_path / "double.hmp"
    path.write_text("(x - 1)^2 = 0\ny^2 = s\nguess y = 1 in 0..3\n")
    for engine in ("reference", "jit"):
        done = hvm("run", path, "--set", "s=9", "--report", "--json", "--engine", engine)
        found = json.loads(done.out)
        double, y = found["solves"]
        assert double["unknowns"] == ["x"] and double["multiple"] == 1
        assert double["condition"] == "inf" and double["time_ns"] > 0
        assert double["relations"][0]["text"] == "(x - 1)^2 = 0"
        assert y["at_bounds"] == {"y": 1} and y["multiple"] == 0 and y["iterations"] > 2
        assert y["relations"] == [{"line": 2, "text": "y^2 = s", "residual": 0, "relative": 0}]
        (warning,) = found["warnings"]
        assert "double.hmp:1:1: warning: x: the solution is a multiple root" in warning
        assert warning in done.err and "solved for" not in done.err
        done = hvm("run", path, "--set", "s=9", "--engine", engine)
        assert done.status == 0 and "multiple root" in done.err


def test_no_solution_is_status_1_and_a_bad_system_status_2(hvm, tmp_path):
    path = tmp_path / "none.hmp"
    path.write_text("x^2 + 1 = 0\n")
    done = hvm("run", path)
    assert done.status == 1 and "line 1: x^2 + 1 = 0    left - right = 1" in done.err
    path.write_text("V = R*I\n")
    done = hvm("run", path, "--set", "V=12")
    assert done.status == 2 and "R and I; set one of them" in done.err
    done = hvm("run", path, "--set", "V=12", "--set", "R=3", "--json")
    assert done.status == 0 and '"I": 4.0' in done.out


def test_a_slice_asked_for_outside_of_the_text_has_no_place_in_it(hvm, line):
    done = hvm("run", line, "--set", "x=[1, 2]", "--find", "y[9]")
    assert done.status == 2 and "line.hmp: error:" in done.err and "1:1" not in done.err
    done = hvm("run", line, "--set", "x=[1, 2]", "--find", "y[N]")
    assert done.out == "y = 5.0\n"


def test_numbers_of_thousands_of_digits(hvm, line):
    many = "9" * 5000
    for text in (f"N={many}", f"x=[{many}, 1]"):
        done = hvm("run", line, "--set", text)
        assert done.status == 2 and "5000 digits is too large" in done.err


def test_results_to_a_device(hvm, line):
    done = hvm("run", line, "--set", "x=[1]", "--out", "/dev/null")
    assert (done.status, done.err) == (0, "")
