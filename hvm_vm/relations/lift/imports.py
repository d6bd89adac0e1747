"""Elements of determined arrays that nothing determines: what is read from inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from .facts import Facts
from .fit import Rule
from .members import coded
from .pieces import Piece
from .regions import hull, parted
from .scan import DIGITS
from .skeleton import Block, Ref

MOST_IMPORTS = 8


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


class Imports(Facts):
    """Finds the arrays of inputs that parts of other arrays are."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.sources: set[str] = set()

    def _importable(self, head: str, which: np.ndarray) -> bool:
        """Whether these members can come from inputs: they are few, or regions of them are."""
        return which.sum() <= MOST_IMPORTS or parted(self.members[head][which]) is not None

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
