"""Statements, and words that begin statements only where they can."""

from __future__ import annotations

import pytest

from hvm_vm.language import Diagnostics, Source, parse, parse_find
from hvm_vm.language.syntax import (
    Call,
    Check,
    Compare,
    Find,
    Given,
    GivenItem,
    Guess,
    IndexDecl,
    ListExpr,
    Name,
    Number,
    Precision,
    Range,
    Reduce,
    Relation,
    Subscript,
    Sum,
)  # fmt: skip


def read(text: str):
    source = Source("t", text)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    assert not len(diagnostics), diagnostics.render()
    (statement,) = file.statements
    return statement


a, b, i, j, n, t, x, N, T = map(Name, "abijntxNT")
one, zero, three = Number(1), Number(0), Number(3)
minus_one = Sum((N, one), (False, True))


@pytest.mark.parametrize(
    "text, statement",
    [
        ("index i : 8", IndexDecl((i,), one, Number(8))),
        ("index t, i : T", IndexDecl((t, i), one, T)),
        ("index n : 0..N-1", IndexDecl((n,), zero, minus_one)),
        (
            "index n : 9 until x[n] < 1 and n > 3",
            IndexDecl((n,), one, Number(9), read("check x[n] < 1 and n > 3").condition),
        ),
        ("given a, x[i]", Given((GivenItem("a"), GivenItem("x", (i,))))),
        (
            "given integer a[t], b, integer x",
            Given((GivenItem("a", (t,), True), GivenItem("b"), GivenItem("x", (), True))),
        ),
        (
            'given x[i, 0..N-1] from "w.{i-1}", b',
            Given((GivenItem("x", (i, Range(zero, minus_one)), False, "w.{i-1}"), GivenItem("b"))),
        ),
        ("given integer", Given((GivenItem("integer"),))),
        ("given integer[t], from", Given((GivenItem("integer", (t,)), GivenItem("from")))),
        ('given integer from "w"', Given((GivenItem("integer", (), False, "w"),))),
        ("find a, x[N,i]", Find((a, Subscript("x", (N, i))))),
        ("find x[1..3]", Find((Subscript("x", (Range(one, three),)),))),
        ("a = b", Relation(a, b)),
        ("a == b", Relation(a, b)),
        ("a = (b = 1)", Relation(a, Compare((b, one), ("=",)))),
        ("a = b < 1", Relation(a, Compare((b, one), ("<",)))),
        ("a = b where t > 1", Relation(a, b, Compare((t, one), (">",)))),
        ("a = b where t = 1", Relation(a, b, Compare((t, one), ("=",)))),
        ("a = b otherwise", Relation(a, b, otherwise=True)),
        ("x[i] = 0 outside", Relation(Subscript("x", (i,)), zero, outside=True)),
        ("sum[i](x) = b", Relation(Reduce("sum", (i,), None, x), b)),
        ("x(a) = a", Relation(Call("x", (), (a,)), a)),
        ("x[i](a) = a", Relation(Call("x", (i,), (a,)), a)),
        ("x[i] = [0, 1,]", Relation(Subscript("x", (i,)), ListExpr((zero, one)))),
        (
            "x = [[0], [1,\n 3]]",
            Relation(x, ListExpr((ListExpr((zero,)), ListExpr((one, three))))),
        ),
        ("guess x = 1", Guess(x, one)),
        ("guess x[i] = 1 in 0..3", Guess(Subscript("x", (i,)), one, zero, three)),
        ("check a = b within 1", Check(Compare((a, b), ("=",)), one)),
        (
            "check a > b where t = 1",
            Check(Compare((a, b), (">",)), None, Compare((t, one), ("=",))),
        ),
        ("check (a = b)", Check(Compare((a, b), ("=",)))),
        ("check(a > b)", Check(Compare((a, b), (">",)))),
        ("check(a) + b > 1", Check(read("check (a) + b > 1").condition)),
        ("check -a < b", Check(read("check (-a) < b").condition)),
        ("check not a", Check(read("check (not a)").condition)),
        ("precision float32", Precision("float32")),
    ],
)  # fmt: skip
def test_reads_as(text, statement):
    assert read(text) == statement


@pytest.mark.parametrize("word", ["index", "given", "find", "guess", "check", "precision"])
@pytest.mark.parametrize("rest", [" = 3", "[i] = 3", " + a = 3", " - a = 3", "(a) = 3", "-a = 3"])
def test_words_can_be_names(word, rest):
    assert isinstance(read(word + rest), Relation)


@pytest.mark.parametrize(
    "word",
    ["integer", "from", "until", "in", "within", "last", "otherwise", "outside", "if", "d", "sum"],
)
def test_other_words_can_be_names(word):
    assert read(f"{word} = 2*{word} + 1").lhs == Name(word)
    assert read(f"find {word}, {word}[i]").items[0] == Name(word)
    assert read(f"given {word}, {word}[i], {word}").items[2] == GivenItem(word)


def test_what_find_takes_alone():
    source = Source("--find", "x, u[N,i]")
    diagnostics = Diagnostics(source)
    assert parse_find(source, diagnostics) == (x, Subscript("u", (N, i)))
    assert parse_find(Source("--find", "x +"), diagnostics) == () and diagnostics.has_errors


def test_pattern_places():
    text = 'given W[i] from "a.{i-1}"'
    item = read(text).items[0]
    assert text[slice(*item.pattern_span)] == "a.{i-1}"
    assert text[slice(*item.name_span)] == "W"


@pytest.mark.parametrize(
    "text, count",
    [
        ("a = b\n-x = 1", 2),
        ("given a\n- a + x = 1", 2),
        ("find a  # b\n-x[i-1] + 2*x = b where i > 1", 2),
        ("guess x = 1\n+a = b\n-b = a", 3),
        ("a = b\n- (x = 1)", 1),
        ("a = b\n- x where i = 1", 1),
        ("a\n- x = 1", 1),
        ("a[i = 1]\n- x = 1", 1),
        ("a = b  # x = 1\n- x  # = 1", 1),
        ("a = b where\n- x = 1", 1),
    ],
)  # fmt: skip
def test_a_line_that_begins_with_a_sign(text, count):
    """It is a relation of its own where it has the `=` of one and the one before is complete."""
    diagnostics = Diagnostics(source := Source("t", text))
    assert len(parse(source, diagnostics).statements) == count and not len(diagnostics)
