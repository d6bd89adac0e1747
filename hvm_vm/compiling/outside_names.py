"""Names that a caller speaks of beside the source: those set from outside, defaults to drop.

A misspelt one would change nothing and say nothing, so it is an error with the nearest spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hvm_vm.engines.words import suggestion
from hvm_vm.errors import InputError
from hvm_vm.language import syntax as S
from hvm_vm.relations.families import Families

_LITERALS = (S.Number, S.Symbol, S.ListExpr, S.Negate, S.Sum, S.Product, S.Power)
_CONSTANTS = ("pi", "π", "inf")


def check_names(file: S.File, text: str, system, known: Iterable[str], free: Iterable[str]) -> None:
    """Raise `InputError` for names in `known` that the source does not hold, and names in `free`
    that have no default there. `text` is the source's."""
    families = {f.name: {m.name for m in f.members} for f in system.families}
    written = set(re.findall(r"[^\W\d]\w*", re.sub(r"#[^\n]*", "", text)))
    names = {*written, *system.variables, *system.size_defaults, *families, *system.symbols}
    spoken = {*system.variables, *system.size_defaults, *families}
    source = system.file or "the program"
    odd = [n for n in sorted(known) if n not in names and n not in _members(families)]
    if odd:  # of a family, all of whose scalars may have gone with the relations that read them
        written_families = Families(written).groups
        odd = [n for n in odd if n not in written_families]
    lines = [f"{name} is no name of {source}{suggestion(name, spoken)}" for name in odd]
    free = sorted(free)
    if free:
        defaults = _defaults(file)
        dropped = set(defaults) | {f for f, members in families.items() if members & set(defaults)}
        for name in free:
            if name in dropped:
                continue
            if name in names:
                lines.append(f"{name} has no default to drop: no relation of {source} gives it a "
                             "constant")
            else:
                lines.append(f"{name} has no default to drop: it is no name of {source}"
                             f"{suggestion(name, defaults or spoken)}")
    if lines:
        raise InputError("\n".join(lines))


def _members(families: dict[str, set[str]]) -> set[str]:
    return set().union(*families.values()) if families else set()


def _defaults(file: S.File) -> list[str]:
    """The names that a relation gives a constant, or that are given."""
    given = [item.name for s in file.statements if type(s) is S.Given for item in s.items]
    return given + [
        s.lhs.name for s in file.statements
        if type(s) is S.Relation and type(s.lhs) in (S.Name, S.Subscript)
        and all(type(n) in _LITERALS or (type(n) is S.Name and n.name in _CONSTANTS)
                for n in S.walk(s.rhs))]
