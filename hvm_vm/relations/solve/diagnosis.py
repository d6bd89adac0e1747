"""Systems that do not fit their unknowns, told in the names of the file.

Names that stand once only come first, with the nearest spelling: a slip of the finger makes a new
unknown. Then which relations compete for which unknowns, and which unknowns share too few
relations (Dulmage and Mendelsohn 1958; see `matching.py`).
"""

from __future__ import annotations

import re

from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import nearest

from ..families import Families
from ..names import Outline, Survey
from ..report import Report, joined
from .matching import Matching, match
from .speaks import Speaks

MOST_NOTES = 6
MOST_NAMES = 12
_DIGITS = re.compile(r"[0-9]+")


class Diagnosis:
    """Reports what is wrong with the structure of one system."""

    def __init__(
        self, out: Outline, seen: Survey, report: Report, speaks: Speaks, known: set[str]
    ) -> None:
        self.out, self.seen, self.report = out, seen, report
        self.speaks, self.known = speaks, known

    # -- relations without unknowns ----------------------------------------------------------
    def nothing_unknown(self, rows: list, result) -> list:
        """The rows that hold an unknown; errors about the others."""
        kept = []
        for row in rows:
            if row.unknowns or row.partly:
                kept.append(row)
                continue
            result.reported += row.relations
            relation = row.first
            if row.kind == "given" and relation.lhs.name in self.out.givens:
                self._given(relation)
            else:
                self._determined(relation)
        return kept

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
    def structure(
        self, rows, matching: Matching, unknowns: list[str], preferred, tied: list[int],
        open: list[str],
    ) -> bool:
        """Whether every relation has an unknown and every unknown a relation; reports if not.
        Where arrays are solved for elements count, and not whole relations: `tied` holds the
        relations that have no unknown of their own, `open` the unknowns without a relation; more
        are added."""
        competing, wanted = matching.over_determined(tied)
        competing = [k for k in competing if rows[k].unknowns]
        loose = [n for n in unknowns if n not in matching.relation_of and n not in open]
        loose = self._ambiguous(loose, matching, preferred)
        _, open_names = matching.under_determined(loose)
        if not competing and not loose:
            return True
        if self._slips([*open_names, *wanted]):
            return False
        by_elements = not self._whole([rows[k] for k in competing])
        if competing and by_elements:
            tied += [k for k in competing if k not in matching.unknown_of]
        elif competing:
            self._over([r for k in competing for r in rows[k].relations], wanted)
        users = matching.users()
        for name in list(loose):
            rank = self.speaks.ranks[name][0]
            if any(
                (rank and self._couples(r, name)) or self.speaks.free_indices(r) > rank
                for k in users.get(name, ()) for r in rows[k].relations
            ):
                loose.remove(name)
                open.append(name)
        for relations, names in matching.parts(loose):
            self._under(relations, names, rows, preferred)
        return not loose and (not competing or by_elements)

    def _whole(self, rows: list) -> bool:
        """Whether relations count as their elements do: each holds one element of each array that
        it speaks of at each of its points, and each element at one."""
        ranges: dict[str, set[tuple]] = {}
        for row in rows:
            arrays = [n for n in row.unknowns if self.speaks.ranks[n][0]]
            if arrays and any(r.where is not None or r.otherwise for r in row.relations):
                return False
            for name in arrays:
                if name in row.partly:
                    return False
                for relation in row.relations:
                    found = {self._ranges(subs) for subs in self._places(relation, name)}
                    if None in found or self._couples(relation, name) or (
                            self.speaks.free_indices(relation) != self.speaks.ranks[name][0]):
                        return False
                    ranges.setdefault(name, set()).update(found)
        return all(len(found) == 1 for found in ranges.values())

    def _ranges(self, subs: tuple) -> tuple | None:
        """The ranges of subscripts that are plain indices, each once; None of others."""
        names = [s.name for s in subs if type(s) is S.Name and s.name in self.out.indices]
        if len(set(names)) < len(subs):
            return None
        return tuple((d.lo, d.hi) for d in map(self.out.indices.get, names))

    @staticmethod
    def _places(relation: S.Relation, name: str) -> list[tuple]:
        """The subscripts that `name` stands with in a relation."""
        return [n.subs for side in (relation.lhs, relation.rhs) for n in S.walk(side)
                if type(n) is S.Subscript and n.name == name]

    def _couples(self, relation: S.Relation, name: str) -> bool:
        """Whether a relation reads several elements of `name` at each of its points."""
        if len(set(self._places(relation, name))) > 1:
            return True
        return any(
            n.name == name for side in (relation.lhs, relation.rhs) for r in S.walk(side)
            if type(r) is S.Reduce for n in S.walk(r) if type(n) is S.Subscript)

    @staticmethod
    def _ambiguous(loose: list[str], matching: Matching, preferred) -> list[str]:
        """The unknowns left over that could as well have been determined instead of others. One
        that shares its relations only with names that were asked for is an input instead."""
        held = {n for k in matching.unknown_of for n in matching.holds[k]}
        _, others = matching.leading_to(
            [k for k, own in matching.unknown_of.items() if own not in preferred])
        others = set(others)
        return [n for n in loose if n in held and (n in preferred or n in others)]

    def _slips(self, names: list[str]) -> bool:
        found = False
        everything = [n for n in self.seen.names()]
        for name in dict.fromkeys(names):
            if self.seen.count(name) != 1 or len(_DIGITS.sub("", name).strip("_")) < 3:
                continue
            # Names that differ in their numbers are members of one family.
            own = _DIGITS.sub("", name)
            near = nearest(name, [n for n in everything if _DIGITS.sub("", n) != own])
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
        what = f"{names[0]} alone" if len(names) == 1 else f"only {_some(names)}"
        self.report.error(
            f"over-determined: {len(relations)} relations determine {what}: {joined(quotes[:4])}"
            + (" …" if len(quotes) > 4 else ""),
            relations[0].span,
            help="remove one of them, write check in front of it, or leave one more name unknown",
            notes=[("this one too", r.span) for r in relations[1 : MOST_NOTES + 1]],
        )

    def _under(self, numbers: list[int], names: list[str], rows: list, preferred) -> None:
        relations = sorted((rows[k].first for k in numbers), key=lambda r: r.span.start)
        missing = len(names) - len(relations)
        order = {n: k for k, n in enumerate(self.seen.names())}
        names = sorted(names, key=lambda n: order.get(n, 0))
        count = "1 relation holds" if len(relations) == 1 else f"{len(relations)} relations hold"
        which = "one of them" if missing == 1 else f"{missing} of them"
        # Those that stand first are determined by the relations, the last ones are to be set.
        fits = match([rows[k].unknowns for k in numbers],
                     sorted(names, key=lambda n: n not in preferred))
        loose = [n for n in names if n not in fits.relation_of]
        example = " ".join(f"--set {n}=…" for n in loose[:MOST_NAMES])
        if len(loose) > MOST_NAMES:
            example += f" and {len(loose) - MOST_NAMES} more"
            family = self._family(names, missing, [rows[k].unknowns for k in numbers], preferred)
            example = f"`given {family}` for all of that name" if family else example
        self.report.error(
            f"under-determined: {count} {len(names)} unknowns, {_some(names)}; set {which}",
            relations[0].span,
            help=f"such as {example}; or write what determines {'it' if missing == 1 else 'them'}",
            notes=[("this one too", r.span) for r in relations[1 : MOST_NOTES + 1]],
        )

    @staticmethod
    def _family(names: list[str], missing: int, holds, preferred) -> str | None:
        """A family of scalars that leaves one unknown for each relation when it is set."""
        for family, members in reversed(Families(names).groups.items()):
            own = set(members.values())
            if len(own) == missing and family not in names and not own & preferred:
                rest = match(holds, [n for n in names if n not in own])
                if len(rest.relation_of) == len(holds):
                    return family
        return None


def _some(names: list[str]) -> str:
    if len(names) <= MOST_NAMES:
        return joined(names)
    return f"{', '.join(names[: MOST_NAMES - 1])} and {len(names) - MOST_NAMES + 1} more"
