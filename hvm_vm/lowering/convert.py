"""From the expressions of a System to terms."""

from __future__ import annotations

from hvm_vm.lowering.terms import Ix, Term, Terms
from hvm_vm.relations import system as s


def index(terms: Terms, ix: s.Index) -> Ix:
    """The term-side index of a system's index (System names are unique)."""
    return terms.ix(ix.name, ix.lo, ix.hi, ix.text or ix.name)


def condition(terms: Terms, expr: s.Expr | None) -> Term:
    """A condition, `TRUE` when there is none."""
    return terms.true if expr is None else convert(terms, expr)


def convert(terms: Terms, expr: s.Expr) -> Term:
    """The term that `expr` is. Without recursion: generated programs nest deeply."""
    out: list[Term] = []
    stack: list[tuple[s.Expr, bool]] = [(expr, False)]
    while stack:
        node, done = stack.pop()
        kind = type(node)
        if kind is s.Const:
            out.append(terms.const(_number(node.value)))
        elif kind is s.SizeValue:
            out.append(terms.size(node.size))
        elif kind is s.IndexValue:
            out.append(terms.index(index(terms, node.index)))
        elif kind is s.SymbolValue:
            out.append(terms.symbol(node.number))
        elif not done:
            stack.append((node, True))
            stack.extend([(below, False) for below in reversed(_below(node))])
        elif kind is s.Ref:
            out.append(terms.ref(node.variable, _take(out, len(node.subscripts))))
        elif kind is s.Apply:
            args = _take(out, len(node.args))
            out.append(terms.apply(node.op, *args) if args else _empty(terms, node.op))
        else:
            parts = _take(out, 1 if node.condition is None else 2)
            guard = terms.true if node.condition is None else parts[0]
            indices = tuple(index(terms, i) for i in node.indices)
            out.append(terms.reduce(node.op, indices, guard, parts[-1]))
    return out[0]


def _below(node) -> tuple:
    if type(node) is s.Ref:
        return node.subscripts
    if type(node) is s.Apply:
        return node.args
    return (node.body,) if node.condition is None else (node.condition, node.body)


def _take(out: list[Term], count: int) -> tuple[Term, ...]:
    if not count:
        return ()
    taken = tuple(out[-count:])
    del out[-count:]
    return taken


def _number(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and abs(value) >= 1 << 62:
        return float(value)
    return value


def _empty(terms: Terms, op: str) -> Term:
    """An n-ary operation of nothing: its neutral element."""
    return terms.const({"add": 0, "mul": 1, "and": 1, "or": 0}[op])
