"""Programs as generators write them: few instructions, whatever the size, and the same values."""

from __future__ import annotations

import random

import pytest

import hvm_vm as hvm
from tests.relations.lift.programs import PROGRAMS
from tests.relations.lift.test_lifting import count, same


def shuffled(lines: list[str], seed: int) -> str:
    random.Random(seed).shuffle(lines)
    return "\n".join(lines) + "\n"


def most(program, n: int) -> int:
    limit = PROGRAMS[program]
    return limit(n) if callable(limit) else limit


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_count_is_small_at_every_size(program):
    for n, engine in ((5, "reference"), (8, "jit")):
        assert count(same(shuffled(program(n), n), engine)) <= most(program, n)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_one_odd_relation(program):
    lines = program(6)
    left, _, right = lines[-2].partition(" = ")
    lines[-2] = f"{left} = cos({right}) + 1"
    assert count(same(shuffled(lines, 1))) <= most(program, 6) + 5


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_indexed_text_is_the_same_program(program, tmp_path, capsys):
    from hvm_vm.cli import main

    path = tmp_path / "unrolled.hmp"
    path.write_text(shuffled(program(6), 2))
    assert main(["lift", str(path)]) == 0
    text = capsys.readouterr().out
    assert sorted(i.op for i in hvm.compile(text).module.code) == sorted(
        i.op for i in hvm.compile(path).module.code)
