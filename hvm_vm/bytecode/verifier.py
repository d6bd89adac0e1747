"""The verifier: nothing runs that has not passed it.

`verify` takes a module that may hold anything and returns a :class:`VerifiedProgram`, the only
thing that the binder accepts, or raises :class:`BytecodeError` saying section, entry and reason.
What depends on the values of sizes (ranges of subscripts, lengths of defaults, stores in
`VerifiedProgram.open_stores`) is the binder's to check.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.bytecode import isa, limits
from hvm_vm.bytecode.module import Instruction, Module
from hvm_vm.bytecode.regions import result_count
from hvm_vm.bytecode.verify_expressions import check_roots, lane_types
from hvm_vm.bytecode.verify_shapes import check_operands, check_space, dims_of
from hvm_vm.bytecode.verify_system import check_system
from hvm_vm.bytecode.verify_tables import Sizes, check_index, check_tables, refuse
from hvm_vm.errors import BytecodeError

_READS_OWN = frozenset(("scan", "system"))  # what their results hold so far
_PROOF = object()  # only `verify` has it


@dataclass(frozen=True)
class VerifiedProgram:
    """A module that passed the verifier, with the facts found on the way. Made by `verify` only.

    `lane_types[pc]`: the lane type ("f" or "i") of each node of the instruction's expressions.
    `lifetimes[register]`: the first and the last instruction that touch it ((-1, -1) when none
    does). `open_stores`: instructions whose stores must be proven injective once sizes are known
    (`injectivity.injective` on the flat strides of each result).
    """

    module: Module
    lane_types: tuple[tuple[str, ...], ...] = ()
    precondition_types: tuple[tuple[str, ...], ...] = ()
    lifetimes: tuple[tuple[int, int], ...] = ()
    open_stores: frozenset[int] = frozenset()
    proof: object = field(default=None, repr=False, compare=False)

    def __post_init__(self):
        if self.proof is not _PROOF:
            raise BytecodeError("a VerifiedProgram is made by verify() only")


def verify(module: Module) -> VerifiedProgram:
    """Check everything that can be checked before sizes are known."""
    sizes = Sizes(module)
    check_tables(module, sizes)
    for number, descriptor in enumerate(module.descriptors):
        check_space(descriptor, sizes, f"descriptors {number}")
    checker = _Code(module, sizes)
    for number, instruction in enumerate(module.preconditions):
        checker.precondition(number, instruction)
    _check_ends(module)
    for pc, instruction in enumerate(module.code):
        checker.instruction(pc, instruction)
    for number, item in enumerate(module.outputs):
        if item.register not in checker.written:
            raise refuse(
                f"outputs {number} ({item.name})",
                f"register {item.register} is never written and is no input",
            )
    return VerifiedProgram(
        module,
        tuple(checker.types),
        tuple(checker.precondition_types),
        tuple(checker.lifetimes),
        frozenset(checker.open_stores),
        _PROOF,
    )


def _check_ends(module: Module) -> None:
    code = module.code
    if len(code) > limits.MAX_CODE:
        raise refuse("code", f"{len(code)} instructions are too many")
    if not code or code[-1].op != "halt":
        raise refuse("code", "the last instruction must be halt")


class _Code:
    """The pass over the instructions, in order."""

    def __init__(self, module: Module, sizes: Sizes):
        self.module = module
        self.sizes = sizes
        self.inputs = frozenset(item.register for item in module.inputs)
        self.written = set(self.inputs)
        self.types: list[tuple[str, ...]] = []
        self.precondition_types: list[tuple[str, ...]] = []
        self.lifetimes = [(-1, -1)] * len(module.registers)
        self.open_stores: set[int] = set()

    def precondition(self, number: int, instruction: Instruction) -> None:
        where = f"preconditions {number} ({instruction.op})"
        if instruction.op != "check":
            raise refuse(where, "only checks may be preconditions")
        if instruction.operands:
            raise refuse(where, "reads registers, which a precondition may not")
        self.precondition_types.append(self._check(instruction, where)[0])

    def instruction(self, pc: int, instruction: Instruction) -> None:
        where = f"code {pc} ({instruction.op})"
        if instruction.op == "halt":
            if pc != len(self.module.code) - 1:
                raise refuse(where, "only the last instruction may be halt")
            if instruction.operands or instruction.descriptor != -1:
                raise refuse(where, "halt has no operands and no descriptor")
            check_index(
                instruction.source,
                len(self.module.sources),
                where,
                "its source",
                "source",
                absent=True,
            )
            self.types.append(())
            return
        types, results, left_open = self._check(instruction, where)
        self.types.append(types)
        if left_open:
            self.open_stores.add(pc)
        self._flow(pc, instruction, results, where)

    def _check(self, instruction: Instruction, where: str) -> tuple[tuple[str, ...], int, bool]:
        module = self.module
        op = isa.BY_NAME.get(instruction.op)
        if op is None:
            raise refuse(where, "there is no such operation")
        check_index(
            instruction.source, len(module.sources), where, "its source", "source", absent=True
        )
        check_index(
            instruction.descriptor, len(module.descriptors), where, "its descriptor", "descriptor"
        )
        descriptor = module.descriptors[instruction.descriptor]
        if op.name == "system":
            types = check_system(module, op, instruction, descriptor, self.sizes, where)
            return types, len(descriptor.accesses), False
        if descriptor.parts:
            raise refuse(where, "has parts, which only a system has")
        first_load, left_open = check_operands(module, op, instruction, descriptor, where)
        dtypes = [module.registers[register].dtype for register in instruction.operands]
        types = lane_types(module, op, descriptor, dtypes, first_load, where)
        results = result_count(op, len(descriptor.roots), len(descriptor.accesses))
        lanes = ["i" if dtype == "i64" else "f" for dtype in dtypes[:results]]
        over = [dims_of(a) for a in descriptor.accesses]
        check_roots(op, descriptor, types, lanes, over, where, module)
        if op.group == "claim":
            check_index(descriptor.message, len(module.texts), where, "its message", "text")
            if descriptor.status not in (1, 2):
                raise refuse(where, f"its status is {descriptor.status}, not 1 or 2")
        elif op.group != "system" and (descriptor.message != -1 or descriptor.status):
            raise refuse(where, "has a message or a status, which only checks have")
        return types, results, left_open

    def _flow(self, pc: int, instruction: Instruction, results: int, where: str) -> None:
        """Registers are written before they are read, and inputs never."""
        own = frozenset(instruction.operands[:results]) if instruction.op in _READS_OWN else ()
        for number, register in enumerate(instruction.operands):
            name = f"register {register} ({self.module.registers[register].name})"
            if number < results:
                if register in self.inputs:
                    raise refuse(where, f"writes {name}, which is an input")
            elif register not in self.written and register not in own:
                raise refuse(where, f"reads {name} before anything has been written there")
            first, _ = self.lifetimes[register]
            self.lifetimes[register] = (pc if first < 0 else first, pc)
        self.written.update(instruction.operands[:results])
