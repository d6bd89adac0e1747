"""A bound program: sizes are numbers, places are strides, every subscript range has been checked.

`binding.bind` makes one from a verified program and the shapes of its data. It holds no data and no
memory of its own, so it is shared by all runs (and threads) with these shapes; engines prepare it
once and run it with a `Frame`, which owns the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.module import Node
from hvm_vm.bytecode.regions import result_count


@dataclass(frozen=True, slots=True)
class BoundAccess:
    """Where an operand lies: element `offset + sum(strides[d]*counter[d])` of its register, counted
    in elements from the register's first one. `strides` has one entry per dimension of the space.

    `dynamic`: for a gather, per computed axis (stride in elements, extent and lo of the axis).
    `guarded`: None when every place is in range for all points; else, per axis of the register that
    may be out of range where the guard is false: (const, coefficient per dim, extent, lo). A place
    that is out of range where the guard is true is an error of the run."""

    register: int
    offset: int
    strides: tuple[int, ...]
    dynamic: tuple[tuple[int, int, int], ...] = ()
    guarded: tuple[tuple[int, tuple[int, ...], int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class BoundInstruction:
    """An instruction over concrete extents. `nodes` are as in the descriptor but `size` nodes have
    become `iconst` and the pools are applied: the `immediate` of const and iconst is the number
    itself. `roots` and `accesses` are in the descriptor's order. `points` is their number."""

    pc: int
    op: str
    source: int
    extents: tuple[int, ...]
    los: tuple[int, ...]
    roles: str
    names: tuple[str, ...]
    accesses: tuple[BoundAccess, ...]
    nodes: tuple[Node, ...]
    roots: tuple[int, ...]
    message: str = ""
    status: int = 0
    flops: int = 0
    bytes: int = 0
    # Of a system: its parts, and how many axes of its own each unknown has.
    parts: tuple[BoundPart, ...] = ()
    owned: tuple[int, ...] = ()

    @property
    def points(self) -> int:
        return int(np.prod(self.extents, dtype=object))

    @property
    def batch(self) -> int:
        """Of a system: how many free dimensions its space and those of all its parts begin with."""
        return self.roles.count("o")

    def touched(self) -> Iterator[int]:
        """The registers that are read or written."""
        for one in (self, *(part.one for part in self.parts)):
            for access in one.accesses:
                yield access.register


@dataclass(frozen=True, slots=True)
class BoundPart:
    """A part of a system (`module.Part`) over concrete extents."""

    role: str
    number: int
    one: BoundInstruction


def result_places(one: BoundInstruction) -> int:
    """How many of an instruction's accesses are results: its first ones."""
    return result_count(isa.BY_NAME[one.op], len(one.roots), len(one.accesses))


def nodes_under(nodes: Sequence[Node], root: int) -> Iterator[Node]:
    """The nodes that the value of `root` depends on, itself among them, each once."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        k = stack.pop()
        if k not in seen:
            seen.add(k)
            stack.extend(nodes[k].args)
            yield nodes[k]


@dataclass(frozen=True, slots=True)
class BoundRegister:
    """A register's concrete form. `offset` is its byte offset in the arena, -1 for an input, whose
    memory the frame is given. `strides` are in elements (C order but for inputs that are views).
    `zeroed` registers are written only in part: the arena holds zeros there, unshared."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    lo: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = -1
    zeroed: bool = False


@dataclass(frozen=True)
class Bound:
    """A program bound to shapes. `code[-1]` is the halt."""

    program: object                      # the VerifiedProgram
    sizes: dict[str, int]
    registers: tuple[BoundRegister, ...]
    code: tuple[BoundInstruction, ...]
    arena_bytes: int
    cache: dict = field(default_factory=dict, compare=False)  # engines keep prepared forms here


class Frame:
    """The memory of one run: the arena and an array for every register (views of the arena, or the
    caller's inputs). Never shared by two runs at once."""

    __slots__ = ("arena", "arrays", "scratch")

    def __init__(self, bound: Bound, inputs: dict[int, np.ndarray]):
        # 64-byte alignment: over-allocate and step to the boundary.
        raw = np.zeros(bound.arena_bytes + 64, np.uint8)
        start = -raw.ctypes.data % 64
        self.arena = raw[start:start + bound.arena_bytes]
        self.scratch: object = None  # the engine's own
        self.arrays: list[np.ndarray] = []
        for number, register in enumerate(bound.registers):
            if register.offset < 0:
                self.arrays.append(inputs[number])
            else:
                count = int(np.prod(register.shape, dtype=np.int64))
                size = count * register.dtype.itemsize
                flat = self.arena[register.offset:register.offset + size].view(register.dtype)
                self.arrays.append(flat.reshape(register.shape))
