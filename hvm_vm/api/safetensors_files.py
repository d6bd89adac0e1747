"""`.safetensors` files, mapped into memory: tensors are views of the file, nothing is copied.

The format (github.com/huggingface/safetensors): the length of the header as 8 bytes, little-endian;
a JSON object that gives each tensor's dtype, shape and byte range; the bytes. Nothing in the header
is trusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from hvm_vm.engines.words import printable
from hvm_vm.errors import InputError

HEADER_LIMIT = 100_000_000  # bytes; the reference implementation's

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
    "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def read_safetensors(path: str) -> Mapping[str, np.ndarray]:
    """The tensors of a file by name. Raises `InputError` for a damaged one."""
    try:
        memory = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if len(memory) < 8:
        raise InputError(f"{path}: the file is damaged (it ends inside its header)")
    length = int.from_bytes(memory[:8].tobytes(), "little")
    if length > HEADER_LIMIT or length > len(memory) - 8:
        raise InputError(f"{path}: the file is damaged (its header says that it is {length} bytes "
                         f"long, the file has {len(memory)})")
    try:
        header = json.loads(memory[8 : 8 + length].tobytes())
    except (ValueError, RecursionError):
        raise InputError(f"{path}: the file is damaged (its header is not valid JSON)") from None
    if not isinstance(header, dict):
        raise InputError(f"{path}: the file is damaged (its header is not an object)")
    header.pop("__metadata__", None)
    return _Tensors(path, memory[8 + length :], header)


class _Tensors(Mapping):
    """Tensors by name, each checked and made a view when it is asked for."""

    def __init__(self, path: str, data: np.ndarray, header: dict):
        self._path, self._data, self._header = path, data, header
        self._arrays: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            self._arrays[name] = self._view(name, self._header[name])
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._header

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)

    def __len__(self) -> int:
        return len(self._header)

    def _view(self, name: str, entry) -> np.ndarray:
        try:
            kind, shape = entry["dtype"], tuple(entry["shape"])
            start, stop = entry["data_offsets"]
            sound = all(type(n) is int and n >= 0 for n in (*shape, start, stop))
        except (TypeError, KeyError, ValueError):
            sound = False
        if not sound:
            raise self._damaged(name, "its entry in the header is not complete")
        if kind not in _DTYPES:
            raise InputError(f"{self._path}: the tensor {printable(name)} has the type "
                             f"{printable(str(kind))}, which HVM does not read")
        dtype = np.dtype(_DTYPES[kind])
        if start > stop or stop > len(self._data):
            raise self._damaged(name, "it lies outside of the file: was the download cut short?")
        if prod(shape) * dtype.itemsize != stop - start:
            raise self._damaged(name, "its shape does not fit its bytes")
        array = self._data[start:stop].view(np.ndarray)
        if (array.ctypes.data % dtype.itemsize) != 0:
            array = array.copy()  # the header's length is odd
        array = array.view(dtype).reshape(shape)
        if kind == "BF16":  # the upper half of a float32
            return (array.astype(np.uint32) << 16).view(np.float32)
        return array.astype(np.float32) if kind == "F16" else array

    def _damaged(self, name: str, reason: str) -> InputError:
        return InputError(
            f"{self._path}: the file is damaged (tensor {printable(name)}: {reason})")
