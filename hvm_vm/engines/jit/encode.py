"""Lane words into parameters: temporaries get scratch memory, leaves become addresses or moves.

`Flat` is for spaces of one block, and for the rows of an odometer; `encode_sweep.py` walks blocks
of a large space. Both report *cells*: the words that hold the address of a leaf, which
`encode_rows` moves from row to row.
"""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.block import ParameterBlock, Place
from hvm_vm.engines.jit.lane_program import (
    DTYPES,
    WIDTH,
    Fixed,
    Leaf,
    Raw,
    Splat,
    Steps,
    Table,
    Temporary,
    Word,
)
from hvm_vm.engines.jit.spaces import Group, dense, points, steps, walk


@dataclass(frozen=True, slots=True)
class Cell:
    """A word of the block that holds the address of `leaf` at the current row."""

    word: int
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Step:
    """What the dispatch loop runs: a kernel and the place of its parameters."""

    kernel: str
    parameters: Place


def operands(word: Word):
    """Everything that a word refers to, tables opened."""
    for x in (word.dst, word.a, word.b, word.c):
        yield x
        if isinstance(x, Table):
            yield from x.items


def place_stores(words: list[Word], groups: list[Group]) -> list[Word]:
    """Let results that are dense be written by the word that computes them; make the others
    moves."""
    done: list[Word] = []
    direct: dict[Temporary, Leaf] = {}
    for word in words:
        if not word.kernel.startswith("move.store"):
            done.append(word)
            continue
        value, result = word.a, word.dst.leaf
        if not dense(groups, result):
            done.append(word)
        elif (isinstance(value, Temporary) and not value.pinned and value not in direct
              and any(w.dst is value for w in done)):
            direct[value] = result
        elif isinstance(value, Leaf) and not value.ramp:
            done.append(Word(f"move.load.{WIDTH[result.kind]}", result, Raw(value), Steps(value)))
        else:  # a constant, or a value that has been stored already
            unit = Leaf(result.kind, result.place, result.strides)
            done.append(Word(f"move.load.{WIDTH[result.kind]}", result, value, Steps(unit)))
    return [_substitute(word, direct) for word in done] if direct else done


def _substitute(word: Word, direct: dict[Temporary, Leaf]) -> Word:
    def put(x):
        if isinstance(x, Table):
            return Table(tuple(put(item) for item in x.items))
        return direct.get(x, x) if isinstance(x, Temporary) else x
    return Word(word.kernel, put(word.dst), put(word.a), put(word.b), put(word.c), word.lanes)


def fill_leaves(words: list[Word], groups: list[Group]) -> list[Word]:
    """Put a move before the first use of every leaf that is not dense."""
    done: list[Word] = []
    filled: dict[Leaf, Temporary] = {}

    def lanes_of(x):
        if isinstance(x, Table):
            return Table(tuple(lanes_of(item) for item in x.items))
        if not isinstance(x, Leaf) or dense(groups, x):
            return x
        if x not in filled:
            filled[x] = Temporary(x.kind)
            kernel = "move.ramp" if x.ramp else f"move.load.{WIDTH[x.kind]}"
            done.append(Word(kernel, filled[x], Raw(x), Steps(x)))
        return filled[x]

    for word in words:
        a, b, c = lanes_of(word.a), lanes_of(word.b), lanes_of(word.c)
        done.append(Word(word.kernel, word.dst, a, b, c, word.lanes))
    return done


def table(block: ParameterBlock, groups: list[Group], leaf: Leaf) -> Place:
    """The table by which a move walks a leaf (see `kernels/moves.py`)."""
    dims = walk(groups, leaf)
    return block.add(len(dims), dims[-1][0], *(x for dim in dims for x in dim))


class Scratch:
    """Places for temporaries: one that is dead gives its memory to the next of its size."""

    def __init__(self, block: ParameterBlock):
        self.block = block
        self.places: dict[Temporary, Place] = {}
        self.sizes: dict[Temporary, int] = {}
        self.free: dict[int, list[Place]] = {}

    def need(self, temporary: Temporary, lanes: int) -> None:
        if temporary in self.places:
            return
        size = -(-(temporary.lanes or lanes) * WIDTH[temporary.kind] // 64) * 64
        spare = self.free.get(size)
        self.places[temporary] = spare.pop() if spare else self.block.scratch(size)
        self.sizes[temporary] = size

    def release(self, temporary: Temporary) -> None:
        if not temporary.pinned:
            self.free.setdefault(self.sizes[temporary], []).append(self.places[temporary])


class Flat:
    """Words with absolute addresses. Stages are appended, each over its own lanes; temporaries may
    pass from one to the next."""

    def __init__(self, block: ParameterBlock):
        self.block = block
        self.words: list[tuple[Word, list[Group]]] = []
        self.cells: list[Cell] = []

    def stage(self, words: list[Word], groups: list[Group], direct: bool = True) -> None:
        """Append words. `direct`: results may be written before all words have run."""
        for word in fill_leaves(place_stores(words, groups) if direct else words, groups):
            self.words.append((word, groups))

    def encode(self) -> Step:
        block, scratch = self.block, Scratch(self.block)
        last = {x: k for k, (word, _) in enumerate(self.words) for x in operands(word)
                if isinstance(x, Temporary)}
        start = block.reserve(at.FLAT_WORDS + at.FLAT_WORD * len(self.words))
        block.put(start + at.FLAT_COUNT, len(self.words))
        for k, (word, groups) in enumerate(self.words):
            lanes = word.lanes or points(groups)
            here = start + at.FLAT_WORDS + at.FLAT_WORD * k
            block.kernel(here, word.kernel)
            for j, operand in enumerate((word.dst, word.a, word.b, word.c)):
                self._put(here + 1 + j, operand, groups, lanes, scratch)
            block.put(here + 5, lanes)
            for x in set(operands(word)):
                if isinstance(x, Temporary) and last[x] == k:
                    scratch.release(x)
        return Step("run.flat", block.here(start))

    def _put(self, word: int, operand, groups, lanes: int, scratch: Scratch) -> None:
        block = self.block
        if isinstance(operand, Temporary):
            scratch.need(operand, lanes)
            block.put(word, scratch.places[operand])
        elif isinstance(operand, Fixed):
            block.put(word, operand.place)
        elif isinstance(operand, Splat):
            block.put(word, block.splat(operand.value, DTYPES[operand.kind], lanes))
        elif isinstance(operand, Steps):
            block.put(word, table(block, groups, operand.leaf))
        elif isinstance(operand, int):
            block.put(word, operand)
        elif isinstance(operand, Table):
            start = block.reserve(len(operand.items))
            for k, item in enumerate(operand.items):
                self._put(start + k, item, groups, lanes, scratch)
            block.put(word, block.here(start))
        else:
            leaf = operand.leaf if isinstance(operand, Raw) else operand
            block.put(word, leaf.place)
            self.cells.append(Cell(word, leaf))


def encode_rows(block: ParameterBlock, rows: list[Group], cells: list[Cell],
                actions: list[Step]) -> Step:
    """Run `actions` at every point of `rows`, the cells moving along."""
    count = points(rows)
    if count == 1 and len(actions) == 1:
        return actions[0]
    moving = [c for c in cells if any(g.stride(c.leaf) for g in rows)]
    start = block.reserve(at.ROWS_WORDS)
    cell_words: list[int | Place] = []
    for cell in moving:
        deltas = steps(rows, [g.stride(cell.leaf) for g in rows])
        cell_words += [block.here(cell.word), cell.leaf.place, block.add(*deltas)]
    action_at = block.reserve(2 * len(actions))
    for k, action in enumerate(actions):
        block.kernel(action_at + 2 * k, action.kernel)
        block.put(action_at + 2 * k + 1, action.parameters)
    fields = {
        at.ROWS_DIMS: len(rows), at.ROWS_POINTS: count,
        at.ROWS_ODOMETER: block.add(*(x for g in rows for x in (g.extent, 0))),
        at.ROWS_CELLS: len(moving), at.ROWS_CELL_AT: block.add(*cell_words),
        at.ROWS_ACTIONS: len(actions), at.ROWS_ACTION_AT: block.here(action_at),
    }
    for field, value in fields.items():
        block.put(start + field, value)
    return Step("run.rows", block.here(start))
