"""Arrays that depend on themselves: systems, recurrences, steps that are arrays of their own, or
none of these.

    T_2 = (T_1 + T_3)/2        a system: the scalars depend on themselves
    i_2 = i_3 + j_2            part of one, if relations to be solved make j depend on i
    x_2_5 = f(x_1_5, x_1_6)    an array for each value of the first subscript
    s_2 = s_1 + a_2            a recurrence, of one instruction if its steps are elementwise
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from hvm_vm.relations.order import components

from .dots import elements, readings
from .facts import Facts
from .implicit import LEAST, is_equation, is_head
from .pieces import MOST_HOLES, Piece
from .scalar_graph import ScalarGraph
from .skeleton import Block, refs
from .statements import determined, names_in
from .walks import steps_walked

MOST_NAMED = 8  # values of a subscript that may be parts of names
FEW_STEPS = 3  # of a recurrence are arrays of their own where that works


class SetApart(Exception):
    """Arrays depend on themselves; set apart by a subscript (`places`) they may not."""

    def __init__(self, places: dict[str, int]) -> None:
        super().__init__()
        self.places = places


class Cycles(Facts):
    """Judges arrays that depend on themselves. `solved`: those that are solved for."""

    solved: set[str]

    def recurring(self, found: list[Piece], lone: list[Piece], arrays: set[str]) -> set[str] | None:
        """Arrays that depend on themselves and are neither a system nor a recurrence that can be
        lifted, or None. Raises `SetApart` where that would help."""
        self.solved = set()
        for group in self.cycles(found, lone, arrays):
            inside = group & arrays
            # Few equations are solved as scalars: recurrences around them stay recurrences.
            rows = sum(len(p.block.rows) for p in found if p.head in group and is_head(p.head))
            if rows < LEAST:
                steps = steps_walked(found, lone, inside) if group == inside else 0
                places = self.apart(found, inside) if steps <= FEW_STEPS else {}
                if steps and not places:
                    continue
                if not places and not self._is_solved(inside):
                    places = self._uneven(inside)
                if places:
                    raise SetApart(places)
                if not self._is_solved(inside):
                    return inside
            if any(self.gaps(h) > MOST_HOLES for h in inside):
                return inside
            self.solved |= inside
        return None

    def cycles(self, found: list[Piece], lone: list[Piece], arrays: set[str]) -> list[set[str]]:
        """The groups of names that depend on each other and hold arrays. A group holds the head of
        equations (see `implicit`) where its arrays depend on each other by way of them."""
        reads = self._reads(found, lone, arrays)
        groups = components(list(reads), lambda n: reads[n])
        return [set(c) for c in groups if (len(c) > 1 or c[0] in reads[c[0]])
                and arrays.intersection(c)]

    def _is_solved(self, heads: set[str]) -> bool:
        """Whether most of the scalars of arrays that depend on themselves do so, too (but for
        defaults, which depend on nothing)."""
        defaults = self.unrolled.defaults
        count = sum(int(self.determined[h].sum()) - len(
            defaults[h].subscripts if h in defaults else ()) for h in heads)
        cyclic = sum(int(self.graph.cyclic(h).sum()) for h in heads)
        return cyclic >= LEAST and 2 * cyclic >= count

    def is_cyclic(self) -> bool:
        """Whether most of the scalars that relations determine depend on themselves."""
        return self._is_solved({b.left.head for b in self.unrolled.blocks if b.left.columns
                                and not is_equation(b)})

    def are_cyclic(self, blocks: list[Block]) -> bool:
        """Whether most of the scalars that some relations determine depend on themselves."""
        count = cyclic = 0
        for block in blocks:
            places = self.places(block.left.head, block.rows[:, list(block.left.columns)])
            count += len(places)
            cyclic += int(self.graph.cyclic(block.left.head)[places].sum())
        return 2 * cyclic > count

    @cached_property
    def graph(self) -> ScalarGraph:
        un = self.unrolled
        return ScalarGraph(un, un.blocks, [s for _, s in un.others], self.places)

    def ends(self) -> list[set[str]]:
        """The groups of scalars that depend on each other and that nothing else uses. What is set
        from outside is taken for determined here: it does not change what the results are."""
        un = self.unrolled
        blocks = [*un.blocks, *self._away]
        others = [s for _, s in (*self._away_others, *un.others)]
        reads: dict[str, set[str]] = {}
        for block in blocks:
            heads = {r.head for r in refs(block.right)}
            reads.setdefault(block.left.head, set()).update(heads)
        for statement in others:
            for name in determined(statement):
                names = names_in(statement, left=False)
                heads = {un.elements[n][0] if n in un.elements else n for n in names}
                node = un.elements[name][0] if name in un.elements else name
                reads.setdefault(node, set()).update(heads)
        groups = components(list(reads), lambda n: tuple(m for m in reads[n] if m in reads))
        if all(len(g) == 1 and g[0] not in reads[g[0]] for g in groups):
            return []
        return ScalarGraph(un, blocks, others, self.places).ends()

    def _reads(self, found: list[Piece], lone: list[Piece], arrays) -> dict[str, set[str]]:
        """What each array, scalar, and group of equations depends on."""
        own = self.unrolled.elements
        reads: dict[str, set[str]] = {}
        for piece in (*found, *lone):
            target = reads.setdefault(self._node(piece, arrays), set())
            for ref in refs(piece.block.right):
                if ref.head in arrays or not ref.columns:
                    target.add(ref.head)
                else:
                    for head, subs in (e for b in piece.blocks for e in elements(b)):
                        if head == ref.head and self.unrolled.names[head]:  # else constants
                            target |= {self.unrolled.name(head, tuple(s)) for s in subs.tolist()}
        for _, statement in self.unrolled.others:
            for name in determined(statement):
                node = own[name][0] if name in own else name
                node = node if node in arrays else name
                target = reads.setdefault(node, set())
                for other in names_in(statement, left=False):
                    head = own[other][0] if other in own else other
                    target.add(head if head in arrays else other)
        for node in [n for target in reads.values() for n in target if n not in reads]:
            reads[node] = set()
        self._solve(reads, arrays)
        return reads

    def _solve(self, reads: dict[str, set[str]], arrays: set[str]) -> None:
        """Unknowns depend on the equations that hold them, or, where none does, on all: what they
        hold depends on such unknowns."""
        equations = [n for n in reads if is_head(n)]
        for node in [n for n in reads if equations and not is_head(n)]:
            if self.open(node) if node in arrays else (
                    node in self.unknown or node in self.opened):
                holding = [e for e in equations if node in reads[e]]
                reads[node].update(holding or equations)

    def open(self, head: str) -> bool:
        """Whether an array has unknowns of implicit relations."""
        return bool(self.unknown) and bool(self.unknowns(head).any())

    def _node(self, piece: Piece, arrays) -> str:
        if is_equation(piece.block) or piece.head in arrays or not piece.block.left.columns:
            return piece.head
        axes = len(piece.block.left.columns)
        return self.unrolled.name(piece.head, tuple(piece.block.rows[0, :axes].tolist()))

    def apart(self, found: list[Piece], cycle: set[str]) -> dict[str, int]:
        """The subscript that tells apart the arrays of a cycle: along it, every one depends on
        earlier ones (or later ones) only, or on the same ones, without a cycle or as a system."""
        ranks = {h: self.members[h].shape[1] for h in cycle}
        if min(ranks.values()) < 2:
            return {}
        for place in range(min(ranks.values())):
            level = self._level(found, cycle, place)
            if level is None:
                continue
            if all((len(c) == 1 and c[0] not in level[c[0]]) or self._is_solved(set(c))
                   for c in components(list(level), lambda n, level=level: level[n])):
                return dict.fromkeys(cycle, place)
        return {}

    def _uneven(self, cycle: set[str]) -> dict[str, int]:
        """Of arrays with more subscripts than others of a cycle, one of few values, which may be
        part of their names: k1_7 … k4_7 beside x7."""
        ranks = {h: self.members[h].shape[1] for h in cycle}
        found = {}
        for head, rank in ranks.items():
            if rank > min(ranks.values()):
                few = [k for k in range(rank)
                       if len(np.unique(self.members[head][:, k])) <= MOST_NAMED]
                if not few:
                    return {}
                found[head] = few[0]
        return found

    def _level(self, found: list[Piece], cycle: set[str], place: int) -> dict[str, set] | None:
        """Which arrays of a cycle each reads at its own place along an axis; None if some are read
        at earlier and others at later places, or none at another."""
        signs: set[int] = set()
        level: dict[str, set[str]] = {h: set() for h in cycle}
        for piece in found:
            if piece.head not in cycle:
                continue
            for block in piece.blocks:
                own = block.rows[:, block.left.columns[place]]
                for head, subs, rows in readings(block):
                    if head not in cycle:
                        continue
                    step = np.sign(subs[:, place] - own[rows])
                    signs |= set(step.tolist())
                    if (step == 0).any():
                        level[piece.head].add(head)
        signs.discard(0)
        return level if len(signs) == 1 else None
