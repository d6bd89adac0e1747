"""A run that can be taken back: the frame, what has run in it, and how to undo it.

Code has no jumps, so a run is a position, the number of instructions that ran, and a list of
entries: instructions, and values that the user set between them. Before an instruction runs, what
it is going to overwrite is saved with its entry: nothing for a register that held no value yet and
shares its memory with no other. Saved values are kept within `limit` bytes, the newest; going back
beyond them runs the entries before once more, from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hvm_vm.engines.bound import Bound, BoundInstruction, Frame, result_places
from hvm_vm.engines.words import located
from hvm_vm.errors import RunError

LIMIT = 1 << 28  # bytes of saved values

UNSET, HELD, LOST = "not computed yet", "held", "no longer stored"


@dataclass(frozen=True, slots=True)
class Edit:
    """Elements that the user set: `index` of the array of `register`, and their values."""

    register: int
    index: object
    value: np.ndarray


@dataclass(slots=True)
class Entry:
    """An instruction that ran (`pc`) or an `edit`. `saved` are the arrays as they were before, None
    when they were not kept; `states` the registers' states before."""

    pc: int
    edit: Edit | None
    saved: dict[int, np.ndarray] | None
    states: dict[int, str]
    size: int = 0


def results_of(one: BoundInstruction) -> list[int]:
    """The registers that an instruction writes, each once, in order."""
    written = one.accesses[: result_places(one)]
    return list(dict.fromkeys(access.register for access in written))


def operands_of(one: BoundInstruction) -> list[int]:
    """The registers that an instruction reads, each once, in order."""
    if one.parts:  # they read the system's unknowns, too, as they are being found
        own = set(results_of(one))
        return list(dict.fromkeys(r for r in one.touched() if r not in own))
    read = one.accesses[result_places(one) :]
    return list(dict.fromkeys(access.register for access in read))


class Timeline:
    """`frame` with its past. `run` is an engine's `runnable.step`."""

    def __init__(self, bound: Bound, frame: Frame, runnable, limit: int = LIMIT):
        self.bound, self.frame, self.runnable, self.limit = bound, frame, runnable, limit
        self.originals = {r: frame.arrays[r] for r, register in enumerate(bound.registers)
                          if register.offset < 0}
        self._sharing = _sharing(bound)
        self.entries: list[Entry] = []
        self.position = 0
        self.rebuilt = 0  # instructions that were run once more to go back
        self._kept = 0  # bytes
        self._first = 0  # the first entry whose values are kept
        self._clear()

    # -- forwards -------------------------------------------------------------------------------

    def advance(self) -> dict[int, np.ndarray | None]:
        """Run the next instruction; for each register that it wrote, the array before (None: there
        was no value). Raises the engine's error, with every value as it was before."""
        one = self.bound.code[self.position]
        written = results_of(one)
        entry = self._entry(self.position, None, written)
        try:
            self.runnable.step(self.frame, self.position)
        except MemoryError:
            self._restore(entry)
            raise RunError(located(self.bound.program.module, one.source,
                                   "there is not enough memory to evaluate this")) from None
        except Exception:
            self._restore(entry)
            raise
        before = {r: entry.saved.get(r) if entry.states.get(r, HELD) == HELD else None
                  for r in written}
        self._push(entry, written)
        self.position += 1
        return before

    def edit(self, edit: Edit) -> None:
        """Set elements by hand. Raises `ValueError` when the value does not fit them."""
        entry = self._entry(-1, edit, [edit.register])
        self._apply(edit)
        self._push(entry, [edit.register])

    # -- back -----------------------------------------------------------------------------------

    def retreat(self, count: int = 1) -> list[int]:
        """Undo the last `count` instructions, as far as there are any, and everything that was set
        since. The registers that were touched."""
        keep, undone = len(self.entries), 0
        while keep and undone < count:
            keep -= 1
            undone += self.entries[keep].pc >= 0
        touched = list(dict.fromkeys(
            r for entry in self.entries[keep:] for r in entry.states))
        if keep < self._first:
            self._rebuild(keep)
        else:
            while len(self.entries) > keep:
                entry = self.entries.pop()
                self._kept -= entry.size
                self._restore(entry)
                self.position -= entry.pc >= 0
        return touched

    def restart(self) -> None:
        """Back to the start, with the values that were given at first."""
        self.entries.clear()
        self.position = self._kept = self._first = 0
        self._clear()

    # -- inside ---------------------------------------------------------------------------------

    def _clear(self) -> None:
        for register, array in self.originals.items():
            self._point(register, array)
        self.frame.arena[:] = 0
        self.states = [HELD if r.offset < 0 else UNSET for r in self.bound.registers]

    def _point(self, register: int, array: np.ndarray) -> None:
        """Give the frame another array for an input."""
        if self.frame.arrays[register] is array:
            return
        self.frame.arrays[register] = array
        rebind = getattr(self.runnable, "rebind", None)
        if rebind is not None and self.frame.scratch is not None:
            rebind(self.frame)

    def _entry(self, pc: int, edit: Edit | None, written: list[int]) -> Entry:
        """What it takes to undo a write to these registers."""
        saved, size, states = {}, 0, {}
        for register in written:
            shared = self._sharing[register]
            for other in (register, *shared):
                states[other] = self.states[other]
            if self.states[register] == HELD or shared or self.bound.registers[register].zeroed:
                saved[register] = self.frame.arrays[register].copy()
                size += saved[register].nbytes
        return Entry(pc, edit, saved, states, size)

    def _push(self, entry: Entry, written: list[int]) -> None:
        for register in written:
            for other in self._sharing[register]:
                if self.states[other] == HELD:
                    self.states[other] = LOST
        for register in written:
            self.states[register] = HELD
        self.entries.append(entry)
        self._kept += entry.size
        while self._kept > self.limit and self._first < len(self.entries):
            oldest = self.entries[self._first]
            self._kept -= oldest.size
            oldest.saved, oldest.size = None, 0
            self._first += 1

    def _apply(self, edit: Edit) -> None:
        array = self.frame.arrays[edit.register]
        if self.originals.get(edit.register) is array:  # the caller's: not to be touched
            array = _copy(array)
            array[edit.index] = edit.value
            self._point(edit.register, array)
        else:
            array[edit.index] = edit.value

    def _restore(self, entry: Entry) -> None:
        for register, array in entry.saved.items():
            held = self.frame.arrays[register]
            if held.size:
                held[...] = array
        for register, state in entry.states.items():
            self.states[register] = state

    def _rebuild(self, keep: int) -> None:
        """Start again and do what the first `keep` entries did."""
        entries = self.entries[:keep]
        self.restart()
        for entry in entries:
            if entry.edit is None:
                self.advance()
                self.rebuilt += 1
            else:
                self.edit(entry.edit)


def _copy(array: np.ndarray) -> np.ndarray:
    """A copy that lies in memory as the array does, which is what the program is bound to."""
    if array.flags.c_contiguous or not array.size:
        return array.copy()
    reach = [(n - 1) * s // array.itemsize for n, s in zip(array.shape, array.strides, strict=True)]
    first = -sum(r for r in reach if r < 0)
    room = np.zeros(first + sum(r for r in reach if r > 0) + 1, array.dtype)
    made = np.lib.stride_tricks.as_strided(room[first:], array.shape, array.strides)
    made[...] = array
    return made


def _sharing(bound: Bound) -> list[tuple[int, ...]]:
    """For each register the others that share bytes of the arena with it."""
    count = len(bound.registers)
    starts = np.array([r.offset for r in bound.registers], np.int64)
    sizes = np.array([int(np.prod(r.shape, dtype=np.int64)) * r.dtype.itemsize
                      for r in bound.registers], np.int64)
    ends = starts + sizes
    placed = (starts >= 0) & (sizes > 0)
    order = np.argsort(starts[placed], kind="stable")
    sorted_starts, sorted_ends = starts[placed][order], ends[placed][order]
    if (sorted_starts[1:] >= np.maximum.accumulate(sorted_ends)[:-1]).all():
        return [()] * count
    found = []
    for r in range(count):
        meets = placed & (starts < ends[r]) & (ends > starts[r])
        meets[r] = False
        found.append(tuple(int(k) for k in np.flatnonzero(meets)) if placed[r] else ())
    return found
