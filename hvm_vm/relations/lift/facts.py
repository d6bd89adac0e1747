"""What the relations of a file say of its scalars, before anything is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import prod

import numpy as np

from hvm_vm.language import syntax as S
from hvm_vm.relations.names import CONSTANTS

from .dots import elements
from .implicit import as_equations, is_equation, is_implicit
from .left_out import left_out
from .members import Unliftable, coded, radix_of
from .read import Unrolled
from .repeated import one_each
from .skeleton import Block
from .statements import determined, expressions, in_subscripts, names_in
from .unknowns import Unknowns, names_of_rows

MOST_STARTS = 8  # members of an array whose guesses are unlike those of most


class Facts:
    """What is determined and used, and which arrays cannot be (`barred`, with the reason)."""

    def __init__(
        self, unrolled: Unrolled, known: Iterable[str], free: Iterable[str],
        find: Iterable[str] = (), tables: bool = False,
    ) -> None:
        self.unrolled = unrolled
        self.tables = tables  # whether relations that follow no rule may be looked up in tables
        self.scattered: set[str] = set()
        self.reopened: set[int] = set()  # relations `name = …` that are equations here
        self.members = unrolled.members
        self.radix = {h: radix_of(m.max(axis=0)) for h, m in self.members.items()}
        self.codes = {h: coded(m, self.radix[h]) for h, m in self.members.items()}
        self.used = {h: np.zeros(len(m), bool) for h, m in self.members.items()}
        self.determined = {h: np.zeros(len(m), bool) for h, m in self.members.items()}
        self.barred: dict[str, str] = {}
        self.reasons: dict[int, str] = {}
        self.ruled: set[int] = set()
        self.dropped: list[str] = []
        self._away: list[Block] = []
        self._away_others: list[tuple[int, S.Statement]] = []
        self._uses()
        self.known = self.all_members(frozenset(known))  # what is set from outside
        self.find = self.all_members(frozenset(find))
        self._drop(frozenset(known), frozenset(free))
        self._one_each()
        self._determine()
        self.unknown = Unknowns(self, frozenset(known), frozenset(find)).find()
        self.opened: set[str] = set()
        superseded = self._superseded()
        self._unsolved(superseded)
        self.left_out = left_out(self.unrolled, superseded, self.known)
        if tables and self.unknown:
            self._open_rest()
        self._bar()

    def places(self, head: str, subs: np.ndarray) -> np.ndarray:
        """Where elements stand in `members[head]`."""
        return np.searchsorted(self.codes[head], coded(subs, self.radix[head]))

    def gaps(self, head: str) -> int:
        """How many points of the box of an array are no members."""
        table = self.members[head]
        return prod((np.ptp(table, axis=0) + 1).tolist()) - len(table)

    # -- what the relations say ----------------------------------------------------------------
    def _uses(self) -> None:
        for block in self.unrolled.blocks:
            for head, subs in elements(block):
                self.used[head][self.places(head, subs)] = True
        for _, statement in self.unrolled.others:
            if type(statement) is S.Check:
                continue
            for name in names_in(statement, left=False):
                self._use(name)

    def _use(self, name: str) -> None:
        if name in self.unrolled.elements:
            head, subs = self.unrolled.elements[name]
            self.used[head][self.places(head, np.array([subs]))] = True

    def _drop(self, known: frozenset[str], free: frozenset[str]) -> None:
        """Take out what is set from outside, and the defaults that are dropped. A default of what
        is set from outside may stay: the value replaces it."""
        un = self.unrolled
        for names, blocks in ((self.all_members(known), True), (self.all_members(free), False)):
            away: dict[str, list[tuple[int, ...]]] = {}
            for name in names:
                if name in un.elements:
                    head, subs = un.elements[name]
                    away.setdefault(head, []).append(subs)
            for head, subs in away.items():
                gone = coded(np.array(subs), self.radix[head])
                if blocks:
                    self._drop_rows(head, gone)
                elif head in un.defaults:
                    self._drop_defaults(head, gone)
            if blocks:
                self._away_others = [o for o in un.others if self._sets(o[1], names)]
                un.others = [o for o in un.others if not self._sets(o[1], names)]

    def all_members(self, names: frozenset[str]) -> frozenset[str]:
        """`names`, where a family stands for its members."""
        families = self.unrolled.families
        return names.union(*(families.members(n) for n in names if n not in families.taken))

    def _sets(self, statement, names: frozenset[str]) -> bool:
        return (type(statement) is S.Relation and type(statement.lhs) is S.Name
                and statement.lhs.name in names and statement.lhs.name in self.unrolled.elements)

    def _superseded(self) -> list[tuple[str, list[str], int]]:
        """The relations of scalars that are set from outside, but for defaults: the scalar, what it
        reads, and the statement."""
        un = self.unrolled
        plain = [b for b in un.blocks if not b.left.columns and b.left.head in self.known]
        rows = [(name, read, int(number)) for block in (*self._away, *plain)
                for (name, read), number in zip(
                    names_of_rows(block, un), block.statements.tolist(), strict=True)]
        rows += [(name, names_in(statement, left=False), number)
                 for number, statement in (*self._away_others, *un.others)
                 for name in determined(statement) if name in self.known]
        return [row for row in rows if row[1]]

    def _drop_defaults(self, head: str, gone: np.ndarray) -> None:
        old = self.unrolled.defaults[head]
        keep = ~np.isin(coded(old.subscripts, self.radix[head]), gone)
        if keep.any():
            which = np.flatnonzero(keep).tolist()
            self.unrolled.defaults[head] = type(old)(
                old.subscripts[keep], [old.values[k] for k in which],
                [old.statements[k] for k in which])
        else:
            del self.unrolled.defaults[head]

    def _drop_rows(self, head: str, gone: np.ndarray) -> None:
        kept = []
        for block in self.unrolled.blocks:
            if block.left.head == head:
                subs = block.rows[:, list(block.left.columns)]
                out = np.isin(coded(subs, self.radix[head]), gone)
                if out.any():
                    self.dropped += [self.unrolled.name(head, tuple(s))
                                     for s in subs[out].tolist()]
                    self._away += [block.take(slice(k, k + 1)) for k in np.flatnonzero(out)]
                    block = block.take(~out)
            if len(block.rows):
                kept.append(block)
        self.unrolled.blocks = kept

    def _one_each(self) -> None:
        """See `repeated`. What is given or set from outside has no relation of its own."""
        un = self.unrolled
        given = {i.name for _, s in un.others if type(s) is S.Given for i in s.items}
        plain = {b.left.head for b in un.blocks if not b.left.columns}
        settled = {*plain, *given, *self.known, *CONSTANTS,
                   *(n for _, s in un.others for n in determined(s))}
        for block in one_each(un, self.places, settled):
            self.reopened.update(block.statements.tolist())
            for head, subs in elements(block):
                self.used[head][self.places(head, subs)] = True

    def _determine(self) -> None:
        """Mark what is determined. Raises `Unliftable` when something is determined twice."""
        un = self.unrolled
        for block in un.blocks:
            if is_equation(block):
                continue
            if block.left.columns:
                self._mark(block.left.head, block.rows[:, list(block.left.columns)])
        for head, defaults in un.defaults.items():
            self._mark(head, defaults.subscripts)
        for _, statement in un.others:
            if type(statement) is S.Relation and type(statement.lhs) is S.Name:
                name = statement.lhs.name
                if name in un.elements:
                    head, subs = un.elements[name]
                    if statement.where is not None or statement.otherwise or statement.outside:
                        self.barred[head] = f"{name} is determined under a condition"
                        self.determined[head][self.places(head, np.array([subs]))] = True
                    else:
                        self._mark(head, np.array([subs]))

    def unknowns(self, head: str) -> np.ndarray:
        """Which members of an array are unknowns of implicit relations."""
        names = self.unrolled.names[head]
        return np.array([(n := names.get(tuple(s))) in self.unknown or n in self.opened
                         for s in self.members[head].tolist()], bool)

    def _open_rest(self) -> None:
        """Make equations of the relations that determine a few scalars of arrays of unknowns, as
        `q9 = d9` beside balances of all q, so that what is looked up is all of one kind."""
        un = self.unrolled
        kept: list[Block] = []
        for block in un.blocks:
            head = block.left.head
            rows = np.zeros(len(block.rows), bool)
            if block.left.columns and not is_equation(block) and self.unknowns(head).any():
                places = self.places(head, block.rows[:, list(block.left.columns)])
                rows = self.used[head][places]
            if not rows.any():
                kept.append(block)
                continue
            if not rows.all():
                kept.append(block.take(~rows))
            part = block.take(rows)
            self.opened |= {un.name(head, tuple(s))
                            for s in part.rows[:, list(block.left.columns)].tolist()}
            self.determined[head][places[rows]] = False
            self.reopened.update(part.statements.tolist())
            kept.append(as_equations(part))
        un.blocks = kept

    def _unsolved(self, superseded: list[tuple[str, list[str], int]]) -> None:
        """A relation whose left side is set from outside may have to determine another of its
        names, and so may one whose left side is given: the ordinary way sees to that."""
        un = self.unrolled
        given = {i.name for _, s in un.others if type(s) is S.Given for i in s.items}
        settled = {*self.known, *given, *CONSTANTS, *(b.left.head for b in un.blocks),
                   *(n for _, s in un.others for n in determined(s))}
        rows = [(name, read, {n for n in read if n not in settled and not self.is_determined(n)})
                for name, read, _ in superseded]
        if any(unknown for _, _, unknown in rows):
            self._check_needed(rows)
        if any(name in given for name, _, _ in superseded):
            raise Unliftable("what is given is determined, too")
        for name in given & un.elements.keys():
            head, subs = un.elements[name]
            defaults = un.defaults.get(head)
            if self.determined[head][self.places(head, np.array([subs]))][0] and (
                    defaults is None or not (defaults.subscripts == np.array(subs)).all(
                        axis=1).any()):
                raise Unliftable("what is given is determined, too")

    def _check_needed(self, rows: list[tuple[str, list[str], set[str]]]) -> None:
        """Raise `Unliftable` where a relation of what is set may be needed for what it holds: it is
        used elsewhere, or asked for, or nothing else uses what is set (see `solve.left_over`)."""
        un = self.unrolled
        uses: Counter[str] = Counter()
        for block in (*un.blocks, *self._away):
            for _, read in names_of_rows(block, un):
                uses.update(read)
        for _, statement in (*un.others, *self._away_others):
            uses.update(names_in(statement, left=False))
        finds = bool(self.find) or any(type(s) is S.Find for _, s in un.others)
        asked = {*self.find, *(i.name for _, s in un.others if type(s) is S.Find for i in s.items)}
        guessed = {s.target.name for _, s in un.others if type(s) is S.Guess}
        for name, read, unknown in rows:
            own = Counter(read)
            if unknown and ((not finds and not uses[name]) or any(
                    n in asked or n in guessed or uses[n] > own[n] for n in unknown)):
                raise Unliftable("a relation may have to be solved for another name")

    def is_determined(self, name: str) -> bool:
        """Whether a name is that of an element which something determines."""
        if name not in self.unrolled.elements:
            return False
        head, subs = self.unrolled.elements[name]
        return bool(self.determined[head][self.places(head, np.array([subs]))][0])

    def _mark(self, head: str, subs: np.ndarray) -> None:
        places = self.places(head, subs)
        marks = self.determined[head]
        again = marks[places]
        again[np.setdiff1d(np.arange(len(places)), np.unique(places, return_index=True)[1])] = True
        if again.any():
            name = self.unrolled.name(head, tuple(subs[again.argmax()].tolist()))
            raise Unliftable(f"{name} is determined twice")
        marks[places] = True

    def _bar(self) -> None:
        """The arrays whose scalars stand where elements of arrays cannot stand."""
        un = self.unrolled
        guesses: dict[str, list[S.Guess]] = {}
        for _, statement in un.others:
            match statement:
                case S.Relation() if type(statement.lhs) is S.Name:
                    inner = [n for p in expressions(statement) for n in in_subscripts(p)]
                    reason = "it stands in a subscript"
                case S.Relation() if is_implicit(statement):
                    inner = [n for p in expressions(statement) for n in in_subscripts(p)]
                    reason = "it stands in a subscript"
                case S.Guess(target=S.Name(name=name)):
                    inner = [] if name in un.elements else names_in(statement)
                    reason = "it stands in a guess"
                    if name in un.elements:
                        guesses.setdefault(un.elements[name][0], []).append(statement)
                case S.Relation() | S.Guess() | S.IndexDecl():
                    inner = names_in(statement)
                    reason = "it stands in a relation that does not determine one name"
                case S.Given():
                    inner = [i.name for i in statement.items if i.integer or i.pattern is not None]
                    reason = "it is declared with a type or a tensor"
                case _:
                    inner, reason = [], ""
            for name in inner:
                if name in un.elements:
                    self.barred.setdefault(un.elements[name][0], f"{name}: {reason}")
        for head, own in guesses.items():
            if not self._sayable(head, own):
                self.barred.setdefault(head, "its guesses are of many kinds")
        for head, table in self.members.items():
            size = prod((table.max(axis=0) - table.min(axis=0) + 1).tolist())
            if size > 8 * len(table) + 64:
                self.barred.setdefault(head, "its subscripts lie far apart")

    def _sayable(self, head: str, guesses: list[S.Guess]) -> bool:
        """Whether the guesses for members of an array can be one for the array: bounds are equal,
        and of all unknowns where there are any; few starts are unlike others."""
        bounds = {(g.lo, g.hi) for g in guesses}
        every = len(guesses) >= int(self.unknowns(head).sum())
        if len(bounds) > 1 or (bounds != {(None, None)} and not every):
            return False
        counts = Counter(g.value for g in guesses)
        return len(guesses) - (counts.most_common(1)[0][1] if every else 0) <= MOST_STARTS
