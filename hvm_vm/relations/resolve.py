"""Expressions of the syntax tree to expressions of the system.

Every name is looked up: index, size, constant, parameter, variable. Functions are expanded where
they are called. An error is reported and its operand replaced by a harmless number, so that the
rest of the relation is still read; the result is then marked `bad`.
"""

from __future__ import annotations

from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from .functions import Calls
from .indices import ONE, Bounds, Sizes, unknown_index
from .names import CONSTANTS, FUNCTIONS, Outline
from .problems import POISON, TooLarge, Unsupported
from .report import Report, meant
from .scope import Alias, Argument, Frame, Free, IndexNames
from .system import (
    Apply,
    Const,
    Expr,
    Index,
    IndexValue,
    Reduce,
    Ref,
    SizeValue,
    SymbolValue,
)

MAX_HEIGHT = 220  # levels of an expression after functions are expanded
MAX_NODES = 1_000_000  # of one relation, likewise
LONG_DIVISION = 50


class Resolver(Calls):
    """Resolves relations one after the other. `bad` says whether the current one had errors."""

    def __init__(
        self, out: Outline, sizes: Sizes, ranks: dict[str, tuple[int, Span]], report: Report
    ) -> None:
        self.out = out
        self.sizes = sizes
        self.ranks = ranks
        self.report = report
        self.index_names = IndexNames()
        self.symbols: dict[str, int] = {}
        self.expanded: set[str] = set()  # functions that were called
        self.unknown: set[str] = set()  # names reported as no indices
        self.bad = False
        self.height = 0
        self.nodes = 0
        self.active: list[str] = []  # functions under expansion

    def begin(self) -> Free:
        """A new relation."""
        self.bad = False
        self.nodes = 0
        self.height = 0
        self.active.clear()
        return Free()

    def error(self, message: str, span: Span | None, help: str | None = None, notes=()) -> Expr:
        self.bad = True
        self.report.error(message, span, help, notes)
        return POISON

    # -- expressions ---------------------------------------------------------------------------
    def expr(self, node: S.Expr, frame: Frame) -> Expr:
        """`node` resolved in `frame`."""
        kind = type(node)
        if kind is S.Number:
            return _number(node.value)
        if kind is S.Name:
            return self.name(node, frame)
        self.nodes += 1
        self.height += 1
        if self.height > MAX_HEIGHT or self.nodes > MAX_NODES:
            raise TooLarge
        try:
            return _HANDLERS[kind](self, node, frame)
        finally:
            self.height -= 1

    def name(self, node: S.Name, frame: Frame) -> Expr:
        name = node.name
        found = frame.find(name)
        if found is not None:
            if type(found) is Argument:
                return self.argument(found, frame)
            return self._bound(found)
        out = self.out
        if name in out.indices:
            return IndexValue(self.free_index(name, frame))
        size = self.sizes.values.get(name)
        if size is not None:
            constant = size.constant
            return Const(constant) if constant is not None else SizeValue(size)
        rank = self.ranks.get(name)
        if rank is None:
            if name in CONSTANTS:
                return Const(CONSTANTS[name])
            if name in out.functions or name in FUNCTIONS:
                return self.error(
                    f"{name} is a function, so it needs an argument", node.span, f"{name}(…)"
                )
            if name in self.unknown:
                self.bad = True
                return POISON
            return self.error(f"{name} is not known", node.span, meant(name, self.ranks))
        if rank[0]:
            return self._wrong_count(name, 0, node.span)
        self.nodes += 1
        return Ref(name)

    def _bound(self, found) -> Expr:
        while type(found) is Alias:
            inner = found.frame.find(found.name)
            if inner is None:
                return IndexValue(self.free_index(found.name, found.frame))
            found = inner
        return IndexValue(found) if type(found) is Index else found

    def free_index(self, name: str, frame: Frame) -> Index:
        """The relation's own index `name`, made when it is first met."""
        while frame.parent is not None:
            frame = frame.parent
        index = frame.names.get(name)
        if index is None:
            index = self.index_names.new(name, self.sizes.bounds[name])
            frame.names[name] = index
        return index

    def subscript(self, node: S.Subscript, frame: Frame) -> Expr:
        name = node.name
        rank = self.ranks.get(name)
        if frame.find(name) is not None or name in self.out.indices:
            what = "an index" if name in self.out.indices else "a parameter"
            return self.error(
                f"{name} is {what}, so it cannot have subscripts", node.name_span
            )
        if rank is None:
            if name in self.sizes.values:
                return self.error(f"{name} is a size, so it cannot have subscripts", node.span)
            if name in self.out.functions or name in FUNCTIONS or name in S.REDUCTIONS:
                return self.error(
                    f"{name} needs an argument in parentheses", node.span, f"{name}[…](…)"
                )
            return self.error(f"{name} is not known", node.name_span, meant(name, self.ranks))
        subs = tuple(self.place(sub, frame) for sub in node.subs)
        if len(subs) != rank[0]:
            return self._wrong_count(name, len(subs), node.span)
        return Ref(name, subs)

    def place(self, node: S.Expr, frame: Frame) -> Expr:
        """One subscript."""
        if type(node) is S.Range:
            return self.error("a range can stand in find and given only", node.span)
        if (
            type(node) is S.Name
            and frame.find(node.name) is None
            and node.name not in self.out.indices
            and node.name not in self.sizes.values
            and node.name not in self.out.relations
            and node.name not in self.out.givens
        ):
            self._unknown_index(node)
            return Const(1)
        return self.expr(node, frame)

    def _wrong_count(self, name: str, count: int, span: Span) -> Expr:
        rank, where = self.ranks[name]
        return self.error(
            f"{name} has {_subscripts(rank)}, but {_subscripts(count)} here",
            span,
            notes=[(f"the axes of {name} are set here", where)],
        )

    # -- operators -----------------------------------------------------------------------------
    def symbol(self, node: S.Symbol, frame: Frame) -> Expr:
        return SymbolValue(self.symbols.setdefault(node.text, len(self.symbols)))

    def negate(self, node: S.Negate, frame: Frame) -> Expr:
        inner = self.expr(node.operand, frame)
        if type(inner) is Const:
            return Const(-inner.value)
        return Apply("neg", (inner,))

    def sum(self, node: S.Sum, frame: Frame) -> Expr:
        terms = [self.expr(term, frame) for term in node.terms]
        if len(terms) == 2 and node.negative[1]:
            return Apply("sub", tuple(terms))
        for k, negative in enumerate(node.negative):
            if negative:
                term = terms[k]
                terms[k] = (
                    Const(-term.value) if type(term) is Const else Apply("neg", (term,))
                )
        return Apply("add", tuple(terms))

    def product(self, node: S.Product, frame: Frame) -> Expr:
        factors = [self.expr(factor, frame) for factor in node.factors]
        inverse = node.inverse
        if True not in inverse:
            return Apply("mul", tuple(factors))
        if sum(inverse) > LONG_DIVISION:
            # One quotient per division would nest as deep as the chain is long.
            over = [f for f, down in zip(factors, inverse, strict=True) if not down]
            under = [f for f, down in zip(factors, inverse, strict=True) if down]
            top = over[0] if len(over) == 1 else Apply("mul", tuple(over))
            return Apply("div", (top, Apply("mul", tuple(under))))
        run = [factors[0]]
        for factor, down in zip(factors[1:], inverse[1:], strict=True):
            if down:
                left = run[0] if len(run) == 1 else Apply("mul", tuple(run))
                run = [Apply("div", (left, factor))]
            else:
                run.append(factor)
        return run[0] if len(run) == 1 else Apply("mul", tuple(run))

    def power(self, node: S.Power, frame: Frame) -> Expr:
        return Apply("pow", (self.expr(node.base, frame), self.expr(node.exponent, frame)))

    def compare(self, node: S.Compare, frame: Frame) -> Expr:
        operands = [self.expr(operand, frame) for operand in node.operands]
        parts = []
        for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
            if op in (">", ">="):
                left, right = right, left
            parts.append(Apply(_COMPARISON[op], (left, right)))
        return parts[0] if len(parts) == 1 else Apply("and", tuple(parts))

    def logic(self, node, frame: Frame) -> Expr:
        op = {S.And: "and", S.Or: "or", S.Not: "not"}[type(node)]
        return Apply(op, tuple(self.expr(part, frame) for part in S.children(node)))

    def reduce(self, node: S.Reduce, frame: Frame) -> Expr:
        if node.op in ("argmax", "argmin") and len(node.indices) != 1:
            self.error(f"{node.op} gives the value of one index", node.span)
        names: dict[str, Index] = {}
        for index in node.indices:
            if index.name in names:
                self.error(f"{index.name} stands twice in {node.op}[…]", index.span)
                continue
            bounds = self.bounds(index, frame)
            text = index.name if bounds is not None else "?"
            names[index.name] = self.index_names.new(text, bounds or Bounds(*_NO_BOUNDS))
        inner = Frame(names, frame)
        condition = None if node.condition is None else self.expr(node.condition, inner)
        body = self.expr(node.body, inner)
        return Reduce(node.op, tuple(names.values()), condition, body)

    def bounds(self, index: S.Name, frame: Frame) -> Bounds | None:
        """The range of the index that a reduction names; None (reported) when there is none."""
        found = frame.find(index.name)
        name = index.name
        while type(found) is Alias:
            name = found.name
            found = found.frame.find(name)
        if type(found) is Index:
            return Bounds(found.lo, found.hi)
        if name in self.sizes.bounds:
            return self.sizes.bounds[name]
        self._unknown_index(index)
        return None

    def _unknown_index(self, node: S.Name) -> None:
        self.bad = True
        self.unknown.add(node.name)
        unknown_index(node.name, node.span, self.out.indices, self.report)

    # -- what stands elsewhere only ------------------------------------------------------------
    def derivative(self, node: S.Derivative, frame: Frame) -> Expr:
        raise Unsupported("a derivative d(…)/d(…)", node.span)

    def last(self, node: S.Last, frame: Frame) -> Expr:
        raise Unsupported(f"last[{node.index.name}](…), the end of a recurrence,", node.span)

    def ellipsis(self, node: S.Ellipsis, frame: Frame) -> Expr:
        self.bad = True  # reported where the families are known
        return POISON

    def list(self, node: S.ListExpr, frame: Frame) -> Expr:
        return self.error(
            "a list gives the values of a whole variable",
            node.span,
            "write it alone on the right: a[i] = [1, 2, 3]",
        )

    def range(self, node: S.Range, frame: Frame) -> Expr:
        return self.error("a range can stand in find and given only", node.span)


_COMPARISON = {"<": "lt", ">": "lt", "<=": "le", ">=": "le", "=": "eq", "!=": "ne"}
_HANDLERS = {
    S.Symbol: Resolver.symbol,
    S.Subscript: Resolver.subscript,
    S.Call: Resolver.call,
    S.Reduce: Resolver.reduce,
    S.Last: Resolver.last,
    S.Negate: Resolver.negate,
    S.Sum: Resolver.sum,
    S.Product: Resolver.product,
    S.Power: Resolver.power,
    S.Compare: Resolver.compare,
    S.Not: Resolver.logic,
    S.And: Resolver.logic,
    S.Or: Resolver.logic,
    S.Ellipsis: Resolver.ellipsis,
    S.Derivative: Resolver.derivative,
    S.ListExpr: Resolver.list,
    S.Range: Resolver.range,
}

_NO_BOUNDS = (ONE, ONE)


def _number(value: int | float) -> Const:
    if isinstance(value, int) and abs(value) >= 2**53:
        return Const(float(value)) if abs(value) < 1 << 1023 else Const(float("inf"))
    return Const(value)


def _subscripts(count: int) -> str:
    return "no subscripts" if not count else "1 subscript" if count == 1 else f"{count} subscripts"
