"""Unrolled blocks become whole operations, and mean what they meant."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.api.program import Program
from hvm_vm.bytecode import verify
from hvm_vm.language import parse
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source
from hvm_vm.lowering import lower
from hvm_vm.relations import build
from hvm_vm.relations.lift import lifting
from tests.relations.lift.kinds import INSTRUCTIONS, KINDS
from tests.relations.lift.unroll import unrolled

SPELLINGS = {
    "in order": {"style": "under"},
    "shuffled": {"style": "all_under", "seed": 1},
    "digits": {"style": "digits", "seed": 2},
    "commuted": {"style": "under", "seed": 3, "commute": True},
    "heads in front": {"style": "lead", "seed": 4, "commute": True},
}


def as_it_stands(text: str) -> Program:
    """The program without lifting."""
    source = Source("text", text)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    return Program(verify(lower(build(file, source, diagnostics))))


def count(program: Program) -> int:
    """Its instructions beside the halt."""
    return len(program.module.code) - 1


def same(text: str, engine: str = "reference", **options) -> Program:
    """The lifted program, whose results equal those of the scalars."""
    plain, program = as_it_stands(text), hvm.compile(text, **options)
    rng = np.random.default_rng(0)
    values = {name: float(rng.normal()) for name in plain.inputs}
    wanted, found = plain(values, engine="reference"), program(values, engine=engine)
    assert set(found) == set(wanted) == set(program.outputs)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12)
    return program


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_blocks_in_every_spelling(kind, spelling):
    text = unrolled(KINDS[kind], {"T": 4, "D": 3}, **SPELLINGS[spelling])
    assert count(same(text)) <= INSTRUCTIONS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_in_the_jit(kind):
    same(unrolled(KINDS[kind], {"T": 4, "D": 3}, seed=5), engine="jit")


@pytest.mark.parametrize("kind", ["attention", "causal", "layer_norm", "convolution"])
def test_the_count_does_not_depend_on_sizes(kind):
    counts = {count(hvm.compile(unrolled(KINDS[kind], {"T": t, "D": d}, seed=6)))
              for t, d in ((3, 2), (5, 4), (9, 3))}
    assert len(counts) == 1


def test_attention_against_numpy():
    tokens, features = 6, 5
    text = unrolled(KINDS["attention"], {"T": tokens, "D": features}, seed=7)
    program = hvm.compile(text)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(tokens, features))
    wq, wk, wv = (rng.normal(size=(features, features)) for _ in range(3))
    s = (x @ wq.T) @ (x @ wk.T).T / np.sqrt(features)
    a = np.exp(s - s.max(axis=1, keepdims=True))
    wanted = a / a.sum(axis=1, keepdims=True) @ (x @ wv.T)
    for engine in ("reference", "jit"):
        out = program(X=x, Wq=wq, Wk=wk, Wv=wv, engine=engine)
        np.testing.assert_allclose(out["O"], wanted, rtol=1e-9)
        assert out["O2_3"] == pytest.approx(wanted[1, 2])
        assert len(out) == tokens * features


def test_the_seed_s_block_is_attention():
    def listing(program):
        return [i.op for i in program.module.code]

    lifted, indexed = (hvm.compile(f"examples/{name}.hmp")
                       for name in ("transformer_block", "attention"))
    assert listing(lifted) == listing(indexed)


def test_odd_relations_become_cases():
    lines = unrolled(KINDS["attention"], {"T": 4, "D": 3}).splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("Q2_1 ="))
    lines[place] = "Q2_1 = 3*X1_1 + sqrt(abs(Wq1_1))"
    program = same("\n".join(lines) + "\n")
    assert count(program) <= 5


def test_a_missing_relation_is_an_input():
    lines = unrolled(KINDS["attention"], {"T": 4, "D": 3}).splitlines()
    program = same("\n".join(line for line in lines if not line.startswith("Q2_1 =")) + "\n")
    assert "Q2_1" in program.inputs and count(program) <= 6


def test_holes_in_results():
    lines = unrolled(KINDS["attention"], {"T": 4, "D": 3}).splitlines()
    program = same("\n".join(line for line in lines if not line.startswith("O3_2 =")) + "\n")
    assert "O3_2" not in program.outputs and count(program) <= 4


def test_what_depends_on_itself_stays():
    text = "x1 = x0 + a1\nx2 = x1 + a2\nx3 = x2 + a3\nx4 = x3 + a4\nfind x4\n"
    same(text)


def test_constants_in_relations():
    rng = np.random.default_rng(2)
    w = rng.normal(size=(4, 3)).round(3)
    text = "".join(
        f"y{t}_{i} = " + " + ".join(f"{w[i - 1, j]}*x{t}_{j + 1}" for j in range(3)) + "\n"
        for t in range(1, 6) for i in range(1, 5)).replace("+ -", "- ")
    program = same(text)
    assert [i.op for i in program.module.code] == ["contract", "halt"]
    taps = "".join(f"y{n} = 0.1*x{n} + 0.2*x{n + 1} + 0.7*x{n + 2}\n" for n in range(1, 9))
    assert [i.op for i in same(taps).module.code] == ["contract", "halt"]


def test_the_dictionary_form_and_dots():
    text = "{" + ", ".join(
        f'"{left.strip()}": "{right.strip()}"' for left, right in (
            line.split("=") for line in unrolled(
                KINDS["attention"], {"T": 3, "D": 2}).splitlines())) + "}"
    assert count(same(text)) <= 4
    dots = "".join(f"a{t}_{u} = exp(s{t}_{u}) / (exp(s{t}_1) + ...)\n"
                   f"o{t} = a{t}_1*v1 + ... + a{t}_4*v4\n" for t in range(1, 4)
                   for u in range(1, 5)).splitlines()
    text = "\n".join(dict.fromkeys(dots)) + "\n"
    assert count(same(text)) <= 2


def test_large_texts_are_read_as_small_ones(monkeypatch):
    from hvm_vm.relations.lift import lifting

    text = unrolled(KINDS["heads"], {"T": 4, "D": 3}, seed=8, style="digits")
    text = text.replace("\n", " # a comment\n\n", 9).replace("\n", "; ", 3)
    small = hvm.compile(text)
    monkeypatch.setattr(lifting, "LARGE", 0)
    large = hvm.compile(text)
    assert large.disassemble() == small.disassemble()
    assert count(large) <= 4


def test_subscripts_that_go_up_by_two():
    even = "".join(f"y{2 * k} = 2*x{k}\ny{2 * k + 1} = x{k} + x{k + 1}\n" for k in range(1, 7))
    program = same(even)
    assert count(program) == 2 and "x" in program.inputs
    pooled = "".join(
        f"p{i}_{j} = max(x{2 * i - 1}_{2 * j - 1}, x{2 * i - 1}_{2 * j}, x{2 * i}_{2 * j - 1},"
        f" x{2 * i}_{2 * j})\n" for i in range(1, 4) for j in range(1, 4))
    assert count(same(pooled)) <= 2


def test_constants_that_many_relations_share():
    """A matrix written into the rows of many tokens, its signs in the text; a row of ones, too."""
    w = [[0.5, -0.25, 1.5], [-1.0, 0.75, -0.5], [1.0, 1.0, 1.0], [-0.1, -0.2, 0.3]]
    bias = [0.5, 0.25, -0.5, 0.75]
    text = "".join(
        f"y{t}_{i} = " + "".join(f"{v}*x{t}_{j} + " for j, v in enumerate(w[i], 1)) + f"{bias[i]}\n"
        for t in range(1, 10) for i in range(4)).replace("+ -", "- ")
    assert [i.op for i in same(text).module.code] == ["contract", "halt"]
    # Two numbers for many rows each are cases, not an array of a hundred numbers.
    text = "".join(f"y{t} = {0.5 if t < 30 else 0.7}*x{t}\n" for t in range(1, 100))
    program = same(text)
    assert count(program) == 2


def test_a_slip_of_the_lifting_leaves_the_program_as_it_stands(monkeypatch):
    text = "".join(f"y{k} = 2*x{k}\n" for k in range(1, 9))
    monkeypatch.setattr(lifting, "STRICT", False)
    monkeypatch.setattr(lifting, "assemble", lambda *_: {}["no such thing"])
    program = hvm.compile(text)
    assert "lifting failed inside (KeyError" in program.warnings[0]
    assert program(x=range(8))["y"].tolist() == [2.0 * k for k in range(8)]
    with pytest.raises(hvm.HvmError):  # what is wrong with the program is said as ever
        hvm.compile(text + "z = = 3\n")


def test_a_check_of_a_temporary_keeps_it():
    lines = [f"s{i} = s{i - 1} + a{i}" for i in range(1, 31)]
    lines += ["s0 = 1", "check s25 = s24 + a25", *(f"a{i} = {i % 5}" for i in range(1, 31))]
    text = "\n".join(lines) + "\n"
    for known in (set(), {"a11"}, {"a25", "a24"}):
        program = hvm.compile(text, known=known)
        assert "s25" not in program.inputs and "s24" not in program.inputs
        found = program({name: 7.0 for name in known})
        own = [7.0 if f"a{i}" in known else i % 5 for i in range(1, 31)]
        assert found["s30"] == pytest.approx(1 + sum(own))


def test_recurrences_around_few_equations_stay_recurrences():
    lines = [f"x{i} = x{i - 1} + 0.1*sin(y{i - 1})" for i in range(1, 13)]
    lines += [f"y{i} = y{i - 1} - 0.1*x{i - 1}" for i in range(1, 13) if i != 7]
    lines += ["y6 - 0.1*x6 = y7^3", "x0 = 1", "y0 = 0.5", "guess y7 = 1"]
    for known in (set(), {"y4"}):
        program = hvm.compile("\n".join(lines) + "\n", known=known)
        assert "system" not in [i.op for i in program.module.code]
        x, y = [1.0], [0.5]
        for i in range(1, 13):
            x.append(x[-1] + 0.1 * np.sin(y[-1]))
            y.append(y[-1] - 0.1 * x[-2])
            y[-1] = np.cbrt(y[-1]) if i == 7 else 2.0 if f"y{i}" in known else y[-1]
        found = program({name: 2.0 for name in known})
        assert found["x12"] == pytest.approx(x[12]) and found["y12"] == pytest.approx(y[12])
