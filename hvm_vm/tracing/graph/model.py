"""A graph of a program, whatever its boxes stand for.

Boxes are in an order in which most come after what they read. A drawing has room for some hundred
boxes: `bounded` keeps those nearest to the results and counts the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LIMIT = 300  # boxes of a drawing that a person still reads
KINDS = ("input", "relation", "instruction", "check", "result")


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `title` is a name, `text` what the source or the bytecode says, `place` is
    `file:line`, `note` anything to know besides. `line` counts from 1 (0: none). `pcs` are the
    instructions that it stands for. `group` is a place in `Graph.groups`, or -1."""

    key: str
    kind: str
    title: str
    text: str = ""
    place: str = ""
    note: str = ""
    line: int = 0
    pcs: tuple[int, ...] = ()
    group: int = -1


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` reads `names`, which `source` holds: both are places in `Graph.nodes`."""

    source: int
    target: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """`groups` are titles of boxes that belong together (relations that are solved at once).
    `left_out` counts the boxes of the program that are not among `nodes`."""

    title: str
    of: str  # what most boxes are: "relations" or "instructions"
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    groups: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def remark(self) -> str:
        """What a reader must know about boxes that are missing; empty when none is."""
        if not self.left_out:
            return ""
        boxes = "1 box" if self.left_out == 1 else f"{self.left_out} boxes"
        be = "is" if self.left_out == 1 else "are"
        return (f"{boxes} of {self.left_out + len(self.nodes)} {be} left out: "
                "those farthest from the results")


class Builder:
    """Collects boxes and what they read; edges between the same two boxes become one."""

    def __init__(self, title: str, of: str) -> None:
        self.title, self.of = title, of
        self.nodes: list[Node] = []
        self.groups: list[str] = []
        self._edges: dict[tuple[int, int], dict[str, None]] = {}

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def read(self, source: int, target: int, name: str) -> None:
        self._edges.setdefault((source, target), {})[name] = None

    def graph(self) -> Graph:
        edges = tuple(Edge(a, b, tuple(names)) for (a, b), names in sorted(self._edges.items()))
        return Graph(self.title, self.of, tuple(self.nodes), edges, tuple(self.groups))


def bounded(graph: Graph, limit: int = LIMIT) -> Graph:
    """At most `limit` boxes: backwards from the results, breadth first, then in order."""
    if len(graph.nodes) <= limit:
        return graph
    before: list[list[int]] = [[] for _ in graph.nodes]
    for edge in graph.edges:
        before[edge.target].append(edge.source)
    ends = [k for k, node in enumerate(graph.nodes) if node.kind in ("result", "check")]
    kept: dict[int, None] = {}
    for start in (ends, range(len(graph.nodes))):
        layer = [k for k in start if k not in kept]
        while layer and len(kept) < limit:
            kept.update(dict.fromkeys(layer[: limit - len(kept)]))
            layer = list(dict.fromkeys(p for k in layer for p in before[k] if p not in kept))
    place = {k: new for new, k in enumerate(sorted(kept))}
    edges = tuple(Edge(place[e.source], place[e.target], e.names)
                  for e in graph.edges if e.source in place and e.target in place)
    nodes = tuple(graph.nodes[k] for k in place)
    return replace(graph, nodes=nodes, edges=edges, left_out=len(graph.nodes) - len(nodes))
