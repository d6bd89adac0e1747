"""Whatever the text holds, the answer is a tree and diagnostics, and soon."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hvm_vm.errors import CompileError
from hvm_vm.language import Diagnostics, Source, format_source, parse, parse_expression, parse_find
from hvm_vm.language import syntax as ast


def errors(text: str) -> Diagnostics:
    source = Source("t.hmp", text)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    for statement in file.statements:
        assert 0 <= statement.span.start <= statement.span.end <= len(source.text)
    for diagnostic in diagnostics:
        assert 0 <= diagnostic.span.start <= len(source.text)
    diagnostics.render()
    return diagnostics


_PIECES = [
    "x", "sum", "d", "last", "if", "and", "not", "or", "where", "otherwise", "outside", "in",
    "index", "given", "find", "guess", "check", "precision", "integer", "from", "within", "until",
    "1", "2.5", ".", "..", "...", "…", "(", ")", "[", "]", "{", "}", ",", ";", ":", "=", "==", "!=",
    "<", "<=", "+", "-", "*", "/", "^", "**", "|", "²", "√", "Σ", "∞", "'a'", '"b"', "'", '"', "#",
    "\n", " ", "\t", "\\", "\x00", "½", "é", "e\u0301", "\u200b",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
@example("{'a':[")
@example("x=[\n;")
@example("√-x = 1")
def test_any_pieces(text):
    if not errors(text).has_errors:
        once = format_source(Source("t", text))
        assert format_source(Source("t", once)) == once
    errors("{" + text)
    source = Source("t", text)
    parse_expression(source, Diagnostics(source))
    parse_find(source, Diagnostics(source))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text):
    errors(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(data):
    try:
        source = Source.from_bytes("t", data)
    except CompileError as error:
        assert "not valid UTF-8" in str(error)
    else:
        errors(source.text)


@pytest.mark.parametrize(
    "piece",
    ["(", "[", "-", "+", "not ", "2^", "f(", "f[", "√", "√(", "sum[i](", "d(", "(-", "a*(b+", "2²^",
     "if(a,b,", "(a and not ", "last[n](", "a<(", "rms[a](", "sum[i|", "max(a,"],
)  # fmt: skip
@pytest.mark.parametrize("before", ["x = ", "x = y where ", "", "check ", "find x[", "index i : "])
def test_deep_nesting_is_an_error(piece, before):
    found = errors(before + piece * 10_000 + "1")
    assert len(found) == 1, found.render()
    # Where a list, a comparison or a statement cannot stand, that is said instead.
    other = piece in ("[", "not ") or before in ("", "index i : ")
    assert other or "nested too deeply" in found.render(), found.render()


def test_nesting_that_people_write_is_read():
    for text in (
        "x = " + "(" * 150 + "1" + ")" * 150,
        "x = " + "f(" * 100 + "1" + ")" * 100,
        "x = " + "a[" * 80 + "1" + "]" * 80,
        "x = " + "(a + x*" * 80 + "1" + ")" * 80,
    ):
        assert not errors(text).has_errors
        format_source(Source("t", text))


def test_no_tree_is_higher_than_promised():
    text = "1"
    for _ in range(60):  # each adds six levels to the tree, and one bracket
        text = f"({text}^2*3 + 4 < 5 and 6 or 7)"
    source = Source("t", "x = " + text)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    assert not file.statements and "nested too deeply" in diagnostics.render()


def test_little_stack_left():
    def at_depth(n: int):
        return at_depth(n - 1) if n else errors("x = " + "f(" * 150 + "1" + ")" * 150)

    frames = sys.getrecursionlimit() - 250
    depth = 0
    frame = sys._getframe()
    while frame:
        depth, frame = depth + 1, frame.f_back
    found = at_depth(frames - depth)
    assert "nested too deeply" in found.render()


def test_speed_is_linear():
    cases = [
        "x = " + " + ".join(f"a{k}*b{k}" for k in range(100_000)),
        "x = " + "(" * 2_000_000,
        " " * 2_000_000 + "x",
        "x = 1" + " " * 2_000_000,
        "# c\n" * 100_000 + "x = 1",
        "x = (1\n" + "# c\n" * 100_000 + ")",
        "x = 1\n" + "# c\n" * 50_000 + "+ 1",
        "\n" * 1_000_000,
        "x" * 2_000_000 + "é = 1",
        "'" * 200_000,
        "x = (\n" * 20_000,
        "x = f(;" * 20_000,
        "{" + "[" * 200_000,
        '{"a": 1,' * 20_000,
        "a = " + "1" * 1_000_000,
        "x = a" + "²" * 100_000,
        "index " * 50_000,
        "x = 1\n- y\n" * 20_000,
    ]
    for text in cases:
        start = time.perf_counter()
        errors(text)
        assert time.perf_counter() - start < 10, text[:20]


def test_many_scalar_relations():
    text = "\n".join(f"q{k}_1 = W{k}*x{k}_1 + exp(s{k}) / (exp(s1) + ...)" for k in range(5_000))
    source = Source("t", text)
    file = parse(source, Diagnostics(source))
    assert len(file.statements) == 5_000
    assert file.statements[4_999].lhs == ast.Name("q4999_1")
