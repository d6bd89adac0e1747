"""Where names do not say what scalars are, structure is asked, and the better answer is taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from ..absorb import has_run
from ..assemble import Lifted
from ..members import Unliftable
from ..scan import Part, Scan, plain_text
from ..scan import Shape as ScanShape
from .erased import erased
from .inlining import inlined
from .renumbered import LONG, MANY, Renumbered, renumbered, repeats

FEW = 64
_NAME = re.compile(r"[^\W\d]\w*")

Attempt = Callable[[Scan, dict[str, str] | None], Lifted | None]


def by_structure(first: Lifted | None, attempt: Attempt, scanned: Scan, text: str,
                 outside: set[str], ruled: set[int] = frozenset()) -> Lifted | None:
    """The best of `first` (by the numbers in names) and what structure finds for the relations that
    are scalar there. outside: names that are set or asked for. ruled: relations whose names'
    numbers say what they are: where those are most, structure has nothing to add."""
    everything = range(len(scanned.spans))
    rest = _scalar(first, everything)
    if 10 * len(ruled.intersection(rest)) > 9 * len(rest):
        return first
    if len(rest) < 2:
        return first
    asked = _Asked(attempt, scanned, text, outside)
    best = asked.better(first, rest, _subscripts(first))
    if first is not None and 2 * len(rest) > len(scanned.spans) and len(_scalar(best, rest)) > 1:
        best = asked.better(best, everything, {})
    return best


class _Asked:
    """Attempts to number by structure."""

    def __init__(self, attempt: Attempt, scanned: Scan, text: str, outside: set[str]) -> None:
        self.attempt = attempt
        self.scanned = scanned
        self.text = text
        self.outside = outside

    def better(self, best: Lifted | None, rest: Iterable[int], fixed) -> Lifted | None:
        """`best`, or something with fewer relations that the names of the statements `rest` are
        numbered in."""
        spans = self.scanned.spans
        statements = [(n, plain_text(self.text[spans[n].start : spans[n].end])) for n in rest]
        if any("..." in t or "…" in t for _, t in statements):
            return best  # `...` speaks of numbers
        found = erased(statements)
        if not repeats(found):
            return best
        kept = _without(self.scanned, {n for n, _ in statements})
        taken = self._names({n for n, _ in statements})
        relations = len(statements) - sum(
            len(s.statements) for s in found.shapes if s.is_default) - len(found.unread)
        least = len(statements) if best is None else _cost(best)
        # Many relations of which few are alike are not worth the search.
        most = min(relations // (2 if relations < FEW else 4), FEW + relations // 50)
        if best is not None:
            most = min(most, least)
        for inline in (False, True):
            texts: dict[int, str] = {}
            if inline:
                own = inlined(statements, taken | self.outside)
                if own is None:
                    break
                old = dict(statements)
                texts = {n: t for n, t in own.items() if t != old[n]}
                found = erased(own.items())
            for tolerant in (True, False):
                try:
                    new = renumbered(found, spans, fixed, taken, tolerant, most)
                except Unliftable:
                    continue
                if new is None or not taken.isdisjoint(new.spelled):
                    continue  # or a name that lifted relations speak of by its own numbers
                lifted = self.attempt(_joined(kept, new.scan, texts), new.spelled)
                if lifted is None or not _worth(lifted, new):
                    continue
                cost = _cost(lifted)
                if cost < least and (best is not None or 2 * cost <= relations):
                    best, least = lifted, cost
                if len(_scalar(lifted, rest)) < 2:
                    return best
        return best

    def _names(self, rest: set[int]) -> set[str]:
        """The names of all other statements."""
        spans = self.scanned.spans
        found: set[str] = set()
        for number, (start, end) in enumerate(spans):
            if number not in rest:
                found.update(_NAME.findall(self.text[start:end]))
        return found


def _scalar(lifted: Lifted | None, statements: Iterable[int]) -> list[int]:
    """Those of `statements` that are scalar in a lifted file."""
    if lifted is None:
        return list(statements)
    plan = lifted.plan
    scalar = set(plan.kept)
    for piece in plan.relations:
        if len(piece.block.rows) == 1 and not has_run(piece.block.right):
            scalar.update(piece.block.statements.tolist())
    return [n for n in statements if n in scalar]


def _cost(lifted: Lifted) -> int:
    """How many relations a lifted file has."""
    return len(lifted.plan.relations) + len(lifted.plan.kept) + sum(
        len(a.imports) for a in lifted.plan.arrays.values())


def _worth(lifted: Lifted, new: Renumbered) -> bool:
    """Whether arrays that structure made are of use: sums over them, or many like relations."""
    own = {n for n, (array, _) in lifted.elements.items() if n in new.spelled}
    arrays = {lifted.elements[n][0] for n in own}
    names = {h for h, a in lifted.names.items() if a in arrays}
    for piece in lifted.plan.relations:
        rows = len(piece.block.rows)
        run = has_run(piece.block.right)
        if piece.head in names and (rows >= MANY or (run and rows > 1)):
            return True
        if run and (piece.block.rows >= LONG).any():
            return True
    return False


def _subscripts(lifted: Lifted | None) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The names that are elements of arrays, with array and subscripts."""
    return {} if lifted is None else lifted.elements


def _without(scanned: Scan, gone: set[int]) -> Scan:
    """A scan without some statements."""
    shapes = []
    every = np.zeros(len(scanned.spans), bool)
    every[list(gone)] = True
    for shape in scanned.shapes:
        parts = []
        for part in shape.parts:
            statements = np.asarray(part.statements, np.int64)
            keep = ~every[statements]
            if keep.any():
                parts.append(Part(part.literals, part.matrix()[keep], statements[keep]))
        if parts:
            shapes.append(ScanShape(shape.text, parts))
    return Scan(scanned.spans, shapes, [n for n in scanned.others if n not in gone])


def _joined(kept: Scan, new: Scan, texts: dict[int, str]) -> Scan:
    return replace(kept, shapes=[*kept.shapes, *new.shapes],
                   others=sorted([*kept.others, *new.others]), plain=new.plain, texts=texts)
