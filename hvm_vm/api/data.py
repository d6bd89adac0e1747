"""Data files: names to arrays, and the inputs that name their tensors.

`.npz` (NumPy), `.json` (an object of numbers, nested lists and texts) and `.safetensors`, which is
mapped into memory: its tensors are used where they lie. An input declared with
`from "encoder.layer.{l-1}.weight"` is stacked from the tensors that match, without copying when
they lie at equal distances in one file.
"""

from __future__ import annotations

import json
import math
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hvm_vm.api.safetensors_files import read_safetensors
from hvm_vm.api.values import Arguments, Names, as_input
from hvm_vm.bytecode.module import DTYPES, Input, Module, TensorPattern
from hvm_vm.bytecode.sizes import Size, SizeError
from hvm_vm.engines.words import listed, located, printable, suggestion
from hvm_vm.errors import InputError

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Data(Mapping):
    """The arrays of one or more files by name; a later file wins. Read once, use often."""

    def __init__(self, parts: Iterable[Mapping[str, object]], files: tuple[str, ...] = ()):
        self._where: dict[str, Mapping[str, object]] = {}
        self.files = files
        for part in parts:
            self._where.update(dict.fromkeys(part, part))

    def __getitem__(self, name: str):
        return self._where[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def __len__(self) -> int:
        return len(self._where)

    def __repr__(self) -> str:
        return f"<Data: {listed(self.files, most=4)}, {len(self)} names>"


def read_data(*sources) -> Data:
    """Open data files (paths; mappings are taken as they are). Raises `InputError` in one line for
    a file that is missing, damaged or of another kind."""
    parts, files = [], []
    for source in sources:
        if isinstance(source, Mapping):
            parts.append(source)
            continue
        if isinstance(source, (list, tuple)):
            inner = read_data(*source)
            parts.append(inner)
            files += inner.files
            continue
        try:
            path = os.fspath(source)
        except TypeError:
            raise InputError(f"data: a path or a mapping is expected, not {source!r}") from None
        parts.append(_read_file(path))
        files.append(path)
    return Data(parts, tuple(files))


def _read_file(path: str) -> Mapping[str, object]:
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if head[:2] == b"PK":
        return _Npz(path)
    if head[:6] == b"\x93NUMPY":
        raise InputError(f"{path}: a .npy file holds one array without a name; save it with "
                         "numpy.savez(file, NAME=array)")
    if head[8:9] == b"{" and not path.endswith(".json"):
        return read_safetensors(path)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return _read_json(path)
    raise InputError(f"{path}: this is not a data file: .npz, .json or .safetensors is expected")


class _Npz(Mapping):
    """A `.npz` archive; each array is read when it is asked for."""

    def __init__(self, path: str):
        self._path = path
        self._arrays: dict[str, np.ndarray] = {}
        try:
            self._file = np.load(path, allow_pickle=False)
            self._names = list(self._file.files)
        except (OSError, ValueError, zipfile.BadZipFile, KeyError, EOFError) as error:
            raise InputError(f"{path}: the file is damaged ({_short(error)})") from None

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._arrays:
            try:
                self._arrays[name] = self._file[name]
            except Exception as error:  # zlib, struct, tokenizer errors: whatever the damage hits
                raise InputError(
                    f"{self._path}: the array {printable(name)} cannot be read ({_short(error)})"
                ) from None
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _short(error: Exception) -> str:
    text = printable(str(error).splitlines()[0]) if str(error) else type(error).__name__
    return text[:120]


def _read_json(path: str) -> dict[str, object]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            found = json.load(file)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: this is not valid JSON ({_short(error)})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: an object of names and values is expected")
    return {name: _numbers(value) for name, value in found.items()}


def _numbers(value):
    """The texts that stand for numbers which JSON does not have, as those numbers, inside lists."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return _SPECIAL.get(value, value) if isinstance(value, str) else value


# -- into a program ------------------------------------------------------------------------------


def plain_values(names: Names, data: Mapping[str, object],
                 given: Mapping[str, object]) -> dict[str, object]:
    """The values of `data` that the program can use under their own names, but for those given."""
    module = names.module
    patterned = {item.name for item in module.inputs if item.pattern is not None}
    return {name: data[name] for name in data
            if name not in given and name not in patterned and name in names}


def fill_patterns(module: Module, arguments: Arguments, data: Data) -> None:
    """Add the inputs that name tensors and were not given. Raises `InputError`: a tensor that is
    missing (nearest name offered), or tensors of different shapes."""
    sizes = {s.name: s.default for s in module.symbols_of_size if s.default is not None}
    sizes.update(arguments.sizes)
    for item in module.inputs:
        if item.pattern is None or item.name in arguments.arrays:
            continue
        if item.name in data and _first_name(item, module, sizes) not in data:
            arguments.arrays[item.name] = as_input(data[item.name], module, item)
        else:
            arguments.arrays[item.name] = _stack(item, module, data, sizes)


def _first_name(item: Input, module: Module, sizes) -> str:
    lo = [_known(size, sizes) for size in module.registers[item.register].lo]
    return _name(item.pattern, {a: lo[a] or 0 for a in item.pattern.stacked_axes()})


def _name(pattern: TensorPattern, index: Mapping[int, int]) -> str:
    return "".join(p if isinstance(p, str) else str(p[1] * index[p[0]] + p[2])
                   for p in pattern.parts)


def _known(size: Size, sizes) -> int | None:
    try:
        return size.evaluate(sizes)
    except SizeError:
        return None


def _stack(item: Input, module: Module, data: Data, sizes) -> np.ndarray:
    """The array of an input from the tensors that its pattern names."""
    pattern, register = item.pattern, module.registers[item.register]
    axes = pattern.stacked_axes()
    ranges = []
    for axis in axes:
        lo = _known(register.lo[axis], sizes)
        lo = 0 if lo is None else lo
        extent = _known(register.shape[axis], sizes)
        if extent is None:
            extent = _count(pattern, axis, lo, data)
        ranges.append(range(lo, lo + max(0, extent)))
    grid = tuple(len(r) for r in ranges)
    tensors = {}
    for place in product(*map(range, grid)):
        index = {a: r[k] for a, r, k in zip(axes, ranges, place, strict=True)}
        tensors[place] = _tensor(item, module, data, _name(pattern, index))
    if not tensors:
        first = _first_name(item, module, sizes)
        raise InputError(located(
            module, item.source, f"{item.name}: the data has no tensor named {printable(first)}"
            f"{suggestion(first, data)}"))
    _same_shapes(item, module, tensors, axes, ranges)
    if not axes:
        return as_input(tensors[()], module, item)
    shape, rank = next(iter(tensors.values())).shape, len(register.shape) - len(axes)
    if len(shape) != rank:
        raise InputError(located(
            module, item.source,
            f"{item.name} has {len(register.shape)} axes, {rank} of them within each tensor, but "
            f"{printable(_first_name(item, module, sizes))} has the shape {shape}"))
    array = _in_place(tensors, grid, DTYPES[register.dtype])
    if array is None:
        one = as_input(next(iter(tensors.values())), module, item, rank)
        array = np.empty(grid + one.shape, one.dtype)
        for place, tensor in tensors.items():
            array[place] = as_input(tensor, module, item, one.ndim)
    return np.moveaxis(array, range(len(grid)), axes)


def _count(pattern: TensorPattern, axis: int, lo: int, data: Data) -> int:
    """How many index values from `lo` on the tensors' names have along an axis."""
    text, group = "", 0
    wanted = None
    for part in pattern.parts:
        if isinstance(part, str):
            text += re.escape(part)
        else:
            text += r"(-?\d{1,15})"
            group += 1
            if part[0] == axis and wanted is None:
                wanted = (group, part[1], part[2])
    group, scale, offset = wanted
    expression = re.compile(text)
    found = set()
    for name in data:
        match = expression.fullmatch(name)
        if match and scale and (int(match[group]) - offset) % scale == 0:
            found.add((int(match[group]) - offset) // scale)
    above = [k for k in found if k >= lo]
    # A gap is not the end: the missing tensor is reported by its name. Absurd numbers are not.
    return min(max(above) - lo + 1, 4 * len(above)) if above else 0


def _tensor(item: Input, module: Module, data: Data, name: str) -> np.ndarray:
    if name not in data:
        raise InputError(located(
            module, item.source, f"{item.name}: the data has no tensor named {printable(name)}"
            f"{suggestion(name, data)}"))
    return np.asarray(data[name])


def _same_shapes(item: Input, module: Module, tensors, axes, ranges) -> None:
    (first, tensor), *rest = tensors.items()
    for place, other in rest:
        if other.shape != tensor.shape:
            names = [
                printable(_name(item.pattern, {a: r[k] for a, r, k in
                                               zip(axes, ranges, p, strict=True)}))
                for p in (first, place)]
            raise InputError(located(
                module, item.source, f"{item.name}: {names[0]} has the shape {tensor.shape}, "
                f"but {names[1]} has {other.shape}"))


def _in_place(tensors, grid: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
    """The tensors as one view of the memory that they lie in, or None when they do not lie at equal
    distances in one mapping."""
    first = tensors[(0,) * len(grid)]
    owner = _owner(first)
    strides = []
    for k, count in enumerate(grid):
        if count == 1:
            strides.append(first.nbytes)
            continue
        second = tensors[tuple(1 if d == k else 0 for d in range(len(grid)))]
        strides.append(second.ctypes.data - first.ctypes.data)
    for place, tensor in tensors.items():
        step = sum(s * p for s, p in zip(strides, place, strict=True))
        if (tensor.dtype != dtype or not tensor.flags.c_contiguous or not tensor.flags.aligned
                or _owner(tensor) is not owner
                or tensor.ctypes.data - first.ctypes.data != step):
            return None
    if any(s <= 0 or s % dtype.itemsize for s in strides):
        return None
    return as_strided(first, grid + first.shape, (*strides, *first.strides), writeable=False)


def _owner(array: np.ndarray):
    """The object whose memory an array is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base if array.base is not None else array
