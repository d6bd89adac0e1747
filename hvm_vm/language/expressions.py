"""Expressions: a precedence-climbing parser whose chains are loops.

Binding, tightest first: call and subscript; `^` (to the right); unary sign; `* /`; `+ -`;
comparisons; `not`; `and`; `or`. Only brackets, signs, `not` and exponents recurse, and they count
the levels, so that no input can exhaust Python's stack.
"""

from __future__ import annotations

from . import syntax as ast
from .cursor import MAX_STATEMENT
from .operands import OperandParser
from .source import Span
from .tokens import NAME, SUPERSCRIPT, SyntaxProblem

OR, AND, NOT, COMPARE, SUM, PRODUCT = range(1, 7)
_BINARY = {
    "or": OR, "and": AND, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT,
    **{op: COMPARE for op in ast.COMPARISONS},
}  # fmt: skip


class ExpressionParser(OperandParser):
    """The cursor, with methods that read an expression from it."""

    # --- chains ------------------------------------------------------------------------------

    def expression(self, binding: int = OR) -> ast.Expr:
        """Read operators that bind at least as tightly as `binding`, and their operands."""
        self.deeper()
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
                self.too_long()
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
                self.too_long()
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
            self.deeper()
            self.advance()
            operand = self.signed()
            self.level -= 1
            return ast.Negate(operand, Span(start, self.last_end)) if text == "-" else operand
        start = self.start
        base = self.primary()
        if self.text == "^":
            self.deeper()
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
        exponent: ast.Expr = self.number_node(digits, span)
        minus = self.text.startswith("-")
        self.advance()
        if self.text == "^":  # to the right, as x^2^3
            self.deeper()
            self.advance()
            power = self.signed()
            self.level -= 1
            exponent = ast.Power(exponent, power, Span(span.start, self.last_end))
        return ast.Negate(exponent, span) if minus else exponent


def _has_ellipsis(operands: tuple[ast.Expr, ...]) -> bool:
    return any(type(operand) is ast.Ellipsis for operand in operands)
