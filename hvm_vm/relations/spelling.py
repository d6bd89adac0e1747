"""The scalar families of a file, and every `...` written out over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from hvm_vm.language import syntax as S

from .ellipsis import Ellipses
from .families import Families
from .names import Outline, Survey, survey
from .neighbours import decide
from .report import Report
from .whole_families import named_alone, spread


def spell_out(out: Outline, report: Report) -> tuple[Survey, Families]:
    """The families of scalars, and every `...` written out over them."""
    seen = survey(out)
    if _spread(out, seen):
        seen = survey(out)
    families = _families(out, seen)
    text = report.source.text
    if "..." not in text and "…" not in text:
        families.report(seen, report)
        return seen, families
    ellipses = Ellipses(families, report)

    def expand(relation: S.Relation) -> S.Relation:
        words = report.source[relation.span]
        if "..." not in words and "…" not in words:
            return relation
        where = None if relation.where is None else ellipses.expand(relation.where)
        return replace(
            relation,
            lhs=ellipses.expand(relation.lhs),
            rhs=ellipses.expand(relation.rhs),
            where=where,
        )

    for name, relations in out.relations.items():
        out.relations[name] = [expand(r) for r in relations]
    out.implicit = [expand(r) for r in out.implicit]
    out.functions = {
        n: replace(f, body=ellipses.expand(f.body)) for n, f in out.functions.items()
    }
    out.checks = [
        replace(
            c,
            condition=ellipses.expand(c.condition),
            where=None if c.where is None else ellipses.expand(c.where),
        )
        for c in out.checks
    ]
    seen = survey(out)
    families = _families(out, seen)
    families.report(seen, report)
    return seen, families


def _spread(out: Outline, seen: Survey) -> bool:
    """Whether a declared input or a guess names a family; its scalars take its place then."""
    statements = [S.Given((item,)) for item in out.givens.values()] + out.guesses
    alone = named_alone(statements) - seen.arrays.keys() - out.indices.keys()
    guessed = Counter(g.target.name for g in out.guesses)
    alone = {n for n in alone if seen.scalars.get(n, 0) == guessed[n]}
    if not alone:
        return False
    families = _families(out, seen, alone)
    if not any(families.members(n) for n in alone):
        return False
    items = [item for s in statements if type(s) is S.Given
             for part in spread(s, families, alone) for item in part.items]
    out.givens = {item.name: item for item in items}
    out.guesses = [g for guess in out.guesses for g in spread(guess, families, alone)]
    return True


def _families(out: Outline, seen: Survey, without: Collection[str] = ()) -> Families:
    scalars = [
        n for n in [*seen.scalars, *(g for g in out.givens if g not in seen.scalars)]
        if n not in seen.arrays and n not in without
        and not (n in out.givens and out.givens[n].axes)
    ]
    taken = frozenset(seen.names()) | frozenset(out.givens) | frozenset(out.indices)
    families = Families(scalars, taken.difference(without))
    if families.ambiguous:
        decide(out, families)
    return families


def members(names: frozenset[str], families: Families) -> frozenset[str]:
    """`names`, where a family stands for its members."""
    found = set(names)
    for name in names:
        if name not in families.taken:
            found.update(families.members(name))
    return frozenset(found)
