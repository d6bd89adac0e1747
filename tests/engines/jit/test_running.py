"""Running: frames and threads, errors in the reference's words, traces, compilation seen."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from hvm_vm.engines import get
from hvm_vm.engines.bound import BoundAccess, BoundInstruction
from hvm_vm.engines.jit import cache, on_compile, ready
from hvm_vm.errors import InputError, RunError
from tests.engines.jit.making import Making, both_agree, frame, program, run


def doubling(size: int = 3000):
    """r0 = exp(r1) + r1 over a space of several blocks."""
    making = Making("f64", [(size, "o")])
    making.result()
    x = making.load([[(0, 1)]])
    root = making.node("add", making.node("exp", x), x)
    return making.bound("map", (root,)), making


def test_threads_with_frames_of_their_own_do_not_meet():
    bound, _ = doubling()
    runnable = get("jit").prepare(bound, 1)
    wrong = []

    def work(seed: int) -> None:
        x = np.random.default_rng(seed).normal(size=3000)
        arrays = [np.empty(3000), x]
        mine = frame(bound, arrays)
        for _ in range(50):
            arrays[0][...] = 0
            runnable.run(mine)
            if not np.allclose(arrays[0], np.exp(x) + x, rtol=1e-12):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_one_frame_may_be_run_by_several_runnables_and_rebound():
    bound, _ = doubling(10)
    arrays = [np.empty(10), np.arange(10.0)]
    mine = frame(bound, arrays)
    first, second = get("jit").prepare(bound, 1), get("jit").prepare(bound, 2)
    assert first.run(mine) == second.run(mine) == first.run(mine) == 2
    mine.arrays[1] = np.ones(10)
    first.rebind(mine)
    first.run(mine)
    np.testing.assert_allclose(arrays[0], np.full(10, np.e + 1))
    start = second.starter(mine)
    mine.arrays[1][...] = 0
    assert start() == 2 and np.all(arrays[0] == 1)


def test_a_trace_adds_time_to_each_instruction_and_gives_the_same():
    bound, making = doubling()
    mine = frame(bound, making.arrays)
    times = np.zeros(2, np.int64)
    runnable = get("jit").prepare(bound, 1)
    assert runnable.run_traced(mine, times) == 2
    once = times[0]
    assert once > 0 and times[1] == 0
    runnable.run_traced(mine, times)
    assert times[0] > once
    np.testing.assert_allclose(making.arrays[0], np.exp(making.arrays[1]) + making.arrays[1])


def failing_check(value: float):
    making = Making("f64", [(4, "o")])
    x = making.load([[(0, 1)]])
    making.arrays[0][...] = 1
    making.arrays[0][2] = value
    return making, x


@pytest.mark.parametrize("value", [0.0, np.nan])
@pytest.mark.parametrize("status, kind", [(1, RunError), (2, InputError)])
def test_a_failed_check_names_the_first_point(value, status, kind):
    making, x = failing_check(value)
    error = run("jit", making.bound("check", (x,), "x must hold", status), making.arrays)
    assert type(error) is kind and "x must hold at a = 3" in str(error)
    assert error.instructions_executed == 0


def test_the_count_of_instructions_that_ran_before_a_failure():
    making, _ = failing_check(0.0)
    check = making.bound("check", (0,)).code[0]
    copy = BoundInstruction(0, "copy", -1, (4,), (1,), "o", ("a",), (
        BoundAccess(1, 0, (1,)), BoundAccess(0, 0, (1,))),
        (check.nodes[0].__class__("load", (), 1),), (0,))
    later = BoundInstruction(1, "check", -1, (4,), (1,), "o", ("a",), check.accesses, check.nodes,
                             (0,), "no", 1)
    arrays = [making.arrays[0], np.zeros(4)]
    error = run("jit", program("f64", arrays, [copy, later]), arrays)
    assert error.instructions_executed == 1


def gathering(positions, guard=None, size: int = 5):
    """r0[a] = r1[r2[a]] where r3[a]."""
    making = Making("f64", [(len(positions), "o")])
    making.result()
    making.array((size,))
    where = making.load([[(0, 1)]], "i64")
    making.arrays[2][...] = positions
    making.accesses.append(BoundAccess(1, 0, (0,), ((1, size, 1),)))
    places = [where]
    if guard is not None:
        places.append(making.load([[(0, 1)]]))
        making.arrays[3][...] = guard
    return making, making.node("gather", *places, immediate=2)


def test_gathers_read_computed_places():
    making, root = gathering([4, 0, 3, 3])
    both_agree(making, "gather", (root,))
    found = run("jit", making.bound("gather", (root,)), making.arrays)
    assert found[0].tolist() == making.arrays[1][[4, 0, 3, 3]].tolist()


def test_a_subscript_out_of_range_is_an_error_in_the_same_words():
    for bad in (5, -1, 2**62, -2**63):
        making, root = gathering([4, bad, 3])
        both_agree(making, "gather", (root,))
        error = run("jit", making.bound("gather", (root,)), making.arrays)
        assert isinstance(error, InputError) and f"{bad + 1} at a = 2" in str(error)


def test_a_gather_reads_only_where_its_condition_holds():
    making, root = gathering([4, 99, -7, 3], guard=[1, 0, 0, 1])
    both_agree(making, "gather", (root,))
    found = run("jit", making.bound("gather", (root,)), making.arrays)
    assert found[0][1] == found[0][2] == 0


def guarded(guard_last: bool):
    """r0[a] = r1[a - 1] where a > 1 (and, wrongly, at the last place too)."""
    making = Making("f64", [(6, "o")])
    making.result()
    making.array((5 if not guard_last else 4,))
    index = making.node("index", immediate=0)
    condition = making.node("ilt", making.node("iconst", immediate=1), index)
    extent = 5 if not guard_last else 4
    making.accesses.append(BoundAccess(1, -1, (1,), (), ((-1, (1,), extent, 1),)))
    return making, making.node("load", condition, immediate=1)


def test_guarded_loads_outside_are_zero():
    making, root = guarded(False)
    both_agree(making, "map", (root,))
    found = run("jit", making.bound("map", (root,)), making.arrays)
    assert found[0][0] == 0 and found[0][1:].tolist() == making.arrays[1].tolist()


def test_guarded_loads_that_are_wanted_outside_are_errors():
    making, root = guarded(True)
    both_agree(making, "map", (root,))
    assert isinstance(run("jit", making.bound("map", (root,)), making.arrays), InputError)


def test_numbers_that_must_be_whole():
    making = Making("f64", [(4, "o")])
    making.result("i64")
    making.load([[(0, 1)]])
    root = making.node("int", 0)
    making.arrays[1][...] = [1, -2, 3, 4]
    both_agree(making, "map", (root,))
    making.arrays[1][2] = 0.5
    both_agree(making, "map", (root,))


def test_the_observer_hears_of_each_compilation(tmp_path, monkeypatch):
    monkeypatch.setenv("HVM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_addresses", {})
    cache.directory.cache_clear()
    heard = []
    on_compile(heard.append)
    try:
        bound, _ = doubling(10)
        assert not ready(bound)
        get("jit").prepare(bound, 1)
        assert "math.exp.f64" in heard and heard.count(None) == len(heard) / 2
        assert ready(bound)
        del heard[:]
        get("jit").prepare(bound, 1)
        assert not heard
    finally:
        on_compile(None)
        cache.directory.cache_clear()


def test_the_loop_without_clocks_has_no_clock():
    import platform

    import llvmlite.binding as llvm

    from hvm_vm.engines.jit.compiler import compile_kernel
    from hvm_vm.engines.jit.kernels import dispatch

    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the cycle counter's instruction is looked for as x86 writes it")

    def code(function) -> bytes:
        data = compile_kernel(function)
        sections = llvm.ObjectFileRef.from_data(data).sections()
        return b"".join(section.data() for section in sections if section.is_text())

    rdtsc = b"\x0f\x31"
    assert rdtsc in code(dispatch.traced) and rdtsc not in code(dispatch.program)
