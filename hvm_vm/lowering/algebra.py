"""Canonical sums and products: collected, sorted, and the same for equal ones.

A canonical sum is {addend: coefficient} and a constant, a canonical product a constant and
{base: exponent}; the methods here go back and forth between these and terms.
"""

from __future__ import annotations

import math

from hvm_vm.lowering.folding import fold
from hvm_vm.lowering.terms import Term, Terms, value_of

Powers = dict  # of base terms to constant exponents


class Algebra:
    """Arithmetic on canonical terms of one pool."""

    def __init__(self, terms: Terms):
        self.terms = terms

    def addends(self, term: Term) -> tuple[dict[Term, float], float]:
        """A canonical sum as {addend without its coefficient: coefficient} and a constant."""
        parts: dict[Term, float] = {}
        const = 0
        for arg in term.args if term.op == "add" else (term,):
            value = value_of(arg)
            if value is not None:
                const += value
            else:
                coefficient, rest = self.split(arg)
                parts[rest] = parts.get(rest, 0) + coefficient
        return parts, const

    def split(self, term: Term) -> tuple[float, Term]:
        """A canonical product as its constant and the rest."""
        if term.op == "mul" and term.args[0].op == "const":
            return value_of(term.args[0]), self._times(1, term.args[1:])
        return 1, term

    def factors(self, term: Term) -> tuple[float, Powers]:
        """A canonical product as its constant and {base: exponent}."""
        value = value_of(term)
        if value is not None:
            return value, {}
        coefficient, powers = 1, {}
        for arg in term.args if term.op == "mul" else (term,):
            value = value_of(arg)
            if value is not None:
                coefficient = coefficient * value
                continue
            base, exponent = self.base_of(arg)
            powers[base] = powers.get(base, 0) + exponent
        return coefficient, powers

    def base_of(self, term: Term) -> tuple[Term, float]:
        if term.op == "pow":
            exponent = value_of(term.args[1])
            if exponent is not None:
                return term.args[0], exponent
        return term, 1

    def total(self, parts: dict[Term, float], const: float = 0) -> Term:
        """The canonical sum of `coefficient * addend`."""
        found = []
        for addend, coefficient in parts.items():
            if coefficient == 0:
                continue
            factor, rest = self.factors(addend)
            found.append(self.product(factor * coefficient, rest))
        if const or not found:
            found.append(self.terms.const(whole_number(const)))
        found.sort(key=by_id)
        return found[0] if len(found) == 1 else self.terms.raw("add", tuple(found))

    def product(self, coefficient: float, powers: Powers) -> Term:
        """The canonical product of a constant and powers."""
        if coefficient == 0 and not powers:
            return self.terms.const(0)
        return self._times(coefficient, [self._raise(b, e) for b, e in powers.items() if e != 0])

    def _times(self, coefficient, factors) -> Term:
        factors = sorted(factors, key=by_id)
        if coefficient != 1 or not factors:
            factors.insert(0, self.terms.const(whole_number(coefficient)))
        return factors[0] if len(factors) == 1 else self.terms.raw("mul", tuple(factors))

    def _raise(self, base: Term, exponent) -> Term:
        if exponent == 1:
            return base
        return self.terms.raw("pow", (base, self.terms.const(whole_number(exponent))))

    def times(self, *factors: Term) -> Term:
        coefficient, powers = 1, {}
        for factor in factors:
            c, found = self.factors(factor)
            coefficient *= c
            for base, exponent in found.items():
                powers[base] = powers.get(base, 0) + exponent
        return self._collect(coefficient, powers)

    def plus(self, *addends: Term) -> Term:
        parts: dict[Term, float] = {}
        const = 0
        work = [(a, 1) for a in addends]
        for addend, scale in work:
            found, c = self.addends(addend)
            const += c * scale
            for rest, coefficient in found.items():
                # a - (b + c). Not a - 1e9*(b - c): opened up, that would lose all digits of a.
                if rest.op == "add" and abs(coefficient) == 1:
                    work.append((rest, coefficient * scale))
                else:
                    parts[rest] = parts.get(rest, 0) + coefficient * scale
        return self.total(parts, const)

    def negative(self, term: Term) -> Term:
        return self.times(self.terms.const(-1), term)

    def power(self, base: Term, exponent) -> Term:
        """`base ^ exponent` for a constant exponent."""
        if exponent == 1:
            return base
        value = value_of(base)
        if value is not None:
            folded = fold("pow", [value, exponent])
            if folded is not None and math.isfinite(folded):
                return self.terms.const(whole_number(folded))
            return self.terms.raw("pow", (base, self.terms.const(exponent)))
        whole = float(exponent).is_integer()
        if base.op == "add" and whole and exponent % 2 == 0:
            base = self._either_sign(base)
        coefficient, powers = self.factors(base)
        if whole or (len(powers) == 1 and coefficient == 1):
            out, scale = {}, fold("pow", [coefficient, exponent]) if coefficient != 1 else 1
            for inner, e in powers.items():
                # (x^2)^(1/2) is |x|: powers of powers multiply only where that is exact.
                if not whole and float(e).is_integer() and e % 2 == 0:
                    return self._raise(base, exponent)
                out[inner] = e * exponent
            if scale is not None and math.isfinite(scale):
                return self.product(scale, out)
        return self._raise(base, exponent)

    def _either_sign(self, base: Term) -> Term:
        """A sum or its negative, the same for both: (a - b)^2 = (b - a)^2."""
        parts, const = self.addends(base)
        first = min(parts, key=by_id)
        if parts[first] > 0:
            return base
        return self.total({a: -c for a, c in parts.items()}, -const)

    def _collect(self, coefficient, powers: Powers) -> Term:
        """Products of exponentials joined: exp(a)*exp(b) = exp(a + b)."""
        exponents = [(b, e) for b, e in powers.items() if b.op == "exp" and float(e).is_integer()]
        if len(exponents) < 2 and all(e == 1 for _, e in exponents):
            return self.product(coefficient, powers)
        rest = {b: e for b, e in powers.items() if not (b.op == "exp" and float(e).is_integer())}
        scaled = [self.times(self.terms.const(whole_number(e)), b.args[0]) for b, e in exponents]
        return self.times(self.product(coefficient, rest), self._exp(self.plus(*scaled)))

    def _exp(self, argument: Term) -> Term:
        """exp(a + k*log(b)) = exp(a)*b^k."""
        value = value_of(argument)
        if value is not None:
            folded = fold("exp", [value])
            return self.terms.const(folded) if folded is not None else self.terms.raw(
                "exp", (argument,))
        parts, const = self.addends(argument)
        logs = {p: c for p, c in parts.items() if p.op == "log"}
        if not logs:
            return self.terms.raw("exp", (argument,))
        rest = self.total({p: c for p, c in parts.items() if p not in logs}, const)
        raised = [self.power(p.args[0], c) for p, c in logs.items()]
        if value_of(rest) == 0:
            return self.times(*raised)
        return self.times(self.terms.raw("exp", (rest,)), *raised)


def by_id(term: Term) -> int:
    return term.id


def whole_number(value):
    """Whole numbers are ints in canonical forms: 2 and 2.0 are one."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    return value
