"""Names that are one slip of the finger apart."""

from __future__ import annotations

import pytest

from hvm_vm.relations.slips import Slips, one_slip


@pytest.mark.parametrize(
    ("name", "other"),
    [("widht", "width"), ("widh", "width"), ("widtth", "width"), ("wodth", "width")],
)
def test_one_slip(name, other):
    assert one_slip(name, other) and one_slip(other, name)
    assert Slips(["height", other]).of(name) == other


@pytest.mark.parametrize(
    ("name", "other"),
    [("width", "height"), ("beta_1x", "beta_2x"), ("ab", "ac"), ("width", "width")],
)
def test_no_slip(name, other):
    assert Slips([other]).of(name) is None


def test_the_first_name_wins():
    assert Slips(["tide", "time", "tile"]).of("tike") == "tide"
