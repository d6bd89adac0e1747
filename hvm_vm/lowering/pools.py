"""Pools: registers, numbers, sizes, texts, sources and descriptors, each value once."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right

import numpy as np

from hvm_vm.bytecode.module import Descriptor, Register, SourceSpan
from hvm_vm.bytecode.sizes import Size
from hvm_vm.lowering.program import Program
from hvm_vm.relations.system import Place

LONGEST = 200  # characters of a relation that are kept as its text


class Pools:
    """What the instructions of a module share, in the order of first use."""

    def __init__(self, program: Program):
        self.program = program
        self.registers: list[Register] = []
        self.arrays: list[np.ndarray] = []
        self._registers: dict[str, int] = {}
        self._constants: dict[bytes, int] = {}
        self._integers: dict[int, int] = {}
        self._sizes: dict[Size, int] = {}
        self._texts: dict[str, int] = {}
        self._sources: dict[SourceSpan, int] = {}
        self._descriptors: dict[Descriptor, int] = {}
        self._places: dict[tuple[int, int], int] = {}

    def register_of(self, name: str) -> int:
        """The register of a variable, made when it is first asked for."""
        found = self._registers.get(name)
        if found is None:
            info = self.program.infos[name]
            dtype = self.program.system.precision if info.type == "float" else "i64"
            found = self._registers[name] = len(self.registers)
            self.registers.append(Register(
                name, dtype, tuple(a.extent for a in info.axes), tuple(a.lo for a in info.axes)))
        return found

    def has_register(self, name: str) -> bool:
        return name in self._registers

    def constant(self, value: float) -> int:
        # By bits: 0.0 and -0.0 are two constants, and a NaN is itself.
        return self._constants.setdefault(struct.pack("<d", value), len(self._constants))

    def integer(self, value: int) -> int:
        return self._integers.setdefault(int(value), len(self._integers))

    def size(self, size: Size) -> int:
        return self._sizes.setdefault(Size.of(size), len(self._sizes))

    def text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def descriptor(self, descriptor: Descriptor) -> int:
        return self._descriptors.setdefault(descriptor, len(self._descriptors))

    def source(self, place: Place | None) -> int:
        """The source span of a place: line, column and the relation's text on one line."""
        if place is None or place.end == place.start:  # asked for outside of the text
            return -1
        key = (place.start, place.end)
        found = self._places.get(key)
        if found is None:
            text = self.program.system.text
            starts = self.program.line_starts
            line = bisect_right(starts, place.start)
            span = SourceSpan(line, place.start - starts[line - 1] + 1,
                              one_line(text[place.start:place.end]))
            found = self._sources.setdefault(span, len(self._sources))
            self._places[key] = found
        return found

    def array(self, values, dtype: str) -> int:
        self.arrays.append(np.asarray(values, dtype=dtype, order="C"))
        return len(self.arrays) - 1

    # -- for the module ----------------------------------------------------------------------
    def constants(self) -> tuple[float, ...]:
        return tuple(struct.unpack("<d", bits)[0] for bits in self._constants)

    def integers(self) -> tuple[int, ...]:
        return tuple(self._integers)

    def sizes(self) -> tuple[Size, ...]:
        return tuple(self._sizes)

    def texts(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def sources(self) -> tuple[SourceSpan, ...]:
        return tuple(self._sources)

    def descriptors(self) -> tuple[Descriptor, ...]:
        return tuple(self._descriptors)


_COMMENT = re.compile(r"""("[^"\n]*"|'[^'\n]*')|#[^\n]*""")


def one_line(text: str) -> str:
    """A relation's text without comments and line ends."""
    if "\n" in text or "#" in text:
        text = _COMMENT.sub(lambda m: m.group(1) or "", text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."
