"""Single elements gathered into boxes."""

from __future__ import annotations

from itertools import product

import pytest

from hvm_vm.relations.boxes import boxes
from tests.relations.programs import error, system


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], []),
        ([(3,), (1,), (2,)], [((1, 3),)]),
        ([(1,), (2,), (4,)], [((1, 2),), ((4, 4),)]),
        (product((0, 1), (5, 6, 7)), [((0, 1), (5, 7))]),
        ([(0, 0), (0, 1), (1, 0)], [((0, 0), (0, 1)), ((1, 1), (0, 0))]),
    ],
)
def test_boxes(points, expected):
    assert boxes(points) == expected


def test_many_single_elements_are_quickly_seen_to_be_all():
    lines = [f"y[{k}] = {k}*a" for k in range(1, 501)]
    assert not system("index i : 500\n" + "\n".join(lines)).requirements
    del lines[250]
    lines.append("z[i] = 2*y[i]")
    assert "(at i = 251)" in error("index i : 500\n" + "\n".join(lines) + "\nfind z[i]")
