"""The text of an unrolled file as shapes and rows of numbers.

    q1_2 = Wq21*x1_1 + Wq22*x1_2     shape  qꀀ_ꀀ = Wqꀀ*xꀀ_ꀀ + Wqꀀ*xꀀ_ꀀ
                                     row    1 2  21  1 1   22  1 2

Every run of digits in a name becomes one placeholder (`DIGITS`, a letter, so that a shape is HMP
too), and its number stands in the row. Each distinct shape is parsed once, however many statements
have it. Numbers that are no part of a name become another placeholder (`LITERAL`); their texts
stand beside the row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.language import syntax as S
from hvm_vm.language.source import Source, Span

DIGITS = "\ua000"  # letters of a script that nobody writes HMP in
LITERAL = "\ua001"
MOST_DIGITS = 8  # longer runs number nothing

RUN = re.compile(r"(?<=[^\W\d])([0-9]+)")
NUMBER = re.compile(r"(?<![\w.])((?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_EXPONENT = re.compile(r"(?<![\w.])([0-9][0-9.]*[eE])([0-9])")
# In names with leading zeros (h01 beside h11) the zeros belong to the text and the rest to the row.
AFTER_ZEROS = re.compile(
    r"(?:(?<=[^\W\d])|(?<=[^\W\d]0)|(?<=[^\W\d]00))([1-9][0-9]{0,7}(?![0-9])|0(?![0-9]))")
LONG_RUN = re.compile(rf"[^\W\d][0-9]{{{MOST_DIGITS + 1}}}")
ODD_RUN = re.compile(rf"[^\W\d](?:0[0-9]|[0-9]{{{MOST_DIGITS + 1}}})")
_COMMENT = re.compile(r"#[^\n]*")
_WORD = re.compile(r"\s*(?:index|given|find|guess|check|precision)\b(?!\s*(?:=|\[))")
UNFIT = re.compile(r"[\[\]'\"{]|\b(?:where|otherwise|outside)\b|(?<![A-Za-z_0-9.])d\(")


@dataclass
class Part:
    """The statements of a shape with equal literals: the numbers in their names (each row a text
    with blanks, or all of them int64[statements, runs]), and their numbers in `Scan.spans`."""

    literals: tuple[str, ...]
    rows: list[str] | np.ndarray = field(default_factory=list)
    statements: list[int] | np.ndarray = field(default_factory=list)

    def matrix(self) -> np.ndarray:
        if isinstance(self.rows, np.ndarray):
            return self.rows
        flat = np.array(" ".join(self.rows).split(), np.int64)
        return flat.reshape(len(self.rows), -1)


@dataclass
class Shape:
    """A shape's text and its statements."""

    text: str
    parts: list[Part] = field(default_factory=list)

    def matrix(self) -> np.ndarray:
        """The rows of all parts, int64[statements, runs]."""
        rows = [p.rows for p in self.parts if not isinstance(p.rows, np.ndarray)]
        if len(rows) == len(self.parts) and len(rows) > 1:
            return Part((), [r for part in rows for r in part]).matrix()
        tables = [p.matrix() for p in self.parts]
        return tables[0] if len(tables) == 1 else np.concatenate(tables)

    def statements(self) -> np.ndarray:
        return np.concatenate([np.asarray(p.statements, np.int64) for p in self.parts])


@dataclass
class Scan:
    """A file's statements: `shapes` of those that lifting may read, `others` (numbers of spans).
    `plain`: names without numbers that stand in shapes, where the scan knows them. `texts`:
    statements that are not as their spans say, since temporaries were written into them."""

    spans: list[Span]
    shapes: list[Shape]
    others: list[int]
    plain: tuple[str, ...] = ()
    texts: dict[int, str] = field(default_factory=dict)


def scan(text: str, spans: list[Span]) -> Scan | None:
    """Shapes of the statements at `spans`. None when the text holds a placeholder itself."""
    if not text.isascii() and (DIGITS in text or LITERAL in text):
        return None
    exponents = _EXPONENT.search(text) is not None
    odd_runs = ODD_RUN.search(text) is not None
    comments = "#" in text
    split = RUN.split
    shapes: dict[str, Shape] = {}
    known: dict[str, Part | None] = {}
    others = []
    for place, (start, end) in enumerate(spans):
        statement = text[start:end]
        if comments and "#" in statement:
            statement = _COMMENT.sub("", statement)
        if exponents:
            statement = _EXPONENT.sub(r"\1+\2", statement)
        if odd_runs and ODD_RUN.search(statement):
            if LONG_RUN.search(statement):
                others.append(place)
                continue
            parts = AFTER_ZEROS.split(statement)
        else:
            parts = split(statement)
        key = DIGITS.join(parts[::2])
        if key in known:
            part = known[key]
        else:
            part = known[key] = part_of(key, shapes)
        if part is None:
            others.append(place)
            continue
        part.rows.append(" ".join(parts[1::2]))
        part.statements.append(place)
    return Scan(spans, list(shapes.values()), others)


def part_of(key: str, shapes: dict[str, Shape]) -> Part | None:
    """A new part for the statements that are `key` but for the digits in names, in its shape; None
    when they cannot be lifted."""
    if DIGITS not in key or _WORD.match(key) or UNFIT.search(key):
        return None
    pieces = NUMBER.split(key)
    text = LITERAL.join(pieces[::2])
    shape = shapes.get(text)
    if shape is None:
        shape = shapes[text] = Shape(text)
    part = Part(tuple(pieces[1::2]))
    shape.parts.append(part)
    return part


def plain_text(statement: str) -> str:
    """A statement without comments, its exponents with a sign (so that e3 is no name)."""
    return _EXPONENT.sub(r"\1+\2", _COMMENT.sub("", statement))


def key_of(statement: str) -> str:
    """A statement without the digits in its names."""
    statement = plain_text(statement)
    split = AFTER_ZEROS if ODD_RUN.search(statement) else RUN
    return DIGITS.join(split.split(statement)[::2])


def file_spans(file: S.File) -> list[Span]:
    """Where the statements of a parsed file stand."""
    return [s.span for s in file.statements]


def source_text(source: Source, file: S.File | None) -> str:
    """The text that spans point into."""
    if file is not None and file.dictionary:
        from hvm_vm.language.diagnostics import Diagnostics
        from hvm_vm.language.dictionary import as_statements

        return as_statements(source.text, Diagnostics(source))
    return source.text
