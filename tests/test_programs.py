"""Programs that carry their own expectations, run by every engine.

    # set: NAME = VALUE          an input, as `--set` takes it
    # expect: NAME = VALUE       a result; a number, a list, or the text of a symbol
    # instructions: N            at most N instructions beside the halt
    # warning: TEXT              (errors/) words that a warning must hold
    # error: TEXT                (errors/) words that the message must hold, one line each
    # status: N                  (errors/) exit status, 2 if not said
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import hvm_vm
from hvm_vm.commands.values import parse_value

FOLDER = Path(__file__).parent / "programs"
PROGRAMS = sorted(FOLDER.glob("*.hmp"))
WRONG = sorted((FOLDER / "errors").glob("*.hmp"))
ENGINES = ("reference", "jit")


def notes(path: Path, key: str) -> list[str]:
    return re.findall(rf"^# {key}: *(.*?) *$", path.read_text(encoding="utf-8"), re.M)


def pairs(path: Path, key: str) -> dict[str, object]:
    found = {}
    for text in notes(path, key):
        name, value = (part.strip() for part in text.split("=", 1))
        found[name] = parse_value(name, value)
    return found


def assert_same(actual, expected) -> None:
    if isinstance(expected, str) or (
        isinstance(expected, list) and expected and isinstance(expected[0], str)
    ):
        assert np.asarray(actual).tolist() == expected
        return
    single = getattr(actual, "dtype", None) == np.float32
    np.testing.assert_allclose(actual, expected, rtol=2e-6 if single else 1e-12, atol=1e-7)
    assert np.shape(actual) == np.shape(expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_program(path, engine):
    expected, given = pairs(path, "expect"), pairs(path, "set")
    assert expected, f"{path.name} expects nothing"
    program = hvm_vm.compile(path, known=frozenset(given))
    for count in notes(path, "instructions"):
        assert len(program.module.code) - 1 <= int(count)
    results = program(engine=engine, **given)
    for name, value in expected.items():
        assert_same(results[name], value)


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_wrong_program(path):
    wanted = notes(path, "error")
    assert wanted, f"{path.name} expects no error"
    given = pairs(path, "set")
    with pytest.raises(hvm_vm.HvmError) as caught:
        hvm_vm.compile(path, known=frozenset(given))(engine="reference", **given)
    text = str(caught.value)
    for words in wanted:
        assert words in text, text
    assert caught.value.exit_status == int((notes(path, "status") or ["2"])[0])
