"""Places for the boxes of a directed graph, layer under layer, the same for the same graph.

The steps of Sugiyama, Tagawa and Toda (IEEE Trans. SMC 11, 1981): edges that close a cycle are
turned round, boxes are put in layers by their longest path, long edges pass through the layers
between (all that leave one box on one way, so that their number is bounded by boxes x layers), the
order within layers is improved by sweeps over medians as long as crossings become fewer, and last
each layer's places are the least-squares fit to those of the neighbours that keeps order and
distance (isotonic regression, pool adjacent violators).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

GAP_X, GAP_Y = 26.0, 44.0  # between boxes of a layer, between layers
WAY = 10.0  # the width that a passing edge takes
SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """`corners`: the upper left of each box. `routes`: of each edge, points from the lower side
    of its source to the upper side of its target (self-loops: empty)."""

    width: float
    height: float
    corners: tuple[tuple[float, float], ...]
    routes: tuple[tuple[tuple[float, float], ...], ...]


def layout(boxes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Places for boxes of these (width, height) with these edges (source, target)."""
    if not boxes:
        return Layout(0.0, 0.0, (), ())
    down = _acyclic(len(boxes), edges)
    layer_of = _layers(len(boxes), down)
    net = _Net(boxes, layer_of, down)
    net.order()
    x = net.places()
    left = min(x[k] - net.widths[k] / 2 for k in range(len(x)))
    x = [value - left for value in x]
    tops, heights, y = [], [], 0.0
    for layer in net.layers:
        high = max((boxes[k][1] for k in layer if k < len(boxes)), default=0.0)
        tops.append(y)
        heights.append(high)
        y += high + GAP_Y
    corners = tuple(
        (x[k] - w / 2, tops[layer_of[k]] + (heights[layer_of[k]] - h) / 2)
        for k, (w, h) in enumerate(boxes))  # fmt: skip
    routes = []
    for a, b in edges:
        if a == b:
            routes.append(())
            continue
        turned = layer_of[a] > layer_of[b]
        first, last = (b, a) if turned else (a, b)
        points = [(x[first], corners[first][1] + boxes[first][1])]
        for way in net.ways(first, layer_of[last]):
            level = net.layer[way]
            points += [(x[way], tops[level]), (x[way], tops[level] + heights[level])]
        points.append((x[last], corners[last][1]))
        routes.append(tuple(reversed(points)) if turned else tuple(points))
    width = max(x[k] + net.widths[k] / 2 for k in range(len(x)))
    return Layout(width, y - GAP_Y, corners, tuple(routes))


def _acyclic(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges without loops and repeats; those that close a cycle are turned round."""
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in sorted(set(edges)):
        if a != b:
            after[a].append(b)
    state, found = [0] * count, []  # 0 new, 1 on the path, 2 done
    for root in range(count):
        if state[root]:
            continue
        state[root], path = 1, [(root, iter(after[root]))]
        while path:
            box, rest = path[-1]
            for other in rest:
                found.append((other, box) if state[other] == 1 else (box, other))
                if not state[other]:
                    state[other] = 1
                    path.append((other, iter(after[other])))
                    break
            else:
                state[box] = 2
                path.pop()
    return sorted(set(found))


def _layers(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """The longest path from a source; boxes that read nothing stand right above their reader."""
    after: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b in edges:
        after[a].append(b)
        waiting[b] += 1
    sources = [k for k in range(count) if not waiting[k]]
    layer, ready = [0] * count, list(sources)
    while ready:
        box = ready.pop()
        for other in after[box]:
            layer[other] = max(layer[other], layer[box] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for box in sources:
        if after[box]:
            layer[box] = min(layer[other] for other in after[box]) - 1
    return layer


class _Net:
    """Boxes and the ways of long edges (numbered after them), by layer, with neighbours."""

    def __init__(self, boxes, layer_of: list[int], edges: list[tuple[int, int]]) -> None:
        self.count = len(boxes)
        self.widths = [w for w, _ in boxes]
        self.layer = list(layer_of)
        self.up: list[list[int]] = [[] for _ in boxes]
        self.down: list[list[int]] = [[] for _ in boxes]
        self._way: dict[tuple[int, int], int] = {}
        for a, b in edges:
            before = a
            for level in range(layer_of[a] + 1, layer_of[b]):
                way = self._way.get((a, level))
                if way is None:
                    way = self._way[a, level] = len(self.widths)
                    self.widths.append(WAY)
                    self.layer.append(level)
                    self.up.append([before])
                    self.down.append([])
                    self.down[before].append(way)
                before = way
            self.down[before].append(b)
            self.up[b].append(before)
        self.layers: list[list[int]] = [[] for _ in range(max(self.layer) + 1)]
        for box in self._reading_order():
            self.layers[self.layer[box]].append(box)

    def ways(self, box: int, last: int) -> list[int]:
        return [self._way[box, level] for level in range(self.layer[box] + 1, last)]

    def _reading_order(self) -> list[int]:
        """Neighbours one after another, so that the sweeps start from something connected."""
        seen, order = [False] * len(self.widths), []
        for root in range(len(self.widths)):
            stack = [root]
            while stack:
                box = stack.pop()
                if not seen[box]:
                    seen[box] = True
                    order.append(box)
                    stack += reversed(self.up[box] + self.down[box])
        return order

    def order(self) -> None:
        best, fewest = [list(layer) for layer in self.layers], self.crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            downwards = sweep % 2 == 0
            levels = range(len(self.layers))
            for level in levels if downwards else reversed(levels):
                self._sort(level, self.up if downwards else self.down)
            found = self.crossings()
            if found < fewest:
                best, fewest = [list(layer) for layer in self.layers], found
        self.layers = best

    def _sort(self, level: int, beside: list[list[int]]) -> None:
        place = {box: k for near in (level - 1, level + 1) if 0 <= near < len(self.layers)
                 for k, box in enumerate(self.layers[near])}
        own = {box: float(k) for k, box in enumerate(self.layers[level])}
        for box in self.layers[level]:
            if beside[box]:
                own[box] = sum(place[b] for b in beside[box]) / len(beside[box])
        self.layers[level].sort(key=own.__getitem__)

    def crossings(self) -> int:
        total = 0
        for upper, lower in zip(self.layers, self.layers[1:], strict=False):
            place = {box: k for k, box in enumerate(lower)}
            seen: list[int] = []
            for box in upper:
                ends = sorted(place[b] for b in self.down[box])
                total += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return total

    def places(self) -> list[float]:
        """The centre of every box and way, from left to right."""
        x = [0.0] * len(self.widths)
        for layer in self.layers:
            at = 0.0
            for box in layer:
                x[box] = at + self.widths[box] / 2
                at += self.widths[box] + GAP_X
        levels = range(len(self.layers))
        for sweep in range(2 * SWEEPS):
            one = (self.up, self.down)[sweep % 2]
            for level in levels if sweep % 2 == 0 else reversed(levels):
                layer = self.layers[level]
                wanted, weights = [], []
                for box in layer:
                    near = (self.up[box] + self.down[box]) if sweep >= SWEEPS else one[box]
                    wanted.append(sum(x[b] for b in near) / len(near) if near else x[box])
                    weights.append(1.0 + 3.0 * (box >= self.count) if near else 0.05)
                for box, value in zip(layer, self._fit(layer, wanted, weights), strict=True):
                    x[box] = value
        return x

    def _fit(self, layer: list[int], wanted: list[float], weights: list[float]) -> list[float]:
        """The places nearest to `wanted` (weighted least squares) that keep order and distance."""
        offsets, at = [], 0.0
        for k, box in enumerate(layer):
            if k:
                at += (self.widths[layer[k - 1]] + self.widths[box]) / 2 + GAP_X
            offsets.append(at)
        blocks: list[list[float]] = []  # [mean, weight, members]
        for value, offset, weight in zip(wanted, offsets, weights, strict=True):
            blocks.append([value - offset, weight, 1])
            while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
                mean, heavy, members = blocks.pop()
                last = blocks[-1]
                last[0] = (last[0] * last[1] + mean * heavy) / (last[1] + heavy)
                last[1] += heavy
                last[2] += members
        flat = [mean for mean, _, members in blocks for _ in range(int(members))]
        return [base + offset for base, offset in zip(flat, offsets, strict=True)]
