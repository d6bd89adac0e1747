"""Expressions: a precedence-climbing parser whose chains are loops.

Binding, tightest first: call and subscript; `^` (to the right); unary sign; `* /`; `+ -`;
comparisons; `not`; `and`; `or`. Only brackets, signs, `not` and exponents recurse, and they count
the levels, so that no input can exhaust Python's stack.
"""

from __future__ import annotations

from . import syntax as ast
from .source import Span
from .tokens import NAME, NUMBER, OTHER, STRING, SUPERSCRIPT, SyntaxProblem, Tokens

OR, AND, NOT, COMPARE, SUM, PRODUCT = range(1, 7)
_BINARY = {
    "or": OR, "and": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT,
    **{op: COMPARE for op in ast.COMPARISONS},
}  # fmt: skip
_REDUCTIONS = {"Σ": "sum", "Π": "prod", **{op: op for op in ast.REDUCTIONS}}
RESERVED = frozenset(["and", "or", "not", "where"])
SUFFIXES = frozenset(["otherwise", "outside", "until", "within", "in", "from"])
STATEMENT_ENDS = frozenset(["", ";", "\n"])

MAX_LEVELS = 200  # of recursion; most take three or four Python frames
MAX_STATEMENT = 8_000_000  # characters, so that one statement cannot take all memory
_SHALLOW = 25  # levels up to which no tree can be higher than MAX_HEIGHT


class ExpressionParser(Tokens):
    """The cursor, with methods that read an expression from it."""

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

    # --- chains ------------------------------------------------------------------------------

    def expression(self, binding: int = OR) -> ast.Expr:
        """Read operators that bind at least as tightly as `binding`, and their operands."""
        self._deeper()
        start = self.start
        if self.text == "not" and self.kind == NAME:
            if binding > NOT:
                raise SyntaxProblem(
                    "'not' stands in the middle of an expression", self.span(),
                    help="put the 'not ...' in parentheses",
                )  # fmt: skip
            self.advance()
            left: ast.Expr = ast.Not(self.expression(NOT), Span(start, self.last_end))
        else:
            left = self.signed()
        while (op := self.text) in _BINARY:
            bound = _BINARY[op]
            if bound < binding or (op == "=" and self.top):
                break
            if bound == PRODUCT:
                left = self._product(left, start)
            elif bound == SUM:
                left = self._sum(left, start)
            elif bound == COMPARE:
                left = self._compare(left, start)
            else:
                left = self._logic(left, start, op, bound)
        self.level -= 1
        return left

    def _sum(self, left: ast.Expr, start: int) -> ast.Expr:
        terms, negative = [left], [False]
        if type(left) is ast.Sum and not _has_ellipsis(left.terms):
            # (a + b) + c is a + b + c: both read from left to right.
            terms, negative = list(left.terms), list(left.negative)
        while (op := self.text) == "+" or op == "-":
            self.advance()
            if self.text == "...":
                self._ellipsis(terms, negative, op == "-", op)
            else:
                terms.append(self.expression(PRODUCT))
                negative.append(op == "-")
            if self.start - self.opened > MAX_STATEMENT:
                self._too_long()
        return ast.Sum(tuple(terms), tuple(negative), Span(start, self.last_end))

    def _product(self, left: ast.Expr, start: int) -> ast.Expr:
        factors, inverse = [left], [False]
        if type(left) is ast.Product and not _has_ellipsis(left.factors):
            factors, inverse = list(left.factors), list(left.inverse)
        while (op := self.text) == "*" or op == "/":
            self.advance()
            if self.text == "...":
                self._ellipsis(factors, inverse, op == "/", op)
            else:
                factors.append(self.signed())
                inverse.append(op == "/")
            if self.start - self.opened > MAX_STATEMENT:
                self._too_long()
        return ast.Product(tuple(factors), tuple(inverse), Span(start, self.last_end))

    def _ellipsis(self, operands: list, flags: list, flag: bool, op: str) -> None:
        """Take the `...` at the cursor, and the operand after it if there is one."""
        span = self.span()
        if type(operands[-1]) is ast.Ellipsis:
            raise SyntaxProblem("two '...' in a row", span, help="one is enough")
        if len(operands) > 1 and flags[-1] != flag:
            raise SyntaxProblem(
                "the terms that '...' stands for begin with two different operators", span,
                help=f"write the same '{op}' before the '...' and before the term on its left",
            )  # fmt: skip
        if flag and len(operands) == 1:
            raise SyntaxProblem(
                f"'...' after the first '{op}' has no family to go on with", span,
                help=f"write one more term: a {op} b {op} ...",
            )  # fmt: skip
        operands.append(ast.Ellipsis(span))
        flags.append(flag)
        self.advance()
        follows = _BINARY.get(self.text)
        if follows is not None and follows > _BINARY[op]:
            raise SyntaxProblem(
                f"'...' is a whole term, and '{self.text}' takes a part of one", self.span(),
                help="close the sum in parentheses first",
            )  # fmt: skip
        if follows == _BINARY[op] and self.text != op:
            raise SyntaxProblem(
                "the terms that '...' stands for end with two different operators", self.span(),
                help=f"write the same '{op}' before and after the '...'",
            )  # fmt: skip

    def _compare(self, left: ast.Expr, start: int) -> ast.Expr:
        operands, ops = [left], []
        while _BINARY.get(op := self.text) == COMPARE and not (op == "=" and self.top):
            self.advance()
            operands.append(self.expression(SUM))
            ops.append(op)
        return ast.Compare(tuple(operands), tuple(ops), Span(start, self.last_end))

    def _logic(self, left: ast.Expr, start: int, op: str, bound: int) -> ast.Expr:
        node = ast.And if op == "and" else ast.Or
        operands = list(left.operands) if type(left) is node else [left]
        while self.text == op:
            self.advance()
            operands.append(self.expression(bound + 1))
        return node(tuple(operands), Span(start, self.last_end))

    # --- signs and powers --------------------------------------------------------------------

    def signed(self) -> ast.Expr:
        """A power, or one with signs before it: `-2^2` is -4."""
        text = self.text
        if text == "-" or text == "+":
            start = self.start
            self._deeper()
            self.advance()
            operand = self.signed()
            self.level -= 1
            return ast.Negate(operand, Span(start, self.last_end)) if text == "-" else operand
        start = self.start
        base = self.primary()
        if self.text == "^":
            self._deeper()
            self.advance()
            exponent = self.signed()
            self.level -= 1
        elif self.kind == SUPERSCRIPT:
            exponent = self._superscript()
        else:
            return base
        if type(base) is ast.Derivative and base.span.start == start:
            raise SyntaxProblem(
                "this power of a derivative can be read in two ways", base.span,
                help="write (d(y)/d(x))^2 for the square of the derivative",
            )  # fmt: skip
        return ast.Power(base, exponent, Span(start, self.last_end))

    def _superscript(self) -> ast.Expr:
        span, digits = self.span(), self.text.lstrip("-")
        exponent: ast.Expr = self._number_node(digits, span)
        minus = self.text.startswith("-")
        self.advance()
        if self.text == "^":  # to the right, as x^2^3
            self._deeper()
            self.advance()
            power = self.signed()
            self.level -= 1
            exponent = ast.Power(exponent, power, Span(span.start, self.last_end))
        return ast.Negate(exponent, span) if minus else exponent

    # --- operands ----------------------------------------------------------------------------

    def primary(self, ranges: bool = False) -> ast.Expr:
        """A number, name, symbol, subscript, call, reduction or parenthesis. With `ranges`, a name
        may have ranges among its subscripts."""
        kind, text, start, end = self.kind, self.text, self.start, self.end
        if kind == NAME:
            if text in RESERVED:
                self._no_operand()
            self.advance()
            if self.text == "[":
                return self._bracketed(text, start, ranges)
            if self.text == "(":
                return self._called(text, start)
            return ast.Name(text, Span(start, end))
        if kind == NUMBER:
            node = self._number_node(text, Span(start, end))
            self.advance()
            return node
        if text == "(":
            top, self.top = self.top, False
            self.open()
            inner = self.expression()
            if self.text == ",":
                raise SyntaxProblem(
                    "a comma between plain parentheses", self.span(),
                    help="a list of constants is written in brackets: [1, 2, 3]",
                )  # fmt: skip
            self.close(")", start)
            self.top = top
            return inner
        if kind == STRING:
            self.advance()
            return ast.Symbol(text[1:-1], Span(start, end))
        if text == "√":
            self.advance()
            if self.text == "(":
                return self._called("sqrt", start)
            self._deeper()
            operand = self.primary() if self.text == "√" else self.signed_power()
            self.level -= 1
            return ast.Call("sqrt", (), (operand,), Span(start, self.last_end))
        self._no_operand()
        raise AssertionError  # unreachable

    def signed_power(self) -> ast.Expr:
        """What `√` takes when no parenthesis follows: one power without a sign."""
        if self.text in ("-", "+"):
            self._no_operand()
        return self.signed()

    def _number_node(self, text: str, span: Span) -> ast.Number:
        if len(text) > 4000:
            raise SyntaxProblem(f"a number of {len(text)} characters", span, help="round it")
        try:
            return ast.Number(int(text), text, span)
        except ValueError:
            value = float(text)
        if value == float("inf"):
            raise SyntaxProblem(
                "this number is too large for a float64", span,
                help="the largest is about 1.8e308; write inf for infinity",
            )  # fmt: skip
        return ast.Number(value, text, span)

    def _called(self, function: str, start: int, axes: tuple = ()) -> ast.Expr:
        """The call of `function`, the cursor being at its parenthesis."""
        if function == "d" and not axes:
            return self._derivative(start)
        opening = self.start
        top, self.top = self.top, False
        self.open()
        if self.text == ")":
            raise SyntaxProblem(
                f"'{function}()' has nothing between its parentheses",
                Span(start, self.end),
                help="a function takes one argument at least; write a plain name for a variable",
            )
        args: list[ast.Expr] = []
        while True:
            if self.text == "...":
                if function not in ("min", "max") or not args:
                    self._no_operand()
                args.append(ast.Ellipsis(self.span()))
                self.advance()
            else:
                args.append(self.expression())
            if self.text != ",":
                break
            self.advance()
            if self.start - self.opened > MAX_STATEMENT:
                self._too_long()
        self.close(")", opening)
        self.top = top
        return ast.Call(function, axes, tuple(args), Span(start, self.last_end))

    def _derivative(self, start: int) -> ast.Expr:
        """`d(y)/d(x)`, the cursor being at the first parenthesis."""
        of = self._parenthesis("'d'")
        if self.text == "/":
            self.advance()
            if self.text == "d" and self.kind == NAME:
                self.advance()
                if self.text == "(":
                    by = self._parenthesis("'d'")
                    return ast.Derivative(of, by, Span(start, self.last_end))
        raise SyntaxProblem(
            "'d(...)' stands only in a derivative, d(y)/d(x)", Span(start, self.last_end),
            help="d cannot be a function; if it is one of yours, give it another name",
        )  # fmt: skip

    def _parenthesis(self, what: str) -> ast.Expr:
        """One expression between parentheses, the cursor being at the first."""
        opening = self.start
        top, self.top = self.top, False
        self.open()
        inner = self.expression()
        if self.text == ",":
            raise SyntaxProblem(f"{what} takes one expression", self.span())
        self.close(")", opening)
        self.top = top
        return inner

    def _bracketed(self, name: str, start: int, ranges: bool) -> ast.Expr:
        """What follows `name[`: subscripts, or the scope of a reduction or function."""
        opening = self.start
        top, self.top = self.top, False
        self.open()
        if self.text == "]":
            raise SyntaxProblem(
                f"'{name}[]' has no subscripts", Span(start, self.end), help=f"write '{name}'"
            )
        read = self.subscript if ranges else self.expression
        subs = [read()]
        while self.text == ",":
            self.advance()
            subs.append(read())
        condition, bar = None, None
        if self.text == "|":
            bar = self.span()
            self.advance()
            condition = self.expression()
        self.close("]", opening)
        self.top = top
        span = Span(start, self.last_end)
        if self.text != "(":
            misses = self._operand_follows() and self.text not in SUFFIXES
            if name in _REDUCTIONS and (bar or misses):
                raise SyntaxProblem(
                    f"'{name}[...]' does not say how far it reaches", span,
                    help=f"put what it runs over in parentheses: {name}[...](...)",
                )  # fmt: skip
            if bar:
                raise SyntaxProblem(
                    "a condition after '|' belongs in a reduction", bar,
                    help="for example sum[u | u <= t](...); cases of a relation use 'where'",
                )  # fmt: skip
            return ast.Subscript(name, tuple(subs), span)
        if name in _REDUCTIONS or name == "last":
            indices = self._scope(name, subs)
            body = self._parenthesis(f"'{name}[...]'")
            span = Span(start, self.last_end)
            if name != "last":
                return ast.Reduce(_REDUCTIONS[name], indices, condition, body, span)
            if bar:
                raise SyntaxProblem("'last' takes no condition", bar)
            if len(indices) > 1:
                raise SyntaxProblem("'last' takes one index", indices[1].span)
            return ast.Last(indices[0], body, span)
        if bar:
            raise SyntaxProblem(
                f"'{name}' is a function with axes, and takes no condition", bar,
                help="conditions belong in reductions, such as sum[u | u <= t](...)",
            )  # fmt: skip
        return self._called(name, start, tuple(subs))

    def _scope(self, name: str, subs: list) -> tuple[ast.Name, ...]:
        """The subscripts of a reduction, which must be index names, each once."""
        seen = set()
        for sub in subs:
            if type(sub) is not ast.Name:
                raise SyntaxProblem(
                    f"'{name}[...]' runs over indices, and this is not the name of one", sub.span,
                    help="declare an index for it: index k : 1..9",
                )  # fmt: skip
            if sub.name in seen:
                raise SyntaxProblem(f"the index '{sub.name}' stands here twice", sub.span)
            seen.add(sub.name)
        return tuple(subs)

    def subscript(self) -> ast.Expr:
        """A subscript where a range is allowed."""
        start = self.start
        low = self.expression()
        if self.text != "..":
            return low
        self.advance()
        high = self.expression()
        return ast.Range(low, high, Span(start, self.last_end))

    def list_constant(self) -> ast.ListExpr:
        """`[0, 1/2, [..]]`, the cursor being at the bracket."""
        start = self.start
        self._deeper()
        top, self.top = self.top, False
        self.open()
        items: list[ast.Expr] = []
        while self.text != "]":
            items.append(self.list_constant() if self.text == "[" else self.expression())
            if self.text != ",":
                break
            self.advance()
            if self.start - self.opened > MAX_STATEMENT:
                self._too_long()
        self.close("]", start)
        self.top = top
        self.level -= 1
        return ast.ListExpr(tuple(items), Span(start, self.last_end))

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
            self._no_operand()
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
            message += f" before '{self._shown()}'"
            if self._operand_follows():
                help = f"write '{closer}', or an operator: a product is written with '*'"
        raise SyntaxProblem(message, place, help, (note,))

    def _shown(self) -> str:
        text = self.code[self.start : self.end]
        return text if len(text) <= 40 else text[:37] + "..."

    def _operand_follows(self) -> bool:
        return (self.kind in (NAME, NUMBER, STRING) and self.text not in RESERVED) or self.text in (
            "(",
            "√",
        )

    def _no_operand(self) -> None:
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
        raise SyntaxProblem(f"expected a value before '{self._shown()}'", span, help)

    def _deeper(self) -> None:
        self.level = level = self.level + 1
        if level > self.deepest:
            self.deepest = level
            if level > MAX_LEVELS:
                self.too_deep()

    def too_deep(self) -> None:
        raise SyntaxProblem(
            "nested too deeply", self.span(),
            help=f"at most {MAX_LEVELS} levels: name a part of it in a relation of its own",
        )  # fmt: skip

    def _too_long(self) -> None:
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


def _has_ellipsis(operands: tuple[ast.Expr, ...]) -> bool:
    return any(type(operand) is ast.Ellipsis for operand in operands)


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
