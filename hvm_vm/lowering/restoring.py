"""Back from canonical forms: quotients, differences, roots and comparisons as people write them.

Sums come back as they were written, or else with the large constants first: in 1e9*m - 1e9 + s the
order decides whether anything is left of s.
"""

from __future__ import annotations

from hvm_vm.lowering import conditions
from hvm_vm.lowering.canonical import Canon
from hvm_vm.lowering.linear import linear
from hvm_vm.lowering.terms import HAS_ACC, HAS_REF, Term, subterms, value_of


def restore(canon: Canon, term: Term) -> Term:
    """Ordinary arithmetic for a canonical term."""
    return _Restoring(canon).of(term)


class _Restoring:
    def __init__(self, canon: Canon):
        self.canon, self.terms = canon, canon.terms

    def of(self, term: Term) -> Term:
        memo: dict[int, Term] = {}
        for node in subterms(term):
            memo[node.id] = self._one(node, tuple(memo[a.id] for a in node.args))
        return memo[term.id]

    def _one(self, node: Term, args: tuple[Term, ...]) -> Term:
        t, op = self.terms, node.op
        if op in ("ge0", "eq0", "ne0"):
            form = linear(node.args[0])
            if form is not None:
                return conditions.restore(t, op, form)
            zero = t.const(0)
            return t.apply("le", zero, args[0]) if op == "ge0" else t.apply(op[:2], args[0], zero)
        if op == "mul":
            return self._product(node, args)
        if op == "add":
            return self._sum(node, args)
        if op == "pow" and value_of(node.args[1]) is not None:
            return self._power(args[0], value_of(node.args[1]))
        return t.rebuild(node, args)

    def _power(self, base: Term, exponent) -> Term:
        t = self.terms
        if exponent < 0:
            return t.apply("div", t.one, self._power(base, -exponent))
        if exponent == 0.5:
            return t.apply("sqrt", base)
        if float(exponent).is_integer() and exponent <= 4:
            return t.apply("mul", *[base] * int(exponent))
        return t.apply("pow", base, t.const(exponent))

    def _product(self, node: Term, args: tuple[Term, ...]) -> Term:
        t = self.terms
        above: list[Term] = []
        below: list[Term] = []
        scale: list[Term] = []  # what is one number for the whole run: worked out once
        for original, arg in zip(node.args, args, strict=True):
            base, exponent = self.canon.base_of(original)
            uniform = not original.free and not original.flags & HAS_REF and original.op != "acc"
            if uniform:
                scale.append(arg)
            elif exponent < 0:
                inner = arg.args[1] if arg.op == "div" else None
                below.append(inner if inner is not None else self._power(
                    self.of(base), -exponent))
            else:
                above.append(arg)
        sign = False
        if scale:
            factor = t.apply("mul", *scale)
            if value_of(factor) == -1 and above:
                sign = True
            else:
                above.insert(0, factor)
        out = t.apply("mul", *above) if above else t.one
        for divisor in below:
            out = t.apply("div", out, divisor)
        return t.apply("neg", out) if sign else out

    def _sum(self, node: Term, args: tuple[Term, ...]) -> Term:
        spelled = self.canon.spelled.get(node)
        if spelled is not None:
            return spelled
        if node.flags & HAS_ACC:
            here = {a: c for a, c in zip(node.args, args, strict=True) if a.flags & HAS_ACC}
            if 0 < len(here) < len(args):
                rest = self.canon.plus(*[a for a in node.args if a not in here])
                return self._added([*here.values(), self.of(rest)])
        order = sorted(range(len(args)), key=lambda k: -_magnitude(node.args[k]))
        return self._added([args[k] for k in order])

    def _added(self, args: list[Term]) -> Term:
        t = self.terms
        plus = [a for a in args if not _is_negative(a)]
        minus = [self._opposite(a) for a in args if _is_negative(a)]
        if not plus:
            return t.apply("neg", t.apply("add", *minus))
        out = t.apply("add", *plus)
        for term in minus:
            out = t.apply("sub", out, term)
        return out

    def _opposite(self, term: Term) -> Term:
        t = self.terms
        value = value_of(term)
        if value is not None:
            return t.const(-value)
        if term.op == "neg":
            return term.args[0]
        return t.apply("mul", t.const(-value_of(term.args[0])), *term.args[1:])


def _magnitude(term: Term) -> float:
    """The size of a canonical addend's constant factor; ordinary ones are all alike."""
    value = value_of(term)
    if value is None:
        value = value_of(term.args[0]) if term.op == "mul" else None
    size = abs(value) if value is not None else 1.0
    return size if size > 100 else 1.0


def _is_negative(term: Term) -> bool:
    value = value_of(term)
    if value is not None:
        return value < 0
    if term.op == "neg":
        return True
    value = value_of(term.args[0]) if term.op == "mul" else None
    return value is not None and value < 0
