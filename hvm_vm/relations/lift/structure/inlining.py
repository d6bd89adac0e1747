"""Temporaries written into the relations that use them.

    t1 = a*p; t2 = b*q; ya = t1 + t2        ya = a*p + b*q

Compilers write three-address code: each operation has a temporary of its own, numbered by a
counter. A temporary that is a sum or a product and is used once is part of the sum or product that
uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .erased import WORD

MOST_TEXT = 100_000  # characters of one relation
MOST_NESTED = 6      # brackets that temporaries may stand in: deeper ones are a recurrence
_FLAT = re.compile(r"[^()\[\]'\"{}<>=^!&|,]*")
_PRODUCT = re.compile(r"[^+\-]*")


def inlined(statements: Iterable[tuple[int, str]], wanted: set[str]) -> dict[int, str] | None:
    """The statements that are left, with temporaries in place; None when there are none. `wanted`:
    names that must stay."""
    texts = dict(statements)
    definition: dict[str, int] = {}
    uses: dict[str, tuple[str, re.Match] | None] = {}  # the one use: who, and where
    twice: set[str] = set()
    wanted = set(wanted)
    for number, text in texts.items():
        left, equals, right = text.partition("=")
        name = left.strip()
        if not equals or not name.isidentifier():
            wanted.update(m[1] for m in WORD.finditer(text))  # checks and the like
            continue
        if name in definition:
            twice.add(name)
        definition[name] = number
        for match in WORD.finditer(right):
            uses[match[1]] = None if match[1] in uses else (name, match)
    temporary = {}
    for name, number in definition.items():
        right = texts[number].partition("=")[2].strip()
        if name not in wanted and name not in twice and uses.get(name) is not None and (
                _FLAT.fullmatch(right) and WORD.search(right)):
            temporary[name] = right
    temporary = _shallow(temporary, uses)
    if not temporary:
        return None
    done: dict[str, str] = {}
    found = {}
    try:
        for root in temporary:
            _expand(root, temporary, done)
        for number, text in texts.items():
            left, _, right = text.partition("=")
            if left.strip() not in done:
                new = _put(right, done) if left.strip() in definition else right
                found[number] = text if new == right else f"{left}={new}"
    except OverflowError:
        return None
    return found


def _shallow(temporary: dict[str, str], uses) -> dict[str, str]:
    """The temporaries without those of trees that are deep in brackets, or long."""
    depth: dict[str, int] = {}
    size: dict[str, int] = {}
    owner: dict[str, str] = {}  # what a temporary ends up in
    waiting = dict.fromkeys(temporary, 0)
    for name in temporary:
        if uses[name][0] in waiting:
            waiting[uses[name][0]] += 1
    ready = [n for n, count in waiting.items() if not count]
    order: list[str] = []
    while ready:
        name = ready.pop()
        order.append(name)
        text = temporary[name]
        size[name] = size.get(name, 0) + len(text)
        target, match = uses[name]
        own = depth.get(name, 0) + (not _is_bare(match.string, match, text))
        depth[target] = max(depth.get(target, 0), own)
        size[target] = size.get(target, 0) + size[name]
        if target in waiting:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for name in reversed(order):
        owner[name] = owner.get(uses[name][0], uses[name][0])
    return {n: temporary[n] for n in order
            if depth[owner[n]] <= MOST_NESTED and size[owner[n]] <= MOST_TEXT}


def _is_bare(right: str, match: re.Match, text: str) -> bool:
    """Whether `text` may stand without brackets where a name stands in `right`."""
    before = right[: match.start()].rstrip()[-1:]
    after = right[match.end() :].lstrip()[:1]
    if before in ("", "+", "(", ",") and after in ("", "+", "-", ")", ","):
        return True
    return before in ("", "+", "-", "(", ",", "*") and after != "^" and (
        _PRODUCT.fullmatch(text) is not None)


def _expand(root: str, temporary: dict[str, str], done: dict[str, str]) -> None:
    """The text of a temporary with those that it uses in place; those on a cycle stay."""
    stack, on_way = [root], set()
    while stack:
        name = stack[-1]
        if name in done:
            stack.pop()
            continue
        open_ = [m[1] for m in WORD.finditer(temporary[name])
                 if m[1] in temporary and m[1] not in done]
        if name in on_way:
            if not open_:
                done[name] = _put(temporary[name], done)
            stack.pop()
            continue
        on_way.add(name)
        stack += [n for n in open_ if n not in on_way]


def _put(right: str, done: dict[str, str]) -> str:
    """A right side with temporaries in place, in brackets where they must be."""
    parts: list[str] = []
    end, size = 0, len(right)
    for match in WORD.finditer(right):
        text = done.get(match[1])
        if text is None:
            continue
        bare = _is_bare(right, match, text)
        parts += [right[end : match.start()], text if bare else f"({text})"]
        end = match.end()
        size += len(text)
        if size > MOST_TEXT:
            raise OverflowError
    parts.append(right[end:])
    return "".join(parts)
