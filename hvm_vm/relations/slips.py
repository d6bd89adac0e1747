"""Names that look like slips of the finger of other names.

Two names are one slip apart when one letter is missing, too many, another, or exchanged with its
neighbour: they then have a deletion of one letter in common, or one is a deletion of the other. The
names are looked up by their deletions, so that 10^5 of them cost no more than their text.
Source: W. Garbe's symmetric deletion (SymSpell, 2012), for distance 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LEAST = 3  # letters of a name: x and q are no slips of each other
LONGEST = 40  # letters of a name that is looked at

_DIGITS = re.compile(r"[\d_]+")


class Slips:
    """Finds the one of `names` that another name is a slip of."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = names
        self._by_deletion: dict[str, list[tuple[int, str]]] | None = None

    def of(self, name: str) -> str | None:
        """The first name, in the order given, that `name` is one slip away from."""
        letters = _DIGITS.sub("", name)
        if len(letters) < LEAST or len(name) > LONGEST:
            return None
        if self._by_deletion is None:
            self._by_deletion = {}
            for k, other in enumerate(self.names):
                if len(other) <= LONGEST:
                    for shorter in _deletions(other):
                        self._by_deletion.setdefault(shorter, []).append((k, other))
        found = None
        for shorter in _deletions(name):
            for k, other in self._by_deletion.get(shorter, ()):
                if (
                    (found is None or k < found[0])
                    and other != name
                    and one_slip(name, other)
                    and _DIGITS.sub("", other) != letters  # members of a family look alike
                ):
                    found = k, other
        return found[1] if found else None


def _deletions(name: str) -> set[str]:
    return {name, *(name[:k] + name[k + 1 :] for k in range(len(name)))}


def one_slip(a: str, b: str) -> bool:
    """Whether two different names are one slip apart."""
    if len(a) > len(b):
        a, b = b, a
    k = 0
    while k < len(a) and a[k] == b[k]:
        k += 1
    if len(a) < len(b):
        return a[k:] == b[k + 1 :]
    return a[k + 1 :] == b[k + 1 :] or (
        a[k + 2 :] == b[k + 2 :] and a[k : k + 2] == b[k : k + 2][::-1]
    )
