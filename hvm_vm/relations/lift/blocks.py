"""The blocks of a file: each shape's relations with the subscripts of their scalars as columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hvm_vm.language import syntax as S
from hvm_vm.relations.names import CONSTANTS

from .apart import set_apart
from .constants import AFFINE, MARK, Gatherer, finished, is_shared, varying
from .dots import Rows, elements, without_dots
from .implicit import equation, rules, subscripted
from .members import Spelling, Unliftable, distinct
from .regions import parted
from .scan import DIGITS, LITERAL
from .skeleton import Block, refs
from .tree import NotLiftable, Reader, resolved, settled

MOST_CASES = 32  # regions of relations with a literal of their own each; more make an array


class Defaults:
    """Literal values of scalars of one array: `subscripts` int64[scalars, rank], the `values` as
    syntax, and the numbers of their statements."""

    def __init__(self, subscripts: np.ndarray, values: list[S.Expr], statements: list[int]) -> None:
        self.subscripts = subscripts
        self.values = values
        self.statements = statements


def add_blocks(shapes, result) -> list[int]:
    """Add the blocks and defaults of all shapes to an `Unrolled`. The numbers of the statements
    that cannot be part of a block are returned."""
    rows = Rows(result.members)
    late: list[int] = []
    _tell_apart(shapes, result.spelled)
    marked, arrays = _gathered(shapes, result.spelled)
    heads = _constants(arrays, result)
    for shape, blocks in zip(shapes, marked, strict=True):
        try:
            if blocks and all(arrays[h] is not None for h in _marks(blocks)):
                for block in blocks:
                    right = settled(finished(block.right, arrays, heads))
                    _finish(replace(block, right=right), result, rows)
            else:
                _add(shape, result, rows)
        except NotLiftable:
            late += shape.shape.statements().tolist()
    return late


def _gathered(shapes, spelled):
    """For each shape the blocks in which its numbers that differ are references to arrays of
    constants (none where no number does), and these arrays."""
    found = varying(shapes)
    for places in found.sure, found.shared, found.kinds:
        for k, shape in enumerate(shapes):
            if _is_default(shape):
                places[k] = set()
    for members in found.groups:
        if any(found.shared[k] or found.kinds[k] for k in members) and (
                _regions([shapes[k] for k in members], spelled) > MOST_CASES):
            found.gather(members)
    sure, shared = found.sure, found.shared
    blocks, arrays = _marked(shapes, [a | b for a, b in zip(sure, shared, strict=True)], spelled)
    few = [all(is_shared(arrays[h]) for h in _marks(own)) for own in blocks]
    if all(f or not s for f, s in zip(few, shared, strict=True)):
        return blocks, arrays
    places = [a | b if f else a for a, b, f in zip(sure, shared, few, strict=True)]
    return _marked(shapes, places, spelled)


def _regions(shapes, spelled) -> int:
    """In how many regions the relations lie that have all literals in common."""
    count = 0
    for shape in shapes:
        matrix, _ = _resolved_columns(shape, spelled)
        own = distinct((matrix - matrix.min(axis=0)).T).T if matrix.size else matrix
        end = 0
        for part in shape.shape.parts:
            rows = own[end : end + len(part.statements)]
            end += len(part.statements)
            found = parted(rows)
            count += len(rows) if found is None else len(found)
    return count


def _marks(blocks: list[Block]) -> list[str]:
    return [r.head for b in blocks for r in refs(b.right) if r.head.startswith(MARK)]


def _marked(shapes, places: list[set[int]], spelled):
    """The relations of the shapes as blocks in which the literals at some places are references,
    and the arrays that these make."""
    gatherer = Gatherer()
    blocks: list[list[Block]] = []
    for shape, own in zip(shapes, places, strict=True):
        blocks.append([])
        try:
            if own:
                blocks[-1] += _blocks_of(shape, own, spelled, gatherer)
        except NotLiftable:
            blocks[-1].clear()
    return blocks, gatherer.arrays()


def _blocks_of(shape, places: set[int], spelled, gatherer: Gatherer) -> list[Block]:
    """The relations of a shape with its marked literals as references: a block for each group of
    relations that have all other literals in common."""
    matrix, names = _resolved_columns(shape, spelled)
    statements = shape.shape.statements()
    groups: dict[tuple[str, ...], list[int]] = {}
    values: list[tuple[str, ...]] = []
    for part in shape.shape.parts:
        texts = tuple(f"{MARK}{k}" if k in places else t for k, t in enumerate(part.literals))
        end = len(values)
        groups.setdefault(texts, []).extend(range(end, end + len(part.statements)))
        values += [part.literals] * len(part.statements)
    found = []
    for texts, rows in groups.items():
        block = _block(shape, Reader(texts), names, matrix[rows], statements[rows])
        found.append(gatherer.marked(block, {k: [values[r][k] for r in rows] for k in places}))
    return found


def _tell_apart(shapes, spelled) -> None:
    """How the relations of implicit shapes are told apart."""
    own = [s for s in shapes if s.implicit]
    found = []
    for shape in own:
        matrix, places = _resolved_columns(shape, spelled)
        reader = Reader(shape.shape.parts[0].literals)
        left = resolved(reader.read(shape.node.lhs), places)
        found.append((equation(left, resolved(reader.read(shape.node.rhs), places)), matrix))
    for shape, rule in zip(own, rules(found), strict=True):
        shape.rule = rule
    rest = sorted(n for s in own if s.rule is None for n in s.shape.statements().tolist())
    order = {n: k for k, n in enumerate(rest, 1)}
    for shape in own:
        shape.order = order


def _block(shape, reader: Reader, places, rows, statements) -> Block:
    """The relations of a shape, before `settled`."""
    left = resolved(reader.read(shape.node.lhs), places)
    right = resolved(reader.read(shape.node.rhs), places)
    if shape.implicit:
        return subscripted(equation(left, right), rows, statements, shape.rule, shape.order)
    return Block(left, right, rows, statements)


def _constants(arrays, result) -> dict[str, str]:
    """Add the arrays of constants to `result`: provisional heads to heads."""
    heads = {}
    for provisional, found in arrays.items():
        if found is None or found == AFFINE:
            continue
        kept, table, texts, statement = found
        if not kept:
            arrays[provisional] = None  # it does not differ after all
            continue
        head = f"c@0={len(heads) + 1}|{len(kept)}"
        heads[provisional] = head
        values = [S.Negate(number(t)) if sign < 0 else number(t) for sign, t in texts]
        result.members[head] = distinct(table)
        result.names[head] = {}
        result.defaults[head] = Defaults(table, values, [statement] * len(values))
    return heads


def _add(shape, result, rows: Rows) -> None:
    """The blocks and defaults of one shape."""
    matrix, places = _resolved_columns(shape, result.spelled)
    statements = shape.shape.statements()
    if _is_default(shape):
        _add_defaults(shape, matrix, places, result)
        return
    end = 0
    for piece in shape.shape.parts:
        which = slice(end, end + len(piece.statements))
        end = which.stop
        reader = Reader(piece.literals)
        block = _block(shape, reader, places, matrix[which], statements[which])
        right = settled(block.right)
        if all(r.head in CONSTANTS for r in refs(right)) and any(True for _ in refs(right)):
            raise NotLiftable
        _finish(replace(block, right=right), result, rows)


def _finish(part: Block, result, rows: Rows) -> None:
    block = without_dots(part, rows)
    if block is not part:
        for head, subs in elements(block):
            _known(head, subs, result)
    result.blocks += set_apart(block, result.apart)


def _known(head: str, subs: np.ndarray, result) -> None:
    """`...` may speak of scalars that stand nowhere else; then the ordinary way names them."""
    old = result.members[head]
    if len(distinct(np.concatenate([old, subs]))) > len(old):
        raise Unliftable("... speaks of scalars that stand nowhere else")


def _resolved_columns(shape, spelled: dict[str, Spelling]):
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


def _is_default(shape) -> bool:
    """Whether the right side is a constant."""
    if shape.implicit:
        return False
    literal = (S.Number, S.Name, S.Negate, S.Sum, S.Product, S.Power)
    nodes = list(S.walk(shape.node.rhs)) if len(shape.names) == 1 else [None]
    return all(type(n) in literal and (type(n) is not S.Name or n.name == LITERAL) for n in nodes)


def _add_defaults(shape, matrix, places, result) -> None:
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
