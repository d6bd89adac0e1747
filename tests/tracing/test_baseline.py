"""Verdicts on made-up times, and the baselines that are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hvm_vm.errors import InputError
from hvm_vm.tracing import baseline
from hvm_vm.tracing.compare import EngineTimes, Gain, Instruction, gains, settings


def _times(seed: int, middle: float, noise: float, count: int = 20) -> list[float]:
    return list(np.random.default_rng(seed).normal(middle, noise * middle, count))


def test_faster_slower_and_no_difference():
    before = _times(1, 100.0, 0.02)
    assert baseline.verdict(before, _times(2, 80.0, 0.02)).word == "faster"
    assert baseline.verdict(before, _times(3, 125.0, 0.02)).word == "slower"
    assert baseline.verdict(before, _times(4, 100.0, 0.02)).word == "no difference"
    # Beyond the repeats' noise, but not beyond what two processes differ by.
    assert baseline.verdict(before, _times(5, 103.0, 0.001)).word == "no difference"
    assert baseline.verdict([5.0] * 8, [5.0] * 8).word == "no difference"


def test_noise_hides_a_difference():
    assert baseline.verdict(_times(1, 100, 0.5), _times(2, 112, 0.5)).word == "no difference"


@pytest.mark.parametrize("seed", range(30))
def test_the_same_is_seldom_called_different(seed):
    one, other = _times(2 * seed + 100, 100, 0.05), _times(2 * seed + 101, 100, 0.05)
    assert baseline.verdict(one, other).word == "no difference"


def test_a_slower_machine_is_no_slower_program():
    one, other = _times(1, 100, 0.02), _times(2, 125, 0.02)
    assert baseline.verdict(one, other, ([10.0] * 9, [10.2] * 9)).word == "slower"
    assert baseline.verdict(one, other, ([10.0] * 9, [12.5] * 9)).word == "no difference"
    assert baseline.drift([10.0], [8.0]) == pytest.approx(0.25)


def test_the_amount_is_told():
    found = baseline.verdict(_times(1, 100, 0.01), _times(2, 88, 0.01))
    assert found.change == pytest.approx(-0.12, abs=0.01) and 0 < found.error < 0.02
    assert str(found).startswith("faster by 12 % ± 1 %") or str(found).startswith("faster by 1")
    assert str(baseline.Verdict("slower", 0.204, 0.031)) == "slower by 20 % ± 3 %"
    assert baseline.verdict([1.0] * 4, [2.0] * 20).word == "too few repeats"


def _row(engine="jit", **more) -> EngineTimes:
    return EngineTimes(engine, 1, 2, 3, (3.0, 1.0, 2.0), 10, 0.0, 0.0,
                       control_ns=(7.0, 8.0), **more)


def test_a_baseline_is_read_back(tmp_path):
    rows = [_row(threads=2, sizes={"T": 3, "D": 4}), _row("reference", precision="f32")]
    file = tmp_path / "base.json"
    file.write_bytes(baseline.document("a.hmp", "mark", rows))
    found = baseline.read(str(file), "mark")
    assert found == {row.key: ([3.0, 1.0, 2.0], [7.0, 8.0]) for row in rows}


@pytest.mark.parametrize(("change", "words"), [
    ({"kind": "else"}, "no baseline"),
    ({"version": 9}, "version 9"),
    ({"program": "other"}, "another program (a.hmp"),
    ({"machine": {"cores": 999}}, "cores: 999 there"),
    ({"machine": None}, "another machine"),
    ({"runs": [{"engine": "jit"}]}, "damaged"),
    ({"runs": 3}, "damaged"),
    ({"runs": [{"engine": "jit", "precision": "f64", "threads": 1, "sizes": {}, "runs_ns": [0.0],
                "control_ns": []}]}, "damaged"),
])  # fmt: skip
def test_baselines_that_are_refused(tmp_path, change, words):
    file = tmp_path / "base.json"
    found = json.loads(baseline.document("a.hmp", "mark", [_row()]))
    file.write_text(json.dumps({**found, **change}))
    with pytest.raises(InputError) as told:
        baseline.read(str(file), "mark")
    assert words in str(told.value)


def test_files_that_are_no_baselines(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        baseline.read(str(tmp_path / "none"), "mark")
    (tmp_path / "cut").write_bytes(baseline.document("a.hmp", "mark", [_row()])[:50])
    with pytest.raises(InputError, match="no baseline"):
        baseline.read(str(tmp_path / "cut"), "mark")


def test_gains_are_sorted_by_what_they_matter():
    one = _row("reference", instructions=(
        Instruction(0, "map", "a:1", 10.0), Instruction(1, "sum", "a:2", 100.0),
        Instruction(2, "halt", "", 0.0)))  # fmt: skip
    other = _row(instructions=(
        Instruction(0, "map", "a:1", 20.0), Instruction(1, "sum", "a:2", 25.0),
        Instruction(2, "halt", "", 0.0)))  # fmt: skip
    assert gains(one, other) == [Gain(1, "sum", "a:2", 100.0, 25.0),
                                 Gain(0, "map", "a:1", 10.0, 20.0)]
    assert [g.ratio for g in gains(one, other)] == [4.0, 0.5]
    assert gains(one, _row()) == []


def test_every_combination_once():
    found = settings(("reference", "jit"), ("f32", "f64"), (1, 2))
    assert [(s.engine, s.precision, s.threads) for s in found] == [
        ("reference", "f32", 1), ("jit", "f32", 1), ("jit", "f32", 2),
        ("reference", "f64", 1), ("jit", "f64", 1), ("jit", "f64", 2)]  # fmt: skip
