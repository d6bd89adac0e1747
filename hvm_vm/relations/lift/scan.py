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
from hvm_vm.language.tokens import LEADING

DIGITS = "\ua000"  # letters of a script that nobody writes HMP in
LITERAL = "\ua001"
MOST_DIGITS = 8  # longer runs number nothing

_RUN = re.compile(r"(?<=[^\W\d])([0-9]+)")
_NUMBER = re.compile(r"(?<![\w.])((?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_EXPONENT = re.compile(r"(?<![\w.])([0-9][0-9.]*[eE])([0-9])")
# In names with leading zeros (h01 beside h11) the zeros belong to the text and the rest to the row.
AFTER_ZEROS = re.compile(
    r"(?:(?<=[^\W\d])|(?<=[^\W\d]0)|(?<=[^\W\d]00))([1-9][0-9]{0,7}(?![0-9])|0(?![0-9]))")
_LONG_RUN = re.compile(r"[^\W\d][0-9]{%d}" % (MOST_DIGITS + 1))
_ODD_RUN = re.compile(r"[^\W\d](?:0[0-9]|[0-9]{%d})" % (MOST_DIGITS + 1))
_COMMENT = re.compile(r"#[^\n]*")
_WORD = re.compile(r"\s*(?:index|given|find|guess|check|precision)\b(?!\s*(?:=|\[))")
_UNFIT = re.compile(r"[\[\]'\"{]|\b(?:where|otherwise|outside)\b|(?<![A-Za-z_0-9.])d\(")


@dataclass
class Shape:
    """A shape's text, and its statements: their numbers in `names`' digits (text, blanks between),
    the texts of their literals, and their numbers in `Scan.spans`."""

    text: str
    rows: list[str] = field(default_factory=list)
    literals: list[tuple[str, ...]] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)

    def matrix(self) -> np.ndarray:
        """The rows, int64[statements, runs]."""
        count = len(self.rows)
        flat = np.fromstring(" ".join(self.rows), dtype=np.int64, sep=" ")
        return flat.reshape(count, -1)


@dataclass
class Scan:
    """A file's statements: `shapes` of those that lifting may read, `others` (numbers of spans)."""

    spans: list[Span]
    shapes: list[Shape]
    others: list[int]


def scan(text: str, spans: list[Span]) -> Scan | None:
    """Shapes of the statements at `spans`. None when the text holds a placeholder itself."""
    if not text.isascii() and (DIGITS in text or LITERAL in text):
        return None
    exponents = _EXPONENT.search(text) is not None
    odd_runs = _ODD_RUN.search(text) is not None
    comments = "#" in text
    split, number = _RUN.split, _NUMBER
    shapes: dict[str, Shape] = {}
    known: dict[str, tuple[Shape, tuple[str, ...]] | None] = {}
    others = []
    for place, (start, end) in enumerate(spans):
        statement = text[start:end]
        if comments and "#" in statement:
            statement = _COMMENT.sub("", statement)
        if exponents:
            statement = _EXPONENT.sub(r"\1+\2", statement)
        if odd_runs and _ODD_RUN.search(statement):
            if _LONG_RUN.search(statement):
                others.append(place)
                continue
            parts = AFTER_ZEROS.split(statement)
        else:
            parts = split(statement)
        key = DIGITS.join(parts[::2])
        if key in known:
            found = known[key]
        else:
            found = known[key] = _shape(key, number, shapes)
        if found is None:
            others.append(place)
            continue
        shape, literals = found
        shape.rows.append(" ".join(parts[1::2]))
        shape.literals.append(literals)
        shape.statements.append(place)
    return Scan(spans, list(shapes.values()), others)


def _shape(key: str, number: re.Pattern, shapes: dict[str, Shape]):
    """The shape of statements that are alike but for the digits in names, and their literals."""
    if DIGITS not in key or _WORD.match(key) or _UNFIT.search(key):
        return None
    parts = number.split(key)
    text = LITERAL.join(parts[::2])
    shape = shapes.get(text)
    if shape is None:
        shape = shapes[text] = Shape(text)
    return shape, tuple(parts[1::2])


# --- statements of a text that is not parsed -----------------------------------------------------

_TRAILING = re.compile(r"(?:[-+*/^=<>,|:·⋅×∗−÷≤≥≠√]|(?<!\w)(?:and|or|not|where))\s*$")


def statement_spans(text: str) -> list[Span] | None:
    """Where the statements of a large text stand, told from its lines without reading all of it as
    the parser does. None when that is not certain (strings, the dictionary form)."""
    if '"' in text or "'" in text or text.lstrip()[:1] == "{":
        return None
    found: list[Span] = []
    position, size = 0, len(text)
    start = -1  # of a statement that goes on
    depth = 0
    leading = LEADING.match
    find = text.find
    starts_line = re.compile(r"[^\S\n]*[A-Za-z_][^\S\n]*").match
    while position < size:
        end = find("\n", position)
        end = size if end < 0 else end
        hash_ = find("#", position, end)
        stop = end if hash_ < 0 else hash_
        line = text[position:stop]
        code = line.strip()
        if code:
            goes_on = start >= 0 and (
                depth > 0 or pending or ((
                    not starts_line(text, position) or line.lstrip()[:1] in "wouaif"
                ) and leading(text, position) is not None)
            )
            if not goes_on and start >= 0:
                found.append(Span(start, last))
                start = -1
            at = position + len(line) - len(line.lstrip())
            if start < 0:
                start = at
            if ";" in code:
                piece = position
                while (semicolon := find(";", piece, stop)) >= 0:
                    if depth + text.count("(", piece, semicolon) - text.count(
                            ")", piece, semicolon) > 0 or "[" in code:
                        return None
                    if text[start:semicolon].strip():
                        found.append(Span(start, _rstrip(text, start, semicolon)))
                    piece = semicolon + 1
                    while piece < stop and text[piece].isspace():
                        piece += 1
                    start = piece
                    depth = 0
                if start >= stop:
                    start = -1
                    position = end + 1
                    continue
                position = start
                code = text[start:stop].strip()
            depth += text.count("(", position, stop) + text.count("[", position, stop)
            depth -= text.count(")", position, stop) + text.count("]", position, stop)
            last = _rstrip(text, start, stop)
            pending = _TRAILING.search(code, max(0, len(code) - 8)) is not None
        position = end + 1
    if start >= 0:
        found.append(Span(start, last))
    return found


def _rstrip(text: str, start: int, stop: int) -> int:
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    return stop


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
