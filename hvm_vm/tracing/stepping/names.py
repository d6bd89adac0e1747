"""What names stand for: registers, elements of registers, families, sizes; and their values now.

People know variables by the names of the source. An array that the compiler made of scalars is
known under the scalars' own names, and a family of scalars under the family's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hvm_vm.api.symbols import texts_of
from hvm_vm.bytecode.module import Family
from hvm_vm.engines.bound import Bound
from hvm_vm.engines.words import axis_names, suggestion
from hvm_vm.errors import InputError
from hvm_vm.tracing.stepping.timeline import HELD, LOST, UNSET, Timeline, results_of


class Unavailable(InputError):
    """A variable that has no value at this place of the run."""


@dataclass(frozen=True, slots=True)
class Place:
    """A variable: a register, or one element of it (`position`)."""

    name: str
    register: int
    position: tuple[int, ...] | None = None


class Names:
    """The names of a bound program."""

    def __init__(self, bound: Bound):
        self.bound = bound
        module = self.module = bound.program.module
        self.places: dict[str, Place] = {}
        self.families: dict[str, Family] = {}
        self._writers: dict[int, int] = {}
        self.sizes: dict[str, int] = dict(bound.sizes)
        spoken: dict[int, str] = {}
        for item in (*module.outputs, *module.inputs):
            self.places.setdefault(item.name, Place(item.name, item.register))
            spoken.setdefault(item.register, item.name)
        for number, register in enumerate(module.registers):
            if register.name:
                self.places.setdefault(register.name, Place(register.name, number))
            spoken.setdefault(number, register.name or f"%{number}")
        for family in module.families:
            for member in family.members:
                array = bound.registers[member.register].shape
                position = tuple(member.position) if array else None
                self.places.setdefault(member.name, Place(member.name, member.register, position))
            if family.name not in self.places:
                self.families[family.name] = family
        self.spoken = [spoken[number] for number in range(len(module.registers))]
        self.symbolic = {item.register for item in (*module.inputs, *module.outputs)
                         if item.symbolic}

    def __contains__(self, name: str) -> bool:
        return name in self.places or name in self.families or name in self.sizes

    def all(self) -> list[str]:
        return [*self.places, *self.families, *self.sizes]

    def place(self, name: str) -> Place:
        """Where a variable lies. Raises `InputError` for a name that is no variable here."""
        found = self.places.get(name)
        if found is None:
            if name in self.families:
                raise InputError(f"{name} is a family of scalars: name one of them, such as "
                                 f"{self.families[name].members[0].name}")
            if name in self.sizes:
                raise InputError(f"{name} is a size, fixed for this run: {self.sizes[name]}")
            raise self.unknown(name)
        return found

    def unknown(self, name: str) -> InputError:
        return InputError(f"there is no variable {name}{suggestion(name, self.all())}")

    def lows(self, name: str) -> tuple[int, ...]:
        """The index value of the first element along each axis."""
        if name in self.families:
            return self.families[name].lo
        place = self.places.get(name)
        return () if place is None or place.position is not None else tuple(
            self.bound.registers[place.register].lo)

    def axes(self, name: str) -> tuple[str, ...]:
        """What the source calls each axis: `t`, `u`, or `1st axis`."""
        if name in self.families:
            rank = len(self.families[name].shape)
        else:
            place = self.places.get(name)
            if place is None or place.position is not None:
                return ()
            rank = len(self.bound.registers[place.register].shape)
        return tuple(text.removeprefix("axis ") for text in axis_names(self.module, name, rank))

    # -- values ---------------------------------------------------------------------------------

    def value(self, name: str, timeline: Timeline) -> np.ndarray:
        """The value now, not a copy: an array, without axes for a scalar; texts for symbols.
        Raises `Unavailable` when there is none."""
        if name in self.places:
            place = self.places[name]
            array = self._held(place.register, name, timeline)
            if place.position is not None:
                array = array[place.position]
            if place.register in self.symbolic:
                return texts_of(np.asarray(array), self.module)
            return np.asarray(array)
        if name in self.families:
            family = self.families[name]
            parts = [np.asarray(self.value(m.name, timeline)) for m in family.members]
            whole = np.full(family.shape, np.nan if parts[0].dtype.kind == "f" else 0,
                            parts[0].dtype)
            for member, part in zip(family.members, parts, strict=True):
                at = tuple(s - k for s, k in zip(member.subscripts, family.lo, strict=True))
                whole[at] = part
            return whole
        if name in self.sizes:
            return np.asarray(self.sizes[name])
        raise self.unknown(name)

    def _held(self, register: int, name: str, timeline: Timeline) -> np.ndarray:
        state = timeline.states[register]
        if state == UNSET:
            pc = self.writer(register)
            raise Unavailable(f"{name} is not computed yet: instruction {pc} does it")
        if state == LOST:
            raise Unavailable(f"{name} is no longer stored: its memory holds another variable now; "
                              "go back to look at it")
        assert state == HELD
        return timeline.frame.arrays[register]

    def writer(self, register: int) -> int:
        """The first instruction that writes a register."""
        if not self._writers:
            for one in self.bound.code[:-1]:
                for written in results_of(one):
                    self._writers.setdefault(written, one.pc)
        return self._writers.get(register, -1)
