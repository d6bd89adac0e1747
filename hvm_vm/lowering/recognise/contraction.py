"""Contraction: a sum of products becomes products of two operands, the rest their epilogue.

    sum[j](W[i,j]*X[t,j])                one contraction
    sum[k,l](F[i,k]*P[k,l]*F[j,l])       two, by way of the smallest intermediate
    sum[j](A[i,j]*(x[j] + y[j])/c)       x + y as a map, one contraction, c in its epilogue
    sum[u | u <= t](A[t,u]*V[u,i])       one contraction with a condition
    sum[j](A[i,j]*B[j,k] + x[j])         one contraction, the sum of x added in its epilogue

A sum is left alone where a factor that is not stored spans the whole space: then a pass over the
space is needed anyway, and a fused reduction makes no temporary.

Sums are taken apart at their plus signs where that leaves contractions and sums over less. What is
not finite comes out the same: any NaN gives NaN, and so do infinities of both signs, in any order.
"""

from __future__ import annotations

from hvm_vm.lowering.inhabited import inhabited
from hvm_vm.lowering.lanes import is_plain
from hvm_vm.lowering.operation import Operation, Space
from hvm_vm.lowering.terms import HAS_INF, HAS_REDUCE, HAS_REF, Ix, Term

MOST_ADDENDS = 4


def contract(selection, op: Operation) -> list[Operation]:
    """The operations that compute the sum `op`, the last one in its place."""
    found = _Sum(selection, op)
    return found.operations() or found.apart() or [op]


class _Sum:
    def __init__(self, selection, op: Operation):
        self.selection, self.program, self.op = selection, selection.program, op
        self.terms = selection.program.terms
        self.free = op.indices("o")
        self.reduced = op.indices("r")
        self.condition = op.roots.get("condition", self.terms.true)
        self.before: list[Operation] = []

    def operations(self) -> list[Operation] | None:
        t = self.terms
        bound = frozenset(self.reduced)
        above, below, negative = factors(self.op.roots["body"])
        outside = [f for f in above if f.free.isdisjoint(bound)]
        under = [f for f in below if f.free.isdisjoint(bound)]
        items = [f for f in above if f not in outside]
        items += [t.apply("div", t.one, f) for f in below if f not in under]
        if len(items) < 2 or len(set(items)) < len(items):
            return None
        if not frozenset().union(*(i.free for i in items)) >= bound:
            return None
        guarded = self.op.guard is not t.true or self.condition is not t.true
        if guarded and not all(self.program.safe(i, self.op.box()) for i in items):
            return None
        settled = self.settled(outside + under)
        if not settled and self.condition is not t.true:
            most = max(items, key=lambda i: len(i.free))
            inward = t.apply("mul", most, *outside)
            for divisor in under:
                inward = t.apply("div", inward, divisor)
            items = [inward if i is most else i for i in items]
            outside, under, settled = [], [], True
        inner = frozenset().union(*(i.free for i in items)) | self.condition.free
        kept = [i for i in self.free if i in inner]
        pair = self.pair(items, frozenset(kept) | bound)
        if pair is None:
            return None
        scaled = t.apply("mul", *outside, t.acc) if outside else t.acc
        for divisor in under:
            scaled = t.apply("div", scaled, divisor)
        if negative:
            scaled = t.apply("neg", scaled)
        if not settled:
            some = [t.apply("lt", t.zero, t.size(i.extent)) for i in self.reduced]
            scaled = t.apply("if", t.both(*some), scaled, t.const(0.0))
        if guarded and not self.program.safe(scaled, self.op.box()):
            if not self.condition.free.isdisjoint(bound):
                return None
            scaled = t.guard(t.both(self.op.guard, self.condition), scaled)
        return self.finish(pair, kept, scaled)

    def settled(self, outside: list[Term]) -> bool:
        """Whether factors may be taken out of the sum: of nothing it is 0, whatever they are."""
        if not any(f.flags & (HAS_REF | HAS_REDUCE | HAS_INF) for f in outside):
            return True
        return inhabited(self.condition, self.reduced, self.free)

    def apart(self) -> list[Operation] | None:
        """A sum of a sum, of which one addend is a contraction and the others need no pass over the
        whole space: an operation for each."""
        t, op = self.terms, self.op
        addends = _addends(op.roots["body"])
        if not 2 <= len(addends) <= MOST_ADDENDS:
            return None
        if op.guard is not t.true or not all(self.program.safe(a, op.box()) for a, _ in addends):
            return None
        full = frozenset(self.free + self.reduced)
        largest = max(range(len(addends)), key=lambda k: (len(addends[k][0].free), -k))
        found: list[Operation] = []
        plus, minus = [], []
        for k, (addend, negative) in enumerate(addends):
            side = minus if negative else plus
            if k == largest:
                side.append(t.acc)
                continue
            needed = addend.free | self.condition.free
            order = [i for i in self.free if i in needed]
            dims = [d for d in op.dims if d.role == "r" or d.ix in needed]
            arguments = tuple(t.index(i) for i in order)
            # Only with what was taken apart: other sums may have become a part of their readers.
            whole = t.reduce("sum", tuple(self.reduced), self.condition, addend)
            key, old = self.selection.shared(whole, t.true, order, "apart")
            if old is not None:
                side.append(t.ref(old, arguments))
                continue
            name = self.selection.temp("sum", op.variable, order, False, op.place)
            roots = {"body": addend} | (
                {} if self.condition is t.true else {"condition": self.condition})
            part = Operation("sum", dims, roots, name, arguments, t.true, op.place)
            done = contract(self.selection, part)
            if done[-1].kind == "sum" and needed >= full:
                return None
            self.selection.of[name] = done[-1:]
            self.selection.remember(key, name)
            found += done
            side.append(t.ref(name, arguments))
        epilogue = op.roots.get("epilogue", t.acc)
        whole = t.apply("add", *plus) if plus else t.apply("neg", minus.pop(0))
        for part in minus:
            whole = t.apply("sub", whole, part)
        roots = dict(op.roots, body=addends[largest][0],
                     epilogue=t.replace(epilogue, lambda n: whole if n is t.acc else None))
        main = contract(self.selection, Operation(
            "sum", op.dims, roots, op.variable, op.subscripts, op.guard, op.place, [],
            op.relations))
        return [*found, *main] if main[-1].kind != "sum" else None

    def finish(self, pair, kept: list[Ix], scaled: Term) -> list[Operation]:
        """The contraction, with `scaled` and the sum's own epilogue after it."""
        t, op = self.terms, self.op
        epilogue = op.roots.get("epilogue", t.acc)
        roots = {} if self.condition is t.true else {"condition": self.condition}
        left = pair[0].free | pair[1].free  # earlier contractions have summed over some
        dims = [d for d in op.dims if d.ix in (left if d.role == "r" else kept)]
        if len(kept) == len(self.free):
            after = t.replace(epilogue, lambda n: scaled if n is t.acc else None)
            if after is not t.acc:
                roots["epilogue"] = after
            return [*self.before, Operation(
                "contract", dims, roots, op.variable, op.subscripts, op.guard, op.place,
                list(pair), op.relations)]
        # An index that only a factor outside has: contract without it, then a map.
        product = self.temporary("contract", kept, roots, dims, list(pair))
        whole = t.replace(scaled, lambda n: product if n is t.acc else None)
        body = t.replace(epilogue, lambda n: whole if n is t.acc else None)
        return [*self.before, Operation(
            "map", [d for d in op.dims if d.role == "o"], {"body": body}, op.variable,
            op.subscripts, op.guard, op.place, [], op.relations)]

    # -- operands ----------------------------------------------------------------------------
    def pair(self, items: list[Term], full: frozenset) -> tuple[Term, Term] | None:
        """Two plain references whose contraction is the sum; None if a fused sum is better."""
        spanning = [i for i in items if i.free >= full]
        if any(not self.plain(i) for i in spanning):
            return None
        if len(spanning) >= 2:
            ready = len(items) == 2 and self.condition is self.terms.true
            return (items[0], items[1]) if ready else None
        if spanning:
            rest = [i for i in items if i is not spanning[0]]
            product = self.terms.apply("mul", *rest)
            if product.free >= full:
                return None
            items = [i if i is spanning[0] else None for i in items]
            items[items.index(None)] = product
            items = [i for i in items if i is not None]
        if self.condition is not self.terms.true and not any(
                self.condition.free <= i.free and not i.free >= full for i in items):
            return None
        while len(items) > 2:
            items = self.join(items)
        left, right = (self.stored(i) for i in items)
        return left, right

    def join(self, items: list[Term]) -> list[Term]:
        """Two items made one: the pair whose product has the fewest indices."""
        best = None
        for a in range(len(items)):
            for b in range(a + 1, len(items)):
                union = items[a].free | items[b].free
                others = [i.free for k, i in enumerate(items) if k not in (a, b)]
                rest = frozenset().union(*others, self.free, self.condition.free)
                cost = (len(union), len(union & rest), a, b)
                if best is None or cost < best[0]:
                    best = (cost, a, b, union & rest, union - rest)
        _, a, b, kept, summed = best
        left, right = items[a], items[b]
        rest = [i for k, i in enumerate(items) if k not in (a, b)]
        if not summed:
            return [self.terms.apply("mul", left, right), *rest]
        order = [d.ix for d in self.op.dims if d.ix in kept]
        dims = [d for d in self.op.dims if d.ix in kept]
        dims = [Space(d.ix, d.lo, d.hi, "o") for d in dims]
        dims += [Space(d.ix, d.lo, d.hi, "r") for d in self.op.dims if d.ix in summed]
        product = self.temporary(
            "contract", order, {}, dims, [self.stored(left), self.stored(right)])
        return [product, *rest]

    def plain(self, item: Term) -> bool:
        return is_plain(item) and self.program.infos[item.data].type == "float"

    def stored(self, item: Term) -> Term:
        """`item` as a reference that the core can read, computed by a map if need be."""
        if self.plain(item):
            return item
        assert not item.flags & HAS_REDUCE
        order = [d.ix for d in self.op.dims if d.ix in item.free]
        dims = [Space(d.ix, d.lo, d.hi, "o") for d in self.op.dims if d.ix in item.free]
        return self.temporary("factor", order, {"body": item}, dims, [])

    def temporary(self, kind: str, order: list[Ix], roots, dims, operands) -> Term:
        t, selection = self.terms, self.selection
        arguments = tuple(t.index(i) for i in order)
        if kind == "factor":
            key, old = selection.shared(roots["body"], t.true, order)
            if old is not None:
                return t.ref(old, arguments)
        owner = self.op.variable
        name = selection.temp(kind, owner, order, False, self.op.place)
        if kind == "factor":
            selection.remember(key, name)
        operation = Operation("map" if kind == "factor" else kind, dims, roots, name, arguments,
                              t.true, self.op.place, operands)
        selection.of[name] = [operation]
        self.before.append(operation)
        return t.ref(name, arguments)


def _addends(body: Term) -> list[tuple[Term, bool]]:
    """(addend, whether it is subtracted) of a sum, however it is nested."""
    found: list[tuple[Term, bool]] = []
    work = [(body, False)]
    while work:
        term, negative = work.pop(0)
        if term.op == "add":
            work[:0] = [(a, negative) for a in term.args]
        elif term.op == "sub":
            work[:0] = [(term.args[0], negative), (term.args[1], not negative)]
        elif term.op == "neg":
            work.insert(0, (term.args[0], not negative))
        else:
            found.append((term, negative))
    return found


def factors(body: Term) -> tuple[list[Term], list[Term], bool]:
    """Numerators, denominators and sign of a product, however it is nested."""
    above: list[Term] = []
    below: list[Term] = []
    negative = False
    work = [(body, False)]
    while work:
        term, inverse = work.pop(0)
        if term.op == "mul":
            work[:0] = [(a, inverse) for a in term.args]
        elif term.op == "div":
            work[:0] = [(term.args[0], inverse), (term.args[1], not inverse)]
        elif term.op == "neg":
            negative = not negative
            work.insert(0, (term.args[0], inverse))
        else:
            (below if inverse else above).append(term)
    return above, below, negative
