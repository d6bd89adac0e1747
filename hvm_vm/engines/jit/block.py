"""The parameter block: every word that the kernels read, as a template for the frames of a program.

While a program is prepared no address is known but those of kernels and constants: the others are
`Place`s, a byte offset from a base (the block itself, the scratch memory, a register) that is added
when a frame is bound. Binding is one NumPy addition over all places.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np

from hvm_vm.engines.jit import cache

ABSOLUTE, SELF, SCRATCH, REGISTERS = -1, 0, 1, 2  # bases; register r is REGISTERS + r


@dataclass(frozen=True, slots=True)
class Place:
    """An address: `offset` bytes from `base` (or an absolute address or plain number)."""

    base: int
    offset: int

    def __add__(self, more: int) -> Place:
        return Place(self.base, self.offset + more)


NULL = Place(ABSOLUTE, 0)


class ParameterBlock:
    """Grows while a program is prepared; `freeze` gives what a frame needs."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.relocations: list[tuple[int, int]] = []
        self.kernels: list[tuple[int, str]] = []  # words that hold a kernel's address
        self.solves: list[tuple[int, int]] = []  # (pc, first word) of what each solve tells
        self.scratch_bytes = 0
        self._scratch_used = 0
        self._constants: dict[tuple, np.ndarray] = {}
        self._used: list[object] = []  # keeps constants alive

    # -- words -------------------------------------------------------------------------------------

    def reserve(self, count: int) -> int:
        """`count` new words, 0; the number of the first."""
        start = len(self.words)
        self.words.extend([0] * count)
        return start

    def put(self, word: int, value: int | Place) -> None:
        if isinstance(value, Place):
            self.words[word] = value.offset
            if value.base != ABSOLUTE:
                self.relocations.append((word, value.base))
        else:
            self.words[word] = value

    def add(self, *values: int | Place) -> Place:
        """New words holding `values`; the place of the first."""
        start = self.reserve(len(values))
        for k, value in enumerate(values):
            self.put(start + k, value)
        return self.here(start)

    def kernel(self, word: int, name: str) -> None:
        """This word is to hold the address of a kernel."""
        self.kernels.append((word, name))

    def here(self, word: int) -> Place:
        return Place(SELF, 8 * word)

    def keep(self, thing: object) -> None:
        """Something that words refer to by address lives as long as the block."""
        self._used.append(thing)

    # -- memory ------------------------------------------------------------------------------------

    def begin_instruction(self) -> None:
        """Instructions run one after another, and share the scratch memory."""
        self._scratch_used = 0

    def scratch(self, size: int) -> Place:
        """`size` bytes of scratch memory, aligned to 64."""
        start = self._scratch_used
        self._scratch_used = start + -(-size // 64) * 64
        self.scratch_bytes = max(self.scratch_bytes, self._scratch_used)
        return Place(SCRATCH, start)

    def splat(self, value, dtype: np.dtype, lanes: int) -> Place:
        """A constant repeated over `lanes` lanes, shared by all who need it."""
        with np.errstate(over="ignore"):  # a number too large for f32 is inf
            one = np.asarray(value).astype(dtype)
        key = (one.tobytes(), one.dtype.str)
        array = self._constants.get(key)
        if array is None or array.size < lanes:
            array = self._constants[key] = np.full(max(lanes, 8), one, dtype)
            self._used.append(array)
        return Place(ABSOLUTE, array.ctypes.data)

    def counters(self, lo: int, extent: int) -> Place:
        """The int64 numbers lo, lo+1, … of an index."""
        key = ("counters", lo)
        array = self._constants.get(key)
        if array is None or array.size < extent:
            array = self._constants[key] = np.arange(lo, lo + max(extent, 1), dtype=np.int64)
            self._used.append(array)
        return Place(ABSOLUTE, array.ctypes.data)

    # -- the end -----------------------------------------------------------------------------------

    def kernel_names(self) -> set[str]:
        return {name for _, name in self.kernels}

    def freeze(self) -> Template:
        """Look the kernels up (compiling what is missing) and become immutable."""
        words = np.array(self.words, np.int64)
        for word, name in self.kernels:
            words[word] = cache.address(name)
        at = np.array([w for w, _ in self.relocations], np.intp)
        bases = np.array([b for _, b in self.relocations], np.intp)
        words.flags.writeable = False
        return Template(words, at, bases, self.scratch_bytes, tuple(self._used))


@dataclass(frozen=True, eq=False)
class Template:
    """A parameter block without addresses; `bind` makes one frame's own."""

    words: np.ndarray
    at: np.ndarray
    bases: np.ndarray
    scratch_bytes: int
    constants: tuple[object, ...]

    def bind(self, arrays: list[np.ndarray]) -> Memory:
        memory = Memory(self)
        memory.point(arrays)
        return memory


# Memories by the address of their words: a callback knows no more than that.
_MEMORIES: WeakValueDictionary[int, Memory] = WeakValueDictionary()


def memory_at(address: int) -> Memory:
    """The memory whose words begin at an address."""
    return _MEMORIES[address]


class Memory:
    """One frame's parameter block and scratch memory."""

    __slots__ = ("__weakref__", "arrays", "kept", "raised", "scratch", "scratch_address",
                 "template", "told", "words", "words_address")

    def __init__(self, template: Template):
        self.template = template
        self.words = np.empty(len(template.words), np.int64)
        self.words_address = self.words.ctypes.data
        self.told: dict[int, list] = {}  # by pc, what systems report of the last run (functions),
        self.kept: dict[int, object] = {}  # what they keep from run to run,
        self.raised: BaseException | None = None  # and what they raised in it
        _MEMORIES[self.words_address] = self
        self.scratch = np.empty(template.scratch_bytes + 64, np.uint8)
        self.scratch_address = -(-self.scratch.ctypes.data // 64) * 64

    def point(self, arrays: list[np.ndarray]) -> None:
        """Let every place refer to the memory of `arrays` (one for each register)."""
        template = self.template
        bases = np.empty(REGISTERS + len(arrays), np.int64)
        bases[SELF], bases[SCRATCH] = self.words_address, self.scratch_address
        bases[REGISTERS:] = [array.__array_interface__["data"][0] for array in arrays]
        self.words[:] = template.words
        self.words[template.at] += bases[template.bases]
        self.arrays = list(arrays)  # keeps the memory alive
