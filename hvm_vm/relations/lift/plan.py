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

from hvm_vm.language import syntax as S

from .absorb import absorbed, has_run
from .cycles import Cycles, SetApart
from .dots import elements
from .implicit import LEAST, is_equation
from .imports import Array, Imports
from .members import Unliftable, coded, distinct
from .pieces import MOST_HOLES, Piece, pieces, singles
from .read import Unrolled
from .regions import hull, parted
from .rolling import rolled
from .skeleton import Block, Chain, Op, Ref, Run, Tree, joined, refs
from .statements import determined
from .tables import look_up

LONG_RULE = 32  # relations
LONG_RUN = 8  # a lone sum of so many terms is worth an array


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
    solved: set[str] = field(default_factory=set)  # arrays that systems determine
    ends: list[set[str]] = field(default_factory=list)  # see `ScalarGraph.ends`
    left_out: dict[str, int] = field(default_factory=dict)  # see `left_out`
    scattered: set[str] = field(default_factory=set)  # arrays whose relations are equations here

    def only_looked_up(self, heads: set[str]) -> set[str]:
        """Those of some arrays that relations reach by tables only."""
        plain: set[str] = set()
        tables = False
        for piece in self.relations:
            tables = tables or bool(piece.tables)
            axes = len(piece.block.left.columns)
            if not is_equation(piece.block):
                plain.add(piece.head)
            if len(piece.block.rows) > 1:
                plain |= {r.head for r in refs(piece.block.right)
                          if piece.tables.keys().isdisjoint(c - axes for c in r.columns)}
        return heads - plain if tables else set()

    def is_copy(self, piece: Piece) -> bool:
        """Whether a piece only reads an input array that is a part of its array."""
        return type(piece.block.right) is Ref and piece.block.right.head in self.sources


class Planner(Cycles, Imports):
    """Makes the plan."""

    # -- pieces --------------------------------------------------------------------------------
    def plan(self) -> Plan:
        """Raises `SetApart`, or `Unliftable` when nothing is worth lifting."""
        found: list[Piece] = []
        lone: list[Piece] = []
        groups: dict = {}
        for block in self.unrolled.blocks:
            for part in rolled(block.compact()):
                groups.setdefault(part.key(), []).append(part)
        blocks = [joined(parts) for parts in groups.values()]
        for block in absorbed(blocks):
            if is_equation(block) and not _apart(block):
                lone += singles(block)
                continue
            more, rest = pieces(block, self._fillable)
            if is_equation(block):  # few relations are solved as scalars
                lone += [s for p in more if len(p.block.rows) < LEAST for s in singles(p.block)]
                more = [p for p in more if len(p.block.rows) >= LEAST]
            found += more
            lone += singles(rest)
        if self.tables:
            found, lone, scattered = look_up(found, lone, self.unrolled.blocks, self.are_cyclic)
            self.scattered |= scattered
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
                if self.unknown:  # what is solved for has no explicit relation
                    open_ = open_ | self.unknowns(piece.head)[places]
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
            fixed = self._fix(found, lone, arrays)
            for group in self.cycles(*fixed):
                inside = group & fixed[2]
                places = self.apart(fixed[0], inside) if inside & mixed.keys() else {}
                if places:
                    raise SetApart(places)
        arrays -= mixed.keys()
        self.barred |= mixed
        while True:
            found, lone, arrays = self._fix(found, lone, arrays)
            if not any(_worth(p) for p in (*found, *lone)
                       if all(r.head in arrays for r in refs(p.block.right) if r.columns)):
                raise Unliftable(self._why())
            lost = self._lost(found, arrays)
            if lost:
                arrays -= lost
                self.barred |= dict.fromkeys(lost, "its relations hold where it is determined")
                continue
            cycle = self.recurring(found, lone, arrays)
            if cycle is None:
                break
            for head in cycle:
                arrays.discard(head)
                self.barred[head] = "each depends on others of them, step by step (a recurrence)"
        return self._result(found, lone, arrays)

    def _why(self) -> str:
        """Why there are no arrays: the reason of the largest."""
        barred = [h for h in self.barred if len(self.members[h]) >= LEAST]
        if not barred:
            return "no scalar relations repeat"
        head = max(barred, key=lambda h: len(self.members[h]))
        names = list(self.unrolled.names[head].values())
        return f"{names[0]} … {names[-1]} stay scalar: {self.barred[head]}"

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
        if unknown.any() and self.gaps(head) > MOST_HOLES:
            return "there are gaps between its unknowns"
        return ""

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
            for head, subs in (e for b in piece.blocks for e in elements(b)):
                if head in partly:
                    held.add(head)
                    free |= not partly[head][self.places(head, subs)].any()
            if held and not free:
                return held
        return set()

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
            if unknown.any() or head in self.scattered:
                open_ = list(map(tuple, table[imported].tolist()))
                made[head] = Array(head, lo, hi, "unknown", open_, complete, count)
            elif not self.determined[head].any():
                made[head] = Array(head, lo, hi, "input", [], complete)
            else:
                open_ = list(map(tuple, table[imported].tolist()))
                made[head] = Array(head, lo, hi, "determined", open_, complete, count)
        self._check_declared(made)
        # What array elements are read from comes last, so that scalars are inputs there.
        made = dict(sorted(made.items(), key=lambda a: a[0] in self.sources))
        kept = [n for n, _ in self.unrolled.others]
        relations = list(found)
        for piece in lone:
            if all(r.head in arrays for r in refs(piece.block.right) if r.columns):
                relations.append(piece)
            else:
                kept.append(int(piece.block.statements[0]))
                if kept[-1] in self.reopened:  # it would determine an element of its array
                    raise Unliftable("a scalar has two relations")
                if is_equation(piece.block):
                    self.reasons[kept[-1]] = "its unknowns are solved as scalars"
                elif piece.block.left.columns:
                    self.reasons[kept[-1]] = self.barred.get(piece.head, "")
        for head, defaults in self.unrolled.defaults.items():
            if head not in made or made[head].kind != "default":
                kept += defaults.statements
        solved = self.solved | {h for h, a in made.items() if a.kind == "unknown"}
        return Plan(self.unrolled, made, relations, sorted(kept), self.used, self.reasons,
                    self.dropped, self.unknown, self.sources, solved, self.ends(), self.left_out,
                    self.scattered)

    def _check_declared(self, made: dict[str, Array]) -> None:
        """In a file with `given` lines, inputs that are declared nowhere are an error: the ordinary
        way tells it."""
        un = self.unrolled
        given = [s for _, s in un.others if type(s) is S.Given]
        if not given:
            return
        listed = {*self.known, *self.all_members(
            frozenset(i.name for s in given for i in s.items))}
        for head, array in made.items():
            defaults = un.defaults.get(head)
            literal = set() if defaults is None else set(map(tuple, defaults.subscripts.tolist()))
            for subs in array.imports:
                if subs not in literal and un.name(head, subs) not in listed:
                    raise Unliftable("an input is not declared")


def most_singles(rows: int) -> int:
    """How many single relations an array may have beside `rows` indexed ones: each of them is an
    instruction."""
    return min(4 + rows // 4, 256)


def _apart(block: Block) -> bool:
    """Whether the left sides of relations tell them apart."""
    table = block.rows[:, list(block.left.columns)]
    return len(distinct(table)) == len(table)


def _singles(piece: Piece) -> list[Piece]:
    return [s for block in piece.blocks for s in singles(block)]


def _worth(piece: Piece) -> bool:
    """Whether a piece alone is a reason to lift."""
    count = len(piece.block.rows)
    return count >= 3 or (count == 2 and has_run(piece.block.right)) or _long(piece.block)


def _long(block: Block) -> bool:
    """Whether a run of many terms stands in it."""
    return has_run(block.right) and any(
        (block.rows[:, r.count] >= LONG_RUN).any() for r in _runs(block.right))


def _runs(tree: Tree):
    match tree:
        case Run():
            yield tree
            yield from _runs(tree.body)
        case Op():
            for arg in tree.args:
                yield from _runs(arg)
        case Chain():
            for part in tree.parts:
                yield from _runs(part)
