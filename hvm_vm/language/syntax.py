"""The syntax tree of HMP.

Every node is a frozen dataclass with a `span`. Spans take no part in `==` and `hash`, so two
nodes are equal when they say the same thing, wherever they stand; `span` may be left out when a
node is built by a program instead of read from text.

Chains are flat, so that a sum of 10^5 terms is one node and not a tree 10^5 deep:

    a - b + c      Sum(terms=(a, b, c), negative=(False, True, False))
    a / b * c      Product(factors=(a, b, c), inverse=(False, True, False))
    a and b and c  And(operands=(a, b, c))
    1 <= i <= 9    Compare(operands=(1, i, 9), ops=("<=", "<="))

The first term is never negative and the first factor never inverse: a leading sign is `Negate`.
Both read from left to right: `a / b * c` is `(a / b) * c`.

`...` is an `Ellipsis` operand, which stands where it was written. The parser sees to it that it
has a neighbour on the left, and the same sign (or inverse flag) as its neighbours:

    exp(s11) + ...          Sum((exp(s11), Ellipsis()), (False, False))          open end: last
    a + ... + b             Sum((a, Ellipsis(), b), (False, False, False))       between two terms
    a1 * ... * a9           Product((a1, Ellipsis(), a9), (False, False, False))
    max(s11, ...)           Call("max", (), (s11, Ellipsis()))                   also min

The parser bounds the height of a tree by `MAX_HEIGHT`, so recursive functions over it are safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .source import NOWHERE, Span

MAX_HEIGHT = 200
"""No expression that `parse` returns has more than this many levels."""


# --- Expressions -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """`1`, `1.5`, `1e-9`: an int if it was written as one, else a float; `text` as written."""

    value: int | float
    text: str = field(default="", compare=False, repr=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, size, index or constant: `x`, `T`, `i`, `pi`.

    `π` stays `Name("π")`: it means `pi` unless the file defines it, which only a reader of the
    whole file can know. `∞` is `Name("inf")`.
    """

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Symbol:
    """`'ODD'`: `text` is what stands between the quotes."""

    text: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Subscript:
    """`X[t, i+1]`. In `find`, a subscript may be a `Range`."""

    name: str
    subs: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def name_span(self) -> Span:
        return Span(self.span.start, self.span.start + len(self.name))


@dataclass(frozen=True, slots=True)
class Call:
    """`exp(x)`, or with axes `rms[i](H[t,i])`. `axes` is empty when there are no brackets."""

    function: str
    axes: tuple[Expr, ...]
    args: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def name_span(self) -> Span:
        return Span(self.span.start, self.span.start + len(self.function))


@dataclass(frozen=True, slots=True)
class Reduce:
    """`sum[i,j | condition](body)`; `op` is one of `REDUCTIONS`."""

    op: str
    indices: tuple[Name, ...]
    condition: Expr | None
    body: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Last:
    """`last[n](body)`: the value at the end of the recurrence over `n`."""

    index: Name
    body: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negate:
    """`-operand`."""

    operand: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """`terms[0] ± terms[1] ± …`; term k is subtracted where `negative[k]`."""

    terms: tuple[Expr, ...]
    negative: tuple[bool, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Product:
    """`factors[0] */ factors[1] */ …`; factor k divides where `inverse[k]`."""

    factors: tuple[Expr, ...]
    inverse: tuple[bool, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Power:
    """`base ^ exponent`."""

    base: Expr
    exponent: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """`operands[0] ops[0] operands[1] ops[1] …`, true when every pair is; see `COMPARISONS`."""

    operands: tuple[Expr, ...]
    ops: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`not operand`."""

    operand: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    """`operands[0] and operands[1] and …`."""

    operands: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Or:
    """`operands[0] or operands[1] or …`."""

    operands: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ellipsis:
    """`...` among the terms of a sum, the factors of a product, or the arguments of min/max."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Derivative:
    """`d(of)/d(by)`."""

    of: Expr
    by: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListExpr:
    """`[0, 1/2, 1]`, nested for more axes. Stands only as a whole side of a relation."""

    items: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`lo..hi`, both ends included: an axis in `given`, a slice in `find`."""

    lo: Expr
    hi: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expr = (
    Number | Name | Symbol | Subscript | Call | Reduce | Last | Negate | Sum | Product | Power
    | Compare | Not | And | Or | Ellipsis | Derivative | ListExpr | Range
)  # fmt: skip

REDUCTIONS = frozenset(["sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"])
COMPARISONS = ("<", "<=", ">", ">=", "=", "!=")
PRECISIONS = ("float32", "float64")


# --- Statements ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IndexDecl:
    """`index t, u : lo..hi until condition`. `index i : 8` has `lo` = 1, with an empty span."""

    names: tuple[Name, ...]
    lo: Expr
    hi: Expr
    until: Expr | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GivenItem:
    """`integer name[axes] from "pattern"`. An axis is an index name, a `Range`, or anything else
    that somebody wrote there, which is for the reader of the tree to judge."""

    name: str
    axes: tuple[Expr, ...] = ()
    integer: bool = False
    pattern: str | None = None
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)
    # of the characters between the quotes:
    pattern_span: Span = field(default=NOWHERE, compare=False, repr=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Given:
    """`given item, item, …`."""

    items: tuple[GivenItem, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Find:
    """`find x, u[N,i], …`: each item is a `Name` or a `Subscript`."""

    items: tuple[Name | Subscript, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Relation:
    """`lhs = rhs`, then `where condition`, `otherwise` or `outside`, of which at most one.

    The definition of a function (`gelu(x) = …`, `rms[i](x) = …`) is a relation whose `lhs` is a
    `Call` on plain names; whether the name is new is for the reader of the whole file to say.
    """

    lhs: Expr
    rhs: Expr
    where: Expr | None = None
    otherwise: bool = False
    outside: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Guess:
    """`guess target = value in lo..hi`; `lo` and `hi` are both there or both None."""

    target: Name | Subscript
    value: Expr
    lo: Expr | None = None
    hi: Expr | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Check:
    """`check condition within tolerance where condition`. `check a = b` is a `Compare`."""

    condition: Expr
    within: Expr | None = None
    where: Expr | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Precision:
    """`precision float32`."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Statement = IndexDecl | Given | Find | Relation | Guess | Check | Precision


@dataclass(frozen=True, slots=True)
class File:
    """The statements of one file, in its order. `dictionary`: it was written as `{…}`."""

    statements: tuple[Statement, ...]
    dictionary: bool = field(default=False, compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


# --- Walking ---------------------------------------------------------------------------------


def children(node: Expr) -> tuple[Expr, ...]:
    """The expressions directly below `node`, in the order of the text."""
    return _CHILDREN[type(node)](node)


def walk(node: Expr) -> Iterator[Expr]:
    """`node` and every expression below it, in the order of the text, without recursion."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        below = _CHILDREN[type(node)](node)
        if below:
            stack.extend(reversed(below))


def _none(_: Expr) -> tuple[Expr, ...]:
    return ()


_CHILDREN = {
    Number: _none,
    Name: _none,
    Symbol: _none,
    Ellipsis: _none,
    Subscript: lambda n: n.subs,
    Call: lambda n: n.axes + n.args,
    Reduce: lambda n: (
        (*n.indices, n.body) if n.condition is None else (*n.indices, n.condition, n.body)
    ),
    Last: lambda n: (n.index, n.body),
    Negate: lambda n: (n.operand,),
    Sum: lambda n: n.terms,
    Product: lambda n: n.factors,
    Power: lambda n: (n.base, n.exponent),
    Compare: lambda n: n.operands,
    Not: lambda n: (n.operand,),
    And: lambda n: n.operands,
    Or: lambda n: n.operands,
    Derivative: lambda n: (n.of, n.by),
    ListExpr: lambda n: n.items,
    Range: lambda n: (n.lo, n.hi),
}
