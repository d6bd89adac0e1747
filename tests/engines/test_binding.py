"""Binding: sizes, ranges, places in memory, and the messages about what does not fit."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hvm_vm.bytecode import verify
from hvm_vm.bytecode.module import Dim, Input, Module, Output, SizeSymbol
from hvm_vm.bytecode.sizes import Size
from hvm_vm.engines.arena import Life, plan
from hvm_vm.engines.binding import bind
from hvm_vm.engines.ranges import repeated_place
from hvm_vm.errors import InputError
from tests.bytecode.modules import ALL, attention
from tests.engines.build import HALT, at, dim, module, register, size

T, D = size("T"), size("D")
COPY = dict(nodes=[("load", (), 1)], roots=[0])


def bound(text_or_module, shapes=None, sizes=None, **options):
    shapes = {name: (shape, None) for name, shape in (shapes or {}).items()}
    return bind(verify(text_or_module), shapes, sizes or {}, **options)


def copy(place, target, source, dims, **options):
    return module("copy", dims, [target, source], [at("0"), place], **COPY, **options)


# -- sizes ---------------------------------------------------------------------------------------


def inputs_of(*registers, symbols=("T", "D"), **more):
    return Module(
        file="a.hmp", symbols_of_size=tuple(SizeSymbol(*s) if isinstance(s, tuple) else
                                            SizeSymbol(s) for s in symbols),
        registers=registers, inputs=tuple(Input(r.name, k) for k, r in enumerate(registers)),
        outputs=tuple(Output(r.name, k) for k, r in enumerate(registers)), code=(HALT,), **more)


def solved(*registers, shapes, sizes=None, **more):
    shapes = {name: (shape, None) for name, shape in shapes.items()}
    verified = SimpleNamespace(module=inputs_of(*registers, **more))
    return bind(verified, shapes, sizes or {}).sizes


def test_sizes_come_from_shapes():
    found = solved(register("X", T, D), register("W", D, D), shapes={"X": (5, 3), "W": (3, 3)})
    assert found == {"T": 5, "D": 3}


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (T + 4, 10, 6),
        (2 * T, 8, 4),
        (3 * T - 1, 8, 3),
        (T * T, 49, 7),
        ((T - 1).floordiv(1) + 1, 6, 6),
        (T.max(3), 9, 9),
        ((T * (T + 1)).exactdiv(2), 15, 5),
        (5 - T, 3, 2),
        (T, 0, 0),
    ],
)
def test_a_length_with_one_unknown_is_solved(length, count, expected):
    assert solved(register("X", length), shapes={"X": (count,)}, symbols=("T",)) == {"T": expected}


@pytest.mark.parametrize(
    ("length", "count"), [((T - 1).floordiv(2) + 1, 4), (2 * T, 7), (T.min(3), 3), (T * T, 8)]
)
def test_a_length_that_does_not_decide_is_an_error(length, count):
    with pytest.raises(InputError, match=r"size T is not known.*X's 1st axis has"):
        solved(register("X", length), shapes={"X": (count,)}, symbols=("T",))


def test_equations_feed_each_other():
    registers = (register("A", T + D), register("B", D * T, T))
    assert solved(*registers, shapes={"A": (7,), "B": (12, 3)}) == {"T": 3, "D": 4}


def test_what_is_set_comes_before_defaults():
    found = solved(register("X", T + D), shapes={"X": (7,)}, sizes={"T": 5},
                   symbols=[("T", 9), "D"])
    assert found == {"T": 5, "D": 2}


def test_a_conflict_names_both_arrays():
    from hvm_vm.bytecode.module import SourceSpan

    registers = (register("X", T, D), register("Y", T))
    with pytest.raises(InputError) as caught:
        solved(*registers, shapes={"X": (5, 2), "Y": (4,)},
               sources=(SourceSpan(1, 1, "given X[t, i], Y[u]"),))
    assert "Y's axis u has 4 elements, but X's axis t has 5: both are T" in str(caught.value)


def test_a_conflict_with_a_set_size():
    with pytest.raises(InputError, match="X's 1st axis has 5 elements, but T was set to 4"):
        solved(register("X", T), shapes={"X": (5,)}, sizes={"T": 4}, symbols=("T",))


def test_a_conflict_with_a_constant_of_the_source():
    with pytest.raises(InputError, match=r"5 elements, but the program says T = 4 \(set T"):
        solved(register("X", T), shapes={"X": (5,)}, symbols=[("T", 4)])


def test_a_conflict_of_expressions_says_where_each_size_comes_from():
    registers = (register("X", T), register("Y", T + D))
    with pytest.raises(InputError, match=r"should have D \+ T = 7 \(D was set to 2 and T = 5 from"):
        solved(*registers, shapes={"X": (5,), "Y": (9,)}, sizes={"D": 2})


def test_unknown_sizes_say_which_array_would_give_them():
    registers = (register("X", T), register("W", D))
    with pytest.raises(InputError, match=r"size D is not known: give it with --set D=…, or pass W"):
        solved(*registers, shapes={"X": (5,)})


def test_ranks():
    with pytest.raises(InputError, match=r"X has 2 axes.*shape \(5,\)"):
        solved(register("X", T, D), shapes={"X": (5,)})
    with pytest.raises(InputError, match="X is a single number"):
        solved(register("X"), shapes={"X": (5,)}, symbols=())


def test_negative_extents_are_empty():
    found = bound(copy(at("0"), register("y", T - 3), register("x", T), [dim("t", T - 3)],
                       symbols=["T"]), {"x": (1,)})
    assert found.registers[0].shape == (0,) and found.code[0].extents == (0,)


# -- ranges ----------------------------------------------------------------------------------------


def test_subscripts_out_of_range_are_told_in_index_values():
    source = copy(at((1, (0, 1))), register("y", T), register("x", T), [dim("t", T)],
                  symbols=["T"], text="y[t] = x[t+1]")
    with pytest.raises(InputError) as caught:
        bound(source, {"x": (5,)})
    text = str(caught.value)
    assert "test.hmp:4:1: error: the subscript t + 1 of x along its axis t+1 runs over 2..6" in text
    assert "that axis is 1..5" in text and "    y[t] = x[t+1]\n    ^^^^" in text


def test_a_relation_that_was_fused_into_another_is_found():
    from dataclasses import replace

    from hvm_vm.bytecode.module import SourceSpan

    source = copy(at((1, (0, 1))), register("y", T), register("x", T), [dim("t", T)],
                  symbols=["T"], text="y[t] = z[t]^2")
    spans = (*source.sources, SourceSpan(1, 7, "x[t]"), SourceSpan(3, 1, "z[t] = x[t+1]"))
    with pytest.raises(InputError) as caught:
        bound(replace(source, sources=spans, inputs=(Input("x", 1, source=1),)), {"x": (5,)})
    words = "test.hmp:3:1: error: the subscript t + 1 of x along its axis t runs"
    assert words in str(caught.value)


def test_an_empty_space_reads_nothing():
    source = copy(at((1, (0, 1))), register("y", T), register("x", T), [dim("t", T)], symbols=["T"])
    assert bound(source, {"x": (0,)}).code[0].points == 0


def guarded(limit: int):
    """y[t] = x[t+1] where t < limit, else 0; x and y of 5."""
    nodes = [("index", (), 0), ("iconst", (), 0), ("ilt", (0, 1)), ("load", (2,), 1)]
    return module("map", [dim("t", 5)], [register("y", 5), register("x", 5)],
                  [at("0"), at((1, (0, 1)))], nodes, [3], integers=[limit])


def test_a_condition_without_data_is_judged_when_binding():
    access = bound(guarded(5)).code[0].accesses[1]
    assert access.guarded == ((1, (1,), 5, 1),)
    with pytest.raises(InputError, match=r"is 6 at t = 5, but that axis is 1\.\.5"):
        bound(guarded(6))


def test_a_condition_on_data_is_left_to_the_run():
    nodes = [("load", (), 1), ("load", (0,), 2)]
    source = module("map", [dim("t", 5)], [register("y", 5), register("c", 5), register("x", 5)],
                    [at("0"), at("0"), at((1, (0, 1)))], nodes, [1])
    assert bound(source).code[0].accesses[2].guarded is not None


def test_a_guard_that_proves_nothing_is_dropped_where_all_is_in_range():
    nodes = [("index", (), 0), ("iconst", (), 0), ("ilt", (0, 1)), ("load", (2,), 1)]
    source = module("map", [dim("t", 5)], [register("y", 5), register("x", 5)],
                    [at("0"), at("0")], nodes, [3], integers=[3])
    assert bound(source).code[0].accesses[1].guarded is None


def test_computed_places_without_data_are_checked_when_binding():
    nodes = [("index", (), 0), ("iconst", (), 0), ("ifloordiv", (0, 1)), ("gather", (2,), 1)]
    source = module("gather", [dim("h", 9, lo=0)], [register("y", (0, 9)), register("x", (0, 2))],
                    [at("0"), at(None)], nodes, [3], integers=[3])
    with pytest.raises(InputError, match=r"a subscript of x along its 1st axis is 2 at h = 6"):
        bound(source)


def test_a_store_that_writes_twice():
    source = copy(at("0"), register("y", 9), register("x", 3, 3), [dim("i", 3), dim("j", 3)])
    assert repeated_place((3, 3), (3, 1), 0, 9) is None
    assert repeated_place((3, 3), (2, 1), 0, 9) == (1, 0)
    assert repeated_place((3, 0), (0, 0), 0, 9) is None
    assert repeated_place((2, 3), (1, 2), 0, 9) is None
    # 6i + 10j + 15k is a case that no mixed radix explains, yet all distinct here
    assert repeated_place((2, 2, 2), (6, 10, 15), 0, 32) is None
    descriptor = source.descriptors[0]
    twice = (at((0, (0, size("S")), (1, 1))), at("0", "1"))
    from dataclasses import replace

    source = replace(source, symbols_of_size=(SizeSymbol("S"),),
                     descriptors=(replace(descriptor, accesses=twice),))
    assert bound(source, sizes={"S": 3}).code[0].accesses[0].strides == (3, 1)
    with pytest.raises(InputError, match="an element of y is set twice"):
        bound(source, sizes={"S": 2})


def test_preconditions_name_the_first_point_that_fails():
    nodes = [("index", (), 0), ("size", (), 0), ("ine", (0, 1))]
    source = module("check", [Dim("t", Size.of(1), T)], [], [], nodes, [2], symbols=["T"],
                    sizes=["T"], texts=["h is determined twice"], status=2, preconditions=True)
    with pytest.raises(InputError, match="h is determined twice at t = 3"):
        bound(source, sizes={"T": 3})
    assert bound(source, sizes={"T": 0}).code == bound(source, sizes={"T": -2}).code


# -- memory ----------------------------------------------------------------------------------------


def test_registers_that_are_dead_share_memory():
    found = bound(attention(), {name: (8, 64) if name == "X" else (64, 64)
                                for name in ("X", "Wq", "Wk", "Wv")})
    places = {r.name: r.offset for r in found.registers}
    assert [places[n] for n in ("X", "Wq", "Wk", "Wv")] == [-1] * 4
    assert len({places[n] for n in "QKVO"}) == 4  # all alive when the attention runs
    assert found.arena_bytes == 4 * 8 * 64 * 8
    assert [one.pc for one in found.code] == [0, 1, 2, 3, 4] and found.code[-1].op == "halt"
    assert found.code[0].flops == 2 * 8 * 64 * 64


def test_keep_all_shares_nothing():
    lives = [Life(0, 100, 0, 1), Life(1, 100, 1, 2), Life(2, 100, 2, 3), Life(3, 64, 3, 3)]
    offsets, total = plan(lives)
    assert offsets[0] == offsets[2] != offsets[1] and total == 256


@pytest.mark.parametrize("many", [False, True])
def test_plans_never_overlap(many, monkeypatch):
    if many:
        monkeypatch.setattr("hvm_vm.engines.arena.MANY", 0)
    rng = np.random.default_rng(3)
    lives = []
    for k in range(120):
        first = int(rng.integers(0, 50))
        lives.append(Life(k, int(rng.choice([0, 8, 64, 65, 4000])), first,
                          first + int(rng.integers(0, 9))))
    offsets, total = plan(lives)
    for a in lives:
        assert offsets[a.register] % 64 == 0 and offsets[a.register] + a.size <= total
        for b in lives:
            if a is not b and a.size and b.size and a.first <= b.last and b.first <= a.last:
                apart = (offsets[a.register] + a.size <= offsets[b.register]
                         or offsets[b.register] + b.size <= offsets[a.register])
                assert apart


def test_registers_written_in_part_are_zeroed():
    source = copy(at("0"), register("y", 5), register("x", 3), [dim("t", 3)])
    assert bound(source).registers[0].zeroed
    whole = copy(at("0"), register("y", 3), register("x", 3), [dim("t", 3)])
    assert not bound(whole).registers[0].zeroed


def test_more_memory_than_the_machine_has(monkeypatch):
    monkeypatch.setattr("hvm_vm.engines.memory.machine_memory", lambda: 10**9)
    source = copy(at("0"), register("y", T), register("x", T), [dim("t", T)], symbols=["T"])
    with pytest.raises(InputError, match=r"needs 8\.0 GB.*machine has 1\.0 GB: y alone"):
        bound(source, {"x": (10**9,)})


def test_sizes_beyond_all_memory():
    source = copy(at("0"), register("y", T), register("x", T), [dim("t", T)], symbols=["T"])
    with pytest.raises(InputError, match="y alone has 70368744177664 elements"):
        bound(source, {"x": (1 << 46,)})


@pytest.mark.parametrize("name", ["attention", "scalars", "embedding", "empty"])
def test_whole_modules_bind(name):
    sizes = {"attention": {"T": 4}, "embedding": {"T": 3, "D": 4, "V": 9, "P": 5}}.get(name, {})
    found = bound(ALL[name](), sizes=sizes)
    assert len(found.code) == len(ALL[name]().code)
    for one in found.code:
        for access in one.accesses:
            assert len(access.strides) == len(one.extents)
        assert all(n.op != "size" for n in one.nodes)
