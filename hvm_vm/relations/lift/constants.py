"""Numbers written into unrolled relations, gathered into arrays.

    y1 = 0.6*x1 - 0.2*x2
    y2 = 0.1*x1 + 0.9*x2          y[i] = sum[j](c1[i,j] * x[j]),  c1 = [[0.6, -0.2], [0.1, 0.9]]

A number that differs between relations of one shape (or between the terms of one sum) becomes an
element of an array of constants. Its subscripts are those of the left side and of the scalars in
its term, without the ones that the number does not depend on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fit import fit
from .members import distinct, first_places
from .scan import LITERAL
from .skeleton import Block, Chain, Lit, Num, Op, Ref, Tree, columns, key

MARK = LITERAL  # before the place of a literal that differs
AFFINE = "affine"
ALIKE = 3       # so many terms of one kind with different numbers are a reason of their own
FEW = 3         # fewer kinds of numbers are cases


@dataclass
class Varying:
    """For each parsed shape, the places of its literals that differ: those that are to be gathered
    (`sure`); those that are if that needs few numbers, since many relations share each, a row of
    weights, say (`shared`); and those of few kinds, which are cases unless the kinds are scattered
    (`kinds`). `groups`: the numbers of shapes whose relations are alike but for literals and signs.
    """

    sure: list[set[int]]
    shared: list[set[int]]
    kinds: list[set[int]]
    groups: list[list[int]]

    def gather(self, members: list[int]) -> None:
        """All of these shapes' literals are to be gathered."""
        for k in members:
            self.sure[k] |= self.shared[k] | self.kinds[k]
            self.shared[k], self.kinds[k] = set(), set()


def varying(shapes) -> Varying:
    """What differs between the relations of shapes that are alike."""
    groups: dict[str, list[int]] = {}
    for k, shape in enumerate(shapes):
        if shape.shape.parts[0].literals:
            text = shape.shape.text.replace("-", "+").replace(" ", "").replace("(+", "(")
            groups.setdefault(text.replace("=+", "="), []).append(k)
    found = Varying([_within(s) for s in shapes], [set() for _ in shapes], [set() for _ in shapes],
                    list(groups.values()))
    for members in found.groups:
        alike = set().union(*(found.sure[k] for k in members))
        for k in members:  # rows of ones, too, are rows of the matrix
            found.sure[k] |= alike
        parts = [p for k in members for p in shapes[k].shape.parts]
        rows = sum(len(p.statements) for p in parts)
        if len(parts) < 2:
            continue
        into = found.sure
        if rows >= 4 * len(parts):
            into = found.kinds if len(parts) < FEW else found.shared
        for place in range(len(parts[0].literals)):
            if len({p.literals[place] for p in parts}) > 1:
                for k in members:
                    into[k].add(place)
    for k, own in enumerate(found.sure):
        found.shared[k] -= own
        found.kinds[k] -= own
    return found


def is_shared(found) -> bool:
    """Whether an array of constants (see `Gatherer.arrays`) has few numbers for what it says."""
    if found is None or found == AFFINE:
        return False
    _, table, texts, _ = found
    return len(table) <= 2 * len(set(texts))


def _within(shape) -> set[int]:
    """The places of the literals of a shape that differ between at least three like terms."""
    found: set[int] = set()
    literals = shape.shape.parts[0].literals
    if len(literals) < ALIKE or len(set(literals)) < 2:
        return found
    text = shape.shape.text
    text = text.replace("=", "+") if shape.implicit else text.partition("=")[2]
    text = "".join(c for c in text if c not in " ()")
    kinds: dict[str, list[int]] = {}
    place = 0
    for term in text.replace("-", "+").split("+"):
        count = term.count(LITERAL)
        if count == 1:
            kinds.setdefault("*".join(sorted(term.split("*"))), []).append(place)
        place += count
    for places in kinds.values():
        if len(places) >= ALIKE and len({literals[p] for p in places}) > 1:
            found.update(places)
    return found


class Gatherer:
    """Collects the marked literals of all shapes, then makes the arrays."""

    def __init__(self) -> None:
        self.groups: dict = {}

    def marked(self, block: Block, values) -> Block:
        """The block with a provisional reference for each marked literal. `values[place]`: the
        texts of a literal, one for each row."""
        self._left, self._rows, self._values = block.left, block.rows, values
        self._statements = block.statements
        self._counts: dict = {}
        self._added: list[np.ndarray] = []
        right = self._tree(block.right, block.right)
        rows = np.column_stack([block.rows, *self._added])
        return Block(block.left, right, rows, block.statements)

    def _tree(self, tree: Tree, term: Tree) -> Tree:
        match tree:
            case Lit() if tree.text.startswith(MARK):
                return self._reference(tree, term, 1)
            case Op(kind="="):  # each side is a term
                return Op(tree.kind, tuple([self._tree(a, a) for a in tree.args]))
            case Op():
                return Op(tree.kind, tuple([self._tree(a, term) for a in tree.args]))
            case Chain() if tree.op == "sum":
                parts, flags = [], []
                for part, flag in zip(tree.parts, tree.flags, strict=True):
                    own = self._signed(part) if flag else None
                    parts.append(own if own is not None else self._tree(part, part))
                    flags.append(flag and own is None)
                return Chain("sum", tuple(parts), tuple(flags))
            case Chain():
                return Chain(tree.op, tuple([self._tree(p, term) for p in tree.parts]), tree.flags)
        return tree

    def _signed(self, term: Tree) -> Tree | None:
        """A subtracted term with its sign in a number, if it has one as a factor."""
        if isinstance(term, Lit) and term.text.startswith(MARK):
            return self._reference(term, term, -1)
        if isinstance(term, Chain) and term.op == "prod":
            for k, (part, down) in enumerate(zip(term.parts, term.flags, strict=True)):
                if isinstance(part, Lit) and part.text.startswith(MARK) and not down:
                    parts = [self._reference(part, term, -1) if j == k else self._tree(p, term)
                             for j, p in enumerate(term.parts)]
                    return Chain("prod", tuple(parts), term.flags)
        return None

    def _reference(self, literal: Lit, term: Tree, sign: int) -> Ref:
        place = int(literal.text[1:])
        own = list(dict.fromkeys([*self._left.columns, *columns(term)]))
        kind = (self._left.head, len(own), key(_blank(term)), str(_where(term, literal)))
        group = self.groups.setdefault(kind, {"tables": [], "values": [], "statements": [],
                                              "number": len(self.groups) + 1})
        # Beside its subscripts, a number has its place among those of its kind.
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        order = np.full(len(self._rows), count, np.int64)
        group["tables"].append(np.column_stack([self._rows[:, own], order]))
        # The number itself, should it follow the subscripts.
        whole = [sign * int(t) if t.isdigit() and len(t) < 10 else 0 for t in self._values[place]]
        self._added += [order, np.array(whole, np.int64)]
        width = self._rows.shape[1] + len(self._added)
        own += [width - 2, width - 1]
        group["values"].append([(sign, t) for t in self._values[place]])
        group["statements"].append(self._statements)
        return Ref(f"{MARK}{group['number']}", tuple(own))

    def arrays(self):
        """For each provisional head: (places of the subscripts that are kept, table, values,
        statement), `AFFINE`, or None when a number is not told by its subscripts."""
        found = {}
        for group in self.groups.values():
            table = np.concatenate(group["tables"])
            texts = [v for part in group["values"] for v in part]
            head = f"{MARK}{group['number']}"
            if _affine(table, texts):
                found[head] = AFFINE
                continue
            numbers = {v: k for k, v in enumerate(dict.fromkeys(texts))}
            value = np.array([numbers[v] for v in texts], np.int64)
            kept = _needed(table, value)
            if kept is None:
                found[head] = None
                continue
            small = table[:, kept]
            first = first_places(small) if kept else np.zeros(1, np.int64)
            statement = int(min(int(s.min()) for s in group["statements"]))
            found[head] = kept, small[first], [texts[k] for k in first.tolist()], statement
        return found


def _needed(table: np.ndarray, value: np.ndarray) -> list[int] | None:
    """The columns that tell a value, in the smallest of two ways: with the last column (the place
    among its kind) or without; None if all of them do not tell it, or leave an array of holes."""
    best = None
    every = range(table.shape[1])
    for order in ([*every], [every[-1], *every[:-1]]):
        kept = list(every)
        if not _tells(table, value):
            return None
        for column in order:
            rest = [k for k in kept if k != column]
            if _tells(table[:, rest], value):
                kept = rest
        if not kept:
            return kept
        small = table[:, kept]
        size = float(np.prod((small.max(axis=0) - small.min(axis=0) + 1).astype(float)))
        if size <= 8 * len(table) + 64 and (best is None or size <= best[0]):
            best = size, kept
    return None if best is None else best[1]


def _affine(table: np.ndarray, texts: list[tuple[int, str]]) -> bool:
    """Whether the numbers are whole and an affine function of their subscripts."""
    if not all(t.isdigit() and len(t) < 10 for _, t in texts):
        return False
    value = np.array([sign * int(t) for sign, t in texts], np.int64)
    own = table[:, :-1]
    first = first_places(own)
    rule = fit(own[first], value[first][:, None])
    return bool((rule.predicted(own)[:, 0] == value).all())


def _tells(table: np.ndarray, value: np.ndarray) -> bool:
    both = np.column_stack([table, value])
    return len(distinct(both)) == (len(distinct(table)) if table.shape[1] else 1)


def _blank(tree: Tree) -> Tree:
    match tree:
        case Lit() if tree.text.startswith(MARK):
            return Lit(MARK)
        case Op():
            return Op(tree.kind, tuple(map(_blank, tree.args)))
        case Chain():
            flags = tree.flags
            parts = tuple(map(_blank, tree.parts))
            order = sorted(range(len(parts)), key=lambda k: (flags[k], key(parts[k])))
            return Chain(tree.op, tuple(parts[k] for k in order), tuple(flags[k] for k in order))
    return tree


def _where(term: Tree, literal: Lit) -> int:
    """Which of a term's marked literals one is."""
    found: list[str] = []

    def walk(tree: Tree) -> None:
        match tree:
            case Lit() if tree.text.startswith(MARK):
                found.append(tree.text)
            case Op():
                for arg in tree.args:
                    walk(arg)
            case Chain():
                for part in tree.parts:
                    walk(part)

    walk(term)
    return found.index(literal.text)


def finished(tree: Tree, arrays, heads: dict[str, str]) -> Tree:
    """The skeleton with the arrays that were made in place of provisional references."""
    match tree:
        case Ref() if arrays.get(tree.head) == AFFINE:
            return Num(tree.columns[-1])
        case Ref() if tree.head in heads:
            kept = arrays[tree.head][0]
            return Ref(heads[tree.head], tuple([tree.columns[k] for k in kept]))
        case Op():
            return Op(tree.kind, tuple([finished(a, arrays, heads) for a in tree.args]))
        case Chain():
            return Chain(tree.op, tuple([finished(p, arrays, heads) for p in tree.parts]),
                         tree.flags, tree.done)
    return tree
