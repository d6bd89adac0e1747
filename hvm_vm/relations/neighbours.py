"""How to cut `W111` when the family alone does not say: by the names beside it.

In `q1 = W1_1*x1 + …` the first subscript of every W is that of the q on the left, the second that
of the x beside it. What holds at every clear member must hold at a doubtful one too.
"""

from __future__ import annotations

from collections.abc import Iterator

from hvm_vm.language import syntax as S

from .families import Families
from .names import Outline

Subscripts = tuple[int, ...]


def decide(out: Outline, families: Families) -> None:
    """Settle the doubtful members that the names beside them make clear."""
    bases = {families.base(name): name for name in families.ambiguous}
    rules: dict[str, list[set]] = {}
    doubtful: dict[str, list[list[str]]] = {}
    for names in _terms(out):
        for name in names:
            if name in families.ambiguous:
                doubtful.setdefault(name, []).append(names)
            elif name in families.subscripts and families.subscripts[name][0] in bases:
                base, subs = families.subscripts[name]
                there = _beside(name, names, families)
                held = [{(b, q) for b, q, v in there if v == s} for s in subs]
                known = rules.setdefault(base, held)
                if len(known) == len(held):
                    rules[base] = [a & b for a, b in zip(known, held, strict=True)]
    for name, places in doubtful.items():
        known = rules.get(families.base(name), [])
        if not any(known):
            continue
        fit = [
            reading
            for reading in families.ambiguous[name].readings
            if len(reading) == len(known)
            and all(_fits(reading, known, _beside(name, names, families)) for names in places)
        ]
        if len(fit) == 1:
            families.settle(name, fit[0])


def _fits(reading: Subscripts, rules: list[set], there: list[tuple[str, int, int]]) -> bool:
    return all(
        (base, place, value) in there
        for value, held in zip(reading, rules, strict=True)
        for base, place in held
    )


def _beside(name: str, names: list[str], families: Families) -> list[tuple[str, int, int]]:
    """(family, which subscript, value) of the other names."""
    found = []
    for other in names:
        if other != name and other in families.subscripts:
            base, subs = families.subscripts[other]
            found += [(base, k, value) for k, value in enumerate(subs)]
    return found


def _terms(out: Outline) -> Iterator[list[str]]:
    """The names of each term of a right side, together with those on the left."""
    for relations in out.relations.values():
        for relation in relations:
            left = _names(relation.lhs)
            rhs = relation.rhs
            for term in rhs.terms if type(rhs) is S.Sum else (rhs,):
                yield left + _names(term)


def _names(expr: S.Expr) -> list[str]:
    return [n.name for n in S.walk(expr) if type(n) is S.Name]
