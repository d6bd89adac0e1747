"""A graph as an SVG picture that stands alone: no fonts, scripts or links; dark and light.

Every box and edge carries its key (`data-key`, `data-from`, `data-to`), which the trace page links
to its other panes, and a `<title>` with the whole text that a box may only show the beginning of.
"""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from hvm_vm.tracing.graph.layered import layout
from hvm_vm.tracing.graph.model import Graph, Node

CHARACTER, LINE = 7.3, 17.0  # pixels of a monospaced character at 12 px, and of a line
COLUMNS, LINES = 44, 3  # of a box's text; what does not fit is in its title
LABELLED = 70  # edges; of more, the names stand only in their titles
PAD, MARGIN, HEADER = 10.0, 18.0, 34.0

STYLE = """
.hvm-graph{--ink:#1c2430;--soft:#5b6675;--line:#98a3b3;--paper:#fff;--box:#f4f6fa;--input:#e3f1e6;
--input-line:#5d9a6b;--result:#fdeed3;--result-line:#c58b1f;--check:#f9e2e6;--check-line:#c2566b;
--group:#eceafb;--group-line:#7a6fd0;background:var(--paper)}
@media (prefers-color-scheme:dark){.hvm-graph{--ink:#e6eaf1;--soft:#9aa6b8;--line:#66738a;
--paper:#12161d;--box:#1e2530;--input:#1b3224;--input-line:#5fa874;--result:#3a2d14;
--result-line:#d3a03d;--check:#3a1d24;--check-line:#d9788b;--group:#221f3d;--group-line:#8d83e6}}
.hvm-graph text{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--ink);
white-space:pre}
.hvm-graph .head{font-weight:600}
.hvm-graph .soft,.hvm-graph .label{fill:var(--soft)}
.hvm-graph .label{font-size:11px;paint-order:stroke;stroke:var(--paper);stroke-width:4px}
.hvm-graph .edge{fill:none;stroke:var(--line);stroke-width:1.4}
.hvm-graph .tip{fill:var(--line)}
.hvm-graph rect{fill:var(--box);stroke:var(--line)}
.hvm-graph .input rect{fill:var(--input);stroke:var(--input-line)}
.hvm-graph .result rect{fill:var(--result);stroke:var(--result-line)}
.hvm-graph .check rect{fill:var(--check);stroke:var(--check-line)}
.hvm-graph .group>rect{fill:var(--group);stroke:var(--group-line);stroke-dasharray:5 3}
"""


@dataclass(frozen=True, slots=True)
class _Box:
    """What is laid out as one: a node, or the nodes of a group below one another."""

    nodes: tuple[int, ...]
    title: str
    width: float
    height: float


def svg(graph: Graph, *, style: bool = True, tip: str = "hvm-tip") -> str:
    """The picture. `style`: with its own colours (a page that holds it brings `STYLE` itself).
    `tip`: the id of the arrows' tip, of which a page may have one only."""
    faces = [_face(node) for node in graph.nodes]
    boxes, box_of = _boxes(graph, faces)
    inner = sorted({(box_of[e.source], box_of[e.target]) for e in graph.edges
                    if box_of[e.source] != box_of[e.target]})
    placed = layout([(b.width, b.height) for b in boxes], inner)
    corners: list[tuple[float, float]] = [(0.0, 0.0)] * len(graph.nodes)
    shapes = []
    for box, (left, top) in zip(boxes, placed.corners, strict=True):
        if not box.title:
            corners[box.nodes[0]] = (left, top)
            shapes.append(_node(graph.nodes[box.nodes[0]], faces[box.nodes[0]], left, top,
                                box.width))
            continue
        inside, y = [], top + HEADER - 6
        for k in box.nodes:
            corners[k] = (left + PAD, y)
            inside.append(_node(graph.nodes[k], faces[k], left + PAD, y, box.width - 2 * PAD))
            y += faces[k].height + 8
        shapes.append(
            f'<g class="group">{_rect(left, top, box.width, box.height)}'
            f'{_text(left + PAD, top + 18, "soft", box.title)}{"".join(inside)}</g>')
    routes = dict(zip(inner, placed.routes, strict=True))
    lines = _edges(graph, box_of, routes, faces, corners, boxes, tip)
    remark = graph.remark
    wide = max(placed.width + 30, len(graph.title) * CHARACTER, len(remark) * CHARACTER)
    width = wide + 2 * MARGIN
    head = HEADER + (LINE if remark else 0)
    height = placed.height + head + 2 * MARGIN
    notes = [_text(MARGIN, MARGIN + 8, "head", graph.title)]
    if remark:
        notes.append(_text(MARGIN, MARGIN + 8 + LINE, "soft", remark))
    shift = MARGIN + max(0.0, (wide - placed.width) / 2 if placed.width < wide - 30 else 0.0)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hvm-graph" role="img" '
        f'aria-label={_quoted(graph.title)} width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<style>{STYLE}</style>" if style else "",
        f'<defs><marker id="{tip}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" '
        'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
        '<path class="tip" d="M0 0L8 4L0 8z"/>'
        "</marker></defs>",
        *notes,
        f'<g transform="translate({shift:.1f},{MARGIN + head:.1f})">', *lines, *shapes, "</g>",
        "</svg>", "",
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Face:
    """The lines of a node: (class, text)."""

    lines: tuple[tuple[str, str], ...]
    width: float
    height: float


def _face(node: Node) -> _Face:
    lines = [("head", _cut(node.title))]
    shown = textwrap.wrap(visible(node.text), COLUMNS, break_on_hyphens=False)
    if len(shown) > LINES:
        shown = [*shown[: LINES - 1], _cut(shown[LINES - 1] + " …", True)]
    lines += [("", line) for line in shown]
    below = "  ".join(filter(None, (node.place, _cut(visible(node.note)))))
    if below:
        lines.append(("soft", below))
    width = max(columns(text) for _, text in lines) * CHARACTER + 2 * PAD
    return _Face(tuple(lines), width, len(lines) * LINE + PAD)


def _cut(text: str, mark: bool = False) -> str:
    return text if len(text) <= COLUMNS else text[: COLUMNS - 1].rstrip(" …") + "…"


def columns(text: str) -> int:
    """How many columns a monospaced font gives a text."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
               if not unicodedata.combining(c))


def visible(text: str) -> str:
    """`text` without what XML cannot hold: control characters are shown as such."""
    return "".join(c if c >= " " and c not in "\x7f\ufffe\uffff" and not "\ud800" <= c <= "\udfff"
                   else "\ufffd" for c in text.replace("\n", " ").replace("\t", " "))


def _boxes(graph: Graph, faces: list[_Face]) -> tuple[list[_Box], list[int]]:
    members: dict[int, list[int]] = {}
    for k, node in enumerate(graph.nodes):
        if node.group >= 0:
            members.setdefault(node.group, []).append(k)
    boxes: list[_Box] = []
    box_of = [-1] * len(graph.nodes)
    for k, node in enumerate(graph.nodes):
        if box_of[k] >= 0:
            continue
        inside = members[node.group] if node.group >= 0 else [k]
        for other in inside:
            box_of[other] = len(boxes)
        if node.group < 0:
            boxes.append(_Box((k,), "", faces[k].width, faces[k].height))
            continue
        title = _cut(visible(graph.groups[node.group]))
        width = max(*(faces[o].width for o in inside), columns(title) * CHARACTER) + 2 * PAD
        height = HEADER - 6 + sum(faces[o].height + 8 for o in inside) + 2
        boxes.append(_Box(tuple(inside), title, width, height))
    return boxes, box_of


def _edges(graph, box_of, routes, faces, corners, boxes, tip: str) -> list[str]:
    lines, labels = [], []
    named = len(graph.edges) <= LABELLED
    label_of: dict[tuple[int, int], dict[str, None]] = {}
    for edge in graph.edges:
        a, b = box_of[edge.source], box_of[edge.target]
        keys = (f"data-from={_quoted(graph.nodes[edge.source].key)} "
                f"data-to={_quoted(graph.nodes[edge.target].key)}")
        title = f"<title>{escape(visible(', '.join(edge.names)))}</title>"
        if a != b:
            path = _curve(routes[a, b])
            label_of.setdefault((a, b), {}).update(dict.fromkeys(edge.names))
        elif edge.source == edge.target:
            left, top = corners[edge.source]
            right = left + (faces[edge.source].width if not boxes[a].title
                            else boxes[a].width - 2 * PAD)
            y = top + faces[edge.source].height / 2
            path = (f"M{right:.1f} {y - 8:.1f}c22 -8 22 24 0 16")
        else:
            continue  # in a group: its box says that they are solved together
        lines.append(f'<path class="edge" {keys} marker-end="url(#{tip})" d="{path}">'
                     f"{title}</path>")
    for pair, names in label_of.items() if named else ():
        (x1, y1), (x2, y2) = routes[pair][-2:]
        labels.append(_text((x1 + 2 * x2) / 3, (y1 + 2 * y2) / 3 + 1, "label",
                            _cut(visible(", ".join(names))), "middle"))
    return [*lines, *labels]


def _curve(points) -> str:
    """Smooth between layers, straight through them."""
    x, y = points[0]
    path = f"M{x:.1f} {y:.1f}"
    for nx, ny in points[1:]:
        if abs(nx - x) < 0.05:
            path += f"V{ny:.1f}"
        else:
            half = (y + ny) / 2
            path += f"C{x:.1f} {half:.1f} {nx:.1f} {half:.1f} {nx:.1f} {ny:.1f}"
        x, y = nx, ny
    return path


def _node(node: Node, face: _Face, left: float, top: float, width: float) -> str:
    whole = "\n".join(filter(None, map(visible, (node.title, node.text, node.place, node.note))))
    texts = "".join(
        _text(left + PAD, top + LINE * (k + 1) - 1, kind, line)
        for k, (kind, line) in enumerate(face.lines))  # fmt: skip
    pcs = f' data-pcs="{" ".join(map(str, node.pcs))}"' if node.pcs else ""
    return (f'<g class="node {node.kind}" data-key={_quoted(node.key)}{pcs}>'
            f"<title>{escape(whole)}</title>{_rect(left, top, width, face.height)}{texts}</g>")


def _rect(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6"/>'


def _text(x: float, y: float, kind: str, text: str, anchor: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{style}{anchor}>{escape(visible(text))}</text>'


def _quoted(text: str) -> str:
    return quoteattr(visible(text))
