"""The dictionary form: `{"q1_1": "Wq11*x1_1 + Wq12*x1_2", …}`.

It is rewritten as statements character by character, every place staying where it was:

    {"q1_1": "a*b", "find": "q1_1"}
      q1_1 =  a*b ;  find   q1_1

so that one parser reads both forms, and its errors point into the strings. A key is the left side
of a relation, or the beginning of a statement: `find`, `given`, `precision`, `check`, `index …`,
`guess …`. A value is a string, a number, or a list of those.
"""

from __future__ import annotations

import re

from .diagnostics import Diagnostics
from .source import Span
from .tokens import SyntaxProblem

_PIECE = re.compile(
    r"""(\s+|\#[^\n]*)|("[^"\n]*"|'[^'\n]*')|([{}\[\]:,])|([^\s{}\[\]:,"'\#]+)|(.)""", re.DOTALL
)
_SPACE, _STRING, _MARK, _SCALAR, _STRAY = range(1, 6)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_WORD_KEY = re.compile(r"\s*(?:(find|given|precision|check)\s*\Z|(index|guess)\s+\w)")


def as_statements(text: str, diagnostics: Diagnostics) -> str:
    """The dictionary `text` as statements, of the same length. Problems are reported in
    `diagnostics`, and what stands after the first is left out."""
    rewriter = _Rewriter(text)
    try:
        rewriter.file()
    except SyntaxProblem as problem:
        diagnostics.error(problem.message, problem.span, problem.help, problem.notes)
        del rewriter.out[rewriter.whole :]
    return "".join(rewriter.out)


class _Rewriter:
    """Reads the pieces of a dictionary and writes as many characters for each."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.whole = 0  # how much of `out` is whole entries
        self._pieces = _PIECE.finditer(text)
        self.kind = 0
        self.piece = ""
        self.span = Span(0, 0)
        self.next()

    def next(self) -> None:
        """Go on to the next piece; spaces and comments are kept as they are."""
        for match in self._pieces:
            if match.lastindex != _SPACE:
                self.kind, self.piece = match.lastindex, match[0]
                self.span = Span(*match.span())
                return
            self.out.append(match[0])
        self.kind, self.piece = 0, ""
        self.span = Span(len(self.text), len(self.text) + 1)

    def put(self, text: str) -> None:
        """Write `text` in place of the current piece, and go on."""
        self.out.append(text)
        self.next()

    def file(self) -> None:
        opening = self.span
        self.put(" ")
        while self.piece != "}":
            if not self.piece:
                raise SyntaxProblem(
                    "the dictionary is never closed", self.span, "write '}' at its end",
                    (("it is opened here", opening),),
                )  # fmt: skip
            self.entry()
            self.whole = len(self.out)
            if self.piece == ",":
                self.put(";")
            elif self.piece != "}" and self.piece:
                self.fail("expected ',' or '}'")
        self.put(" ")
        if self.piece:
            raise SyntaxProblem(
                "something follows the end of the dictionary", self.span, help="remove it"
            )

    def entry(self) -> None:
        """One key and its value."""
        if self.kind != _STRING:
            self.fail("expected the left side of a relation in quotes")
        key = self.piece[1:-1]
        word = _WORD_KEY.match(key)
        self.string()
        if self.piece != ":":
            self.fail("expected ':' after the left side")
        if word and word[1]:
            self.put(" ")
        else:
            self.put(":" if word and word[2] == "index" else "=")
        self.value(bool(word and word[1]), 0)

    def value(self, bare: bool, depth: int) -> None:
        """A string, number or list; `bare`: a list's brackets are not part of the statement."""
        if self.kind == _STRING:
            self.string()
        elif self.kind == _SCALAR and _NUMBER.match(self.piece):
            self.put(self.piece)
        elif self.piece == "[":
            if depth > 50:
                self.fail("nested too deeply")
            self.put(" " if bare else "[")
            while self.piece != "]":
                self.value(bare, depth + 1)
                if self.piece == ",":
                    self.put(",")
                elif self.piece != "]":
                    self.fail("expected ',' or ']'")
            self.put(" " if bare else "]")
        else:
            self.fail("expected the right side of the relation in quotes, a number or a list")

    def string(self) -> None:
        """A string's text; a comment in it must not hide what follows on the line."""
        text, comment, rest = self.piece[1:-1].partition("#")
        self.put(f" {text}{' ' * len(comment + rest)} ")

    def fail(self, message: str) -> None:
        if not self.piece:
            message += ", and the file ends"
        elif self.kind == _STRAY and self.piece in "\"'":
            message = f"this {self.piece} is never closed"
        elif len(self.piece) < 40:
            message += (
                f" before {self.piece}" if self.kind == _STRING else f" before '{self.piece}'"
            )
        raise SyntaxProblem(message, self.span, help='the form is {"left side": "right side", ...}')
