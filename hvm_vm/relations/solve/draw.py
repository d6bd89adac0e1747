"""A relation that is solved for one name, each element on its own."""

from __future__ import annotations

from dataclasses import replace

from ..affine import Integers
from ..drawn import Drawn
from ..guards import conjunction, negation, references, substitute
from ..report import joined
from ..resolve import Resolver
from ..system import Apply, IndexValue, Ref
from .joining import joined as joined_cases
from .rows import Whole, draw_whole, own_place


def draw_solved(whole: Whole, resolver: Resolver, integers: Integers) -> Drawn | None:
    """A relation as the definition of what it is matched to, whose body must be 0; what is wrong is
    reported and leaves a Drawn that is `bad`. None when it is not solved point by point: when the
    name does not stand everywhere at one place, whose subscripts are the relation's free indices,
    or not just one case of the relation holds at each point.
    """
    draw_whole(whole, resolver)
    row, name = whole.rows[0], whole.matched
    if whole.bad:
        return next(row for row in whole.rows if row.bad)
    if len(whole.rows) > 1:
        row = joined_cases(whole.rows, name, integers)
    if row is None or row.condition is not None:
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
        first = plain[0].text
        resolver.error(
            f"`{quote}` speaks of the diagonal of {name} only",
            row.node.span,
            f"write it with two indices, where {first} = …, and say what holds elsewhere",
        )
        row.bad = True
    return _placed(row, subscripts, integers)


def draw_beside(
    whole: Whole, cases: list[Drawn], resolver: Resolver, integers: Integers
) -> Drawn | None:
    """As `draw_solved`, where `cases` are relations of the name's own: `x[i] = 7 where i > 2`
    beside `x[i]^3 = i otherwise`. When it gives None, an `otherwise` among the cases has become
    what the relation leaves."""
    draw_whole(whole, resolver)
    name = whole.matched
    if whole.bad or any(c.bad for c in cases):
        return None
    own = [replace(c, body=Apply("sub", (Ref(name, c.subscripts), c.body)), implicit=True)
           for c in cases]
    rows = sorted([*whole.rows, *own], key=lambda row: row.node.span.start)
    row = joined_cases(rows, name, integers)
    if row is not None:
        place = next(r.subscripts for r in references(row.body) if r.variable == name)
        return _placed(row, place, integers)
    for case in cases:
        if case.otherwise:
            _exclude(case, whole, resolver)
    return None


def _placed(row: Drawn, subscripts, integers: Integers) -> Drawn:
    row.subscripts = subscripts
    row.places = tuple(integers.polynomial(s) for s in subscripts)
    return row


def _exclude(case: Drawn, whole: Whole, resolver: Resolver) -> None:
    """Make an `otherwise` what the cases of a relation leave."""
    parts = [case.condition]
    for row in whole.rows:
        place = own_place(row, whole.matched)
        if row.condition is None or place is None:
            quotes = [f"`{resolver.report.quote(r.node.span)}`" for r in (case, row)]
            resolver.report.error(
                f"{quotes[0]} takes what the other cases leave, but {quotes[1]}"
                + (" holds everywhere" if row.condition is None else
                   f" speaks of several elements of {whole.matched}"),
                case.node.span,
                help="say where each holds: … where condition",
                notes=[("the other relation is here", row.node.span)],
            )
            case.bad = True
            return
        values = {s.index: mine for s, mine in zip(place, case.subscripts, strict=True)}
        parts.append(negation(substitute(row.condition, values)))
    case.condition = conjunction(parts)
