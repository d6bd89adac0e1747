"""Characters to tokens, and the rule for where a statement ends.

A `Tokens` is a cursor: it holds one token at a time (`kind`, `text`, `start`, `end`) and makes the
next one on `advance()`, so that a file of any size costs no list of tokens. `text` is canonical:
the Unicode twins arrive as their ASCII spelling, a line's end as `"\\n"`, the file's end as `""`.

A line's end is no token while a bracket is open (`depth`), after an operator that wants a right
side, or before a line that begins with an operator; a blank line there ends the statement still,
and so does a line that begins with a sign and is a relation by itself, where one is complete before
it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from .source import Span

NAME, NUMBER, OPERATOR, STRING, UNICODE_NAME, TWIN, SUPERSCRIPT, LINE_END, OTHER = range(1, 10)
END = 0  # the end of the text

_SUPER = "⁰¹²³⁴-⁹"
# Combining marks belong to the name they stand on (x̂ has no composed form).
_MARKS = "\u0300-\u036f\u20d0-\u20ff"

# The groups are numbered as the kinds above.
TOKEN = re.compile(
    rf"""[^\S\n]*(?:
      ([A-Za-z_][A-Za-z0-9_]*(?![\w\x80-\U0010ffff]))
    | ([0-9]+(?:_[0-9]+)*(?:\.(?!\.)(?:[0-9]+(?:_[0-9]+)*)?)?(?:[eE][+-]?[0-9]+)?
      |\.[0-9]+(?:_[0-9]+)*(?:[eE][+-]?[0-9]+)?)
    | (\.\.\.|\.\.|\*\*|[<>!=:]=|[-+*/^()\[\],=<>|:;])
    | ("[^"\n]*"|'[^'\n]*')
    | ([^\W\d{_SUPER}](?:[^\W{_SUPER}]|[{_MARKS}])*)
    | ([·⋅×∗−÷≤≥≠√∞∑∏…])
    | (⁻?[{_SUPER}]+)
    | (\#[^\n]*\n?|\n)
    | (\S) | \Z
    )""",
    re.VERBOSE,
)

_TWINS = {
    "**": "^", "==": "=", "·": "*", "⋅": "*", "×": "*", "∗": "*", "−": "-", "÷": "/",
    "≤": "<=", "≥": ">=", "≠": "!=", "…": "...", "∞": "inf", "∑": "Σ", "∏": "Π", "√": "√",
}  # fmt: skip

# After these a line's end means nothing: something must follow.
_WORDS = ("and", "or", "not", "where")
TRAILING = frozenset(
    ["+", "-", "*", "/", "^", "=", "<", "<=", ">", ">=", "!=", ",", "|", ":", "..", "√", *_WORDS]
)
# A line that begins so goes on with the one before. A word goes on only where it cannot be the
# first name of a relation (`where = 3`).
LEADING = re.compile(
    r"""[^\S\n]*(?:
      [-+*/^=<>,·⋅×∗−÷≤≥≠]|!=
    | (?:where|and|or)\b(?![^\S\n]*(?:=|\[))
    | (?:otherwise|outside)[^\S\n]*(?:[;\#\n]|$)
    | (?:until|within|in)[^\S\n]+(?!(?:and|or|where)\b)(?:[\w.√('"]|[-+−](?!\s))
    | from[^\S\n]*["']
    )""",
    re.VERBOSE,
)
# What tells whether a relation has its `=`.
_SIGNED = re.compile(r"[^\S\n]*[-+−]")
_DECLARES = re.compile(r"(?:given|find)\s+(?!=)")
_PARTS = re.compile(r"""([(\[])|([)\]])|(==?)|[<>!:]=|(\bwhere\b|;)|\#[^\n]*|"[^"\n]*"|'[^'\n]*'""")
_COMMENT_LINE = re.compile(r"[^\S\n]*#[^\n]*\n")

_NO_CONTINUATION = frozenset(["", ";", "\n"])


@dataclass
class SyntaxProblem(Exception):
    """An error that ends the reading of one statement; it never leaves this package."""

    message: str
    span: Span
    help: str | None = None
    notes: tuple[tuple[str, Span | None], ...] = ()


class Tokens:
    """A cursor over the tokens of `text[start:end]`."""

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        self.code = text
        self.limit = len(text) if end is None else end
        self.depth = 0  # brackets open at the cursor
        self.opened = start  # where the statement at the cursor begins
        self.seek(start)

    def seek(self, position: int) -> None:
        """Make the first token at or after `position` the current one."""
        self._tokens = TOKEN.finditer(self.code, position, self.limit)
        self._joined = -1  # up to here, a line's end is known to be none of a statement's
        self.kind = LINE_END
        self.text = "\n"
        self.start = self.end = self.last_end = position
        self.advance()

    def advance(self) -> None:
        """Go on to the next token. `last_end` is where the one before ended."""
        self.last_end = self.end
        while True:
            match = next(self._tokens, None)
            kind = match.lastindex if match is not None else None
            if kind is None:
                self.kind, self.text = END, ""
                self.start = self.end = self.limit
                return
            if kind != LINE_END or not self._continues(match.end()):
                break
        self.kind = kind
        self.text = text = match[kind]
        self.start, self.end = match.span(kind)
        if kind >= UNICODE_NAME or text in _TWINS:
            self._canonical()

    def _canonical(self) -> None:
        """Bring what has several spellings into one."""
        kind, text = self.kind, self.text
        if kind == LINE_END:
            self.text = "\n"
        elif kind == UNICODE_NAME:
            self.kind = NAME
            for character in text:  # ½ and the like count as word characters for `re`
                if unicodedata.category(character) == "No" and not "₀" <= character <= "₉":
                    self.kind, self.text = OTHER, character
                    break
        elif kind == SUPERSCRIPT:
            self.text = "".join("-" if c == "⁻" else str(unicodedata.digit(c)) for c in text)
        elif text in _TWINS:
            self.text = _TWINS[text]
            self.kind = NAME if self.text.isalpha() else OPERATOR

    def _continues(self, position: int) -> bool:
        """Whether the line's end before `position` is no end of the statement."""
        previous = self.text
        if self.depth or previous in TRAILING or position <= self._joined:
            return True
        if previous in _NO_CONTINUATION:
            return False
        while match := _COMMENT_LINE.match(self.code, position):
            position = match.end()
        if LEADING.match(self.code, position, self.limit) is None or self._begins(position):
            return False
        self._joined = position  # so that a long comment before it is looked through once
        return True

    def _begins(self, position: int) -> bool:
        """Whether the line at `position`, which begins with an operator, is a relation by itself
        (`-u[i-1] + 2*u[i] = f[i]`) after what needs no more."""
        code = self.code
        if _SIGNED.match(code, position, self.limit) is None:
            return False
        end = code.find("\n", position, self.limit)
        if _equality(code, position, self.limit if end < 0 else end) < 0:
            return False
        if _DECLARES.match(code, self.opened):
            return True
        # A right side of several lines may go on, and then this is a mistake to be told.
        equals = _equality(code, self.opened, self.last_end)
        return equals >= 0 and code.find("\n", equals, self.last_end) < 0

    def recover(self, statement_start: int) -> None:
        """After an error: go to the end of the statement, as well as it can be told."""
        code, limit = self.code, self.limit
        position = max(self.last_end, statement_start)
        depth, self.depth = self.depth, 0
        while position < limit:
            line_end = code.find("\n", position, limit)
            line_end = limit if line_end < 0 else line_end
            comment = code.find("#", position, line_end)
            stop = line_end if comment < 0 else comment
            semicolon = code.find(";", position, stop)
            while semicolon >= 0:
                inside = depth + _balance(code, position, semicolon)
                if inside <= 0 or _STATEMENT.match(code, semicolon + 1, stop):
                    self.seek(semicolon)
                    return
                semicolon = code.find(";", semicolon + 1, stop)
            depth += _balance(code, position, stop)
            last = code[max(position, stop - 80) : stop].rstrip()[-1:]
            position = line_end + 1
            following = code[position : position + 1]
            if LEADING.match(code, position, limit) or last in TRAILING:
                continue
            # Inside a bracket, an indented line goes on and any other begins a statement.
            if depth <= 0 or not (following.isspace() or following in ")]"):
                break
        self.seek(min(max(position - 1, self.last_end), limit))


_STATEMENT = re.compile(r"[^\S\n]*(?:(?:index|given|find|guess|check)\s|[^()=;]*=)")


def _equality(code: str, start: int, end: int) -> int:
    """Where a relation's `=` stands in `code[start:end]`: outside of brackets, before `where`. -1
    where there is none."""
    depth = 0
    for part in _PARTS.finditer(code, start, end):
        kind = part.lastindex
        if kind == 1:
            depth += 1
        elif kind == 2:
            depth -= 1
        elif kind == 3 and depth <= 0:
            return part.start(3)
        elif kind == 4 and depth <= 0:
            break
    return -1


def _balance(code: str, start: int, end: int) -> int:
    """Brackets opened less brackets closed."""
    count = code.count
    return (
        count("(", start, end) + count("[", start, end)
        - count(")", start, end) - count("]", start, end)
    )  # fmt: skip
