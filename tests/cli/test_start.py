"""How the command starts, and how it ends when there is nothing to run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hvm_vm.commands import COMMANDS


def start(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "hvm_vm"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_help_lists_the_commands_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom hvm_vm.cli import main\nmain(['--help'])\n"
        "print(sorted(m for m in ('numpy', 'numba', 'scipy', 'rich') if m in sys.modules))"
    )
    done = start(code=code)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.endswith("[]\n")
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name, hvm):
    done = hvm(name, "--help")
    assert done.status == 0 and done.err == ""
    assert f"usage: hvm {name}" in done.out and f"\n  hvm {name} " in done.out
    assert hvm("help", name).out == done.out


def test_compiled_programs_run_without_the_compiler(tmp_path, hvm, line):
    hvm("compile", line, "-o", tmp_path / "line.hvmb")
    code = (
        "import sys\nfrom hvm_vm.cli import main\n"
        f"main(['run', {str(tmp_path / 'line.hvmb')!r}, '--set', 'x=[1,2]'])\n"
        "print([m for m in sys.modules if m.startswith(('hvm_vm.language', 'hvm_vm.relations', "
        "'hvm_vm.lowering', 'numba'))])"
    )
    done = start(code=code)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ""),
        (["rum", "x.hmp"], "did you mean `hvm run`"),
        (["run"], "required: FILE"),
        (["run", "x.hmp", "--engine", "gpu"], "--engine"),
        (["run", "x.hmp", "--threads", "0"], "at least 1"),
        (["trace", "x.hmp", "--repeat", "many"], "not a whole number"),
        (["run", "x.hmp", "--colour"], "--colour"),
        (["run", "nowhere.hmp"], "there is no such file"),
        (["lift", "nowhere.hmp"], "there is no such file"),
        (["step", "nowhere.hmp"], "there is no such file"),
    ],
)
def test_wrong_command_lines_end_with_status_2(arguments, words, hvm):
    done = hvm(*arguments)
    assert done.status == 2
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_file_in_the_place_of_a_command(hvm, line):
    done = hvm(line)
    assert done.status == 2 and f"hvm run {line}" in done.err


def test_a_near_file_name_is_offered(hvm, line):
    done = hvm("run", line.with_name("lime.hmp"))
    assert done.status == 2 and "did you mean" in done.err and "line.hmp" in done.err


def test_version(hvm):
    assert hvm("--version").out.startswith("hvm 0.")


def test_a_closed_pipe_is_no_error(tmp_path):
    file = tmp_path / "many.hmp"
    file.write_text("\n".join(f"name_{n}_of_many = {n}" for n in range(5000)))
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m hvm_vm fmt {file} | head -n 1"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == "" and done.stdout.startswith("name_0_of_many")


def test_a_defect_is_one_line_that_asks_for_a_report(hvm, line, monkeypatch):
    import hvm_vm.commands.check as check

    def broken(_):
        raise ZeroDivisionError("of our own making")

    monkeypatch.setattr(check, "run", broken)
    done = hvm("check", line)
    assert done.status == 70
    assert done.err.count("\n") == 1 and "please report" in done.err
    assert "of our own making" in done.err
    monkeypatch.setenv("HVM_DEBUG", "1")
    assert "Traceback" in hvm("check", line).err


def test_interrupting_ends_with_130(hvm, line, monkeypatch):
    import hvm_vm.commands.check as check

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "run", interrupted)
    done = hvm("check", line)
    assert done.status == 130 and "Traceback" not in done.err


@pytest.mark.parametrize(
    ("redirection", "status", "words"),
    [
        ("</dev/null >&-", 0, ""),
        ("<&-", 0, ""),
        (">/dev/full", 1, "standard output cannot be written"),
        ("--out /dev/full", 2, "/dev/full: cannot be written"),
    ],
)
def test_streams_that_are_closed_or_full(line, redirection, status, words):
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m hvm_vm run {line} --set 'x=[1]' {redirection}"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == status and words in done.stderr
    assert "Traceback" not in done.stderr and "internal error" not in done.stderr


def test_the_demo_runs(hvm, monkeypatch):
    root = Path(__file__).parents[2]
    monkeypatch.chdir(root)
    script = (root / "examples" / "demo.sh").read_text().replace("$folder", "examples")
    shown = [shlex.split(line)[1:] for line in script.splitlines() if line.startswith("show ")]
    assert {command[0] for command in shown} >= {"run", "dis", "trace", "explain", "bench"}
    for command in shown:
        done = hvm(*command)
        assert done.status == 0 and done.out, done.err
        assert max(map(len, done.out.splitlines())) < 200, command
