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
        relations.difference_update(apart)
        waiting, unknowns = list(relations), set()
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


def match(holds: Sequence[tuple[str, ...]], order: Iterable[str]) -> Matching:
    """A largest matching in which the unknowns that come first in `order` are served first: once
    matched, an unknown stays matched, so the matched set is the best by that order."""
    found = Matching(holds)
    users = found.users()
    for name in order:
        augment(name, users, found)
    return found


def augment(root: str, users: dict[str, list[int]], found: Matching) -> None:
    """Find a relation for `root`, moving others along an alternating path if need be."""
    came: dict[int, str] = {}
    waiting = [root]
    for name in waiting:  # breadth first: the shortest path moves the fewest
        for number in users.get(name, ()):
            if number in came:
                continue
            came[number] = name
            if number not in found.unknown_of:
                _shift(number, came, root, found)
                return
            waiting.append(found.unknown_of[number])


def _shift(number: int, came: dict[int, str], root: str, found: Matching) -> None:
    while True:
        name = came[number]
        before = found.relation_of.get(name)
        found.unknown_of[number], found.relation_of[name] = name, number
        if name == root:
            return
        number = before
