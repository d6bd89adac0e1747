"""Attention: sum[u](softmax[u](score(sum[c](Q*K)))*V), as one operation.

In canonical form the softmax's denominator stands outside the weighted sum, so

    sum[u](A*V) with A = exp(S)/sum[w](exp(S)),   and   sum[u](exp(S)*V) / sum[u](exp(S))

are the same product: one over a sum of weights, times a sum of the same weights times V. They
differ where nothing is attended: the first is 0, a sum of nothing, the second 0/0.
"""

from __future__ import annotations

from collections.abc import Callable

from hvm_vm.lowering import conditions
from hvm_vm.lowering.canonical import Canon
from hvm_vm.lowering.inhabited import inhabited
from hvm_vm.lowering.recognise.match import (
    Match,
    assignments,
    opened,
    renamed,
    some_left,
    without,
)
from hvm_vm.lowering.recognise.softmax import exponentials, simplified
from hvm_vm.lowering.terms import HAS_INF, HAS_REDUCE, HAS_REF, Ix, Term


def match(canon: Canon, spelled: Term, refold: Callable[[Term], Term],
          full: Callable[[Term], Term]) -> Match | None:
    """The attention that the term `spelled` is. `refold` puts variables back that were looked
    through for nothing: the operands should be what is stored."""
    term = canon.of(spelled)
    coefficient, powers, guards = opened(canon, term)
    for below, exponent in powers.items():
        if exponent != -1 or exponentials(canon, below) is None:
            continue
        for above, e in powers.items():
            if e != 1 or above.op != "reduce" or above.data[0] != "sum":
                continue
            if len(above.data[1]) != len(below.data[1]):
                continue
            for names in assignments(below.data[1], above.data[1]):
                found = _weighted(canon, term, below, above, names, refold, full)
                if found is not None:
                    rest = {b: x for b, x in powers.items() if b is not below and b is not above}
                    found.factor = canon.product(coefficient, rest)
                    found.outer = conditions.junction(canon.terms, "and", guards)
                    return found if _settle_nothing(canon, spelled, below, found) else None
    return None


def _settle_nothing(canon: Canon, spelled: Term, below: Term, match: Match) -> bool:
    """Set `match.defined`; False if what is spelled over nothing cannot be told."""
    t = canon.terms
    condition = match.roots.get("condition", t.true)
    indices = tuple(i for i, role in match.roles.items() if role == "u")
    summed = spelled.op == "reduce"
    some = inhabited(condition, indices, match.free)
    if summed and not some and not _finite(match.factor):
        return False  # 0 times what was taken out of the sum
    guards = _divisions(canon, spelled, below)
    if not guards or (not summed and any(inside for _, inside in guards)):
        return some
    if some or (summed and all(_implied(canon, g, spelled, indices, condition)
                               for g, _ in guards)):
        return True
    left = some_left(canon, condition, indices)
    if summed and not inhabited(t.true, indices, match.free):
        nowhere = [t.apply("le", t.size(i.extent), t.zero) for i in indices]
        left = canon.of(t.apply("or", left, *nowhere))
    match.defined = left
    return True


def _finite(factor: Term) -> bool:
    """Whether a factor is a number whatever the data are."""
    return not factor.flags & (HAS_REF | HAS_REDUCE | HAS_INF)


def _divisions(canon: Canon, spelled: Term, below: Term) -> list[tuple[Term, bool]]:
    """(condition that guards it, whether it is inside another sum) for each place where the sum of
    weights is written."""
    t = canon.terms
    found: list[tuple[Term, bool]] = []
    seen: set[tuple[int, int, bool]] = set()

    def visit(node: Term, guard: Term, inside: bool) -> None:
        if not node.flags & HAS_REDUCE or (node.id, guard.id, inside) in seen:
            return
        seen.add((node.id, guard.id, inside))
        if node.op == "reduce":
            if canon.factors(canon.of(node))[1].get(below) == 1:
                found.append((guard, inside))
                return
            under = conditions.junction(t, "and", [guard, canon.of(node.args[0])])
            visit(node.args[1], under, True)
        elif node.op in ("if", "guard"):
            test = canon.of(node.args[0])
            visit(node.args[1], conditions.junction(t, "and", [guard, test]), inside)
            if node.op == "if":
                other = conditions.negate(t, test)
                visit(node.args[2], conditions.junction(t, "and", [guard, other]), inside)
        else:
            for arg in node.args:
                visit(arg, guard, inside)

    visit(spelled, t.true, False)
    return found


def _implied(canon: Canon, guard: Term, spelled: Term, indices, condition: Term) -> bool:
    return any(conditions.implies(renamed(canon, guard, names), condition)
               for names in assignments(spelled.data[1], indices))


def _weighted(
    canon: Canon, term: Term, below: Term, above: Term, names, refold, full
) -> Match | None:
    t = canon.terms
    weights = renamed(canon, below.args[1], names)
    condition = renamed(canon, below.args[0], names)
    if condition is not above.args[0]:
        return None
    _, parts = canon.factors(above.args[1])
    _, taken = canon.factors(weights)
    rest = without(parts, taken)
    if rest is None or not rest:
        return None
    indices = tuple(above.data[1])
    (exponential,) = [b for b, e in taken.items() if b.op == "exp" and e == 1]
    weight = canon.product(1, {b: e for b, e in taken.items() if b is not exponential})
    score, condition = simplified(canon, exponential.args[0], condition, indices, full)
    value = refold(canon.product(1, rest))
    if value.flags & HAS_REDUCE:
        return None
    found = _scores(canon, score, frozenset(indices), refold)
    if found is None:
        return None
    product, contracted, query, key = found
    if query.flags & HAS_REDUCE or key.flags & HAS_REDUCE:
        return None
    score = refold(t.replace(score, lambda n: t.acc if n is product else None))
    weight, condition = refold(weight), refold(condition)
    bound = frozenset(indices)
    scored = (query.free | key.free) - frozenset(contracted)
    queries = query.free - key.free - frozenset(contracted)
    if not _fits(score, weight, condition, value, scored, queries, bound, query, key, term.free):
        return None
    roots = {} if score is t.acc else {"score": score}
    if weight is not t.one:
        roots["weight"] = weight
    if condition is not t.true:
        roots["condition"] = condition
    roles = dict.fromkeys(indices, "u") | dict.fromkeys(contracted, "c")
    return Match("attention", roots, roles, t.one, t.true, [query, key, value], term.free)


def _fits(score, weight, condition, value, scored, queries, bound, query, key, free) -> bool:
    """Whether the roles of all indices are those that the instruction has."""
    if any(not part.free <= scored for part in (score, weight, condition)):
        return False
    if not bound <= value.free or not bound <= key.free or not query.free.isdisjoint(bound):
        return False
    if not value.free.isdisjoint(queries):
        return False
    return (scored | value.free) - bound >= free


def _scores(canon: Canon, score: Term, bound: frozenset[Ix], refold):
    """(the contraction, its indices, Q, K) of a score that is a function of one sum[c](Q*K)."""
    products: dict[int, Term] = {}
    work = [score]
    while work:
        node = work.pop()
        if node.op == "reduce":
            if node.free & bound:
                products[node.id] = node
        else:
            work.extend(node.args)
    if len(products) != 1:
        return None
    (product,) = products.values()
    if product.data[0] != "sum" or product.args[0] is not canon.terms.true:
        return None
    _, powers = canon.factors(product.args[1])
    contracted = frozenset(product.data[1])
    key = {b: e for b, e in powers.items() if b.free & bound}
    query = {b: e for b, e in powers.items() if not b.free & bound}
    if not key or not query:
        return None
    q, k = refold(canon.product(1, query)), refold(canon.product(1, key))
    if not contracted <= q.free or not contracted <= k.free:
        return None
    return product, product.data[1], q, k
