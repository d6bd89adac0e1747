"""Values as text: one line of shape and range, or the elements under their index values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hvm_vm.engines.words import index_range

MOST = 12  # elements along an axis that are shown; of more, the first and the last
EDGE = 5
BLOCKS = 4  # matrices of an array with more axes


def number(value) -> str:
    """A number short enough for a table; a text in quotes."""
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    return str(int(value))


def exactly(value) -> str:
    """A number with all the digits that it has."""
    value = value[()] if isinstance(value, np.ndarray) else value
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, np.floating):
        return str(value)
    return repr(float(value)) if isinstance(value, float) else str(int(value))


def kind(array: np.ndarray) -> str:
    """`f64[3,2]`."""
    names = {"float32": "f32", "float64": "f64", "int64": "i64", "bool": "bool"}
    name = "symbol" if array.dtype.kind in "UO" else names.get(array.dtype.name, array.dtype.name)
    return f"{name}[{','.join(map(str, array.shape))}]"


def spread(array: np.ndarray) -> str:
    """`-1.2 to 3.4, 2 nan, 1 inf`, or the value of a scalar."""
    if array.ndim == 0:
        return exactly(array)
    if not array.size:
        return "empty"
    if array.dtype.kind in "UO":
        texts = sorted({str(t) for t in array.reshape(-1)[:1000]})
        return ", ".join(f"'{t}'" for t in texts[:4]) + (", …" if len(texts) > 4 else "")
    parts = []
    finite = array
    if array.dtype.kind == "f":
        nan, inf = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        if nan or inf:
            finite = array[np.isfinite(array)]
        parts = [f"{n} {what}" for n, what in ((nan, "nan"), (inf, "inf")) if n]
    if finite.size:
        low, high = number(finite.min()), number(finite.max())
        one = low if parts else f"all {low}"  # `all` says that nothing else is there
        parts.insert(0, one if low == high else f"{low} to {high}")
    return ", ".join(parts)


def summary(name: str, array: np.ndarray) -> str:
    """`S f64[3,3]  -1.2 to 3.4, 2 nan`; `x = 3` for a scalar."""
    if array.ndim == 0:
        return f"{name} = {spread(array)}"
    return f"{name} {kind(array)}  {spread(array)}"


def table(name: str, array: np.ndarray, lows: Sequence[int] = (),
          axes: Sequence[str] = ()) -> list[str]:
    """The elements as lines, under index values; of long axes the first and the last ones."""
    if array.ndim == 0:
        return [summary(name, array)]
    lows = list(lows) or [0] * array.ndim
    axes = [a if not a.endswith(" axis") else "" for a in axes] or [""] * array.ndim
    ranges = ", ".join(f"{a} = {index_range(low, n)}" if a else index_range(low, n)
                       for a, low, n in zip(axes, lows, array.shape, strict=True))
    lines = [f"{name} {kind(array)}  {ranges}  {spread(array)}"]
    if not array.size:
        return lines
    if array.ndim == 1:
        return lines + _matrix(array[None, :], ["", axes[0]], [None, lows[0]])
    outer = list(np.ndindex(array.shape[:-2]))
    for point in outer[:BLOCKS]:
        if point:
            lines.append(", ".join(_label(a, low + p) for a, low, p in
                                   zip(axes, lows, point, strict=False)) + ":")
        lines += _matrix(array[point], axes[-2:], lows[-2:])
    if len(outer) > BLOCKS:
        lines.append(f"… {len(outer) - BLOCKS} more matrices")
    return lines


def _shown(extent: int) -> list[int | None]:
    """The places along an axis that are shown; None for those left out."""
    if extent <= MOST:
        return list(range(extent))
    return [*range(EDGE), None, *range(extent - EDGE, extent)]


def _label(axis: str, value: int) -> str:
    return f"{axis}={value}" if axis else str(value)


def _matrix(array: np.ndarray, axes: Sequence[str], lows: Sequence[int | None]) -> list[str]:
    rows, columns = _shown(array.shape[0]), _shown(array.shape[1])
    cells = [["", *("…" if c is None else _label(axes[1], lows[1] + c) for c in columns)]]
    for r in rows:
        if r is None:
            cells.append(["…"] * (len(columns) + 1))
            continue
        head = "" if lows[0] is None else _label(axes[0], lows[0] + r)
        cells.append([head, *("…" if c is None else number(array[r, c]) for c in columns)])
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    return ["  " + "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in cells]
