"""Terms at a single point, such as those of relations between scalars: a system of many has as many
terms as that, so they are evaluated all at once, and not one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from hvm_vm.engines.bound import BoundInstruction

if TYPE_CHECKING:
    from hvm_vm.engines.systems.pattern import Entry

FEW = 16  # terms, which are as well evaluated one by one


def _none() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class Singles:
    """`terms` are (part, node) pairs, `parts` and `rows` the part and the equation of each;
    `slopes` are such pairs, too, and `places` say where each stands among those of all entries."""

    terms: tuple[tuple[int, int], ...] = ()
    parts: np.ndarray = field(default_factory=_none)
    rows: np.ndarray = field(default_factory=_none)
    slopes: tuple[tuple[int, int], ...] = ()
    places: np.ndarray = field(default_factory=_none)


def is_single(part) -> bool:
    """Whether a part is a term without a condition at one point, of one batch point."""
    return part.role == "term" and part.one.roots[1] < 0 and prod(part.one.extents) == 1


def singles(
    one: BoundInstruction, points: list[np.ndarray], first: list[int], entries: list[Entry]
) -> Singles:
    """The single terms of a system with one batch point, and the slopes of such."""
    terms, parts, rows = [], [], []
    for k, part in enumerate(one.parts):
        if is_single(part) and len(points[part.number]) == 1:
            terms.append((k, part.one.roots[0]))
            parts.append(k)
            rows.append(first[part.number])
    if len(terms) <= FEW:
        return Singles()
    slopes, places, at = [], [], 0
    own = set(parts)
    for entry in entries:
        if entry.part in own and entry.guard < 0 and entry.pick is None:
            slopes.append((entry.part, entry.root))
            places.append(at)
        at += len(entry.rows)
    return Singles(tuple(terms), np.array(parts, np.int64), np.array(rows, np.int64),
                   tuple(slopes), np.array(places, np.int64))
