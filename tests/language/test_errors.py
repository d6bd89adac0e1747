"""Every kind of error: its words, its place, its help; and that one run reports them all."""

from __future__ import annotations

import pytest

from hvm_vm.errors import CompileError
from hvm_vm.language import Diagnostic, Diagnostics, Source, Span, nearest, parse
from hvm_vm.language.diagnostics import render


def errors(text: str) -> Diagnostics:
    source = Source("t.hmp", text)
    diagnostics = Diagnostics(source)
    parse(source, diagnostics)
    return diagnostics


# The place is where `^` marks it: the text is read without the mark.
@pytest.mark.parametrize(
    "text, message",
    [
        ("x = (a + b^", "expected ')' to close a '('"),
        ("x = (a + b^\ny = 3", "expected ')' to close a '('"),
        ("x = (a + b^]", "expected ')' to close a '(', and not ']'"),
        ("x = f(a ^b)", "expected ')' to close a '(' before 'b'"),
        ("x = a[i^", "expected ']' to close a '['"),
        ("x = [1, 2^", "expected ']' to close a '['"),
        ("x = a^)", "this ')' closes nothing"),
        ("x = ^)", "expected a value before ')'"),
        ("x = 2^y", "expected the end of the statement before 'y'"),
        ("x = a +^", "the line ends where a value is expected"),
        ("x =^", "the line ends where a value is expected"),
        ("^= 3", "nothing stands to the left of '='"),
        ("x = a ^= b", "a second '=' in one relation"),
        ("x = a\n*y ^= b", "a second '=' in one relation"),
        ("x = a\n+ c\n-y ^= b", "a second '=' in one relation"),
        ("^x < 3", "a condition alone states nothing"),
        ("^not x", "a condition alone states nothing"),
        ("^x + 1", "this is no relation: it has no '='"),
        ("x ^:= 3", "':=' is not used"),
        ("^gvien x", "'gvien' begins no statement"),
        ("x ^y = 3", "expected '=' before 'y'"),
        ("x = a ^wher t > 1", "expected the end of the statement before 'wher'"),
        ("x = y where t > 1 ^otherwise", "a relation takes one of"),
        ("x = y otherwise ^where t", "a relation takes one of"),
        ("x = ^[1, 2] + 3", "a list of constants stands alone"),
        ("x = 3 + ^[1, 2]", "expected a value before '['"),
        ("x = (a^, b)", "a comma between plain parentheses"),
        ("x = a[1^..3]", "a range cannot stand here"),
        ("x = 1^..3", "expected the end of the statement before '..'"),
        ("x = ^sum[j] A[j]", "'sum[...]' does not say how far it reaches"),
        ("x = ^max[j | j < 3]", "'max[...]' does not say how far it reaches"),
        ("x = sum[^2*j](A[j])", "'sum[...]' runs over indices"),
        ("x = sum[i,^i](a)", "the index 'i' stands here twice"),
        ("x = sum[i](a^, b)", "'sum[...]' takes one expression"),
        ("x = A[j ^| j < 2]", "a condition after '|' belongs in a reduction"),
        ("x = f[j ^| j < 2](a)", "'f' is a function with axes"),
        ("x = last[n ^| n < 2](a)", "'last' takes no condition"),
        ("x = last[n,^m](a)", "'last' takes one index"),
        ("x = ^f()", "'f()' has nothing between its parentheses"),
        ("^x[] = 3", "'x[]' has no subscripts"),
        ("x = ^d(L)", "'d(...)' stands only in a derivative"),
        ("^d(x) = 3", "'d(...)' stands only in a derivative"),
        ("x = ^d(L)/d(W)^^2", "this power of a derivative can be read in two ways"),
        ("x = ^... + a", "expected a value before '...'"),
        ("x = a ^... b", "expected the end of the statement before '...'"),
        ("x = f(a, ^...)", "expected a value before '...'"),
        ("x = (a ^...)", "'...' stands only among the terms"),
        ("x = a + ... + ^...", "two '...' in a row"),
        ("x = a - ^...", "'...' after the first '-' has no family"),
        ("x = a - b + ^...", "begin with two different operators"),
        ("x = a + ... ^- b", "end with two different operators"),
        ("x = a + ... ^* b", "'...' is a whole term"),
        ("x = a + ^not b", "'not' stands in the middle"),
        ("x = ^and", "expected a value before 'and'"),
        ("x = ^|a|", "expected a value before '|'"),
        ("x = ^1e999", "this number is too large for a float64"),
        ("x = ^'abc", "this ' is never closed"),
        ('given a from ^"abc', 'this " is never closed'),
        ("x = a ^& b", "'&' has no meaning in HMP"),
        ("x = a ^% b", "'%' has no meaning in HMP"),
        ("x = ^!a", "'!' has no meaning in HMP"),
        ("x = ^“a”", "typographic quote"),
        ("x = a ^– b", "a dash and not a minus sign"),
        ("x = a^.b", "'.' has no meaning here"),
        ("x = ^½", "the character '½' (U+00BD)"),
        ("x = a^\u200bb", "the file holds the character U+200B"),
        ("x = a^\x00b", "the file holds the character U+0000"),
        ("x = ^{1}", "'{' has no meaning here"),
        ("^given", "'given' has nothing after it"),
        ("^check", "'check' has nothing after it"),
        ("^index t", "this index has no range"),
        ("^index t :\ny = 3", "this index has no range"),
        ("index t^, = 3", None),
        ("index t ^= 3", "expected ':' and not '='"),
        ("index t ^in 1..3", "expected ':' and not 'in'"),
        ("index t : 3^, j : 4", "an index statement gives one range"),
        ("given x ^= 3", "'given' declares an input and sets no value"),
        ("given W from ^weight", "expected the name of a tensor in quotes"),
        ("given x, ^3", "expected the name of an input before '3'"),
        ("find x ^+ 1", "expected the end of the statement before '+'"),
        ("find x ^= 1", "'find' names results"),
        ("find ^f(x)", "'find' takes a variable"),
        ("guess x^", "the line ends where '=' and a value is expected"),
        ("guess x = 1 in 3^", "the line ends where '..' and the upper bound is expected"),
        ("guess x = 1^, y = 2", "a 'guess' is of one variable"),
        ("precision ^double", "'double' is no precision"),
    ],
)
def test_words_and_place(text, message):
    place = text.index("^")
    found = tuple(errors(text[:place] + text[place + 1 :].replace("^^", "^")))
    assert len(found) == 1, render(found)
    if message is not None:
        assert message in found[0].message
        assert found[0].span.start == place, found[0].render()


@pytest.mark.parametrize(
    "text, help",
    [
        ("x = 2y", "written with '*'"),
        ("x = a wher t > 1", "did you mean 'where'?"),
        ("gvien x", "did you mean 'given'?"),
        ("x = a\n*y = b", "to part them, end that line with ';'"),
        ("x = if a > 3 then 2", "if(condition, then, else)"),
        ("x = |a|", "abs(x)"),
        ("x", "write 'find' before it"),
    ],
)
def test_help(text, help):
    (found,) = errors(text)
    assert help in found.help


def test_all_errors_of_a_file_at_once():
    text = """x = (a + b
y = 3
z = f(1,
      2 3,
      4)
w = 'a
u = a b
  + c
v = a ; 5 = ; q = ) ; r = 1
index i 3
"""
    lines = [Source("", text).line_number(d.span.start) for d in errors(text)]
    assert lines == [1, 4, 6, 7, 9, 9, 10]
    source = Source("t", text)
    names = [s.lhs.name for s in parse(source, Diagnostics(source)).statements]
    assert names == ["y", "v", "r"]


def test_rendering():
    diagnostics = Diagnostics(Source("f.hmp", "a = 1\n日本\té̂ = (2 + \U0001f600\n"))
    diagnostics.error("no such thing", Span(9, 11), help="try", notes=[("seen here", Span(0, 1))])
    assert diagnostics.render().split("\n") == [
        "f.hmp:2:4: error: no such thing",
        "    日本    é̂ = (2 + \U0001f600",
        "            ^",
        "f.hmp:1:1: note: seen here",
        "    a = 1",
        "    ^",
        "help: try",
    ]
    diagnostics = Diagnostics(Source("f.hmp", "x = \U0001f600 + \x1b[31m"))
    diagnostics.warning("wide", Span(4, 5))
    assert diagnostics.render().split("\n")[2] == "        ^^"
    assert "\x1b" not in diagnostics.render()
    assert not diagnostics.has_errors and len(diagnostics.warnings) == 1
    diagnostics.raise_if_errors()


def test_a_long_line_is_quoted_in_part():
    text = "a = " + "1 + " * 10_000 + "?"
    (found,) = errors(text)
    _, quoted, caret = found.render().split("\n")[:3]
    assert len(quoted) < 120 and quoted[caret.index("^")] == "?"


def test_places_beyond_the_text_and_no_place():
    diagnostics = Diagnostics(Source("f.hmp", "x"))
    diagnostics.error("beyond", Span(50, 60))
    diagnostics.error("nowhere")
    assert diagnostics.render().startswith("f.hmp:1:2: error: beyond\n    x\n     ^")
    assert diagnostics.render().endswith("f.hmp: error: nowhere")
    assert Diagnostic("error", "alone").render() == "error: alone"


def test_each_once_in_the_order_of_the_text():
    diagnostics = Diagnostics(Source("f.hmp", "abc"))
    diagnostics.error("last")
    diagnostics.error("second", Span(2, 3))
    diagnostics.error("first", Span(0, 1))
    diagnostics.error("first", Span(0, 1))
    assert [d.message for d in diagnostics] == ["first", "second", "last"]
    with pytest.raises(CompileError) as caught:
        diagnostics.raise_if_errors()
    assert [d.message for d in caught.value.diagnostics] == ["first", "second", "last"]
    assert "f.hmp:1:3: error: second" in str(caught.value)


def test_nearest():
    assert nearest("wieght", ["weight", "height", "x"]) == "weight"
    assert nearest("Alpha", ["beta", "alpha"]) == "alpha"
    assert nearest("x", ["y", "z"]) is None
    assert nearest("weight", [f"w{k}" for k in range(5000)] + ["weigth"]) == "weigth"


def test_many_errors_are_cut():
    diagnostics = errors("x = )\n" * 5000)
    assert len(diagnostics) <= 1001
    assert "more" in diagnostics.render().split("\n")[-1]
