"""What a file's characters mean: lines, statements, names, numbers, twins."""

from __future__ import annotations

import pytest

from hvm_vm.errors import CompileError
from hvm_vm.language import Diagnostics, Source, parse
from hvm_vm.language import syntax as ast


def read(text: str) -> tuple:
    source = Source("t.hmp", text)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    assert not len(diagnostics), diagnostics.render()
    return file.statements


def same(left: str, right: str) -> None:
    assert read(left) == read(right)


@pytest.mark.parametrize(
    "text, count",
    [
        ("", 0),
        ("\n\n  # nothing\n", 0),
        ("# no line end", 0),
        ("a = 1; b = 2", 2),
        ("a = 1;; b = 2;\n;", 2),
        ("a = 1\nb = 2 # last", 2),
        ("a = (1 +\n\n # why\n 2\n)\nb = 2", 2),
        ("a = b[1,\n2]", 1),
        ("a = 1 +\n2", 1),
        ("a =\n\n# why\n2", 1),
        ("a = 1 # one\n  + 2", 1),
        ("a = 1\n# why\n# and why\n  * 2", 1),
        ("a = 1\n- b", 1),
        ("a\n= 1", 1),
        ("a = 1\n\n-b = 2", 2),
        ("a = 1;\n-b = 2", 2),
        ("a = 1\n  where t > 1", 1),
        ("a = 1 where\n t > 1\n  and t < 3", 1),
        ("a = 1\notherwise", 1),
        ("a = 1\n outside # all around\nb = 2", 2),
        ("a = 1\notherwise = 2", 2),
        ("given a,\n b\n , c", 1),
        ('given a[i]\n  from "x"', 1),
        ("index n : 100\n until x[n] > 1", 1),
        ("index n :\n 100", 1),
        ("check a = b\n within 1e-9\n where t > 1", 1),
        ("guess x = 1\n in 0..2", 1),
        ("a = b\nin = 3\nuntil = 4\nwithin = 5\nfrom = 6", 5),
        ("find a\nin and b = 3\nwithin or c = 4", 3),
        ("a = b1 + ...\nc = 3", 2),
    ],
)
def test_statement_ends(text, count):
    assert len(read(text)) == count


def test_line_ends_tabs_and_byte_order_mark():
    same("\ufeffa = 1\r\nb\t=\t2\rc = 3\r\n", "a = 1\nb = 2\nc = 3")
    same("a\u00a0= 1\u2003+ 2", "a = 1 + 2")


def test_names_are_normalized():
    same("caf\u0065\u0301 = 1", "caf\u00e9 = 1")
    same("\u2126 = 1", "\u03a9 = 1")  # the ohm sign is a letter omega
    names = [s.lhs.name for s in read("χ1_2 = 1; _x = 2; x̂ = 3; x₁ = 4; 変数 = 5; Σ = 6")]
    assert names == ["χ1_2", "_x", "x̂", "x₁", "変数", "Σ"]


@pytest.mark.parametrize(
    "text, value",
    [
        ("1", 1), ("1.5", 1.5), (".5", 0.5), ("2.", 2.0), ("1e-9", 1e-9), ("1E3", 1e3),
        ("1.5e+2", 150.0), ("1_000", 1000), ("1_000.5", 1000.5), ("007", 7),
        ("123456789012345678901", 123456789012345678901),
    ],
)  # fmt: skip
def test_numbers(text, value):
    (relation,) = read(f"x = {text}")
    assert relation.rhs == ast.Number(value)
    assert type(relation.rhs.value) is type(value)
    assert relation.rhs.text == text


def test_ranges_beside_numbers():
    (index,) = read("index t : 1..T")
    assert (index.lo, index.hi) == (ast.Number(1), ast.Name("T"))
    (guess,) = read("guess v = 0.3 in .5..1.5")
    assert (guess.lo, guess.hi) == (ast.Number(0.5), ast.Number(1.5))


@pytest.mark.parametrize(
    "twin, plain",
    [
        ("x = a · b × c ⋅ d ÷ e − f", "x = a * b * c * d / e - f"),
        ("check a ** b == c", "check a ^ b = c"),
        ("check a ≤ b ≥ c ≠ d", "check a <= b >= c != d"),
        ("x = ∞", "x = inf"),
        ("x = a² + b³ - c⁻¹ * 2¹⁰", "x = a^2 + b^3 - c^-1 * 2^10"),
        ("x = -a²", "x = -(a^2)"),
        ("x = a²^3", "x = a^(2^3)"),
        ("x = Σ[i](a[i]) + ∑[i](a[i])", "x = sum[i](a[i]) + sum[i](a[i])"),
        ("x = Π[i | i < 3](a[i]) * ∏[i](a[i])", "x = prod[i | i < 3](a[i]) * prod[i](a[i])"),
        ("x = √2 + √(a + b)", "x = sqrt(2) + sqrt(a + b)"),
        ("x = √a[i]² * 3", "x = sqrt(a[i]^2) * 3"),
        ("x = √√16", "x = sqrt(sqrt(16))"),
        ("x = √(a)^2", "x = sqrt(a)^2"),
        ("x = a1 + … + a3", "x = a1 + ... + a3"),
    ],
)
def test_twins(twin, plain):
    same(twin, plain)


def test_pi_and_sigma_stay_names():
    a, b = read("x = π\nΣ[i,j] = 2")
    assert a.rhs == ast.Name("π")
    assert b.lhs == ast.Subscript("Σ", (ast.Name("i"), ast.Name("j")))


def test_spans_are_places_in_the_text():
    text = "é = 1\n  long[t, i+1] = f(é) * -2  # why\n"
    source = Source("t.hmp", text)
    _, relation = parse(source, Diagnostics(source)).statements
    assert source[relation.span] == "long[t, i+1] = f(é) * -2"
    assert source[relation.lhs.span] == "long[t, i+1]"
    assert source[relation.lhs.name_span] == "long"
    assert source[relation.lhs.subs[1].span] == "i+1"
    assert source[relation.rhs.span] == "f(é) * -2"
    assert [source[f.span] for f in relation.rhs.factors] == ["f(é)", "-2"]
    assert source.position(relation.lhs.span.start) == (2, 3)


def test_invalid_utf8_is_located():
    with pytest.raises(CompileError) as caught:
        Source.from_bytes("t.hmp", b"a = 1\nb = \xff\n")
    assert "t.hmp:2:5: error: the byte 0xff is not valid UTF-8" in str(caught.value)


def test_source_positions():
    source = Source("t", "ab\n\ncd")
    assert [source.position(k) for k in range(7)] == [
        (1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3),
    ]  # fmt: skip
    assert [source.line_text(k) for k in (1, 2, 3)] == ["ab", "", "cd"]
