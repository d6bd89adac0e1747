"""Bytes to modules: the mirror image of `writer`, trusting nothing.

Every count is compared with the bytes that are left before anything is made of it; every code,
role and flag is one of those that exist. Whether the program makes sense is the verifier's
question; here it is only whether the bytes are a module, in the one form that a module has.
"""

from __future__ import annotations

import mmap
import os
import struct

import numpy as np

from hvm_vm.bytecode import isa, lane_ops, limits
from hvm_vm.bytecode.canonical import canonical
from hvm_vm.bytecode.container import aligned, unpack
from hvm_vm.bytecode.module import (
    DTYPES,
    Access,
    Affine,
    Descriptor,
    Dim,
    Family,
    Input,
    Instruction,
    Member,
    Module,
    Node,
    Output,
    Part,
    Register,
    SizeSymbol,
    SourceSpan,
    TensorPattern,
)
from hvm_vm.bytecode.system_layout import ROLES as PART_ROLES
from hvm_vm.bytecode.wire import In
from hvm_vm.bytecode.writer import (
    DIRECT_OPERANDS,
    DTYPE_CODES,
    NONE,
    ROLES,
    SPILLED,
    WITH_PARTS,
)
from hvm_vm.errors import BytecodeError

# Files up to this size are read; larger ones are mapped, so that weights are paged in when used.
MAP_FROM_BYTES = 1 << 20


def read(path: str | os.PathLike) -> Module:
    """The module in a file. Its arrays are read-only views of the file. Raises
    :class:`BytecodeError`."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < MAP_FROM_BYTES:
                data = memoryview(file.read())
            else:
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise BytecodeError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from None
    try:
        return decode(data)
    except BytecodeError as error:
        raise BytecodeError(f"{os.fspath(path)}: {error}") from None


def decode(data: bytes | bytearray | memoryview) -> Module:
    """The module that the bytes of a file hold. Raises :class:`BytecodeError`."""
    view = memoryview(data).toreadonly().cast("B")
    sections = unpack(view)
    entry = In("META", sections["META"])
    precision = DTYPE_CODES[entry.choice(2, "precision")]
    file = entry.text()
    entry.finish()
    # The names of size symbols come first: every size in the other sections counts on them.
    symbols = _table(In("SYMS", sections["SYMS"]), _symbol, 3, limits.MAX_SYMBOLS)
    names = tuple(symbol.name for symbol in symbols)
    if len(set(names)) != len(names):
        raise BytecodeError("section SYMS: two sizes have one name")

    def table(tag: str, one, smallest: int, limit: int | None = None) -> tuple:
        return _table(In(tag, sections[tag], names), one, smallest, limit)

    constants, integers, sizes = _pools(In("POOL", sections["POOL"], names))
    texts, symbol_texts = _texts(In("TEXT", sections["TEXT"]))
    spill = _Spill(sections["SPIL"])
    module = Module(
        precision=precision,
        file=file,
        symbols_of_size=symbols,
        registers=table("REGS", _register, 3, limits.MAX_REGISTERS),
        inputs=table("INPT", _input, 5),
        outputs=table("OUTP", _output, 4),
        families=table("FAMS", _family, 3),
        constants=constants,
        integers=integers,
        sizes=sizes,
        texts=texts,
        symbols=symbol_texts,
        arrays=_arrays(In("ARRH", sections["ARRH"]), sections["ARRD"]),
        sources=table("SRCS", _source, 3),
        descriptors=table("DESC", _descriptor, 6),
        preconditions=_code("PREC", sections["PREC"], spill),
        code=_code("CODE", sections["CODE"], spill),
    )
    spill.finish()
    _check_canonical(module)
    return module


def _check_canonical(module: Module) -> None:
    """A program has one form: refuse any other, saying where it differs."""
    form = canonical(module)
    if form == module and len(form.arrays) == len(module.arrays):
        return
    for name in (
        "preconditions",
        "code",
        "descriptors",
        "constants",
        "integers",
        "sizes",
        "texts",
        "sources",
    ):
        found, expected = getattr(module, name), getattr(form, name)
        if found != expected:
            number = next(
                (n for n, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b),
                min(len(found), len(expected)),
            )
            raise BytecodeError(
                f"{name} {number}: the program is not in its canonical form (pools in the order "
                "of first use, nothing twice, nothing unused)"
            )
    raise BytecodeError(
        "arrays: the program is not in its canonical form (an array is unused or stored twice)"
    )


def _table(entry: In, one, smallest: int, limit: int | None = None) -> tuple:
    """A count and as many entries; nothing may follow."""
    count = entry.count("entries", smallest, limit)
    found = []
    for number in range(count):
        entry.entry = f"entry {number}"
        found.append(one(entry))
    entry.entry = ""
    entry.finish()
    return tuple(found)


def _symbol(entry: In) -> SizeSymbol:
    name = entry.text()
    default = entry.signed() if entry.choice(2, "flag") else None
    return SizeSymbol(name, default, entry.index())


def _register(entry: In) -> Register:
    name = entry.text()
    dtype = DTYPE_CODES[entry.choice(len(DTYPE_CODES), "element type")]
    axes = [(entry.size(), entry.size()) for _ in range(entry.count("axes", 4, limits.MAX_RANK))]
    return Register(name, dtype, tuple(extent for _, extent in axes), tuple(lo for lo, _ in axes))


def _input(entry: In) -> Input:
    name, register, default, source = entry.text(), entry.number(), entry.index(), entry.index()
    flags = entry.choice(4, "set of flags")
    pattern = None
    if flags & 2:
        pattern = TensorPattern(tuple(_part(entry) for _ in range(entry.count("parts", 2))))
    return Input(name, register, default, pattern, bool(flags & 1), source)


def _part(entry: In):
    if entry.choice(2, "kind of part"):
        return entry.number(), entry.signed(), entry.signed()
    return entry.text()


def _output(entry: In) -> Output:
    name, register, source = entry.text(), entry.number(), entry.index()
    flags = entry.choice(4, "set of flags")
    return Output(name, register, bool(flags & 1), bool(flags & 2), source)


def _family(entry: In) -> Family:
    name = entry.text()
    rank = entry.count("axes", 2, limits.MAX_RANK)
    axes = [(entry.signed(), entry.number()) for _ in range(rank)]
    members = []
    for _ in range(entry.count("members", 3 + rank)):
        member = entry.text()
        subscripts = tuple(entry.signed() for _ in range(rank))
        register = entry.number()
        position = tuple(entry.number() for _ in range(entry.count("places", 1, limits.MAX_RANK)))
        members.append(Member(member, subscripts, register, position))
    return Family(name, tuple(lo for lo, _ in axes), tuple(n for _, n in axes), tuple(members))


def _source(entry: In) -> SourceSpan:
    return SourceSpan(entry.number(), entry.number(), entry.text())


def _pools(entry: In) -> tuple:
    count = entry.count("constants", 8)
    constants = struct.unpack(f"<{count}d", entry.raw(8 * count))
    integers = tuple(entry.signed() for _ in range(entry.count("integers")))
    sizes = tuple(entry.size() for _ in range(entry.count("sizes", 2)))
    entry.finish()
    return constants, integers, sizes


def _texts(entry: In) -> tuple[tuple[str, ...], tuple[str, ...]]:
    texts = tuple(entry.text() for _ in range(entry.count("texts")))
    symbols = tuple(entry.text() for _ in range(entry.count("symbols")))
    entry.finish()
    return texts, symbols


def _descriptor(entry: In, nested: bool = False) -> Descriptor:
    most = limits.MAX_DIMS if nested else limits.MAX_UNKNOWN_DIMS  # the verifier knows which
    dims = tuple(_dim(entry) for _ in range(entry.count("dimensions", 6, most)))
    accesses = tuple(_access(entry) for _ in range(entry.count("places", 1, limits.MAX_OPERANDS)))
    nodes = tuple(
        _node(entry, number) for number in range(entry.count("nodes", 1, limits.MAX_NODES))
    )
    roots = tuple(entry.index() for _ in range(entry.count("roots", 1)))
    message = entry.index()
    status = entry.choice(2 * WITH_PARTS, "status")
    if not status & WITH_PARTS:
        return Descriptor(dims, accesses, nodes, roots, message, status)
    if nested:
        raise entry.fail("a part has parts")
    parts = tuple(
        Part(PART_ROLES[entry.choice(len(PART_ROLES), "role of a part")], entry.number(),
             _descriptor(entry, nested=True))
        for _ in range(entry.count("parts", 8))
    )
    if not parts:
        raise entry.fail("its list of parts is empty")
    return Descriptor(dims, accesses, nodes, roots, message, status & ~WITH_PARTS, parts)


def _dim(entry: In) -> Dim:
    name = entry.text()
    role = ROLES[entry.choice(len(ROLES), "role")]
    return Dim(name, entry.size(), entry.size(), role)


def _access(entry: In) -> Access:
    axes: list[Affine | None] = []
    for _ in range(entry.count("axes", 1, limits.MAX_RANK)):
        kind = entry.count("terms", 1, 1 + limits.MAX_DIMS)
        if kind == 0:
            axes.append(None)
            continue
        const = entry.size()
        axes.append(Affine(const, tuple((entry.number(), entry.size()) for _ in range(kind - 1))))
    return Access(tuple(axes))


def _node(entry: In, number: int) -> Node:
    code = entry.byte()
    row = lane_ops.BY_CODE.get(code)
    if row is None:
        raise entry.fail(f"{code} is no lane operation")
    if row.immediate == "access":
        count = entry.count("arguments", 1, limits.MAX_RANK + 1)
    else:
        count = len(row.arguments)
    arguments = []
    for _ in range(count):
        argument = number - 1 - entry.number()
        if argument < 0:
            raise entry.fail(f"node {number} ({row.name}) has an argument before the first node")
        arguments.append(argument)
    return Node(row.name, tuple(arguments), entry.number() if row.immediate else 0)


class _Spill:
    """The operands beyond those in an instruction's words: lists in the order of the
    instructions."""

    def __init__(self, data: memoryview):
        if len(data) % 4:
            raise BytecodeError(f"section SPIL: {len(data)} bytes are not a whole number of words")
        self.words = struct.unpack(f"<{len(data) // 4}I", data)
        self.at = 0

    def take(self, place: int, where: str) -> tuple[int, ...]:
        if place != self.at or place >= len(self.words):
            raise BytecodeError(
                f"{where}: its further operands are said to be at word {place} of section SPIL, "
                f"where they should be at {self.at} of {len(self.words)}"
            )
        count = self.words[place]
        if count < 2 or count > len(self.words) - place - 1:
            raise BytecodeError(
                f"{where}: {count} further operands cannot be at word {place} of section SPIL, "
                f"which has {len(self.words)}"
            )
        self.at = place + 1 + count
        return self.words[place + 1 : self.at]

    def finish(self) -> None:
        if self.at != len(self.words):
            raise BytecodeError(
                f"section SPIL: {len(self.words) - self.at} words after the last list"
            )


def _code(tag: str, data: memoryview, spill: _Spill) -> tuple[Instruction, ...]:
    if len(data) % 32:
        raise BytecodeError(
            f"section {tag}: {len(data)} bytes are not a whole number of instructions"
        )
    if len(data) // 32 > limits.MAX_CODE:
        raise BytecodeError(f"section {tag}: {len(data) // 32} instructions are too many")
    found = []
    for number, words in enumerate(struct.iter_unpack("<8I", data)):
        where = f"section {tag}, instruction {number}"
        op = isa.BY_CODE.get(words[0])
        if op is None:
            raise BytecodeError(f"{where}: {words[0]} is no operation")
        operands = [word for word in words[3:] if word != NONE]
        if any(word != NONE for word in words[3 + len(operands) :]):
            raise BytecodeError(f"{where}: an unused word stands before a used one")
        further: tuple[int, ...] = ()
        if len(operands) == DIRECT_OPERANDS and operands[-1] & SPILLED:
            further = spill.take(operands.pop() & ~SPILLED, where)
        operands += further
        if any(word >= limits.MAX_REGISTERS for word in operands):
            raise BytecodeError(
                f"{where} ({op.name}): an operand is {max(operands)}, which is no register"
            )
        # The words that mean "none" read as -1.
        descriptor, source = (-1 if word == NONE else word for word in words[1:3])
        found.append(Instruction(op.name, tuple(operands), descriptor, source))
    return tuple(found)


def _arrays(head: In, data: memoryview) -> tuple[np.ndarray, ...]:
    found = []
    at = 0
    for number in range(head.count("arrays", 2)):
        head.entry = f"entry {number}"
        dtype = DTYPES[DTYPE_CODES[head.choice(len(DTYPE_CODES), "element type")]].newbyteorder("<")
        shape = tuple(head.number() for _ in range(head.count("axes", 1, limits.MAX_RANK)))
        count = 1
        for length in shape:
            if length > limits.INT64_MAX:
                raise head.fail(f"an axis of {length} elements")
            count *= length
        start = aligned(at)
        if start > len(data) or count * dtype.itemsize > len(data) - start:
            raise head.fail(
                f"an array of shape {list(shape)} needs {count * dtype.itemsize} bytes from byte "
                f"{start} of section ARRD, which has {len(data)}"
            )
        if bytes(data[at:start]).strip(b"\0"):
            raise head.fail("bytes that belong to no array")
        try:
            array = np.frombuffer(data, dtype, count, start) if count else np.empty(0, dtype)
            found.append(array.reshape(shape))
        except ValueError as error:  # an empty array of an impossible shape
            raise head.fail(f"the shape {list(shape)} is impossible: {error}") from None
        at = start + count * dtype.itemsize
    head.entry = ""
    head.finish()
    if at != len(data):
        raise BytecodeError(f"section ARRD: {len(data) - at} bytes after the last array")
    return tuple(found)
