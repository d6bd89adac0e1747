"""Where a relation of a system stays, and where it makes way.

It is left out at points where it would read an unknown outside of its ranges; and where the element
that it is matched to has an explicit relation and keeping both would over-determine: where whole
relations match whole unknowns one to one and the counts do not fit as they are.
"""

from __future__ import annotations

from hvm_vm.bytecode.sizes import Size

from ..affine import Integers
from ..cases import FALSE, Cases
from ..drawn import Drawn
from ..guards import Context, conjunction, negation, rewrite
from ..prove import formula, proven, refuted
from ..system import Apply, Axis, Expr, Ref
from .counting import balance, elements, total_points
from .rows import own_place


def leave_out(row: Drawn, members: set[str], axes, integers: Integers) -> None:
    """Leave out the points at which a relation reads an unknown beyond its ranges."""
    parts: list[Expr] = []
    own = set(row.indices)
    facts = Context(row.indices).under(row.condition).facts(integers)

    def on_ref(ref: Ref, here: Context) -> Ref:
        if ref.variable not in members or here.guards:
            return ref
        for sub, axis in zip(ref.subscripts, axes[ref.variable], strict=True):
            position = integers.polynomial(sub)
            affine = None if position is None else integers.affine(position)
            if affine is None or not set(affine[0]) <= own:
                continue
            for low, high in ((axis.lo, position), (position, axis.hi)):
                claim = Apply("le", (integers.expression(low), integers.expression(high)))
                if not proven(facts, claim, integers) and claim not in parts:
                    parts.append(claim)
        return ref

    rewrite(row.body, Context(row.indices), on_ref)
    if parts and not refuted([*facts, *(formula(p, integers) for p in parts)]):
        row.condition = conjunction([*parts, row.condition])


def supersede(rows, explicit, unknowns: list[str], axes, cases: Cases, integers: Integers) -> None:
    """Leave out relations where the element that they are matched to has one of its own."""
    kept = surplus([r for _, r in rows], explicit, unknowns, axes, integers)
    if kept is not None and kept == 0:
        return
    matched = {row.name for _, row in rows if row.name}
    owners = [row.name for whole, row in rows if whole is None] + [
        w.matched for w in {id(w): w for w, _ in rows if w is not None}.values()]
    if None in owners or len(set(owners)) < len(owners):
        return
    if any(n not in matched and not _full(explicit[n], axes[n], integers) for n in unknowns):
        return
    for _, row in rows:
        name = row.name
        subscripts = own_place(row, name) if explicit.get(name) else None
        if subscripts is None:
            continue
        facts = Context(row.indices).under(row.condition).facts(integers)
        places = tuple(integers.polynomial(s) for s in subscripts)
        parts = [row.condition]
        for case in explicit[name]:
            there = cases.covers(case, places, facts)
            if there is None:
                parts.append(FALSE)
            elif not refuted([*facts, formula(there, integers)]):
                parts.append(negation(there, integers))
        row.condition = conjunction(parts)


def _full(cases: list[Drawn], axes: tuple[Axis, ...], integers: Integers) -> bool:
    total = total_points(cases, integers)
    return total is not None and total == elements(axes)


def surplus(
    rows: list[Drawn], explicit, unknowns: list[str], axes, integers: Integers
) -> Size | None:
    """Equations less unknown elements; None where the text cannot say."""
    rows = [*rows, *(c for n in unknowns for c in explicit[n])]
    return balance(rows, unknowns, axes, integers)
