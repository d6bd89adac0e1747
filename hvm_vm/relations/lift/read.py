"""From a file's statements to blocks of relations over arrays.

What cannot be part of a block (conditions, arrays, functions, declarations) is kept as a tree of
syntax among the `others`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np

from hvm_vm.language import parse
from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.parser import StatementParser
from hvm_vm.language.source import Source, Span
from hvm_vm.relations.families import Families
from hvm_vm.relations.whole_families import named_alone, spread

from .apart import set_members_apart
from .blocks import Defaults, add_blocks
from .implicit import is_implicit
from .members import Spelling, Unliftable, distinct, names_of, spellings
from .scan import AFTER_ZEROS, DIGITS, LITERAL, Scan, Shape
from .skeleton import Block
from .statements import expressions
from .tree import NotLiftable, Reader


@dataclass
class Unrolled:
    """A file in scalars, read.

    `members`: the distinct subscripts of each array, sorted; `determined`: those that blocks
    determine. `used`: what relations read. `scalars`: how the scalars are spelled."""

    blocks: list[Block]
    defaults: dict[str, Defaults]
    others: list[tuple[int, S.Statement]]
    spans: list[Span]
    families: Families
    members: dict[str, np.ndarray]
    spelled: dict[str, Spelling]
    texts: dict[int, str] = field(default_factory=dict)  # as in `Scan`
    made: set[str] = field(default_factory=set)  # the arrays that `structure` made
    apart: dict[str, int] = field(default_factory=dict)
    elements: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    names: dict[str, dict[tuple[int, ...], str]] = field(default_factory=dict)

    def name(self, head: str, subscripts: tuple[int, ...]) -> str:
        return self.names[head][subscripts]

    def copy(self) -> Unrolled:
        """For a planner, which changes what is determined and known."""
        return replace(
            self, blocks=list(self.blocks), defaults=dict(self.defaults), others=list(self.others),
            members=dict(self.members), elements=dict(self.elements), names=dict(self.names))


@dataclass
class Parsed:
    """A shape with its relation and its matrix of numbers."""

    shape: Shape
    node: S.Relation
    implicit: bool            # whether its left side determines no name
    names: list[str]          # skeletons of the scalars, in the order of the text
    starts: list[int]         # of each one's runs among the columns
    matrix: np.ndarray
    rule: tuple[str, str] | None = None  # see `implicit`
    order: dict[int, int] = field(default_factory=dict)


def read(
    scan: Scan, text: str, parsed: list[S.Statement] | None, apart: dict[str, int] | None = None,
    spelled: dict[str, str] | None = None,
) -> Unrolled:
    """Read a scanned file. `parsed`: its statements by number, when they are parsed already.
    `apart`: arrays that are one array for each value of a subscript, such as layers that depend on
    each other, with the place of that subscript. `spelled`: what the scan calls names that it
    numbered itself (see `structure`).

    Raises `Unliftable` with the reason when nothing of the file can be lifted."""
    shapes, others = _parsed(scan)
    found: dict[str, list[np.ndarray]] = {}
    for shape in shapes:
        places: dict[str, list[int]] = {}
        for skeleton, start in zip(shape.names, shape.starts, strict=True):
            places.setdefault(skeleton, []).append(start)
        for skeleton, starts in places.items():
            runs = skeleton.count(DIGITS)
            columns = np.array(starts)[:, None] + np.arange(runs)
            numbers = shape.matrix[:, columns].reshape(-1, runs)
            found.setdefault(skeleton, []).append(numbers)
    own = {s: distinct(np.concatenate(parts)) for s, parts in found.items()}
    statements = _other_statements(scan, text, others, parsed)
    scalars = [n for s, numbers in own.items() for n in names_of(s, numbers)]
    statements = _spread(statements, scalars)
    plain, taken = _names(statements)
    aliases = spelled or {}
    spoken = [aliases.get(n, n) for n in plain]
    families = Families(dict.fromkeys([*scalars, *spoken]), frozenset([*scalars, *spoken, *taken]))
    _add_others(own, spoken)
    spelled = spellings(own, families)
    members = _members(own, spelled)
    back = {new: old for old, new in aliases.items()}
    if back:
        everything = [*(back.get(n, n) for n in scalars), *plain, *(scan.plain or ())]
        families = Families(dict.fromkeys(everything), frozenset([*everything, *taken]))
    result = Unrolled([], {}, statements, scan.spans, families, members, spelled,
                      scan.texts, apart=apart or {})
    late = add_blocks(shapes, result)
    result.others += _other_statements(scan, text, late, parsed)
    _names_of_members(result, own, back)
    set_members_apart(result)
    if aliases:
        result.made = {h for h, own in result.names.items() if not aliases.keys().isdisjoint(
            own.values())}
    return result


def _parsed(scan: Scan) -> tuple[list[Parsed], list[int]]:
    """The shapes that are plain relations, and the numbers of all other statements."""
    shapes, others = [], list(scan.others)
    for shape in scan.shapes:
        source = Source("shape", shape.text)
        diagnostics = Diagnostics(source)
        file = parse(source, diagnostics)
        if diagnostics.has_errors or len(file.statements) != 1:
            raise Unliftable("a statement cannot be read")
        node = file.statements[0]
        try:
            implicit = is_implicit(node)
            if type(node) is not S.Relation or not (type(node.lhs) is S.Name or implicit):
                raise NotLiftable
            if node.where is not None or node.otherwise or node.outside:
                raise NotLiftable
            reader = Reader(tuple("0" for _ in range(shape.text.count(LITERAL))))
            reader.read(node.lhs)
            reader.read(node.rhs)
        except NotLiftable:
            others += shape.statements().tolist()
            continue
        starts, at = [], 0
        for name in reader.names:
            starts.append(at)
            at += name.count(DIGITS)
        shapes.append(Parsed(shape, node, implicit, reader.names, starts, shape.matrix()))
    return shapes, others


def _other_statements(scan, text, numbers, parsed) -> list[tuple[int, S.Statement]]:
    found = []
    for number in numbers:
        own = scan.texts.get(number)
        if parsed is not None and own is None:
            found.append((number, parsed[number]))
            continue
        span = scan.spans[number] if own is None else Span(0, len(own))
        diagnostics = Diagnostics(Source("statement", ""))
        statements = StatementParser(
            text if own is None else own, diagnostics, span.start, span.end).statements()
        if diagnostics.has_errors or len(statements) != 1:
            raise Unliftable("a statement cannot be read")
        found.append((number, statements[0]))
    return found


def _spread(
    statements: list[tuple[int, S.Statement]], scalars: list[str]
) -> list[tuple[int, S.Statement]]:
    """The statements, where those that name a family speak of its scalars."""
    alone = named_alone(s for _, s in statements).difference(scalars)
    if not alone:
        return statements
    apart = [s for _, s in statements if type(s) not in (S.Given, S.Guess)]
    plain, taken = _names([(0, s) for s in apart])
    alone = alone.difference(plain, taken)
    families = Families(dict.fromkeys([*scalars, *plain]), frozenset([*scalars, *plain, *taken]))
    return [(number, part) for number, s in statements for part in spread(s, families, alone)]


def _names(statements) -> tuple[list[str], list[str]]:
    """The plain names of the other statements, and the names that are something else."""
    plain: dict[str, None] = {}
    taken: dict[str, None] = {}
    for _, statement in statements:
        if type(statement) is S.IndexDecl:
            taken.update((n.name, None) for n in statement.names)
        if type(statement) is S.Find:
            continue  # a name that only `find` speaks of may be a family
        if type(statement) is S.Given:
            for item in statement.items:
                (taken if item.axes else plain)[item.name] = None
            continue
        for part in expressions(statement):
            for node in S.walk(part):
                if type(node) is S.Name:
                    plain[node.name] = None
                elif type(node) is S.Subscript:
                    taken[node.name] = None
                elif type(node) is S.Call:
                    taken[node.function] = None
    return [n for n in plain if n not in taken], list(taken)


def _add_others(own: dict[str, np.ndarray], plain: list[str]) -> None:
    """Add the scalars of other statements to the numbers of the skeletons that the blocks have."""
    run = re.compile(r"(?<=[^\W\d])([0-9]+)")
    more: dict[str, list[list[int]]] = {}
    for name in plain:
        pieces = run.split(name)
        if any(p[0] == "0" and len(p) > 1 for p in pieces[1::2]):
            pieces = AFTER_ZEROS.split(name)
        skeleton = DIGITS.join(pieces[::2])
        if skeleton in own and all(p == str(int(p)) and len(p) <= 8 for p in pieces[1::2]):
            more.setdefault(skeleton, []).append([int(p) for p in pieces[1::2]])
    for skeleton, rows in more.items():
        own[skeleton] = distinct(np.concatenate([own[skeleton], np.array(rows, np.int64)]))


def _members(own, spelled) -> dict[str, np.ndarray]:
    parts: dict[str, list[np.ndarray]] = {}
    for skeleton, numbers in own.items():
        spelling = spelled[skeleton]
        parts.setdefault(spelling.head, []).append(spelling.subscripts(numbers))
    found = {}
    for head, tables in parts.items():
        table = distinct(np.concatenate(tables))
        if len(table) < sum(map(len, tables)):
            raise Unliftable(f"two scalars of {head} name one place")
        found[head] = table
    return found


def _names_of_members(result: Unrolled, own, back: dict[str, str]) -> None:
    """Fill in the names of all members as the file spells them (`back`), those included that only
    `...` speaks of."""
    for skeleton, numbers in own.items():
        spelling = result.spelled[skeleton]
        names = names_of(skeleton, numbers)
        if back:
            names = [back.get(n, n) for n in names]
        subs = list(map(tuple, spelling.subscripts(numbers).tolist()))
        result.names.setdefault(spelling.head, {}).update(zip(subs, names, strict=True))
        head = spelling.head
        result.elements.update(zip(names, [(head, s) for s in subs], strict=True))
