"""The graphs of sources and of bytecode, and the three forms that they are written in."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import hvm_vm
from hvm_vm.compiling.building import compile_stages
from hvm_vm.compiling.relations_graph import relations_graph
from hvm_vm.language.source import Source
from hvm_vm.tracing.graph.dot import dot
from hvm_vm.tracing.graph.mermaid import coded, mermaid
from hvm_vm.tracing.graph.model import Edge, Graph, Node, bounded
from hvm_vm.tracing.graph.of_module import of_instructions, of_relations
from hvm_vm.tracing.graph.svg import svg

CHAIN = """given x
scale = 2
a = scale*x
b = exp(a) + x
check b > 0
find b
"""
TOGETHER = """p + q = 10
p^2 - q = 2
r = p + q
find r
"""


def _relations(text: str):
    return relations_graph(compile_stages(Source("some.hmp", text)).system)


def _edges(graph) -> set[tuple[str, str, tuple[str, ...]]]:
    title = [f"{n.kind} {n.title}" for n in graph.nodes]
    return {(title[e.source], title[e.target], e.names) for e in graph.edges}


def test_relations_of_a_source():
    graph = _relations(CHAIN)
    assert _edges(graph) == {
        ("input x", "relation a", ("x",)),
        ("input scale", "relation a", ("scale",)),
        ("relation a", "relation b", ("a",)),
        ("input x", "relation b", ("x",)),
        ("relation b", "check check", ("b",)),
        ("relation b", "result b", ("b",)),
    }
    (a,) = [n for n in graph.nodes if n.title == "a"]
    assert (a.text, a.place, a.line) == ("a = scale*x", "some.hmp:3", 3)
    (scale,) = [n for n in graph.nodes if n.title == "scale"]
    assert scale.note == "default 2"


def test_relations_that_are_solved_together_are_one_group():
    graph = _relations(TOGETHER)
    assert len(graph.groups) == 1
    inside = {n.text for n in graph.nodes if n.group == 0}
    assert inside == {"p + q = 10", "p^2 - q = 2"}
    assert all(name in graph.groups[0] for name in "pq")
    assert svg(graph).count('class="group"') == 1
    assert mermaid(graph).count("subgraph") == 1
    assert dot(graph).count("subgraph cluster_") == 1


def test_a_lifted_family_is_named():
    text = "".join(f"y{k} = 2*x{k} + 1\n" for k in range(1, 6))
    graph = _relations(text)
    (box,) = [n for n in graph.nodes if n.kind == "relation"]
    assert box.note == "5 scalars y1 … y5"


def test_cases_are_boxes_of_their_own():
    graph = _relations("index i : 4\ngiven x[i]\ny[i] = x[i] where i > 1\ny[1] = 7\nfind y[i]\n")
    assert [n.line for n in graph.nodes if n.kind == "relation"].count(3) == 1
    assert {n.line for n in graph.nodes if n.kind == "relation"} == {3, 4}


def test_bytecode_alone():
    program = hvm_vm.loads(hvm_vm.compile(CHAIN).encode())
    graph = of_relations(program.module)
    assert {n.kind for n in graph.nodes} == {"input", "relation", "check", "result"}
    (b,) = [n for n in graph.nodes if n.kind == "relation"]
    assert b.text == "b = exp(a) + x" and b.line == 4
    code = of_instructions(program.module)
    boxes = [n for n in code.nodes if n.kind == "instruction"]
    wanted = [k for k, one in enumerate(program.module.code) if one.descriptor >= 0]
    assert [n.pcs for n in boxes] == [(k,) for k in wanted]
    assert ("input x", f"instruction {boxes[0].title}", ("x",)) in _edges(code)


def test_every_example_has_a_graph_whose_edges_follow_the_order(example_programs):
    for source in example_programs:
        stages = compile_stages(source)
        module = stages.verified.module
        for graph in (relations_graph(stages.system), of_relations(module),
                      of_instructions(module)):
            assert any(n.kind == "result" for n in graph.nodes)
            keys = [n.key for n in graph.nodes]
            assert len(set(keys)) == len(keys)
            read = {e.target for e in graph.edges}
            results = {k for k, n in enumerate(graph.nodes) if n.kind == "result"}
            assert results <= read
            root = ElementTree.fromstring(svg(graph))
            drawn = [e for e in root.iter() if e.get("data-key")]
            assert {e.get("data-key") for e in drawn} == set(keys)


def test_a_system_is_one_box_that_reads_what_is_given():
    program = hvm_vm.compile("index i, j : 3\ngiven A[i,j], b[i]\nfind x[i]\n"
                             "sum[j](A[i,j]*x[j]) = b[i]\n")
    for graph in (of_instructions(program.module), of_relations(program.module)):
        assert all(edge.source != edge.target for edge in graph.edges)
        assert {names for _, _, names in _edges(graph)} == {("A",), ("b",), ("x",)}


def test_what_does_not_fit_is_counted():
    count = 1000
    some = "sin", "cos", "tan", "tanh", "abs"
    text = "a0 = x\n" + "".join(
        f"b{k}z = {some[k % 5]}(b{k - 1}z)*{k}.5 + {some[k % 3]}(x)^{k}\n" if k else "b0z = x\n"
        for k in range(count))
    graph = of_instructions(hvm_vm.compile(text, find="b5z").module)
    whole = _relations(text)
    part = bounded(whole, 50)
    assert len(part.nodes) == 50 and part.left_out == len(whole.nodes) - 50
    assert part.remark in svg(part) and part.remark in dot(part)
    assert f"{part.left_out} boxes of {len(whole.nodes)} are left out" in mermaid(part)
    assert any(n.kind == "result" for n in part.nodes)
    assert bounded(graph, 10_000) is graph and not graph.remark


NASTY = 'a<b>&"c" \\n `x` *y* _z_ #1; $$ [t](u) | {} \x01'


def _nasty() -> Graph:
    nodes = (Node("k<&>\"'", "input", NASTY, NASTY, NASTY, NASTY),
             Node("r", "result", "1. item"))  # fmt: skip
    return Graph(NASTY, "relations", nodes, (Edge(0, 1, (NASTY,)), Edge(1, 1, ("r",))))


def test_texts_are_escaped():
    root = ElementTree.fromstring(svg(_nasty()))
    texts = [e.text for e in root.iter() if e.tag.endswith("}text")]
    assert any(t.startswith('a<b>&"c" \\n `x`') for t in texts)
    assert [e.get("data-key") for e in root.iter() if e.get("data-key")] == ["k<&>\"'", "r"]
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', dot(_nasty()))
    assert any('a<b>&amp;\\"c\\" \\\\n' in s for s in strings)
    assert coded('a"b') == "a#34;b" and coded("x*y") == "x#42;y" and coded("1. a") == "#49;. a"
    assert coded("sum[i](x[i] + 1)") == "sum[i]#40;x[i] + 1)"
    for line in mermaid(_nasty()).splitlines()[4:]:
        assert line.count('"') in (0, 2), line
