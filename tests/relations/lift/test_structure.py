"""Names that say nothing: what scalars are elements of is told by how relations use them."""

from __future__ import annotations

import pytest

from tests.relations.lift.kinds import INSTRUCTIONS, KINDS
from tests.relations.lift.renaming import STYLES, permuted, renamed
from tests.relations.lift.test_lifting import count, same
from tests.relations.lift.unroll import unrolled

TOLD = sorted(KINDS)


@pytest.mark.parametrize("kind", TOLD)
@pytest.mark.parametrize("style", STYLES)
def test_blocks_without_numbers(kind, style):
    text = unrolled(KINDS[kind], {"T": 5, "D": 3}, seed=1)
    assert count(same(renamed(text, style, 2)[0])) <= INSTRUCTIONS[kind]


@pytest.mark.parametrize("kind", TOLD)
def test_numbers_that_mislead(kind):
    text = unrolled(KINDS[kind], {"T": 5, "D": 3}, seed=3, commute=True)
    assert count(same(permuted(text, 4)[0])) <= INSTRUCTIONS[kind]
