"""Expressions: what binds what, and the node for every form."""

from __future__ import annotations

import pytest

from hvm_vm.language import Diagnostics, Source, Span, children, parse_expression, walk
from hvm_vm.language.syntax import (
    And,
    Call,
    Compare,
    Derivative,
    Ellipsis,
    Last,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    Reduce,
    Subscript,
    Sum,
    Symbol,
)  # fmt: skip


def read(text: str):
    source = Source("t", text)
    diagnostics = Diagnostics(source)
    node = parse_expression(source, diagnostics)
    assert not len(diagnostics), diagnostics.render()
    return node


a, b, c, i, j, x = map(Name, "abcijx")
two, one = Number(2), Number(1)


@pytest.mark.parametrize(
    "text, node",
    [
        ("a - b + c", Sum((a, b, c), (False, True, False))),
        ("a / b * c", Product((a, b, c), (False, True, False))),
        ("(a - b) + c", Sum((a, b, c), (False, True, False))),
        ("a - (b + c)", Sum((a, Sum((b, c), (False, False))), (False, True))),
        ("(a * b) / c", Product((a, b, c), (False, False, True))),
        ("a + b*c", Sum((a, Product((b, c), (False, False))), (False, False))),
        ("-a*b", Product((Negate(a), b), (False, False))),
        ("a*-b", Product((a, Negate(b)), (False, False))),
        ("a - -b", Sum((a, Negate(b)), (False, True))),
        ("--a", Negate(Negate(a))),
        ("+a", a),
        ("-2^2", Negate(Power(two, two))),
        ("(-2)^2", Power(Negate(two), two)),
        ("2^-1", Power(two, Negate(one))),
        ("a^b^c", Power(a, Power(b, c))),
        ("(a^b)^c", Power(Power(a, b), c)),
        ("2^-a*b", Product((Power(two, Negate(a)), b), (False, False))),
        ("a < b <= c", Compare((a, b, c), ("<", "<="))),
        ("(a < b) < c", Compare((Compare((a, b), ("<",)), c), ("<",))),
        ("a = b", Compare((a, b), ("=",))),
        ("a == b != c", Compare((a, b, c), ("=", "!="))),
        ("not a = b", Not(Compare((a, b), ("=",)))),
        ("not a and b", And((Not(a), b))),
        ("a or b and not c", Or((a, And((b, Not(c)))))),
        ("a and b and c", And((a, b, c))),
        ("(a and b) and c", And((a, b, c))),
        ("a and (b and c)", And((a, And((b, c))))),
        ("a + b > c and x", And((Compare((Sum((a, b), (False, False)), c), (">",)), x))),
        ("x[i, j+1]", Subscript("x", (i, Sum((j, one), (False, False))))),
        ("x [a[i]]", Subscript("x", (Subscript("a", (i,)),))),
        ("f(a, b)", Call("f", (), (a, b))),
        ("max(a, b)", Call("max", (), (a, b))),
        ("if(a = b, a, 'no')", Call("if", (), (Compare((a, b), ("=",)), a, Symbol("no")))),
        ("rms[i](a[i])", Call("rms", (i,), (Subscript("a", (i,)),))),
        ("sum[i](a)", Reduce("sum", (i,), None, a)),
        ("max[i,j | i < j](a)", Reduce("max", (i, j), Compare((i, j), ("<",)), a)),
        ("argmin[i](a)^2", Power(Reduce("argmin", (i,), None, a), two)),
        ("mean[i]", Subscript("mean", (i,))),
        ("last[i](a)", Last(i, a)),
        ("last[i]", Subscript("last", (i,))),
        ("last", Name("last")),
        ("d(a)/d(x[i])", Derivative(a, Subscript("x", (i,)))),
        ("b*d(a)/d(x)", Product((b, Derivative(a, x)), (False, False))),
        ("b/d(a)/d(x)/c", Product((b, Derivative(a, x), c), (False, True, True))),
        ("(d(a)/d(x))^2", Power(Derivative(a, x), two)),
        ("d/a", Product((Name("d"), a), (False, True))),
        ("d[i]", Subscript("d", (i,))),
        ('"ODD"', Symbol("ODD")),
        ("'+'", Symbol("+")),
        ("a + ...", Sum((a, Ellipsis()), (False, False))),
        ("a + ... + b", Sum((a, Ellipsis(), b), (False, False, False))),
        ("a - b - ... - c", Sum((a, b, Ellipsis(), c), (False, True, True, True))),
        ("a * ...", Product((a, Ellipsis()), (False, False))),
        ("(a + ...) + b", Sum((Sum((a, Ellipsis()), (False, False)), b), (False, False))),
        ("a*b + ...", Sum((Product((a, b), (False, False)), Ellipsis()), (False, False))),
        ("max(a, ...)", Call("max", (), (a, Ellipsis()))),
    ],
)
def test_reads_as(text, node):
    assert read(text) == node


def test_equality_ignores_places():
    assert read("a+b") == read("  a  +  b") and hash(read("a+b")) == hash(read(" a + b"))
    assert read("1.0") == read("1.00") and read("a") != read("b")


def test_an_expression_inside_a_longer_text():
    source = Source("t", 'given W from "layer.{l-1}.weight"')
    diagnostics = Diagnostics(source)
    node = parse_expression(source, diagnostics, Span(21, 24))
    assert node == Sum((Name("l"), one), (False, True)) and source[node.span] == "l-1"


def test_walk_goes_in_the_order_of_the_text():
    node = read("sum[i | i < 2](x[j] * f(a)) + -b^2 + d(a)/d(c)")
    names = [n.name for n in walk(node) if isinstance(n, Name)]
    assert names == ["i", "i", "j", "a", "b", "a", "c"]
    assert children(two) == () and children(read("a < b")) == (a, b)


def test_long_chains_are_one_node():
    count = 100_000
    node = read(" + ".join(f"a{k}" for k in range(count)))
    assert len(node.terms) == count
    assert sum(1 for _ in walk(node)) == count + 1
