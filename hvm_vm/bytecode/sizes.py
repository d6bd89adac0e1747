"""Symbolic sizes: integer expressions over named size symbols, kept in a canonical form.

A :class:`Size` is a polynomial with integer coefficients over *atoms*. An atom is a size symbol
(`T`), or an integer operation that a polynomial cannot express (`floor(a/b)`, `a mod b`, an exact
quotient `a/b`, `min`, `max`) applied to two sizes. Because the form is canonical, equal expressions
compare equal (`T + 1 - 1 == T`), which is what shape rules and range proofs need.
"""

from __future__ import annotations

from dataclasses import dataclass

# What an atom may do to its two operands; the order is the numbering in a bytecode file.
ATOM_OPS = ("floordiv", "mod", "exactdiv", "min", "max")

# Sizes are counts of elements and positions: nothing real comes near this, so nothing may pass it.
SIZE_LIMIT = 1 << 48


class SizeError(ValueError):
    """A size that cannot be evaluated: unknown symbol, inexact quotient, zero divisor, too
    large."""


@dataclass(frozen=True, slots=True)
class Atom:
    """`op(left, right)`; a plain symbol is `Atom("sym", name, None)`."""

    op: str
    left: object
    right: object = None

    def __str__(self) -> str:
        if self.op == "sym":
            return str(self.left)
        if self.op == "floordiv":
            return f"floor(({self.left})/({self.right}))"
        if self.op == "exactdiv":
            return f"(({self.left})/({self.right}))"
        return f"{self.op}({self.left}, {self.right})"

    def sort_key(self) -> str:
        return str(self)


Monomial = tuple  # of atoms, sorted, repeated for powers


class Size:
    """An immutable canonical integer expression. Build with `Size.of`, arithmetic and the
    methods."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Monomial, int]):
        # Sorted so that equal sizes print, hash and encode alike.
        kept = {m: c for m, c in terms.items() if c}
        ordered = sorted(kept.items(), key=lambda mc: (-len(mc[0]), [a.sort_key() for a in mc[0]]))
        self.terms: tuple[tuple[Monomial, int], ...] = tuple(ordered)
        self._hash = hash(self.terms)

    # -- building ------------------------------------------------------------------------------
    @staticmethod
    def of(value: int | str | Size) -> Size:
        """A size from an integer, a symbol's name, or a size (returned as it is)."""
        if isinstance(value, Size):
            return value
        if isinstance(value, str):
            return Size({(Atom("sym", value),): 1})
        return Size({(): int(value)})

    def _combine(self, other, sign: int) -> Size:
        other = Size.of(other)
        terms = dict(self.terms)
        for monomial, coefficient in other.terms:
            terms[monomial] = terms.get(monomial, 0) + sign * coefficient
        return Size(terms)

    def __add__(self, other) -> Size:
        return self._combine(other, 1)

    __radd__ = __add__

    def __sub__(self, other) -> Size:
        return self._combine(other, -1)

    def __rsub__(self, other) -> Size:
        return Size.of(other) - self

    def __neg__(self) -> Size:
        return Size({m: -c for m, c in self.terms})

    def __mul__(self, other) -> Size:
        other = Size.of(other)
        terms: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in other.terms:
                monomial = tuple(sorted(left + right, key=Atom.sort_key))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return Size(terms)

    __rmul__ = __mul__

    def _atom(self, op: str, other) -> Size:
        other = Size.of(other)
        if self.constant is not None and other.constant is not None:
            return Size.of(_apply(op, self.constant, other.constant))
        return Size({(Atom(op, self, other),): 1})

    def floordiv(self, other) -> Size:
        """`floor(self / other)`."""
        other = Size.of(other)
        if other.constant == 1:
            return self
        exact = self._divided(other)
        return exact if exact is not None else self._atom("floordiv", other)

    def exactdiv(self, other) -> Size:
        """`self / other`, an error when evaluated if it is not a whole number."""
        other = Size.of(other)
        exact = self._divided(other)
        return exact if exact is not None else self._atom("exactdiv", other)

    def _divided(self, other: Size) -> Size | None:
        """The quotient when `other` divides every term (a constant or one monomial), else None."""
        if len(other.terms) != 1:
            return None
        (divisor, by), = other.terms
        out: dict[Monomial, int] = {}
        for monomial, coefficient in self.terms:
            rest = list(monomial)
            for atom in divisor:
                if atom not in rest:
                    return None
                rest.remove(atom)
            if coefficient % by:
                return None
            out[tuple(rest)] = coefficient // by
        # Dividing by a symbol that may be zero must still be an error when it is: keep the atom.
        return Size(out) if not divisor else None

    def mod(self, other) -> Size:
        """The floored remainder, with the sign of the divisor."""
        return self._atom("mod", other)

    def min(self, other) -> Size:
        return self if self == Size.of(other) else self._atom("min", other)

    def max(self, other) -> Size:
        return self if self == Size.of(other) else self._atom("max", other)

    # -- asking --------------------------------------------------------------------------------
    @property
    def constant(self) -> int | None:
        """The value when no symbol is involved, else None."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and self.terms[0][0] == ():
            return self.terms[0][1]
        return None

    def symbols(self) -> frozenset[str]:
        """The names of the symbols that the value depends on."""
        found: set[str] = set()
        for monomial, _ in self.terms:
            for atom in monomial:
                if atom.op == "sym":
                    found.add(atom.left)
                else:
                    found |= atom.left.symbols() | atom.right.symbols()
        return frozenset(found)

    def evaluate(self, values: dict[str, int]) -> int:
        """The integer value. Raises :class:`SizeError` with the reason when there is none."""
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom in monomial:
                product *= _evaluate_atom(atom, values)
            total += product
        if abs(total) > SIZE_LIMIT:
            raise SizeError(f"{self} is {total}, which is too large to be a size")
        return total

    def substitute(self, values: dict[str, Size]) -> Size:
        """Symbols replaced by sizes."""
        total = Size.of(0)
        for monomial, coefficient in self.terms:
            product = Size.of(coefficient)
            for atom in monomial:
                if atom.op == "sym":
                    product = product * values.get(atom.left, Size.of(atom.left))
                else:
                    left, right = atom.left.substitute(values), atom.right.substitute(values)
                    product = product * getattr(left, atom.op)(right)
            total = total + product
        return total

    def at_least(self, bound: int) -> bool:
        """True only if provably `self >= bound` for all non-negative values of plain symbols."""
        rest = self - bound
        return all((c > 0 and all(a.op == "sym" for a in m)) or (m == () and c >= 0)
                   for m, c in rest.terms)

    def __eq__(self, other) -> bool:
        if isinstance(other, int):
            return self.constant == other
        return isinstance(other, Size) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Size({self})"

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for monomial, coefficient in self.terms:
            factors = "*".join(str(a) for a in monomial)
            magnitude = abs(coefficient)
            body = factors if factors and magnitude == 1 else (
                f"{magnitude}*{factors}" if factors else str(magnitude))
            if text:
                text += (" - " if coefficient < 0 else " + ") + body
            else:
                text = ("-" if coefficient < 0 else "") + body
        return text


def _evaluate_atom(atom: Atom, values: dict[str, int]) -> int:
    if atom.op == "sym":
        try:
            return values[atom.left]
        except KeyError:
            raise SizeError(f"the size {atom.left} is not known") from None
    return _apply(atom.op, atom.left.evaluate(values), atom.right.evaluate(values))


def _apply(op: str, left: int, right: int) -> int:
    if op == "min":
        return min(left, right)
    if op == "max":
        return max(left, right)
    if right == 0:
        raise SizeError(f"a size is divided by zero ({left}/{right})")
    if op == "mod":
        return left % right
    quotient, rest = divmod(left, right)
    if op == "exactdiv" and rest:
        raise SizeError(f"{left}/{right} is not a whole number, so it cannot be a size")
    return quotient
