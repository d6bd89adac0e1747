"""Whatever the text, `build` ends in a system or in errors for people."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from hvm_vm.errors import CompileError
from hvm_vm.language import parse
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source
from hvm_vm.relations import build

PROGRAMS = sorted(Path(__file__).parents[1].glob("programs/*.hmp"))
TOKEN = re.compile(r"\w+|\.\.\.|\.\.|[^\w\s]|\s+")


def outcome(text: str) -> str:
    source = Source("mutant.hmp", text)
    diagnostics = Diagnostics(source)
    try:
        build(parse(source, diagnostics), source, diagnostics)
    except CompileError as problem:
        assert str(problem).strip()
        return "errors"
    return "system"


def mutant(tokens: list[str], rng: random.Random) -> str:
    tokens = list(tokens)
    for _ in range(rng.randint(1, 3)):
        k = rng.randrange(len(tokens))
        action = rng.random()
        if action < 0.3:
            tokens[k] = rng.choice(tokens)
        elif action < 0.6:
            tokens[k] = ""
        elif action < 0.8:
            tokens.insert(k, rng.choice(tokens))
        else:
            other = rng.randrange(len(tokens))
            tokens[k], tokens[other] = tokens[other], tokens[k]
    return "".join(tokens)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_mutants_of_programs(path):
    lines = [x for x in path.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    tokens = TOKEN.findall("\n".join(lines))
    rng = random.Random(path.stem)
    assert {outcome(mutant(tokens, rng)) for _ in range(40)} <= {"errors", "system"}
