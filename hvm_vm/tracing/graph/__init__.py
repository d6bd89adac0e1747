"""Graphs of what a program computes from what: of its relations, and of its instructions.

`model` holds a graph, `of_module` reads one off bytecode (`compiling/relations_graph.py` off a
source), `layered` finds places for its boxes, `svg`, `mermaid` and `dot` write it down. Nothing
here needs the compiler.
"""
