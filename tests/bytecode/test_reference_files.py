"""The files in bytecode/: they decode, verify and round-trip, and the page and the compiler agree
with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hvm_vm.bytecode import assemble, decode, disassemble, encode, read, verify
from hvm_vm.bytecode.spec import specification

FOLDER = Path(__file__).resolve().parents[2] / "bytecode"
FILES = sorted(FOLDER.glob("*.hvmb"))


def test_the_specification_is_up_to_date():
    page = (FOLDER / "SPEC.md").read_text(encoding="utf-8")
    assert page == specification(), "run: python -m hvm_vm.bytecode.spec > bytecode/SPEC.md"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_reference_file(path):
    data = path.read_bytes()
    module = decode(data)
    verify(module)
    assert encode(module) == data
    assert read(path) == module
    text = path.with_suffix(".hvma").read_text(encoding="utf-8")
    assert encode(assemble(text, path.stem)) == data
    assert disassemble(module) == text


def test_the_compiler_still_makes_them():
    done = subprocess.run(
        [sys.executable, FOLDER / "regenerate.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, f"run: python bytecode/regenerate.py\n{done.stdout}{done.stderr}"
