"""A relation that is solved for one name, each element on its own."""

from __future__ import annotations

from ..affine import Integers
from ..drawn import Drawn
from ..guards import references
from ..report import joined
from ..resolve import Resolver
from ..system import IndexValue
from .rows import Whole, draw_whole


def draw_solved(whole: Whole, resolver: Resolver, integers: Integers) -> Drawn | None:
    """A relation as the definition of what it is matched to, whose body must be 0; what is wrong is
    reported and leaves a Drawn that is `bad`. None when it is not solved point by point: when the
    name does not stand everywhere at one place, whose subscripts are the relation's free indices.
    """
    draw_whole(whole, resolver)
    row, name = whole.rows[0], whole.matched
    if row.bad:
        return row
    if len(whole.rows) > 1 or row.condition is not None:
        return None
    places = list(dict.fromkeys(r.subscripts for r in references(row.body) if r.variable == name))
    if not places and resolver.ranks[name][0]:
        return None
    subscripts = places[0] if places else ()
    plain = [s.index for s in subscripts if type(s) is IndexValue]
    if len(places) > 1 or len(plain) < len(subscripts) or not set(plain) <= set(row.indices):
        return None
    rest = [i.text for i in row.indices if i not in plain]
    quote = resolver.report.quote(row.node.span)
    if rest:
        if len(whole.names) > 1:
            return None  # what it is matched to is one way to see it
        resolver.error(
            f"`{quote}` holds for every {joined(rest)}, which over-determines {name}: it has"
            f" {'no such index' if not plain else 'the indices ' + joined(i.text for i in plain)}",
            row.node.span,
            "reduce over the index, as in sum[" + ",".join(rest) + "](…), or write check in front",
        )
        row.bad = True
    elif len(set(plain)) < len(plain):
        resolver.error(f"`{quote}` speaks of the diagonal of {name} only", row.node.span)
        row.bad = True
    row.subscripts = subscripts
    row.places = tuple(integers.polynomial(s) for s in subscripts)
    return row
