"""Which members of cycles are solved for, so that the others follow in order (tearing).

The fewest are hard to find; a greedy choice by degree does well (Levy and Low, A contraction
algorithm for finding small cycle cutsets, 1988).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from ..order import components


def tear(
    names: Sequence[str],
    reads: dict[str, Iterable[str]],
    key: Callable[[str, int, int], object],
    most: int | None = None,
) -> list[str] | None:
    """Names without which the others do not depend on themselves, in the order of their choice;
    None if they are more than `most`. The least by `key` goes first, of a name, how many of its
    cycle's members read it, and how many it reads."""
    place = {n: k for k, n in enumerate(names)}
    torn: list[str] = []
    rest = _cyclic(names, reads)
    while rest:
        # Chosen without looking at the components anew while they are much the same.
        inside = set(rest)
        out = {n: {o for o in reads[n] if o in inside} for n in rest}
        into: dict[str, set[str]] = {n: set() for n in rest}
        for name, others in out.items():
            for other in others:
                into[other].add(name)
        heap = [(key(n, len(into[n]), len(out[n])), place[n], n) for n in rest]
        heapq.heapify(heap)
        for _ in range(max(1, len(rest) // 10)):
            name = _least(heap, key, into, out)
            if name is None:
                break
            torn.append(name)
            if most is not None and len(torn) > most:
                return None
            inside.discard(name)
            _remove(name, into, out, inside)
        rest = _cyclic([n for n in rest if n in inside], reads)
    return torn


def _least(heap, key, into, out) -> str | None:
    """The least name that may be part of a cycle; those whose degrees have changed go back."""
    while heap:
        old, at, name = heapq.heappop(heap)
        if name not in into or not into[name] or not out[name]:
            continue
        now = key(name, len(into[name]), len(out[name]))
        if now == old:
            return name
        heapq.heappush(heap, (now, at, name))
    return None


def _remove(name: str, into: dict[str, set[str]], out: dict[str, set[str]], inside) -> None:
    """Take a name out, and then what is no part of a cycle any more."""
    work = [name]
    while work:
        gone = work.pop()
        if gone not in into:
            continue
        inside.discard(gone)
        for other in out.pop(gone):
            if other in into:
                into[other].discard(gone)
                if not into[other]:
                    work.append(other)
        for other in into.pop(gone):
            if other in out:
                out[other].discard(gone)
                if not out[other]:
                    work.append(other)


def _cyclic(names: Sequence[str], reads) -> list[str]:
    """The names that depend on themselves, in order."""
    inside = set(names)
    within = {n: tuple(o for o in reads[n] if o in inside) for n in names}
    found = {n for c in components(names, within.__getitem__)
             if len(c) > 1 or c[0] in within[c[0]] for n in c}
    return [n for n in names if n in found]
