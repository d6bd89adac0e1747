"""Which relation determines which name.

What is set from outside is known, then defaults and inputs, then `name = …` determines its name.
The relations that are left over (written with the unknown inside, or with a left side that is
known already) are matched to the unknowns that they hold, as whole relations: an indexed family is
one. What can be turned round becomes `name = …` like the rest; the others are solved.
"""

from __future__ import annotations

from collections.abc import Iterable

from hvm_vm.language import syntax as S

from ..defaults import default_value
from ..names import Outline, Survey
from ..report import Report
from ..resolve import Resolver
from . import diagnosis
from .assignment import Assignment
from .left_over import Row, held_in, may_be_partial, rows_of, wanted, warn_of_left
from .matching import Matching, extend
from .pairing import by_axes, by_elements, in_part, through_others
from .speaks import Speaks
from .taking import take


def assign(
    out: Outline,
    seen: Survey,
    resolver: Resolver,
    given: list[S.Relation],
    dropped: list[S.Relation],
    settled: Iterable[str],
    outside: frozenset[str],
    find: frozenset[str] | None,
    report: Report,
) -> Assignment:
    """Match what is left over. `given`: relations `name… = …` of declared inputs; `dropped`: those
    of names that the caller sets; `settled`: names that are known from `outside` or by default;
    `find`: the names that are asked for, None where nobody asks.

    Relations that are turned round are added to `out.relations`, what they need to `out.checks`.
    """
    result = Assignment()
    if not (out.implicit or given or dropped or out.guesses):
        return result
    # A guess of what is an input this time is for other times; of what no relation holds, a slip.
    guessable = held_in(out, [*given, *dropped]) if out.guesses else set()
    speaks = Speaks(out, resolver)
    known = {*out.relations, *out.givens, *settled, *resolver.sizes.values, *out.indices}
    result.left = [r for r in dropped if default_value(r, out) is not None]
    dropped = [r for r in dropped if r not in result.left]
    asked = find or frozenset()
    rows = rows_of(out, given, dropped, speaks, known, asked)
    guessed = [g.target.name for g in out.guesses]
    rows, left = wanted(rows, out, seen, asked, find is not None)
    result.left += left
    trouble = diagnosis.Diagnosis(out, seen, report, speaks, known)
    partly = [n for n in out.relations if n not in out.givens and may_be_partial(n, out)]
    for row in rows:
        if row.kind != "dropped" and partly:
            spoken = dict.fromkeys(n for r in row.relations for n in speaks.of(r))
            row.partly = tuple(n for n in spoken if n in partly)
            if not row.unknowns and not row.partly:
                through = [n for r in row.relations for n in speaks.reached(r)]
                row.partly = tuple(n for n in dict.fromkeys(through) if n in partly)
    rows = trouble.nothing_unknown(rows, result)
    preferred = {*guessed, *asked}
    unknowns = list(dict.fromkeys(n for row in rows for n in row.unknowns))
    unknowns.sort(key=lambda n: n not in preferred)
    matching = Matching([row.unknowns for row in rows])
    first = [k for k, row in enumerate(rows) if row.kind != "dropped"]
    for allowed in (set(first), set(range(len(rows)))):
        users = {n: [k for k in ks if k in allowed] for n, ks in matching.users().items()}
        extend(matching, unknowns, users)
    matching.holds = [row.unknowns for row in rows]
    found = through_others(rows, matching, speaks, known, [*guessed, *asked, *unknowns])
    unknowns += [n for n in found if n not in unknowns]
    for k, row in enumerate(rows):
        if row.kind == "dropped" and k not in matching.unknown_of:
            result.left += row.relations  # a value that was computed is set instead
            rows[k] = Row(row.relations, (), "dropped")
    left = {id(r) for r in result.left}
    told = {*outside, *out.relations, *resolver.sizes.values, *out.indices}
    if idle := [r for r in dropped if id(r) in left and told.issuperset(speaks.reached(r))]:
        idle.sort(key=lambda r: r.span.start)
        names = dict.fromkeys(r.lhs.name for r in idle)
        warn_of_left(list(names), idle[0].span, report)
    matching.holds = [row.unknowns for row in rows]
    unknowns += in_part(rows, matching, unknowns)
    by_axes(rows, matching, speaks)
    tied, result.open = by_elements(rows, matching, speaks)
    if not trouble.structure(rows, matching, unknowns, preferred, tied, result.open):
        result.reported += [r for row in rows for r in row.relations]
        out.implicit = []
        return result
    out.implicit = []
    take(rows, matching, tied, out, speaks, result, report)
    for guess in out.guesses:
        if guess.target.name not in guessable:
            report.error(
                f"{guess.target.name} has a guess, but no relation holds it",
                guess.span,
                help=f"write a relation that holds {guess.target.name}",
            )
    return result
