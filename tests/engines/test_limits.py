"""Sizes, subscripts, numbers, memory at and beyond their limits: right answers, clear errors."""

from __future__ import annotations

import numpy as np
import pytest

import hvm_vm as hvm
from hvm_vm.engines import ranges
from tests.engines.build import at, dim, program, register

ENGINES = ("reference", "jit")
FAR = 1 << 47


def test_an_index_may_not_run_beyond_the_limit_of_sizes():
    with pytest.raises(hvm.BytecodeError, match="the first index value of dimension i"):
        program("map", [dim("i", 3, lo=(1 << 63) - 2)], [register("y", 3)], [at("0")],
                [("index", (), 0), ("float", (0,))], [1])


@pytest.mark.parametrize("engine", ENGINES)
def test_guarded_places_may_not_wrap_around(engine):
    """2^40*2^24 is 0 in 64 bits."""
    made = program(
        "map", [dim("i", 1 << 25)], [register("y", 1 << 25), register("x", 3)],
        [at("0"), at([0, (0, 1 << 40)])],
        [("index", (), 0), ("iconst", (), 0), ("ilt", (0, 1)), ("load", (2,), 1)], [3],
        integers=(2,))
    with pytest.raises(hvm.InputError, match=r"axis is 1\.\.3"):
        made(x=np.ones(3), engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_places_that_nobody_reads_may_be_anywhere(engine):
    made = program("sum", [dim("i", 2), dim("j", 0, "r")], [register("y", 2), register("x", 3)],
                   [at("0"), at([FAR, (0, FAR), (1, FAR)])], [("load", (), 1)], [0, -1, -1])
    assert made(x=np.ones(3), engine=engine)["y"].tolist() == [0, 0]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_contraction_scaled_by_what_no_number_holds(engine):
    for scale, precision in ((0.0, "f64"), (1e300, "f32"), (float("nan"), "f64")):
        made = program(
            "contract", [dim("i", 40), dim("j", 40), dim("k", 40, "r")],
            [register(n, 40, 40, dtype=precision) for n in "cab"],
            [at("0", "1"), at("0", "2"), at("2", "1")],
            [("acc",), ("const", (), 0), ("mul", (0, 1))],
            [-1, 2] if len(contract_roots()) == 2 else [2], constants=(scale,),
            precision=precision)
        a = np.ones((40, 40))
        a[0, 0] = np.nan
        got = made(a=a, b=np.ones((40, 40)), engine=engine)["c"]
        with np.errstate(all="ignore"):
            wanted = (a @ np.ones((40, 40))) * a.astype(got.dtype).dtype.type(scale)
        np.testing.assert_array_equal(got, wanted.astype(got.dtype))


def contract_roots():
    from hvm_vm.bytecode import isa

    return isa.BY_NAME["contract"].roots


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_numbers_at_the_ends_of_int64(engine):
    made = program("map", [dim("i", 1)], [register("y", 1, dtype="i64"), register("x", 1)],
                   [at("0"), at("0")], [("load", (), 1), ("int", (0,))], [1])
    assert made(x=[-(2.0**63)], engine=engine)["y"].tolist() == [-(2**63)]
    for wrong in (2.0**63, -(2.0**63) - 2048, np.nan, np.inf, 0.5):
        with pytest.raises(hvm.InputError, match="a whole number is needed"):
            made(x=[wrong], engine=engine)


def test_a_long_index_needs_no_table(monkeypatch):
    monkeypatch.setattr("hvm_vm.engines.jit.lane_program.LONG_INDEX", 4)
    made = hvm.compile("""
index i : 0..N-1
index j : 5
given x[i]
find y[i], best, s
y[i] = i*x[i] + sum[j | j <= i](j)
best = argmax[i](x[i]*i)
s = sum[i](i)
""")
    x = np.linspace(-1, 1, 5000)
    x[3000] = 7
    want, got = (made(x=x, engine=engine) for engine in ENGINES)
    np.testing.assert_allclose(got["y"], want["y"])
    assert (got["best"], got["s"]) == (want["best"], want["s"]) == (3000, 4999 * 2500)


def test_repeated_places_of_an_enormous_space_are_found_at_once():
    extents = [1 << 30, 1 << 30, 1 << 30]
    point = ranges.repeated_place(extents, [1, 1, 1], 0, 3 << 30 >> 20)
    assert point is not None


@pytest.mark.parametrize("engine", ENGINES)
def test_temporaries_count_as_memory(engine, monkeypatch):
    """A matrix that has to be packed is refused before it is asked for."""
    made = hvm.compile("index i, j, k : N\ngiven A[i,j], B[i,j]\nfind C[i,j]\n"
                       "C[i,j] = sum[k](A[i,k]*B[k,j]*A[k,k])")
    monkeypatch.setattr("hvm_vm.engines.jit.runnable.not_enough_memory", lambda size: 10**6)
    values = {"A": np.ones((400, 400)), "B": np.ones((400, 400))}
    if engine == "reference":
        assert made(values, engine=engine)["C"][0, 0] == 400
        return
    with pytest.raises(hvm.InputError, match="of it for copies and temporaries"):
        made(values, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_inputs_larger_than_memory(engine):
    made = hvm.compile("index i : N\nx[i] = 1.5\nfind s\ns = sum[i](x[i])")
    with pytest.raises(hvm.InputError, match=r"x alone has 1000000000000 elements, 8\.0 TB"):
        made(N=10**12, engine=engine)
    for number in (np.float64(1), np.float32(1), np.int8(1)):
        with pytest.raises(hvm.InputError, match=r"x has to be copied .* takes 8\.0 TB"):
            made(x=np.broadcast_to(number, (10**12,)), engine=engine)
