"""Expressions over values: what `p` prints, what conditions of breakpoints test, what `set` stores.

    max(S) > 10 and not any nan     S[1, ..]*2     norm(x - y)     any(S < 0)     kind[2] = 'ODD'

Arithmetic goes element by element, as in NumPy. A text is parsed once into a function of a scope,
which knows the values: `scope.value(name)`, `scope.index(name, items)`, `scope.subjects()`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.engines.words import suggestion
from hvm_vm.errors import InputError
from hvm_vm.tracing.stepping.slices import Item
from hvm_vm.tracing.stepping.tokens import Token, tokens


def _empty_is_nan(function):
    return lambda x: function(x) if np.size(x) else math.nan


FUNCTIONS: dict[str, Callable] = {
    "max": _empty_is_nan(np.max), "min": _empty_is_nan(np.min), "mean": _empty_is_nan(np.mean),
    "std": _empty_is_nan(np.std), "sum": np.sum, "abs": np.abs, "sqrt": np.sqrt, "exp": np.exp,
    "log": np.log, "any": np.any, "all": np.all, "count": np.count_nonzero, "size": np.size,
    "norm": lambda x: np.sqrt(np.sum(np.abs(x) ** 2)),
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
}  # fmt: skip
_CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}
_KINDS = {"nan": np.isnan, "inf": np.isinf}
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
            "=": operator.eq, "!=": operator.ne}  # fmt: skip
_WORDS = ("and", "or", "not", "if", "in")


@dataclass(frozen=True, slots=True)
class Reference:
    """`NAME` or `NAME[items]`: what can be set and watched."""

    name: str
    items: tuple[Item, ...] | None
    text: str

    def __call__(self, scope) -> np.ndarray:
        value = scope.value(self.name)
        if self.items is None:
            return value
        return np.asarray(value[scope.index(self.name, self.items, value.shape)])


@dataclass(frozen=True)
class Expression:
    """A parsed text. `function(scope)` evaluates it; `reference` is set if it is one; `names` are
    those that it reads."""

    text: str
    function: Callable
    reference: Reference | None
    names: frozenset[str] = field(default_factory=frozenset)

    def __call__(self, scope) -> np.ndarray:
        """The value. Raises `InputError`, `Unavailable`."""
        try:
            with np.errstate(all="ignore"):
                return np.asarray(self.function(scope))
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise InputError(f"{self.text} has no value: {error}") from None

    @property
    def is_claim(self) -> bool:
        """Whether it is a comparison as a whole, which `= value` cannot follow."""
        depth = 0
        for token in tokens(self.text):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
            if not depth and token.kind == "sign" and token.text in _COMPARE:
                return True
        return False

    def true(self, scope) -> bool:
        """The value of a condition. Raises `InputError` if it is many values."""
        value = self(scope)
        if value.size != 1:
            raise InputError(f"{self.text} is {value.size} truth values: say any(…) or all(…)")
        return bool(value.item())


def parse(text: str) -> Expression:
    """The expression of a whole text. Raises `InputError`."""
    parser = Parser(text)
    found = parser.disjunction()
    parser.finish()
    return parser.expression(found)


def parse_assignment(text: str) -> tuple[Reference, Expression]:
    """`NAME[slice] = value`."""
    parser = Parser(text)
    target = parser.atom()
    if not isinstance(target, Reference) or not parser.take("="):
        raise InputError("write it as set NAME = VALUE or set NAME[1, 2] = VALUE")
    value = parser.disjunction()
    parser.finish()
    return target, parser.expression(value)


class Parser:
    """Recursive descent; every method gives a function of the scope."""

    def __init__(self, text: str):
        self.text, self.tokens, self.at = text, tokens(text), 0
        self.names: set[str] = set()

    def expression(self, function) -> Expression:
        return Expression(self.text.strip(), function,
                          function if isinstance(function, Reference) else None,
                          frozenset(self.names))

    # -- tokens ---------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self, text: str) -> bool:
        if self.token.text == text and self.token.kind in ("sign", "name"):
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.wrong(f"`{text}` is missing")

    def finish(self) -> None:
        if self.token.kind != "end":
            raise self.wrong("this is not expected")

    def wrong(self, what: str) -> InputError:
        place = f"before `{self.token.text}`" if self.token.kind != "end" else "at the end"
        return InputError(f"{what} {place}: {self.text.strip()}")

    # -- levels ---------------------------------------------------------------------------------

    def disjunction(self):
        left = self.conjunction()
        while self.take("or"):
            left = _both(np.logical_or, left, self.conjunction())
        return left

    def conjunction(self):
        left = self.negation()
        while self.take("and"):
            left = _both(np.logical_and, left, self.negation())
        return left

    def negation(self):
        if self.take("not"):
            inner = self.negation()
            return lambda scope: np.logical_not(inner(scope))
        return self.comparison()

    def comparison(self):
        first = self.sum()
        pairs = []
        left = first
        while self.token.kind == "sign" and self.token.text in _COMPARE:
            compare = _COMPARE[self.token.text]
            self.at += 1
            right = self.sum()
            pairs.append(_both(compare, left, right))
            left = right
        if not pairs:
            return first
        found = pairs[0]
        for other in pairs[1:]:
            found = _both(np.logical_and, found, other)
        return found

    def sum(self):
        left = self.product()
        while self.token.text in ("+", "-") and self.token.kind == "sign":
            add = self.token.text == "+"
            self.at += 1
            left = _both(np.add if add else np.subtract, left, self.product())
        return left

    def product(self):
        left = self.signed()
        while self.token.text in ("*", "/") and self.token.kind == "sign":
            multiply = self.token.text == "*"
            self.at += 1
            left = _both(np.multiply if multiply else np.true_divide, left, self.signed())
        return left

    def signed(self):
        if self.take("-"):
            inner = self.signed()
            return lambda scope: np.negative(inner(scope))
        if self.take("+"):
            return self.signed()
        return self.power()

    def power(self):
        base = self.atom()
        if self.take("^"):
            exponent = self.signed()
            return lambda scope: np.power(np.asarray(base(scope), float), exponent(scope))
        return base

    def atom(self):
        token = self.token
        self.at += 1
        if token.kind == "number":
            value = int(token.text) if token.text.isdigit() else float(token.text)
            return lambda scope: value
        if token.kind == "text":
            return lambda scope: token.text[1:-1]
        if token.text == "(" and token.kind == "sign":
            inner = self.disjunction()
            self.expect(")")
            return inner if not isinstance(inner, Reference) else (lambda scope: inner(scope))
        if token.text == "[" and token.kind == "sign":
            return self._list()
        if token.kind == "name" and token.text not in _WORDS:
            return self._named(token)
        self.at -= 1
        raise self.wrong("a value is missing")

    def _list(self):
        items = []
        if not self.take("]"):
            items.append(self.disjunction())
            while self.take(","):
                items.append(self.disjunction())
            self.expect("]")
        return lambda scope: np.array([np.asarray(item(scope)) for item in items])

    def _named(self, token: Token):
        name = token.text
        if name in ("any", "count") and self.token.text in _KINDS and self.token.kind == "name":
            return self._kind(name)
        if self.token.text == "(" and self.token.kind == "sign":
            return self._call(name)
        items = None
        if self.take("["):
            items = [self._item()]
            while self.take(","):
                items.append(self._item())
            self.expect("]")
        elif name in _CONSTANTS:
            return lambda scope: scope.value(name) if name in scope else _CONSTANTS[name]
        self.names.add(name)
        end = self.tokens[self.at - 1]
        text = self.text[token.start : end.start + len(end.text)]
        return Reference(name, None if items is None else tuple(items), text)

    def _kind(self, what: str):
        """`any nan`, `any inf`, `count nan`, of the results, or `in` an expression."""
        test = _KINDS[self.token.text]
        self.at += 1
        if self.take("in"):
            inner = self.sum()
            subjects = lambda scope: [inner(scope)]  # noqa: E731
        elif self.take("("):
            inner = self.disjunction()
            self.expect(")")
            subjects = lambda scope: [inner(scope)]  # noqa: E731
        else:
            subjects = lambda scope: scope.subjects()  # noqa: E731

        def count(scope):
            return sum(int(np.count_nonzero(test(a))) for a in map(np.asarray, subjects(scope))
                       if a.dtype.kind == "f")

        return count if what == "count" else (lambda scope: count(scope) > 0)

    def _call(self, name: str):
        function = FUNCTIONS.get(name)
        if function is None:
            raise InputError(f"there is no function {name} here{suggestion(name, FUNCTIONS)}: "
                             f"{', '.join(FUNCTIONS)}")
        self.expect("(")
        inner = self.disjunction()
        self.expect(")")
        return lambda scope: function(np.asarray(inner(scope)))

    def _item(self) -> Item:
        first = None if self.token.text in ("..", ":") else self.sum()
        for sign in ("..", ":"):
            if self.take(sign):
                ended = self.token.kind == "sign" and self.token.text in (",", "]")
                return Item(first, sign, None if ended else self.sum())
        return Item(first)


def _both(function, left, right):
    return lambda scope: function(np.asarray(left(scope)), np.asarray(right(scope)))
