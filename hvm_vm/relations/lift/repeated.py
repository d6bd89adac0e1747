"""Scalars that several relations are written for: one determines the scalar, the others are
equations, as `relations.solve.repeated` has it.

    q20 = k*(T19 - T20)         determines q20
    q20 = h20                   is to be solved for h20
"""

from __future__ import annotations

from collections.abc import Callable, Container

import numpy as np

from .dots import readings
from .implicit import as_equations, is_equation
from .read import Unrolled
from .skeleton import Block, refs

Places = Callable[[str, np.ndarray], np.ndarray]


def one_each(un: Unrolled, places: Places, settled: Container[str]) -> list[Block]:
    """Make equations of all but one of the relations for a scalar, where what they read leaves
    something to be solved for. `settled`: plain names that are set or determined. Scalars of which
    that is not so stay as they are, determined twice. The equations are returned."""
    counts = {h: np.zeros(len(m), np.int64) for h, m in un.members.items()}
    constant = {h: np.zeros(len(m), bool) for h, m in un.members.items()}
    lefts = {}
    for k, block in enumerate(un.blocks):
        if block.left.columns and not is_equation(block):
            lefts[k] = places(block.left.head, block.rows[:, list(block.left.columns)])
            np.add.at(counts[block.left.head], lefts[k], 1)
    for head, defaults in un.defaults.items():
        own = places(head, defaults.subscripts)
        np.add.at(counts[head], own, 1)
        constant[head][own] = True
    if not any((c > 1).any() for c in counts.values()):
        return []
    chosen: dict[tuple[str, int], tuple[int, int, int, int]] = {}
    crowded: dict[int, np.ndarray] = {}
    open_: dict[tuple[str, int], bool] = {}
    for k, own in lefts.items():
        block = un.blocks[k]
        crowded[k] = np.flatnonzero(counts[block.left.head][own] > 1)
        if not len(crowded[k]):
            continue
        missing = _missing(un, block, crowded[k], counts, places, settled)
        for row, place, miss in zip(
                crowded[k].tolist(), own[crowded[k]].tolist(), missing.tolist(), strict=True):
            key = block.left.head, place
            # Any may determine the scalar; one that is like those of its neighbours says it best.
            rank = -len(block.rows), int(block.statements[row]), k, row
            open_[key] = open_.get(key, False) or miss > 0
            if key not in chosen or rank < chosen[key]:
                chosen[key] = rank
    blocks: list[Block] = []
    made: list[Block] = []
    for k, block in enumerate(un.blocks):
        rows = [r for r in crowded.get(k, np.zeros(0, int)).tolist()
                if _is_equation(block.left.head, int(lefts[k][r]), (k, r), chosen, open_, constant)]
        if not rows:
            blocks.append(block)
            continue
        rest = np.ones(len(block.rows), bool)
        rest[rows] = False
        if rest.any():
            blocks.append(block.take(rest))
        made.append(as_equations(block.take(rows)))
    un.blocks[:] = [*blocks, *made]
    return made


def _is_equation(head: str, place: int, which: tuple[int, int], chosen, open_, constant) -> bool:
    """Whether a relation is one of those that do not determine their scalar."""
    key = head, place
    return open_[key] and (bool(constant[head][place]) or chosen[key][2:] != which)


def _missing(un: Unrolled, block: Block, rows: np.ndarray, counts, places: Places,
             settled: Container[str]) -> np.ndarray:
    """How many of the scalars that some relations of a block read nothing determines."""
    part = block.take(rows)
    found = np.zeros(len(rows), np.int64)
    for head, subs, numbers in readings(part):
        if un.names[head]:  # else constants
            np.add.at(found, numbers, counts[head][places(head, subs)] == 0)
    found += sum(r.head not in settled for r in refs(block.right) if not r.columns)
    return found
