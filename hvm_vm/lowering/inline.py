"""Inlining: which definitions are substituted into their readers instead of being stored.

Taken in are: views (a definition that is one reference: a transpose, slice, diagonal, rows looked
up by number), numbers that involve no data, cheap expressions of few readers, and any elementwise
expression that is read once at no more points than it has. Expensive work is never repeated, and
scalars are left to be computed together (see `emit.py`).
"""

from __future__ import annotations

from hvm_vm.lowering.linear import linear
from hvm_vm.lowering.operation import Operation
from hvm_vm.lowering.terms import HAS_REDUCE, HAS_REF, Term, refs_of, subterms

HIGHEST = 120  # levels of an expression that inlining may build
COSTLY = frozenset((
    "pow", "sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "cosh", "tanh", "erf", "sigmoid", "mod", "div",
))  # fmt: skip


def take_in(selection, name: str) -> bool:
    """Substitute `name` into all its readers if that is right; False if it must be stored."""
    program = selection.program
    definition = program.defs[name]
    if not definition.simple or definition.body.flags & HAS_REDUCE:
        return False
    if definition.guard.flags & HAS_REDUCE:
        return False
    body = definition.body
    if not definition.indices and body.flags & HAS_REF:
        return False
    if selection.recogniser is not None and selection.recogniser.holds(name):
        return False
    readers = list(selection.uses[name])
    places = [(op, root, ref) for op in readers for root, ref in _occurrences(op, name)]
    if program.infos[name].type == "integer" and body.type != "i":
        return False  # storing it checks that it is whole
    view = body.op == "ref"
    count = _work(body)
    # Whole numbers and constants; one operation on one operand; else only if read in one place.
    free = view or (not body.flags & HAS_REF and count <= 2)
    cheap = count <= 1 and len(places) <= 3 and len(refs_of(body)) <= 1 and not _costly(body)
    for op, root, ref in places:
        if root is None:
            if not (view and _plain(expanded := program.expand(ref))):
                return False
            if expanded.free != ref.free:
                return False  # the core needs every dimension that it expects there
        elif not (free or cheap):
            if len(places) > 1 or not _covers(op, root, ref):
                return False
            if op.roots[root].height + body.height > HIGHEST:
                return False
    for op in readers:
        _substitute(selection, op, name)
    selection.uses[name] = {}
    return True


def _occurrences(op: Operation, name: str) -> list[tuple[str | None, Term]]:
    """(root, reference) for each distinct place where `op` reads `name`; root None in the core."""
    found: list[tuple[str | None, Term]] = [(None, r) for r in op.operands if r.data == name]
    for operand in op.operands:
        found += [("", r) for a in operand.args for r in refs_of(a) if r.data == name]
    for root, term in op.roots.items():
        found += [(root, r) for r in refs_of(term) if r.data == name]
    return found


def _covers(op: Operation, root: str, ref: Term) -> bool:
    """Whether `ref` reads another element at each point at which the root is evaluated."""
    if root == "" or op.kind in ("check", "system"):
        return False
    dims = {d.ix for d in op.dims if not (root == "epilogue" and d.role in "ruc")}
    read = frozenset().union(*(a.free for a in ref.args)) if ref.args else frozenset()
    return dims <= read


def _plain(term: Term) -> bool:
    return term.op == "ref" and all(linear(a) is not None for a in term.args)


def _work(body: Term) -> int:
    return sum(1 for t in subterms(body) if t.args and t.op != "ref" and t.type == "f")


def _costly(body: Term) -> bool:
    return any(t.op in COSTLY for t in subterms(body))


def _substitute(selection, op: Operation, name: str) -> None:
    program = selection.program

    def change(node: Term) -> Term | None:
        if node.op == "ref" and node.data == name:
            # Its subscripts may read the same variable: x[x[i]].
            args = tuple(program.terms.replace(a, change) for a in node.args)
            return program.expand(program.terms.ref(name, args))
        return None

    selection.forget(op)
    op.operands = [program.terms.replace(o, change) for o in op.operands]
    op.roots = {k: program.terms.replace(r, change) for k, r in op.roots.items()}
    op.guard = program.terms.replace(op.guard, change)
    selection.register(op)
