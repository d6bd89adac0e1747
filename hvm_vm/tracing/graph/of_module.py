"""The graphs that bytecode alone knows: its instructions, and the relations that have some.

A fused instruction belongs to the relation whose result it computes; the relations that went into
it have no box of their own. (A source's own graph, which has them all, is made by the compiler.)
"""

from __future__ import annotations

from collections.abc import Mapping

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.module import Family, Instruction, Module
from hvm_vm.bytecode.regions import result_count
from hvm_vm.tracing.describe import brief, shape_text
from hvm_vm.tracing.graph.model import Builder, Graph, Node


def of_instructions(module: Module, sizes: Mapping[str, int] | None = None) -> Graph:
    """A box for every instruction. `sizes`: those of a bound program, to show numbers in shapes."""
    build = Builder(f"{module.file}: instructions", "instructions")
    boxes = []
    for pc, one in enumerate(module.code):
        if one.descriptor < 0:
            boxes.append(-1)
            continue
        span = module.sources[one.source] if one.source >= 0 else None
        boxes.append(build.add(Node(
            f"i{pc}", "instruction", f"{pc} {one.op}", brief(module, one, sizes),
            f"{module.file}:{span.line}" if span else "",
            " ".join(span.text.split()) if span else "added by the compiler",
            span.line if span else 0, (pc,),
        )))  # fmt: skip
    _connect(build, module, boxes, sizes)
    return build.graph()


def of_relations(module: Module, sizes: Mapping[str, int] | None = None) -> Graph:
    """A box for every relation that has instructions, in the order of the text."""
    build = Builder(f"{module.file}: relations", "relations")
    of_source: dict[int, list[int]] = {}
    for pc, one in enumerate(module.code):
        if one.descriptor >= 0:
            of_source.setdefault(one.source, []).append(pc)
    boxes = [-1] * len(module.code)
    # In the order of execution, which is one in which each comes after what it reads.
    for source, pcs in of_source.items():
        names = dict.fromkeys(module.registers[r].name for pc in pcs
                              for r in results(module, module.code[pc]))
        ops = dict.fromkeys(module.code[pc].op for pc in pcs)
        span = module.sources[source] if source >= 0 else None
        group = -1
        if span and any(isa.BY_NAME[module.code[pc].op].group == "system" for pc in pcs):
            build.groups.append("solved for " + ", ".join(names))
            group = len(build.groups) - 1
        box = build.add(Node(
            f"r{source}" if span else "compiler",
            "relation" if names else "check",
            ", ".join(names) or "check",
            " ".join(span.text.split()) if span else "added by the compiler",
            f"{module.file}:{span.line}" if span else "",
            " + ".join(ops), span.line if span else 0, tuple(pcs), group,
        ))  # fmt: skip
        for pc in pcs:
            boxes[pc] = box
    _connect(build, module, boxes, sizes)
    return build.graph()


def results(module: Module, one: Instruction) -> tuple[int, ...]:
    """The registers that an instruction writes."""
    if one.descriptor < 0:
        return ()
    d = module.descriptors[one.descriptor]
    return one.operands[: result_count(isa.BY_NAME[one.op], len(d.roots), len(d.accesses))]


def _connect(build: Builder, module: Module, boxes: list[int], sizes) -> None:
    """Inputs, results, and the edges along registers. `boxes`: of each instruction."""
    families = {f.name: f for f in module.families}
    holders: dict[int, list[int]] = {}  # of each register: the boxes that wrote it so far
    inputs = {item.register: item for item in module.inputs}
    for pc, one in enumerate(module.code):
        if boxes[pc] < 0:
            continue
        written = results(module, one)
        for register in written:
            held = holders.setdefault(register, [])
            if boxes[pc] not in held:
                held.append(boxes[pc])
        for register in dict.fromkeys(one.operands[len(written):]):
            name = module.registers[register].name
            if register in inputs and register not in holders:
                holders[register] = [_input(build, module, inputs[register], families, sizes)]
            for box in holders.get(register, ()):
                if box != boxes[pc]:  # what a box passes to itself is nobody's business
                    build.read(box, boxes[pc], name)
    for item in module.outputs:
        if item.hidden:
            continue
        box = build.add(Node(f"o{item.register}_{item.name}", "result", item.name,
                             shape_text(module, item.register, sizes),
                             note=family_note(families.get(item.name))))
        if item.register in inputs and item.register not in holders:
            holders[item.register] = [
                _input(build, module, inputs[item.register], families, sizes)]
        for holder in holders.get(item.register, ()):
            build.read(holder, box, module.registers[item.register].name)


def _input(build: Builder, module: Module, item, families: dict[str, Family], sizes) -> int:
    notes = ["has a default"] if item.default >= 0 else []
    if family := family_note(families.get(item.name)):
        notes.append(family)
    return build.add(Node(f"x{item.register}", "input", item.name,
                          shape_text(module, item.register, sizes), note="; ".join(notes)))


def family_note(family) -> str:
    """`6 scalars q1_1 … q3_2`, of a family of the module or of a system."""
    if family is None or not family.members:
        return ""
    names = [m.name for m in family.members]
    return f"{len(names)} scalars {names[0]} … {names[-1]}" if len(names) > 1 else names[0]


