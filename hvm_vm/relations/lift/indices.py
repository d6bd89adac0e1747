"""Index names for ranges: one group of letters for each range, none of which the file uses."""

from __future__ import annotations

from hvm_vm.language import syntax as S

from .forms import integer

_LETTERS = ("t", "u", "w"), ("i", "j", "l"), ("m", "n", "p"), ("c", "d", "e"), ("r", "y", "z")
_MORE = "abcdefghijklmnopqrstuvwxyz"


class Indices:
    """The indices of a lifted file. `taken`: names that no index may have."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.groups: dict[tuple[int, int], list[str]] = {}
        self._reserved: dict[tuple[int, int], list[str]] = {}
        free = [[name for name in group if name not in taken] for group in _LETTERS]
        self._letters = [group for group in free if len(group) > 1]

    def get(self, lo: int, hi: int, used) -> str:
        """An index over `lo..hi` that is not among `used`."""
        group = self.groups.setdefault((lo, hi), [])
        for name in group:
            if name not in used:
                return name
        if not group and self._letters:
            letters = self._letters.pop(0)
            self.taken.update(letters)
            self._reserved[lo, hi] = list(letters)
        reserved = self._reserved.get((lo, hi))
        name = reserved.pop(0) if reserved else self._fresh(group[0][0] if group else "i")
        group.append(name)
        return name

    def _fresh(self, base: str) -> str:
        more = (*_MORE, *(base + c for c in _MORE), *(f"i{base}{c}" for c in _MORE))
        name = next((n for n in more if n not in self.taken), None)
        k = 1
        while name is None:
            name = f"i_{k}" if f"i_{k}" not in self.taken else None
            k += 1
        self.taken.add(name)
        return name

    def declarations(self) -> list[S.IndexDecl]:
        return [
            S.IndexDecl(tuple(S.Name(n) for n in names), integer(lo), integer(hi))
            for (lo, hi), names in self.groups.items()
        ]
