"""Boxes do not overlap, edges go down, and the same graph is drawn the same way."""

from __future__ import annotations

import itertools
import random

import pytest

from hvm_vm.tracing.graph.layered import layout


def _random(seed: int, count: int):
    rng = random.Random(seed)
    boxes = [(rng.uniform(20, 300), rng.uniform(20, 90)) for _ in range(count)]
    edges = [(rng.randrange(k), k) for k in range(1, count) for _ in range(rng.randrange(3))]
    return boxes, edges


@pytest.mark.parametrize("seed", range(12))
def test_boxes_do_not_overlap_and_edges_go_down(seed):
    boxes, edges = _random(seed, 40)
    found = layout(boxes, edges)
    for (a, (xa, ya)), (b, (xb, yb)) in itertools.combinations(enumerate(found.corners), 2):
        apart = (xa + boxes[a][0] <= xb or xb + boxes[b][0] <= xa
                 or ya + boxes[a][1] <= yb or yb + boxes[b][1] <= ya)
        assert apart, (a, b)
    for (a, b), route in zip(edges, found.routes, strict=True):
        heights = [y for _, y in route]
        assert heights == sorted(heights)
        assert heights[0] == found.corners[a][1] + boxes[a][1]
        assert heights[-1] == found.corners[b][1]
    for (x, y), (w, h) in zip(found.corners, boxes, strict=True):
        assert -1e-6 <= x <= x + w <= found.width + 1e-6
        assert 0 <= y <= y + h <= found.height + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_a_passing_edge_keeps_clear_of_boxes(seed):
    boxes, edges = _random(seed, 30)
    found = layout(boxes, edges)
    for (a, b), route in zip(edges, found.routes, strict=True):
        for (x, top), (same, bottom) in itertools.pairwise(route):
            if x == same:
                for k, (left, y) in enumerate(found.corners):
                    inside = left < x < left + boxes[k][0] and y < bottom and y + boxes[k][1] > top
                    assert not inside or k in (a, b)


def test_the_same_graph_is_drawn_the_same_way():
    boxes, edges = _random(3, 60)
    assert layout(boxes, edges) == layout(list(boxes), list(edges))


def test_cycles_loops_and_nothing():
    assert layout([], []).corners == ()
    found = layout([(10, 10)] * 3, [(0, 1), (1, 2), (2, 0), (1, 1)])
    assert len({y for _, y in found.corners}) == 3
    assert found.routes[3] == ()
    # The edge that was turned round still runs from its source to its target.
    assert found.routes[2][0][1] > found.routes[2][-1][1]


def test_a_cross_is_undone():
    found = layout([(10, 10)] * 4, [(0, 3), (1, 2)])
    (x0, _), (x1, _), (x2, _), (x3, _) = found.corners
    assert (x0 < x1) == (x3 < x2)


def test_a_long_chain():
    found = layout([(10, 10)] * 3000, [(k, k + 1) for k in range(2999)])
    assert len({x for x, _ in found.corners}) == 1
