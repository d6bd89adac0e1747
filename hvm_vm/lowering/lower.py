"""`lower`: from a system of relations to a bytecode module."""

from __future__ import annotations

import os
import sys

from hvm_vm.bytecode.module import Family, Input, Member, Module, Output, SizeSymbol
from hvm_vm.lowering import convert, dead, fuse, regions, scan, solve
from hvm_vm.lowering import system as systems
from hvm_vm.lowering.canonical import Canon
from hvm_vm.lowering.emit import Emitter, precondition
from hvm_vm.lowering.operation import Operation, Space
from hvm_vm.lowering.pools import Pools
from hvm_vm.lowering.program import Info, Program
from hvm_vm.lowering.recognise.recogniser import Recogniser
from hvm_vm.lowering.select import Selection
from hvm_vm.lowering.terms import HAS_REDUCE, HAS_REF, Terms, value_of
from hvm_vm.relations.system import System

_DEEP = 20_000  # frames; the parser and `inline.HIGHEST` bound the depth of expressions


def lower(system: System, notes: list | None = None) -> Module:
    """The module that computes the results of `system`.

    With `notes`, a (pc, operation, relations) for each instruction is appended to it.
    Raises :class:`CompileError` for what no instruction can compute.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEP))
    try:
        return _lower(system, notes)
    finally:
        sys.setrecursionlimit(limit)


def _lower(system: System, notes: list | None) -> Module:
    program = _program(system)
    claims = _claims(program)
    before = [c for c in claims if not c.roots["claim"].flags & (HAS_REF | HAS_REDUCE)
              and not c.guard.flags & (HAS_REF | HAS_REDUCE)]
    during = [c for c in claims if c not in before]
    dead.live(program, [c.roots["claim"] for c in during])
    dead.deep_flags(program)
    selection = Selection(program, Recogniser(program))
    selection.run(during)
    fuse.names(selection, list(system.order))
    fuse.epilogues(selection, list(system.order))
    pools = Pools(program)
    inputs = [_input(program, pools, v) for v in system.variables.values() if v.is_input]
    checks = [precondition(c, pools, program) for c in before]
    emitter = Emitter(selection, pools, notes)
    emitter.run(during)
    checks += [precondition(c, pools, program) for c in emitter.preconditions]
    outputs = _outputs(program, pools)
    symbols = tuple(
        SizeSymbol(name, default, pools.source(system.size_places.get(name)))
        for name, default in system.size_defaults.items())
    return Module(
        precision=system.precision, file=os.path.basename(system.file), symbols_of_size=symbols,
        registers=tuple(pools.registers), inputs=tuple(inputs), outputs=tuple(outputs),
        families=tuple(_families(program, pools)), constants=pools.constants(),
        integers=pools.integers(), sizes=pools.sizes(), texts=pools.texts(),
        symbols=tuple(system.symbols), arrays=tuple(pools.arrays), sources=pools.sources(),
        descriptors=pools.descriptors(), preconditions=tuple(checks), code=tuple(emitter.code))


def _program(system: System) -> Program:
    types = {v.name: v.type for v in system.variables.values()}
    terms = Terms(types)
    program = Program(system, terms, Canon(terms))
    program.results = frozenset(r.variable for r in system.results)
    for v in system.variables.values():
        program.infos[v.name] = Info(v.name, v.axes, v.type, v.is_input, v.place)
    for k, name in enumerate(system.order):
        program.position[name] = k
        if system.definitions[name].cases:
            program.defs[name] = regions.definition(program, system.definitions[name])
    for block in system.blocks:
        solve.prepare(program, block)
    for coupled in system.coupled:
        systems.prepare(program, coupled)
    for recurrence in system.recurrences:
        scan.prepare(program, recurrence)
    return program


def _claims(program: Program) -> list[Operation]:
    t = program.terms
    found = []
    for requirement in program.system.requirements:
        claim = convert.convert(t, requirement.claim)
        if value_of(claim) is not None and value_of(claim):
            continue
        dims = []
        for ix in requirement.indices:
            own = convert.index(t, ix)
            dims.append(Space(own, own.lo, own.hi))
        found.append(Operation(
            "check", dims, {"claim": claim}, "", (), t.true, requirement.place,
            message=requirement.message, status=requirement.status))
    return found


def _input(program: Program, pools: Pools, variable) -> Input:
    register = pools.register_of(variable.name)
    default = -1
    if variable.default is not None:
        dtype = {"f32": "<f4", "f64": "<f8"}[program.system.precision]
        default = pools.array(variable.default, dtype if variable.type == "float" else "<i8")
    return Input(variable.name, register, default, variable.pattern, variable.type == "symbol",
                 pools.source(variable.place))


def _outputs(program: Program, pools: Pools) -> list[Output]:
    system = program.system
    found, shown = [], set()
    for result in system.results:
        info = program.infos[result.variable]
        shown.add(result.variable)
        found.append(Output(result.name, pools.register_of(result.variable),
                            info.type == "symbol", False, pools.source(info.place)))
    shown |= {result.name for result in system.results}  # a slice has its variable's name
    for name in system.order:
        if name not in shown and pools.has_register(name):
            info = program.infos[name]
            found.append(Output(name, pools.register_of(name), info.type == "symbol", True,
                                pools.source(info.place)))
    return found


def _families(program: Program, pools: Pools) -> list[Family]:
    found = []
    for family in program.system.families:
        members = tuple(
            Member(m.name, m.subscripts, pools.register_of(m.variable or m.name), m.position)
            for m in family.members if pools.has_register(m.variable or m.name))
        if members:
            found.append(Family(family.name, family.lo, family.shape, members))
    return found
