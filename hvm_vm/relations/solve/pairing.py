"""Pairs relations with names: through others, in part, by axes and by elements."""

from __future__ import annotations

from collections.abc import Iterable

from .left_over import Row
from .matching import Matching, augment, extend
from .speaks import Speaks


def through_others(rows: list[Row], matching: Matching, speaks: Speaks, known: set[str],
             wanted: Iterable[str]) -> list[str]:
    """Relations that are left without an unknown of their own may determine one of the `wanted`, or
    leave theirs to another relation, through the relations `name = …` between them (`across =
    speed*cos(angle)`, `across*time = range` for `angle`). Matches those, and adds them to what the
    rows hold; the names found."""
    wanted = {n: None for n in wanted if n not in known}
    spare = [n for n in wanted if n not in matching.relation_of]
    if not spare or len(matching.unknown_of) == sum(bool(row.unknowns) for row in rows):
        return []
    more = [tuple(n for n in dict.fromkeys(m for r in row.relations
                                           for m in speaks.through(r, known))
                  if n in wanted and n not in row.unknowns) if row.unknowns else ()
            for row in rows]
    wider = Matching([(*row.unknowns, *names) for row, names in zip(rows, more, strict=True)],
                     matching.unknown_of, matching.relation_of)
    extend(wider, spare, wider.users())
    found = [n for n in spare if n in matching.relation_of]
    if found:
        for k, (row, names) in enumerate(zip(rows, more, strict=True)):
            own = matching.unknown_of.get(k)
            row.unknowns = (*row.unknowns, *(n for n in names if n in found or n == own))
        matching.holds = [row.unknowns for row in rows]
    return found


def in_part(rows: list[Row], matching: Matching, unknowns: list[str]) -> list[str]:
    """Where relations are left without an unknown of their own, they or those that they compete
    with may determine the elements of a name that its own relations leave open. Matches those; the
    names found."""
    spare = any(row.unknowns or row.partly for k, row in enumerate(rows)
                if k not in matching.unknown_of)
    if not spare or not any(row.partly for row in rows):
        return []
    matching.holds = [(*row.unknowns, *row.partly) for row in rows]
    names = list(dict.fromkeys(n for row in rows for n in row.partly))
    extend(matching, [*unknowns, *names], matching.users())
    found = [n for n in names if n in matching.relation_of]
    for row in rows:
        row.unknowns = (*row.unknowns, *(n for n in row.partly if n in found))
    matching.holds = [row.unknowns for row in rows]
    return found


def by_axes(rows: list[Row], matching: Matching, speaks: Speaks) -> None:
    """Match the same names anew, relations to names with as many axes as they have free indices
    where that goes: `sum[j](Q[i,j]*x[j]) + a[i]*m = c[i]` determines x rather than m."""
    names = list(matching.relation_of)
    counts = [speaks.free_indices(row.first) for row in rows]

    def fits(k: int, name: str) -> bool:
        return speaks.ranks[name][0] == counts[k]

    if all(fits(k, n) for n, k in matching.relation_of.items()):
        return
    used = set(matching.unknown_of)
    again = Matching(matching.holds)
    users = {n: [k for k in ks if k in used] for n, ks in matching.users().items()}
    for good in (True, False):
        for name in names:
            allowed = {n: [k for k in ks if fits(k, n)] if good else ks for n, ks in users.items()}
            if name not in again.relation_of:
                augment(name, allowed, again)
    if len(again.relation_of) == len(names):
        matching.unknown_of, matching.relation_of = again.unknown_of, again.relation_of


def by_elements(rows: list[Row], matching: Matching, speaks: Speaks):
    """Relations that hold for more indices than the unknown that they are matched to has axes
    (`a + b*t[k] = y[k]` determines a and b together): elements count here, not whole relations.
    Those lose their match, as do relations that compete with them. Returns the relations that have
    no unknown of their own and the unknowns that no relation is matched to."""
    wide = [k for k, name in matching.unknown_of.items()
            if rows[k].kind != "dropped" or name in rows[k].unknowns
            if speaks.free_indices(rows[k].first) > speaks.ranks[name][0]]
    for k in wide:
        del matching.relation_of[matching.unknown_of.pop(k)]
    reached, names, waiting = dict.fromkeys(wide), {}, list(wide)
    while waiting:
        for name in rows[waiting.pop()].unknowns:
            names[name] = None
            k = matching.relation_of.get(name)
            if k is not None and k not in reached:
                reached[k] = None
                waiting.append(k)
    free = [k for k, row in enumerate(rows) if k not in matching.unknown_of and k not in reached
            and any(n in names for n in row.unknowns)]
    return [*wide, *free], [n for n in names if n not in matching.relation_of]
