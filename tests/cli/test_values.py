"""`--set` texts on their way in, results on their way out."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hvm_vm.commands.values import parse_set, readable, to_json
from hvm_vm.errors import InputError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x=3", 3),
        ("x = -2.5e-3", -2.5e-3),
        ("x=1/4", 0.25),
        ("x=-1/4", -0.25),
        ("x=inf", math.inf),
        ("x=-inf", -math.inf),
        ("x=[1, 2.5, [3]]", [1, 2.5, [3]]),
        ('x=["nan", "-inf", 1]', None),
        ("x=ODD", "ODD"),
        ("x='ODD'", "ODD"),
        ('x="3"', "3"),
        ("x=a=b", "a=b"),
        ('x=["ODD", "EVEN"]', ["ODD", "EVEN"]),
    ],
)
def test_parse_set(text, value):
    name, parsed = parse_set(text)
    assert name == "x"
    if value is None:
        assert math.isnan(parsed[0]) and parsed[1:] == [-math.inf, 1]
    else:
        assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize("text", ["x", "=3", "x=", "x=[1, 2", "x=[" * 10, "x=" + "[" * 100_000])
def test_parse_set_explains(text):
    with pytest.raises(InputError, match="--set"):
        parse_set(text)


def test_a_ratio_with_nothing_below_is_refused():
    with pytest.raises(InputError, match="divides by zero"):
        parse_set("x=1/0")


def test_to_json_has_only_what_json_has():
    value = to_json(np.array([[1.0, np.nan], [np.inf, -np.inf]], np.float32))
    assert value == [[1.0, "nan"], ["inf", "-inf"]]
    assert json.dumps(value, allow_nan=False)
    assert to_json(np.float64("nan")) == "nan"
    assert to_json(np.array(["ODD", "EVEN"])) == ["ODD", "EVEN"]
    assert to_json(np.int64(3)) == 3 and isinstance(to_json(np.int64(3)), int)
    assert to_json(np.zeros((2, 0))) == [[], []]


def test_readable_shows_small_whole_and_large_in_summary():
    assert readable("x", np.float64(0.1)) == "x = 0.1"
    assert readable("x", np.float32(0.1)) == "x = 0.1"
    assert readable("x", np.str_("ODD")) == "x = ODD"
    assert readable("v", np.arange(3)) == "v  int64[3] =\n[0 1 2]"
    assert readable("v", np.zeros((0, 2))) == "v  float64[0,2], empty"
    large = readable("A", np.arange(10_000.0).reshape(100, 100))
    head, rest = large.split("\n", 1)
    assert head == "A  float64[100,100], 0 to 9999, mean 4999.5"
    assert "..." in rest
    assert "1 not finite" in readable("B", np.array([np.nan] + [1.0] * 99))
    assert "no finite" in readable("B", np.full(99, np.nan))
