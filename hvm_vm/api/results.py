"""Results: what a run leaves in its registers, as the user gets it."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import MappingProxyType

import numpy as np

from hvm_vm.api.symbols import texts_of
from hvm_vm.bytecode.module import Family, Member, Module
from hvm_vm.engines.words import listed, suggestion
from hvm_vm.errors import InputError


class UnknownResult(InputError, KeyError):
    """A result that the program does not have."""

    __str__ = Exception.__str__


class Results(dict):
    """The results of a run, under the names of the source: numbers for scalars, arrays, and texts
    for symbols. Families and their scalars can be looked up too.

    The scalars of an array that was lifted from a family (`spread`, see `spread_outputs`) are the
    results, but they are taken out of it only when somebody looks: the array is there at once.
    The scalars `beside` the results (see `beside_outputs`) are there for the whole family only."""

    def __init__(self, module: Module, values: Mapping[str, object],
                 spread: Mapping[str, tuple[Member, ...]] = MappingProxyType({}),
                 beside: Mapping[str, object] = MappingProxyType({})):
        arrays = {name: values[name] for name in spread if name in values}
        super().__init__(values)
        self._module = module
        self._arrays = arrays
        self._beside = beside
        self._pending = {name: spread[name] for name in arrays}

    def _whole(self) -> dict:
        """Put the scalars where their arrays stand."""
        if self._pending:
            pending, self._pending = self._pending, {}
            items = list(dict.items(self))
            self.clear()
            for name, value in items:
                members = pending.get(name)
                if members is None:
                    dict.__setitem__(self, name, value)
                    continue
                for member in members:
                    part = value[member.position]
                    dict.__setitem__(self, member.name, part.item() if isinstance(
                        part, np.generic) else part)
        return self

    def __iter__(self):
        return dict.__iter__(self._whole())

    def __len__(self) -> int:
        return dict.__len__(self._whole())

    def __contains__(self, name) -> bool:
        return dict.__contains__(self._whole(), name)

    def __eq__(self, other) -> bool:
        return dict.__eq__(self._whole(), other)

    def __ne__(self, other) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return dict.__repr__(self._whole())

    def __delitem__(self, name) -> None:
        dict.__delitem__(self._whole(), name)

    def __reversed__(self):
        return dict.__reversed__(self._whole())

    def keys(self):
        return dict.keys(self._whole())

    def values(self):
        return dict.values(self._whole())

    def items(self):
        return dict.items(self._whole())

    def get(self, name, default=None):
        return dict.get(self._whole(), name, default)

    def pop(self, *arguments):
        return dict.pop(self._whole(), *arguments)

    def copy(self) -> dict:
        return dict(self.items())

    def __missing__(self, name: str):
        if self._pending and dict.__contains__(self._whole(), name):
            return dict.__getitem__(self, name)
        if name in self._arrays:
            return self._arrays[name]
        advice = suggestion(name, self)
        for family in self._module.families:
            if family.name == name:
                parts = {m.name: self._scalar(m) for m in family.members}
                some = any(p is not None for p in parts.values())
                if some:
                    parts = {n: self._beside.get(n) if p is None else p for n, p in parts.items()}
                    advice = (f" as an array: not all of its scalars are results "
                              f"(`find {name}` makes them so), or it has gaps")
                if None not in parts.values() and len(parts) == prod(family.shape):
                    return _assembled(family, {m.subscripts: parts[m.name] for m in family.members})
            for member in family.members:
                if member.name == name and (found := self._scalar(member)) is not None:
                    return found
        raise UnknownResult(
            f"there is no result {name}{advice}: the results are {listed(list(self), most=30)}"
        )

    def _scalar(self, member: Member):
        """The value of a family's scalar, wherever it lives, or None when it is no result."""
        if member.name in self:
            return self[member.name]
        for output in self._module.outputs:
            if output.register == member.register and (
                    output.name in self or output.name in self._arrays):
                value = self[output.name]
                return value[member.position].item() if np.ndim(value) else value
        return None


def spread_outputs(module: Module) -> dict[str, tuple[Member, ...]]:
    """The outputs that are arrays lifted from scalars, each with the scalars that it holds."""
    by_register: dict[int, list[Member]] = {}
    for family in module.families:
        for member in family.members:
            if member.position:
                by_register.setdefault(member.register, []).append(member)
    return {o.name: tuple(by_register[o.register])
            for o in module.outputs if o.register in by_register}


def beside_outputs(module: Module) -> tuple[Member, ...]:
    """The scalars that are inputs, in families of which other scalars are results: the ends of a
    row whose inner values are solved for. No more of them than there are results beside them."""
    inputs = {item.register for item in module.inputs}
    outputs = {o.register for o in module.outputs if not o.hidden}
    found: list[Member] = []
    for family in module.families:
        results = sum(m.register in outputs for m in family.members)
        rest = [m for m in family.members if m.register not in outputs]
        if len(rest) <= results and all(
                m.register in inputs and not module.registers[m.register].shape for m in rest):
            found += rest
    return tuple(found)


def _assembled(family: Family, parts: Mapping[tuple[int, ...], object]) -> np.ndarray:
    """The scalars of a family, which has no holes, as an array."""
    kind = type(next(iter(parts.values())))
    array = np.empty(family.shape, object if kind is str else kind)
    for subscripts, value in parts.items():
        array[tuple(s - k for s, k in zip(subscripts, family.lo, strict=True))] = value
    return array.astype(str) if kind is str else array


def result_value(array: np.ndarray, symbolic: bool, module: Module):
    """A register as the user gets it: a copy, a number for a scalar, texts for symbols."""
    if symbolic:
        found = texts_of(array, module)
        return found if array.ndim else str(found)
    return array.copy() if array.ndim else array.item()
