"""What people are shown: the indexed program, and what stayed scalar."""

from __future__ import annotations

import hvm_vm as hvm
from hvm_vm.cli import main
from tests.relations.lift.kinds import KINDS
from tests.relations.lift.unroll import unrolled

ODD = """y1 = 2*x1 + x2
y2 = 2*x2 + x3
y3 = 2*x3 + x4
w1 = w0 + y1
w2 = w1*w0 + y2
w3 = w2*w1 + w0*y3
"""


def run(capsys, *arguments) -> tuple[str, str]:
    assert main(list(map(str, arguments))) == 0
    return capsys.readouterr()


def test_the_indexed_text_is_the_same_program(tmp_path, capsys):
    for kind, text in KINDS.items():
        path = tmp_path / f"{kind}.hmp"
        path.write_text(unrolled(text, {"T": 4, "D": 3}, seed=1))
        indexed, _ = run(capsys, "lift", path)
        ops = [i.op for i in hvm.compile(path).module.code]
        assert [i.op for i in hvm.compile(indexed).module.code] == ops
        path.write_text(indexed)  # there is nothing left to lift
        again, _ = run(capsys, "lift", path)
        assert again == indexed or "[" in again


def test_what_stays_scalar_is_said(tmp_path, capsys):
    path = tmp_path / "odd.hmp"
    path.write_text(ODD)
    text, messages = run(capsys, "lift", path)
    assert "y[t] = 2*x[t] + x[t+1]" in text and "w2 = w1*w0 + y[2]" in text
    assert "odd.hmp:5: stays scalar" in messages
    text, _ = run(capsys, "explain", path)
    assert "3 relations from" in text and "stays scalar" in text


def test_a_program_that_does_not_repeat(tmp_path, capsys):
    path = tmp_path / "plain.hmp"
    path.write_text("y = 2*x\n")
    text, messages = run(capsys, "lift", path)
    assert text == "y = 2*x\n" and "nothing is lifted" in messages


def test_a_slip_of_the_lifting_is_no_traceback(tmp_path, capsys, monkeypatch):
    from hvm_vm.relations.lift import lifting

    path = tmp_path / "many.hmp"
    path.write_text("".join(f"y{k} = 2*x{k}\n" for k in range(1, 9)))
    monkeypatch.setattr(lifting, "STRICT", False)
    monkeypatch.setattr(lifting, "assemble", lambda *_: {}["no such thing"])
    text, messages = run(capsys, "lift", path)
    assert text == path.read_text() and "lifting failed inside (KeyError" in messages
    text, _ = run(capsys, "explain", path)
    assert "lifted" not in text
