"""The verifier's checks of spaces and places: roles, axes, stores, and the rules of each
operation."""

from __future__ import annotations

from hvm_vm.bytecode import isa, limits
from hvm_vm.bytecode.injectivity import OPEN, REFUTED, disjoint, judge_store, stored_before
from hvm_vm.bytecode.module import Access, Descriptor, Module
from hvm_vm.bytecode.regions import result_count
from hvm_vm.bytecode.verify_tables import Sizes, counted, refuse

_ROLE_WORDS = {"o": "free", "r": "reduced", "n": "normalised", "u": "attended", "c": "contracted",
               "f": "walked", "b": "walked"}


def dims_of(access: Access) -> frozenset[int]:
    """The dimensions that a place depends on by its affine axes."""
    return frozenset(d for axis in access.axes if axis is not None for d, _ in axis.terms)


def check_space(descriptor: Descriptor, sizes: Sizes, where: str) -> None:
    """Dimensions, and the affine places as far as they do not depend on the instruction."""
    dims = descriptor.dims
    most = limits.MAX_UNKNOWN_DIMS if descriptor.parts else limits.MAX_DIMS
    if len(dims) > most:
        raise refuse(where, f"has {len(dims)} dimensions; the limit is {most}")
    for number, dim in enumerate(dims):
        if dim.role not in _ROLE_WORDS:
            raise refuse(
                where,
                f"dimension {number} ({dim.name}) has the role {dim.role!r}, which there is not",
            )
        sizes.check_first(dim.lo, where, f"the first index value of dimension {dim.name}")
        sizes.check_extent(dim.extent, where, f"the extent of dimension {dim.name}")
    for operand, access in enumerate(descriptor.accesses):
        for axis, place in enumerate(access.axes):
            if place is None:
                continue
            what = f"the place along axis {axis + 1} of operand {operand}"
            sizes.check(place.const, where, what)
            before = -1
            for d, coefficient in place.terms:
                if not before < d < len(dims):
                    raise refuse(
                        where, f"{what} names dimension {d} (of {len(dims)}) out of order or range"
                    )
                before = d
                sizes.check(coefficient, where, what)
                if coefficient == 0:
                    raise refuse(where, f"{what} has a coefficient 0")


def check_operands(
    module: Module, op: isa.Instruction, instruction, descriptor: Descriptor, where: str
) -> tuple[int, bool]:
    """Operands fit their registers and places; stores are injective. The number of operands before
    those that loads name, and whether a store is left for the binder to judge."""
    operands, accesses, dims = instruction.operands, descriptor.accesses, descriptor.dims
    if len(operands) > limits.MAX_OPERANDS:
        raise refuse(where, f"has {len(operands)} operands; the limit is {limits.MAX_OPERANDS}")
    results = result_count(op, len(descriptor.roots))
    first_load = results + op.reads
    if len(operands) != len(accesses):
        raise refuse(
            where, f"has {counted(len(operands), 'operand')} but {counted(len(accesses), 'place')}"
        )
    if len(operands) < first_load:
        raise refuse(
            where, f"has {counted(len(operands), 'operand')} where the operation needs {first_load}"
        )
    for number, (register, access) in enumerate(zip(operands, accesses, strict=True)):
        if not 0 <= register < len(module.registers):
            raise refuse(
                where,
                f"operand {number} is register {register}, but there are only "
                f"{counted(len(module.registers), 'register')}",
            )
        rank = len(module.registers[register].shape)
        if len(access.axes) != rank:
            raise refuse(
                where,
                f"operand {number} is {_name(module, register)}, which has {rank} axes, but "
                f"its place names {len(access.axes)}",
            )
        if number < first_load and None in access.axes:
            raise refuse(
                where, f"operand {number} has a computed axis, which only a gather may have"
            )
        if results <= number < first_load and module.registers[register].dtype == "i64":
            raise refuse(
                where, f"operand {number} is {_name(module, register)}, which holds integers"
            )
    for number, dim in enumerate(dims):
        if dim.role not in op.roles:
            raise refuse(
                where,
                f"dimension {number} ({dim.name}) is {_ROLE_WORDS[dim.role]} (role "
                f"{dim.role}), which this operation has not",
            )
    _check_rules(op, descriptor, where)
    return first_load, _check_stores(module, instruction, descriptor, results, where)


def _name(module: Module, register: int) -> str:
    return f"register {register} ({module.registers[register].name})"


def _check_stores(
    module: Module, instruction, descriptor: Descriptor, results: int, where: str
) -> bool:
    dims, accesses = descriptor.dims, descriptor.accesses
    stored = set(isa.STORED)
    wanted = [d for d, dim in enumerate(dims) if dim.role in stored]
    walked = [d for d, dim in enumerate(dims) if dim.role in isa.WALKED]
    left_open = False
    places: dict[int, list[int]] = {}
    for other, register in enumerate(instruction.operands):
        places.setdefault(register, []).append(other)
    for number in range(results):
        for d in sorted(dims_of(accesses[number])):
            if dims[d].role not in stored:
                raise refuse(
                    where,
                    f"its result depends on the {_ROLE_WORDS[dims[d].role]} dimension "
                    f"{dims[d].name}",
                )
        verdict, reason = judge_store(accesses[number], dims, wanted)
        if verdict == REFUTED:
            raise refuse(
                where, f"result {number} ({_name(module, instruction.operands[number])}): {reason}"
            )
        left_open |= verdict == OPEN
        register = instruction.operands[number]
        for other in places[register]:
            if other >= results and walked and stored_before(
                    accesses[other], accesses[number], dims, walked):
                continue
            if other != number and not disjoint(accesses[number], accesses[other]):
                verb = "writes" if other < results else "reads"
                raise refuse(
                    where,
                    f"writes {_name(module, register)} as operand {number} and {verb} it as "
                    f"operand {other}, at places that may be the same",
                )
    return left_open


def _check_rules(op: isa.Instruction, descriptor: Descriptor, where: str) -> None:
    """What the operation says about which operand has which dimensions."""
    dims = descriptor.dims
    by_role = {role: [d for d, dim in enumerate(dims) if dim.role == role] for role in _ROLE_WORDS}
    over = [dims_of(access) for access in descriptor.accesses[:4]]

    def need(role: str, operand: str, has: frozenset[int]) -> None:
        for d in by_role[role]:
            if d not in has and dims[d].extent.constant != 1:
                raise refuse(
                    where,
                    f"the {_ROLE_WORDS[role]} dimension {dims[d].name} is missing from {operand}",
                )

    def forbid(role: str, operand: str, has: frozenset[int]) -> None:
        for d in by_role[role]:
            if d in has:
                raise refuse(
                    where,
                    f"the {_ROLE_WORDS[role]} dimension {dims[d].name} may not occur in {operand}",
                )

    if op.name == "scan" and not (by_role["f"] or by_role["b"]):
        raise refuse(where, "has no walked dimension (role f or b)")
    if op.group == "reduction" and not by_role["r"]:
        raise refuse(where, "has no reduced dimension (role r)")
    if op.name in ("argmax", "argmin") and len(by_role["r"]) != 1:
        raise refuse(where, f"needs exactly one reduced dimension, not {len(by_role['r'])}")
    if op.group == "normalisation" and not by_role["n"]:
        raise refuse(where, "has no dimension to normalise along (role n)")
    if op.group == "contraction":
        need("r", "its factors", over[1] | over[2])
    if op.group == "attention":
        _, q, k, v = over
        if not by_role["u"]:
            raise refuse(where, "has no attended dimension (role u)")
        need("c", "Q", q)
        need("c", "K", k)
        forbid("c", "V", v)
        need("u", "K", k)
        need("u", "V", v)
        forbid("u", "Q", q)
