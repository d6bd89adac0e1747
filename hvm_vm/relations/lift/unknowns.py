"""Which scalars the relations that determine no one name are to determine."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from hvm_vm.language import syntax as S
from hvm_vm.relations.names import CONSTANTS

from .dots import elements, readings
from .implicit import is_equation, is_implicit
from .members import Unliftable
from .read import Unrolled
from .skeleton import Block, refs
from .statements import determined, names_in


class Unknowns:
    """Finds the unknowns among the scalars of `facts` (`Facts`, whose relations are determined)."""

    def __init__(self, facts, known: frozenset[str], find: frozenset[str]) -> None:
        self._facts, self._known, self._find = facts, known, find
        un = self._un = facts.unrolled
        given = {i.name for _, s in un.others if type(s) is S.Given for i in s.items}
        self._away = {*facts.all_members(known), *facts.all_members(frozenset(given)), *CONSTANTS}
        self._plain = {b.left.head for b in un.blocks if not b.left.columns}
        self._plain |= {n for _, s in un.others for n in determined(s)}

    def find(self) -> dict[str, int]:
        """The unknowns, with the first statement that speaks of each. Raises `Unliftable` when
        they are not as many as the relations."""
        un = self._un
        equations = sum(len(b.rows) for b in un.blocks if is_equation(b))
        equations += sum(is_implicit(s) for _, s in un.others)
        held: dict[str, int] = {}
        for name, number in self._held():
            if name not in self._away:
                held[name] = min(number, held.get(name, number))
        found = {n: k for n, k in held.items() if not self._is_determined(n)}
        if equations > len(found):
            found |= self._through(held)
        if equations < len(found):
            # Where there is a choice, what was asked for is solved for, and the rest set.
            wanted = self._wanted()
            if equations == len(found.keys() & wanted):
                found = {n: k for n, k in found.items() if n in wanted}
        # A family of relations does not hold where an element is determined: all must be wanted.
        if equations != len(found) and any(is_equation(b) for b in un.blocks):
            raise Unliftable("not as many relations as unknowns")
        return found

    def _held(self) -> Iterator[tuple[str, int]]:
        """The names that implicit relations hold, and those of guesses."""
        un = self._un
        for block in un.blocks:
            if not is_equation(block):
                continue
            for head, table in elements(block):
                if un.names[head]:  # else constants
                    numbers = np.resize(block.statements, len(table)).tolist()
                    for subs, number in zip(map(tuple, table.tolist()), numbers, strict=True):
                        yield un.name(head, subs), number
            for ref in refs(block.right):
                if not ref.columns:
                    yield ref.head, int(block.statements.min())
        for number, statement in un.others:
            if is_implicit(statement):
                for name in names_in(statement):
                    yield name, number
            elif type(statement) is S.Guess and type(statement.target) is S.Name:
                yield statement.target.name, number

    def _through(self, held: dict[str, int]) -> dict[str, int]:
        """The names that implicit relations reach only by way of explicit ones: with `v_1 = r*j_1`
        a relation that holds v_1 may determine j_1."""
        read, numbers = read_names(self._un)
        found: dict[str, int] = {}
        work = [n for n in held if n in read]
        seen = set(work)
        for name in work:
            for other in read[name]:
                if other in seen or other in self._away or other in held:
                    continue
                seen.add(other)
                if other in read:
                    work.append(other)
                elif not self._is_determined(other):
                    found[other] = numbers[name]
        return found

    def _wanted(self) -> frozenset[str]:
        """The names that are to be found, and those that have a guess."""
        others = [s for _, s in self._un.others]
        found = self._find or {i.name for s in others if type(s) is S.Find for i in s.items}
        guessed = {s.target.name for s in others if type(s) is S.Guess}
        return self._facts.all_members(frozenset(found)) | guessed

    @cached_property
    def _determined(self) -> set[str]:
        """The scalars that something determines."""
        return {name for head, names in self._un.names.items() if names
                for name, is_ in zip(map(names.get, map(tuple, self._facts.members[head].tolist())),
                                     self._facts.determined[head].tolist(), strict=True) if is_}

    def _is_determined(self, name: str) -> bool:
        return name in self._plain or name in self._determined


def read_names(un: Unrolled) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The names that the explicit relation of each name reads, and its statement."""
    read: dict[str, list[str]] = {}
    numbers: dict[str, int] = {}
    for block in un.blocks:
        if not is_equation(block):
            numbers.update(zip(left_names(block, un), block.statements.tolist(), strict=True))
            for name, others in names_of_rows(block, un):
                read.setdefault(name, []).extend(others)
    for number, statement in un.others:
        for name in determined(statement):
            read.setdefault(name, []).extend(names_in(statement, left=False))
            numbers[name] = number
    return read, numbers


def names_of_rows(block: Block, un: Unrolled) -> list[tuple[str, list[str]]]:
    """The name that each relation of a block determines (of equations, their head), and those that
    it reads."""
    plain = [r.head for r in refs(block.right) if not r.columns]
    found = [(name, list(plain)) for name in left_names(block, un)]
    for head, table, rows in readings(block):
        if un.names[head]:  # else constants
            for subs, row in zip(map(tuple, table.tolist()), rows.tolist(), strict=True):
                found[row][1].append(un.name(head, subs))
    return found


def left_names(block: Block, un: Unrolled) -> list[str]:
    if not block.left.columns or is_equation(block):
        return [block.left.head] * len(block.rows)
    subs = block.rows[:, list(block.left.columns)]
    return [un.name(block.left.head, s) for s in map(tuple, subs.tolist())]
