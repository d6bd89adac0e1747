"""Which scalars depend on themselves: the strongly connected components of explicit relations.

A recurrence, `s_2 = s_1 + a_2`, makes an array depend on itself, but none of its scalars. Where the
scalars do, as in `T_2 = (T_1 + T_3)/2`, they are solved for together.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hvm_vm.language import syntax as S

from .dots import readings
from .implicit import is_equation
from .read import Unrolled
from .skeleton import Block, refs
from .statements import determined, names_in


class ScalarGraph:
    """The scalars of a file as nodes, with edges from what an explicit relation determines to what
    it reads. `places`: where elements stand among the members of an array."""

    def __init__(
        self, unrolled: Unrolled, blocks: list[Block], others: list[S.Statement], places
    ) -> None:
        self._unrolled, self._places = unrolled, places
        self._blocks, self._others = blocks, others
        self._first: dict[str, int] = {}
        self._names: dict[str, int] = {}
        size = 0
        for head, table in unrolled.members.items():
            self._first[head] = size
            size += len(table)
        self._size = size

    def cyclic(self, head: str) -> np.ndarray:
        """Which members of an array depend on themselves."""
        first = self._first[head]
        labels = self._labels[first: first + len(self._unrolled.members[head])]
        return self._looping[labels]

    def ends(self) -> list[set[str]]:
        """The groups of scalars that depend on each other (or themselves) and that nothing else
        uses."""
        source, target = self._edges
        shared = np.zeros(self._size, bool)
        shared[: len(self._looping)] = self._looping
        across = self._labels[source] != self._labels[target]
        shared[self._labels[target[across]]] = False
        for number in self._used_elsewhere():
            shared[self._labels[number]] = False
        found: dict[int, set[str]] = {}
        for name, number in self._names.items():
            if shared[self._labels[number]]:
                found.setdefault(int(self._labels[number]), set()).add(name)
        for head, first in self._first.items():
            table = self._unrolled.members[head]
            labels = self._labels[first: first + len(table)]
            for place in np.flatnonzero(shared[labels]).tolist():
                name = self._unrolled.name(head, tuple(table[place].tolist()))
                found.setdefault(int(labels[place]), set()).add(name)
        return list(found.values())

    # -- the graph -----------------------------------------------------------------------------
    def _number(self, name: str) -> int:
        if name in self._unrolled.elements:
            head, subs = self._unrolled.elements[name]
            return self._first[head] + int(self._places(head, np.array([subs]))[0])
        if name not in self._names:
            self._names[name] = self._size
            self._size += 1
        return self._names[name]

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        sources: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        for block in self._blocks:
            if is_equation(block):
                continue
            own = self._left(block)
            for head, subs, rows in readings(block):
                sources.append(own[rows])
                targets.append(self._first[head] + self._places(head, subs))
            for name in {r.head for r in refs(block.right) if not r.columns}:
                sources.append(own)
                targets.append(np.full(len(own), self._number(name)))
        for statement in self._others:
            for name in determined(statement):
                read = [self._number(n) for n in names_in(statement, left=False)]
                sources.append(np.full(len(read), self._number(name)))
                targets.append(np.array(read, np.int64))
        if not sources:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return np.concatenate(sources), np.concatenate(targets)

    def _left(self, block: Block) -> np.ndarray:
        if not block.left.columns:
            return np.full(len(block.rows), self._number(block.left.head))
        subs = block.rows[:, list(block.left.columns)]
        return self._first[block.left.head] + self._places(block.left.head, subs)

    def _used_elsewhere(self) -> list[int]:
        """The scalars that implicit relations and other statements hold, but for `check`."""
        found: list[int] = []
        for block in self._blocks:
            if is_equation(block):
                for head, subs, _ in readings(block):
                    found += (self._first[head] + self._places(head, subs)).tolist()
                found += [self._number(r.head) for r in refs(block.right) if not r.columns]
        for statement in self._others:
            if type(statement) is S.Guess:
                names = [n.name for n in S.walk(statement.target) if type(n) is S.Name]
            elif type(statement) in (S.Relation, S.IndexDecl) and not determined(statement):
                names = names_in(statement)
            else:
                names = []
            found += [self._number(n) for n in names
                      if n in self._unrolled.elements or n in self._names]
        return found

    @cached_property
    def _labels(self) -> np.ndarray:
        source, target = self._edges
        graph = coo_array((np.ones(len(source), np.int8), (source, target)),
                          shape=(self._size, self._size)).tocsr()
        return connected_components(graph, directed=True, connection="strong")[1]

    @cached_property
    def _looping(self) -> np.ndarray:
        """By component: whether its scalars depend on themselves."""
        found = np.bincount(self._labels, minlength=self._size) > 1
        source, target = self._edges
        found[self._labels[source[source == target]]] = True
        return found
