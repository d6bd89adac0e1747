"""Results: what a run leaves in its registers, as the user gets it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hvm_vm.bytecode.module import Family, Member, Module
from hvm_vm.engines.words import listed, suggestion
from hvm_vm.errors import InputError


class UnknownResult(InputError, KeyError):
    """A result that the program does not have."""

    __str__ = Exception.__str__


class Results(dict):
    """The results of a run, under the names of the source: numbers for scalars, arrays, and texts
    for symbols. Families and their scalars can be looked up too."""

    def __init__(self, module: Module, values: Mapping[str, object]):
        super().__init__(values)
        self._module = module

    def __missing__(self, name: str):
        for family in self._module.families:
            if family.name == name:
                parts = {m.subscripts: self._scalar(m) for m in family.members}
                if None not in parts.values():
                    return _assembled(family, parts)
            for member in family.members:
                if member.name == name and (found := self._scalar(member)) is not None:
                    return found
        raise UnknownResult(
            f"there is no result {name}{suggestion(name, self)}: "
            f"the results are {listed(list(self), most=30)}"
        )

    def _scalar(self, member: Member):
        """The value of a family's scalar, wherever it lives, or None when it is no result."""
        if member.name in self:
            return self[member.name]
        for output in self._module.outputs:
            if output.register == member.register and output.name in self:
                value = self[output.name]
                return value[member.position].item() if np.ndim(value) else value
        return None


def _assembled(family: Family, parts: Mapping[tuple[int, ...], object]) -> np.ndarray:
    """The scalars of a family as an array; NaN (or 0, or no text) where it has none."""
    first = next(iter(parts.values()))
    if isinstance(first, str):
        array = np.full(family.shape, "", dtype=object)
    else:
        array = np.full(family.shape, np.nan if isinstance(first, float) else 0)
    for subscripts, value in parts.items():
        array[tuple(s - k for s, k in zip(subscripts, family.lo, strict=True))] = value
    return array.astype(str) if array.dtype == object else array


def result_value(array: np.ndarray, symbolic: bool, module: Module):
    """A register as the user gets it: a copy, a number for a scalar, texts for symbols."""
    if symbolic:
        texts = np.array(module.symbols or ("",), dtype=str)
        found = texts[np.clip(array.astype(np.int64), 0, len(texts) - 1)]
        return found if array.ndim else str(found)
    return array.copy() if array.ndim else array.item()
