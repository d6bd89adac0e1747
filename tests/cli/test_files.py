"""compile, verify, dis, asm, check, explain, fmt: commands on files."""

from __future__ import annotations

import io
import itertools

import pytest


@pytest.fixture
def compiled(hvm, line):
    assert hvm("compile", line).status == 0
    return line.with_suffix(".hvmb")


def test_compile_gives_the_same_bytes_each_time(hvm, line, tmp_path, compiled):
    assert hvm("compile", line, "-o", tmp_path / "again.hvmb").status == 0
    assert (tmp_path / "again.hvmb").read_bytes() == compiled.read_bytes()
    assert str(tmp_path).encode() not in compiled.read_bytes()


def test_standard_input_is_a_file_like_others(hvm, line, tmp_path, monkeypatch, compiled):
    def given(data: bytes):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    given(line.read_bytes())
    assert hvm("compile", "-").status == 2
    given(line.read_bytes())
    assert hvm("compile", "-", "-o", tmp_path / "in.hvmb").status == 0
    assert hvm("run", tmp_path / "in.hvmb", "--set", "x=[1]").out.endswith("largest = 3.0\n")
    given(compiled.read_bytes())
    assert hvm("run", "-", "--set", "x=[1]").out.endswith("largest = 3.0\n")
    given(line.read_bytes())
    assert hvm("check", "-").out == "standard input: valid, 3 instructions\n"


def test_compile_writes_nothing_when_it_fails(hvm, tmp_path):
    (tmp_path / "bad.hmp").write_text("y = (1 + 2\n")
    done = hvm("compile", tmp_path / "bad.hmp")
    assert done.status == 2 and "bad.hmp:" in done.err
    assert not (tmp_path / "bad.hvmb").exists()


def test_dis_and_asm_round_trip(hvm, compiled, tmp_path):
    text = hvm("dis", compiled)
    assert text.status == 0
    (tmp_path / "line.hvma").write_text(text.out)
    done = hvm("asm", tmp_path / "line.hvma", "-o", tmp_path / "back.hvmb")
    assert done.status == 0, done.err
    assert (tmp_path / "back.hvmb").read_bytes() == compiled.read_bytes()
    assert hvm("dis", tmp_path / "line.hmp").out == text.out


def test_dis_can_show_the_instructions_alone(hvm, compiled):
    short = hvm("dis", compiled, "--code").out
    assert "\n\n" + short in hvm("dis", compiled).out
    assert short.splitlines()[-1].split() == ["2", "halt"] and "." not in short[:1]


def test_assembly_text_is_no_source(hvm, compiled, tmp_path):
    (tmp_path / "line.hvma").write_text(hvm("dis", compiled).out)
    for command in ("run", "check", "explain", "dis", "trace", "fmt", "compile"):
        done = hvm(command, tmp_path / "line.hvma")
        assert done.status == 2 and "hvm asm" in done.err and done.err.count("\n") == 1


def test_verify(hvm, compiled, line):
    done = hvm("verify", compiled)
    assert done.status == 0 and "valid" in done.out
    assert hvm("verify", line).status == 2


@pytest.mark.parametrize("command", ["verify", "run", "dis", "trace", "check", "explain", "bench"])
def test_damaged_bytecode_is_refused(hvm, compiled, tmp_path, command):
    whole = compiled.read_bytes()
    broken = {
        "short": whole[: len(whole) // 2],
        "changed": whole[:100] + bytes([whole[100] ^ 255]) + whole[101:],
        "header": whole[:10],
    }
    for name, data in broken.items():
        file = tmp_path / f"{name}.hvmb"
        file.write_bytes(data)
        done = hvm(command, file)
        assert done.status == 2 and done.out == "", name
        assert f"{name}.hvmb" in done.err and "Traceback" not in done.err


def test_wrong_assembly_is_told_by_line(hvm, tmp_path):
    (tmp_path / "x.hvma").write_text("this is not assembly\n")
    done = hvm("asm", tmp_path / "x.hvma")
    assert done.status == 2 and not (tmp_path / "x.hvmb").exists()


def test_check_reports_every_error(hvm, tmp_path):
    file = tmp_path / "many.hmp"
    file.write_text("index i : 3\ngiven x[i]\na = xx[1] + 1\nb[i] = x[i]*k\nc = sum[m](x[m])\n")
    done = hvm("check", file)
    assert done.status == 2 and done.out == ""
    for line in (3, 4, 5):
        assert f"many.hmp:{line}:" in done.err, done.err


def test_check_reports_what_is_wrong_beside_statements_that_cannot_be_read(hvm, tmp_path):
    file = tmp_path / "both.hmp"
    file.write_text("given x\ny = foo(x)\nz = (2 +* x\nw = z + 1\nv = sqrt(q)\n")
    done = hvm("check", file)
    assert done.status == 2
    for line in (2, 3, 5):
        assert f"both.hmp:{line}:" in done.err, done.err
    assert "both.hmp:4:" not in done.err  # z stands in the line that cannot be read


def test_check_says_that_a_program_is_valid(hvm, line, compiled):
    assert hvm("check", line).out == f"{line}: valid, 3 instructions\n"
    assert hvm("check", compiled).status == 0


def test_explain_shows_relations_with_their_instructions(hvm, line, compiled):
    done = hvm("explain", line)
    assert done.status == 0
    for words in ("size    N", "input   x f64[N]", "result  largest f64[]", "line.hmp:5: y[n] ="):
        assert words in done.out
    assert hvm("explain", compiled).out == done.out


def test_explain_shows_slices_that_are_asked_for(hvm, line):
    done = hvm("explain", line, "--find", "y[2]")
    assert done.status == 0 and "--find y[2]\n    0  %y[2] f64[] = map" in done.out, done.out


def test_explain_says_where_the_rest_went(hvm, tmp_path):
    file = tmp_path / "parts.hmp"
    file.write_text("given x\nunused = x + 1\nhalf = x/2\ny = half^2\nfind y\n")
    lines = hvm("explain", file).out.splitlines()
    below = dict(itertools.pairwise(lines))
    assert below["parts.hmp:2: unused = x + 1"] == "    not needed for the results"
    assert below["parts.hmp:3: half = x/2"] == "    in 0 (map)", lines


def test_fmt_is_idempotent_and_writes_whole(hvm, tmp_path):
    file = tmp_path / "loose.hmp"
    file.write_text("# kept\nx=1;y   =  x+2   # also kept\n")
    shown = hvm("fmt", file)
    assert shown.status == 0 and "# kept" in shown.out and "# also kept" in shown.out
    assert hvm("fmt", file, "--check").status == 1
    assert hvm("fmt", file, "--write").status == 0
    assert file.read_text() == shown.out
    assert hvm("fmt", file).out == shown.out
    assert hvm("fmt", file, "--check").status == 0


def test_source_commands_refuse_bytecode(hvm, compiled):
    for command in ("fmt", "compile"):
        done = hvm(command, compiled)
        assert done.status == 2 and "bytecode" in done.err


def test_text_that_is_not_utf8(hvm, tmp_path):
    (tmp_path / "latin.hmp").write_bytes("a = 1\ncaf\xe9 = 2\n".encode("latin-1"))
    done = hvm("check", tmp_path / "latin.hmp")
    assert done.status == 2 and "latin.hmp:2" in done.err
