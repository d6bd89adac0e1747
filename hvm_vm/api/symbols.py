"""Symbols from outside: texts such as 'ODD' as the numbers that bytecode compares.

A module numbers the symbols that its source names. A text that it does not name is a symbol too: it
equals none of those, and is itself when it is copied to a result. Such texts are numbered once for
the process, far above any module's numbers.
"""

from __future__ import annotations

import threading

import numpy as np

from hvm_vm.bytecode.module import Module

_FIRST = 1 << 40  # no module names so many
_others: dict[str, int] = {}
_texts: list[str] = []
_lock = threading.Lock()


def numbers_of(array: np.ndarray, module: Module) -> np.ndarray:
    """The numbers (int64, same shape) of an array of texts."""
    own = {text: k for k, text in enumerate(module.symbols)}
    out = np.empty(array.shape, np.int64)
    for point in np.ndindex(array.shape):
        text = str(array[point])
        number = own.get(text)
        out[point] = _other(text) if number is None else number
    return out


def texts_of(array: np.ndarray, module: Module) -> np.ndarray:
    """The texts (same shape) of an array of numbers; elements without a value are empty texts."""
    own = module.symbols
    found = [own[n] if 0 <= n < len(own) else
             _texts[n - _FIRST] if 0 <= n - _FIRST < len(_texts) else ""
             for n in map(int, array.ravel())]
    return np.array(found, dtype=str).reshape(array.shape)


def _other(text: str) -> int:
    with _lock:
        number = _others.get(text)
        if number is None:
            number = _others[text] = _FIRST + len(_texts)
            _texts.append(text)
    return number
