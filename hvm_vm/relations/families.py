"""Scalar families: `q1_1 … q3_2` are one array `q` to the API.

A name that ends in numbers may be a member of a family: `q1_2` and, where it is clear, `q12`. How a
run of digits without `_` is cut into subscripts is decided by the other members.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from math import prod

from .report import joined
from .system import FamilyMember, ScalarFamily

_TAIL = re.compile(r"^(.*?[^\W\d_])_?((?:[0-9]+_)*[0-9]+)$", re.DOTALL)
MAX_RANK = 6
MAX_DIGITS = 8  # longer runs are one number


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A name that could be cut in several ways."""

    name: str
    readings: tuple[tuple[int, ...], ...]


class Families:
    """The families of a set of scalar names."""

    def __init__(self, names, taken=frozenset()) -> None:
        """`names`: the scalars of the file. `taken`: names that no family may have."""
        self.subscripts: dict[str, tuple[str, tuple[int, ...]]] = {}
        self.groups: dict[str, dict[tuple[int, ...], str]] = {}
        self.ambiguous: dict[str, Ambiguous] = {}
        self.taken = taken
        self._rows: dict[str, dict[tuple[int, ...], list[tuple[int, str]]]] = {}
        bases: dict[str, list[tuple[str, str]]] = {}
        for name in names:
            match = _TAIL.match(name)
            if match:
                bases.setdefault(match[1], []).append((name, match[2]))
        for base, members in bases.items():
            self._group(base, members)

    def _group(self, base: str, members: list[tuple[str, str]]) -> None:
        certain: dict[str, tuple[int, ...]] = {}
        digits: list[tuple[str, str]] = []
        for name, tail in members:
            first, joint, second = tail.partition("_")
            if joint and "_" not in second:
                certain[name] = int(first), int(second)
            elif joint:
                certain[name] = tuple(map(int, tail.split("_")))
            elif len(tail) == 1 or len(tail) > MAX_DIGITS:
                certain[name] = (int(tail),)
            else:
                digits.append((name, tail))
        if digits:
            self._decide(certain, digits)
        # Members of different rank (x1 beside x1_1) are different families; the largest is `base`.
        ranks: dict[int, dict[tuple[int, ...], str]] = {}
        for name, subs in certain.items():
            others = ranks.get(len(subs))
            if others is None:
                others = ranks[len(subs)] = {}
            if subs in others:  # x1_1 beside x11: two names of one place
                self.ambiguous[name] = Ambiguous(name, (subs,))
                continue
            others[subs] = name
        for rank in ranks.values():
            self.subscripts.update((name, (base, subs)) for subs, name in rank.items())
        if ranks:
            best = max(ranks, key=lambda r: (len(ranks[r]), r))
            self.groups[base] = dict(sorted(ranks[best].items()))

    def _decide(self, certain: dict, digits: list[tuple[str, str]]) -> None:
        """Cut the digits of every doubtful name, or note that it cannot be decided."""
        lengths = {len(s) for s in certain.values()}
        if lengths == {1}:
            certain.update((name, (int(tail),)) for name, tail in digits)
            return
        shortest = min(len(tail) for _, tail in digits)
        ranks = lengths if len(lengths) == 1 else range(1, min(shortest, MAX_RANK) + 1)
        best = None
        for rank in ranks:
            options = [(name, _cuts(tail, rank)) for name, tail in digits]
            if any(not cuts for _, cuts in options):
                continue
            settled = {n: s for n, s in certain.items() if len(s) == rank}
            open_names = []
            for name, cuts in options:
                if len(cuts) == 1:
                    settled[name] = cuts[0]
                else:
                    open_names.append((name, cuts))
            unclear = _settle(settled, open_names)
            if len(set(settled.values())) < len(settled):
                continue
            score = _density(settled.values()) - len(unclear)
            if best is None or score > best[0]:
                best = (score, settled, unclear)
        if best is None:
            # Names of several ranks, x1 beside x12 and x123: only whole numbers are safe.
            for name, tail in digits:
                cuts = [c for rank in range(1, MAX_RANK + 1) for c in _cuts(tail, rank)]
                fit = [c for c in cuts if len(c) in lengths]
                if len(fit) == 1:
                    certain[name] = fit[0]
                else:
                    self.ambiguous[name] = Ambiguous(name, tuple(cuts))
            return
        certain.update(best[1])
        for name, cuts in best[2]:
            self.ambiguous[name] = Ambiguous(name, tuple(cuts))

    def report(self, seen, report) -> None:
        """Report the members whose subscripts cannot be told."""
        for name, doubt in self.ambiguous.items():
            if len(doubt.readings) > 1 and name in seen.first:
                base = _TAIL.match(name)[1]
                ways = [base + "_".join(map(str, r)) for r in doubt.readings]
                report.error(
                    f"the subscripts of {name} are not clear: {joined(ways[:4], 'or')}?",
                    seen.first[name],
                    help=f"separate them with _, such as {ways[0]}",
                )

    def base(self, name: str) -> str:
        """The name without its subscripts."""
        return _TAIL.match(name)[1]

    def settle(self, name: str, subs: tuple[int, ...]) -> None:
        """Read a doubtful name as the member at `subs`."""
        base = self.base(name)
        group = self.groups.setdefault(base, {})
        if subs in group:
            return
        del self.ambiguous[name]
        group[subs] = name
        self.groups[base] = dict(sorted(group.items()))
        self.subscripts[name] = (base, subs)
        self._rows.pop(base, None)

    # -- asking --------------------------------------------------------------------------------
    def names(self) -> list[str]:
        return list(self.groups)

    def members(self, family: str) -> list[str]:
        """The scalars of a family in the order of their subscripts."""
        return list(self.groups.get(family, {}).values())

    def row(self, name: str) -> list[tuple[int, str]]:
        """The members whose subscripts but the last equal those of `name`, by the last."""
        base, subs = self.subscripts[name]
        rows = self._rows.get(base)
        if rows is None:
            rows = self._rows[base] = {}
            for other, member in self.groups.get(base, {}).items():
                rows.setdefault(other[:-1], []).append((other[-1], member))
        return rows.get(subs[:-1], [])

    def spell(self, name: str, subs: tuple[int, ...]) -> str:
        """The member of `name`'s family at `subs`: as the file spells it, else like `name`."""
        base, own = self.subscripts[name]
        known = self.groups.get(base, {}).get(subs)
        if known is not None and len(own) == len(subs):
            return known
        match = _TAIL.match(name)
        lead = "_" if name[len(match[1])] == "_" else ""
        joint = "_" if "_" in match[2] or any(s > 9 for s in subs[1:]) else ""
        return match[1] + lead + joint.join(map(str, subs))

    def system(self, variables) -> tuple[ScalarFamily, ...]:
        """The families of at least two of `variables`, as the system lists them."""
        found = []
        for base, group in self.groups.items():
            members = [(s, n) for s, n in group.items() if n in variables]
            if len(members) < 2 or base in self.taken or base in variables:
                continue
            lo, shape = _box([s for s, _ in members])
            if prod(shape) > 8 * len(members) + 64:
                continue  # x1 beside x1990: no array that anybody means
            found.append(
                ScalarFamily(base, lo, shape, tuple(FamilyMember(n, s) for s, n in members))
            )
        return tuple(found)


def _cuts(digits: str, rank: int) -> list[tuple[int, ...]]:
    """The ways to cut a run of digits into `rank` numbers; 0 leads no number but 0."""
    if rank == 1:
        return [(int(digits),)]
    found = []
    for places in combinations(range(1, len(digits)), rank - 1):
        pieces = [digits[a:b] for a, b in zip((0, *places), (*places, len(digits)), strict=True)]
        if all(p == "0" or p[0] != "0" for p in pieces):
            found.append(tuple(map(int, pieces)))
    return found


def _settle(settled: dict, open_names: list) -> list:
    """Cut open names so that they stay in the range of the others; return what stays unclear."""
    unclear = open_names
    while unclear:
        taken = set(settled.values())
        rest = []
        for name, cuts in unclear:
            free = [c for c in cuts if c not in taken]
            if len(free) == 1:
                settled[name] = free[0]
            else:
                rest.append((name, free))
        if len(rest) == len(unclear):
            break
        unclear = rest
    if not unclear:
        return []
    lo, shape = _box(list(settled.values())) if settled else ((), ())
    rest = []
    taken = set(settled.values())
    for name, cuts in unclear:
        inside = [
            c for c in cuts
            if c not in taken
            and all(a <= s < a + n for s, a, n in zip(c, lo, shape, strict=False))
        ]
        if settled and len(inside) == 1:
            settled[name] = inside[0]
        else:
            rest.append((name, cuts))
    return rest


def _box(subscripts: list[tuple[int, ...]]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    lo = tuple(map(min, zip(*subscripts, strict=True)))
    hi = tuple(map(max, zip(*subscripts, strict=True)))
    return lo, tuple(b - a + 1 for a, b in zip(lo, hi, strict=True))


def _density(subscripts) -> float:
    """How well subscripts fill their range; those that start at 0 or 1 are preferred."""
    subscripts = list(subscripts)
    if not subscripts:
        return 0.0
    lo, shape = _box(subscripts)
    return len(subscripts) / prod(shape) + (0.5 if all(a <= 1 for a in lo) else 0.0)
