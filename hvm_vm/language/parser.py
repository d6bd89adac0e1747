"""Statements: HMP text to a `File`.

An error ends only its statement: the parser goes on after it, so that one run reports them all.
The words that begin statements (`given`, `check`, …) are words only where a statement can follow
them: `check = 3` and `index[i] = 2` are relations.
"""

from __future__ import annotations

import gc
import re

from . import syntax as ast
from .cursor import RESERVED, STATEMENT_ENDS
from .diagnostics import Diagnostics, nearest
from .dictionary import as_statements
from .expressions import SUM, ExpressionParser
from .source import Source, Span
from .tokens import LEADING, NAME, NUMBER, OTHER, STRING, SyntaxProblem

MAX_ERRORS = 1000  # after so many, the rest of a file is not read
_WORDS = ("index", "given", "find", "guess", "check", "precision")


def parse(source: Source, diagnostics: Diagnostics) -> ast.File:
    """Read a whole file. What could not be read is reported in `diagnostics` and left out."""
    text = source.text
    # A large file makes millions of nodes and no garbage: the collector would only walk over
    # them again and again, for half of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        dictionary = text.lstrip()[:1] == "{"
        if dictionary:
            text = as_statements(text, diagnostics)
        statements = StatementParser(text, diagnostics).statements()
    finally:
        if collecting:
            gc.enable()
    return ast.File(tuple(statements), dictionary, Span(0, len(text)))


def parse_expression(
    source: Source, diagnostics: Diagnostics, span: Span | None = None
) -> ast.Expr | None:
    """Read one expression from `source`, or from the `span` of it. None if it is not one."""
    start, end = span or (0, len(source.text))
    parser = StatementParser(source.text, diagnostics, start, end)
    return parser.whole(parser.expression)


def parse_find(source: Source, diagnostics: Diagnostics) -> tuple[ast.Name | ast.Subscript, ...]:
    """Read what may follow `find`: `x, u[N,i]`. Empty if it cannot be read."""
    parser = StatementParser(source.text, diagnostics)
    found = parser.whole(lambda: parser.find(parser.start))
    return found.items if found else ()


class StatementParser(ExpressionParser):
    """The cursor, with methods that read statements from it."""

    def __init__(
        self, text: str, diagnostics: Diagnostics, start: int = 0, end: int | None = None
    ) -> None:
        super().__init__(text, start, end)
        self.diagnostics = diagnostics

    def statements(self) -> list[ast.Statement]:
        """Every statement up to the end of the text."""
        found: list[ast.Statement] = []
        errors = 0
        while True:
            while self.text in ("\n", ";"):
                self.advance()
            if not self.text:
                return found
            start = self.start
            statement = self.attempt(self.statement)
            if statement is not None:
                found.append(statement)
                continue
            errors += 1
            if errors >= MAX_ERRORS:
                self.diagnostics.error(
                    f"more than {MAX_ERRORS} statements cannot be read: the rest is left unread",
                    Span(start, start + 1),
                )
                return found
            self.recover(start)

    def attempt(self, read):
        """What `read` returns, or None when it reported an error."""
        self.begin()
        start = self.start
        try:
            return read()
        except SyntaxProblem as problem:
            self.diagnostics.error(problem.message, problem.span, problem.help, problem.notes)
        except RecursionError:
            # Levels are counted, but a caller may have left little of Python's stack.
            self.diagnostics.error(
                "nested too deeply", Span(start, start + 1),
                help="name a part of it in a relation of its own",
            )  # fmt: skip
        return None

    def whole(self, read):
        """As `attempt`, and nothing may follow."""

        def read_all():
            while self.text == "\n":
                self.advance()
            result = read()
            while self.text == "\n":
                self.advance()
            if self.text:
                self.unexpected("the end")
            return result

        return self.attempt(read_all)

    # --- one statement -----------------------------------------------------------------------

    def statement(self) -> ast.Statement:
        """The statement at the cursor, and its end."""
        start, word = self.start, self.text
        if self.kind == NAME and word in _WORDS:
            gap = self.code[self.end : self.end + 1].isspace()
            self.advance()
            if word == "check":
                if self._condition_follows(gap):
                    return self.ended(self.check(start))
            elif self.kind == NAME and self.text not in RESERVED:
                return self.ended(getattr(self, word)(start))
            elif self.text in STATEMENT_ENDS:
                raise SyntaxProblem(
                    f"'{word}' has nothing after it", Span(start, self.last_end),
                    help=_USAGE[word],
                )  # fmt: skip
            self.seek(start)
        return self.ended(self.relation(start))

    def ended(self, statement: ast.Statement) -> ast.Statement:
        if self.text not in STATEMENT_ENDS:
            self.unexpected("the end of the statement")
        return statement

    def _condition_follows(self, gap: bool) -> bool:
        """Whether what stands after `check` makes it the statement."""
        text = self.text
        if self.kind in (NAME, NUMBER, STRING):
            return text not in RESERVED or text == "not"
        if text == "√":
            return True
        if text == "(":  # but `check(x) = 2*x` defines a function
            return gap or not _DEFINITION.match(self.code, self.start)
        if text in ("-", "+"):  # `check -x < 1`, but `check - x = 0` and `check-x = 0`
            return gap and not self.code[self.end : self.end + 1].isspace()
        return False

    def relation(self, start: int) -> ast.Statement:
        """`expr = expr`, with its `where`, `otherwise` or `outside`."""
        self.top = True
        if self.text == "=":
            raise SyntaxProblem("nothing stands to the left of '='", self.span())
        lhs = self.side()
        if self.text != "=":
            self._no_relation(lhs, start)
        self.advance()
        rhs = self.side()
        if self.text == "=":
            self._second_equality(start)
        self.top = False
        where, otherwise, outside = None, False, False
        if self.text == "where":
            where = self.where()
        elif self.text == "otherwise" and self.kind == NAME:
            otherwise = True
            self.advance()
        elif self.text == "outside" and self.kind == NAME:
            outside = True
            self.advance()
        if self.text in ("where", "otherwise", "outside"):
            raise SyntaxProblem(
                "a relation takes one of 'where', 'otherwise' and 'outside'", self.span(),
                help="join conditions with 'and'; write each case as a relation of its own",
            )  # fmt: skip
        return ast.Relation(lhs, rhs, where, otherwise, outside, Span(start, self.last_end))

    def side(self) -> ast.Expr:
        """One side of a relation: an expression, or a list of constants."""
        if self.text != "[":
            return self.bounded(self.expression())
        node = self.list_constant()
        if self.text in "+-*/^" and self.text:
            raise SyntaxProblem(
                "a list of constants stands alone on its side of a relation", node.span,
                help="give it a name (a[i] = [1, 2]) and calculate with a[i]",
            )  # fmt: skip
        return self.bounded(node)

    def _second_equality(self, start: int) -> None:
        """Say so, and why, if a line's beginning made one relation of what was meant as two."""
        help = "state two relations, or put a test in parentheses: x = (a = b)"
        line = self.code.rfind("\n", start, self.start)
        if line >= 0 and (begins := LEADING.match(self.code, line + 1)):
            sign = begins[0].strip()
            help = (
                f"this line goes on with the one before, because it begins with '{sign}': "
                "to part them, end that line with ';'"
            )
        raise SyntaxProblem("a second '=' in one relation", self.span(), help)

    def where(self) -> ast.Expr:
        self.advance()
        return self.bounded(self.expression())

    def _no_relation(self, lhs: ast.Expr, start: int) -> None:
        """Say what is missing from a statement that has no `=`."""
        span = Span(start, self.last_end)
        if self.text == ":=":
            raise SyntaxProblem(f"'{self.text}' is not used", self.span(), help="write '='")
        if self.text not in STATEMENT_ENDS:
            if type(lhs) is ast.Name and self.kind == NAME:
                word = nearest(lhs.name, _WORDS)
                if word:
                    raise SyntaxProblem(
                        f"'{lhs.name}' begins no statement", lhs.span,
                        help=f"did you mean '{word}'?",
                    )  # fmt: skip
            self.unexpected("'='")
        if type(lhs) in (ast.Compare, ast.Not, ast.And, ast.Or):
            raise SyntaxProblem(
                "a condition alone states nothing", span,
                help="to assert it, write 'check' before it; a relation is written with '='",
            )  # fmt: skip
        if type(lhs) is ast.Name and lhs.name in _WORDS:
            raise SyntaxProblem(f"'{lhs.name}' has nothing after it", span, _USAGE[lhs.name])
        help = "to ask for a value, write 'find' before it" if type(lhs) is ast.Name else None
        raise SyntaxProblem("this is no relation: it has no '='", span, help)

    # --- the statements that begin with a word -----------------------------------------------

    def index(self, start: int) -> ast.IndexDecl:
        names = [self.plain_name("an index name")]
        while self.text == ",":
            self.advance()
            names.append(self.plain_name("an index name"))
        if self.text != ":":
            if self.text in STATEMENT_ENDS:
                raise SyntaxProblem(
                    "this index has no range", Span(start, self.last_end), help=_USAGE["index"]
                )
            if self.text in ("=", "in"):
                raise SyntaxProblem(
                    f"expected ':' and not '{self.text}'", self.span(), help=_USAGE["index"]
                )
            self.unexpected("':' and a range")
        self.advance()
        colon = self.last_end
        low = self.bounded(self.expression(SUM))
        if self.text == "=" and self.code.find("\n", colon, low.span.start) >= 0:
            self.seek(colon)  # the next line is a statement of its own
            raise SyntaxProblem(
                "this index has no range", Span(start, colon), help=_USAGE["index"]
            )
        high = None
        if self.text == "..":
            self.advance()
            high = self.bounded(self.expression(SUM))
        if high is None:
            low, high = ast.Number(1, "1", Span(low.span.start, low.span.start)), low
        until = None
        if self.text == "until":
            self.advance()
            until = self.bounded(self.expression())
        if self.text == ",":
            raise SyntaxProblem(
                "an index statement gives one range", self.span(),
                help="begin another 'index' for the next range, on its own line or after ';'",
            )  # fmt: skip
        return ast.IndexDecl(tuple(names), low, high, until, Span(start, self.last_end))

    def given(self, start: int) -> ast.Given:
        items = [self._given_item()]
        while self.text == ",":
            self.advance()
            items.append(self._given_item())
        if self.text == "=":
            raise SyntaxProblem(
                "'given' declares an input and sets no value", self.span(),
                help=f"for a default, write the relation alone: {items[-1].name} = ...",
            )  # fmt: skip
        return ast.Given(tuple(items), Span(start, self.last_end))

    def _given_item(self) -> ast.GivenItem:
        start = self.start
        name = self.plain_name("the name of an input")
        integer = False
        pattern_next = self.text == "from" and _QUOTE.match(self.code, self.end)
        if name.name == "integer" and self.kind == NAME and not pattern_next:
            integer = True
            name = self.plain_name("the name of an input")
        axes: list[ast.Expr] = []
        if self.text == "[":
            opening = self.start
            self.open()
            axes.append(self.bounded(self.subscript()))
            while self.text == ",":
                self.advance()
                axes.append(self.bounded(self.subscript()))
            self.close("]", opening)
        pattern, place = None, Span(0, 0)
        if self.text == "from":
            self.advance()
            if self.kind != STRING:
                if self.kind == OTHER:
                    self.no_operand()
                raise SyntaxProblem(
                    "expected the name of a tensor in quotes after 'from'", self.span(),
                    help='for example from "encoder.layer.{l-1}.weight"',
                )  # fmt: skip
            pattern, place = self.text[1:-1], Span(self.start + 1, self.end - 1)
            self.advance()
        span = Span(start, self.last_end)
        return ast.GivenItem(name.name, tuple(axes), integer, pattern, name.span, place, span)

    def find(self, start: int) -> ast.Find:
        items = [self.reference("find", ranges=True)]
        while self.text == ",":
            self.advance()
            items.append(self.reference("find", ranges=True))
        if self.text == "=":
            raise SyntaxProblem(
                "'find' names results and states no relation", self.span(),
                help="write the relation in a statement of its own",
            )  # fmt: skip
        return ast.Find(tuple(items), Span(start, self.last_end))

    def guess(self, start: int) -> ast.Guess:
        target = self.reference("guess")
        if self.text != "=":
            self.unexpected("'=' and a value")
        self.advance()
        value = self.bounded(self.expression(SUM))
        low = high = None
        if self.text == "in":
            self.advance()
            low = self.bounded(self.expression(SUM))
            if self.text != "..":
                self.unexpected("'..' and the upper bound")
            self.advance()
            high = self.bounded(self.expression(SUM))
        if self.text == ",":
            raise SyntaxProblem(
                "a 'guess' is of one variable", self.span(),
                help="begin another 'guess', on its own line or after ';'",
            )  # fmt: skip
        return ast.Guess(target, value, low, high, Span(start, self.last_end))

    def check(self, start: int) -> ast.Check:
        condition = self.bounded(self.expression())
        within = where = None
        while True:
            if self.text == "within" and within is None:
                self.advance()
                within = self.bounded(self.expression(SUM))
            elif self.text == "where" and where is None:
                where = self.where()
            else:
                return ast.Check(condition, within, where, Span(start, self.last_end))

    def precision(self, start: int) -> ast.Precision:
        name = self.plain_name("float32 or float64")
        if name.name not in ast.PRECISIONS:
            raise SyntaxProblem(
                f"'{name.name}' is no precision", name.span, help="write float32 or float64"
            )
        return ast.Precision(name.name, Span(start, self.last_end))

    # --- parts -------------------------------------------------------------------------------

    def plain_name(self, what: str) -> ast.Name:
        if self.kind != NAME or self.text in RESERVED:
            self.unexpected(what)
        name = ast.Name(self.text, Span(self.start, self.end))
        self.advance()
        return name

    def reference(self, word: str, ranges: bool = False) -> ast.Name | ast.Subscript:
        """A variable, whole or with subscripts."""
        if self.kind != NAME or self.text in RESERVED:
            self.unexpected("the name of a variable")
        node = self.primary(ranges)
        if type(node) not in (ast.Name, ast.Subscript):
            raise SyntaxProblem(
                f"'{word}' takes a variable and not an expression", node.span,
                help="give the expression a name in a relation: y = ...",
            )  # fmt: skip
        return self.bounded(node)

    def unexpected(self, wanted: str) -> None:
        """Say what was wanted where something else stands."""
        text, span = self.text, self.span()
        help = None
        if self.kind == OTHER:
            self.no_operand()
        if text in STATEMENT_ENDS:
            raise SyntaxProblem(f"the line ends where {wanted} is expected", span)
        if text in (")", "]"):
            raise SyntaxProblem(f"this '{text}' closes nothing", span, help="remove it")
        if self.operand_follows():
            if self.last_end == self.start and self.code[self.start - 1].isdigit():
                help = "a product is written with '*', and a name does not begin with a digit"
            elif self.code[max(0, self.start - 20) : self.start].rstrip()[-3:].strip() == "if":
                help = "choose by value with if(condition, then, else)"
            elif self.kind == NAME and (word := nearest(text, _AFTER)):
                help = f"did you mean '{word}'?"
            elif wanted in ("'='", "the end of the statement", "the end"):
                help = "a product is written with '*'; two statements on a line are parted by ';'"
        elif text == "..":
            help = "ranges stand in 'index', as axes in 'given', and as slices in 'find'"
        elif text == "|":
            help = "for an absolute value write abs(x)"
        elif text in RESERVED:
            help = f"'{text}' is a word of the language and cannot be a name"
        raise SyntaxProblem(f"expected {wanted} before '{self.shown()}'", span, help)


_DEFINITION = re.compile(r"\(\s*[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*\s*\)\s*=")
_QUOTE = re.compile(r"""[^\S\n]*["']""")
_AFTER = ("where", "otherwise", "outside", "within", "until", "from", "and", "or")
_USAGE = {
    "index": "for example: index t, u : 1..T",
    "given": "for example: given X[t,i], integer token[t]",
    "find": "for example: find y, O[t,i]",
    "guess": "for example: guess x = 1 in 0..10",
    "check": "for example: check a = b within 1e-9",
    "precision": "write 'precision float32' or 'precision float64'",
}
