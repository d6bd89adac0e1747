"""The memory of a bound program: which registers may share it, and where each one lies."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from math import prod

import numpy as np

from hvm_vm.bytecode.isa import STORED
from hvm_vm.bytecode.module import Module
from hvm_vm.engines.arena import Life, plan
from hvm_vm.engines.bound import BoundAccess, BoundInstruction, result_places
from hvm_vm.engines.slices import reads_own_anywhere
from hvm_vm.engines.words import byte_count
from hvm_vm.errors import InputError

ALWAYS_THERE = 1 << 26  # bytes that are asked for without looking
MOST_COUNTED = 10_000_000  # elements of a register whose coverage is counted one by one


class Memory:
    """The registers' shapes and sizes. `counts` and `itemsizes` are by register: the number of its
    elements, and the bytes of one."""

    def __init__(self, module: Module, shapes: Sequence[tuple[int, ...]],
                 itemsizes: Sequence[int]):
        self.module = module
        self.shapes = shapes
        self.itemsizes = itemsizes
        self.counts = [prod(shape) for shape in shapes]
        self.inputs = {item.register for item in module.inputs}

    def check_each(self, given: Collection[int]) -> None:
        """Raise `InputError` if one register alone, but for the inputs that are `given`, is larger
        than the machine's memory."""
        for number, count in enumerate(self.counts):
            if number not in given:
                size = count * self.itemsizes[number]
                self._check(size, [Life(number, size, 0, 0)])

    def partly_written(self, code: Sequence[BoundInstruction]) -> set[int]:
        """Registers with elements that no instruction writes."""
        stores: dict[int, list[tuple[BoundInstruction, BoundAccess]]] = {}
        for one in code:
            for access in one.accesses[: result_places(one)]:
                stores.setdefault(access.register, []).append((one, access))
        partly = {access.register for one in code if reads_own_anywhere(one)
                  for access in one.accesses[: result_places(one)]}
        for register, found in stores.items():
            count = self.counts[register]
            if any(one.op == "system" for one, _ in found):  # it writes all of each
                continue
            written = [prod(e for e, role in zip(one.extents, one.roles, strict=True)
                            if role in STORED) for one, _ in found]
            if max(written) >= count:
                continue
            if sum(written) < count or count > MOST_COUNTED or not self._covers(found, count):
                partly.add(register)
        return partly

    def _covers(self, found, count: int) -> bool:
        hit = np.zeros(count, bool)
        for one, access in found:
            places = np.array([access.offset])
            for extent, stride, role in zip(one.extents, access.strides, one.roles, strict=True):
                if role in STORED:
                    places = (places[:, None] + stride * np.arange(extent)).reshape(-1)
            hit[places] = True
        return bool(hit.all())

    def place(self, code: Sequence[BoundInstruction], zeroed: set[int],
              keep_all: bool) -> tuple[dict[int, int], int]:
        """Every register's place in the arena, by the instructions that touch it."""
        module = self.module
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for one in code:
            for register in one.touched():
                first.setdefault(register, one.pc)
                last[register] = one.pc
        end = len(code)
        results = {o.register for o in module.outputs if keep_all or not o.hidden}
        lives = []
        for number in range(len(module.registers)):
            if number in self.inputs:
                continue
            size = self.counts[number] * self.itemsizes[number]
            if keep_all or number in results or number in zeroed:
                lives.append(Life(number, size, -1, end))
            else:
                lives.append(Life(number, size, first.get(number, 0), last.get(number, 0)))
        offsets, arena_bytes = plan(lives)
        self._check(arena_bytes, lives)
        return offsets, arena_bytes

    def _check(self, arena_bytes: int, lives: list[Life]) -> None:
        limit = not_enough_memory(arena_bytes)
        if limit is None:
            return
        life = max(lives, key=lambda one: one.size)
        register = self.module.registers[life.register]
        shape = " x ".join(map(str, self.shapes[life.register])) or "one"
        raise InputError(
            f"{self.module.file or 'program'}: error: the run needs {byte_count(arena_bytes)} of "
            f"memory, but this machine has {byte_count(limit)}: {register.name} alone has {shape} "
            f"elements, {byte_count(life.size)}")


def not_enough_memory(size: int) -> int | None:
    """The bytes that the machine has, when they are fewer than `size`; else None."""
    if size < ALWAYS_THERE:
        return None
    limit = machine_memory()
    return limit if limit is not None and size > limit else None


def machine_memory() -> int | None:
    """The machine's memory in bytes, without what it has given away already where it says (Linux);
    None where it says nothing."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
