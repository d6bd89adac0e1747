"""Where a session stands, in words: the relation with its place, the bytecode, what it reads and
writes.
"""

from __future__ import annotations

from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.words import WIDEST, printable
from hvm_vm.tracing.describe import brief
from hvm_vm.tracing.stepping.session import Session
from hvm_vm.tracing.stepping.timeline import HELD, operands_of, results_of
from hvm_vm.tracing.stepping.values import summary


def code_text(session: Session, pc: int) -> str:
    """The instruction with its operands and shapes."""
    return brief(session.module, session.module.code[pc], session.bound.sizes)


def place_text(session: Session, pc: int) -> str:
    """`file:line:column`, or nothing where the program does not say."""
    source = session.bound.code[pc].source
    if not 0 <= source < len(session.module.sources):
        return ""
    span = session.module.sources[source]
    return f"{printable(session.module.file) or 'program'}:{span.line}:{span.column}"


def relation_text(session: Session, pc: int) -> str:
    """The relation that the instruction comes from, on one line."""
    source = session.bound.code[pc].source
    if not 0 <= source < len(session.module.sources):
        return ""
    text = printable(" ".join(session.module.sources[source].text.split()))
    return text if len(text) <= WIDEST else text[: WIDEST - 4] + " ..."


def next_lines(session: Session) -> list[str]:
    """The next instruction: where it comes from and what it is."""
    pc = session.position
    if session.finished:
        return [f"next {pc}  halt: every instruction has run"]
    place, relation = place_text(session, pc), relation_text(session, pc)
    if not place:
        return [f"next {pc}  {code_text(session, pc)}"]
    head = f"next {pc}  "
    return [f"{head}{place}  {relation}", f"{' ' * len(head)}{code_text(session, pc)}"]


def where_lines(session: Session) -> list[str]:
    """The next instruction with its relation quoted, and everything that it reads and writes."""
    one = session.instruction
    head = f"instruction {one.pc} of {len(session.bound.code) - 1}"
    if session.finished:
        return [f"{head}: halt, every instruction has run"]
    place, relation = place_text(session, one.pc), relation_text(session, one.pc)
    lines = [f"{place}: next is {head}" if place else f"next is {head}"]
    if relation:
        lines += [f"    {relation}", f"    {'^' * len(relation)}"]
    lines.append(f"  {code_text(session, one.pc)}")
    lines += [f"  reads   {text}" for text in _registers(session, operands_of(one))]
    lines += [f"  writes  {text}" for text in _registers(session, results_of(one))]
    if one.op == "solve":
        lines.append("  `into` shows its iterations")
    return lines


def _registers(session: Session, registers: list[int]) -> list[str]:
    return [register_text(session, r) for r in registers]


def register_text(session: Session, register: int) -> str:
    """A variable's name, shape and range, or why it has no value."""
    name = session.names.spoken[register]
    state = session.timeline.states[register]
    if state != HELD:
        bound = session.bound.registers[register]
        kind = {"float64": "f64", "float32": "f32", "int64": "i64"}[bound.dtype.name]
        return f"{name} {kind}[{','.join(map(str, bound.shape))}]  {state}"
    if register in session.names.symbolic and name in session.names.places:
        return summary(name, session.names.value(name, session.timeline))
    return summary(name, session.frame.arrays[register])


def results_lines(session: Session, one: BoundInstruction) -> list[str]:
    """What an instruction that has run wrote."""
    registers = results_of(one)
    if not registers:
        return [f"{one.pc}  {one.op} holds" if one.op == "check" else f"{one.pc}  {one.op}"]
    width = len(str(one.pc))
    return [f"{str(one.pc) if not k else ' ' * width}  {register_text(session, r)}"
            for k, r in enumerate(registers)]
