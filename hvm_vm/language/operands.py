"""Operands: names, numbers, and whatever ends with a bracket."""

from __future__ import annotations

from . import syntax as ast
from .cursor import MAX_STATEMENT, RESERVED, Cursor
from .source import Span
from .tokens import NAME, NUMBER, STRING, SyntaxProblem

_REDUCTIONS = {"Σ": "sum", "Π": "prod", **{op: op for op in ast.REDUCTIONS}}
# Words that may follow an operand without being one.
_SUFFIXES = frozenset(["otherwise", "outside", "until", "within", "in", "from"])


class OperandParser(Cursor):
    """The cursor, with methods that read one operand from it."""

    def expression(self) -> ast.Expr:
        """Read a whole expression: see `expressions`, which has the operators."""
        raise NotImplementedError

    def signed(self) -> ast.Expr:
        """Read a power, with the signs before it."""
        raise NotImplementedError

    def primary(self, ranges: bool = False) -> ast.Expr:
        """A number, name, symbol, subscript, call, reduction or parenthesis. With `ranges`, a name
        may have ranges among its subscripts."""
        kind, text, start, end = self.kind, self.text, self.start, self.end
        if kind == NAME:
            if text in RESERVED:
                self.no_operand()
            self.advance()
            if self.text == "[":
                return self._bracketed(text, start, ranges)
            if self.text == "(":
                return self._called(text, start)
            return ast.Name(text, Span(start, end))
        if kind == NUMBER:
            node = self.number_node(text, Span(start, end))
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
            self.deeper()
            operand = self.primary() if self.text == "√" else self.signed_power()
            self.level -= 1
            return ast.Call("sqrt", (), (operand,), Span(start, self.last_end))
        self.no_operand()

    def signed_power(self) -> ast.Expr:
        """What `√` takes when no parenthesis follows: one power without a sign."""
        if self.text in ("-", "+"):
            self.no_operand()
        return self.signed()

    def number_node(self, text: str, span: Span) -> ast.Number:
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
                    self.no_operand()
                args.append(ast.Ellipsis(self.span()))
                self.advance()
            else:
                args.append(self.expression())
            if self.text != ",":
                break
            self.advance()
            if self.start - self.opened > MAX_STATEMENT:
                self.too_long()
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
            misses = self.operand_follows() and self.text not in _SUFFIXES
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
        self.deeper()
        top, self.top = self.top, False
        self.open()
        items: list[ast.Expr] = []
        while self.text != "]":
            items.append(self.list_constant() if self.text == "[" else self.expression())
            if self.text != ",":
                break
            self.advance()
            if self.start - self.opened > MAX_STATEMENT:
                self.too_long()
        self.close("]", start)
        self.top = top
        self.level -= 1
        return ast.ListExpr(tuple(items), Span(start, self.last_end))
