"""Systems that do not fit their unknowns, told in the names of the file.

Names that stand once only come first, with the nearest spelling: a slip of the finger makes a new
unknown. Then which relations compete for which unknowns, and which unknowns share too few
relations (Dulmage and Mendelsohn 1958; see `matching.py`).
"""

from __future__ import annotations

from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import nearest

from ..names import Outline, Survey
from ..report import Report, joined
from .matching import Matching
from .speaks import Speaks

MOST_NOTES = 6


class Diagnosis:
    """Reports what is wrong with the structure of one system."""

    def __init__(
        self, out: Outline, seen: Survey, report: Report, speaks: Speaks, known: set[str]
    ) -> None:
        self.out, self.seen, self.report = out, seen, report
        self.speaks, self.known = speaks, known
        self.partial: set[str] = set()  # names that relations determine in part only, reported

    # -- relations without unknowns ----------------------------------------------------------
    def nothing_unknown(self, rows: list, result) -> list:
        """The rows that hold an unknown; errors about the others."""
        kept = []
        for row in rows:
            if row.unknowns:
                kept.append(row)
                continue
            result.reported += row.relations
            relation = row.first
            partly = [n for n in self.speaks.of(relation) if self._partly(n)]
            if partly:
                self._partial(relation, partly)
                self.partial.update(partly)
            elif row.kind == "given" and relation.lhs.name in self.out.givens:
                self._given(relation)
            else:
                self._determined(relation)
        return kept

    def _partly(self, name: str) -> bool:
        """Whether the relations of `name` may leave elements of it to other relations."""
        for relation in self.out.relations.get(name, ()):
            lhs = relation.lhs
            if relation.where is not None:
                return True
            if type(lhs) is S.Subscript and any(
                type(s) is not S.Name or s.name not in self.out.indices for s in lhs.subs
            ):
                return True
        return False

    def _partial(self, relation: S.Relation, partly: list[str]) -> None:
        self.report.error(
            f"`{self.report.quote(relation.span)}` must be solved for the elements of"
            f" {joined(partly, 'or')} that no other relation determines, which is not supported"
            " in this version",
            relation.span,
        )

    def _given(self, relation: S.Relation) -> None:
        name = relation.lhs.name
        self.report.error(
            f"{name} is given, so `{self.report.quote(relation.span)}` determines nothing",
            relation.span,
            help=f"take {name} out of the given line, or assert the relation with check",
            notes=[(f"{name} is declared an input here", self.out.givens[name].name_span)],
        )

    def _determined(self, relation: S.Relation) -> None:
        names = self.speaks.of(relation)
        notes = []
        for name in names:
            if name in self.out.relations:
                notes.append((f"{name} is determined here", self.out.relations[name][0].span))
            elif name in self.out.givens:
                notes.append((f"{name} is given here", self.out.givens[name].name_span))
        what = f"{joined(names)} {'is' if len(names) == 1 else 'are'} known already" if names else (
            "it holds no unknown")
        self.report.error(
            f"`{self.report.quote(relation.span)}` determines nothing that is not determined"
            f" already: {what}",
            relation.span,
            help="to assert that it holds, write check in front of it; or remove what determines"
            " one of its names",
            notes=notes[:MOST_NOTES],
        )

    # -- counts ------------------------------------------------------------------------------
    def structure(self, rows, matching: Matching, unknowns: list[str], preferred) -> bool:
        """Whether every relation has an unknown and every unknown a relation; reports if not."""
        competing, wanted = matching.over_determined()
        competing = [k for k in competing if rows[k].unknowns]
        loose = [
            n for n in unknowns
            if n not in matching.relation_of and self._ambiguous(n, matching, preferred)
        ]
        _, open_names = matching.under_determined(loose)
        if not competing and not loose:
            return True
        if self._slips([*open_names, *wanted]):
            return False
        held = [(rows[k].first, n) for k in competing for n in self.speaks.of(rows[k].first)]
        partly = [(r, n) for r, n in held if self._partly(n)]
        if partly:
            self._partial(partly[0][0], list(dict.fromkeys(n for _, n in partly)))
            self.partial.update(n for _, n in partly)
            return False
        arrays = [n for n in wanted if self.speaks.ranks[n][0]]
        if competing and arrays:
            first = rows[competing[0]].first
            self.report.error(
                f"`{self.report.quote(first.span)}` must be solved for elements of"
                f" {joined(arrays, 'or')}, which is not supported in this version: one relation"
                " determines an array as a whole",
                first.span,
                notes=[("together with this one", rows[k].first.span) for k in competing[1:4]],
            )
        elif competing:
            self._over([r for k in competing for r in rows[k].relations], wanted)
        done: set[str] = set()
        for name in loose:
            if name in done:
                continue
            relations, names = matching.under_determined([name])
            more = [n for n in loose if n not in names
                    and set(relations) & set(matching.under_determined([n])[0])]
            relations, names = matching.under_determined([name, *more])
            done.update(names)
            self._under([rows[k].first for k in relations], names)
        return False

    def _ambiguous(self, name: str, matching: Matching, preferred) -> bool:
        """Whether an unknown left over could as well have been determined instead of another. One
        that shares its relations with names that were asked for is an input instead."""
        relations, names = matching.under_determined([name])
        others = [n for n in names if n != name]
        if not relations:
            return False
        return name in preferred or not all(n in preferred for n in others)

    def _slips(self, names: list[str]) -> bool:
        found = False
        everything = [n for n in self.seen.names()]
        for name in dict.fromkeys(names):
            if self.seen.count(name) != 1 or len(name) < 3:
                continue
            near = nearest(name, [n for n in everything if n != name])
            if near is None:
                continue
            found = True
            self.report.error(
                f"{name} stands here only, and nothing determines it",
                self.seen.first.get(name),
                help=f"did you mean {near}?",
            )
        return found

    def _over(self, relations: list[S.Relation], names: list[str]) -> None:
        relations = sorted(relations, key=lambda r: r.span.start)
        quotes = [f"`{self.report.quote(r.span)}`" for r in relations]
        what = f"{joined(names)} alone" if len(names) == 1 else f"only {joined(names)}"
        self.report.error(
            f"over-determined: {len(relations)} relations determine {what}: {joined(quotes[:4])}"
            + (" …" if len(quotes) > 4 else ""),
            relations[0].span,
            help="remove one of them, write check in front of it, or leave one more name unknown",
            notes=[("this one too", r.span) for r in relations[1 : MOST_NOTES + 1]],
        )

    def _under(self, relations: list[S.Relation], names: list[str]) -> None:
        relations = sorted(relations, key=lambda r: r.span.start)
        missing = len(names) - len(relations)
        order = {n: k for k, n in enumerate(self.seen.names())}
        names = sorted(names, key=lambda n: order.get(n, 0))
        count = "1 relation holds" if len(relations) == 1 else f"{len(relations)} relations hold"
        which = "one of them" if missing == 1 else f"{missing} of them"
        example = " ".join(f"--set {n}=…" for n in names[-missing:])
        self.report.error(
            f"under-determined: {count} {len(names)} unknowns, {joined(names)}; set {which}",
            relations[0].span,
            help=f"such as {example}; or write what determines {'it' if missing == 1 else 'them'}",
            notes=[("this one too", r.span) for r in relations[1 : MOST_NOTES + 1]],
        )
