"""Relations with their names left out.

    ya = a*p + b*q       shape  ꀂ = ꀂ*ꀂ + ꀂ*ꀂ       row  ya a p b q (as numbers of names)
    yb = c*p + d*q

Of each shape, every place where a name stands is described by what stands around it: `path` (the
operations above it, but for sums and products, so that sums of any length are alike) and `terms`
(which terms of which sums it is in).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.language import parse
from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source
from hvm_vm.relations.names import CONSTANTS

from ..scan import LITERAL, NUMBER, UNFIT
from ..skeleton import Chain, Lit, Op, Ref, Tree
from ..tree import NotLiftable, Reader

NAME = "\ua002"  # a letter, as `scan.DIGITS` is
WORD = re.compile(r"(?<![\w.])([^\W\d]\w*)(?!\w|\s*\()")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands on the right of a shape."""

    path: int
    terms: tuple[tuple[int, int], ...]


@dataclass
class Shape:
    """A shape: its text, what determines whether two shapes are alike (`kind`), the longest of its
    sums, its places (the left side is no place), and its relations: names (int64[relations, 1 +
    places]), literals and statements; `kinds` tells them apart by their literals, too."""

    text: str
    kind: int = 0
    longest: int = 0
    places: list[Place] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    literals: list[tuple[str, ...]] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)
    names: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    kinds: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def is_default(self) -> bool:
        return self.names.shape[1] == 1


@dataclass
class Erased:
    """The relations of a file by shape, and their names in the order of the text."""

    shapes: list[Shape]
    names: list[str]
    unread: list[int]  # statements that are no plain relations


def erased(statements: Iterable[tuple[int, str]]) -> Erased:
    """The statements (number and text, without comments) with their names left out."""
    shapes: dict[str, Shape | None] = {}
    keys: dict[str, tuple[Shape, tuple[str, ...]] | None] = {}
    names: dict[str, int] = {}
    unread: list[int] = []
    constants = set(CONSTANTS)
    for number, text in statements:
        parts = WORD.split(text)
        row = []
        for k in range(1, len(parts), 2):
            if parts[k] in constants:
                continue
            row.append(names.setdefault(parts[k], len(names)))
            parts[k] = NAME
        key = "".join(parts)
        if key not in keys:
            pieces = NUMBER.split(key)
            shape_text = LITERAL.join(pieces[::2])
            if shape_text not in shapes:
                shapes[shape_text] = None if UNFIT.search(key) else Shape(shape_text)
            shape = shapes[shape_text]
            keys[key] = None if shape is None else (shape, tuple(pieces[1::2]))
        found = keys[key]
        if found is None:
            unread.append(number)
            continue
        shape, literals = found
        shape.rows.append(row)
        shape.literals.append(literals)
        shape.statements.append(number)
    kinds: dict = {}
    paths: dict = {}
    kept = []
    for shape in shapes.values():
        if shape is None:
            continue
        try:
            _describe(shape, kinds, paths)
        except NotLiftable:
            unread += shape.statements
            continue
        shape.names = np.array(shape.rows, np.int64)
        kept.append(shape)
    _add_literals(kept)
    return Erased(kept, list(names), unread)


class _Names(Reader):
    """Reads a shape; references hold the place of a name in the text."""

    def name(self, node: S.Name) -> Tree:
        if node.name == LITERAL:
            return Lit(next(self.literals))
        if LITERAL in node.name:
            raise NotLiftable
        if node.name != NAME:
            return Ref(node.name)
        self.names.append(NAME)
        return Ref(NAME, (len(self.names) - 1,))


def _describe(shape: Shape, kinds: dict, paths: dict) -> None:
    diagnostics = Diagnostics(Source("shape", shape.text))
    file = parse(Source("shape", shape.text), diagnostics)
    if diagnostics.has_errors or len(file.statements) != 1:
        raise NotLiftable
    node = file.statements[0]
    if type(node) is not S.Relation or node.where is not None or node.otherwise or node.outside or (
            type(node.lhs) is not S.Name or node.lhs.name != NAME):
        raise NotLiftable
    reader = _Names(("#",) * shape.text.count(LITERAL))
    reader.read(node.lhs)
    tree = reader.read(node.rhs)
    found: list[Place | None] = [None] * (len(reader.names) - 1)
    walk = _Walk(paths, found)
    walk.tree(tree, (), ())
    if None in found:
        raise NotLiftable
    shape.places = found
    shape.longest = walk.longest
    shape.kind = kinds.setdefault(_kind(tree), len(kinds))


def _add_literals(shapes: list[Shape]) -> None:
    """Tell relations of one kind apart by their literals, unless most have numbers of their own."""
    groups: dict[int, list[Shape]] = {}
    for shape in shapes:
        groups.setdefault(shape.kind, []).append(shape)
    numbers: dict = {}
    for kind, own in groups.items():
        texts = [tuple(sorted(row)) for shape in own for row in shape.literals]
        few = 4 * len(set(texts)) <= len(texts)
        codes = np.array([
            numbers.setdefault((kind, t if few else None), len(numbers)) for t in texts], np.int64)
        ends = np.cumsum([len(shape.literals) for shape in own])
        for shape, part in zip(own, np.split(codes, ends[:-1]), strict=True):
            shape.kinds = part


class _Walk:
    """Finds the places of a shape."""

    def __init__(self, paths: dict, found: list) -> None:
        self.paths = paths
        self.found = found
        self.sums = 0
        self.longest = 0

    def tree(self, tree: Tree, path: tuple, terms: tuple) -> None:
        match tree:
            case Ref(head, (place,)) if head == NAME:
                number = self.paths.setdefault(path, len(self.paths))
                self.found[place - 1] = Place(number, terms)
            case Op():
                for k, arg in enumerate(tree.args):
                    self.tree(arg, (*path, tree.kind, k), terms)
            case Chain():
                self.chain(tree, path, terms)

    def chain(self, tree: Chain, path: tuple, terms: tuple) -> None:
        kinds = [(f, _kind(p)) for f, p in zip(tree.flags, tree.parts, strict=True)]
        self.sums += 1
        number = self.sums
        self.longest = max(self.longest, len(kinds))
        for k, (kind, part) in enumerate(zip(kinds, tree.parts, strict=True)):
            own = path
            if kind[0]:
                own = (*own, "less" if tree.op == "sum" else "over")
            if tree.op in ("max", "min"):
                own = (*own, tree.op)
            elif tree.op == "prod" and type(part) is Ref:
                own = (*own, *kinds)  # a factor is no term, and two factors are not three
            several = tree.op != "prod" and kinds.count(kind) > 1
            self.tree(part, own, (*terms, (number, k)) if several else terms)


def _kind(tree: Tree):
    """What two formulas have in common but for their names and the lengths of their sums."""
    match tree:
        case Ref(head) if head == NAME:
            return "v"
        case Ref():
            return tree.head
        case Lit():
            return "n", tree.text
        case Op():
            return (tree.kind, *[_kind(a) for a in tree.args])
        case Chain():
            parts = [(f, _kind(p)) for f, p in zip(tree.flags, tree.parts, strict=True)]
            parts = sorted(parts if tree.op == "prod" else set(parts), key=repr)
            if len(parts) == 1 and not parts[0][0]:
                return parts[0][1]
            return (tree.op, *parts)
    return "..."
