"""Binding: a verified program and the shapes of its data become a bound program.

Sizes are solved, extents and places become numbers, every subscript range is checked, what the
program requires of its sizes is judged, and every register gets its place in the arena. Nothing is
allocated here but for the checks; a bound program is shared by all runs with these shapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.cost import cost
from hvm_vm.bytecode.isa import STORED
from hvm_vm.bytecode.module import DTYPES, Descriptor, Instruction, Module, Node
from hvm_vm.bytecode.regions import dims_of_roles, result_count, root_name, root_roles
from hvm_vm.bytecode.sizes import Size, SizeError
from hvm_vm.bytecode.system_layout import operands_of
from hvm_vm.engines.bound import (
    Bound,
    BoundAccess,
    BoundInstruction,
    BoundPart,
    BoundRegister,
    nodes_under,
)
from hvm_vm.engines.memory import Memory
from hvm_vm.engines.ranges import PlaceRule, RangeCheck, repeated_place
from hvm_vm.engines.sizes_from_shapes import solve_sizes
from hvm_vm.engines.systems.counting import check_count
from hvm_vm.engines.words import at_point, located
from hvm_vm.errors import InputError

FARTHEST = 1 << 58  # elements from a register's first one that a guarded place may be away


def bind(
    verified,
    shapes: Mapping[str, tuple[Sequence[int], Sequence[int] | None]],
    sizes: Mapping[str, int],
    *,
    keep_all: bool = False,
) -> Bound:
    """Bind a verified program to the shapes of its inputs.

    `shapes` maps input names to (shape, strides in elements or None for C order); inputs that are
    missing get the shape that the sizes say. `sizes` are those set from outside. With `keep_all` no
    two registers share memory, so that every intermediate can be looked at after a run.

    Raises `InputError`: conflicting or unknown sizes, subscripts out of range, requirements of the
    language that the sizes break, or more memory than the machine has.
    """
    return _Binder(verified, shapes, sizes).bound(keep_all)


class _Binder:
    def __init__(self, verified, shapes, sizes):
        self.verified = verified
        self.module: Module = verified.module
        self.strides = {name: strides for name, (_, strides) in shapes.items()}
        self.sizes = solve_sizes(self.module, {n: s for n, (s, _) in shapes.items()}, sizes)
        # Scalar programs bind thousands of instructions: evaluate each distinct size once.
        self.known: dict[Size, int] = {}
        self.shapes = [
            tuple(max(0, self.value(s)) for s in r.shape) for r in self.module.registers
        ]
        self.los = [tuple(self.value(s) for s in r.lo) for r in self.module.registers]
        self.layout = [_c_strides(shape) for shape in self.shapes]
        for item in self.module.inputs:
            if self.strides.get(item.name) is not None:
                self.layout[item.register] = tuple(self.strides[item.name])
        self.counts = [prod(shape) for shape in self.shapes]
        self.itemsizes = [DTYPES[r.dtype].itemsize for r in self.module.registers]

    def value(self, size: Size, source: int = -1) -> int:
        found = self.known.get(size)
        if found is None:
            try:
                found = size.evaluate(self.sizes)
            except SizeError as error:
                raise InputError(located(self.module, source, str(error))) from None
            self.known[size] = found
        return found

    def bound(self, keep_all: bool) -> Bound:
        memory = Memory(self.module, self.shapes, self.itemsizes)
        memory.check_each({i.register for i in self.module.inputs if i.name in self.strides})
        self._judge_preconditions()
        code = tuple(self._instruction(pc, one) for pc, one in enumerate(self.module.code))
        zeroed = memory.partly_written(code)
        offsets, arena_bytes = memory.place(code, zeroed, keep_all)
        registers = tuple(
            BoundRegister(r.name, DTYPES[r.dtype], self.shapes[n], self.los[n], self.layout[n],
                          offsets.get(n, -1), n in zeroed)
            for n, r in enumerate(self.module.registers))
        return Bound(self.verified, dict(self.sizes), registers, code, arena_bytes)

    # -- instructions ---------------------------------------------------------------------------

    def _instruction(self, pc: int, one: Instruction) -> BoundInstruction:
        module = self.module
        if one.descriptor < 0:
            return BoundInstruction(pc, one.op, one.source, (), (), "", (), (), (), ())
        descriptor = module.descriptors[one.descriptor]
        if one.op == "system":
            return self._system(pc, one, descriptor)
        results = result_count(isa.BY_NAME[one.op], len(descriptor.roots))
        return self._space(pc, one, descriptor, results)

    def _space(self, pc: int, one: Instruction, descriptor: Descriptor,
               results: int) -> BoundInstruction:
        """An instruction over the space of a descriptor: its own, or that of a part of it. The
        first `results` operands are written."""
        module = self.module
        extents = tuple(max(0, self.value(d.extent, one.source)) for d in descriptor.dims)
        los = tuple(self.value(d.lo, one.source) for d in descriptor.dims)
        roles = "".join(d.role for d in descriptor.dims)
        names = tuple(d.name for d in descriptor.dims)
        nodes = tuple(self._node(n, one.source) for n in descriptor.nodes)
        message = module.texts[descriptor.message] if descriptor.message >= 0 else ""
        bare = BoundInstruction(pc, one.op, one.source, extents, los, roles, names, (), nodes,
                                descriptor.roots, message, descriptor.status)
        accesses = self._accesses(one, descriptor, bare, results)
        flops, traffic = cost(one.op, extents, roles, nodes, descriptor.roots, accesses,
                              self.counts, self.itemsizes)
        return replace(bare, accesses=accesses, flops=flops, bytes=traffic)

    def _system(self, pc: int, one: Instruction, descriptor: Descriptor) -> BoundInstruction:
        """A system and its parts, each over a space of its own."""
        own = one.operands[: len(descriptor.accesses)]
        made = self._space(pc, replace(one, operands=own), descriptor, len(own))
        parts = []
        for part, operands in operands_of(one.operands, descriptor):
            here = self._space(pc, replace(one, operands=operands), part.descriptor, 0)
            parts.append(BoundPart(part.role, part.number, here))
        made = replace(
            made, parts=tuple(parts),
            owned=tuple(len(self.shapes[register]) - made.batch for register in own),
            flops=made.flops + sum(part.one.flops for part in parts),
            bytes=made.bytes + sum(part.one.bytes for part in parts))
        check_count(self.module, made)
        return made

    def _node(self, node: Node, source: int) -> Node:
        if node.op == "const":
            return Node("const", (), self.module.constants[node.immediate])
        if node.op == "iconst":
            return Node("iconst", (), self.module.integers[node.immediate])
        if node.op == "size":
            return Node("iconst", (), self.value(self.module.sizes[node.immediate], source))
        return node

    def _accesses(self, one: Instruction, descriptor: Descriptor, bare: BoundInstruction,
                  results: int) -> tuple[BoundAccess, ...]:
        """Bind and check the places of an instruction's operands."""
        rank = len(bare.extents)
        check = RangeCheck(self.module, bare, self.los)
        places = []   # per access: its rules, one per affine axis
        bound = []
        for register, access in zip(one.operands, descriptor.accesses, strict=True):
            offset, strides = 0, [0] * rank
            rules, dynamic = [], []
            for axis, affine in enumerate(access.axes):
                step = self.layout[register][axis]
                extent = self.shapes[register][axis]
                if affine is None:
                    dynamic.append((step, extent, self.los[register][axis]))
                    continue
                const = self.value(affine.const, one.source)
                coefficients = [0] * rank
                for dim, coefficient in affine.terms:
                    coefficients[dim] = self.value(coefficient, one.source)
                    strides[dim] += coefficients[dim] * step
                offset += const * step
                rules.append(PlaceRule(register, axis, const, tuple(coefficients), extent))
            places.append(rules)
            # A dimension of one point has no step.
            strides = [s if e != 1 else 0 for s, e in zip(strides, bare.extents, strict=True)]
            bound.append(BoundAccess(register, offset, tuple(strides), tuple(dynamic)))

        reach = self._reach(bare, bound, results)
        readers = self._readers(bare, descriptor)
        done = []
        for k, access in enumerate(bound):
            guards = [guard for guard, _ in readers.get(k, ())] or [None]
            broken = check.outside(places[k], reach[k])
            if _span(access, bare.extents) > FARTHEST:
                if broken:  # whatever guards it: addresses would wrap around
                    check.fail(broken[0])
                access = replace(access, offset=0, strides=(0,) * rank)  # nobody goes there
            for node in {n for _, n in readers.get(k, ())}:
                self._check_gather(check, access, descriptor.accesses[k], bare.nodes[node])
            if not broken:
                done.append(access)
                if k < results and one.op != "system":  # which writes whole registers
                    self._check_store(bare, access)
                continue
            if None in guards:
                check.fail(broken[0])
            for guard in guards:
                check.judge_guard(broken, guard)
            guarded = tuple((r.const, r.coefficients, r.extent, self.los[r.register][r.axis])
                            for r in broken)
            done.append(BoundAccess(access.register, access.offset, access.strides,
                                    access.dynamic, guarded))
        return tuple(done)

    def _reach(self, bare: BoundInstruction, bound: Sequence[BoundAccess],
               results: int) -> list[list[int]]:
        """For each access, the dimensions that must all have points for it to be used."""
        op = isa.BY_NAME[bare.op]
        rank = range(len(bare.extents))
        operand_dims = [[d for d in rank if a.strides[d]] for a in bound]
        stored = [d for d in rank if bare.roles[d] in STORED]
        reach = [stored if k < results else list(rank) for k in range(len(bound))]
        for position, root in enumerate(bare.roots):
            if root < 0:
                continue
            wanted = root_roles(op, root_name(op, position))
            dims = dims_of_roles(wanted, bare.roles, operand_dims)
            for node in nodes_under(bare.nodes, root):
                if node.op in ("load", "gather"):
                    k = node.immediate
                    reach[k] = [d for d in reach[k] if d in dims]
        return reach

    def _readers(self, bare: BoundInstruction,
                 descriptor: Descriptor) -> dict[int, list[tuple[int | None, int]]]:
        """For each access, the nodes that read through it, with the conditions they stand under."""
        readers: dict[int, list[tuple[int | None, int]]] = {}
        counts = [n for n, node in enumerate(bare.nodes) if node.op in ("load", "gather")]
        if not counts:
            return readers
        for n in counts:
            node = bare.nodes[n]
            dynamic = sum(a is None for a in descriptor.accesses[node.immediate].axes)
            guard = node.args[dynamic] if len(node.args) > dynamic else None
            readers.setdefault(node.immediate, []).append((guard, n))
        return readers

    def _check_gather(self, check: RangeCheck, bound: BoundAccess, access, node: Node) -> None:
        if node.op != "gather":
            return
        axes = [axis for axis, affine in enumerate(access.axes) if affine is None]
        guard = node.args[len(axes)] if len(node.args) > len(axes) else None
        for axis, place in zip(axes, node.args, strict=False):
            extent = self.shapes[bound.register][axis]
            check.judge_gather(bound.register, axis, extent, place, guard)

    def _check_store(self, bare: BoundInstruction, access: BoundAccess) -> None:
        dims = [d for d, role in enumerate(bare.roles) if role in STORED]
        extents = [bare.extents[d] for d in dims]
        point = repeated_place(extents, [access.strides[d] for d in dims], access.offset,
                               self.counts[access.register])
        if point is not None:
            where = at_point([bare.names[d] for d in dims],
                             [p + bare.los[d] for p, d in zip(point, dims, strict=True)])
            name = self.module.registers[access.register].name
            raise InputError(located(
                self.module, bare.source, f"an element of {name} is set twice, once{where}"))

    # -- what the program requires of its sizes ---------------------------------------------------

    def _judge_preconditions(self) -> None:
        if not self.module.preconditions:
            return
        from hvm_vm.engines.reference import judge

        for one in self.module.preconditions:
            descriptor = self.module.descriptors[one.descriptor]
            extents = tuple(max(0, self.value(d.extent, one.source)) for d in descriptor.dims)
            message = self.module.texts[descriptor.message] if descriptor.message >= 0 else ""
            judge(self.module, BoundInstruction(
                -1, one.op, one.source, extents,
                tuple(self.value(d.lo, one.source) for d in descriptor.dims),
                "".join(d.role for d in descriptor.dims), tuple(d.name for d in descriptor.dims),
                (), tuple(self._node(n, one.source) for n in descriptor.nodes), descriptor.roots,
                message, descriptor.status))


def _span(access: BoundAccess, extents: Sequence[int]) -> int:
    """How far from its register's first element an access may go, in elements."""
    return abs(access.offset) + sum(
        abs(s) * (e - 1) for s, e in zip(access.strides, extents, strict=True) if e > 1)


def _c_strides(shape: Sequence[int]) -> tuple[int, ...]:
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= max(1, extent)
    return tuple(reversed(strides))
