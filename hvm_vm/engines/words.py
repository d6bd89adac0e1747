"""The words that the runtime half uses to speak of a program: places, axes, index values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from hvm_vm.bytecode.module import Module

WIDEST = 100  # characters of a relation that are quoted


def located(module: Module, source: int, message: str) -> str:
    """`message` behind `file:line:column`, with the relation quoted under it.

    `source` is a place in `module.sources`, or -1 when the program does not say."""
    name = printable(module.file) or "program"
    if not 0 <= source < len(module.sources):
        return f"{name}: error: {message}"
    span = module.sources[source]
    text = printable(span.text.strip().splitlines()[0]) if span.text.strip() else ""
    if len(text) > WIDEST:
        text = text[: WIDEST - 4] + " ..."
    quoted = f"\n    {text}\n    {'^' * len(text)}" if text else ""
    return f"{name}:{span.line}:{span.column}: error: {message}{quoted}"


def printable(text: str) -> str:
    """`text` without control characters: a file may hold anything, a terminal should not get it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` is most likely a misspelling of, or None."""
    candidates = sorted({c for c in candidates if c != name})
    for candidate in candidates:
        if candidate.casefold() == name.casefold():
            return candidate
    if len(name) < 2:
        return None
    from difflib import get_close_matches

    found = get_close_matches(name, candidates[:5000], n=1, cutoff=0.6)
    return found[0] if found else None


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """` (did you mean …?)`, or nothing."""
    found = nearest(name, candidates)
    return f" (did you mean {found}?)" if found else ""


def listed(names: Sequence[str], last: str = "and", most: int = 12) -> str:
    """`a, b and c`, cut when there are too many."""
    names = list(names)
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def axis_names(module: Module, name: str, rank: int, source: int = -1) -> tuple[str, ...]:
    """What the user calls each axis of `name`: the subscripts it was declared or determined with.

    Read off the quoted relations, first that of `source`, then those that name every axis by an
    index, and of them those that begin with the name; `1st axis` … where they do not say."""
    if not rank:
        return ()
    spans = list(module.sources[:2000])
    spans.sort(key=lambda span: not re.match(rf"(given\s+)?(integer\s+)?{re.escape(name)}\s*\[",
                                             span.text))
    first = [module.sources[source]] if 0 <= source < len(module.sources) else []
    said = [[found for span in group for found in subscripts_of(span.text, name)
             if len(found) == rank] for group in (first, spans)]
    plain = [found for found in said[1] if all(text.isidentifier() for text in found)]
    for found in (*said[0], *plain[:1], *said[1]):
        return tuple(f"axis {printable(text)}" for text in found)
    return tuple(f"{_ordinal(k + 1)} axis" for k in range(rank))


def subscripts_of(text: str, name: str) -> Iterator[list[str]]:
    """The subscripts of every `name[…]` in a text."""
    for match in re.finditer(rf"(?<!\w){re.escape(name)}\s*\[", text):
        found = _subscripts(text, match.end())
        if found is not None:
            yield found


def _subscripts(text: str, start: int) -> list[str] | None:
    """The texts between the commas of a bracket that opened before `start`."""
    parts, depth, begin = [], 0, start
    for k in range(start, len(text)):
        c = text[k]
        if c in "([{":
            depth += 1
        elif c in ")]}" and depth:
            depth -= 1
        elif c == "]" or (c == "," and not depth):
            parts.append(text[begin:k].strip())
            begin = k + 1
            if c == "]":
                return parts
    return None


def relation_with(module: Module, source: int, name: str, axis: int, subscript: str) -> int:
    """The place in `module.sources` of the relation that writes `subscript` on an axis of `name`:
    `source` itself, or another one that was fused into its instruction, else `source`."""
    wanted = subscript.replace(" ", "")
    for k in [source, *range(min(2000, len(module.sources)))]:
        if 0 <= k < len(module.sources):
            for found in subscripts_of(module.sources[k].text, name):
                if axis < len(found) and found[axis].replace(" ", "") == wanted:
                    return k
    return source


def axes_of(name: str, names: Sequence[str]) -> str:
    """`X has 2 axes, X[t, i]`, or `X is a single number`; `names` are those of `axis_names`."""
    if not names:
        return f"{name} is a single number"
    count = "1 axis" if len(names) == 1 else f"{len(names)} axes"
    if not names[0].startswith("axis "):
        return f"{name} has {count}"
    return f"{name} has {count}, {name}[{', '.join(n.removeprefix('axis ') for n in names)}]"


def _ordinal(n: int) -> str:
    suffix = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"


def elements(count: int) -> str:
    return "1 element" if count == 1 else f"{count} elements"


def index_range(lo: int, extent: int) -> str:
    """`1..5`, or `an empty range`."""
    return f"{lo}..{lo + extent - 1}" if extent > 0 else "an empty range"


def at_point(names: Sequence[str], values: Sequence[int]) -> str:
    """` at t = 3, u = 1`, or nothing for a scalar."""
    if not names:
        return ""
    return " at " + ", ".join(f"{printable(n)} = {v}" for n, v in zip(names, values, strict=True))


def byte_count(count: int) -> str:
    """`80.0 GB`; decimal units."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} PB"
