"""The canonical form: how it looks, that it is stable, and that it means the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvm_vm.errors import CompileError
from hvm_vm.language import (
    Diagnostics,
    File,
    Source,
    expression_text,
    format_source,
    parse,
    statement_text,
)
from hvm_vm.language import syntax as ast


def read(text: str) -> File:
    source = Source("t.hmp", text)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    assert not len(diagnostics), diagnostics.render() + "\n" + text
    return file


def formatted(text: str) -> str:
    result = format_source(Source("t.hmp", text))
    assert read(result) == read(text)
    assert format_source(Source("t.hmp", result)) == result
    return result


@pytest.mark.parametrize(
    "text, result",
    [
        ("x=a+b*c", "x = a + b*c"),
        ("x = ((a)) + (b*c)", "x = a + b*c"),
        ("x = (a + b)*c - (d - e)", "x = (a + b)*c - (d - e)"),
        ("x = a/(b*c)", "x = a / (b*c)"),
        ("x = -1 / 3", "x = -1/3"),
        ("x = W[i , j]*y[j]", "x = W[i,j] * y[j]"),
        ("x = E[token[b,t],i] + h[n - 1, i]", "x = E[token[b,t], i] + h[n-1,i]"),
        ("x = W[2*M*(R*g+r)+k,j]", "x = W[2*M*(R*g + r) + k, j]"),
        ("x = (-2)**2 + 2^(-1) + (a^b)^c + a^(b^c)", "x = (-2)^2 + 2^-1 + (a^b)^c + a^b^c"),
        ("x = theta^((-k)/M)", "x = theta^(-k/M)"),
        ("x = √2 × ∞ − a²", "x = sqrt(2)*inf - a^2"),
        ("x = π", "x = π"),
        ("x = Σ[u,v|u≤t](a[u])", "x = sum[u,v | u <= t](a[u])"),
        ("x = (a = b)", "x = (a = b)"),
        ("x = (a = b) and (c or d)", "x = (a = b) and (c or d)"),
        ("x = (a < b) and not (c)", "x = a < b and not c"),
        ("(a < b) = c", "a < b = c"),
        ("x = (not a) + 1", "x = (not a) + 1"),
        ("x = b/(d(a)/d(c))", "x = b / (d(a)/d(c))"),
        ("x = (d(a)/d(c))^2", "x = (d(a)/d(c))^2"),
        ("x = (a+…)+b+…+c", "x = (a + ...) + b + ... + c"),
        ("x = 'ODD'", "x = 'ODD'"),
        ('x = "it\'s"', 'x = "it\'s"'),
        ("x = .5 + 1. + 1.e3 + 1_000", "x = 0.5 + 1.0 + 1.0e3 + 1_000"),
        ("a[i]=[[0,1/2],[1,2],]", "a[i] = [[0, 1/2], [1, 2]]"),
        ("index i,j:1..N-1", "index i, j : N-1"),
        ("index i : 0..floor((Y - 1)/2)", "index i : 0..floor((Y-1)/2)"),
        ("index i : 0. ..(1.)", "index i : 0.0..1.0"),
        ("index n:9 until x[n]<1", "index n : 9 until x[n] < 1"),
        ("given integer x[i,0 .. 3] from 'a.b',y", 'given integer x[i,0..3] from "a.b", y'),
        ("find u[N ,i],v", "find u[N,i], v"),
        ("guess v[o]=.3 in .001..5", "guess v[o] = 0.3 in 0.001..5"),
        ("check a=b where t>1 within 1e-9", "check a = b within 1e-9 where t > 1"),
        ("check(a = b)", "check a = b"),
        ("check -x < 1", "check -x < 1"),
        ("check - x = 0", "check - x = 0"),
        ("x = 0   otherwise", "x = 0 otherwise"),
        ("x = 0\n  where t > 1", "x = 0 where t > 1"),
    ],
)
def test_form(text, result):
    assert formatted(text) == result + "\n"


def test_lines_comments_and_gaps():
    text = """


#  first

a = 1;b = 2   ;c=3 # three
d = (1 + # one
  2)     # two
long_name = 4   # four


x[t] = a \\
-y = 1; -z = 2
# above

   # below
q = 5; # five
-p = 1
# end
""".replace(" \\\n", "\n\n")
    assert (
        formatted(text)
        == """#  first

a = 1; b = 2; c = 3  # three
# one
d = 1 + 2      # two
long_name = 4  # four

x[t] = a

-y = 1; -z = 2
# above

# below
q = 5  # five

-p = 1
# end
"""
    )


def test_a_comment_sign_in_quotes_is_none():
    assert formatted("x = '#' # why\n") == "x = '#'  # why\n"


def test_wide_statements_are_broken():
    text = formatted("total = " + " + ".join(f"weight{k}*value{k}" for k in range(40)))
    assert max(map(len, text.split("\n"))) <= 100
    assert text.split("\n")[1].startswith("    + ")
    for line in (
        "given " + ", ".join(f"input{k}[t,i]" for k in range(30)),
        "find " + ", ".join(f"output{k}[t,i]" for k in range(30)),
        "x = " + " * ".join(f"factor{k}[i]" for k in range(30)),
        "a[i] = [" + ", ".join(str(k) for k in range(100)) + "]",
        " + ".join(f"w{k}*v{k}" for k in range(20)) + " = 0 where " + "t > 1 and " * 8 + "t < 9",
    ):
        assert max(map(len, formatted(line).split("\n"))) <= 100
    statements = "; ".join(f"name{k} = {k}" for k in range(20))
    assert max(map(len, formatted(statements).split("\n"))) <= 100


def test_what_cannot_be_read_is_not_formatted():
    with pytest.raises(CompileError):
        format_source(Source("t", "x = (\n"))


def test_long_chains():
    text = "y = " + " + ".join(f"a{k}*b{k}" for k in range(20_000))
    assert read(format_source(Source("t", text))) == read(text)


# --- every tree ------------------------------------------------------------------------------

_names = st.sampled_from(["x", "y", "T", "i", "t", "χ1_2", "π", "sum", "last", "in", "d", "check"])
_name = st.builds(ast.Name, _names)
_functions = st.sampled_from(["exp", "max", "if", "f", "sqrt"])
_reductions = st.sampled_from(sorted(ast.REDUCTIONS))
_number = st.one_of(
    st.integers(0, 10**20).map(lambda n: ast.Number(n, str(n))),
    st.floats(0, 1e300).map(lambda v: ast.Number(v, repr(v))),
    st.sampled_from([ast.Number(0.5, ".5"), ast.Number(1.0, "1."), ast.Number(10, "1_0")]),
)
_symbol = st.sampled_from(["ODD", "it's", "", "# no"]).map(ast.Symbol)


def _chain(node, operand):
    """A sum or product, sometimes with `...`, as the parser would build it."""

    def build(operands, flags, dots, end):
        flags = [False, *flags[: len(operands) - 1]]
        if type(operands[0]) is node:
            operands[0] = ast.Name("y")
        if dots and (flags[-1] or len(operands) == 1 or not any(flags)):
            if len(operands) == 1 or not flags[-1]:
                flags = [False] * len(operands)
            operands = [*operands, ast.Ellipsis()]
            flags = [*flags, flags[-1]]
            if end is not None:
                operands, flags = [*operands, end], [*flags, flags[-1]]
        if len(operands) == 1:
            return operands[0]
        return node(tuple(operands), tuple(flags))

    return st.builds(
        build,
        st.lists(operand, min_size=1, max_size=4),
        st.lists(st.booleans(), min_size=3, max_size=3),
        st.booleans(),
        st.none() | operand,
    )


def _logic(node, operand):
    def build(operands):
        return node((ast.Name("x") if type(operands[0]) is node else operands[0], *operands[1:]))

    return st.lists(operand, min_size=2, max_size=3).map(build)


def _compare(operands, ops):
    return ast.Compare(tuple(operands), tuple(ops[: len(operands) - 1]))


def _grow(inner):
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    indices = st.lists(_name, min_size=1, max_size=2, unique=True).map(tuple)
    op = st.sampled_from(ast.COMPARISONS)
    return st.one_of(
        st.builds(ast.Subscript, _names, some),
        st.builds(ast.Call, _functions, st.just(()), some),
        st.builds(ast.Call, st.sampled_from(["rms", "f"]), some, some),
        st.builds(ast.Reduce, _reductions, indices, st.none() | inner, inner),
        st.builds(ast.Last, _name, inner),
        st.builds(ast.Negate, inner),
        _chain(ast.Sum, inner),
        _chain(ast.Product, inner),
        st.builds(ast.Power, inner, inner),
        st.builds(_compare, st.lists(inner, min_size=2, max_size=3), st.tuples(op, op)),
        st.builds(ast.Not, inner),
        _logic(ast.And, inner),
        _logic(ast.Or, inner),
        st.builds(ast.Derivative, inner, inner),
    )  # fmt: skip


_leaf = _name | _number | _symbol
_expression = st.recursive(_leaf, _grow, max_leaves=12)
_optional = st.none() | _expression
_axis = _expression | st.builds(ast.Range, _expression, _expression)
_sliced = st.builds(ast.Subscript, _names, st.lists(_axis, min_size=1, max_size=3).map(tuple))
_variable = _name | st.builds(
    ast.Subscript, _names, st.lists(_expression, min_size=1, max_size=3).map(tuple)
)
_list = st.recursive(
    st.builds(ast.ListExpr, st.lists(_expression, max_size=3).map(tuple)),
    lambda inner: st.builds(ast.ListExpr, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=4,
)
_relation = st.one_of(
    st.builds(ast.Relation, _expression, _expression | _list, _optional),
    st.builds(ast.Relation, _expression, _expression, otherwise=st.just(True)),
    st.builds(ast.Relation, _expression, _expression, outside=st.just(True)),
)
_item = st.builds(
    ast.GivenItem,
    st.sampled_from(["x", "integer", "from", "W"]),
    st.lists(_axis, max_size=2).map(tuple),
    st.booleans(),
    st.none() | st.sampled_from(["a.{l-1}.b", "x # y", 'say "x"']),
)
_guess = st.one_of(
    st.builds(ast.Guess, _variable, _expression),
    st.builds(ast.Guess, _variable, _expression, _expression, _expression),
)
_statement = st.one_of(
    _relation,
    st.builds(
        ast.IndexDecl,
        st.lists(_name, min_size=1, max_size=3).map(tuple),
        st.just(ast.Number(1)) | _expression,
        _expression,
        _optional,
    ),
    st.builds(ast.Given, st.lists(_item, min_size=1, max_size=3).map(tuple)),
    st.builds(ast.Find, st.lists(_name | _sliced, min_size=1, max_size=3).map(tuple)),
    _guess,
    st.builds(ast.Check, _expression, _optional, _optional),
    st.sampled_from([ast.Precision("float32"), ast.Precision("float64")]),
)


@settings(max_examples=120, deadline=None)
@given(_expression)
def test_every_expression_reads_back(node):
    text = expression_text(node)
    (relation,) = read(f"x = f({text})").statements
    assert relation.rhs.args[0] == node, text


@settings(max_examples=120, deadline=None)
@given(_statement)
def test_every_statement_reads_back(statement):
    text = statement_text(statement)
    assert read(text).statements == (statement,), text
    formatted(text)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(_statement, st.sampled_from(["\n", "\n\n\n", ";", " # c\n", "\n# c\n"]))),
)
def test_every_file_is_stable(parts):
    text = ""
    for statement, end in parts:
        line = statement_text(statement)
        text += ("\n\n" if line.startswith("-") and not text.endswith(";") else "") + line + end
    result = formatted(text)
    assert result.count("# c") == text.count("# c")
