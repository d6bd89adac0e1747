"""What is lifted: which scalars become arrays, and what stays as it is.

An array is made of a family only if everything about it can be said exactly: its elements are all
inputs or are determined by indexed relations and a few single ones, it does not depend on itself,
and no statement treats its scalars in a way that elements of arrays cannot be treated. What reads
an array that is not made stays scalar, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from hvm_vm.relations.order import components

from .absorb import absorbed, has_run
from .dots import elements
from .facts import Facts
from .fit import Rule
from .implicit import LEAST, is_equation
from .members import Unliftable, coded, distinct
from .pieces import MOST_HOLES, Piece, pieces, single
from .read import Unrolled
from .regions import hull, parted
from .rolling import rolled
from .scan import DIGITS
from .skeleton import Block, Chain, Op, Ref, Run, Tree, refs
from .statements import determined, names_in

LONG_RULE = 32  # relations
MOST_IMPORTS = 8
LONG_RUN = 8  # a lone sum of so many terms is worth an array


class SetApart(Exception):
    """Arrays depend on themselves; set apart by a subscript (`places`) they may not."""

    def __init__(self, places: dict[str, int]) -> None:
        super().__init__()
        self.places = places


@dataclass
class Array:
    """An array: its head, the box of its elements, and how they come about: "input", "default" or
    "determined". `imports` are elements that nothing determines among determined ones."""

    head: str
    lo: tuple[int, ...]
    hi: tuple[int, ...]
    kind: str
    imports: list[tuple[int, ...]] = field(default_factory=list)
    complete: bool = True  # whether the members fill the box
    elsewhere: int = 0     # how many members come from input arrays (`Plan.sources`)


@dataclass
class Plan:
    """`arrays` by head; the `relations` that determine them or scalars, as pieces; the numbers of
    the statements that stay as they are, and `reasons` for those that look liftable."""

    unrolled: Unrolled
    arrays: dict[str, Array]
    relations: list[Piece]
    kept: list[int]
    used: dict[str, np.ndarray]
    reasons: dict[int, str]
    dropped: list[str] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)  # see `Facts`
    sources: set[str] = field(default_factory=set)  # input arrays that parts of others are

    def is_copy(self, piece: Piece) -> bool:
        """Whether a piece only reads an input array that is a part of its array."""
        return type(piece.block.right) is Ref and piece.block.right.head in self.sources


class Planner(Facts):
    """Makes the plan."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.sources: set[str] = set()

    # -- pieces --------------------------------------------------------------------------------
    def plan(self) -> Plan:
        """Raises `SetApart`, or `Unliftable` when nothing is worth lifting."""
        found: list[Piece] = []
        lone: list[Piece] = []
        groups: dict = {}
        for block in self.unrolled.blocks:
            for part in rolled(block.compact()):
                groups.setdefault(part.key(), []).append(part)
        blocks = [_joined(parts) for parts in groups.values()]
        for block in absorbed(blocks):
            if is_equation(block) and not _apart(block):
                lone += [single(block.take(slice(k, k + 1))) for k in range(len(block.rows))]
                continue
            more, rest = pieces(block, self._fillable)
            if is_equation(block):  # few relations are solved as scalars
                rest += [r for p in more if len(p.block.rows) < LEAST for r in _rows(p.block)]
                more = [p for p in more if len(p.block.rows) >= LEAST]
            found += more
            lone += [single(r) for r in rest]
        self._check_holes(found, lone)
        # Relations that follow a rule by the numbers in their names, whether or not that helps.
        for piece in found:
            if len(piece.block.rows) >= LONG_RULE:
                self.ruled.update(piece.block.statements.tolist())
        return self._settle(found, lone)

    def _fillable(self, head: str, points: np.ndarray) -> np.ndarray:
        """Which elements exist: something else determines them, or they are inputs."""
        if head not in self.codes:
            return np.zeros(len(points), bool)
        return np.isin(coded(points, self.radix[head]), self.codes[head])

    def _check_holes(self, found: list[Piece], lone: list[Piece]) -> None:
        """A piece's holes must be filled by relations with more constant subscripts."""
        again = True
        while again:
            again = False
            for piece in found:
                if not len(piece.holes) or piece.region.without:
                    continue
                special = [p for p in (*found, *lone)
                           if p.head == piece.head and p is not piece and p.fixed > piece.fixed]
                filled = [p.block.rows[:, : len(p.block.left.columns)] for p in special]
                places = self.places(piece.head, piece.holes)
                open_ = self.determined[piece.head][places]
                if filled:
                    done = self.places(piece.head, np.concatenate(filled))
                    open_ = open_ & ~np.isin(places, done)
                if open_.any():  # another general relation: these become single ones
                    found[:] = [p for p in found if p is not piece]
                    axes = len(piece.block.left.columns)
                    cut = parted(piece.block.rows[:, :axes])
                    if cut is not None:
                        left = piece.block.rows[:, :axes]
                        found += [Piece(piece.block.take(r), hull(left[r]), piece.rule)
                                  for r in cut]
                    else:
                        lone += _singles(piece)
                    again = True
                    break

    # -- arrays --------------------------------------------------------------------------------
    def _settle(self, found: list[Piece], lone: list[Piece]) -> Plan:
        arrays = {h for h, m in self.members.items() if m.shape[1] and h not in self.barred}
        mixed = {h: reason for h in arrays if (reason := self._mixed(h))}
        if mixed:  # set apart, each may be of one kind: the first of many steps is an input
            cycle = self._cycle(*self._fix(found, lone, arrays))
            apart = self._apart(found, cycle) if cycle and cycle & mixed.keys() else {}
            if apart:
                raise SetApart(apart)
        arrays -= mixed.keys()
        self.barred |= mixed
        while True:
            found, lone, arrays = self._fix(found, lone, arrays)
            if not any(_worth(p) for p in (*found, *lone)
                       if all(r.head in arrays for r in refs(p.block.right) if r.columns)):
                raise Unliftable("no relations repeat")
            lost = self._lost(found, arrays)
            if lost:
                arrays -= lost
                self.barred |= dict.fromkeys(lost, "its relations hold where it is determined")
                continue
            cycle = self._cycle(found, lone, arrays)
            if cycle is None:
                break
            apart = self._apart(found, cycle)
            if apart:
                raise SetApart(apart)
            for head in cycle:
                arrays.discard(head)
                self.barred[head] = "it depends on itself"
        return self._result(found, lone, arrays)

    def _mixed(self, head: str) -> str:
        """Why a family whose members come about in different ways is no array."""
        defaults = self.unrolled.defaults.get(head)
        count = len(self.members[head])
        open_ = ~self.determined[head]
        unknown = self.unknowns(head) if self.unknown and open_.any() else np.zeros(count, bool)
        inputs = open_ & ~unknown
        partly = np.zeros(count, bool)
        if defaults is not None and len(defaults.subscripts) < count:
            partly[self.places(head, defaults.subscripts)] = True
        if not self._importable(head, partly):
            return "only some of its members have defaults"
        if not inputs.all() and not self._importable(head, inputs):
            return "many of its members are inputs, and others are determined"
        gaps = prod((np.ptp(self.members[head], axis=0) + 1).tolist()) - count
        if unknown.any() and gaps > MOST_HOLES:
            return "there are gaps between its unknowns"
        return ""

    def _importable(self, head: str, which: np.ndarray) -> bool:
        """Whether these members can come from inputs: they are few, or regions of them are."""
        return which.sum() <= MOST_IMPORTS or parted(self.members[head][which]) is not None

    def _fix(self, found, lone, arrays):
        """Take out arrays and pieces until what is left holds together."""
        arrays = set(arrays)
        while True:
            before = len(arrays), len(found)
            kept = []
            for piece in found:
                if (piece.head in arrays or is_equation(piece.block)) and all(
                        r.head in arrays for r in refs(piece.block.right) if r.columns):
                    kept.append(piece)
                else:
                    lone = lone + _singles(piece)
            found = kept
            singles: dict[str, int] = {}
            for piece in lone:
                singles[piece.head] = singles.get(piece.head, 0) + 1
            for _, statement in self.unrolled.others:
                for name in determined(statement):
                    if name in self.unrolled.elements:
                        head = self.unrolled.elements[name][0]
                        singles[head] = singles.get(head, 0) + 1
            rows: dict[str, int] = {}
            for piece in found:
                rows[piece.head] = rows.get(piece.head, 0) + len(piece.block.rows)
            read = {p.head for p in found}
            for piece in (*found, *(p for p in lone if _long(p.block))):
                read |= {r.head for r in refs(piece.block.right) if r.columns}
            for head in list(arrays):
                count = singles.get(head, 0)
                if head not in read or count > most_singles(rows.get(head, 0)):
                    arrays.discard(head)
                    if head in read:
                        self.barred[head] = f"{count} of its relations follow no common rule"
            if (len(arrays), len(found)) == before:
                return found, lone, arrays

    def _lost(self, found: list[Piece], arrays) -> set[str]:
        """Unknown arrays of relations of which some would be lost: a relation over an array does
        not hold where the element that it would determine is determined otherwise."""
        partly = {}
        for head in arrays if self.unknown else ():
            unknown = self.unknowns(head)
            if unknown.any():
                partly[head] = ~unknown
        for piece in found:
            if not is_equation(piece.block):
                continue
            free, held = False, set()
            for head, subs in elements(piece.block):
                if head in partly:
                    held.add(head)
                    free |= not partly[head][self.places(head, subs)].any()
            if held and not free:
                return held
        return set()

    def _cycle(self, found, lone, arrays) -> set[str] | None:
        """Arrays that depend on themselves, or None."""
        elements = self.unrolled.elements
        reads: dict[str, set[str]] = {}
        for piece in (*found, *lone):
            target = reads.setdefault(self._node(piece, arrays), set())
            for ref in refs(piece.block.right):
                if ref.head in arrays or not ref.columns:
                    target.add(ref.head)
                else:
                    for head, subs in elements_of(piece.block, ref.head):
                        target |= {self.unrolled.name(head, tuple(s)) for s in subs.tolist()}
        for _, statement in self.unrolled.others:
            for name in determined(statement):
                node = elements[name][0] if name in elements else name
                node = node if node in arrays else name
                target = reads.setdefault(node, set())
                for other in names_in(statement, left=False):
                    head = elements[other][0] if other in elements else other
                    target.add(head if head in arrays else other)
        for target in list(reads.values()):
            for node in target:
                if node not in reads:
                    reads[node] = set()
        for component in components(list(reads), lambda n: reads[n]):
            if len(component) > 1 or component[0] in reads[component[0]]:
                inside = arrays & set(component)
                if inside:
                    return inside
        return None

    def _node(self, piece: Piece, arrays) -> str:
        if is_equation(piece.block) or piece.head in arrays or not piece.block.left.columns:
            return piece.head
        axes = len(piece.block.left.columns)
        return self.unrolled.name(piece.head, tuple(piece.block.rows[0, :axes].tolist()))

    def _apart(self, found: list[Piece], cycle: set[str]) -> dict[str, int]:
        """The subscript that tells apart the arrays of a cycle: along it, every one depends on
        earlier ones (or later ones) only, or on the same one without a cycle."""
        ranks = {h: self.members[h].shape[1] for h in cycle}
        if min(ranks.values()) < 2:
            return {}
        for place in range(min(ranks.values())):
            signs, level = set(), {h: set() for h in cycle}
            for piece in found:
                if piece.head not in cycle:
                    continue
                own = piece.block.rows[:, piece.block.left.columns[place]]
                for head, subs in elements(piece.block):
                    if head not in cycle:
                        continue
                    wide = np.repeat(own, len(subs) // len(own)) if len(subs) % len(own) == 0 else (
                        None)
                    if wide is None:
                        signs.add(None)
                        continue
                    signs |= set(np.sign(subs[:, place] - wide).tolist())
                    if (subs[:, place] == wide).any():
                        level[piece.head].add(head)
            signs.discard(0)
            if None in signs or len(signs) != 1:
                continue
            if all(len(c) == 1 and c[0] not in level[c[0]]
                   for c in components(list(level), lambda n, level=level: level[n])):
                return dict.fromkeys(cycle, place)
        return {}

    def _result(self, found, lone, arrays) -> Plan:
        made: dict[str, Array] = {}
        found = list(found)
        for head, table in list(self.members.items()):
            if head not in arrays:
                continue
            lo, hi = tuple(table.min(axis=0).tolist()), tuple(table.max(axis=0).tolist())
            complete = prod(b - a + 1 for a, b in zip(lo, hi, strict=True)) == len(table)
            count = 0
            unknown = self.unknowns(head) if self.unknown else np.zeros(len(table), bool)
            imported = ~self.determined[head] & ~unknown
            defaults = self.unrolled.defaults.get(head)
            if defaults is not None and len(defaults.subscripts) == len(table):
                made[head] = Array(head, lo, hi, "default", [], complete)
                continue
            if defaults is not None:  # few: they are inputs of their own
                imported[self.places(head, defaults.subscripts)] = True
            if (~imported).any():
                count = int(imported.sum())
                found += self._imported(head, imported, made)
                count -= int(imported.sum())
            if unknown.any():
                open_ = list(map(tuple, table[imported].tolist()))
                made[head] = Array(head, lo, hi, "unknown", open_, complete, count)
            elif not self.determined[head].any():
                made[head] = Array(head, lo, hi, "input", [], complete)
            else:
                open_ = list(map(tuple, table[imported].tolist()))
                made[head] = Array(head, lo, hi, "determined", open_, complete, count)
        # What array elements are read from comes last, so that scalars are inputs there.
        made = dict(sorted(made.items(), key=lambda a: a[0] in self.sources))
        kept = [n for n, _ in self.unrolled.others]
        relations = list(found)
        for piece in lone:
            if all(r.head in arrays for r in refs(piece.block.right) if r.columns):
                relations.append(piece)
            else:
                kept.append(int(piece.block.statements[0]))
                if is_equation(piece.block):
                    self.reasons[kept[-1]] = "its unknowns are solved as scalars"
                elif piece.block.left.columns:
                    self.reasons[kept[-1]] = self.barred.get(piece.head, "")
        for head, defaults in self.unrolled.defaults.items():
            if head not in made or made[head].kind != "default":
                kept += defaults.statements
        return Plan(self.unrolled, made, relations, sorted(kept), self.used, self.reasons,
                    self.dropped, self.unknown, self.sources)

    def _imported(self, head: str, imported: np.ndarray, made: dict[str, Array]) -> list[Piece]:
        """Arrays of inputs for the members of an array that nothing determines, where they are
        many: the relations that read them. (Few are inputs of their own, see `Array.imports`.)"""
        un, table = self.unrolled, self.members[head]
        defaults = un.defaults.get(head)
        literal = np.zeros(len(table), bool)
        if defaults is not None:
            literal[self.places(head, defaults.subscripts)] = True
        found: list[Piece] = []
        base = head.rpartition("|")[0]
        for which, kind in ((imported & literal, "default"), (imported & ~literal, "input")):
            if which.sum() <= MOST_IMPORTS:
                continue
            places = np.flatnonzero(which)
            for rows in _lines(table[which]):
                own, k = places[rows], len(self.sources) + 1
                whole = table[np.sort(own)]
                axes = np.flatnonzero(np.ptp(whole, axis=0))
                axes = axes if len(axes) else np.arange(1)
                source = f"{base}{DIGITS}given{k if k > 1 else ''}|{len(axes)}"
                self.sources.add(source)
                un.members[source] = part = whole[:, axes]
                un.names[source] = {tuple(p): un.names[head][tuple(s)] for p, s in zip(
                    part.tolist(), whole.tolist(), strict=True)}
                self.used[source] = self.used[head][np.sort(own)]
                self.determined[source] = literal[np.sort(own)]
                lo, hi = tuple(part.min(axis=0).tolist()), tuple(part.max(axis=0).tolist())
                complete = prod(b - a + 1 for a, b in zip(lo, hi, strict=True)) == len(part)
                made[source] = Array(source, lo, hi, kind, [], complete)
                piece = _copied(head, source, whole, axes)
                if kind == "default":
                    self._move_defaults(head, source, whole, axes)
                    piece.block.statements[:] = min(un.defaults[source].statements)
                found.append(piece)
            imported[which] = False
        return found

    def _move_defaults(self, head: str, source: str, whole: np.ndarray, axes) -> None:
        old = self.unrolled.defaults[head]
        codes = coded(old.subscripts, self.radix[head])
        mine = np.isin(codes, coded(whole, self.radix[head]))
        for name, which in ((source, mine), (head, ~mine)):
            rows = np.flatnonzero(which).tolist()
            if rows:
                subs = old.subscripts[which]
                self.unrolled.defaults[name] = type(old)(
                    subs[:, axes] if name == source else subs, [old.values[k] for k in rows],
                    [old.statements[k] for k in rows])
            else:
                del self.unrolled.defaults[name]



def _lines(table: np.ndarray) -> list[np.ndarray]:
    """The rows of a table in parts that are regions without steps."""
    found = []
    work = list(parted(table))
    while work:
        rows = work.pop(0)
        step = hull(table[rows]).step
        axis = next((k for k, s in enumerate(step) if s > 1), None)
        if axis is None:
            found.append(rows)
        else:
            work[:0] = [rows[table[rows, axis] == v] for v in np.unique(table[rows, axis])]
    return found


def _copied(head: str, source: str, rows: np.ndarray, axes: np.ndarray) -> Piece:
    """A region of an array that is read from another, at those of its subscripts that differ."""
    rank, own = rows.shape[1], len(axes)
    left, right = Ref(head, tuple(range(rank))), Ref(source, tuple(range(rank, rank + own)))
    block = Block(left, right, np.column_stack([rows, rows[:, axes]]),
                  np.zeros(len(rows), np.int64))
    rule = Rule(np.eye(rank, dtype=np.int64)[axes], np.zeros(own, np.int64),
                np.ones(len(rows), bool))
    return Piece(block, hull(rows), rule)


def most_singles(rows: int) -> int:
    """How many single relations an array may have beside `rows` indexed ones: each of them is an
    instruction."""
    return min(4 + rows // 4, 256)


def _joined(parts: list[Block]) -> Block:
    """Blocks of one kind as one."""
    if len(parts) == 1:
        return parts[0]
    return Block(parts[0].left, parts[0].right, np.concatenate([p.rows for p in parts]),
                 np.concatenate([p.statements for p in parts]))


def _rows(block: Block) -> list[Block]:
    return [block.take(slice(k, k + 1)) for k in range(len(block.rows))]


def _apart(block: Block) -> bool:
    """Whether the left sides of relations tell them apart."""
    table = block.rows[:, list(block.left.columns)]
    return len(distinct(table)) == len(table)


def _singles(piece: Piece) -> list[Piece]:
    return [single(piece.block.take(slice(k, k + 1))) for k in range(len(piece.block.rows))]


def elements_of(block: Block, head: str):
    return [(h, s) for h, s in elements(block) if h == head]


def _worth(piece: Piece) -> bool:
    """Whether a piece alone is a reason to lift."""
    count = len(piece.block.rows)
    return count >= 3 or (count == 2 and has_run(piece.block.right)) or _long(piece.block)


def _long(block: Block, tree: Tree | None = None) -> bool:
    """Whether a run of many terms stands in it."""
    tree = block.right if tree is None else tree
    match tree:
        case Run():
            return bool((block.rows[:, tree.count] >= LONG_RUN).any()) or _long(block, tree.body)
        case Op():
            return any(_long(block, a) for a in tree.args)
        case Chain():
            return any(_long(block, p) for p in tree.parts)
    return False
