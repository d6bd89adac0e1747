"""FLOPs and bytes against counts made by hand."""

from __future__ import annotations

from hvm_vm.bytecode import cost
from hvm_vm.bytecode.module import Node
from hvm_vm.engines.bound import BoundAccess

ADD = (Node("load", (), 1), Node("const", (), 0), Node("mul", (0, 1)), Node("exp", (2,)))


def at(register: int, *strides: int, offset: int = 0, dynamic=()) -> BoundAccess:
    return BoundAccess(register, offset, strides, dynamic)


def test_map_counts_each_node_at_each_point():
    assert cost("map", (3, 4), "oo", ADD, (3,), (at(0, 4, 1), at(1, 4, 1)), (12, 12), (8, 8)) == (
        24,
        192,
    )


def test_nodes_shared_by_results_count_once():
    accesses = (at(0, 1), at(1, 1), at(2, 1))
    nodes = (Node("load", (), 2), Node("exp", (0,)), Node("neg", (1,)))
    assert cost("map", (10,), "o", nodes, (1, 2), accesses, (10, 10, 10), (8, 8, 8)) == (20, 240)


def test_a_broadcast_operand_is_read_once():
    nodes = (Node("load", (), 1), Node("load", (), 2), Node("mul", (0, 1)))
    accesses = (at(0, 4, 1), at(1, 4, 1), at(2, 0, 1))
    assert cost("map", (3, 4), "oo", nodes, (2,), accesses, (12, 12, 4), (4, 4, 4)) == (12, 112)


def test_equal_places_are_read_once_and_no_more_than_there_is():
    nodes = (Node("load", (), 1), Node("load", (), 2), Node("mul", (0, 1)))
    accesses = (at(0, 1, 9), at(1, 1, 1), at(1, 1, 1))
    flops, traffic = cost("map", (9, 9), "oo", nodes, (2,), accesses, (81, 17), (8, 8))
    assert (flops, traffic) == (81, 81 * 8 + 17 * 8)


def test_contract_with_epilogue():
    nodes = (Node("acc"), Node("load", (), 3), Node("add", (0, 1)))
    accesses = (at(0, 5, 1, 0), at(1, 7, 0, 1), at(2, 0, 1, 5), at(3, 0, 1, 0))
    flops, traffic = cost(
        "contract", (3, 5, 7), "oor", nodes, (-1, 2), accesses, (15, 21, 35, 5), (4,) * 4
    )
    assert flops == 2 * 3 * 5 * 7 + 3 * 5
    assert traffic == 4 * (15 + 21 + 35 + 5)


def test_reductions_and_norms_count_expressions_where_they_vary():
    accesses = (at(0, 1, 0), at(1, 6, 1))
    body = (Node("load", (), 1), Node("exp", (0,)), Node("acc"), Node("log", (2,)))
    assert cost("sum", (4, 6), "or", body, (1, -1, 3), accesses, (4, 24), (8, 8)) == (
        24 + 24 + 4,
        8 * 28,
    )
    norm = (Node("load", (), 1), Node("const"), Node("exp", (1,)), Node("acc"), Node("neg", (3,)))
    accesses = (at(0, 6, 1), at(1, 6, 1))
    assert (
        cost("layer_norm", (4, 6), "on", norm, (0, 2, 4), accesses, (24, 24), (8, 8))[0]
        == 6 * 24 + 4 + 24
    )


def test_attention():
    t, u, c, v = 5, 7, 3, 2
    nodes = (Node("acc"), Node("const"), Node("mul", (0, 1)))
    accesses = (at(0, v, 0, 0, 1), at(1, c, 0, 1, 0), at(2, 0, c, 1, 0), at(3, 0, v, 0, 1))
    flops, traffic = cost(
        "attention",
        (t, u, c, v),
        "ouco",
        nodes,
        (2, -1, -1, -1),
        accesses,
        (t * v, t * c, u * c, u * v),
        (8,) * 4,
    )
    assert flops == 2 * t * u * c + 4 * t * u + 2 * t * u * v + t * u
    assert traffic == 8 * (t * v + t * c + u * c + u * v)


def test_gather_reads_what_its_positions_reach():
    nodes = (Node("load", (), 1), Node("gather", (0,), 2))
    accesses = (at(0, 4, 1), at(1, 1, 0), at(2, 0, 1, dynamic=((4, 1000, 0),)))
    assert cost("gather", (6, 4), "oo", nodes, (1,), accesses, (24, 6, 4000), (8, 8, 8)) == (
        0,
        8 * (24 + 6 + 24),
    )
    few = cost("gather", (6, 4), "oo", nodes, (1,), accesses, (24, 6, 8), (8, 8, 8))
    assert few == (0, 8 * (24 + 6 + 8))


def test_halt_and_empty_spaces_cost_nothing():
    assert cost("halt", (), "", (), (), (), (), ()) == (0, 0)
    assert cost("map", (0, 4), "oo", ADD, (3,), (at(0, 4, 1), at(1, 4, 1)), (0, 0), (8, 8)) == (
        0,
        0,
    )
