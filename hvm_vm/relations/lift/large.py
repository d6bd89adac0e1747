"""Scanning a large text: one compiled pass over its bytes.

Parsing a hundred megabytes of unrolled relations takes minutes. This pass finds the statements,
hashes each without the digits in its names, and collects those digits as numbers, at a few hundred
megabytes a second; only one statement of each hash is looked at again. It reads plain ASCII
relations and declarations. Of anything else (strings, other scripts, words that join lines) it says
nothing, and the text is parsed as any other.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.language.source import Span

from .scan import Part, Scan, Shape, key_of, part_of


def scan_large(text: str) -> Scan | None:
    """What `scan` gives for a parsed file; None when the text is not plain enough."""
    if not text.isascii() or text.lstrip()[:1] == "{":
        return None
    if '"' in text or "'" in text or "!" in text or "\\" in text:
        return None
    data = np.frombuffer(text.encode("ascii"), np.uint8)
    try:
        from .byte_pass import statements

        found = statements(data)
    except Exception:  # a damaged cache of compiled code, or nowhere to keep it: take the long way
        return None
    if found is None:
        return None
    starts, ends, first, second, offsets, numbers = found
    spans = list(map(Span, starts.tolist(), ends.tolist()))
    order = np.lexsort([second, first])
    a, b = order[:-1], order[1:]
    cuts = np.flatnonzero((first[a] != first[b]) | (second[a] != second[b])) + 1
    groups = np.split(order, cuts) if len(order) else []
    groups.sort(key=lambda g: g.min())
    shapes: dict[str, Shape] = {}
    others: list[int] = []
    counts = np.diff(offsets)
    for group in groups:
        group.sort()
        start, end = spans[group[0]]
        width = int(counts[group[0]])
        part: Part | None = None
        if first[group[0]] != 0:
            part = part_of(key_of(text[start:end]), shapes)
        if part is None:
            others += group.tolist()
            continue
        places = offsets[group][:, None] + np.arange(width)
        part.rows = numbers[places]
        part.statements = group
    return Scan(spans, list(shapes.values()), sorted(others))
