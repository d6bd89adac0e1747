"""Exact derivatives of terms: the rules of calculus, with zeros and ones folded away.

Steps (`floor`, `sign`, comparisons) have the derivative 0 that they have wherever they have one;
`abs`, `min`, `max` and `if` have that of the branch that is taken.
"""

from __future__ import annotations

import math

from hvm_vm.lowering.terms import Term, Terms, value_of

FLAT = frozenset(("sign", "floor", "ceil", "round", "lt", "le", "eq", "ne", "and", "or", "not"))


def depends(term: Term, variable: Term, memo: dict[int, bool]) -> bool:
    """Whether `variable` (a reference) occurs in `term`."""
    found = memo.get(term.id)
    if found is None:
        found = term is variable or any(depends(a, variable, memo) for a in term.args)
        memo[term.id] = found
    return found


class Derivative:
    """Derivatives by one variable: a reference, at the place where it stands."""

    def __init__(self, terms: Terms, variable: Term):
        self.t, self.variable = terms, variable
        self._memo: dict[int, Term] = {variable.id: terms.one}
        self._depends: dict[int, bool] = {}

    def of(self, term: Term) -> Term:
        """d(term)/d(variable)."""
        found = self._memo.get(term.id)
        if found is None:
            zero = not depends(term, self.variable, self._depends)
            found = self.t.zero if zero else self._of(term)
            self._memo[term.id] = found
        return found

    def _of(self, term: Term) -> Term:
        t, op, args = self.t, term.op, term.args
        if op in FLAT:
            return t.zero
        if op == "reduce":
            raise ValueError("a reduction over an expression of an unknown")
        if op in ("if", "guard"):
            branches = [self.of(a) for a in args[1:]]
            if all(b is t.zero for b in branches):
                return t.zero
            return t.apply("if", args[0], *branches) if op == "if" else t.guard(args[0], *branches)
        inner = [self.of(a) for a in args]
        if op == "add":
            return self.sum(*inner)
        if op == "sub":
            return self.difference(*inner)
        if op == "neg":
            return self.negative(inner[0])
        if op == "mul":
            return self.sum(*(
                self.product(d, *args[:k], *args[k + 1 :]) for k, d in enumerate(inner)))
        if op == "div":
            return self._quotient(term, *args, *inner)
        if op == "pow":
            return self._power(term, *args, *inner)
        if op == "atan2":
            (y, x), (dy, dx) = args, inner
            above = self.difference(self.product(x, dy), self.product(y, dx))
            return self.quotient(above, t.apply("add", self.square(x), self.square(y)))
        if op in ("min", "max"):
            return self._extreme(op, list(args), inner)
        if op == "mod":
            (a, b), (da, db) = args, inner
            return self.difference(da, self.product(
                t.apply("floor", t.apply("div", a, b)), db))
        return self._chain(term, args[0], inner[0])

    def _chain(self, term: Term, x: Term, dx: Term) -> Term:
        t, op = self.t, term.op
        one = t.one
        if op == "exp":
            return self.product(dx, term)
        if op == "log":
            return self.quotient(dx, x)
        if op == "sqrt":
            return self.quotient(dx, t.apply("mul", t.const(2), term))
        if op == "sin":
            return self.product(dx, t.apply("cos", x))
        if op == "cos":
            return self.negative(self.product(dx, t.apply("sin", x)))
        if op == "tan":
            return self.product(dx, t.apply("add", one, self.square(term)))
        if op in ("asin", "acos"):
            root = t.apply("sqrt", t.apply("sub", one, self.square(x)))
            found = self.quotient(dx, root)
            return found if op == "asin" else self.negative(found)
        if op == "atan":
            return self.quotient(dx, t.apply("add", one, self.square(x)))
        if op in ("sinh", "cosh"):
            return self.product(dx, t.apply("cosh" if op == "sinh" else "sinh", x))
        if op == "tanh":
            return self.product(dx, t.apply("sub", one, self.square(term)))
        if op == "erf":
            bell = t.apply("exp", t.apply("neg", self.square(x)))
            return self.product(dx, t.const(2 / math.sqrt(math.pi)), bell)
        if op == "sigmoid":
            return self.product(dx, term, t.apply("sub", one, term))
        if op == "abs":
            return self.product(dx, t.apply("sign", x))
        raise ValueError(f"{op} has no derivative")

    def _quotient(self, term: Term, a: Term, b: Term, da: Term, db: Term) -> Term:
        first = self.quotient(da, b)
        return self.difference(first, self.quotient(self.product(term, db), b))

    def _power(self, term: Term, a: Term, b: Term, da: Term, db: Term) -> Term:
        t = self.t
        exponent = value_of(b)
        parts = []
        if da is not t.zero:
            if exponent == 1:
                slope = t.one
            elif exponent == 2:
                slope = t.apply("mul", b, a)
            elif exponent is not None:
                slope = t.apply("mul", b, t.apply("pow", a, t.const(exponent - 1)))
            else:
                less = t.apply("sub", b, t.one)
                slope = t.apply("mul", b, t.apply("pow", a, less))
            parts.append(self.product(slope, da))
        if db is not t.zero:
            parts.append(self.product(term, t.apply("log", a), db))
        return self.sum(*parts)

    def _extreme(self, op: str, args: list[Term], inner: list[Term]) -> Term:
        t = self.t
        value, slope = args[0], inner[0]
        for other, change in zip(args[1:], inner[1:], strict=True):
            first = t.apply("le", value, other) if op == "min" else t.apply("le", other, value)
            slope = slope if slope is change else t.apply("if", first, slope, change)
            value = t.apply(op, value, other)
        return slope

    # -- arithmetic that folds -----------------------------------------------------------------
    def sum(self, *terms: Term) -> Term:
        kept = [x for x in terms if x is not self.t.zero]
        if not kept:
            return self.t.zero
        return kept[0] if len(kept) == 1 else self.t.apply("add", *kept)

    def difference(self, a: Term, b: Term) -> Term:
        if b is self.t.zero:
            return a
        return self.negative(b) if a is self.t.zero else self.t.apply("sub", a, b)

    def negative(self, a: Term) -> Term:
        return a if a is self.t.zero else self.t.apply("neg", a)

    def product(self, *terms: Term) -> Term:
        if any(x is self.t.zero for x in terms):
            return self.t.zero
        kept = [x for x in terms if x is not self.t.one]
        if not kept:
            return self.t.one
        return kept[0] if len(kept) == 1 else self.t.apply("mul", *kept)

    def quotient(self, a: Term, b: Term) -> Term:
        return a if a is self.t.zero else self.t.apply("div", a, b)

    def square(self, a: Term) -> Term:
        return self.t.apply("mul", a, a)
