"""Names by structure, as spellings with numbers: the text goes the way of text that has numbers."""

from __future__ import annotations

import re
import string
from collections import Counter
from dataclasses import dataclass
from itertools import chain, product

import numpy as np

from ..scan import AFTER_ZEROS, DIGITS, ODD_RUN, RUN, Part, Scan
from ..scan import Shape as ScanShape
from .axes import Axes
from .colours import refined, uses_of
from .erased import NAME, Erased, Shape
from .partitions import Family, meetings
from .sides import sides

LONG = 8  # a lone sum of so many terms is worth an array
MANY = 8  # so many relations of one kind are worth arrays, even without sums
_LETTERS = re.compile(r"[^\W\d_]+")
_MATRICES = ("W", "A", "M", "B", "C", "E", "F", "G", "H")
_VECTORS = ("v", "a", "b", "p", "q", "f", "g", "h", "z")


@dataclass
class Renumbered:
    """The relations as a scan whose names have numbers; `spelled`: name -> its spelling there."""

    scan: Scan
    spelled: dict[str, str]


def renumbered(found: Erased, spans, fixed: dict[str, tuple[str, tuple[int, ...]]],
               taken: set[str], tolerant: bool, most: int) -> Renumbered | None:
    """Number the names of relations by structure; None when more than `most` relations, or none
    that is worth an array, would be left.

    fixed: the names that have subscripts already, as (family, subscripts). taken: names that are
    used elsewhere. tolerant: odd relations among many are left out of what names are like."""
    uses = uses_of(found)
    heads = {h: k for k, h in enumerate(dict.fromkeys(h for h, _ in fixed.values()))}
    known = np.array([heads[fixed[n][0]] if n in fixed else -1 for n in found.names], np.int64)
    colours = refined(uses, known, tolerant)
    split = sides(found, colours)
    if split is not None:
        colours = refined(uses, known, tolerant, split)
    if not _promising(found, colours, most):
        return None
    families, number = _families(found, colours, known, fixed)
    links = meetings(found, colours, number, families)
    subscripts = {
        k: np.array([fixed[found.names[n]][1] for n in f.names.tolist()], np.int64)
        for k, f in enumerate(families) if known[f.names[0]] >= 0}
    return _spelled(found, families, Axes(families, links, subscripts), fixed, taken, spans)


def repeats(found: Erased) -> bool:
    """Whether two relations have one formula, or a sum is long."""
    kinds = [s.kind for s in found.shapes if not s.is_default for _ in s.statements]
    return len(set(kinds)) < len(kinds) or any(s.longest >= LONG for s in found.shapes)


def _promising(found: Erased, colours, most: int) -> bool:
    """Whether the relations have few colours (each will be a relation at least), and one of them
    many relations or sums."""
    longest = [s.longest for s in found.shapes if not s.is_default for _ in s.statements]
    counts = np.bincount(colours.relation)
    if len(counts) + int(colours.odd.sum()) > most:
        return False
    longest_of = np.zeros(len(counts), np.int64)
    np.maximum.at(longest_of, colours.relation, longest)
    return bool(((counts >= MANY) | ((counts > 1) & (longest_of > 1)) | (longest_of >= LONG)).any())


def _families(found: Erased, colours, known, fixed) -> tuple[list[Family], np.ndarray]:
    """The families of at least two names, and the number of each name's, or -1."""
    order = np.argsort(colours.name, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(colours.name[order])) + 1)
    families: list[Family] = []
    number = np.full(len(found.names), -1, np.int64)
    for group in sorted(groups, key=lambda g: int(g[0])):
        if len(group) < 2:
            continue
        number[group] = len(families)
        families.append(Family(group))
        if known[group[0]] >= 0:
            subscripts = np.array([fixed[found.names[n]][1] for n in group.tolist()], np.int64)
            for column in subscripts.T:
                families[-1].add(column)
    return families, number


def _spelled(found: Erased, families, axes: Axes, fixed, taken, spans) -> Renumbered:
    """The scan with a spelling with numbers for every name of a family."""
    skeletons: dict[str, int] = {}
    skeleton = np.zeros(len(found.names), np.int64)
    numbers: list[tuple[int, ...]] = [()] * len(found.names)
    spelled: dict[str, str] = {}
    bases = {*taken, *found.names}
    stems = Counter(m[0] for n in bases if (m := _LETTERS.match(n)))
    for k, family in enumerate(families):
        if k in axes.fixed:
            continue
        table = axes.subscripts(k)
        base = _base([found.names[n] for n in family.names.tolist()], table.shape[1], bases, stems)
        form = base + "_".join([DIGITS] * table.shape[1])
        code = skeletons.setdefault(form, len(skeletons))
        skeleton[family.names] = code
        for n, row in zip(family.names.tolist(), table.tolist(), strict=True):
            numbers[n] = tuple(row)
            spelled[found.names[n]] = base + "_".join(map(str, row))
    for n, name in enumerate(found.names):
        if name in spelled:
            continue
        pieces = [name]
        if name in fixed:
            pieces = (AFTER_ZEROS if ODD_RUN.search(name) else RUN).split(name)
        skeleton[n] = skeletons.setdefault(DIGITS.join(pieces[::2]), len(skeletons))
        numbers[n] = tuple(map(int, pieces[1::2]))
    return Renumbered(_scan(found, list(skeletons), skeleton, numbers, spans), spelled)


def _base(names: list[str], rank: int, taken: set[str], stems: Counter) -> str:
    """What a family is called: the letters that its names begin with and no others, else letters
    that no name begins with."""
    stem = m[0] if (m := _LETTERS.match(names[0])) else ""
    if stem not in taken and stems[stem] == len(names) and all(
            n.startswith(stem) and not n[len(stem)].isalpha() for n in names):
        base = stem
    else:
        letters = [*_MATRICES, *_VECTORS] if rank > 1 else [*_VECTORS, *_MATRICES]
        more = ("".join(word) for n in (2, 3, 4)
                for word in product("vwxyz", *[string.ascii_lowercase] * (n - 1)))
        base = next(n for n in chain(letters, more) if n not in taken and n not in stems)
    taken.add(base)
    return base


def _scan(found: Erased, skeletons: list[str], skeleton: np.ndarray, numbers, spans) -> Scan:
    shapes: dict[str, ScanShape] = {}
    others = list(found.unread)
    runs = np.array([s.count(DIGITS) for s in skeletons])
    table = np.zeros((len(numbers), int(runs.max(initial=0))), np.int64)
    for k, row in enumerate(numbers):
        table[k, : len(row)] = row
    for shape in found.shapes:
        heads = skeleton[shape.names]
        combinations, which = np.unique(heads, axis=0, return_inverse=True)
        which = which.reshape(-1)
        statements = np.array(shape.statements, np.int64)
        pieces = shape.text.split(NAME)
        for k, combination in enumerate(combinations.tolist()):
            rows = np.flatnonzero(which == k)
            text = pieces[0] + "".join(
                skeletons[h] + p for h, p in zip(combination, pieces[1:], strict=True))
            if DIGITS not in text:
                others += statements[rows].tolist()
                continue
            columns = [table[shape.names[rows, n], : runs[h]] for n, h in enumerate(combination)]
            _add(shapes, text, shape, rows, np.concatenate(columns, axis=1), statements)
    plain = tuple(n for n, r in zip(found.names, numbers, strict=True) if not r)
    return Scan(spans, list(shapes.values()), sorted(others), plain)


def _add(shapes, text: str, shape: Shape, rows: np.ndarray, matrix, statements) -> None:
    """The relations of a shape whose names have equal skeletons, by their literals."""
    own = shapes.setdefault(text, ScanShape(text))
    by_literals: dict[tuple[str, ...], list[int]] = {}
    for k, row in enumerate(rows.tolist()):
        by_literals.setdefault(shape.literals[row], []).append(k)
    for literals, places in by_literals.items():
        own.parts.append(Part(literals, matrix[places], statements[rows[places]]))
