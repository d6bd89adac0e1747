"""The cursor with what every reader needs: brackets, limits, and the words for mistakes."""

from __future__ import annotations

from typing import NoReturn

from . import syntax as ast
from .source import Span
from .tokens import NAME, NUMBER, OTHER, STRING, SyntaxProblem, Tokens

RESERVED = frozenset(["and", "or", "not", "where"])
STATEMENT_ENDS = frozenset(["", ";", "\n"])

MAX_LEVELS = 200  # of recursion; most take three or four Python frames
MAX_STATEMENT = 8_000_000  # characters, so that one statement cannot take all memory
_SHALLOW = 25  # levels up to which no tree can be higher than MAX_HEIGHT


class Cursor(Tokens):
    """Tokens, with the state of the statement that is being read."""

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        super().__init__(text, start, end)
        self.begin()

    def begin(self) -> None:
        """Forget what the statement before left open."""
        self.depth = 0
        self.level = 0
        self.deepest = 0
        self.top = False  # whether `=` is the relation here, and not a test
        self.opened = self.start

    # --- brackets and errors -----------------------------------------------------------------

    def span(self) -> Span:
        """The token at the cursor; at the end of a line, the place right after the last one."""
        if self.text in STATEMENT_ENDS and self.kind != OTHER:
            return Span(self.last_end, self.last_end + 1)
        return Span(self.start, self.end)

    def open(self) -> None:
        self.depth += 1
        self.advance()

    def close(self, closer: str, opening: int) -> None:
        """Take the `closer` of the bracket at `opening`."""
        if self.text == closer:
            self.depth -= 1  # before advancing: the line's end counts again
            self.advance()
            return
        opener = "(" if closer == ")" else "["
        note = (f"the '{opener}' is opened here", Span(opening, opening + 1))
        if self.kind == OTHER:
            self.no_operand()
        place = self.span()
        if self.code.find("\n", self.last_end, place.start) >= 0:
            place = Span(self.last_end, self.last_end + 1)  # the mistake is at the line's end
        if self.text == "..":
            raise SyntaxProblem(
                "a range cannot stand here", place,
                help="ranges stand in 'index', as axes in 'given', and as slices in 'find'",
            )  # fmt: skip
        if self.text == "...":
            raise SyntaxProblem(
                "'...' stands only among the terms of a sum or product", place,
                help="for example a1 + ... + a9, or exp(s11) + ...",
            )  # fmt: skip
        message, help = f"expected '{closer}' to close a '{opener}'", None
        if self.text in (")", "]"):
            message += f", and not '{self.text}'"
        elif place.start == self.start:
            message += f" before '{self.shown()}'"
            if self.operand_follows():
                help = f"write '{closer}', or an operator: a product is written with '*'"
        raise SyntaxProblem(message, place, help, (note,))

    def shown(self) -> str:
        text = self.code[self.start : self.end]
        return text if len(text) <= 40 else text[:37] + "..."

    def operand_follows(self) -> bool:
        return (self.kind in (NAME, NUMBER, STRING) and self.text not in RESERVED) or self.text in (
            "(",
            "√",
        )

    def no_operand(self) -> NoReturn:
        """Say why what is at the cursor is no operand."""
        text, span = self.text, self.span()
        if self.kind == OTHER:
            message, help = _stray(self.code[self.start])
            raise SyntaxProblem(message, Span(self.start, self.start + 1), help)
        if text in STATEMENT_ENDS:
            raise SyntaxProblem(
                "the line ends where a value is expected", span,
                help="complete the expression, or remove the operator before it",
            )  # fmt: skip
        help = None
        if text in RESERVED:
            help = f"'{text}' is a word of the language and cannot be a name"
        elif text == "[":
            help = "a list of constants stands alone on its side of a relation: a[i] = [1, 2]"
        elif text == "...":
            help = "'...' needs a term before it: a1 + ... + a9, or exp(s11) + ..."
        elif text == "|":
            help = "for an absolute value write abs(x)"
        raise SyntaxProblem(f"expected a value before '{self.shown()}'", span, help)

    def deeper(self) -> None:
        self.level = level = self.level + 1
        if level > self.deepest:
            self.deepest = level
            if level > MAX_LEVELS:
                self.too_deep()

    def too_deep(self) -> NoReturn:
        raise SyntaxProblem(
            "nested too deeply", self.span(),
            help=f"at most {MAX_LEVELS} levels: name a part of it in a relation of its own",
        )  # fmt: skip

    def too_long(self) -> NoReturn:
        raise SyntaxProblem(
            f"a statement of more than {MAX_STATEMENT:,} characters", self.span(),
            help="split it, or write it with an index and a reduction",
        )  # fmt: skip

    def bounded(self, node: ast.Expr) -> ast.Expr:
        """`node`, unless it is higher than `MAX_HEIGHT`: each level here may add several there."""
        if self.deepest > _SHALLOW:
            stack = [(node, 1)]
            while stack:
                node_, height = stack.pop()
                if height > ast.MAX_HEIGHT:
                    self.too_deep()
                stack.extend((child, height + 1) for child in ast.children(node_))
        return node


_STRAY = {
    "'": ("this ' is never closed", "a symbol is written 'ODD', on one line"),
    '"': ('this " is never closed', "write both quotes on one line"),
    "&": ("'&' has no meaning in HMP", "write 'and'"),
    "!": ("'!' has no meaning in HMP", "write 'not', or '!=' for 'differs from'"),
    "~": ("'~' has no meaning in HMP", "write 'not'"),
    "%": ("'%' has no meaning in HMP", "write mod(a, b)"),
    "@": ("'@' has no meaning in HMP", "write the product with its sum: sum[j](A[i,j] * B[j,k])"),
    "{": ("'{' has no meaning here", "the dictionary form begins the file with '{'"),
    "}": ("'}' has no meaning here", None),
    ".": ("'.' has no meaning here", "a range is written 1..9"),
    "–": ("this is a dash and not a minus sign", "write '-'"),
    "—": ("this is a dash and not a minus sign", "write '-'"),
    "“": ("this is a typographic quote", "use straight quotes, ' or \""),
    "”": ("this is a typographic quote", "use straight quotes, ' or \""),
    "‘": ("this is a typographic quote", "use straight quotes, ' or \""),
    "’": ("this is a typographic quote", "use straight quotes, ' or \""),
}


def _stray(character: str) -> tuple[str, str | None]:
    if character in _STRAY:
        return _STRAY[character]
    code = f"U+{ord(character):04X}"
    if character.isprintable():
        return f"the character '{character}' ({code}) has no meaning in HMP", None
    return f"the file holds the character {code}, which has no meaning in HMP", "remove it"
