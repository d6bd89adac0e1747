"""From what families share to subscripts.

Partitions that are shared are axes: one numbering of the labels for all families. A partition may
be made of several: in Q[h,t,c] the meetings with Wq tell only (h,c) and those with S only (h,t).
What two of them have in common (their join) is an axis, h; the rest of a pair beside it is another,
c.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from .partitions import Family, Link, numbered

ROUNDS = 4


@dataclass
class Axis:
    """The labels of an axis. `values`: their numbers where a family fixes them. `coarser`: for
    other axes, the label there for each label here."""

    size: int
    values: np.ndarray | None = None
    coarser: dict[int, np.ndarray] = field(default_factory=dict)


class Axes:
    """The axes of some families. `fixed`: the subscripts of families whose names say them."""

    def __init__(self, families: list[Family], links: list[Link],
                 fixed: dict[int, np.ndarray]) -> None:
        self.families = families
        self.fixed = fixed
        self.axes: list[Axis] = []
        self.node: dict[tuple[int, int], tuple[int, np.ndarray]] = {}  # -> axis, its labels
        self.rests: dict[tuple[int, tuple[int, ...]], int] = {}
        self._unite(links)
        for _ in range(ROUNDS):
            if not self._compare():
                break
        self._number()

    # -- one axis for partitions that are the same ----------------------------------------------
    def _unite(self, links: list[Link]) -> None:
        near: dict[tuple[int, int], list[tuple[tuple[int, int], np.ndarray]]] = {}
        for link in links:
            near.setdefault(link.first, []).append((link.second, link.labels))
            back = np.empty(len(link.labels), np.int64)
            back[link.labels] = np.arange(len(link.labels))
            near.setdefault(link.second, []).append((link.first, back))
        for number, family in enumerate(self.families):
            for partition, labels in enumerate(family.partitions):
                root = number, partition
                if root in self.node:
                    continue
                size = int(labels.max()) + 1
                self.axes.append(Axis(size))
                self.node[root] = len(self.axes) - 1, np.arange(size)
                work = [root]
                while work:
                    at = work.pop()
                    _, own = self.node[at]
                    for other, across in near.get(at, ()):
                        if other not in self.node:
                            translated = np.empty(len(across), np.int64)
                            translated[across] = own
                            self.node[other] = len(self.axes) - 1, translated
                            work.append(other)

    def labels(self, number: int, partition: int) -> tuple[int, np.ndarray]:
        """The axis of a partition, and the label on it of every name."""
        axis, translated = self.node[number, partition]
        return axis, translated[self.families[number].partitions[partition]]

    # -- axes that are parts of others ----------------------------------------------------------
    def _compare(self) -> bool:
        """Find which axes are coarser than which, and joins; whether there was anything new."""
        news = False
        for number, family in enumerate(self.families):
            for p in range(len(family.partitions)):
                for q in range(p):
                    news |= self._compare_two(number, p, q)
        for number, family in enumerate(self.families):
            for p in range(len(family.partitions)):
                axis, labels = self.labels(number, p)
                for other, down in list(self.axes[axis].coarser.items()):
                    if self.node[number, p][0] == axis:
                        news |= self._add(number, down[labels], other)
        return news

    def _compare_two(self, number: int, p: int, q: int) -> bool:
        family = self.families[number]
        fine, coarse = (p, q) if family.partitions[p].max() > family.partitions[q].max() else (q, p)
        a, b = family.partitions[fine], family.partitions[coarse]
        both = len(np.unique(a * (b.max() + 1) + b))
        axis, la = self.labels(number, fine)
        other, lb = self.labels(number, coarse)
        if both == a.max() + 1:
            if axis == other or other in self.axes[axis].coarser:
                return False
            down = np.zeros(self.axes[axis].size, np.int64)
            down[la] = lb
            self.axes[axis].coarser[other] = down
            return True
        size = int(a.max() + b.max() + 2)
        count, label = connected_components(
            csr_matrix((np.ones(len(a), np.int8), (a, b + a.max() + 1)), (size, size)),
            directed=False)
        if not 1 < count <= min(a.max(), b.max()):
            return False
        return self._add(number, label[a], None)

    def _add(self, number: int, labels: np.ndarray, axis: int | None) -> bool:
        """Add a partition, by its labels on an axis or on a new one."""
        family = self.families[number]
        before = len(family.partitions)
        partition = family.add(labels)
        if partition is None:
            return False
        if len(family.partitions) == before:
            return axis is not None and self._same(number, partition, labels, axis)
        own = family.partitions[partition]
        translated = np.arange(own.max() + 1)
        if axis is None:
            self.axes.append(Axis(len(translated)))
            axis = len(self.axes) - 1
        else:
            translated[own] = labels
        self.node[number, partition] = axis, translated
        return True

    def _same(self, number: int, partition: int, labels: np.ndarray, axis: int) -> bool:
        """A partition that is there already turns out to be of another axis, by its labels there:
        the two axes are one. Whether that was new."""
        other, own = self.labels(number, partition)
        if other == axis or self.axes[other].size != self.axes[axis].size:
            return False
        across = np.empty(self.axes[other].size, np.int64)
        across[own] = labels
        for place, (of, translated) in self.node.items():
            if of == other:
                self.node[place] = axis, across[translated]
        gone = self.axes[other]
        for coarse, down in gone.coarser.items():
            if coarse != axis and coarse not in self.axes[axis].coarser:
                moved = np.empty(len(down), np.int64)
                moved[across] = down
                self.axes[axis].coarser[coarse] = moved
        gone.coarser.clear()
        for one in self.axes:
            down = one.coarser.pop(other, None)
            if down is not None and one is not self.axes[axis] and axis not in one.coarser:
                one.coarser[axis] = across[down]
        return True

    # -- numbers --------------------------------------------------------------------------------
    def _number(self) -> None:
        """The numbers of labels: those of families whose subscripts are known; else in the order in
        which rows grow, as in a triangle; else in the order of the text."""
        for number, subscripts in self.fixed.items():
            for column in subscripts.T:
                partition = self.families[number].known.get(numbered(column).tobytes())
                if partition is None:
                    continue
                axis, labels = self.labels(number, partition)
                if self.axes[axis].values is None:
                    values = np.zeros(self.axes[axis].size, np.int64)
                    values[labels] = column
                    self.axes[axis].values = values
        for number, family in enumerate(self.families):
            for partition in range(len(family.partitions)):
                axis, labels = self.labels(number, partition)
                if self.axes[axis].values is None:
                    counts = np.bincount(labels, minlength=self.axes[axis].size)
                    if len(np.unique(counts)) > 2:
                        self.axes[axis].values = _ranks(counts, np.arange(len(counts)))
        for axis in self.axes:
            if axis.values is None:
                axis.values = np.arange(1, axis.size + 1)

    # -- subscripts -----------------------------------------------------------------------------
    def subscripts(self, number: int) -> np.ndarray:
        """The subscripts of a family's names, int64[names, rank]."""
        family = self.families[number]
        chosen: list[np.ndarray] = []
        joint = np.zeros(len(family.names), np.int64)
        order = sorted(range(len(family.partitions)),
                       key=lambda p: (int(family.partitions[p].max()), p))
        taken: list[tuple[int, np.ndarray]] = []
        for partition in order:
            own = family.partitions[partition]
            both = numbered(joint * (own.max() + 1) + own)
            if both.max() == joint.max():
                continue  # told by those that are chosen
            axis, labels = self.labels(number, partition)
            parts = [(a, ls) for a, ls in taken if a in self.axes[axis].coarser]
            if parts:
                chosen.append(self._rest(axis, tuple(a for a, _ in parts))[labels])
            else:
                chosen.append(self.axes[axis].values[labels])
            taken.append((axis, labels))
            joint = both
            if joint.max() + 1 == len(joint):
                break
        if joint.max() + 1 < len(joint):
            chosen.append(_within(joint))
        # The subscript that changes least from name to name comes first.
        return np.stack(sorted(chosen, key=lambda c: int((np.diff(c) != 0).sum())), axis=1)

    def _rest(self, axis: int, parts: tuple[int, ...]) -> np.ndarray:
        """The numbers of an axis within the labels of coarser ones."""
        own = self.axes[axis]
        code = np.zeros(own.size, np.int64)
        for part in parts:
            code = code * self.axes[part].size + own.coarser[part]
        order = np.argsort(own.values, kind="stable")
        found = np.empty(own.size, np.int64)
        found[order] = _within(numbered(code[order]))
        return found


def _ranks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The ranks, from 1, by `first`, then `second`."""
    found = np.empty(len(first), np.int64)
    found[np.lexsort([second, first])] = np.arange(1, len(first) + 1)
    return found


def _within(groups: np.ndarray) -> np.ndarray:
    """For each element its number, from 1, among those of its group."""
    order = np.argsort(groups, kind="stable")
    sorted_ = groups[order]
    _, start, inverse = np.unique(sorted_, return_index=True, return_inverse=True)
    found = np.empty(len(groups), np.int64)
    found[order] = np.arange(len(groups)) - start[inverse.reshape(-1)] + 1
    return found
