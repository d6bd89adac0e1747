"""A relation that is solved for a name: resolved as `left - right`, which must be 0."""

from __future__ import annotations

from hvm_vm.language import syntax as S

from ..affine import Integers
from ..drawn import Drawn, unsupported
from ..guards import references
from ..problems import POISON, TooLarge, Unsupported
from ..report import joined
from ..resolve import Resolver
from ..system import Apply, Expr, IndexValue
from .inversion import occurrences


def draw_solved(
    relation: S.Relation, name: str, resolver: Resolver, integers: Integers
) -> Drawn:
    """Resolve a relation for one of its names; what is wrong is reported and leaves a Drawn that is
    `bad`. Every element of `name` must be solved for on its own: it stands everywhere at one place
    whose subscripts are the relation's free indices."""
    frame = resolver.begin()
    report = resolver.report
    found = [*occurrences(relation.lhs, name), *occurrences(relation.rhs, name)]
    lhs = found[0] if found else S.Name(name, relation.span)
    node = S.Relation(lhs, relation.rhs, span=relation.span)
    body: Expr = POISON
    try:
        sides = [resolver.expr(side, frame) for side in (relation.lhs, relation.rhs)]
        body = Apply("sub", tuple(sides))
    except Unsupported as problem:
        unsupported(relation, problem, resolver)
        resolver.bad = True
    except TooLarge:
        resolver.error(
            f"`{report.quote(relation.span)}` is too large when its functions are written out",
            relation.span,
        )
    subscripts: tuple[Expr, ...] = ()
    if not found and resolver.ranks[name][0]:
        resolver.error(
            f"`{report.quote(relation.span)}` must be solved for {name}, on which it depends"
            " through others; that is supported for single numbers only in this version",
            relation.span,
        )
    if not resolver.bad:
        places = list(dict.fromkeys(r.subscripts for r in references(body) if r.variable == name))
        subscripts = places[0] if places else ()
        _judge(relation, name, places, tuple(frame.names.values()), resolver)
    bad = resolver.bad
    return Drawn(
        node, name, () if bad else tuple(frame.names.values()), () if bad else subscripts,
        () if bad else tuple(integers.polynomial(s) for s in subscripts), None,
        POISON if bad else body, bad=bad, implicit=True,
    )  # fmt: skip


def _judge(relation: S.Relation, name: str, places: list, indices: tuple, resolver) -> None:
    """Report what is no solve of one element at a time."""
    quote = resolver.report.quote(relation.span)
    plain = [s.index for s in places[0] if type(s) is IndexValue] if places else []
    places = places or [()]
    if len(places) > 1 or len(plain) < len(places[0]) or not set(plain) <= set(indices):
        resolver.error(
            f"`{quote}` couples elements of {name}: solving for all of them together is not"
            " supported in this version",
            relation.span,
        )
        return
    rest = [i.text for i in indices if i not in plain]
    if rest:
        resolver.error(
            f"`{quote}` holds for every {joined(rest)}, which over-determines {name}: it has"
            f" {'no such index' if not plain else 'the indices ' + joined(i.text for i in plain)}",
            relation.span,
            "reduce over the index, as in sum[" + ",".join(rest) + "](…), or write check in front",
        )
    elif len(set(plain)) < len(plain):
        resolver.error(f"`{quote}` speaks of the diagonal of {name} only", relation.span)
