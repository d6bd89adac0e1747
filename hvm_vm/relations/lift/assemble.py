"""A plan as a file: index declarations, inputs, results, and the relations in their order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from hvm_vm.language import syntax as S
from hvm_vm.language.cursor import RESERVED
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.parser import StatementParser
from hvm_vm.language.source import NOWHERE, Source, Span
from hvm_vm.relations.ellipsis import Ellipses
from hvm_vm.relations.names import CONSTANTS, FUNCTIONS
from hvm_vm.relations.report import Report

from .answers import Answers
from .emit import Writer, integer, values_list
from .imports import Array
from .indices import Indices
from .members import Unliftable, array_name
from .plan import Plan
from .rename import renamed, renamed_statement
from .skeleton import refs
from .statements import expressions

MOST_SEARCHES = 32  # for names in the text, one by one


@dataclass
class Lifted:
    """A lifted file. `elements`: where each scalar that became an array element is. `shown`: where
    those that are results are, with the position from 0, if it is an array of its own."""

    file: S.File
    plan: Plan
    names: dict[str, str]  # arrays by head
    elements: dict[str, tuple[str, tuple[int, ...]]]  # scalar -> (array, subscripts)
    shown: dict[str, tuple[str, tuple[int, ...]]]
    lowest: dict[str, tuple[int, ...]]
    arrays: int
    relations: int


def assemble(plan: Plan, source: Source, text: str, find: Iterable[str]) -> Lifted:
    """The file that a plan says. `text`: what spans point into."""
    return _Assembly(plan, source, text, tuple(find)).run()


class _Assembly(Answers):
    def __init__(self, plan: Plan, source: Source, text: str, find: tuple[str, ...]) -> None:
        self.plan = plan
        self.un = plan.unrolled
        self.source = source
        self.text = text
        self.find = find
        self.shown: dict[str, tuple[str, tuple[int, ...]]] = {}
        self._asked = 0
        self._spots: dict[str, Span] | None = None
        self.by_number = dict(self.un.others)
        self.kept = [(n, self.statement(n)) for n in plan.kept]
        self.names = self.array_names()
        self.lows = {self.names[h]: a for h, a in plan.arrays.items() if a.kind == "unknown"}
        self.imports_ = {self.un.names[h][s] for h, a in plan.arrays.items() for s in a.imports}
        self.elements = {
            name: (self.names[head], subs)
            for head in plan.arrays
            for subs, name in self.un.names[head].items()
        }

    def statement(self, number: int) -> S.Statement:
        """A statement that stays, with its `...` written out."""
        found = self.by_number.get(number)
        span = self.un.spans[number]
        text, start, end = self.text, span.start, span.end
        if number in self.un.texts:
            text = self.un.texts[number]
            start, end = 0, len(text)
        if found is None:
            diagnostics = Diagnostics(Source("statement", ""))
            found = StatementParser(text, diagnostics, start, end).statements()
            if diagnostics.has_errors or len(found) != 1:
                raise Unliftable("a statement cannot be read")
            found = found[0]
        words = text[start:end]
        if "..." in words or "…" in words:
            report = Report(self.source, Diagnostics(self.source))
            ellipses = Ellipses(self.un.families, report)
            found = renamed_statement(found, ellipses.expand)
            if report.count:
                raise Unliftable("... is not clear")
            for part in expressions(found):
                for node in S.walk(part):
                    if type(node) is S.Name and node.name not in self.un.elements and (
                            node.name in self.un.families.subscripts):
                        raise Unliftable("... speaks of scalars that stand nowhere else")
        return found

    # -- names ---------------------------------------------------------------------------------
    def array_names(self) -> dict[str, str]:
        taken = self.taken = {*FUNCTIONS, *CONSTANTS, *S.REDUCTIONS, *RESERVED, "d"}
        gone = {n for h in self.plan.arrays for n in self.un.names[h].values()}
        for _, statement in self.kept:
            for part in expressions(statement):
                for node in S.walk(part):
                    if type(node) in (S.Name, S.Subscript):
                        taken.add(node.name)
                    elif type(node) is S.Call:
                        taken.add(node.function)
            if type(statement) is S.IndexDecl:
                taken.update(n.name for n in statement.names)
        for piece in self.plan.relations:
            taken.update(r.head for r in refs(piece.block.right) if not r.columns)
            if not piece.block.left.columns:
                taken.add(piece.head)
        families = set(self.un.families.groups)
        taken -= gone - families
        found = {}
        wished = {h: array_name(h) for h in sorted(
            self.plan.arrays, key=lambda h: -len(self.un.members[h]))}
        for head, name in wished.items():
            rank = len(self.plan.arrays[head].lo)
            choices = [name, f"{name}_", *(f"{name}_{k}" for k in range(rank, 100))]
            found[head] = next(
                (c for c in choices if c not in taken and c not in self.un.elements), None)
            if found[head] is None:
                raise Unliftable(f"no name is free for the array of {name}")
            taken.add(found[head])
        return found

    # -- the file ------------------------------------------------------------------------------
    def run(self) -> Lifted:
        un, plan = self.un, self.plan
        taken = self.taken | set(un.elements)
        self.indices = Indices(taken)
        writer = self.writer = Writer(self.names, self.indices, un.name, taken)
        relations: list[tuple[int, int, S.Statement]] = []
        for k, piece in enumerate(plan.relations):
            number = int(piece.block.statements.min())
            span = un.spans[number]
            if plan.is_copy(piece):
                number, span = len(un.spans), self.place(piece.block.right.head)
            relations.append((number, k, writer.relation(piece, span)))
        for number, statement in self.kept:
            if type(statement) in (S.Find, S.Given, S.IndexDecl):
                continue
            if type(statement) is S.Guess:
                continue
            if type(statement) is S.Relation and type(statement.lhs) is S.Name and (
                    statement.lhs.name in self.imports_):  # an input with a default
                relations.append((number, -1, statement))
                continue
            relations.append((number, -1, renamed_statement(statement, self.rename)))
        defaults = self.defaults()
        relations.sort(key=lambda r: r[:2])
        imports = self.imports()
        results, copies = self.results()
        tables = [r for _, r in writer.tables.values()]
        body = [*tables, *defaults, *(r for _, _, r in relations), *imports, *copies]
        body += self.guesses()
        body += self.fill(results)
        given = self.given(body)
        find = S.Find(tuple(results)) if results else None
        declared = [s for _, s in self.kept if type(s) is S.IndexDecl]
        statements = [*declared, *self.indices.declarations(), *given]
        statements += [find] if find is not None else []
        statements += body
        lowest = {self.names[h]: a.lo for h, a in plan.arrays.items()}
        return Lifted(S.File(tuple(statements)), plan, self.names, self.elements, self.shown,
                      lowest, len(plan.arrays), len(plan.relations))

    def rename(self, expr: S.Expr) -> S.Expr:
        return renamed(expr, self.elements)

    def element(self, name: str) -> S.Subscript:
        array, subs = self.elements[name]
        return S.Subscript(array, tuple(map(integer, subs)))

    def axes(self, array: Array) -> tuple[S.Expr, ...]:
        """Axes as `given` writes them: indices where there are some, else ranges."""
        used: dict[str, None] = {}
        found: list[S.Expr] = []
        for lo, hi in zip(array.lo, array.hi, strict=True):
            if (lo, hi) in self.indices.groups:
                name = self.indices.get(lo, hi, used)
                used[name] = None
                found.append(S.Name(name))
            else:
                found.append(S.Range(integer(lo), integer(hi)))
        return tuple(found)

    def place(self, head: str) -> Span:
        """Where a member of an input array stands first."""
        return self.spot(next(iter(self.un.names[head].values())))

    def spot(self, name: str) -> Span:
        """Where a scalar stands first."""
        if self._asked >= MOST_SEARCHES:  # many: all at once
            if self._spots is None:
                self._spots = {}
                for match in re.finditer(r"\w+", self.text):
                    self._spots.setdefault(match[0], Span(*match.span()))
            return self._spots.get(name, NOWHERE)
        self._asked += 1
        start = self.text.find(name)
        while start >= 0:
            end = start + len(name)
            if not (_in_name(self.text[start - 1: start]) or _in_name(self.text[end: end + 1])):
                return Span(start, end)
            start = self.text.find(name, end)
        return NOWHERE

    def defaults(self) -> list[S.Relation]:
        found = []
        literal = [h for h, a in self.plan.arrays.items() if a.kind == "default"]
        for head in sorted(literal, key=lambda h: min(self.un.defaults[h].statements)):
            array, values = self.plan.arrays[head], self.un.defaults[head]
            first = min(range(len(values.statements)), key=values.statements.__getitem__)
            used: dict[str, None] = {}
            subs = []
            for lo, hi in zip(array.lo, array.hi, strict=True):
                used[self.indices.get(lo, hi, used)] = None
                subs = list(map(S.Name, used))
            span = self.un.spans[values.statements[first]]
            left = S.Subscript(self.names[head], tuple(subs), span)
            found.append(S.Relation(left, values_list(values.subscripts, values.values), span=span))
        return found

    def imports(self) -> list[S.Relation]:
        """Elements that are inputs, of arrays whose other elements are determined."""
        found = []
        self.imported: list[str] = []
        for head, array in self.plan.arrays.items():
            for subs in array.imports:
                name = self.un.names[head][subs]
                self.imported.append(name)
                left = S.Subscript(self.names[head], tuple(map(integer, subs)))
                found.append(S.Relation(left, S.Name(name), span=self.spot(name)))
        return found

    def guesses(self) -> list[S.Guess]:
        """The guesses, those of the unknowns of an array as one. Without a guess, a solve starts at
        1."""
        found: list[S.Guess] = []
        groups: dict[str, list[S.Guess]] = {}
        for _, guess in self.kept:
            if type(guess) is not S.Guess:
                continue
            guess = replace(guess, **{k: self.rename(e) for k, e in (
                ("target", guess.target), ("value", guess.value), ("lo", guess.lo),
                ("hi", guess.hi)) if e is not None})
            if type(guess.target) is S.Subscript and guess.target.name in self.lows:
                groups.setdefault(guess.target.name, []).append(guess)
            else:
                found.append(guess)
        for name, own in groups.items():
            array = self.lows[name]
            used: dict[str, None] = {}
            for lo, hi in zip(array.lo, array.hi, strict=True):
                used[self.indices.get(lo, hi, used)] = None
            axes = tuple(map(S.Name, used))
            names = self.un.names[array.head].values()
            unknowns = len(names) if array.head in self.plan.scattered else sum(
                n in self.plan.unknown for n in names)
            usual: S.Expr = S.Number(1, "1")
            if len(own) >= unknowns:
                usual = Counter(g.value for g in own).most_common(1)[0][0]
            value = usual
            for guess in own:
                if guess.value != usual:
                    here = [S.Compare((a, s), ("=",))
                            for a, s in zip(axes, guess.target.subs, strict=True)]
                    test = here[0] if len(here) == 1 else S.And(tuple(here))
                    value = S.Call("if", (), (test, guess.value, value))
            found.append(replace(own[0], target=S.Subscript(name, axes), value=value))
        return found

    def fill(self, results) -> list[S.Relation]:
        """Zeros where a result has no elements."""
        found = []
        shown = {r.name for r in results}
        for head, array in self.plan.arrays.items():
            if array.complete:
                continue
            if head in self.plan.solved:
                here = {tuple(s) for s in self.un.members[head].tolist()}
                for point in product(*(range(a, b + 1) for a, b in zip(
                        array.lo, array.hi, strict=True))):
                    if point not in here:
                        left = S.Subscript(self.names[head], tuple(map(integer, point)))
                        found.append(S.Relation(left, S.Number(0, "0"), span=self.place(head)))
            elif self.names[head] in shown and array.kind == "determined":
                used: dict[str, None] = {}
                for lo, hi in zip(array.lo, array.hi, strict=True):
                    used[self.indices.get(lo, hi, used)] = None
                left = S.Subscript(self.names[head], tuple(map(S.Name, used)))
                found.append(S.Relation(
                    left, S.Number(0, "0"), otherwise=True, span=self.place(head)))
        return found

    # -- inputs --------------------------------------------------------------------------------
    def given(self, body: list[S.Statement]) -> list[S.Given]:
        """The inputs: those of the file's own `given` lines, arrays in place of their elements."""
        own = [s for _, s in self.kept if type(s) is S.Given]
        inputs = [(h, a) for h, a in self.plan.arrays.items() if a.kind == "input"]
        listed = {i.name for g in own for i in g.items}
        if own:
            for head, _ in inputs:
                if not set(self.un.names[head].values()) <= listed:
                    raise Unliftable("an input is not declared")
        elif not inputs and not (self.plan.solved and self.imported):
            return []  # else imports of systems are told to be no unknowns
        items = [i for g in own for i in g.items
                 if i.name not in self.elements or i.name in self.imported]
        arrays = [S.GivenItem(self.names[h], self.axes(a), name_span=self.place(h),
                              span=self.place(h)) for h, a in inputs]
        if not own:
            items = [S.GivenItem(n, span=s, name_span=s) for n, s in self.scalar_inputs(body)
                     if n not in self.plan.unknown]
        else:
            items += [S.GivenItem(n) for n in self.imported if n not in listed]
        everything = (*arrays, *items)
        return [S.Given(everything)] if everything else []

    def scalar_inputs(self, body) -> list[tuple[str, Span]]:
        """The plain names that nothing determines."""
        known = {*CONSTANTS} - {n.name for s in body for n in [getattr(s, "lhs", None)]
                                if type(n) is S.Name}
        indices = {n for names in self.indices.groups.values() for n in names}
        sizes: set[str] = set()
        for _, s in self.kept:
            if type(s) is S.IndexDecl:
                indices.update(n.name for n in s.names)
                sizes.update(n.name for p in expressions(s) for n in S.walk(p)
                             if type(n) is S.Name)
        determined, parameters = set(), set()
        for s in body:
            if type(s) is S.Relation:
                if type(s.lhs) in (S.Name, S.Subscript):
                    determined.add(s.lhs.name)
                elif type(s.lhs) is S.Call:
                    parameters.update(a.name for a in (*s.lhs.args, *s.lhs.axes)
                                      if type(a) is S.Name)
        found: dict[str, Span] = {}
        for s in body:
            function = type(s) is S.Relation and type(s.lhs) is S.Call
            bound = parameters if function else set()
            for part in expressions(s):
                for node in S.walk(part):
                    if type(node) is S.Name and node.name not in determined and (
                            node.name not in indices and node.name not in known
                            and node.name not in sizes and node.name not in bound):
                        found.setdefault(node.name, node.span)
        return list(found.items())


def _in_name(letter: str) -> bool:
    return letter.isalnum() or letter == "_"
