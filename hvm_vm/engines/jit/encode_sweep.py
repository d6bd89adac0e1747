"""Lane words over blocks of a large space: parameters of the sweep kernel (see `layout.SWEEP`)."""

from __future__ import annotations

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.block import ParameterBlock, Place
from hvm_vm.engines.jit.encode import Cell, Scratch, Step, operands, place_stores, table
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
from hvm_vm.engines.jit.spaces import Group, dense, points, steps

LANES = 1024  # of a block: temporaries of a few operations stay in the first-level cache


def encode_sweep(block: ParameterBlock, lanes: list[Group], repeat: list[Group],
                 stages: tuple[list[Word], list[Word], list[Word]]) -> tuple[Step, list[Cell]]:
    """Words over blocks of the space `lanes`; `stages` run before, at every point of `repeat`, and
    after, in each block. Cells are the bases of the accesses, for an enclosing `encode_rows`."""
    return _Sweep(block, lanes, repeat).encode(stages)


class _Sweep:
    def __init__(self, block: ParameterBlock, lanes: list[Group], repeat: list[Group]):
        self.block, self.repeat = block, repeat
        lanes = lanes or [Group(1, -1)]
        inner, split = 1, len(lanes) - 1
        while split > 0 and inner * lanes[split].extent <= LANES:
            inner *= lanes[split].extent
            split -= 1
        self.inner, self.extent = inner, lanes[split].extent
        self.chunk = max(1, min(self.extent, LANES // inner))
        self.outer, self.split = lanes[:split], lanes[split]
        self.groups = [Group(self.chunk, self.split.last), *lanes[split + 1:]]  # of a full block
        self.lanes = self.chunk * inner
        self.slots: dict[object, int] = {}
        self.static: list[Place | None] = []
        self.accesses: list[tuple[Leaf, int, int, bool]] = []  # leaf, slot, stage, filled
        self.temporaries: dict[Temporary, Place] = {}

    def encode(self, stages) -> tuple[Step, list[Cell]]:
        block = self.block
        stages = [place_stores(words, self.groups) for words in stages]
        self._place_temporaries(stages)
        encoded = []
        for stage, words in enumerate(stages):
            at_ = block.reserve(5 * len(words))
            encoded.append((len(words), block.here(at_)))
            for k, word in enumerate(words):
                block.kernel(at_ + 5 * k, word.kernel)
                for j, operand in enumerate((word.dst, word.a, word.b, word.c)):
                    block.put(at_ + 5 * k + 1 + j, self._slot(operand, stage))
        start = block.reserve(at.SWEEP_WORDS)
        access_at = block.reserve(at.ACCESS_WORDS * len(self.accesses))
        cells = [self._access(access_at + at.ACCESS_WORDS * k, *access)
                 for k, access in enumerate(self.accesses)]
        fields = {
            at.SWEEP_OUTER: len(self.outer), at.SWEEP_EXTENT: self.extent,
            at.SWEEP_CHUNK: self.chunk, at.SWEEP_INNER: self.inner,
            at.SWEEP_REPEAT: len(self.repeat),
            at.SWEEP_OUTER_AT: block.add(*(x for g in self.outer for x in (g.extent, 0))),
            at.SWEEP_REPEAT_AT: block.add(*(x for g in self.repeat for x in (g.extent, 0))),
            at.SWEEP_ACCESSES: len(self.accesses), at.SWEEP_ACCESS_AT: block.here(access_at),
            at.SWEEP_SLOTS: block.add(*(p if p is not None else 0 for p in self.static)),
            at.SWEEP_OUTER_POINTS: points(self.outer), at.SWEEP_REPEAT_POINTS: points(self.repeat),
        }
        for stage, (count, place) in enumerate(encoded):
            fields[at.SWEEP_STAGES + 2 * stage] = count
            fields[at.SWEEP_STAGES + 2 * stage + 1] = place
        for field, value in fields.items():
            block.put(start + field, value)
        return Step("run.sweep", block.here(start)), cells

    def _place_temporaries(self, stages) -> None:
        """Those of the repeated stage may be reused in it; those that pass between stages stay."""
        seen: dict[Temporary, set[int]] = {}
        for stage, words in enumerate(stages):
            for word in words:
                for x in operands(word):
                    if isinstance(x, Temporary):
                        seen.setdefault(x, set()).add(stage)
        for x, used in seen.items():
            if len(used) > 1:
                x.pinned = True
        scratch = Scratch(self.block)
        for words in stages:
            last = {x: k for k, word in enumerate(words) for x in operands(word)
                    if isinstance(x, Temporary)}
            for k, word in enumerate(words):
                for x in operands(word):
                    if isinstance(x, Temporary):
                        scratch.need(x, self.lanes)
                for x in set(operands(word)):
                    if isinstance(x, Temporary) and last[x] == k:
                        scratch.release(x)
        self.temporaries = scratch.places

    def _slot(self, operand, stage: int) -> int:
        key = operand
        if isinstance(operand, Leaf | Raw):
            key = (operand, stage)
        elif isinstance(operand, Splat):  # 0.0 and -0.0 are not one constant
            key = (operand, str(operand.value))
        found = self.slots.get(key)
        if found is not None:
            return found
        slot = self.slots[key] = len(self.static)
        self.static.append(None)
        block = self.block
        if isinstance(operand, Temporary):
            self.static[slot] = self.temporaries[operand]
        elif isinstance(operand, Fixed):
            self.static[slot] = operand.place
        elif isinstance(operand, Splat):
            self.static[slot] = block.splat(operand.value, DTYPES[operand.kind], self.lanes)
        elif isinstance(operand, Steps):
            self.static[slot] = table(block, self.groups, operand.leaf)
        elif isinstance(operand, Table):  # of a move.axis: its lanes are never read in place
            self.static[slot] = block.add(*(
                item if isinstance(item, int) else self.static[self._slot(item, stage)]
                for item in operand.items))
        else:
            leaf = operand.leaf if isinstance(operand, Raw) else operand
            filled = not isinstance(operand, Raw) and not dense(self.groups, leaf)
            if filled:
                self.static[slot] = block.scratch(self.lanes * WIDTH[leaf.kind])
            self.accesses.append((leaf, slot, stage, filled))
        return slot

    def _access(self, word: int, leaf: Leaf, slot: int, stage: int, filled: bool) -> Cell:
        block = self.block
        block.put(word + at.ACCESS_BASE, leaf.place)
        block.put(word + at.ACCESS_SLOT, slot)
        block.put(word + at.ACCESS_STAGE, stage)
        block.put(word + at.ACCESS_SPLIT, self.split.stride(leaf))
        if filled:
            block.kernel(word + at.ACCESS_FILL,
                         "move.ramp" if leaf.ramp else f"move.load.{WIDTH[leaf.kind]}")
            block.put(word + at.ACCESS_DIMS, table(block, self.groups, leaf))
        for field, groups in ((at.ACCESS_OUTER_STEPS, self.outer),
                              (at.ACCESS_REPEAT_STEPS, self.repeat)):
            block.put(word + field, block.add(*steps(groups, [g.stride(leaf) for g in groups])))
        return Cell(word + at.ACCESS_BASE, leaf)
