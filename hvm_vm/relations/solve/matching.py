"""Relations matched to unknowns, and what a matching says about a system that does not fit.

A system is a bipartite graph: each relation holds some of the unknowns. A largest matching gives
as many relations as possible an unknown of their own (augmenting paths; Hopcroft and Karp 1973 is
faster where thousands of relations compete, which whole relations never do). Dulmage and
Mendelsohn (1958): what is reached by alternating paths from an unmatched relation is
over-determined, what is reached from an unmatched unknown is under-determined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Matching:
    """`relation_of[unknown]` and `unknown_of[relation]`, both by number or name."""

    holds: Sequence[tuple[str, ...]]
    unknown_of: dict[int, str] = field(default_factory=dict)
    relation_of: dict[str, int] = field(default_factory=dict)

    def users(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, names in enumerate(self.holds):
            for name in names:
                found.setdefault(name, []).append(number)
        return found

    def over_determined(self, apart: Iterable[int] = ()) -> tuple[list[int], list[str]]:
        """The relations that compete, and the unknowns that they compete for. Those `apart` have
        no unknown of their own and compete for none."""
        relations = {n for n in range(len(self.holds)) if n not in self.unknown_of}
        return self.leading_to(relations.difference(apart))

    def leading_to(self, relations: Iterable[int]) -> tuple[list[int], list[str]]:
        """The unknowns from which alternating paths lead to `relations`, and the relations that
        these paths go through."""
        relations, unknowns = set(relations), set()
        waiting = list(relations)
        while waiting:
            for name in self.holds[waiting.pop()]:
                if name not in unknowns:
                    unknowns.add(name)
                    other = self.relation_of.get(name)  # None for one that elements determine
                    if other is not None and other not in relations:
                        relations.add(other)
                        waiting.append(other)
        return sorted(relations), sorted(unknowns)

    def under_determined(self, unmatched: Iterable[str]) -> tuple[list[int], list[str]]:
        """The relations reached from `unmatched` unknowns, and all unknowns that they share."""
        users = self.users()
        unknowns = dict.fromkeys(unmatched)
        waiting, relations = list(unknowns), {}
        while waiting:
            for number in users.get(waiting.pop(), ()):
                if number in relations or number not in self.unknown_of:
                    continue
                relations[number] = None
                own = self.unknown_of[number]
                if own not in unknowns:
                    unknowns[own] = None
                    waiting.append(own)
        return sorted(relations), list(unknowns)

    def parts(self, unmatched: Iterable[str]) -> list[tuple[list[int], list[str]]]:
        """What `under_determined` finds, apart where it shares neither relations nor unknowns."""
        relations, unknowns = self.under_determined(unmatched)
        users = {name: [] for name in unknowns}
        for number in relations:
            for name in self.holds[number]:
                if name in users:
                    users[name].append(number)
        found, done = [], set()
        for first in unknowns:
            if first in done:
                continue
            done.add(first)
            names, mine = [first], {}
            for name in names:
                for number in users[name]:
                    if number not in mine:
                        mine[number] = None
                        more = [n for n in self.holds[number] if n in users and n not in done]
                        done.update(more)
                        names += more
            found.append((sorted(mine), names))
        return found


def match(holds: Sequence[tuple[str, ...]], order: Iterable[str]) -> Matching:
    """A largest matching in which the unknowns that come first in `order` are served first: once
    matched, an unknown stays matched, so the matched set is the best by that order."""
    found = Matching(holds)
    extend(found, order, found.users())
    return found


def extend(found: Matching, order: Iterable[str], users: dict[str, list[int]]) -> None:
    """Match more unknowns, first come, first served. `users`: the relations that may serve each."""
    full: set[int] = set()  # relations from which nothing leads to a free one, now and later
    for name in order:
        if name not in found.relation_of:
            augment(name, users, found, full)


def augment(
    root: str, users: dict[str, list[int]], found: Matching, full: set[int] | None = None
) -> None:
    """Find a relation for `root`, moving others along an alternating path if need be."""
    full = set() if full is None else full
    came: dict[int, str] = {}
    waiting = [root]
    for name in waiting:  # breadth first: the shortest path moves the fewest
        for number in users.get(name, ()):
            if number in came or number in full:
                continue
            came[number] = name
            if number not in found.unknown_of:
                _shift(number, came, root, found)
                return
            waiting.append(found.unknown_of[number])
    full.update(came)


def _shift(number: int, came: dict[int, str], root: str, found: Matching) -> None:
    while True:
        name = came[number]
        before = found.relation_of.get(name)
        found.unknown_of[number], found.relation_of[name] = name, number
        if name == root:
            return
        number = before
