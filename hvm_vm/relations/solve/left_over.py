"""The relations that are not written for a name, and the names that they may determine."""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from ..names import Outline, Survey
from ..report import Report
from .inversion import occurrences
from .speaks import Speaks


@dataclass
class Row:
    """A relation, or the cases of one (all with `where`). `left` names its known left side."""

    relations: list[S.Relation]
    unknowns: tuple[str, ...]
    kind: str  # "implicit", "given" or "dropped"
    partly: tuple[str, ...] = ()  # names it holds that their own relations determine in part only

    @property
    def first(self) -> S.Relation:
        return self.relations[0]


def rows_of(
    out: Outline, given, dropped, speaks: Speaks, known: set[str], asked: set[str]
) -> list[Row]:
    rows: list[Row] = []
    cases: dict[tuple, list[Row]] = {}
    sources = [("implicit", out.implicit), ("given", given), ("dropped", dropped)]
    for kind, relations in sources:
        for relation in relations:
            unknowns = tuple(n for n in speaks.of(relation) if n not in known)
            if not unknowns and (kind == "implicit" or asked):
                unknowns = tuple(speaks.through(relation, known))
                if kind != "implicit":
                    unknowns = tuple(n for n in unknowns if n in asked)
            key = None
            if relation.where is not None or relation.otherwise:
                key = (kind, unknowns if kind == "implicit" else relation.lhs.name)
            alike = cases.get(key, ())
            row = next((r for r in alike if _is_case(relation, r)), None)
            if row is None and relation.otherwise and alike:
                row = alike[0]  # which has an otherwise already: told where cases are read
            if row is not None:
                row.relations.append(relation)
                row.unknowns = tuple(dict.fromkeys((*row.unknowns, *unknowns)))
                continue
            rows.append(Row([relation], unknowns, kind))
            if key is not None:
                cases.setdefault(key, []).append(rows[-1])
    return rows


def _is_case(relation: S.Relation, row: Row) -> bool:
    """Whether a relation may be another case of those of a row: what holds under the very same
    condition holds beside it."""
    return not any((relation.otherwise and r.otherwise)
                   or (r.where is not None and r.where == relation.where) for r in row.relations)


def wanted(rows: list[Row], out: Outline, seen: Survey, asked: set[str], finds: bool):
    """Leave out relations of names set from outside that nobody needs for another name: a value
    that would be computed may simply be set instead."""
    kept, left = [], []
    for row in rows:
        if row.kind != "dropped":
            kept.append(row)
            continue
        own = {
            n: sum(len(occurrences(side, n)) for r in row.relations for side in (r.lhs, r.rhs))
            for n in row.unknowns
        }
        needed = [n for n in row.unknowns if n in asked or seen.count(n) > own[n]]
        name = row.first.lhs.name
        count = sum(len(occurrences(side, name)) for r in row.relations for side in (r.lhs, r.rhs))
        alone = not finds and seen.count(name) <= count
        guessed = any(g.target.name in row.unknowns for g in out.guesses)
        if row.unknowns and (needed or alone or guessed):
            kept.append(row)
        else:
            left += row.relations
    return kept, left


def warn_of_left(names: list[str], span: Span, report: Report) -> None:
    """Say that relations of `names`, which are set from outside, hold nothing but what is, too.
    `span`: the first one's."""
    rest = len(names) - 1
    more = f", and so are those of {rest} more name{'s' * (rest > 1)}" if rest else ""
    report.warning(
        f"`{report.quote(span)}` is left out{more}: {names[0]} is set from outside, and all else"
        " in it is known",
        span,
        help="to be told whether it holds, write check in front of it; or leave one of its names"
        " unset, to have it solved for that",
    )


def may_be_partial(name: str, out: Outline) -> bool:
    """Whether the relations of `name` may leave elements of it to other relations."""
    for relation in out.relations[name]:
        lhs = relation.lhs
        if relation.otherwise or (type(lhs) is S.Subscript and (relation.where is not None or any(
            type(s) is not S.Name or s.name not in out.indices for s in lhs.subs
        ))):
            return True
    return False


def held_in(out: Outline, others: list[S.Relation]) -> set[str]:
    """The variables that stand in relations."""
    relations = [*out.implicit, *others, *(r for rs in out.relations.values() for r in rs)]
    return {node.name for r in relations for side in (r.lhs, r.rhs) for node in S.walk(side)
            if isinstance(node, S.Name | S.Subscript)}
