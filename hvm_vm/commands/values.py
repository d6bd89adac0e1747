"""Values on their way in and out: `--set` texts to Python values, results to text and JSON."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from hvm_vm.errors import InputError

if TYPE_CHECKING:
    import numpy as np

MOST_DIGITS = 4000  # of an integer (Python reads 4300)
SMALL = 64  # elements of an array that is printed whole

_SPECIAL = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
_INTEGER = re.compile(r"[+-]?\d+\Z")
_RATIO = re.compile(r"([+-]?[\d.eE+-]+)/([\d.eE+-]+)\Z")


def parse_set(text: str) -> tuple[str, object]:
    """`NAME=VALUE` as a name and a number, nested list, or text. Raises `InputError`."""
    name, sign, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not sign or not name or not value:
        raise InputError(f"--set {text}: write it as NAME=VALUE, for example --set T=8")
    return name, parse_value(name, value)


def parse_value(name: str, text: str) -> object:
    """A number (`3`, `1e-3`, `1/3`, `inf`), a JSON list, or a text (a symbol)."""
    if _INTEGER.match(text):
        return _integer(text)
    if _NUMBER.match(text):
        return float(text)
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    ratio = _RATIO.match(text)
    if ratio and all(_NUMBER.match(part) for part in ratio.groups()):
        over, under = (float(part) for part in ratio.groups())
        if not under:
            raise InputError(f"--set {name}: {text} divides by zero")
        return over / under
    if text.startswith("["):
        try:
            return _numbers(json.loads(text, parse_int=_integer))
        except (json.JSONDecodeError, RecursionError) as error:
            reason = getattr(error, "msg", "nested too deeply")
            raise InputError(
                f"--set {name}: the list cannot be read ({reason}); write it as in JSON, for "
                "example [1, 2.5, 3] or [[1, 0], [0, 1]]"
            ) from None
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _integer(text: str) -> int:
    """A whole number. Raises `InputError` where it has more digits than Python reads."""
    if len(text) > MOST_DIGITS:
        raise InputError(f"--set: a number of {len(text)} digits is too large")
    return int(text)


def _numbers(value: object) -> object:
    """Texts "nan" and "inf" inside a list as the numbers they mean."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, str) and value.lower() in _SPECIAL:
        return _SPECIAL[value.lower()]
    return value


def to_json(value: object) -> object:
    """A result as numbers, texts and nested lists; what JSON has no number for becomes a text."""
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind == "f":
        if bool(np.isfinite(array).all()):
            return array.tolist()
        return _finite(array.tolist())
    return array.tolist()


def _finite(value: object) -> object:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def readable(name: str, value: object) -> str:
    """One result for people: scalars and small arrays whole, large ones by shape and range."""
    import numpy as np

    array = np.asarray(value)
    if array.ndim == 0:
        return f"{name} = {_scalar(array[()])}"
    head = f"{name}  {array.dtype.name if array.dtype.kind != 'U' else 'symbols'}{_shape(array)}"
    if array.size == 0:
        return f"{head}, empty"
    if array.size <= SMALL:
        return f"{head} =\n{_whole(array)}"
    return f"{head}{_range(array)}\n{_whole(array)}"


def _scalar(value: np.generic) -> str:
    return str(value) if value.dtype.kind in "USO" else str(value.item()) if (
        value.dtype.itemsize == 8
    ) else str(value)  # fmt: skip


def _shape(array: np.ndarray) -> str:
    return f"[{','.join(str(n) for n in array.shape)}]"


def _whole(array: np.ndarray) -> str:
    import numpy as np

    options = {"threshold": SMALL, "edgeitems": 3, "max_line_width": 100}
    return np.array2string(array, precision=8, separator=" ", **options)


def _range(array: np.ndarray) -> str:
    import numpy as np

    if array.dtype.kind not in "fiu":
        return ""
    finite = array[np.isfinite(array)]
    if not finite.size:
        return ", no finite element"
    text = f", {finite.min():.6g} to {finite.max():.6g}, mean {finite.mean(dtype=float):.6g}"
    missing = array.size - finite.size
    return text + (f", {missing} not finite" if missing else "")
