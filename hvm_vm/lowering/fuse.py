"""Epilogues: what is done to a whole operation's result becomes part of that operation.

A map that reads a reduction, contraction, softmax, norm or attention at its own points, and is the
only reader of it, takes the operation's place: its expression is the epilogue, where the lane
operation `acc` stands for the result. (Prologues, the other direction, are made by `inline.py`.)
"""

from __future__ import annotations

from hvm_vm.lowering.operation import REDUCTIONS, Operation
from hvm_vm.lowering.select import Selection
from hvm_vm.lowering.terms import Ix, Term, refs_of

# Of several operations that a map could complete, the one that is worth most.
_WORTH = {"attention": 0, "sum": 1, "layer_norm": 2, "rms_norm": 2, "softmax": 3}


def names(selection: Selection, order: list[str]) -> None:
    """Temporaries that are a variable as it stands are computed as that variable."""
    program, t = selection.program, selection.program.terms
    for name in order:
        written = selection.of.get(name, ())
        if len(written) != 1 or written[0].kind != "map":
            continue
        reader = written[0]
        if reader.variable != name:  # of a recurrence, whose operations stand together
            continue
        ref = reader.roots["body"]
        if ref.op != "ref" or ref.data in program.position or ref.data not in selection.of:
            continue
        temporary = ref.data
        if program.infos[temporary].type != program.infos[name].type:
            continue
        found = _core(selection, reader, ref, shared=True)
        if found is None or ref.args != reader.subscripts:
            continue
        core, values, _ = found
        joined = _join(selection, reader, core, values, ref)
        selection.of[name] = [joined]

        def change(node: Term, old=temporary, new=name) -> Term | None:
            return t.ref(new, node.args) if node.op == "ref" and node.data == old else None

        for other in list(selection.uses.pop(temporary, ())):
            selection.forget(other)
            other.roots = {k: t.replace(r, change) for k, r in other.roots.items()}
            other.operands = [t.replace(o, change) for o in other.operands]
            other.guard = t.replace(other.guard, change)
            selection.register(other)


def epilogues(selection: Selection, order: list[str]) -> None:
    """Join every map with one whole operation that only it reads."""
    for name in order:
        for k, operation in enumerate(selection.of.get(name, ())):
            if operation.kind != "map":
                continue
            found = [_core(selection, operation, ref) for ref in operation.refs()]
            found = [c for c in found if c is not None]
            found.sort(key=lambda c: (_WORTH.get(c[0].kind, 4), -len(c[0].dims), c[0].variable))
            if found:
                selection.of[name][k] = _join(selection, operation, *found[0])


def _core(selection: Selection, reader: Operation, ref: Term, shared: bool = False):
    """(operation, its indices to the reader's) if the reader can complete what `ref` reads."""
    program = selection.program
    name = ref.data
    written = selection.of.get(name, ())
    if len(written) != 1 or name in program.results:
        return None
    if len(selection.uses[name]) != 1 and not shared:
        return None
    core = written[0]
    if core.variable != name:
        return None
    if core.kind not in REDUCTIONS and core.kind not in _WORTH:
        return None
    if any(r.data == name and r is not ref for r in reader.refs()):
        return None
    if name in {r.data for r in refs_of(reader.guard)}:
        return None
    free = core.indices("on")
    if len(free) != len(reader.dims) or len(ref.args) != len(free):
        return None
    own = {d.ix: d for d in reader.dims}
    names: dict[Ix, Ix] = {}
    for axis, subscript in zip(core.subscripts, ref.args, strict=True):
        if axis.op != "index" or subscript.op != "index":
            return None
        here = own.get(subscript.data)
        there = next(d for d in core.dims if d.ix is axis.data)
        if here is None:
            return None
        # Of a free dimension a part may do: the reader's box. (The coupled ones are needed whole.)
        part = there.role == "o" and here.ix is there.ix and not shared
        if (here.lo, here.hi) != (there.lo, there.hi) and not part:
            return None
        if here.ix in names.values() and names.get(axis.data) is not here.ix:
            return None
        names[axis.data] = here.ix
    if len(set(names.values())) != len(free):
        return None
    # The core's own indices must not clash with the reader's.
    if any(d.ix in own and names.get(d.ix) is not d.ix for d in core.dims if d.role in "ruc"):
        return None
    return core, names, ref


def _join(selection: Selection, reader: Operation, core: Operation, names, ref: Term) -> Operation:
    program, t = selection.program, selection.program.terms
    values = {a: t.index(b) for a, b in names.items() if a is not b}

    def renamed(term: Term) -> Term:
        return t.substitute(term, values)

    inner = renamed(core.roots["epilogue"]) if "epilogue" in core.roots else t.acc
    if inner is not t.acc:
        inner = t.guard(renamed(core.guard), inner)
    roots = {k: renamed(r) for k, r in core.roots.items() if k != "epilogue"}
    body = t.replace(reader.roots["body"], lambda n: inner if n is ref else None)
    body = _without_test(program, core, roots, body)
    if reader.guard is not t.true and body is not t.acc:
        body = t.guard(reader.guard, body)
    if body is not t.acc:
        roots["epilogue"] = body
    selection.forget(reader)
    selection.forget(core)
    selection.of[core.variable] = []
    dims = [_dim(d, names, reader) for d in core.dims]
    joined = Operation(
        core.kind, dims, roots, reader.variable, tuple(reader.subscripts), renamed(core.guard),
        reader.place, [renamed(o) for o in core.operands], core.relations + reader.relations)
    selection.register(joined)
    return joined


def _dim(dim, names, reader: Operation):
    if dim.ix not in names:
        return dim
    found = next(d for d in reader.dims if d.ix is names[dim.ix])
    return type(dim)(found.ix, found.lo, found.hi, dim.role)


def _without_test(program, core: Operation, roots, body: Term) -> Term:
    """A softmax is already 0 where its condition is false: `if(condition, acc, 0)` is `acc`."""
    condition = roots.get("condition")
    if core.kind != "softmax" or condition is None or body.op != "if":
        return body
    test, yes, no = body.args
    if yes is not program.terms.acc or no.op != "const" or no.data[1]:
        return body
    canon = program.canon
    return yes if canon.of(test) is canon.of(condition) else body
