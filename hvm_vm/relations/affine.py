"""Whole-number expressions as polynomials.

An expression of indices and sizes becomes a `Size` in which an index `t` is the symbol `%t`; data
of whole numbers, and whatever else is whole but no polynomial, becomes an opaque symbol `&k`. Equal
expressions become equal polynomials, and questions about ranges questions about polynomials.
"""

from __future__ import annotations

from hvm_vm.bytecode.sizes import Atom, Size, SizeError

from .system import Apply, Const, Expr, Index, IndexValue, Ref, SizeValue

ZERO = Size.of(0)


class Integers:
    """Converts between expressions and polynomials, and remembers which symbol is what."""

    def __init__(self) -> None:
        self.indices: dict[str, Index] = {}  # by symbol
        self.opaque: dict[str, Expr] = {}
        self._numbers: dict[Expr, str] = {}
        self.whole: set[str] = set()  # variables that hold whole numbers

    def index(self, index: Index) -> Size:
        """The polynomial of one index."""
        symbol = "%" + index.name
        self.indices.setdefault(symbol, index)
        return Size.of(symbol)

    def unknown(self, expr: Expr) -> Size:
        """An opaque symbol for a whole-number expression."""
        symbol = self._numbers.get(expr)
        if symbol is None:
            symbol = self._numbers[expr] = f"&{len(self._numbers)}"
            self.opaque[symbol] = expr
        return Size.of(symbol)

    def polynomial(self, expr: Expr) -> Size | None:
        """`expr` as a polynomial; None when it is not surely a whole number."""
        kind = type(expr)
        if kind is Const:
            value = expr.value
            if isinstance(value, int):
                return Size.of(value)
            return Size.of(int(value)) if value.is_integer() and abs(value) < 2**53 else None
        if kind is IndexValue:
            return self.index(expr.index)
        if kind is SizeValue:
            return expr.size
        if kind is Ref:
            return self.unknown(expr) if expr.variable in self.whole else None
        if kind is Apply:
            try:
                return self._apply(expr)
            except SizeError:
                return None
        return None

    def _apply(self, expr: Apply) -> Size | None:
        op = expr.op
        if op in ("floor", "ceil", "round"):
            inner = self.polynomial(expr.args[0])
            if inner is not None:
                return inner
            division = expr.args[0]
            if op != "round" and type(division) is Apply and division.op == "div":
                over, under = map(self.polynomial, division.args)
                if over is not None and under is not None and under != 0:
                    if op == "floor":
                        return over.floordiv(under)
                    return -((-over).floordiv(under))
            return None
        if op not in ("add", "sub", "mul", "neg", "mod", "min", "max", "pow", "if"):
            return None
        args = []
        for arg in expr.args[1:] if op == "if" else expr.args:
            polynomial = self.polynomial(arg)
            if polynomial is None:
                return None
            args.append(polynomial)
        if op == "add":
            return sum(args[1:], args[0])
        if op == "sub":
            return args[0] - args[1]
        if op == "neg":
            return -args[0]
        if op == "mul":
            total = args[0]
            for arg in args[1:]:
                total = total * arg
            return total
        if op == "pow":
            n = args[1].constant
            if n is None or not 0 <= n <= 8:
                return None
            total = Size.of(1)
            for _ in range(n):
                total = total * args[0]
            return total
        if op == "if":
            return self.unknown(expr)
        if op == "mod":
            return args[0].mod(args[1]) if args[1] != 0 else None
        total = args[0]
        for arg in args[1:]:
            total = getattr(total, op)(arg)
        return total

    # -- and back ------------------------------------------------------------------------------
    def expression(self, polynomial: Size) -> Expr:
        """An expression for `polynomial`: c1*i + c2*j + … + constant, in a canonical order."""
        if not self.mixed(polynomial):
            return number(polynomial)
        rest: dict = {}
        parts: list[Expr] = []
        groups: dict[tuple, dict] = {}
        for monomial, coefficient in polynomial.terms:
            ours = tuple(a for a in monomial if self.mixed_atom(a))
            others = tuple(a for a in monomial if not self.mixed_atom(a))
            target = groups.setdefault(ours, {}) if ours else rest
            target[others] = target.get(others, 0) + coefficient
        for atoms, terms in groups.items():
            factor = Size(terms)
            values = [self._atom(a) for a in atoms]
            if factor == 1:
                parts.append(values[0] if len(values) == 1 else Apply("mul", tuple(values)))
            elif factor == -1 and len(values) == 1:
                parts.append(Apply("neg", (values[0],)))
            else:
                parts.append(Apply("mul", (number(factor), *values)))
        constant = Size(rest)
        if constant != 0:
            parts.append(number(constant))
        return parts[0] if len(parts) == 1 else Apply("add", tuple(parts))

    def _atom(self, atom: Atom) -> Expr:
        if atom.op == "sym":
            index = self.indices.get(atom.left)
            return IndexValue(index) if index is not None else self.opaque[atom.left]
        left, right = self.expression(atom.left), self.expression(atom.right)
        if atom.op == "floordiv":
            return Apply("floor", (Apply("div", (left, right)),))
        if atom.op == "exactdiv":
            return Apply("div", (left, right))
        return Apply(atom.op, (left, right))

    def mixed(self, polynomial: Size) -> bool:
        """Whether an index or data stands in `polynomial` (else it is a size)."""
        return any(self.mixed_atom(a) for monomial, _ in polynomial.terms for a in monomial)

    def mixed_atom(self, atom: Atom) -> bool:
        if atom.op == "sym":
            return atom.left[0] in "%&"
        return self.mixed(atom.left) or self.mixed(atom.right)

    def affine(self, polynomial: Size) -> tuple[dict[Index, Size], Size] | None:
        """(coefficient of each index, constant), all sizes; None when it is not affine."""
        coefficients: dict[Index, dict] = {}
        constant: dict = {}
        for monomial, coefficient in polynomial.terms:
            ours = [a for a in monomial if self.mixed_atom(a)]
            if not ours:
                constant[monomial] = coefficient
                continue
            if len(ours) > 1 or ours[0].op != "sym" or ours[0].left[0] != "%":
                return None
            others = tuple(a for a in monomial if a != ours[0])
            coefficients.setdefault(self.indices[ours[0].left], {})[others] = coefficient
        return {i: Size(terms) for i, terms in coefficients.items()}, Size(constant)

    def replace(self, polynomial: Size, values: dict[Index, Size]) -> Size:
        """Indices replaced by polynomials."""
        return polynomial.substitute({"%" + i.name: value for i, value in values.items()})


def number(size: Size) -> Expr:
    """A size as an expression."""
    constant = size.constant
    return Const(constant) if constant is not None else SizeValue(size)


def plain_index(place: Size, integers: Integers) -> Index | None:
    """The index when `place` is one alone."""
    if len(place.terms) == 1:
        monomial, coefficient = place.terms[0]
        if coefficient == 1 and len(monomial) == 1 and monomial[0].op == "sym":
            return integers.indices.get(monomial[0].left)
    return None
