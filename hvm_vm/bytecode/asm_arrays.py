"""Arrays in assembly text: nested lists, numbered arrays in numbers or base64."""

from __future__ import annotations

import base64
import binascii
from math import prod

import numpy as np

from hvm_vm.bytecode import limits
from hvm_vm.bytecode.asm_tokens import Token, Tokens
from hvm_vm.bytecode.module import DTYPES


def read_dtype(tokens: Tokens) -> str:
    """The name of an element type."""
    token = tokens.expect_kind("name", "f32, f64 or i64")
    if token.value not in DTYPES:
        raise tokens.error(f"{token.value} is no element type", "they are f32, f64 and i64", token)
    return token.value


class Arrays:
    """The arrays of a text, in the order in which it mentions them."""

    def __init__(self):
        self.values: list[np.ndarray] = []
        self.declared: dict[int, int] = {}  # number in the text -> place in `values`

    def default(self, tokens: Tokens, dtype: str) -> int:
        """A default: nested lists of numbers, or `array` and a number. Its place in `values`."""
        if tokens.accept_word("array"):
            token = tokens.expect_kind("int", "the number of an array")
            if token.value not in self.declared:
                raise tokens.error(f"there is no array {token.value}", token=token)
            return self.declared[token.value]
        start = tokens.next
        values: list = []
        shape = self._nested(tokens, dtype, values)
        return self._add_array(tokens, start, values, shape, dtype)

    def _nested(self, tokens: Tokens, dtype: str, values: list) -> tuple[int, ...]:
        """Numbers in nested brackets, added to `values`; their shape."""
        start = tokens.next
        if not tokens.accept("["):
            values.append(
                tokens.integer("an integer") if dtype == "i64" else tokens.number("a number")
            )
            return ()
        tokens.deeper()
        inner = self._nested(tokens, dtype, values)
        count = 1
        while tokens.accept(","):
            if self._nested(tokens, dtype, values) != inner:
                raise tokens.error("the rows of this array differ in length", token=start)
            count += 1
        tokens.shallower()
        tokens.expect("]")
        return (count, *inner)

    def _add_array(self, tokens: Tokens, start: Token, values: list, shape, dtype: str) -> int:
        if len(shape) > limits.MAX_RANK:
            raise tokens.error(f"more than {limits.MAX_RANK} axes", token=start)
        with np.errstate(over="ignore"):
            array = np.array(values, np.int64 if dtype == "i64" else np.float64).astype(
                DTYPES[dtype]
            )
        for value, stored in zip(values, array.tolist(), strict=True):
            if abs(stored) == float("inf") and abs(value) != stored and abs(value) != float("inf"):
                raise tokens.error(f"{value} is too large for {dtype}", token=start)
        array = array.reshape(shape)
        array.flags.writeable = False
        self.values.append(array)
        return len(self.values) - 1

    def declare(self, tokens: Tokens) -> None:
        """`.array number type[shape]` and its elements."""
        start = tokens.expect_kind("int", "the number of the array")
        if start.value in self.declared:
            raise tokens.error(f"the array {start.value} is declared twice", token=start)
        dtype = read_dtype(tokens)
        tokens.expect("[", "before the lengths of the axes")
        shape = []
        while tokens.next.kind == "int":
            shape.append(tokens.take().value)
            if not tokens.accept(","):
                break
        tokens.expect("]")
        if len(shape) > limits.MAX_RANK or any(n > limits.INT64_MAX for n in shape):
            raise tokens.error("an impossible shape", token=start)
        number = (
            self._encoded(tokens, start, dtype, shape)
            if tokens.is_op("(")
            else self._written(tokens, start, dtype, shape)
        )
        self.declared[start.value] = number

    def _written(self, tokens: Tokens, start: Token, dtype: str, shape: list[int]) -> int:
        values: list = []
        tokens.expect("[", "before the numbers")
        while not tokens.is_op("]"):
            values.append(
                tokens.integer("an integer") if dtype == "i64" else tokens.number("a number")
            )
            if not tokens.accept(","):
                break
        tokens.expect("]")
        if len(values) != prod(shape):
            raise tokens.error(f"{len(values)} numbers for an array of {prod(shape)}", token=start)
        return self._add_array(tokens, start, values, shape, dtype)

    def _encoded(self, tokens: Tokens, start: Token, dtype: str, shape: list[int]) -> int:
        tokens.expect("(")
        parts = []
        while tokens.next.kind == "text":
            parts.append(tokens.take().value)
        tokens.expect(")")
        try:
            raw = base64.b64decode("".join(parts).encode(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise tokens.error(f"this is not base64: {error}", token=start) from None
        if len(raw) != prod(shape) * DTYPES[dtype].itemsize:
            raise tokens.error(
                f"{len(raw)} bytes for an array of {prod(shape)} {dtype}", token=start
            )
        self.values.append(np.frombuffer(raw, DTYPES[dtype].newbyteorder("<")).reshape(shape))
        return len(self.values) - 1
