"""The arena: one block of memory in which every register has its place.

Registers whose lives do not meet share bytes. A register lives from the first instruction that
writes it to the last that touches it, both included. Placing is best fit over the lives, largest
registers first (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference",
2020: greedy by size), in steps of 64 bytes.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from heapq import heappop, heappush

ALIGNMENT = 64
MANY = 1500  # registers; best fit compares every pair


@dataclass(frozen=True, slots=True)
class Life:
    """A register's need: its bytes, and the first and last instruction (inclusive) that use it."""

    register: int
    size: int
    first: int
    last: int


def plan(lives: list[Life]) -> tuple[dict[int, int], int]:
    """The byte offset of every register, and the arena's size."""
    if len(lives) > MANY:
        return _plan_by_classes(lives)
    offsets: dict[int, int] = {}
    placed: list[tuple[int, int, Life]] = []  # (offset, end, life), by rising offset
    total = 0
    for life in sorted(lives, key=lambda one: (-one.size, one.first, one.register)):
        size = -(-life.size // ALIGNMENT) * ALIGNMENT
        offset = _best_fit(placed, life, size)
        offsets[life.register] = offset
        if size:
            insort(placed, (offset, offset + size, life), key=lambda entry: entry[:2])
        total = max(total, offset + size)
    return offsets, total


def _best_fit(placed, life: Life, size: int) -> int:
    """The smallest gap that holds `size` bytes between registers alive at the same time."""
    best = None
    best_gap = None
    end = 0
    for start, stop, other in placed:
        if other.last < life.first or life.last < other.first:
            continue
        gap = start - end
        if gap >= size and (best_gap is None or gap < best_gap):
            best, best_gap = end, gap
        end = max(end, stop)
    return end if best is None else best


def _plan_by_classes(lives: list[Life]) -> tuple[dict[int, int], int]:
    """A linear scan that reuses the places of dead registers of the same size: for programs of very
    many registers, which are scalars."""
    offsets: dict[int, int] = {}
    free: dict[int, list[int]] = {}
    dying: list[tuple[int, int, int]] = []  # (last, offset, size)
    total = 0
    for life in sorted(lives, key=lambda one: (one.first, one.register)):
        while dying and dying[0][0] < life.first:
            _, offset, size = heappop(dying)
            free.setdefault(size, []).append(offset)
        size = -(-life.size // ALIGNMENT) * ALIGNMENT
        if free.get(size):
            offset = free[size].pop()
        else:
            offset, total = total, total + size
        offsets[life.register] = offset
        heappush(dying, (life.last, offset, size))
    return offsets, total
