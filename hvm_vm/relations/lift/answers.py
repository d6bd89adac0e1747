"""The results of a lifted file: those of the scalars, whole arrays where all of one are."""

from __future__ import annotations

import numpy as np

from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.parser import StatementParser
from hvm_vm.language.source import Source

from .emit import integer
from .implicit import is_equation
from .imports import Array
from .members import Unliftable
from .regions import hull, missing
from .skeleton import refs
from .statements import expressions
from .unknowns import read_names

MOST_COPIES = 32  # results among the elements of an array; more are an array of their own


class Answers:
    """The part of an assembly that says what is to be found."""

    # -- results -------------------------------------------------------------------------------
    def results(self) -> tuple[list[S.Expr], list[S.Relation]]:
        """The items of `find`, and scalars for single elements that are results."""
        wanted = self.wanted()
        by_array: dict[str, set[tuple[int, ...]]] = {}
        for item in wanted:
            if type(item) is S.Name and item.name in self.elements:
                array, subs = self.elements[item.name]
                if item.name not in self.imported:
                    by_array.setdefault(array, set()).add(subs)
        heads = {self.names[h]: h for h in self.names}
        arrays = {a: self.plan.arrays[heads[a]] for a in by_array}
        whole = {a for a, subs in by_array.items() if len(subs) == len(
            self.un.members[heads[a]]) - len(arrays[a].imports) - arrays[a].elsewhere}
        found: list[S.Expr] = []
        copies: list[S.Relation] = []
        done: set[str] = set()
        parts = {a: self.part_result(a, subs) for a, subs in by_array.items()
                 if a not in whole and len(subs) > MOST_COPIES}
        for item in wanted:
            if type(item) is not S.Name or item.name not in self.elements:
                found.append(item)
                continue
            array, _ = self.elements[item.name]
            if array in parts and item.name not in self.imported:
                if array not in done:
                    done.add(array)
                    found.append(parts[array].lhs)
                    copies.append(parts[array])
                continue
            if array in whole and item.name not in self.imported:
                if array not in done:
                    done.add(array)
                    found.append(self.whole_result(array, self.plan.arrays[heads[array]]))
                continue
            if item.name in done:
                continue
            done.add(item.name)
            found.append(S.Name(item.name))
            if item.name not in self.imported:
                copies.append(S.Relation(
                    S.Name(item.name), self.element(item.name), span=self.spot(item.name)))
        return found, copies

    def part_result(self, array: str, subs: set[tuple[int, ...]]) -> S.Relation:
        """The relation of an array of those elements of another that are results: a part of it, or
        looked up. Notes where each scalar is (`shown`)."""
        table = np.array(sorted(subs), np.int64)
        region = hull(table)
        absent = missing(region, table)
        name = next(n for n in (f"{array}_found{'_' * k}" for k in range(100))
                    if n not in self.taken and n not in self.un.elements)
        self.taken.add(name)
        used: dict[str, None] = {}
        if absent is not None and not len(absent) and set(region.step) == {1} and not region.bounds:
            axes = [k for k, (a, b) in enumerate(zip(region.lo, region.hi, strict=True)) if a < b]
            read: list[S.Expr] = []
            for lo, hi in zip(region.lo, region.hi, strict=True):
                if lo < hi:
                    used[self.indices.get(lo, hi, used)] = None
                read.append(S.Name(list(used)[-1]) if lo < hi else integer(lo))
            places = table[:, axes] - np.array(region.lo)[axes]
        else:
            used[self.indices.get(1, len(table), used)] = None
            here = tuple(map(S.Name, used))
            read = [S.Subscript(self.writer.table((1,), table[:, k].copy()), here)
                    for k in range(table.shape[1])]
            places = np.arange(len(table))[:, None]
        names = self.un.names[next(h for h, n in self.names.items() if n == array)]
        for point, place in zip(table.tolist(), places.tolist(), strict=True):
            self.shown[names[tuple(point)]] = name, tuple(place)
        return S.Relation(S.Subscript(name, tuple(map(S.Name, used))),
                          S.Subscript(array, tuple(read)), span=self.spot(names[tuple(table[0])]))

    def whole_result(self, name: str, array: Array) -> S.Expr:
        axes = self.axes(array)
        return S.Subscript(name, axes) if all(type(a) is S.Name for a in axes) else S.Name(name)

    def wanted(self) -> list[S.Expr]:
        """What is asked for, scalar by scalar."""
        items: list[S.Expr] = []
        if self.find:
            for words in self.find:
                diagnostics = Diagnostics(Source("--find", f"find {words}"))
                found = StatementParser(diagnostics.source.text, diagnostics).statements()
                if diagnostics.has_errors or [type(f) for f in found] != [S.Find]:
                    raise Unliftable("what is to be found cannot be read")
                for item in found[0].items:
                    if type(item) is not S.Name:
                        raise Unliftable("a part of an array is to be found")
                    items.append(S.Name(item.name))
        elif finds := [s for _, s in self.kept if type(s) is S.Find]:
            items = [i for s in finds for i in s.items]
        else:
            return self.unused()
        found: list[S.Expr] = []
        families = self.un.families
        arrays = {name: head for head, name in self.names.items()}
        for item in items:
            own = type(item) is S.Name and item.name not in self.un.elements
            if own and item.name in families.groups and item.name not in families.taken:
                found += [S.Name(n) for n in families.members(item.name)]
            elif own and item.name in arrays and item.name not in families.taken:
                found += [S.Name(n) for n in self.un.names[arrays[item.name]].values()]
            else:
                found.append(item)
        return found

    def unused(self) -> list[S.Expr]:
        """Without `find`: what no other relation uses, in the order of the text."""
        un = self.un
        starts: dict[str, int] = {}
        for block in un.blocks:
            if is_equation(block):
                continue
            left = block.left
            numbers = block.statements.tolist()
            if not left.columns:
                starts[left.head] = numbers[0]
                continue
            subs = block.rows[:, list(left.columns)]
            self.note(left.head, subs, numbers, starts)
        for head, defaults in un.defaults.items():
            if un.names[head]:  # else constants
                self.note(head, defaults.subscripts, defaults.statements, starts)
        used: set[str] = {r.head for b in un.blocks for r in refs(b.right) if not r.columns}
        for number, statement in un.others:
            if type(statement) is not S.Relation:
                if type(statement) is S.IndexDecl:
                    used |= _names(statement)
                continue
            name = getattr(statement.lhs, "name", None)
            used |= _names(statement) - {name}
            if type(statement.lhs) in (S.Name, S.Subscript) and (
                    name not in un.elements or not self.is_used(name)):
                starts[name] = min(number, starts.get(name, number))
        for name in self.plan.dropped:
            if not self.is_used(name):
                starts.setdefault(name, 0)
        starts |= self.plan.unknown
        used -= self.plan.unknown.keys()
        guessed = {s.target.name: n for n, s in un.others if type(s) is S.Guess}
        starts |= self.numbers(guessed.keys() - starts.keys())
        used -= guessed.keys()
        for group in self.plan.ends:
            if all(n not in starts if n in un.elements else n in used for n in group):
                starts.update(self.numbers(group))
                used -= group
        names = [n for n in starts if n in un.elements or n not in used]
        return [S.Name(n) for n in sorted(names, key=starts.__getitem__)]

    def numbers(self, names: set[str]) -> dict[str, int]:
        """The statements that determine scalars, or 0 for what is set from outside instead."""
        if not names:
            return {}
        _, numbers = read_names(self.un)
        return {name: numbers.get(name, 0) for name in names}

    def note(self, head: str, subs: np.ndarray, numbers, starts: dict[str, int]) -> None:
        table = self.un.members[head]
        used = self.plan.used[head]
        if used.all():
            return
        names = self.un.names[head]
        places = map(tuple, subs.tolist())
        if not used.any():
            starts.update(zip(map(names.__getitem__, places), numbers, strict=True))
            return
        free = {tuple(s) for s in table[~used].tolist()}
        for place, number in zip(places, numbers, strict=True):
            if place in free:
                starts[names[place]] = number

    def is_used(self, name: str) -> bool:
        head, subs = self.un.elements[name]
        at = np.flatnonzero((self.un.members[head] == np.array(subs)).all(axis=1))
        return bool(self.plan.used[head][at].all())


def _names(statement) -> set[str]:
    return {n.name for p in expressions(statement) for n in S.walk(p)
            if type(n) in (S.Name, S.Subscript)}
