"""Names that several relations are written for: one determines the name, the others what they
hold."""

from __future__ import annotations

from collections.abc import Iterable

from hvm_vm.language import syntax as S

from ..defaults import default_value
from ..names import Outline
from ..resolve import Resolver
from .speaks import Speaks

LIST = ("list",)  # the whole of a name, whatever its ranges are


def one_each(out: Outline, resolver: Resolver, others: Iterable[str]) -> None:
    """Names with several relations `name = …` for the whole of them: one determines the name (a
    constant, or one whose names are known), and the rest are free to determine an unknown that
    they hold (but for the names in `others`), as in `q = a - b*p` beside `q = c + d*p`."""
    crowded = [n for n, r in out.relations.items() if len(r) > 1 and n not in out.givens]
    if not crowded:
        return
    speaks = Speaks(out, resolver)
    known = {*out.relations, *out.givens, *resolver.sizes.values, *out.indices, *others}
    for name in crowded:
        relations = out.relations[name]
        wholes = [_whole(r, resolver) for r in relations]
        if name in others or None in wholes or len(set(wholes) - {LIST}) > 1:
            continue
        missing = [sum(n not in known for n in speaks.of(r)) for r in relations]
        constants = [default_value(r, out) is not None for r in relations]
        if not any(missing) or sum(constants) > 1:
            continue
        own = constants.index(True) if any(constants) else missing.index(min(missing))
        out.relations[name] = [relations[own]]
        out.implicit += [r for k, r in enumerate(relations) if k != own]


def _whole(relation: S.Relation, resolver: Resolver) -> tuple | None:
    """The ranges for which a relation `name[i,j] = …` determines its name; None for a case."""
    if relation.where is not None or relation.otherwise:
        return None
    lhs, bounds = relation.lhs, resolver.sizes.bounds
    if type(lhs) is S.Name:
        return LIST if type(relation.rhs) is S.ListExpr else ()
    names = [s.name for s in lhs.subs if type(s) is S.Name and s.name in bounds]
    if len(set(names)) < len(lhs.subs):
        return None
    return tuple(bounds[n] for n in names)
