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
from tests.relations.programs import errors

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted([*ROOT.glob("tests/programs/*.hmp"), *ROOT.glob("examples/*.hmp")])
TEXTS = {p.stem: p.read_text(encoding="utf-8") for p in PROGRAMS} | {
    "dense system": "index i, j : N\nN = 4\nA[i,j] = if(i = j, 4, 1/(i+j))\nb[i] = i\n"
    "sum[j](A[i,j]*x[j]) = b[i]\ny = sum[i](x[i]^2)\nfind x[i], y",
    "rod": "index i : 0..N\nN = 6; h = 0.5; a = 2\nu[0] = a; u[N] = 1\n"
    "2*u[i] = u[i-1] + u[i+1] + h where i > 0 and i < N\nfind u[i]",
    "nonlinear system": "index k : K\nK = 3\nc[k] = [1, 2, 3]\nguess v[k] = 0.5 in 0..10\n"
    "v[k]^3 + sum[k](v[k])/K = c[k]\nfind v[k]",
    "matrix system": "index i, j : 3\nindex k : 2\nM[i,j] = if(i = j, 3, 0.5)\nB[i,k] = i + k\n"
    "sum[j](M[i,j]*X[j,k]) = B[i,k]\nG[k] = sum[i](X[i,k])\nfind X[i,k], G[k]",
}
TOKEN = re.compile(r"\w+|\.\.\.|\.\.|[^\w\s]|\s+")
ODD = ("0", "-1", "2", "1e308", "99999999999999999999", "[", "...", "otherwise", "outside", "²",
       "√", "∞", "'A'", "sum", "é", "\n")


def outcome(text: str) -> str:
    source = Source("mutant.hmp", text)
    diagnostics = Diagnostics(source)
    try:
        build(parse(source, diagnostics), source, diagnostics)
    except CompileError as problem:
        assert str(problem).strip()
        return "errors"
    return "system"


def mutant(text: str, rng: random.Random) -> str:
    if rng.random() < 0.3:  # relations lost, doubled, in another order
        lines = text.split("\n")
        k = rng.randrange(len(lines))
        lines[k:k + 1] = rng.choice(([], [lines[k]] * 2, [rng.choice(lines)]))
        if rng.random() < 0.5:
            rng.shuffle(lines)
        text = "\n".join(lines)
    tokens = TOKEN.findall(text)
    for _ in range(rng.randint(0, 3)):
        k = rng.randrange(len(tokens))
        action = rng.random()
        if action < 0.3:
            tokens[k] = rng.choice(tokens)
        elif action < 0.5:
            tokens[k] = ""
        elif action < 0.6:
            tokens[k] = rng.choice(ODD)
        elif action < 0.8:
            tokens.insert(k, rng.choice(tokens))
        else:
            other = rng.randrange(len(tokens))
            tokens[k], tokens[other] = tokens[other], tokens[k]
    return "".join(tokens)


@pytest.mark.parametrize("name", TEXTS)
def test_mutants_of_programs(name):
    lines = [x for x in TEXTS[name].splitlines() if not x.startswith("#")]
    rng = random.Random(name)
    for _ in range(40):
        text = mutant("\n".join(lines), rng)
        try:
            assert outcome(text) in ("errors", "system")
        except Exception as problem:
            raise AssertionError(text) from problem


@pytest.mark.parametrize("text", [
    "x[i] = [1, 2, 3]\nindex i : 3\nx[i] = [1, 2, 3]\ny[i] = x[i]",      # nothing but lists
    "index i : 0..N\nN = 6\n2*u[i] = u[i-1] + u[i+1] + h where i > 0 and i < N\nu[0] = a\n"
    "a[N] = 1\na = 2\nh = 1\nfind u[i]",                                 # a system of broken parts
    "index i : 3\ngiven b[i], A[[,i]\nfind y[i]\nx[0] = b[1]\ny[i] = sum[k](A[i,k]*x[i-1])\n"
    "sum[s](K[i,s]*y[s]) = b[i]\nx[i] = y[i] + K[i,1]",                    # without equations
])
def test_what_was_once_an_internal_error(text):
    assert outcome(text) == "errors"


@pytest.mark.parametrize(("text", "line"), [
    ("index i : 99999999999999999999\ny = max[i](i)", 1),
    ("y = max[i](i)\nindex i : -10^8*10^8..0", 2),
    ("index i : 2^47\nindex k : -2^48..2^48\ny = max[i,k](i + k)", 2),
    ("index i : 0..M\ny[i] = i\nM = 99999999999999999999", 3),
    ("index i : N..N + 10^20\ny[i] = i", 1),
    ("index i : 3\ny[i] = i\nfind y[-10^20..2]", 3),
])
def test_sizes_beyond_all_arrays_are_told_where_they_stand(text, line):
    found = errors(text)
    assert len(found) == 1 and found[0].startswith(f"{line}: "), found
    assert "too large" in found[0] or "too many" in found[0]
