"""What is wrong with a program, said for people.

A stage adds errors and warnings to a `Diagnostics` while it goes on reading, so that one run
reports everything; `raise_if_errors` ends the stage.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .source import NOWHERE, Source, Span

TAB = 4  # columns a tab advances to in a quoted line
WIDEST = 100  # columns of a source line that are quoted
MOST = 100  # errors that are shown of one file


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning. `span` is None when it is about no place in particular."""

    severity: str  # "error" or "warning"
    message: str
    span: Span | None = None
    help: str | None = None
    notes: tuple[tuple[str, Span | None], ...] = ()
    source: Source | None = None

    def render(self) -> str:
        """The plain text: place and message, the line with a caret, notes, then help."""
        lines = _render_part(self.source, self.severity, self.message, self.span)
        for message, span in self.notes:
            lines += _render_part(self.source, "note", message, span)
        if self.help:
            lines.append(f"help: {self.help}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.render()


class Diagnostics:
    """The errors and warnings of one source, each once, in the order of the text."""

    def __init__(self, source: Source | None = None) -> None:
        self.source = source
        self._items: dict[tuple, Diagnostic] = {}

    def error(
        self,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        notes: Iterable[tuple[str, Span | None]] = (),
    ) -> None:
        """Add an error."""
        # What was said outside of the file (in --find) has no place in it.
        place = None if span is NOWHERE else span
        self.add(Diagnostic("error", message, place, help, tuple(notes), self.source))

    def warning(
        self,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        notes: Iterable[tuple[str, Span | None]] = (),
    ) -> None:
        """Add a warning."""
        self.add(Diagnostic("warning", message, span, help, tuple(notes), self.source))

    def add(self, diagnostic: Diagnostic) -> None:
        """Add `diagnostic` unless one with the same words stands at the same place."""
        key = (diagnostic.severity, diagnostic.message, diagnostic.span)
        self._items.setdefault(key, diagnostic)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self if d.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self if d.severity == "warning")

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self._items.values())

    def __iter__(self) -> Iterator[Diagnostic]:
        """By place; what has no place comes last."""
        far = (1 << 62, 1 << 62)
        return iter(sorted(self._items.values(), key=lambda d: d.span or far))

    def __len__(self) -> int:
        return len(self._items)

    def raise_if_errors(self) -> None:
        """Raise `CompileError` with all diagnostics, errors first, if one of them is an error."""
        if self.has_errors:
            from ..errors import CompileError

            found = (*self.errors, *self.warnings)
            raise CompileError(render(found), found)

    def render(self) -> str:
        return render(tuple(self))


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """Many diagnostics as one text, cut after `MOST` of them."""
    diagnostics = tuple(diagnostics)
    parts = [d.render() for d in diagnostics[:MOST]]
    if len(diagnostics) > MOST:
        parts.append(f"... and {len(diagnostics) - MOST} more")
    return "\n\n".join(parts)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` is most likely a misspelling of, or None if none is close."""
    candidates = sorted({c for c in candidates if c != name})
    folded = name.casefold()
    for candidate in candidates:
        if candidate.casefold() == folded:
            return candidate
    # Short names are all alike: x is no misspelling of y.
    if len(name) < 2:
        return None
    if len(candidates) > 2000:  # difflib is slow: look only where it could succeed
        candidates = [c for c in candidates if abs(len(c) - len(name)) <= 2 and set(c) & set(name)]
        candidates = candidates[:5000]
    found = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return found[0] if found else None


# --- Rendering -------------------------------------------------------------------------------


def _render_part(
    source: Source | None, severity: str, message: str, span: Span | None
) -> list[str]:
    if source is None:
        return [f"{severity}: {message}"]
    if span is None:
        return [f"{source.name}: {severity}: {message}"]
    start = min(max(span.start, 0), len(source.text))
    line, column = source.position(start)
    text = source.line_text(line)
    length = max(1, min(span.end - start, len(text) - (column - 1)))
    quoted, caret = _quote(text, column - 1, length)
    return [f"{source.name}:{line}:{column}: {severity}: {message}", *_trim(quoted, caret)]


def _trim(quoted: str, caret: str) -> list[str]:
    return ["    " + quoted.rstrip(), "    " + caret] if quoted.strip() else []


def _quote(text: str, at: int, length: int) -> tuple[str, str]:
    """The line as it is shown and the caret line under it, aligned by display columns."""
    left, right = "", ""
    if len(text) > WIDEST:
        # A window around the place: a generated file may have lines of many megabytes.
        first = max(0, min(at - WIDEST // 3, len(text) - WIDEST))
        last = first + WIDEST
        left, right = ("... " if first else ""), (" ..." if last < len(text) else "")
        text, at = text[first:last], at - first
        length = min(length, len(text) - at) or 1
    shown: list[str] = []
    column = 0
    begin = end = 0
    for k, character in enumerate(text):
        if k == at:
            begin = column
        if character == "\t":
            piece = " " * (TAB - column % TAB)
        elif ord(character) < 32 or 127 <= ord(character) < 160:
            piece = "\N{REPLACEMENT CHARACTER}"  # never send control characters to a terminal
        else:
            piece = character
        shown.append(piece)
        column += len(piece) if character == "\t" else display_width(character)
        if k == at + length - 1:
            end = column
    if at >= len(text):
        begin, end = column, column + 1
    caret = " " * (len(left) + begin) + "^" * max(1, end - begin)
    return left + "".join(shown) + right, caret


def display_width(character: str) -> int:
    """The columns that a terminal gives to one character: 0, 1 or 2."""
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
