"""Index declarations, sizes, and size expressions.

A *size* is a scalar that ranges are made of. Size symbols come from outside or from the shapes of
the data; a constant relation (`N = 10`) is a symbol's default; any other relation (`M = 2*N`) is
substituted wherever its name stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hvm_vm.bytecode.sizes import SIZE_LIMIT, Size, SizeError
from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from .names import FUNCTIONS, Outline, Survey
from .report import Report, meant, place
from .system import Place

ONE = Size.of(1)
MOST_POWER = 64          # in a size, of a constant,
MOST_SYMBOLIC_POWER = 8  # and of anything else


class Bounds(NamedTuple):
    """The values that an index takes: `lo..hi`, both included."""

    lo: Size
    hi: Size


@dataclass
class Sizes:
    """`values`: what every size name stands for. `defaults`, `places`: of every size symbol."""

    values: dict[str, Size] = field(default_factory=dict)
    defaults: dict[str, int | None] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    bounds: dict[str, Bounds] = field(default_factory=dict)  # of every declared index
    until: dict[str, S.Expr] = field(default_factory=dict)


class NotASize(Exception):
    """Something in a size expression that no size can be; `args`: message and span."""

    def __init__(self, message: str, span: Span, help: str | None = None) -> None:
        super().__init__(message)
        self.span = span
        self.help = help


class TooLarge(NotASize):
    """A constant that is whole, but beyond every size."""


def read_sizes(
    out: Outline, seen: Survey, report: Report, known: frozenset[str], free: frozenset[str]
) -> Sizes:
    """Find every size of the file and the bounds of every index. Relations that define a size
    are taken out of `out.relations`."""
    sizes = Sizes()
    reader = _Reader(out, seen, report, sizes, known, free)
    for name, declaration in out.indices.items():
        sizes.bounds[name] = reader.bounds(declaration.lo, declaration.hi, f"the index {name}")
        if declaration.until is not None:
            sizes.until[name] = declaration.until
    for item in out.givens.values():
        for axis in item.axes:
            if type(axis) is S.Range:
                reader.bounds(axis.lo, axis.hi, f"an axis of {item.name}")
    # Whole constants in subscripts are sizes too: h[n0] with n0 = 3.
    for name in sorted(seen.in_subscripts):
        if name not in sizes.values and name not in out.indices and name not in seen.arrays:
            relations = out.relations.get(name, ())
            if len(relations) == 1 and type(relations[0].rhs) is S.Number:
                value = relations[0].rhs.value
                plain = relations[0].where is None and not relations[0].otherwise
                if isinstance(value, int) and plain and name not in out.givens:
                    reader.size(name, relations[0].lhs.span)
    for name in sizes.values:
        out.relations.pop(name, None)
        out.givens.pop(name, None)
    return sizes


class _Reader:
    def __init__(self, out, seen, report, sizes, known, free) -> None:
        self.out: Outline = out
        self.seen: Survey = seen
        self.report: Report = report
        self.sizes: Sizes = sizes
        self.known: frozenset[str] = known
        self.free: frozenset[str] = free
        self.active: list[str] = []

    def bounds(self, lo: S.Expr, hi: S.Expr, what: str) -> Bounds:
        """The two ends; an error is reported once and the end taken for 1."""
        ends = []
        for end in (lo, hi):
            try:
                ends.append(possible(size_of(end, self.size), end.span))
            except NotASize as problem:
                self.report.error(
                    str(problem),
                    problem.span,
                    help=problem.help or f"the ends of {what} are whole expressions of sizes",
                )
                ends.append(ONE)
        return range_of(*ends, end.span, what, self.report)

    def size(self, name: str, span: Span) -> Size:
        """What the size `name` stands for."""
        known = self.sizes.values.get(name)
        if known is not None:
            return known
        if name in self.out.indices:
            raise NotASize(f"{name} is an index, so it cannot be part of a range", span)
        if name in self.seen.arrays:
            raise NotASize(f"{name} has subscripts, so it cannot be part of a range", span)
        if name in self.active:
            cycle = " = ".join([*self.active[self.active.index(name) :], name])
            raise NotASize(f"the size {name} is defined by itself ({cycle})", span)
        relations = [] if name in self.known else self.out.relations.get(name, [])
        if not relations:
            return self._symbol(name, None, span)
        relation = relations[0]
        if len(relations) > 1:
            self.report.error(
                f"the size {name} is determined twice",
                relations[1].span,
                notes=[("the first relation is here", relation.span)],
            )
        if relation.where is not None or relation.otherwise:
            raise NotASize(
                f"the size {name} is determined under a condition", relation.span
            )
        self.active.append(name)
        try:
            value = possible(size_of(relation.rhs, self.size), relation.rhs.span)
        except NotASize as problem:
            self.sizes.values[name] = ONE  # reported once
            if isinstance(problem, TooLarge) or "used as a size" in str(problem):
                raise
            raise NotASize(
                f"{name} is used as a size, but `{self.report.quote(relation.span)}` is no whole"
                f" expression of sizes: {problem}",
                problem.span,
                problem.help,
            ) from None
        finally:
            self.active.pop()
        constant = value.constant
        if constant is not None and not value_names(relation.rhs):
            return self._symbol(name, None if name in self.free else constant, relation.span)
        self.sizes.values[name] = value
        self.sizes.places[name] = place(relation.span)
        return value

    def _symbol(self, name: str, default: int | None, span: Span) -> Size:
        symbol = Size.of(name)
        self.sizes.values[name] = symbol
        self.sizes.defaults[name] = default
        given = self.out.givens.get(name)
        self.sizes.places[name] = place(given.name_span if given is not None else span)
        return symbol


def range_of(lo: Size, hi: Size, span: Span, what: str, report: Report) -> Bounds:
    """The range `lo..hi` of `what`, empty when its ends are the wrong way round; an error is
    reported when no array has so many elements."""
    length = (hi - lo + 1).constant
    if length is not None and length > SIZE_LIMIT:
        report.error(f"{what} has {length} values, which is too many for any array", span)
        return Bounds(ONE, ONE)
    # An empty range is empty however far its ends are apart.
    return Bounds(lo, lo - 1 if length is not None and length < 0 else hi)


def possible(size: Size, span: Span) -> Size:
    """`size`, unless a number in it is one that no size can be."""
    for _, number in size.terms:
        if abs(number) > SIZE_LIMIT:
            raise TooLarge(f"{number} is too large for a size", span, "sizes end at 2^48")
    return size


def value_names(expr: S.Expr) -> bool:
    """Whether a name stands anywhere in `expr`."""
    return any(type(node) is S.Name for node in S.walk(expr))


def size_of(expr: S.Expr, lookup) -> Size:
    """The size that `expr` says; `lookup(name, span)` gives the size of a name. Raises `NotASize`.

    `/` is exact (an error where it does not divide), except under floor and ceil.
    """
    try:
        over, under = _fraction(expr, lookup)
        return over if under == 1 else over.exactdiv(under)
    except SizeError as problem:
        raise NotASize(str(problem), expr.span) from None


def _fraction(expr: S.Expr, lookup) -> tuple[Size, Size]:
    """`expr` as a quotient of two sizes."""
    match expr:
        case S.Number():
            if not isinstance(expr.value, int):
                raise NotASize(f"{expr.text or expr.value} is not a whole number", expr.span)
            return Size.of(expr.value), ONE
        case S.Name():
            return lookup(expr.name, expr.span), ONE
        case S.Negate():
            over, under = _fraction(expr.operand, lookup)
            return -over, under
        case S.Sum():
            over, under = _fraction(expr.terms[0], lookup)
            for term, negative in zip(expr.terms[1:], expr.negative[1:], strict=True):
                a, b = _fraction(term, lookup)
                a = -a if negative else a
                over, under = (over + a, under) if b == under else (over * b + a * under, under * b)
            return over, under
        case S.Product():
            over, under = _fraction(expr.factors[0], lookup)
            for factor, inverse in zip(expr.factors[1:], expr.inverse[1:], strict=True):
                a, b = _fraction(factor, lookup)
                a, b = (b, a) if inverse else (a, b)
                over, under = over * a, under * b
            return over, under
        case S.Power(exponent=S.Number(value=int(n))) if 0 <= n <= MOST_POWER:
            over, under = _fraction(expr.base, lookup)
            if n > MOST_SYMBOLIC_POWER and None in (over.constant, under.constant):
                raise NotASize(f"the power {n} is too high for a size", expr.span)
            a, b = ONE, ONE
            for _ in range(n):
                a, b = a * over, b * under
            return a, b
        case S.Call(axes=(), function=("floor" | "ceil") as name, args=(inner,)):
            over, under = _fraction(inner, lookup)
            if under == 1:
                return over, ONE
            return (over.floordiv(under) if name == "floor" else -((-over).floordiv(under))), ONE
        case S.Call(axes=(), function="mod", args=(a, b)):
            return size_of(a, lookup).mod(size_of(b, lookup)), ONE
        case S.Call(axes=(), function=("min" | "max") as name, args=args) if args:
            total = size_of(args[0], lookup)
            for arg in args[1:]:
                total = getattr(total, name)(size_of(arg, lookup))
            return total, ONE
        case S.Call():
            known = "" if expr.function in FUNCTIONS else f" ({expr.function} is not known)"
            raise NotASize(
                f"{expr.function}(…) cannot stand in a size{known}",
                expr.name_span,
                "sizes are made with + - * /, floor, ceil, mod, min and max",
            )
        case S.Subscript():
            raise NotASize(f"{expr.name} is data, so it cannot be part of a size", expr.span)
    raise NotASize("this is not a whole expression of sizes", expr.span)


def unknown_index(name: str, span: Span, indices: Iterable[str], report: Report) -> None:
    """Report that `name` is used as an index but not declared."""
    report.error(
        f"{name} is not an index",
        span,
        help=meant(name, indices) or f"declare it: index {name} : …",
    )
