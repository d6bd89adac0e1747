"""Epilogues and scores that are only `acc` times a number: a scale that BLAS applies by itself."""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.jit.lane_program import DTYPES
from hvm_vm.engines.reference_lanes import FUNCTIONS

_FOLDED = frozenset((
    "add", "sub", "mul", "div", "neg", "sqrt", "pow", "exp", "lt", "le", "eq", "ne", "and", "or",
    "not", "iadd", "isub", "imul", "ineg", "ilt", "ile", "ieq", "ine",
))  # fmt: skip


def fold_scale(one: BoundInstruction, root: int | None,
               precision: str) -> tuple[float, int | None]:
    """An expression that is only `acc*number` as (number, None), else (1, what is left of it). BLAS
    takes a scale of 0 to mean that the product does not matter, so that must be an ordinary
    number."""
    with np.errstate(all="ignore"):
        scale, left = _scale(one, root, precision)
        magnitude = abs(DTYPES[precision].type(scale))
    ordinary = np.finfo(DTYPES[precision]).tiny <= magnitude < np.inf
    return (scale, left) if ordinary else (1.0, root)


def _scale(one: BoundInstruction, root: int | None, precision: str) -> tuple[float, int | None]:
    if root is None:
        return 1.0, None
    node = one.nodes[root]
    if node.op == "acc":
        return 1.0, None
    if node.op == "mul":
        for value, other in (node.args, node.args[::-1]):
            number = _number(one, other, precision)
            if one.nodes[value].op == "acc" and number is not None:
                return float(number), None
    if node.op == "div" and one.nodes[node.args[0]].op == "acc":
        number = _number(one, node.args[1], precision)
        if number is not None and number != 0:
            return float(1 / number), None
    if node.op == "select":  # a test of sizes
        test = _number(one, node.args[0], precision)
        if test is not None:
            return _scale(one, node.args[1 if test else 2], precision)
    return 1.0, root


def _number(one: BoundInstruction, root: int, precision: str):
    """The value of a node that no data enter, in the program's precision; None if there is none."""
    number = DTYPES[precision].type
    values: list = []
    for node in one.nodes[: root + 1]:  # arguments stand before those that use them
        args = [values[a] for a in node.args]
        if node.op == "const":
            value = number(node.immediate)
        elif node.op == "iconst":
            value = np.int64(node.immediate)
        elif not args or any(a is None for a in args):
            value = None
        elif node.op == "float":
            value = number(args[0])
        else:
            value = FUNCTIONS[node.op](*args) if node.op in _FOLDED else None
        values.append(value)
    return values[root]
