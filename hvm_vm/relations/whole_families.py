"""`given f` and `guess f = 1` where f is not a variable but a family: all its scalars are meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hvm_vm.language import syntax as S

from .families import Families


def named_alone(statements: Iterable[S.Statement]) -> set[str]:
    """The names in `given` and `guess` statements that could be those of families."""
    found: set[str] = set()
    for statement in statements:
        if type(statement) is S.Given:
            found.update(i.name for i in statement.items if not i.axes and i.pattern is None)
        elif type(statement) is S.Guess and type(statement.target) is S.Name:
            found.add(statement.target.name)
    return found


def spread(statement: S.Statement, families: Families, alone: set[str]) -> list[S.Statement]:
    """The statement for the scalars of the families that it names, which are among `alone`."""
    if type(statement) is S.Given:
        items = [
            replace(item, name=name) for item in statement.items
            for name in (_members(item.name, families, alone) or [item.name])]
        return [replace(statement, items=tuple(items))]
    if type(statement) is S.Guess and type(statement.target) is S.Name:
        target = statement.target
        return [replace(statement, target=replace(target, name=name))
                for name in _members(target.name, families, alone)] or [statement]
    return [statement]


def _members(name: str, families: Families, alone: set[str]) -> list[str]:
    return families.members(name) if name in alone else []
