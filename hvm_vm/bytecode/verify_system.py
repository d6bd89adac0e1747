"""The verifier's rules of a `system`: whole registers as unknowns, parts in order with spaces that
fit, unknowns read at their own batch point only, slopes for exactly the reads that there are."""

from __future__ import annotations

from collections.abc import Sequence

from hvm_vm.bytecode import isa, limits
from hvm_vm.bytecode.module import Affine, Descriptor, Dim, Module, Part
from hvm_vm.bytecode.sizes import Size
from hvm_vm.bytecode.solve_layout import (
    ENDS,
    ITERATIONS,
    MAX_ITERATIONS,
    TOLERANCE,
    UNSOLVED_NAN,
)
from hvm_vm.bytecode.system_layout import (
    ROLES,
    ROOTS,
    SLOPES,
    operands_of,
    reads,
    under,
    unsorted_part,
)
from hvm_vm.bytecode.verify_expressions import lane_types
from hvm_vm.bytecode.verify_shapes import check_space
from hvm_vm.bytecode.verify_tables import Sizes, check_index, counted, refuse

_COUNTER = (Size.of(0), Size.of(1))


def check_system(
    module: Module, op: isa.Instruction, instruction, descriptor: Descriptor, sizes: Sizes,
    where: str,
) -> tuple[str, ...]:
    """Check a whole `system`; the lane types of its own nodes (its settings)."""
    operands = instruction.operands
    if len(operands) > limits.MAX_OPERANDS:
        raise refuse(where, f"has {len(operands)} operands; the limit is {limits.MAX_OPERANDS}")
    n = len(descriptor.accesses)
    places = n + sum(len(p.descriptor.accesses) for p in descriptor.parts)
    if len(operands) != places:
        raise refuse(where, f"has {counted(len(operands), 'operand')} but "
                            f"{counted(places, 'place')}")
    for number, register in enumerate(operands):
        check_index(register, len(module.registers), where, f"operand {number}", "register")
    batch = _check_unknowns(module, operands[:n], descriptor, where)
    types = lane_types(module, op, descriptor, [], n, where)
    _check_settings(module, descriptor, types, where)
    relations = _check_parts(descriptor, n, where)
    check_index(descriptor.message, len(module.texts), where, "its message", "text")
    lines = module.texts[descriptor.message].split("\n")
    if len(lines) != relations:
        raise refuse(where, f"its message has {counted(len(lines), 'line')}, but there are "
                            f"{counted(relations, 'relation')}")
    if descriptor.status not in (ENDS, UNSOLVED_NAN):
        raise refuse(where, f"its status is {descriptor.status}, not {ENDS} or {UNSOLVED_NAN}")
    rows: dict[int, tuple[Dim, ...]] = {}
    unknowns = {register: k for k, register in enumerate(operands[:n])}
    for number, (part, own) in enumerate(operands_of(operands, descriptor)):
        at = f"{where}, part {number} ({part.role} {part.number})"
        check_space(part.descriptor, sizes, at)
        _check_dims(descriptor.dims[:batch], part, rows, at)
        if part.role in ("start", "lower", "upper"):
            _check_axes(descriptor, part, batch, at)
        _check_part(module, op, descriptor, part, own, unknowns, batch, at)
    return types


def _check_unknowns(module: Module, unknowns, descriptor: Descriptor, where: str) -> int:
    """Every unknown is a whole register; the number of batch dimensions."""
    dims = descriptor.dims
    roles = "".join(dim.role for dim in dims)
    batch = roles.count("o")
    if roles != "o" * batch + "n" * (len(roles) - batch):
        raise refuse(where, "its dimensions are not free ones (role o), then those of its unknowns "
                            "(role n)")
    if not unknowns:
        raise refuse(where, "has no unknown")
    if len(set(unknowns)) != len(unknowns):
        raise refuse(where, "has one register as two unknowns")
    own = batch
    for k, (number, access) in enumerate(zip(unknowns, descriptor.accesses, strict=True)):
        register = module.registers[number]
        at = f"{where}, unknown {k} ({register.name})"
        if register.dtype == "i64":
            raise refuse(at, "holds integers; an unknown must be a number")
        if len(access.axes) != len(register.shape):
            raise refuse(at, f"has {len(register.shape)} axes, but its place names "
                             f"{len(access.axes)}")
        found = []
        for axis, (place, extent) in enumerate(zip(access.axes, register.shape, strict=True)):
            plain = place is not None and place.const == 0 and len(place.terms) == 1
            if not plain or place.terms[0][1] != 1:
                raise refuse(at, f"its axis {axis + 1} is not a dimension of its own")
            d = place.terms[0][0]
            if dims[d].extent != extent:
                raise refuse(at, f"its axis {axis + 1} has {extent} elements, its dimension "
                                 f"{dims[d].name} {dims[d].extent}")
            found.append(d)
        mine = len(register.shape) - batch
        if sorted(found) != [*range(batch), *range(own, own + mine)]:
            raise refuse(at, "does not lie along every free dimension and its own ones, which are "
                             "shared with no other unknown")
        own += mine
    if own != len(dims):
        raise refuse(where, f"has {len(dims)} dimensions where its unknowns have {own}")
    return batch


def _check_settings(module: Module, descriptor: Descriptor, types, where: str) -> None:
    if len(descriptor.roots) != 2:
        raise refuse(where, f"has {counted(len(descriptor.roots), 'expression')} of its own, not 2")
    for name, root in zip(("iterations", "tolerance"), descriptor.roots, strict=True):
        check_index(root, len(types), where, f"its {name}", "node")
    cap = descriptor.nodes[descriptor.roots[ITERATIONS]]
    tolerance = descriptor.nodes[descriptor.roots[TOLERANCE]]
    if cap.op != "iconst" or not 1 <= module.integers[cap.immediate] <= MAX_ITERATIONS:
        raise refuse(where, f"its iterations must be a constant, 1 to {MAX_ITERATIONS}")
    if tolerance.op != "const" or not 0 < module.constants[tolerance.immediate] < 1:
        raise refuse(where, "its tolerance must be a constant between 0 and 1")


def _check_parts(descriptor: Descriptor, n: int, where: str) -> int:
    """The parts stand in order, of every kind as many as there may be; the number of relations."""
    for number, part in enumerate(descriptor.parts):
        if part.role not in ROLES:
            raise refuse(where, f"part {number} is a {part.role!r}, which there is not")
    place = unsorted_part(descriptor.parts)
    if place >= 0:
        raise refuse(where, f"part {place} does not stand in the order of roles and numbers")
    rows = [p.number for p in descriptor.parts if p.role == "row"]
    if rows != list(range(len(rows))) or not rows:
        raise refuse(where, f"its rows are {rows[:8]}, not one for each relation from 0")
    for role in ROLES[1:]:
        numbers = [p.number for p in descriptor.parts if p.role == role]
        count, noun = (len(rows), "relation") if role == "term" else (n, "unknown")
        for number in numbers:
            check_index(number, count, where, f"what a {role} belongs to", noun)
        if role != "term" and len(set(numbers)) != len(numbers):
            raise refuse(where, f"an unknown has two parts of the role {role}")
    return len(rows)


def _check_dims(batch: Sequence[Dim], part: Part, rows: dict[int, tuple[Dim, ...]],
                at: str) -> None:
    dims = part.descriptor.dims
    if [(d.role, d.extent, d.lo) for d in dims[: len(batch)]] != [
        (d.role, d.extent, d.lo) for d in batch
    ]:
        raise refuse(at, "does not begin with the free dimensions of the system")
    own = dims[len(batch) :]
    if part.role != "term":
        if any(d.role != "n" for d in own):
            raise refuse(at, "has a dimension that is neither free nor its own (role n)")
        if part.role == "row":
            rows[part.number] = own
        return
    row = rows[part.number]
    if [(d.role, d.extent, d.lo) for d in own[: len(row)]] != [
        (d.role, d.extent, d.lo) for d in row
    ] or any(d.role != "r" for d in own[len(row) :]):
        raise refuse(at, "its dimensions are not those of its row, then summed ones (role r)")


def _check_axes(descriptor: Descriptor, part: Part, batch: int, at: str) -> None:
    """A start or bound has the axes of its unknown, in the order of the system's dimensions."""
    used = {d for axis in descriptor.accesses[part.number].axes for d, _ in axis.terms}
    wanted = [descriptor.dims[d].extent for d in sorted(used) if d >= batch]
    if [d.extent for d in part.descriptor.dims[batch:]] != wanted:
        raise refuse(at, "its dimensions are not those of its unknown")


def _check_part(module: Module, op, descriptor: Descriptor, part: Part, own: Sequence[int],
                unknowns: dict[int, int], batch: int, at: str) -> None:
    d = part.descriptor
    if d.message != -1 or d.status or d.parts:
        raise refuse(at, "has a message, a status or parts, which only the system has")
    for k, (register, access) in enumerate(zip(own, d.accesses, strict=True)):
        rank = len(module.registers[register].shape)
        if len(access.axes) != rank:
            raise refuse(at, f"operand {k} is register {register} "
                             f"({module.registers[register].name}), which has {rank} axes, but its "
                             f"place names {len(access.axes)}")
    types = lane_types(module, op, d, [module.registers[r].dtype for r in own], 0, at)
    for number, node in enumerate(d.nodes):
        if node.op in ("acc", "unknown"):
            raise refuse(f"{at}, node {number}", f"a system has no {node.op}")
    names = ROOTS[part.role]
    if len(d.roots) < len(names) or (part.role != "term" and len(d.roots) != len(names)):
        raise refuse(at, f"has {counted(len(d.roots), 'expression')}, not {len(names)}")
    for k, root in enumerate(d.roots):
        name = names[k] if k < len(names) else "slope?"
        check_index(root, len(types), at, f"its {name.rstrip('?')}", "node",
                    absent=name.endswith("?"))
        if root >= 0 and types[root] != "f":
            raise refuse(at, f"its {name.rstrip('?')} is an integer where a number is needed")
    unknown = [r in unknowns for r in own]
    if part.role != "term":
        if any(reads(d.nodes, root, unknown) for root in d.roots if root >= 0):
            raise refuse(at, "depends on an unknown")
        return
    if d.roots[1] >= 0 and reads(d.nodes, d.roots[1], unknown):
        raise refuse(at, "its condition depends on an unknown")
    found = reads(d.nodes, d.roots[0], unknown)
    if len(found) != len(d.roots) - SLOPES:
        raise refuse(at, f"has {counted(len(d.roots) - SLOPES, 'slope')}, but its value reads "
                         f"unknowns in {counted(len(found), 'node')}")
    for root in d.roots[SLOPES:]:
        if root >= 0 and not set(reads(d.nodes, root, unknown)) <= set(found):
            raise refuse(at, "a slope reads an element of an unknown that its value does not")
    for k in found:
        _check_read(descriptor, d, own, unknowns, unknown, batch, k, f"{at}, node {k}")


def _check_read(descriptor: Descriptor, d: Descriptor, own, unknowns, unknown, batch: int, k: int,
                at: str) -> None:
    """An unknown is read at the point's own batch point, at a place that depends on no unknown."""
    node = d.nodes[k]
    access = d.accesses[node.immediate]
    main = descriptor.accesses[unknowns[own[node.immediate]]]
    for axis, place in zip(main.axes, access.axes, strict=True):
        dim = axis.terms[0][0]
        if dim < batch and place != Affine(_COUNTER[0], ((dim, _COUNTER[1]),)):
            raise refuse(at, f"reads an unknown at another point of the free dimension "
                             f"{descriptor.dims[dim].name} than its own")
    computed = sum(axis is None for axis in access.axes)
    for number in under(d.nodes, node.args[:computed]):
        inner = d.nodes[number]
        if inner.op in ("load", "gather") and unknown[inner.immediate]:
            raise refuse(at, "reads an unknown at a place that depends on an unknown")
