"""Tables as text: aligned columns, the last of which may fold, for terminals of any width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

FOLDING = frozenset(("instruction", "relation", "operation"))  # as last columns: they may fold
NAMES = ("source",)  # columns that move to the folding one where they do not fit
NARROW = 40  # characters beside the numbers that it needs at least, or it stands below them
SHORT = 16  # names that are worth a number or two to stand beside the others
SPARE = (
    "stddev", "min", "max", "scalar ops", "mean", "±", "GB/s", "GFLOP/s", "roofline", "count",
    "bar", "source", "share",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: `left` columns are texts, the others numbers. `note` follows it."""

    columns: tuple[str, ...]
    left: frozenset[str]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def lay_out(sheet: Sheet, padded: bool = False) -> Iterator[str]:
    """Aligned lines of a table, as wide as they need to be; `padded`: all equally wide."""
    titles = tuple("" if column == "bar" else column for column in sheet.columns)
    widths = [
        max(len(title), *(len(row[k]) for row in sheet.rows), 0) if sheet.rows else len(title)
        for k, title in enumerate(titles)
    ]
    for row in (titles, *sheet.rows):
        cells = [
            cell.ljust(width) if column in sheet.left else cell.rjust(width)
            for cell, width, column in zip(row, widths, sheet.columns, strict=True)
        ]
        line = "  ".join(cells)
        yield line if padded else line.rstrip()


def fitted(sheet: Sheet, width: int) -> Iterator[str]:
    """Lines of at most `width` characters, if that is possible: numbers that are easiest to do
    without are left out and named in a last line; names are folded, or stand below the numbers."""
    text = sheet.columns[-1] in FOLDING
    whole = sheet
    longest = max((len(row[-1]) for row in sheet.rows), default=0)
    title = len(sheet.columns[-1])
    beside = max(longest, title) + 2 if text and longest <= SHORT else 0
    for spare in ("", *SPARE):
        sheet = _moved(sheet, spare) if text and spare in NAMES else _without(sheet, spare)
        numbers = _without(sheet, sheet.columns[-1]) if text else sheet
        lines = list(lay_out(numbers, padded=text))
        if len(lines[0]) + beside <= width:
            break
    if text:
        yield from _with_text(sheet, lines, width)
    else:
        yield from (part for line in lines for part in (_folded(line, width) or [""]))
    lost = [c for c in whole.columns if c not in sheet.columns and c not in (*NAMES, "bar")]
    if lost:
        yield from _folded(f"not shown in {width} columns: {', '.join(lost)}", width)


def _with_text(sheet: Sheet, lines: list[str], width: int) -> Iterator[str]:
    room = width - len(lines[0]) - 2
    longest = max((len(row[-1]) for row in sheet.rows), default=0)
    beside = room >= max(min(longest, NARROW), len(sheet.columns[-1]))
    yield f"{lines[0]}  {sheet.columns[-1]}" if beside else lines[0].rstrip()
    for line, row in zip(lines[1:], sheet.rows, strict=True):
        if beside:
            first, *rest = _folded(row[-1], room)
            yield f"{line}  {first}".rstrip()
            yield from (f"{'':{len(line)}}  {more}" for more in rest)
        else:
            yield line.rstrip()
            yield from (f"    {more}" for more in _folded(row[-1], max(20, width - 4)))


def _without(sheet: Sheet, column: str) -> Sheet:
    if column not in sheet.columns:
        return sheet
    k = sheet.columns.index(column)
    rows = tuple(row[:k] + row[k + 1 :] for row in sheet.rows)
    return Sheet(sheet.columns[:k] + sheet.columns[k + 1 :], sheet.left, rows, sheet.note)


def _moved(sheet: Sheet, column: str) -> Sheet:
    """A column of names put before the folding text."""
    if column not in sheet.columns:
        return sheet
    k = sheet.columns.index(column)
    rows = tuple((*row[:-1], f"{row[k]}  {row[-1]}".strip()) for row in sheet.rows)
    return _without(Sheet(sheet.columns, sheet.left, rows, sheet.note), column)


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
