"""The canonical form of a module: what a file holds, and what assembly text means.

A program can be written with its pools and descriptors in any order, with the same expression
spelled as one node or as two. A file has one form only, so that equal programs are equal files and
assembly text needs no numbering: pools and descriptors stand in the order of first use
(preconditions, then code), without repetitions and without what nobody uses; the nodes of a
descriptor are numbered as its roots reach them, arguments first, equal nodes being one node;
operands that expressions read follow in the same order, each once; sources are sorted. Registers,
inputs, outputs, families, size symbols and symbol texts keep their order, which means something.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.module import Descriptor, Instruction, Module, Node, Part
from hvm_vm.bytecode.regions import result_count
from hvm_vm.bytecode.system_layout import SLOPES, operands_of, reads
from hvm_vm.errors import BytecodeError

# Equal arrays up to this many bytes are stored once; larger ones are not worth comparing.
SHARED_ARRAY_BYTES = 1 << 20


class Pool:
    """Distinct values in the order of first use."""

    def __init__(self, key=lambda value: value):
        self.values: list = []
        self._key = key
        self._numbers: dict = {}

    def number(self, value) -> int:
        key = self._key(value)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.values)
            self.values.append(value)
        return found


def float_bits(value: float) -> bytes:
    """What makes a constant the same constant: its bits (0.0 is not -0.0, and NaNs may differ)."""
    return struct.pack("<d", value)


def canonical(module: Module) -> Module:
    """The same program in canonical form. Raises :class:`BytecodeError` when a table is indexed
    outside (which the verifier would refuse as well)."""
    return _Canonical(module).run()


def _entry(table: Sequence, index: int, what: str):
    if not 0 <= index < len(table):
        raise BytecodeError(f"{what} {index} is used, but there are only {len(table)}")
    return table[index]


class _Canonical:
    def __init__(self, module: Module):
        self.module = module
        self.pools = {"constant": Pool(float_bits), "integer": Pool(), "size": Pool()}
        self.tables = {
            "constant": module.constants,
            "integer": module.integers,
            "size": module.sizes,
        }
        self.texts = Pool()
        self.descriptors = Pool()
        self.arrays = Pool(_array_key)
        self.known: dict[tuple, tuple[Descriptor, tuple[int, ...]]] = {}
        spans = sorted(set(module.sources), key=lambda s: (s.line, s.column, s.text))
        used = {
            item.source
            for table in (
                module.symbols_of_size,
                module.inputs,
                module.outputs,
                module.preconditions,
                module.code,
            )
            for item in table
        }
        kept = {_entry(module.sources, n, "source") for n in used if n != -1}
        self.sources = tuple(span for span in spans if span in kept)
        places = {span: number for number, span in enumerate(self.sources)}
        self.new_source = {n: places[module.sources[n]] for n in used if n != -1}

    def run(self) -> Module:
        module = self.module
        preconditions = tuple(self.instruction(i) for i in module.preconditions)
        code = tuple(self.instruction(i) for i in module.code)
        inputs = tuple(
            replace(self.sourced(i), default=self.array(i.default)) for i in module.inputs
        )
        return replace(
            module,
            symbols_of_size=tuple(map(self.sourced, module.symbols_of_size)),
            inputs=inputs,
            outputs=tuple(map(self.sourced, module.outputs)),
            constants=tuple(self.pools["constant"].values),
            integers=tuple(self.pools["integer"].values),
            sizes=tuple(self.pools["size"].values),
            texts=tuple(self.texts.values),
            arrays=tuple(array for _, array in self.arrays.values),
            sources=self.sources,
            descriptors=tuple(self.descriptors.values),
            preconditions=preconditions,
            code=code,
        )

    def sourced(self, item):
        new = self.new_source.get(item.source, -1)
        return item if new == item.source else replace(item, source=new)

    def array(self, number: int) -> int:
        if number == -1:
            return -1
        return self.arrays.number((number, _entry(self.module.arrays, number, "array")))

    def instruction(self, instruction: Instruction) -> Instruction:
        instruction = self.sourced(instruction)
        if instruction.descriptor == -1:
            return instruction
        key = (instruction.op, instruction.descriptor, instruction.operands)
        if key not in self.known:
            self.known[key] = self._rebuild(instruction)
        descriptor, operands = self.known[key]
        return replace(
            instruction, descriptor=self.descriptors.number(descriptor), operands=operands
        )

    def _rebuild(self, instruction: Instruction) -> tuple[Descriptor, tuple[int, ...]]:
        descriptor = _entry(self.module.descriptors, instruction.descriptor, "descriptor")
        op = isa.BY_NAME.get(instruction.op)
        if op is None:
            raise BytecodeError(f"there is no operation {instruction.op}")
        expected = len(descriptor.accesses) + sum(
            len(part.descriptor.accesses) for part in descriptor.parts)
        if len(instruction.operands) != expected:
            raise BytecodeError(
                f"{instruction.op}: {len(instruction.operands)} operands but {expected} places"
            )
        fixed = min(
            result_count(op, len(descriptor.roots), len(descriptor.accesses)) + op.reads,
            len(descriptor.accesses),
        )
        new, operands = self._ordered(descriptor, instruction.operands, fixed)
        message = descriptor.message
        if message != -1:
            message = self.texts.number(_entry(self.module.texts, message, "text"))
        unknowns = frozenset(instruction.operands[:fixed])
        parts = []
        for part, own in operands_of(instruction.operands, descriptor):
            made, registers = self._part(part, own, unknowns)
            parts.append(replace(part, descriptor=made))
            operands += registers
        return replace(new, message=message, parts=tuple(parts)), operands

    def _ordered(self, descriptor: Descriptor, registers: tuple[int, ...], fixed: int):
        """A space's nodes and operands in the order in which its roots reach them. The first
        `fixed` operands, results and the core's reads, stay where they are."""
        operands = Pool()
        for number in range(fixed):
            operands.number((number, registers[number], descriptor.accesses[number]))
        nodes, roots = self._nodes(descriptor, registers, operands, fixed)
        new = replace(
            descriptor, accesses=tuple(a for _, _, a in operands.values), nodes=nodes, roots=roots
        )
        return new, tuple(register for _, register, _ in operands.values)

    def _part(self, part: Part, registers: tuple[int, ...], unknowns: frozenset[int]):
        """A part of a system. The slopes of a term belong to the nodes that read unknowns, by their
        numbers: when those change, the slopes change places with them."""
        descriptor = part.descriptor
        roots = descriptor.roots
        if part.role == "term" and len(roots) > SLOPES + 1:
            for number in (*roots, *(a for node in descriptor.nodes for a in node.args)):
                if number != -1:
                    _entry(descriptor.nodes, number, "node")
            unknown = [register in unknowns for register in registers]
            for node in descriptor.nodes:
                if node.op in ("load", "gather"):
                    _entry(unknown, node.immediate, "operand")
            old = reads(descriptor.nodes, roots[0], unknown)
            if len(old) == len(roots) - SLOPES:
                first = replace(descriptor, roots=roots[:1])
                numbers: dict[int, int] = {}
                self._nodes(first, registers, Pool(), 0, numbers)
                order = sorted(range(len(old)), key=lambda k: numbers[old[k]])
                if len({numbers[k] for k in old}) < len(old):
                    raise BytecodeError("two nodes of a term read the same element of an unknown")
                slopes = tuple(roots[SLOPES + k] for k in order)
                descriptor = replace(descriptor, roots=roots[:SLOPES] + slopes)
        return self._ordered(descriptor, registers, 0)

    def _nodes(self, descriptor: Descriptor, registers, operands: Pool, fixed: int, new=None):
        """Nodes renumbered in the order in which the roots reach them; `new` receives the new
        number of each."""
        nodes = Pool()
        new = {} if new is None else new
        waiting = [root for root in reversed(descriptor.roots) if root != -1]
        while waiting:
            number = waiting[-1]
            if number in new:
                waiting.pop()
                continue
            node = _entry(descriptor.nodes, number, "node")
            missing = [a for a in node.args if a not in new]
            if missing:
                if max(missing) >= number:
                    raise BytecodeError(
                        f"node {number} has an argument that is not an earlier node"
                    )
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            new[number] = nodes.number(
                Node(
                    node.op,
                    tuple(new[a] for a in node.args),
                    self._immediate(node, descriptor, registers, operands, fixed),
                )
            )
        return tuple(nodes.values), tuple(-1 if r == -1 else new[r] for r in descriptor.roots)

    def _immediate(self, node: Node, descriptor, registers, operands: Pool, fixed: int) -> int:
        if node.op in _KIND_OF_POOL:
            kind = _KIND_OF_POOL[node.op]
            return self.pools[kind].number(_entry(self.tables[kind], node.immediate, kind))
        if node.op in ("load", "gather"):
            access = _entry(descriptor.accesses, node.immediate, "operand")
            if node.immediate < fixed:
                return node.immediate
            return operands.number((-1, registers[node.immediate], access))
        return node.immediate


_KIND_OF_POOL = {"const": "constant", "iconst": "integer", "size": "size"}


def _array_key(entry: tuple[int, np.ndarray]):
    number, array = entry
    if array.nbytes > SHARED_ARRAY_BYTES:
        return number
    return array.dtype.str, array.shape, array.tobytes()
