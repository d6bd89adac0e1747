"""Elements that are determined one by one, gathered into boxes.

`y[1] = …; y[2] = …; y[3] = …` is three relations and one box, 1..3: what asks where y is determined
costs by the box and not by the relation.
"""

from __future__ import annotations

from collections.abc import Iterable

Box = tuple[tuple[int, int], ...]
"""The ends of a range along each axis, both included."""


def boxes(points: Iterable[tuple[int, ...]]) -> list[Box]:
    """Disjoint boxes that hold exactly `points`: neighbours are joined along one axis after the
    other, the last first."""
    found: list[Box] = [tuple((p, p) for p in point) for point in sorted(set(points))]
    for axis in reversed(range(len(found[0]) if found else 0)):
        rows: dict[Box, list[tuple[int, int]]] = {}
        for box in found:
            rows.setdefault(box[:axis] + box[axis + 1 :], []).append(box[axis])
        found = [
            (*rest[:axis], run, *rest[axis:])
            for rest, pieces in rows.items()
            for run in _joined(sorted(pieces))
        ]
    return sorted(found)


def _joined(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    runs = [pieces[0]]
    for lo, hi in pieces[1:]:
        if lo == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], hi
        else:
            runs.append((lo, hi))
    return runs
