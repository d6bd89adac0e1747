"""From matches to operations: each whole operation becomes a temporary that the rest reads."""

from __future__ import annotations

import math

from hvm_vm.lowering.lanes import is_plain
from hvm_vm.lowering.operation import Operation, Space
from hvm_vm.lowering.recognise.match import Match
from hvm_vm.lowering.restoring import restore
from hvm_vm.lowering.terms import HAS_REDUCE, Ix, Term, conjuncts


def rewrite(selection, name: str, body: Term, guard: Term, place) -> Term:
    """`body` with the whole operations that were recognised in it replaced by temporaries."""
    chosen = selection.recogniser.chosen(name)
    if not chosen:
        return body
    canon, t = selection.program.canon, selection.program.terms
    memo: dict[tuple[int, int], Term] = {}

    def walk(node: Term, guard: Term) -> Term:
        if not node.args:
            return node
        key = node.id, guard.id
        if key not in memo:
            match = chosen.get(node.id)
            memo[key] = inside(node, guard) if match is None else whole(node, match, guard)
        return memo[key]

    def inside(node: Term, guard: Term) -> Term:
        if node.op not in ("if", "guard") or node.args[0].flags & HAS_REDUCE:
            return t.rebuild(node, tuple(walk(a, guard) for a in node.args))
        test = node.args[0]  # what a branch holds need not exist where another is taken
        tests = (test,) if node.op == "guard" else (test, t.apply("not", test))
        return t.rebuild(node, (test, *(walk(a, t.both(guard, own)) for a, own in zip(
            node.args[1:], tests, strict=True))))

    def whole(node: Term, match: Match, guard: Term) -> Term:
        acc = _build(selection, name, node, match, guard, place)
        out = acc
        if match.factor is not t.one:
            out = restore(canon, canon.times(match.factor, canon.of(acc)))
        if match.outer is not t.true:
            out = t.apply("if", restore(canon, match.outer), out, t.const(0.0))
        if match.defined is not None:
            out = t.apply("if", restore(canon, match.defined), out, t.const(math.nan))
        return out

    return walk(body, guard)


def _build(selection, owner: str, node: Term, match: Match, guard: Term, place) -> Term:
    """The operation of a match, or the equal one there is, as a reference to what it writes."""
    program = selection.program
    t, canon = program.terms, program.canon
    roles, named = match.roles, _named(node, match)
    roles = {named.get(i, i): r for i, r in roles.items()}
    values = {a: t.index(b) for a, b in named.items()}

    def restored(term: Term) -> Term:
        return restore(canon, canon.of(t.substitute(term, values)))

    roots = {k: restored(r) for k, r in match.roots.items()}
    operands = [restored(o) for o in match.operands]
    if guard is not t.true and not all(map(program.safe, (*roots.values(), *operands))):
        guard = restore(canon, canon.of(guard))  # as a conjunction, where it is one
    under = t.true if all(map(program.safe, operands)) else guard  # what is stored exists there
    guard = t.true if all(map(program.safe, roots.values())) else guard
    # What is taken together exists together: parts about its own indices only narrow the use.
    batch = {i for i in guard.free if roles.get(i, "o") == "o"}
    if match.kind == "attention":  # a score is the same for all elements of a value
        batch &= operands[0].free | operands[1].free
    guard = t.both(*(p for p in conjuncts(guard) if p.free <= batch))
    free = sorted(match.free | guard.free, key=lambda i: i.number)
    arguments = tuple(t.index(i) for i in free)
    key, old = selection.shared(node, t.both(guard, under), free)
    if old is not None:
        return t.ref(old, arguments)
    name = selection.temp(match.kind, owner, free, False, place)
    selection.remember(key, name)
    guard = selection.hoist(guard, t.true, owner, place)
    inside = t.both(guard, roots.get("condition", t.true))
    roots = {
        k: selection.hoist(r, inside if k in ("score", "weight") else guard, owner, place)
        for k, r in roots.items()
    }
    if match.kind in ("layer_norm", "rms_norm"):
        roots.setdefault("epsilon", t.zero)
    dims = [Space(i, i.lo, i.hi, roles.get(i, "o")) for i in free]
    dims += [Space(i, i.lo, i.hi, r) for i, r in roles.items() if i not in free]
    stored = [_stored(selection, owner, o, under, dims, place) for o in operands]
    operation = Operation(match.kind, dims, roots, name, arguments, guard, place, stored)
    selection.of[name] = [operation]
    selection.register(operation)
    return t.ref(name, arguments)


def _named(node: Term, match: Match) -> dict[Ix, Ix]:
    """The attended index's name in a canonical form, to the one that the user gave it."""
    attended = [i for i, r in match.roles.items() if r == "u"]
    if node.op != "reduce" or len(attended) != 1 or len(node.data[1]) != 1:
        return {}
    return {attended[0]: node.data[1][0]}


def _stored(selection, owner: str, operand: Term, guard: Term, dims: list[Space], place) -> Term:
    """An operand that the core can read: a plain reference, or a temporary, also for what exists
    under the guard only."""
    program, t = selection.program, selection.program.terms
    if guard is not t.true and not program.safe(operand):
        operand = t.guard(t.both(*(p for p in conjuncts(guard) if p.free <= operand.free)), operand)
    if is_plain(operand) and program.infos[operand.data].type == "float":
        return operand
    order = [d.ix for d in dims if d.ix in operand.free]
    arguments = tuple(t.index(i) for i in order)
    key, old = selection.shared(operand, t.true, order)
    if old is not None:
        return t.ref(old, arguments)
    name = selection.temp("factor", owner, order, False, place)
    selection.remember(key, name)
    spaces = [Space(d.ix, d.lo, d.hi) for d in dims if d.ix in operand.free]
    operation = Operation("map", spaces, {"body": operand}, name, arguments, t.true, place)
    selection.of[name] = [operation]
    selection.register(operation)
    return t.ref(name, arguments)
