"""Modules to bytes: the sections of a bytecode file, one function each."""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path

import numpy as np

from hvm_vm.bytecode import isa, lane_ops, limits
from hvm_vm.bytecode.canonical import canonical
from hvm_vm.bytecode.container import TAGS, aligned, pack
from hvm_vm.bytecode.module import DTYPES, Access, Descriptor, Input, Instruction, Module
from hvm_vm.bytecode.system_layout import ROLES as PART_ROLES
from hvm_vm.bytecode.wire import Out
from hvm_vm.errors import BytecodeError

DTYPE_CODES = tuple(DTYPES)  # f32 0, f64 1, i64 2
ROLES = "ornucfb"
NONE = 0xFFFFFFFF  # an unused word
SPILLED = 0x80000000  # in the last word: the rest of the operands are in section SPIL
WITH_PARTS = 4  # in a descriptor's status: parts follow
DIRECT_OPERANDS = 5  # operands that fit an instruction's words
_WORDS = struct.Struct("<8I")


def encode(module: Module) -> bytes:
    """The bytes of a module in canonical form. Equal programs give equal bytes. Raises
    :class:`BytecodeError` for what a file cannot hold."""
    module = canonical(module)
    symbols = {symbol.name: number for number, symbol in enumerate(module.symbols_of_size)}
    out = {tag: Out(tag, symbols) for tag in TAGS}
    _meta(out["META"], module)
    _symbols(out["SYMS"], module)
    _registers(out["REGS"], module)
    _inputs(out["INPT"], module)
    _outputs(out["OUTP"], module)
    _families(out["FAMS"], module)
    _pools(out["POOL"], module)
    _texts(out["TEXT"], module)
    _sources(out["SRCS"], module)
    out["DESC"].number(len(module.descriptors))
    for descriptor in module.descriptors:
        _descriptor(out["DESC"], descriptor)
    _code(out["PREC"], out["SPIL"], module.preconditions)
    _code(out["CODE"], out["SPIL"], module.code)
    _arrays(out["ARRH"], out["ARRD"], module)
    return pack({tag: bytes(section.data) for tag, section in out.items()})


def save(module: Module, path: str | os.PathLike) -> None:
    """Write a module to a file: the whole file, or nothing. Raises :class:`BytecodeError`."""
    write_whole(encode(module), path)


def write_whole(data: bytes, path: str | os.PathLike) -> None:
    """Write a file by way of a temporary one beside it, so that no half of it is ever seen."""
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)  # mkstemp makes private files; this is an ordinary one
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise BytecodeError(f"cannot write {target}: {error.strerror or error}") from None


def _meta(out: Out, module: Module) -> None:
    if module.precision not in ("f32", "f64"):
        raise out.fail(f"the precision {module.precision!r} is not f32 or f64")
    out.byte(DTYPE_CODES.index(module.precision))
    out.text(module.file)


def _symbols(out: Out, module: Module) -> None:
    if len(out.symbols) != len(module.symbols_of_size):
        raise out.fail("two sizes have one name")
    out.number(len(module.symbols_of_size))
    for symbol in module.symbols_of_size:
        out.text(symbol.name)
        out.byte(symbol.default is not None)
        if symbol.default is not None:
            out.signed(symbol.default)
        out.index(symbol.source)


def _registers(out: Out, module: Module) -> None:
    out.number(len(module.registers))
    for register in module.registers:
        if register.dtype not in DTYPES or len(register.lo) != len(register.shape):
            raise out.fail(
                f"the register {register.name} has type {register.dtype} and a shape of "
                f"{len(register.shape)} with {len(register.lo)} first index values"
            )
        out.text(register.name)
        out.byte(DTYPE_CODES.index(register.dtype))
        out.number(len(register.shape))
        for lo, extent in zip(register.lo, register.shape, strict=True):
            out.size(lo)
            out.size(extent)


def _inputs(out: Out, module: Module) -> None:
    out.number(len(module.inputs))
    for item in module.inputs:
        out.text(item.name)
        out.number(item.register)
        out.index(item.default)
        out.index(item.source)
        out.byte(item.symbolic | (item.pattern is not None) << 1)
        if item.pattern is not None:
            _pattern(out, item)


def _pattern(out: Out, item: Input) -> None:
    out.number(len(item.pattern.parts))
    for part in item.pattern.parts:
        out.byte(not isinstance(part, str))
        if isinstance(part, str):
            out.text(part)
        else:
            axis, scale, offset = part
            out.number(axis)
            out.signed(scale)
            out.signed(offset)


def _outputs(out: Out, module: Module) -> None:
    out.number(len(module.outputs))
    for item in module.outputs:
        out.text(item.name)
        out.number(item.register)
        out.index(item.source)
        out.byte(item.symbolic | item.hidden << 1)


def _families(out: Out, module: Module) -> None:
    out.number(len(module.families))
    for family in module.families:
        out.text(family.name)
        out.number(len(family.shape))
        if len(family.lo) != len(family.shape):
            raise out.fail(
                f"the family {family.name} has {len(family.shape)} lengths and {len(family.lo)} "
                "first subscripts"
            )
        for lo, length in zip(family.lo, family.shape, strict=True):
            out.signed(lo)
            out.number(length)
        out.number(len(family.members))
        for member in family.members:
            out.text(member.name)
            if len(member.subscripts) != len(family.shape):
                raise out.fail(
                    f"the member {member.name} of {family.name} has {len(member.subscripts)} "
                    "subscripts"
                )
            for subscript in member.subscripts:
                out.signed(subscript)
            out.number(member.register)
            out.number(len(member.position))
            for place in member.position:
                out.number(place)


def _pools(out: Out, module: Module) -> None:
    out.number(len(module.constants))
    out.data += struct.pack(f"<{len(module.constants)}d", *module.constants)
    out.number(len(module.integers))
    for value in module.integers:
        out.signed(value)
    out.number(len(module.sizes))
    for size in module.sizes:
        out.size(size)


def _texts(out: Out, module: Module) -> None:
    for table in (module.texts, module.symbols):
        out.number(len(table))
        for text in table:
            out.text(text)


def _sources(out: Out, module: Module) -> None:
    out.number(len(module.sources))
    for span in module.sources:
        out.number(span.line)
        out.number(span.column)
        out.text(span.text)


def _descriptor(out: Out, descriptor: Descriptor, nested: bool = False) -> None:
    out.number(len(descriptor.dims))
    for dim in descriptor.dims:
        if len(dim.role) != 1 or dim.role not in ROLES:
            raise out.fail(f"the dimension {dim.name} has the role {dim.role!r}")
        out.text(dim.name)
        out.byte(ROLES.index(dim.role))
        out.size(dim.lo)
        out.size(dim.extent)
    out.number(len(descriptor.accesses))
    for access in descriptor.accesses:
        _access(out, access)
    out.number(len(descriptor.nodes))
    for number, node in enumerate(descriptor.nodes):
        row = lane_ops.BY_NAME.get(node.op)
        if row is None:
            raise out.fail(f"there is no lane operation {node.op}")
        out.byte(row.code)
        if row.immediate == "access":
            out.number(len(node.args))
        elif len(node.args) != len(row.arguments):
            raise out.fail(f"a node {node.op} has {len(node.args)} arguments")
        for argument in node.args:
            out.number(number - 1 - argument)
        if row.immediate:
            out.number(node.immediate)
        elif node.immediate:
            raise out.fail(f"a node {node.op} has an immediate, and the operation takes none")
    out.number(len(descriptor.roots))
    for root in descriptor.roots:
        out.index(root)
    out.index(descriptor.message)
    if not 0 <= descriptor.status < WITH_PARTS:
        raise out.fail(f"a status is {descriptor.status}")
    out.number(descriptor.status | (WITH_PARTS if descriptor.parts else 0))
    if descriptor.parts:
        if nested:
            raise out.fail("a part has parts")
        out.number(len(descriptor.parts))
    for part in descriptor.parts:
        if part.role not in PART_ROLES:
            raise out.fail(f"a part has the role {part.role!r}")
        out.byte(PART_ROLES.index(part.role))
        out.number(part.number)
        _descriptor(out, part.descriptor, nested=True)


def _access(out: Out, access: Access) -> None:
    """Per axis: 0 for a computed one, else 1 + the number of terms, the constant, the terms."""
    out.number(len(access.axes))
    for place in access.axes:
        if place is None:
            out.number(0)
            continue
        out.number(1 + len(place.terms))
        out.size(place.const)
        for dim, coefficient in place.terms:
            out.number(dim)
            out.size(coefficient)


def _code(out: Out, spill: Out, code: tuple[Instruction, ...]) -> None:
    for instruction in code:
        op = isa.BY_NAME.get(instruction.op)
        if op is None:
            raise out.fail(f"there is no operation {instruction.op}")
        operands = list(instruction.operands)
        if not all(0 <= r < limits.MAX_REGISTERS for r in operands):
            raise out.fail(f"{instruction.op} has operands {operands}, which are not all registers")
        if len(operands) > DIRECT_OPERANDS:
            rest = operands[DIRECT_OPERANDS - 1 :]
            operands[DIRECT_OPERANDS - 1 :] = [SPILLED | len(spill.data) // 4]
            spill.data += struct.pack(f"<{1 + len(rest)}I", len(rest), *rest)
        operands += [NONE] * (DIRECT_OPERANDS - len(operands))
        out.data += _WORDS.pack(
            op.code, instruction.descriptor & NONE, instruction.source & NONE, *operands
        )


def _arrays(head: Out, data: Out, module: Module) -> None:
    head.number(len(module.arrays))
    for array in module.arrays:
        names = [name for name, dtype in DTYPES.items() if dtype == array.dtype]
        if not names:
            raise head.fail(f"an array has elements of type {array.dtype}")
        head.byte(DTYPE_CODES.index(names[0]))
        head.number(array.ndim)
        for length in array.shape:
            head.number(length)
        data.data += b"\0" * (aligned(len(data.data)) - len(data.data))
        data.data += np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
