"""Names that data files offer: those that are a program's variables are set from outside."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.parser import parse
from hvm_vm.language.source import Source
from hvm_vm.relations.families import Families


def variables_among(source: Source, names: Iterable[str]) -> frozenset[str]:
    """Those of `names` that are variables or families of `source`: values set from outside come
    first, so they are known whatever determines them. Data files hold other names too, which mean
    nothing here, as do an index or a function of the same name."""
    names = frozenset(names)
    text = set(re.findall(r"\w+", source.text))
    if not names & (text | Families(text).groups.keys()):
        return frozenset()
    file = parse(source, Diagnostics(source))
    others: set[str] = set()
    for statement in file.statements:
        if isinstance(statement, S.IndexDecl):
            others.update(index.name for index in statement.names)
        elif isinstance(statement, S.Relation) and isinstance(statement.lhs, S.Call):
            others.add(statement.lhs.function)
    used = {node.name for statement in file.statements for root in _roots(statement)
            for node in S.walk(root) if isinstance(node, S.Name | S.Subscript)}
    families = Families(used, used | others)
    return frozenset((names & used) - others) | {
        n for n in names - used - others if families.members(n)}


def _roots(statement) -> list:
    """The expressions of a statement that may name variables."""
    if isinstance(statement, S.Relation):
        return [e for e in (statement.lhs, statement.rhs, statement.where) if e is not None]
    return []
