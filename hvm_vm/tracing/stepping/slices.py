"""Slices in index values: `S[1, ..]`, `S[2..4, 3]`, `S[:, 1]`.

The first element along an axis is the first value of its range. `a..b` holds both ends, as in the
language; `a:b` leaves out b, as in Python. Either end may be left out; `..` and `:` are whole axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hvm_vm.engines.words import axes_of, index_range
from hvm_vm.errors import InputError


@dataclass(frozen=True, slots=True)
class Item:
    """One subscript. `sign` is "" for a single value (`first`), or `..` or `:`. The ends are
    functions of the scope that give whole numbers, or None."""

    first: Callable | None
    sign: str = ""
    last: Callable | None = None


def index_of(name: str, items: Sequence[Item], shape: tuple[int, ...], lows: Sequence[int],
             axes: Sequence[str], scope) -> tuple[int | slice, ...]:
    """The NumPy index that `name[items]` means. Raises `InputError`, in index values."""
    if len(items) != len(shape):
        if not shape:
            raise InputError(f"{name} is a single number: it takes no subscripts")
        said = tuple(a if a.endswith(" axis") else f"axis {a}" for a in axes)
        raise InputError(f"{axes_of(name, said)}, not {len(items)}")
    found = []
    for item, extent, low, axis in zip(items, shape, lows, axes, strict=True):
        where = f"{axis} of {name}" if axis.endswith(" axis") else f"axis {axis} of {name}"
        if not item.sign:
            at = _whole(item.first, scope, where)
            if not low <= at < low + extent:
                raise InputError(f"{at} is outside {where}, which is {index_range(low, extent)}")
            found.append(at - low)
            continue
        first = low if item.first is None else _whole(item.first, scope, where)
        end = low + extent
        if item.last is not None:
            end = _whole(item.last, scope, where) + (item.sign == "..")
        if first < end and (first < low or end > low + extent):
            raise InputError(f"{first}..{end - 1} is not inside {where}, which is "
                             f"{index_range(low, extent)}")
        found.append(slice(first - low, max(first, end) - low))
    return tuple(found)


def parts_left(items: Sequence[Item], index: Sequence[int | slice], lows: Sequence[int],
               axes: Sequence[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The lows and names of the axes that a slice keeps."""
    kept = [(low + at.start, axis) for at, low, axis in zip(index, lows, axes, strict=True)
            if isinstance(at, slice)]
    return tuple(low for low, _ in kept), tuple(axis for _, axis in kept)


def _whole(end: Callable, scope, where: str) -> int:
    value = end(scope)
    if getattr(value, "ndim", 0) or float(value) != int(value):
        raise InputError(f"a subscript is one whole number, not {value} (in {where})")
    return int(value)
