"""A trace as one page for a browser: timeline, source, graph and table, linked to one another.

The page loads nothing: its style and script stand in it, allowed by their hashes and nothing else
by its content security policy. Everything is written out as HTML here, and read without the script
too; that adds sorting, and shows in all panes what is pointed at (`page.js`).
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files

from hvm_vm.tracing.graph.model import bounded
from hvm_vm.tracing.graph.of_module import of_instructions, of_relations
from hvm_vm.tracing.graph.svg import STYLE, svg
from hvm_vm.tracing.page.panes import cards, source_pane, stages, table, timeline
from hvm_vm.tracing.report import headline
from hvm_vm.tracing.trace import Trace

GRAPH = 300  # boxes of a graph


def page(trace: Trace, source: str | None = None) -> str:
    """The page of `trace`. `source`: the program's whole text, if it is at hand."""
    if trace.module is None:
        raise ValueError("this trace does not hold the program that it is of")
    here = files("hvm_vm.tracing.page")
    style = STYLE + here.joinpath("page.css").read_text(encoding="utf-8")
    script = here.joinpath("page.js").read_text(encoding="utf-8")
    policy = (f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
              "base-uri 'none'; form-action 'none'")
    title = escape(f"{trace.file} · HVM trace")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{escape(trace.file)}</h1>
<p>{escape(headline(trace).removeprefix(f"{trace.file}: "))}</p>
{cards(trace)}
</header>
<main>
<section id="timeline" aria-labelledby="timeline-head">
<h2 id="timeline-head">Timeline <small>one mean run, instruction after instruction</small></h2>
{timeline(trace)}
{stages(trace)}
</section>
<section id="source" aria-labelledby="source-head">
<h2 id="source-head">Source <small>share of the run, by line</small></h2>
{source_pane(trace, source)}
</section>
<section id="graph" aria-labelledby="graph-head">
<h2 id="graph-head">Graph
<span class="choice" role="group" aria-label="what the boxes are">
<button type="button" data-graph="relations" aria-pressed="true">relations</button>
<button type="button" data-graph="instructions" aria-pressed="false">instructions</button>
</span></h2>
{_graphs(trace)}
</section>
<section id="table" aria-labelledby="table-head">
<h2 id="table-head">Instructions <small>a head sorts, Esc lets go</small></h2>
{table(trace)}
</section>
</main>
<script>{script}</script>
</body>
</html>
"""


def _graphs(trace: Trace) -> str:
    parts = []
    for of in (of_relations, of_instructions):
        graph = bounded(of(trace.module, trace.sizes), GRAPH)
        hidden = "" if not parts else " hidden"
        picture = svg(graph, style=False, tip=f"tip-{graph.of}")
        parts.append(f'<div class="scroll drawing" data-of="{graph.of}" tabindex="0" '
                     f'role="region" aria-label="graph of {graph.of}"{hidden}>{picture}</div>')
    return "\n".join(parts)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
