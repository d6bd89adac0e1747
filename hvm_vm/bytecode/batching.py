"""Batching: a program made to run many sets of its inputs at once.

`batched(module, names)` gives every register that depends on the named inputs a leading axis, one
element a set, and every instruction that touches such a register a leading dimension; what does not
depend on them is computed once. An instruction then works on all sets together, as it does on all
points of its space. No set may end the run of the others, so solves leave NaN where there is no
solution, and checks become numbers: the module's `status` register holds, for each set, the exit
status of the first of them that failed, or 0.

Module to module, so that bytecode files can be batched too. The result is verified like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.module import (
    Access,
    Affine,
    Descriptor,
    Dim,
    Input,
    Instruction,
    Module,
    Node,
    Output,
    Register,
    SizeSymbol,
)
from hvm_vm.bytecode.regions import result_count
from hvm_vm.bytecode.sizes import Size
from hvm_vm.bytecode.solve_layout import UNSOLVED_NAN

_FIRST = Affine(Size.of(0), ((0, Size.of(1)),))  # the place along the axis of sets


@dataclass(frozen=True)
class Batched:
    """`wide` registers have the axis of sets; `status` is the register of statuses, or -1 when
    nothing in the program can fail by a check or a solve. Both number the registers of `module`,
    whose first ones are those of the original, in its order."""

    module: Module
    wide: frozenset[int]
    status: int


def batched(module: Module, names: frozenset[str]) -> Batched:
    """The module with an axis of sets for the inputs `names`. Families are left out: their scalars
    are places in registers, which have moved."""
    return _Batching(module, names).result()


def wide_registers(module: Module, names: frozenset[str]) -> frozenset[int]:
    """The registers that depend on the inputs `names`. All instructions that write a register in
    parts must agree, so one part that depends on them makes the register do so."""
    wide = {item.register for item in module.inputs if item.name in names}
    before = -1
    while len(wide) != before:
        before = len(wide)
        for one in module.code:
            if one.descriptor >= 0 and wide.intersection(one.operands):
                wide.update(one.operands[:_results(module, one)])
    return frozenset(wide)


def _results(module: Module, one: Instruction) -> int:
    d = module.descriptors[one.descriptor]
    return result_count(isa.BY_NAME[one.op], len(d.roots), len(d.accesses))


class _Batching:
    def __init__(self, module: Module, names: frozenset[str]):
        self.module = module
        self.names = names
        self.wide = wide_registers(module, names)
        self.name = _free_name(module)
        self.sets = Size.of(self.name)
        self.dim = Dim(self.name, Size.of(1), self.sets)
        self.registers = [self._register(n, r) for n, r in enumerate(module.registers)]
        self.constants = list(module.constants)
        self.descriptors: list[Descriptor] = []
        self.code: list[Instruction] = []
        self.failures: list[int] = []  # registers, in the order in which a run would end

    def result(self) -> Batched:
        module = self.module
        for one in module.code[:-1]:
            self._instruction(one)
        status = self._status()
        self.code.append(module.code[-1])
        # Preconditions involve no data: they are what they were.
        preconditions = tuple(
            replace(one, descriptor=self._described(module.descriptors[one.descriptor]))
            for one in module.preconditions)
        outputs = tuple(o for o in module.outputs if not o.hidden)
        if status >= 0:
            outputs += (Output(self.registers[status].name, status),)
        made = replace(
            module, families=(), outputs=outputs, preconditions=preconditions,
            symbols_of_size=(*module.symbols_of_size, SizeSymbol(self.name)),
            registers=tuple(self.registers), inputs=tuple(map(self._input, module.inputs)),
            constants=tuple(self.constants), descriptors=tuple(self.descriptors),
            code=tuple(self.code))
        wide = self.wide | ({status} if status >= 0 and self.registers[status].shape else set())
        return Batched(made, frozenset(wide), status)

    def _register(self, number: int, register: Register) -> Register:
        if number not in self.wide:
            return register
        return replace(register, shape=(self.sets, *register.shape),
                       lo=(Size.of(1), *register.lo))

    def _input(self, item: Input) -> Input:
        return replace(item, default=-1, pattern=None) if item.name in self.names else item

    # -- instructions ---------------------------------------------------------------------------

    def _instruction(self, one: Instruction) -> None:
        descriptor = self.module.descriptors[one.descriptor]
        wide = bool(self.wide.intersection(one.operands))
        if one.op == "check":
            self._check(one, descriptor, wide)
            return
        here = self._widened(one, descriptor) if wide else descriptor
        if one.op in ("solve", "system"):
            here = replace(here, status=UNSOLVED_NAN)
        self._emit(one, here)
        if one.op in ("solve", "system"):  # its unknowns are NaN together: the first tells
            nodes = (Node("load", (), 1), Node("ne", (0, 0)))
            # The own dimensions of a system's first unknown come before those of the others.
            rank = len(here.dims) if one.op == "solve" else len(here.accesses[0].axes)
            self._failure(one, here.dims[:rank], wide, (one.operands[0],), (here.accesses[0],),
                          nodes, 1)

    def _widened(self, one: Instruction, descriptor: Descriptor, first: int = 0) -> Descriptor:
        """A descriptor with the dimension of sets before its own. Its operands (and those of its
        parts, after them) are the instruction's from `first` on."""
        operands = one.operands[first:]
        accesses = tuple(
            self._access(a, operands[k] in self.wide) for k, a in enumerate(descriptor.accesses))
        parts, at = [], first + len(accesses)
        for part in descriptor.parts:
            parts.append(replace(part, descriptor=self._widened(one, part.descriptor, at)))
            at += len(part.descriptor.accesses)
        nodes = tuple(
            replace(n, immediate=n.immediate + 1) if n.op == "index" else n
            for n in descriptor.nodes)
        return replace(descriptor, dims=(self.dim, *descriptor.dims),
                       accesses=accesses, nodes=nodes, parts=tuple(parts))

    def _access(self, access: Access, wide: bool) -> Access:
        axes = tuple(
            None if a is None else Affine(a.const, tuple((d + 1, c) for d, c in a.terms))
            for a in access.axes)
        return Access((_FIRST, *axes) if wide else axes)

    # -- what may fail --------------------------------------------------------------------------

    def _check(self, one: Instruction, descriptor: Descriptor, wide: bool) -> None:
        """A claim fails where it is 0 or NaN."""
        here = self._widened(one, descriptor) if wide else descriptor
        nodes = [replace(n, immediate=n.immediate + 1) if n.op in ("load", "gather") else n
                 for n in here.nodes]
        claim = here.roots[0]
        nodes += [Node("not", (claim,)), Node("ne", (claim, claim))]
        nodes.append(Node("or", (len(nodes) - 2, len(nodes) - 1)))
        self._failure(one, here.dims, wide, one.operands, here.accesses, tuple(nodes),
                      descriptor.status)

    def _failure(self, one, dims, wide: bool, operands, accesses, nodes, status: int) -> None:
        """A register that holds, for each set, `status` where the last node is true at some point
        of `dims`, else 0. Operand 0 is the register: the nodes load from 1 on."""
        register = len(self.registers)
        self.registers.append(Register(
            f"failed {len(self.failures) + 1}", self.module.precision,
            (self.sets,) if wide else (), (Size.of(1),) if wide else ()))
        self.failures.append(register)
        place = Access((_FIRST,) if wide else ())
        outcome = (self._constant(float(status)), self._constant(0.0))
        own = [replace(d, role="r") for d in dims]
        if wide:
            own[0] = self.dim
        last = len(nodes) - 1
        if len(own) == wide:  # no points but the sets
            nodes = (*nodes, *outcome, Node("select", (last, last + 1, last + 2)))
            op, roots = "map", (len(nodes) - 1,)
        else:  # a sum, since that of nothing is 0: no point fails
            nodes = (*nodes, Node("acc"), *outcome, Node("select", (last + 1, last + 2, last + 3)))
            op, roots = "sum", (last, -1, len(nodes) - 1)
        self._emit(Instruction(op, (register, *operands), source=one.source),
                   Descriptor(tuple(own), (place, *accesses), nodes, roots))

    def _status(self) -> int:
        """The register of the first failure of each set; -1 where there is none to have."""
        if not self.failures:
            return -1
        if len(self.failures) == 1:
            return self.failures[0]
        wide = [bool(self.registers[r].shape) for r in self.failures]
        count = len(self.failures)
        nodes = [Node("load", (), 1 + k) for k in range(count)]
        last = count - 1
        for k in range(count - 2, -1, -1):
            nodes.append(Node("select", (k, k, last)))
            last = len(nodes) - 1
        any_wide = any(wide)
        register = len(self.registers)
        self.registers.append(Register(
            "status", self.module.precision, (self.sets,) if any_wide else (),
            (Size.of(1),) if any_wide else ()))
        accesses = [Access((_FIRST,) if w else ()) for w in (any_wide, *wide)]
        self._emit(Instruction("map", (register, *self.failures)),
                   Descriptor((self.dim,) if any_wide else (), tuple(accesses), tuple(nodes),
                              (last,)))
        return register

    # -- tables ---------------------------------------------------------------------------------

    def _constant(self, value: float) -> Node:
        if value not in self.constants:
            self.constants.append(value)
        return Node("const", (), self.constants.index(value))

    def _described(self, descriptor: Descriptor) -> int:
        self.descriptors.append(descriptor)
        return len(self.descriptors) - 1

    def _emit(self, one: Instruction, descriptor: Descriptor) -> None:
        self.code.append(replace(one, descriptor=self._described(descriptor)))


def _free_name(module: Module) -> str:
    """A name for the axis of sets that no size has."""
    taken = {symbol.name for symbol in module.symbols_of_size}
    name = "sets"
    while name in taken:
        name += "_"
    return name
