"""The canonical form of a file, for `hvm fmt`.

Statements keep their order, their lines and their comments; statements that share a line still
do. Blank lines between groups are kept, one at most. A statement wider than `WIDTH` is broken
before its operators. Comments in the middle of a statement move above it; those after statements
are aligned in runs of lines. Formatting twice changes nothing more, and the text means the same.
"""

from __future__ import annotations

from . import syntax as ast
from .diagnostics import Diagnostics
from .expression_text import (
    SUM,
    expression_text,
    product_pieces,
    quoted,
    subscripts_text,
    sum_pieces,
)
from .parser import parse
from .source import Source
from .tokens import LINE_END, TOKEN

WIDTH = 100
_INDENT = "    "
_ALIGNED = 72  # lines longer than this take no part in the alignment of comments


def format_source(source: Source) -> str:
    """The canonical text of `source`. Raises `CompileError` if it cannot be read as a whole."""
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    diagnostics.raise_if_errors()
    return format_file(file, source)


def format_file(file: ast.File, source: Source) -> str:
    """The canonical text of `file`, which was read from `source` without errors."""
    layout = _Layout()
    comments = _comments(source.text)
    upcoming = 0  # the first comment that is not written yet
    previous = None  # the last line of `source` that is written
    for statement in file.statements:
        start, end = statement.span
        first, last = source.line_number(start), source.line_number(max(start, end - 1))
        together = previous == first and layout.lines
        while upcoming < len(comments) and comments[upcoming][0] < start:
            place, text = comments[upcoming]
            line = source.line_number(place)
            layout.comment(text, line == previous, previous is not None and line > previous + 1)
            previous, upcoming = line, upcoming + 1
        gap = previous is not None and first > previous + 1
        while upcoming < len(comments) and comments[upcoming][0] < end:
            layout.comment(comments[upcoming][1], False, gap)
            gap, upcoming = False, upcoming + 1
        layout.statement(statement, bool(together), gap)
        previous = last
    for place, text in comments[upcoming:]:
        line = source.line_number(place)
        layout.comment(text, line == previous, previous is not None and line > previous + 1)
        previous = line
    return layout.text()


def statement_text(statement: ast.Statement) -> str:
    """One statement, on as many lines as it takes."""
    pieces = _pieces(statement)
    line = " ".join(pieces)
    if len(line) <= WIDTH:
        return line
    lines, line = [], pieces[0]
    for piece in pieces[1:]:
        if len(line) + 1 + len(piece) > WIDTH:
            lines.append(line)
            line = _INDENT + piece
        else:
            line += " " + piece
    return "\n".join([*lines, line])


class _Layout:
    """The lines of the result, each with the comment after it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._open = False  # whether the last line is a statement's, which another may join

    def comment(self, text: str, trailing: bool, gap: bool) -> None:
        if trailing and self._open and not self.lines[-1][1]:
            self.lines[-1] = (self.lines[-1][0], text)
            self._open = False
            return
        self._gap(gap)
        self.lines.append(("", text))
        self._open = False

    def statement(self, statement: ast.Statement, together: bool, gap: bool) -> None:
        text = statement_text(statement)
        if together and self._open:
            joined = f"{self.lines[-1][0]}; {text}"
            if len(joined) <= WIDTH:
                self.lines[-1] = (joined, "")
                return
        # A line that begins with a minus sign goes on with the one before, but not over a gap.
        self._gap(gap or text.startswith("-"))
        self.lines.extend((line, "") for line in text.split("\n"))
        self._open = True

    def _gap(self, wanted: bool) -> None:
        if wanted and self.lines and self.lines[-1] != ("", ""):
            self.lines.append(("", ""))

    def text(self) -> str:
        out: list[str] = []
        column, measured = 0, 0  # the comments' column in the run of lines up to `measured`
        for k, (line, comment) in enumerate(self.lines):
            if line and comment:
                if k >= measured:
                    column, measured = self._run(k)
                out.append(f"{line.ljust(column)}  {comment}")
            else:
                out.append(line or comment)
        return "\n".join(out) + "\n" if out else ""

    def _run(self, first: int) -> tuple[int, int]:
        """The width of the lines with comments that begin at `first`, and where they end."""
        end, width = first, 0
        while end < len(self.lines) and all(self.lines[end]):
            length = len(self.lines[end][0])
            width = max(width, length if length <= _ALIGNED else 0)
            end += 1
        return width, end


def _comments(text: str) -> list[tuple[int, str]]:
    """Every comment with its place. The tokens tell a `#` in a string from one outside."""
    if "#" not in text:
        return []
    return [
        (match.start(LINE_END), match[LINE_END].rstrip())
        for match in TOKEN.finditer(text)
        if match.lastindex == LINE_END and match[LINE_END][0] == "#"
    ]


# --- statements ------------------------------------------------------------------------------
# Each is a list of pieces, between which a line may be broken: the next begins with an operator
# or a word, or the one before ends with a comma.


def _pieces(statement: ast.Statement) -> list[str]:
    return _STATEMENTS[type(statement)](statement)


def _index(s: ast.IndexDecl) -> list[str]:
    high = expression_text(s.hi, SUM, tight=True)
    if s.lo != ast.Number(1):
        high = f"{expression_text(s.lo, SUM, tight=True)}..{high}"
    line = f"index {', '.join(name.name for name in s.names)} : {high}"
    return [line] if s.until is None else [line, f"until {expression_text(s.until)}"]


def _given(s: ast.Given) -> list[str]:
    return _listed("given", [_given_item(item) for item in s.items])


def _given_item(item: ast.GivenItem) -> str:
    text = ("integer " if item.integer else "") + item.name
    if item.axes:
        text += f"[{subscripts_text(item.axes)}]"
    if item.pattern is not None:
        text += f" from {quoted(item.pattern, chr(34))}"
    return text


def _find(s: ast.Find) -> list[str]:
    return _listed("find", [expression_text(item) for item in s.items])


def _listed(word: str, items: list[str]) -> list[str]:
    pieces = [f"{item}," for item in items[:-1]] + items[-1:]
    return [f"{word} {pieces[0]}", *pieces[1:]]


def _relation(s: ast.Relation) -> list[str]:
    left, right = _side(s.lhs), _side(s.rhs)
    pieces = [*left, f"= {right[0]}", *right[1:]]
    if len(left) == 1:
        pieces[:2] = [f"{left[0]} = {right[0]}"]
    if s.where is not None:
        pieces.append(f"where {expression_text(s.where)}")
    if s.otherwise:
        pieces.append("otherwise")
    if s.outside:
        pieces.append("outside")
    return pieces


def _side(node: ast.Expr) -> list[str]:
    if type(node) is ast.Sum:
        return sum_pieces(node)
    if type(node) is ast.Product:
        text = expression_text(node)
        return [text] if len(text) < WIDTH // 2 else product_pieces(node)
    if type(node) is ast.ListExpr and node.items:
        items = [expression_text(item) for item in node.items]
        items[0] = "[" + items[0]
        items[-1] += "]"
        return [f"{item}," for item in items[:-1]] + items[-1:]
    return [expression_text(node, top=True)]


def _guess(s: ast.Guess) -> list[str]:
    text = f"guess {expression_text(s.target)} = {expression_text(s.value, SUM)}"
    if s.lo is not None and s.hi is not None:
        low, high = expression_text(s.lo, SUM, tight=True), expression_text(s.hi, SUM, tight=True)
        text += f" in {low}..{high}"
    return [text]


def _check(s: ast.Check) -> list[str]:
    pieces = [f"check {expression_text(s.condition)}"]
    if s.within is not None:
        pieces.append(f"within {expression_text(s.within, SUM)}")
    if s.where is not None:
        pieces.append(f"where {expression_text(s.where)}")
    return pieces


_STATEMENTS = {
    ast.IndexDecl: _index,
    ast.Given: _given,
    ast.Find: _find,
    ast.Relation: _relation,
    ast.Guess: _guess,
    ast.Check: _check,
    ast.Precision: lambda s: [f"precision {s.name}"],
}
