"""A graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), as Markdown hosts
draw it. Mermaid reads Markdown and HTML in labels: what could be either is written as a code."""

from __future__ import annotations

import re

from hvm_vm.tracing.graph.model import Graph, Node
from hvm_vm.tracing.graph.svg import visible

_CODED = re.compile(r"[\"#&<>`*_~$\\|{};%@^]|(?<=\])\(|(?<=[!\]])\[|//|^[-+]|^\d+(?=[.)])")
_STYLES = {
    "input": "fill:#e3f1e6,stroke:#5d9a6b,color:#1c2430",
    "result": "fill:#fdeed3,stroke:#c58b1f,color:#1c2430",
    "check": "fill:#f9e2e6,stroke:#c2566b,color:#1c2430",
}
LONGEST = 200  # characters of a label's row: the whole text may have at most 50,000


def mermaid(graph: Graph) -> str:
    """The text of the flowchart."""
    lines = ["---", f"title: {_yaml(graph.title)}", "---", "flowchart TD"]
    if graph.remark:
        lines.append(f'  remark["{coded(graph.remark)}"]')
    for number, title in enumerate(graph.groups):
        inside = [k for k, node in enumerate(graph.nodes) if node.group == number]
        if inside:
            lines += [f'  subgraph g{number}["{coded(title)}"]',
                      *(f"    {_node(k, graph.nodes[k])}" for k in inside), "  end"]
    lines += [f"  {_node(k, node)}" for k, node in enumerate(graph.nodes) if node.group < 0]
    lines += [f'  n{e.source} -->|"{coded(_cut(", ".join(e.names)))}"| n{e.target}'
              for e in graph.edges]
    lines += [f"  classDef {kind} {style}" for kind, style in _STYLES.items()
              if any(node.kind == kind for node in graph.nodes)]
    return "\n".join([*lines, ""])


def _node(number: int, node: Node) -> str:
    rows = [node.title, node.text, "  ".join(filter(None, (node.place, node.note)))]
    label = "<br/>".join(coded(_cut(row)) for row in rows if row)
    left, right = ("([", "])") if node.kind in ("input", "result") else ("[", "]")
    kind = f":::{node.kind}" if node.kind in _STYLES else ""
    return f'n{number}{left}"{label}"{right}{kind}'


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … (+{len(text) - LONGEST} characters)"


def coded(text: str) -> str:
    """`text` with every character that Mermaid would read as something else as `#number;`."""
    # Two dollars would begin a formula and `\\n` a line, even as codes: something of no width
    # keeps them apart.
    text = visible(text).replace("$$", "$\u200b$").replace("\\n", "\\\u200bn")
    return _CODED.sub(lambda found: "".join(f"#{ord(c)};" for c in found[0]), text)


def _yaml(text: str) -> str:
    return '"' + visible(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
