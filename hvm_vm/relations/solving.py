"""Relations that need solving: recognised, and answered with one error each.

Relations that are not written `name… = …`, `guess`, `until`, and relations that are left to
determine another of their names when the one on the left is set from outside.
"""

from __future__ import annotations

from hvm_vm.language import syntax as S

from .names import Outline, Survey
from .report import Report, joined
from .resolve import Resolver

NOT_YET = "not supported in this version"


def unsolved(
    out: Outline,
    seen: Survey,
    resolver: Resolver,
    given: list[S.Relation],
    dropped: list[S.Relation],
    known: frozenset[str],
    find: tuple[str, ...],
    report: Report,
) -> None:
    """Report every relation that this version cannot use. `given`: the relations `name… = …` of
    declared inputs; `dropped`: those of names that the caller sets."""
    count = report.count
    settled = {*out.relations, *out.givens, *known, *resolver.sizes.values, *out.indices}
    for relation in out.implicit:
        quote = report.quote(relation.span)
        unknowns = [n for n in _variables(relation, resolver) if n not in settled]
        if unknowns:
            report.error(
                f"`{quote}` must be solved for {joined(unknowns, 'or')}, which is {NOT_YET}",
                relation.span,
                help="write it as name = … with the unknown alone on the left",
            )
        elif _only_name(relation.rhs, out):
            report.error(
                f"`{quote}` determines nothing that is not determined already",
                relation.span,
                help="write it as a check, or remove it",
            )
        else:
            report.error(
                f"`{quote}` is not written name = …, and solving is {NOT_YET}",
                relation.span,
                help="to assert that it holds, write check in front of it",
            )
    for relation in given:
        _over_given(relation, out, resolver, settled, report)
    if report.count == count:
        for guess in out.guesses:
            report.error(
                f"`{report.quote(guess.span)}` starts a solve, which is {NOT_YET}", guess.span
            )
    for until in dict.fromkeys(resolver.sizes.until.values()):
        names = [n for n, u in resolver.sizes.until.items() if u is until]
        report.error(
            f"{joined(names)} {'ends' if len(names) == 1 else 'end'} at"
            f" `until {report.quote(until.span)}`, which is {NOT_YET}",
            until.span,
        )
    for relation in dropped:
        _left_over(relation, out, seen, resolver, settled, find, report)


def _over_given(relation, out: Outline, resolver, settled, report: Report) -> None:
    """A relation whose left side is an input: it can only determine something else."""
    name = relation.lhs.name
    unknowns = [n for n in _variables(relation, resolver) if n not in settled]
    note = [(f"{name} is declared an input here", out.givens[name].name_span)]
    if unknowns:
        report.error(
            f"{name} is given, so `{report.quote(relation.span)}` must be solved for"
            f" {joined(unknowns, 'or')}, which is {NOT_YET}",
            relation.span,
            notes=note,
        )
        return
    report.error(
        f"{name} is given, so `{report.quote(relation.span)}` determines nothing",
        relation.span,
        help=f"take {name} out of the given line, or assert the relation with check",
        notes=note,
    )


def _left_over(relation, out, seen, resolver, settled, find, report: Report) -> None:
    """A relation whose left side is set from outside: does somebody need it for another name?"""
    unknowns = [n for n in _variables(relation, resolver) if n not in settled]
    wanted = [n for n in unknowns if _wanted(n, out, seen, relation, find)]
    if len(unknowns) == 1 and wanted:
        report.error(
            f"{relation.lhs.name} is set from outside, so `{report.quote(relation.span)}` must be"
            f" solved for {unknowns[0]}, which is {NOT_YET}",
            relation.span,
        )


def _wanted(name: str, out: Outline, seen: Survey, relation, find: tuple[str, ...]) -> bool:
    own = sum(
        type(n) in (S.Name, S.Subscript) and n.name == name for n in S.walk(relation.rhs)
    )
    asked = {text.partition("[")[0].strip() for text in find}
    if not find:
        asked = {i.name for f in out.finds for i in f.items}
    return name in asked or seen.count(name) > own


def _variables(relation: S.Relation, resolver: Resolver) -> list[str]:
    """The variables that a relation speaks of, in the order of the text."""
    found: dict[str, None] = {}
    for side in (relation.lhs, relation.rhs):
        for node in S.walk(side):
            if type(node) in (S.Name, S.Subscript) and node.name in resolver.ranks:
                found[node.name] = None
    return list(found)


def _only_name(expr: S.Expr, out: Outline) -> bool:
    return type(expr) in (S.Name, S.Subscript) and expr.name in out.relations
