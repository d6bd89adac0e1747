"""From a file's statements to blocks of relations over arrays.

What cannot be part of a block (conditions, arrays, functions, declarations) is kept as a tree of
syntax among the `others`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from hvm_vm.language import parse
from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source, Span
from hvm_vm.relations.families import Families
from hvm_vm.relations.names import CONSTANTS

from .apart import set_apart, set_members_apart
from .dots import Rows, elements, without_dots
from .members import Spelling, Unliftable, distinct, names_of, spellings
from .scan import AFTER_ZEROS, DIGITS, LITERAL, Scan, Shape
from .skeleton import Block, Chain, Lit, Op, Ref, Tree, refs
from .tree import NotLiftable, Reader, resolved, settled


@dataclass
class Defaults:
    """Literal values of scalars of one array."""

    subscripts: np.ndarray  # int64[scalars, rank]
    values: list[S.Expr]
    statements: list[int]


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
    apart: dict[str, int] = field(default_factory=dict)
    elements: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    names: dict[str, dict[tuple[int, ...], str]] = field(default_factory=dict)

    def name(self, head: str, subscripts: tuple[int, ...]) -> str:
        return self.names[head][subscripts]


@dataclass
class _Parsed:
    shape: Shape
    node: S.Relation
    names: list[str]          # skeletons of the scalars, in the order of the text
    starts: list[int]         # of each one's runs among the columns
    matrix: np.ndarray


def read(
    scan: Scan, text: str, parsed: list[S.Statement] | None, apart: dict[str, int] | None = None
) -> Unrolled:
    """Read a scanned file. `parsed`: its statements by number, when they are parsed already.
    `apart`: arrays that are one array for each value of a subscript, such as layers that depend on
    each other, with the place of that subscript.

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
    plain, taken = _names(statements)
    scalars = [n for s, numbers in own.items() for n in names_of(s, numbers)]
    families = Families(dict.fromkeys([*scalars, *plain]), frozenset([*scalars, *plain, *taken]))
    _add_others(own, plain)
    spelled = spellings(own, families)
    members = _members(own, spelled)
    result = Unrolled([], {}, statements, scan.spans, families, members, spelled, apart or {})
    rows = Rows(members)
    late: list[tuple[int, S.Statement]] = []
    for shape in shapes:
        try:
            _add_blocks(shape, result, rows)
        except NotLiftable:
            late += _other_statements(scan, text, shape.shape.statements().tolist(), parsed)
    result.others += late
    _names_of_members(result, own)
    set_members_apart(result)
    return result


def _parsed(scan: Scan) -> tuple[list[_Parsed], list[int]]:
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
            if type(node) is not S.Relation or type(node.lhs) is not S.Name:
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
        shapes.append(_Parsed(shape, node, reader.names, starts, shape.matrix()))
    return shapes, others


def _other_statements(scan, text, numbers, parsed) -> list[tuple[int, S.Statement]]:
    found = []
    for number in numbers:
        if parsed is not None:
            found.append((number, parsed[number]))
            continue
        span = scan.spans[number]
        diagnostics = Diagnostics(Source("statement", ""))
        from hvm_vm.language.parser import StatementParser

        statements = StatementParser(text, diagnostics, span.start, span.end).statements()
        if diagnostics.has_errors or len(statements) != 1:
            raise Unliftable("a statement cannot be read")
        found.append((number, statements[0]))
    return found


def expressions(statement: S.Statement) -> Iterable[S.Expr]:
    """The expressions of a statement in which scalars may stand."""
    match statement:
        case S.Relation():
            parts = [statement.lhs, statement.rhs, statement.where]
        case S.Check():
            parts = [statement.condition, statement.within, statement.where]
        case S.Guess():
            parts = [statement.target, statement.value, statement.lo, statement.hi]
        case S.Find():
            parts = list(statement.items)
        case S.IndexDecl():
            parts = [statement.lo, statement.hi, statement.until]
        case S.Given():
            parts = [S.Name(i.name, i.name_span) for i in statement.items]
        case _:
            parts = []
    return [p for p in parts if p is not None]


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
    import re

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


def _names_of_members(result: Unrolled, own) -> None:
    """Fill in the names of all members, those included that only `...` speaks of."""
    for skeleton, numbers in own.items():
        spelling = result.spelled[skeleton]
        names = names_of(skeleton, numbers)
        subs = list(map(tuple, spelling.subscripts(numbers).tolist()))
        result.names.setdefault(spelling.head, {}).update(zip(subs, names, strict=True))
        head = spelling.head
        result.elements.update(zip(names, [(head, s) for s in subs], strict=True))


# --- blocks --------------------------------------------------------------------------------------


def _add_blocks(shape: _Parsed, result: Unrolled, rows: Rows) -> None:
    """The blocks and defaults of one shape."""
    matrix, places = _resolved_columns(shape, result.spelled)
    statements = shape.shape.statements()
    if not any(True for _ in _references(shape.node.rhs)):
        if _constant(shape.node.rhs):
            _add_defaults(shape, matrix, places, result)
            return
    end = 0
    for piece in shape.shape.parts:
        which = slice(end, end + len(piece.statements))
        end = which.stop
        reader = Reader(piece.literals)
        left = resolved(reader.read(shape.node.lhs), places)
        right = settled(resolved(reader.read(shape.node.rhs), places))
        if all(r.head in CONSTANTS for r in refs(right)) and any(True for _ in refs(right)):
            raise NotLiftable
        part = Block(left, right, matrix[which], statements[which])
        block = without_dots(part, rows)
        if block is not part:
            for head, subs in elements(block):
                _known(head, subs, result)
        result.blocks += set_apart(block, result.apart)


def _known(head: str, subs: np.ndarray, result: Unrolled) -> None:
    """`...` may speak of scalars that stand nowhere else; then the ordinary way names them."""
    old = result.members[head]
    if len(distinct(np.concatenate([old, subs]))) > len(old):
        raise Unliftable("... speaks of scalars that stand nowhere else")


def _resolved_columns(shape: _Parsed, spelled: dict[str, Spelling]):
    """The matrix with subscripts in place of numbers, and (head, columns) of every scalar."""
    if all(spelled[n].table is None for n in shape.names):
        places = []
        for name, start in zip(shape.names, shape.starts, strict=True):
            spelling = spelled[name]
            places.append((spelling.head, tuple(range(start, start + spelling.rank))))
        return shape.matrix, places
    parts, places, at = [], [], 0
    for name, start in zip(shape.names, shape.starts, strict=True):
        spelling = spelled[name]
        runs = name.count(DIGITS)
        parts.append(spelling.subscripts(shape.matrix[:, start : start + runs]))
        places.append((spelling.head, tuple(range(at, at + spelling.rank))))
        at += spelling.rank
    return np.concatenate(parts, axis=1), places


def _references(expr: S.Expr):
    return (n for n in S.walk(expr) if type(n) is S.Name and n.name != LITERAL)


def _constant(expr: S.Expr) -> bool:
    return all(
        type(n) in (S.Number, S.Name, S.Negate, S.Sum, S.Product, S.Power) for n in S.walk(expr))


def _add_defaults(shape: _Parsed, matrix, places, result: Unrolled) -> None:
    head, columns = places[0]
    values = [value for part in shape.shape.parts
              for value in [with_literals(shape.node.rhs, part.literals)] * len(part.statements)]
    statements = shape.shape.statements().tolist()
    subs = matrix[:, list(columns)]
    old = result.defaults.get(head)
    if old is None:
        result.defaults[head] = Defaults(subs, values, statements)
        return
    old.subscripts = np.concatenate([old.subscripts, subs])
    old.values += values
    old.statements += statements


def number(text: str) -> S.Number:
    whole = text.isdigit()
    return S.Number(int(text) if whole else float(text), text)


def with_literals(expr: S.Expr, literals: tuple[str, ...]) -> S.Expr:
    """The expression of a shape with its literals in place."""
    if type(expr) is S.Name:
        return number(literals[0])
    texts = iter(literals)

    def put(node: S.Expr) -> S.Expr:
        match node:
            case S.Name():
                return number(next(texts))
            case S.Negate():
                return replace(node, operand=put(node.operand))
            case S.Sum():
                return replace(node, terms=tuple(map(put, node.terms)))
            case S.Product():
                return replace(node, factors=tuple(map(put, node.factors)))
            case S.Power():
                return replace(node, base=put(node.base), exponent=put(node.exponent))
        return node

    return put(expr)


__all__ = ["Block", "Chain", "Defaults", "Lit", "Op", "Ref", "Tree", "Unrolled", "read"]
