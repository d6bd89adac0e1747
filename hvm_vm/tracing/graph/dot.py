"""A graph in DOT, the language of Graphviz (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from hvm_vm.tracing.graph.model import Graph, Node
from hvm_vm.tracing.graph.svg import visible

_SHAPES = {"input": "ellipse", "result": "ellipse", "check": "octagon"}
_COLOURS = {"input": "#e3f1e6", "result": "#fdeed3", "check": "#f9e2e6"}


def dot(graph: Graph) -> str:
    """The text of the graph, each box with all that is known of it."""
    lines = ["digraph hvm {", f"  label={_quoted(graph.title)}; labelloc=t; rankdir=TB;",
             '  node [shape=box, style="filled,rounded", fillcolor="#f4f6fa", '
             'fontname="monospace", fontsize=10];',
             '  edge [fontname="monospace", fontsize=9, color="#98a3b3"];']  # fmt: skip
    if graph.remark:
        lines.append(f"  remark [shape=plaintext, style=solid, label={_quoted(graph.remark)}];")
    names = {k: f"n{k}" for k in range(len(graph.nodes))}
    for number, title in enumerate(graph.groups):
        inside = [k for k, node in enumerate(graph.nodes) if node.group == number]
        if inside:
            lines += [f"  subgraph cluster_{number} {{",
                      f'    label={_quoted(title)}; style=dashed; color="#7a6fd0";',
                      *(f"    {_node(names[k], graph.nodes[k])}" for k in inside), "  }"]
    lines += [f"  {_node(names[k], n)}" for k, n in enumerate(graph.nodes) if n.group < 0]
    lines += [f"  {names[e.source]} -> {names[e.target]} [label={_quoted(', '.join(e.names))}];"
              for e in graph.edges]
    return "\n".join([*lines, "}", ""])


def _node(name: str, node: Node) -> str:
    rows = [r for r in (node.title, node.text, "  ".join(filter(None, (node.place, node.note))))
            if r]
    label = '"' + "".join(f"{_escaped(row)}\\l" for row in rows) + '"'
    if node.kind in _SHAPES:
        return (f'{name} [label={label}, shape={_SHAPES[node.kind]}, style=filled, '
                f'fillcolor="{_COLOURS[node.kind]}"];')
    return f"{name} [label={label}];"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """In a quoted string a backslash begins an escape, and `&` an HTML entity."""
    return (visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;"))
