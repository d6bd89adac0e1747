"""Which array element each scalar is.

`hꀀ_qꀀ_ꀀ` (the skeleton of h2_q1_1) names elements of one array with three subscripts. A single
run of digits at the end, as in s12, is cut as `Families` decides by all the members of the family.
The array of a skeleton is its `head`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from hvm_vm.relations.families import Families

from .scan import DIGITS

_TAIL = re.compile(f"_?((?:{DIGITS}_)*{DIGITS})$")


class Unliftable(Exception):
    """Why nothing of a file can be lifted; it is compiled as it stands."""


class Slip(Unliftable):
    """Lifting itself failed, which is no matter of the file's."""


@dataclass
class Spelling:
    """How the scalars of one skeleton name elements of `head`: by their numbers as they are, or
    (`table`) by the row of `table[1]` that stands where `table[0]` holds their code."""

    skeleton: str
    head: str
    rank: int
    radix: tuple[int, ...]
    table: tuple[np.ndarray, np.ndarray] | None = None

    def subscripts(self, numbers: np.ndarray) -> np.ndarray:
        """int64[n, rank] from the numbers in the names, int64[n, runs]."""
        if self.table is None:
            return numbers
        codes, subs = self.table
        return subs[np.searchsorted(codes, coded(numbers, self.radix))]


def coded(numbers: np.ndarray, radix) -> np.ndarray:
    """One integer for each row; the order is that of the rows."""
    code = np.zeros(len(numbers), np.int64)
    for k, base in enumerate(radix):
        code = code * base + numbers[:, k]
    return code


def radix_of(highest) -> tuple[int, ...]:
    """Bases for `coded`. Raises `Unliftable` when the codes would overflow."""
    radix = tuple(int(h) + 1 for h in highest)
    product = 1
    for base in radix:
        product *= base
    if product >= 1 << 62:
        raise Unliftable("the numbers in the names are too large")
    return radix


def distinct(numbers: np.ndarray) -> np.ndarray:
    """The distinct rows, sorted; none negative."""
    if not len(numbers) or not numbers.shape[1]:
        return numbers[:1]
    try:
        radix = radix_of(numbers.max(axis=0))
    except Unliftable:  # too many columns for codes
        return np.unique(numbers, axis=0)
    code = coded(numbers, radix)
    size = int(np.prod([float(r) for r in radix]))
    if size <= 4 * len(code) + 1000:
        mask = np.zeros(size, bool)
        mask[code] = True
        code = np.flatnonzero(mask)
    else:
        code = np.unique(code)
    out = np.empty((len(code), len(radix)), np.int64)
    for k in range(len(radix) - 1, -1, -1):
        code, out[:, k] = np.divmod(code, radix[k])
    return out


def first_places(numbers: np.ndarray) -> np.ndarray:
    """Where each distinct row stands first, in the order of the sorted rows."""
    try:
        code = coded(numbers, radix_of(numbers.max(axis=0)))
    except Unliftable:
        return np.unique(numbers, axis=0, return_index=True)[1]
    return np.unique(code, return_index=True)[1]


def names_of(skeleton: str, numbers: np.ndarray) -> list[str]:
    """The scalars of a skeleton."""
    pieces = skeleton.split(DIGITS)
    if len(pieces) == 2 and not pieces[1]:
        return [f"{pieces[0]}{a}" for (a,) in numbers.tolist()]
    if len(pieces) == 3 and not pieces[2]:
        first, middle, _ = pieces
        return [f"{first}{a}{middle}{b}" for a, b in numbers.tolist()]
    form = "{}".join(p.replace("{", "{{").replace("}", "}}") for p in pieces)
    return [form.format(*row) for row in numbers.tolist()]


def spellings(found: dict[str, np.ndarray], families: Families) -> dict[str, Spelling]:
    """The spelling of every skeleton; `found` holds its distinct numbers.

    Raises `Unliftable` when a name's subscripts are not clear: the ordinary way says so."""
    spelled = {}
    for skeleton, numbers in found.items():
        tail = _TAIL.search(skeleton)
        runs = numbers.shape[1]
        if tail is None:
            spelled[skeleton] = Spelling(skeleton, f"{skeleton}|{runs}", runs, ())
            continue
        base, length = skeleton[: tail.start()], tail[1].count(DIGITS)
        names = names_of(skeleton, numbers)
        subs = [families.subscripts.get(name) for name in names]
        if None in subs:
            raise Unliftable(f"the subscripts of {names[subs.index(None)]} are not clear")
        ranks = {len(s) for _, s in subs}
        if len(ranks) > 1:
            raise Unliftable(f"{base} has members with different numbers of subscripts")
        rank = ranks.pop()
        if base.endswith("0") and subs[0][0] == base.rstrip("0"):
            base = base.rstrip("0")  # the zeros of h01 are a subscript
        if rank == length:
            spelled[skeleton] = Spelling(skeleton, f"{base}|{runs}", runs, ())
            continue
        radix = radix_of(numbers.max(axis=0))
        leading = runs - length
        rows = np.empty((len(names), leading + rank), np.int64)
        rows[:, :leading] = numbers[:, :leading]
        rows[:, leading:] = [s for _, s in subs]
        spelled[skeleton] = Spelling(
            skeleton, f"{base}|{leading + rank}", leading + rank, radix,
            (coded(numbers, radix), rows))
    return spelled


def array_name(head: str) -> str:
    """What the array of a head is called: its letters."""
    base = head.rpartition("|")[0]
    base = re.sub(r"@[0-9]+=([0-9]+)", r"\1", base)
    pieces = [p.strip("_") for p in base.split(DIGITS)]
    return "_".join(p for p in pieces if p) or "_"
