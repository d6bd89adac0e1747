"""Symbolic sizes: one form for equal values, evaluation with reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvm_vm.bytecode.asm_sizes import read_size, spell_size, symbols_only
from hvm_vm.bytecode.asm_tokens import AssemblyText, Tokens
from hvm_vm.bytecode.sizes import Size, SizeError
from hvm_vm.bytecode.wire import In, Out

T, D = Size.of("T"), Size.of("D")


def sizes():
    leaves = st.one_of(st.integers(-9, 9).map(Size.of), st.sampled_from([T, D]))

    def more(inner):
        def apply(triple):
            op, left, right = triple
            try:
                return {
                    "+": lambda: left + right,
                    "-": lambda: left - right,
                    "*": lambda: left * right,
                }.get(op, lambda: getattr(left, op)(right))()
            except SizeError:
                return left

        return st.tuples(
            st.sampled_from(["+", "-", "*", "floordiv", "mod", "exactdiv", "min", "max"]),
            inner,
            inner,
        ).map(apply)

    return st.recursive(leaves, more, max_leaves=6)


def value(size: Size):
    try:
        return size.evaluate({"T": 7, "D": 3})
    except SizeError:
        return None


def test_equal_values_are_equal():
    assert T + 1 - 1 == T and (T + 1) * (T - 1) == T * T - 1 and hash(T + D) == hash(D + T)
    assert T - T == 0 and Size.of(3).constant == 3 and T.constant is None
    assert T.floordiv(1) == T and (4 * T).exactdiv(2) == 2 * T and T.min(T) == T


def test_evaluate_gives_reasons():
    for size, words in (
        (T, "T is not known"),
        (Size.of(7).exactdiv(T * 0 + T), "not a whole number"),
        (T.mod(T - 2), "divided by zero"),
        (T * (1 << 60), "too large"),
    ):
        with pytest.raises(SizeError, match=words):
            size.evaluate({} if words == "T is not known" else {"T": 2})


def test_text_of_a_quotient_in_a_product_is_unambiguous():
    assert str(T.exactdiv(D) * T) != str((T * T).exactdiv(D))


def test_at_least():
    assert (T + 2).at_least(2) and not T.at_least(1) and not (T - D).at_least(0)


@given(sizes())
def test_wire_and_text_give_the_same_size(size):
    out = Out("TEST", {"T": 0, "D": 1})
    out.size(size)
    assert In("TEST", memoryview(bytes(out.data)), ("T", "D")).size() == size
    text = AssemblyText(spell_size(size))
    assert read_size(Tokens(text, text.tokens()), symbols_only(["T", "D"])) == size


@given(sizes(), sizes())
def test_arithmetic_agrees_with_integers(left, right):
    a, b = value(left), value(right)
    if a is not None and b is not None:
        assert value(left + right) == a + b and value(left * right) == a * b
        assert value(left - right) == a - b and value(left.min(right)) == min(a, b)
        if b:
            assert value(left.floordiv(right)) == a // b and value(left.mod(right)) == a % b


@given(sizes())
def test_substitution_agrees_with_evaluation(size):
    try:
        replaced = size.substitute({"T": Size.of(7), "D": Size.of(3)})
    except SizeError:
        assert value(size) is None
        return
    if value(size) is not None:
        assert replaced == value(size)
