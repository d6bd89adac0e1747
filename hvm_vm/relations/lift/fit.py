"""Affine rules: every number of a relation as a function of the numbers on its left side.

    q3_2 = sum of 2: Wq[2,1]*x[3,1]        Wq's first = 0*3 + 1*2 + 0,  x's first = 1*3 + 0*2 + 0

Coefficients and offsets are those of the majority, which a few odd relations do not disturb. What
counts is the check after it: a relation belongs to the rule only if every one of its numbers is
exactly what the rule says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Rule:
    """`numbers = coefficients @ left + offsets` for all relations where `follows`."""

    coefficients: np.ndarray  # int64[numbers, left]
    offsets: np.ndarray       # int64[numbers]
    follows: np.ndarray       # bool[relations]

    def predicted(self, left: np.ndarray) -> np.ndarray:
        return left @ self.coefficients.T + self.offsets


def fit(left: np.ndarray, numbers: np.ndarray) -> Rule:
    """The rule that most relations follow. left: int64[relations, axes], distinct rows."""
    axes, count = left.shape[1], numbers.shape[1]
    coefficients = np.zeros((count, axes), np.int64)
    for axis in range(axes):
        slopes = _slopes(left, numbers, axis)
        if slopes is not None:
            coefficients[:, axis] = slopes
    rest = numbers - left @ coefficients.T
    offsets = _modes(rest)
    follows = (rest == offsets).all(axis=1)
    return Rule(coefficients, offsets, follows)


def _slopes(left: np.ndarray, numbers: np.ndarray, axis: int) -> np.ndarray | None:
    """By how much most numbers change when the subscript of one axis goes up by one, all others
    being equal; None when it never does."""
    others = [k for k in range(left.shape[1]) if k != axis]
    order = np.lexsort([left[:, axis], *[left[:, k] for k in reversed(others)]])
    a, b = order[:-1], order[1:]
    neighbours = np.ones(len(a), bool)
    for k in others:
        neighbours &= left[a, k] == left[b, k]
    a, b = a[neighbours], b[neighbours]
    step = left[b, axis] - left[a, axis]
    if not len(step):
        return None
    least = step.min()
    if least <= 0:
        return None
    a, b = a[step == least], b[step == least]
    slopes, remainder = np.divmod(_modes(numbers[b] - numbers[a]), least)
    slopes[remainder != 0] = 0
    return slopes


def _modes(table: np.ndarray) -> np.ndarray:
    """The most frequent number of each column."""
    found = np.empty(table.shape[1], np.int64)
    for k in range(table.shape[1]):
        column = table[:, k]
        if (column == column[0]).all():
            found[k] = column[0]
            continue
        numbers, counts = np.unique(column, return_counts=True)
        found[k] = numbers[counts.argmax()]
    return found
