"""A source text and places in it.

All offsets count characters of the NFC-normalized text, which is the only text that the rest of
the compiler sees: two spellings of one name (`é` as one character or two) are one name.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import NamedTuple


class Span(NamedTuple):
    """The half-open range `start..end` of characters in a source's text."""

    start: int
    end: int


NOWHERE = Span(0, 0)
"""The span of nodes that no text wrote."""


class Source:
    """A named text with its lines.

    `text` is normalized here: NFC, line ends as `\\n` (from CRLF or a lone CR), no byte order mark.
    In the dictionary form, which JSON writers produce, the escapes are read too, so that nobody
    after this has to keep two texts apart.
    """

    def __init__(self, name: str, text: str) -> None:
        if text.startswith("\ufeff"):
            text = text[1:]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if "\\" in text and text.lstrip()[:1] == "{":
            text = _ESCAPE.sub(_unescape, text)
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        self.name = name
        self.text = text
        self._starts: list[int] | None = None

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> Source:
        """Decode UTF-8. Raises `CompileError` that says where the first bad byte is."""
        try:
            return cls(name, data.decode("utf-8"))
        except UnicodeDecodeError as error:
            from .diagnostics import Diagnostics

            # What comes before the bad byte is valid: show the person that line.
            good = cls(name, data[: error.start].decode("utf-8"))
            diagnostics = Diagnostics(good)
            end = len(good.text)
            diagnostics.error(
                f"the byte 0x{data[error.start]:02x} is not valid UTF-8",
                Span(end, end + 1),
                help="save the file as UTF-8 text",
            )
            diagnostics.raise_if_errors()
            raise  # unreachable: an error was added above

    @property
    def line_starts(self) -> list[int]:
        """The offset of each line's first character."""
        if self._starts is None:
            starts = [0]
            position = self.text.find("\n")
            while position >= 0:
                starts.append(position + 1)
                position = self.text.find("\n", position + 1)
            self._starts = starts
        return self._starts

    def line_number(self, offset: int) -> int:
        """The 1-based line that holds `offset`."""
        return bisect_right(self.line_starts, offset)

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column (in characters) of `offset`."""
        line = self.line_number(offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of the 1-based `line`, without its line end."""
        starts = self.line_starts
        end = starts[line] - 1 if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end]

    def __getitem__(self, span: Span) -> str:
        return self.text[span.start : span.end]

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"


_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[\"\\/bfnrt])"
)


def _unescape(match: re.Match) -> str:
    """The character of a JSON escape; a quote as ', so that it does not end its string."""
    escape = match[0]
    if len(escape) == 12:
        return bytes.fromhex(escape[2:6] + escape[8:12]).decode("utf-16-be")
    if escape[1] == "u":
        character = chr(int(escape[2:], 16))
        if "\ud800" <= character <= "\udfff":
            return "\N{REPLACEMENT CHARACTER}"
        return {'"': "'", "\n": " ", "\r": " "}.get(character, character)
    return {'"': "'", "\\": "\\", "/": "/"}.get(escape[1], " ")
