"""What counts as a difference between engines."""

from __future__ import annotations

import numpy as np

from hvm_vm.tracing.compare import EngineTimes, largest_difference


def test_equal_results_do_not_differ():
    one = {"x": np.array([1.0, np.nan, np.inf]), "s": np.array(["A", "B"])}
    assert largest_difference(one, one) == (0.0, 0.0)
    assert largest_difference({"e": np.zeros((0, 3))}, {"e": np.zeros((0, 3))}) == (0.0, 0.0)


def test_the_largest_difference_and_its_relation_to_the_result():
    one, other = {"x": np.array([10.0, 100.0])}, {"x": np.array([10.5, 100.0])}
    assert largest_difference(one, other) == (0.5, 0.005)


def test_nan_against_a_number_is_infinitely_different():
    one, other = {"x": np.array([1.0, np.nan])}, {"x": np.array([1.0, 2.0])}
    assert largest_difference(one, other)[0] == np.inf


def test_symbols_differ_by_count():
    assert largest_difference({"s": np.array(["A", "B"])}, {"s": np.array(["A", "C"])})[0] == 1


def test_times_are_summed_up_by_median_and_spread():
    times = EngineTimes("jit", 1, 2, 3, (3.0, 1.0, 2.0), 10, 0.0, 0.0)
    assert times.median_ns == 2.0 and times.spread == (1.0, 3.0)
    assert times.to_json()["runs_ns"] == [3.0, 1.0, 2.0]
