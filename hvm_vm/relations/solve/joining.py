"""The cases of a relation that is solved, as one: `x[i]^2 = a[i] where a[i] > 1` beside
`x[i]^3 = a[i] otherwise` is 0 = if(a[i] > 1, x[i]^2 - a[i], x[i]^3 - a[i]), for each i on its own.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from ..affine import Integers
from ..drawn import Drawn
from ..guards import negation, references, substitute
from ..prove import formula, ranges, refuted
from ..system import Apply, IndexValue


def joined(rows: list[Drawn], name: str, integers: Integers) -> Drawn | None:
    """The rows as one without a condition. None unless each reads `name` at its own point only, and
    just one of them holds at each."""
    first = _own(rows[0], name)
    if first is None:
        return None
    alike = []
    for row in rows:
        own = _own(row, name)
        if own is None or len(own) != len(first) or any(
            (a.lo, a.hi) != (b.lo, b.hi) for a, b in zip(own, first, strict=True)
        ):
            return None
        if row.condition is not None and any(
            r.variable == name for r in references(row.condition)
        ):
            return None
        values = {a: IndexValue(b) for a, b in zip(own, first, strict=True)}
        condition = None if row.condition is None else substitute(row.condition, values)
        alike.append((condition, substitute(row.body, values)))
    rest = next((k for k, row in enumerate(rows) if row.otherwise), None)
    if not _apart(alike, rest, rows[0].indices, integers):
        return None
    last = len(rows) - 1 if rest is None else rest
    body = alike[last][1]
    for k in reversed(range(len(rows))):
        if k != last:
            condition, other = alike[k]
            body = Apply("if", (condition, other, body))
    return replace(rows[0], body=body, condition=None, otherwise=False,
                   others=tuple(row.node for row in rows[1:]))


def _own(row: Drawn, name: str) -> tuple | None:
    """The indices at which a row reads `name`: its own, each once, and always in one order."""
    places = {r.subscripts for r in references(row.body) if r.variable == name}
    if len(places) != 1:
        return None
    (place,) = places
    indices = [s.index for s in place if type(s) is IndexValue]
    if len(indices) != len(place) or set(indices) != set(row.indices) or (
            len(set(indices)) < len(indices)):
        return None
    return tuple(indices)


def _apart(alike: list, rest: int | None, indices, integers: Integers) -> bool:
    """Whether just one of the conditions holds at each point. `rest` is the number of the row that
    takes what the others leave."""
    conditions = [c for k, (c, _) in enumerate(alike) if k != rest]
    if any(c is None for c in conditions):
        return False
    facts = ranges(indices, integers)
    holds = [formula(c, integers) for c in conditions]
    if not all(refuted([*facts, a, b]) for a, b in combinations(holds, 2)):
        return False
    return rest is not None or refuted(
        [*facts, *(formula(negation(c, integers), integers) for c in conditions)])
