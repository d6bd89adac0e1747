"""Programs of one instruction, built by hand."""

from __future__ import annotations

from hvm_vm.api.program import Program
from hvm_vm.bytecode import verify
from hvm_vm.bytecode.module import (
    Descriptor,
    Input,
    Instruction,
    Module,
    Node,
    Output,
    SizeSymbol,
    SourceSpan,
)
from tests.bytecode.modules import HALT, at, dim, register, size

__all__ = ["HALT", "at", "dim", "module", "program", "register", "size"]


def module(op, dims, registers, accesses, nodes=(), roots=(), *, symbols=(), results=1,
           constants=(), integers=(), precision="f64", texts=(), status=0, sizes=(),
           preconditions=False, **more):
    """The first `results` registers are written, the others are inputs; accesses are in their
    order. `nodes` are (op, args, immediate) with trailing parts left out."""
    descriptor = Descriptor(tuple(dims), tuple(accesses), tuple(Node(*n) for n in nodes),
                            tuple(roots), 0 if texts else -1, status)
    one = Instruction(op, tuple(range(len(registers))) if not preconditions else (), 0, 0)
    return Module(
        precision=precision, file="test.hmp",
        symbols_of_size=tuple(SizeSymbol(*s) if isinstance(s, tuple) else SizeSymbol(s)
                              for s in symbols),
        registers=tuple(registers),
        inputs=tuple(Input(r.name, k) for k, r in enumerate(registers) if k >= results),
        outputs=tuple(Output(r.name, k) for k, r in enumerate(registers[:results])),
        constants=tuple(constants), integers=tuple(integers), texts=tuple(texts),
        sizes=tuple(size(s) for s in sizes),
        sources=(SourceSpan(4, 1, more.pop("text", "the relation")),),
        descriptors=(descriptor,),
        preconditions=(one,) if preconditions else (),
        code=(HALT,) if preconditions else (one, HALT), **more)


def program(*args, **options) -> Program:
    return Program(verify(module(*args, **options)))
