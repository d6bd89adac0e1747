"""The canonical form: what equal mathematics has in common, however it is spelled.

`Canon.of(term)` is a term in which sums and products are flat, sorted and collected; differences,
quotients, squares and roots are products of powers; a mean is a sum times a power of its extent;
what does not depend on a reduction's indices stands outside it; conditions are affine forms; and
bound indices have standard names. Two terms that are equal up to these rules have one canonical
form, which is one object.

The form is for *recognising* operations. It is not what is computed where nothing is recognised:
there the expression stays as it was written (regrouping could overflow or round differently).
`restoring.restore` turns the parts of a recognised operation back into ordinary arithmetic.
"""

from __future__ import annotations

import math

from hvm_vm.lowering import conditions
from hvm_vm.lowering.algebra import Algebra, Powers, by_id, whole_number
from hvm_vm.lowering.linear import linear, to_term
from hvm_vm.lowering.terms import Ix, Term, Terms, subterms, value_of


class Canon(Algebra):
    """The canonical forms of the terms of one pool."""

    def __init__(self, terms: Terms):
        super().__init__(terms)
        self.spelled: dict[Term, Term] = {}  # canonical sums to how they were written
        self._depth: dict[int, int] = {}

    def of(self, term: Term) -> Term:
        """The canonical form (kept with the term, so asking again costs nothing)."""
        if term.canonical is not None:
            return term.canonical
        for node in subterms(term):
            if node.canonical is None:
                node.canonical = self._of(node)
                if node.canonical.op == "add" and node.canonical is not node:
                    self.spelled.setdefault(node.canonical, node)
                if node.canonical.canonical is None:
                    node.canonical.canonical = node.canonical
        return term.canonical

    # -- one node, its arguments being canonical ---------------------------------------------
    def _of(self, node: Term) -> Term:
        t, op = self.terms, node.op
        if not node.args:
            return t.const(whole_number(node.data[1])) if op == "const" else node
        args = [a.canonical for a in node.args]
        if op == "reduce":
            return self._reduce(node.data[0], node.data[1], args[0], args[1])
        if op == "ref":
            subscripts = [linear(a) for a in args]
            return t.ref(node.data, tuple(
                a if form is None else to_term(t, form)
                for a, form in zip(args, subscripts, strict=True)))
        compared = conditions.comparison(node)
        if compared is not None:
            return conditions.of_comparison(t, *compared)
        rule = getattr(self, f"_op_{op}", None)
        if rule is not None:
            return rule(*args)
        return t.rebuild(node, tuple(args))

    def _op_add(self, *args):
        return self.plus(*args)

    def _op_sub(self, a, b):
        return self.plus(a, self.negative(b))

    def _op_neg(self, a):
        return self.negative(a)

    def _op_mul(self, *args):
        return self.times(*args)

    def _op_div(self, a, b):
        return self.times(a, self.power(b, -1))

    def _op_sqrt(self, a):
        return self.power(a, 0.5)

    def _op_pow(self, base, exponent):
        value = value_of(exponent)
        if value is not None and math.isfinite(value):
            return self.power(base, value)
        scale = value_of(base)
        if scale is not None and scale > 0 and math.isfinite(scale):
            return self._exp(self.times(self.terms.const(math.log(scale)), exponent))
        return self.terms.raw("pow", (base, exponent))

    def _op_exp(self, a):
        return self._exp(a)

    def _op_guard(self, condition, body):
        return self.terms.guard(condition, body)

    def _op_if(self, condition, yes, no):
        if condition.op == "const":
            return yes if value_of(condition) else no
        if value_of(yes) == 0 and value_of(no) != 0 and condition.op in _SHARP:
            condition, yes, no = conditions.negate(self.terms, condition), no, yes
        return yes if yes is no else self.terms.raw("if", (condition, yes, no))

    def _op_and(self, *args):
        return conditions.junction(self.terms, "and", list(args))

    def _op_or(self, *args):
        return conditions.junction(self.terms, "or", list(args))

    def _op_not(self, a):
        return conditions.negate(self.terms, a)

    def _op_eq(self, a, b):
        return self.terms.raw("eq", tuple(sorted((a, b), key=by_id)))

    def _op_ne(self, a, b):
        return self.terms.raw("ne", tuple(sorted((a, b), key=by_id)))

    def _op_max(self, *args):
        return self._extreme("max", args)

    def _op_min(self, *args):
        return self._extreme("min", args)

    def _extreme(self, op, args):
        flat = {p.id: p for a in args for p in (a.args if a.op == op else (a,))}
        ordered = tuple(flat[k] for k in sorted(flat))
        return ordered[0] if len(ordered) == 1 else self.terms.raw(op, ordered)

    # -- reductions --------------------------------------------------------------------------
    def _reduce(self, op: str, indices, condition: Term, body: Term) -> Term:
        if condition.op == "const" and not value_of(condition):
            return self._bind(op, indices, condition, body)
        if op == "mean" and condition is self.terms.true:
            extent = self.terms.one
            for ix in indices:
                extent = self.times(extent, self.terms.size(ix.extent))
            return self.times(self.power(extent, -1), self._sum(indices, condition, body))
        if op == "sum":
            return self._sum(indices, condition, body)
        return self._bind(op, indices, condition, body)

    def _sum(self, indices, condition: Term, body: Term) -> Term:
        """A sum: choices of zero become its condition, what is constant in it stands outside."""
        coefficient, powers = self.factors(body)
        outside: Powers = {}
        inside: Powers = {}
        guards = [condition]
        bound = frozenset(indices)
        work = list(powers.items())
        while work:
            base, exponent = work.pop(0)
            if base.free.isdisjoint(bound):
                outside[base] = outside.get(base, 0) + exponent
            elif base.op == "if" and exponent == 1 and value_of(base.args[2]) == 0:
                guards.append(base.args[0])
                c, more = self.factors(base.args[1])
                coefficient *= c
                work.extend(more.items())
            elif base.op in _SHARP and exponent == 1:
                guards.append(base)
            else:
                inside[base] = inside.get(base, 0) + exponent
        condition = conditions.junction(self.terms, "and", guards)
        inner = self._collect(1, inside)
        if (inner.op == "reduce" and inner.data[0] == "sum"
                and not any(i in bound for i in inner.data[1])):
            indices = tuple(indices) + inner.data[1]
            condition = conditions.junction(self.terms, "and", [condition, inner.args[0]])
            inner = inner.args[1]
        found = self._bind("sum", indices, condition, inner)
        return self.times(self.product(coefficient, outside), found)

    def _bind(self, op: str, indices, condition: Term, body: Term) -> Term:
        """The reduction with standard names for its indices, in a standard order."""
        t = self.terms
        depth = 1 + max((self._depth_of(a) for a in (condition, body)), default=0)
        if len(indices) > 1:
            indices = sorted(indices, key=lambda i: _signature(i, condition, body))
        names = {}
        for k, ix in enumerate(indices):
            names[ix] = t.ix(f"%{depth}.{k}:{ix.lo}..{ix.hi}", ix.lo, ix.hi, ix.text)
        if all(names[i] is i for i in indices):
            return t.reduce(op, tuple(indices), condition, body)
        values = {i: t.index(n) for i, n in names.items()}
        condition = self.of(t.substitute(condition, values))
        body = self.of(t.substitute(body, values))
        return t.reduce(op, tuple(names[i] for i in indices), condition, body)

    def _depth_of(self, term: Term) -> int:
        """Levels of reductions in `term`."""
        found = self._depth.get(term.id)
        if found is None:
            found = max((self._depth_of(a) for a in term.args), default=0) + (term.op == "reduce")
            self._depth[term.id] = found
        return found


_SHARP = frozenset(("ge0", "eq0", "ne0", "lt", "le", "eq", "ne", "and", "or", "not"))


def _signature(ix: Ix, condition: Term, body: Term) -> tuple:
    """Where an index occurs, in words that do not depend on its name."""
    found = []
    for part in (condition, body):
        for node in subterms(part):
            if node.op == "ref" and ix in node.free:
                found.append((node.data, *(k for k, a in enumerate(node.args) if ix in a.free)))
    return (sorted(found), str(ix.lo), str(ix.hi), ix.number)
