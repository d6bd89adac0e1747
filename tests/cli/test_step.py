"""`hvm step`, driven by scripts."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture
def step(hvm, monkeypatch):
    def call(script: str, *arguments):
        monkeypatch.setattr("sys.stdin", io.StringIO(script))
        return hvm("step", *arguments)

    return call


@pytest.fixture
def three(tmp_path):
    file = tmp_path / "three.hmp"
    file.write_text("index n, m : N\ngiven x[n]\ny[n] = sum[m](x[m]*x[n])\n"
                    "z = max[n](y[n])\nr = sqrt(z) - 3\nfind y[n], z, r\n")
    return file


GIVEN = ("--set", "x=[1, 2, 3]")


@pytest.mark.parametrize("engine", ["auto", "reference", "jit"])
def test_a_script_steps_forwards_and_back(step, three, engine):
    done = step("s\np y\nn 2\np r\nback\np z\np r\nq\n", three, *GIVEN, "--engine", engine)
    assert done.status == 0
    assert "line 7: error: r is not computed yet" in done.err and done.err.count("\n") == 1
    assert "(hvm) s\n0  y f64[3]  6 to 18\n" in done.out
    assert "z = 18.0" in done.out and "(hvm) back\nwent back 1 instruction" in done.out


def test_output_is_the_same_every_time_and_in_every_engine(step, three):
    script = "b z\nc\nwhere\nv\nlist\nrc\nwatch z\nc\nset y[1] = 100\nrestart\nn 9\nvariables\n"
    runs = {step(script, three, *GIVEN, "--engine", e).out
            for e in ("reference", "jit", "reference")}
    assert len(runs) == 1


def test_an_empty_line_repeats_and_the_end_of_input_ends(step, three):
    done = step("s\n\n\n\n", three, *GIVEN)
    assert done.status == 0 and done.err == "" and "every instruction has run" in done.out


@pytest.mark.parametrize(("line", "words"), [
    ("stpe", "there is no command stpe (did you mean step?)"), ("wa", None),
    ("n 0", "a count is a whole number"), ("p", "say what"), ("p q", "there is no variable q"),
    ("p y[4]", "not computed yet"), ("p x[4]", "4 is outside axis n of x, which is 1..3"),
    ("p x[1,2]", "x has 1 axis, x[n], not 2"), ("p x[", "a value is missing at the end"),
    ("p 1 +* 2", "a value is missing before `*`"), ("p x $ 2", "`$` means nothing here"),
    ("d 7", "there is no breakpoint 7"), ("into", "this program has none"),
    ("r", "`r` may be rc, restart or reverse"), ("dump x", "write it as dump"),
    ("dump x /nowhere/at/all.npy", "cannot be written"), ("p max(x", "`)` is missing"),
    ("p mx(x)", "there is no function mx here (did you mean max?)"), ("c 3", "not expected"),
    ("p x + [1, 2]", "has no value"), ("p 1 & 2", "means nothing"), ("enable", "whole number"),
])  # fmt: skip
def test_wrong_lines_are_said_and_the_session_goes_on(step, three, line, words):
    done = step(f"{line}\np x\n", three, *GIVEN)
    assert done.status == 0 and "x f64[3]" in done.out
    if words is None:
        assert done.err == ""
    else:
        assert done.err.startswith("line 1: error: ") and words in done.err


def test_a_failure_is_stopped_at_and_is_the_status(step, tmp_path):
    file = tmp_path / "fails.hmp"
    file.write_text("given x\ny = 2*x\ncheck y < 10\nz = y + 1\nfind y, z\n")
    done = step("c\np y\nback\np x\nq\n", file, "--set", "x=7")
    assert done.status == 1 and done.err == ""
    assert f"{file}:3:" in done.out and "y = 14.0" in done.out and "x = 7.0" in done.out
    mended = step("c\nrestart\nset x = 1\nc\np z\n", file, "--set", "x=7")
    assert mended.status == 0 and "z = 3.0" in mended.out


def test_dump_writes_an_array(step, three, tmp_path):
    step(f"s\ndump y[2..] {tmp_path / 'y.npy'}\n", three, *GIVEN)
    assert list(np.load(tmp_path / "y.npy")) == [12, 18]


def test_commands_of_a_file_and_bytecode(hvm, three, tmp_path):
    hvm("compile", three, "-o", tmp_path / "three.hvmb")
    script = tmp_path / "script"
    script.write_text("# a comment\nn 2\np z\n")
    done = hvm("step", tmp_path / "three.hvmb", *GIVEN, "--commands", script)
    assert done.status == 0 and "z = 18.0" in done.out
    assert hvm("step", "-").status == 2
    assert hvm("step", three, "--commands", tmp_path / "none").status == 2


def test_invalid_input_is_status_2(step, three):
    assert step("q\n", three, "--set", "x=[[1]]").status == 2
    assert step("q\n", three).status == 2


def test_iterations_of_a_solve(step, tmp_path):
    file = tmp_path / "root.hmp"
    file.write_text("given a\nx*exp(x) = a\nguess x = 1\ny = x + 1\n")
    done = step("into\ns\nn 50\ns\nback\nwhere\nout\nc\np y\n", file, "--set", "a=5")
    assert done.status == 0 and done.err == ""
    assert "evaluation 1 of" in done.out and "left - right = -2.28    line 2" in done.out
    assert "this was the last evaluation: the solution" in done.out and "y = 2.32" in done.out


def test_help_names_every_command(step, three):
    from hvm_vm.tracing.stepping.commands import COMMANDS

    out = step("help\nhelp back\n", three, *GIVEN).out
    assert all(c.help in out for c in COMMANDS)


def test_without_textual_it_goes_line_by_line(monkeypatch, capsys):
    from hvm_vm.commands import step as command

    for name in ("textual", "textual.app"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "hvm_vm.tracing.stepping.screen", raising=False)
    monkeypatch.delitem(sys.modules, "hvm_vm.tracing.stepping.panes", raising=False)
    assert command._screen() is None
    assert "needs the package textual" in capsys.readouterr().err


def test_stepping_bytecode_imports_neither_compiler_nor_textual(step, three, tmp_path):
    step("q\n", three, *GIVEN)
    from hvm_vm.cli import main

    main(["compile", str(three), "-o", str(tmp_path / "three.hvmb")])
    code = ("import sys\nfrom hvm_vm.cli import main\n"
            f"main(['step', {str(tmp_path / 'three.hvmb')!r}, '--set', 'x=[1,2]'])\n"
            "print([m for m in sys.modules if m.startswith(('hvm_vm.language', "
            "'hvm_vm.relations', 'hvm_vm.lowering', 'numba', 'textual'))])")
    done = subprocess.run([sys.executable, "-c", code], input="c\nv\n", capture_output=True,
                          text=True)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr
