"""The verifier's checks of a module's tables: sizes, registers, inputs, outputs, families,
pools."""

from __future__ import annotations

from math import prod

import numpy as np

from hvm_vm.bytecode import limits
from hvm_vm.bytecode.module import DTYPES, Module, Size
from hvm_vm.bytecode.sizes import SIZE_LIMIT
from hvm_vm.errors import BytecodeError


def refuse(where: str, reason: str) -> BytecodeError:
    """The error of the verifier: where, and why. Names may hold anything; a terminal should not
    get it."""
    text = f"{where}: {reason}"
    return BytecodeError("".join(c if c.isprintable() else "\ufffd" for c in text))


def counted(number: int, noun: str) -> str:
    """ "1 register", "7 registers"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def check_index(index: int, count: int, where: str, what: str, noun: str, *, absent=False) -> None:
    """`index` names one of `count` entries (or is -1, when it may be `absent`)."""
    if absent and index == -1:
        return
    if not 0 <= index < count:
        have = f"there are only {counted(count, noun)}" if count else f"there are no {noun}s"
        raise refuse(where, f"{what} is {noun} {index}, but {have}")


class Sizes:
    """Checks that sizes use declared symbols only; remembers those already seen."""

    def __init__(self, module: Module):
        self.declared = frozenset(s.name for s in module.symbols_of_size)
        self.seen: set[Size] = set()

    def check(self, size: Size, where: str, what: str) -> None:
        if size in self.seen:
            return
        if not isinstance(size, Size):
            raise refuse(where, f"{what} is {size!r}, which is not a size")
        for name in sorted(size.symbols() - self.declared):
            raise refuse(where, f"{what} is {size}, but the size {name} is not declared")
        self.seen.add(size)

    def check_first(self, size: Size, where: str, what: str) -> None:
        """The first value along an axis: no number in it is too large to be a size."""
        self.check(size, where, what)
        if any(abs(coefficient) > SIZE_LIMIT for _, coefficient in size.terms):
            raise refuse(where, f"{what} is {size}, which is too large")

    def check_extent(self, size: Size, where: str, what: str) -> None:
        self.check_first(size, where, what)
        if size.constant is not None and not 0 <= size.constant <= SIZE_LIMIT:
            raise refuse(where, f"{what} is {size}, which no array can have")


def check_tables(module: Module, sizes: Sizes) -> None:
    """Everything but code, preconditions and descriptors."""
    if module.precision not in ("f32", "f64"):
        raise refuse("header", f"the precision is {module.precision!r}, not f32 or f64")
    _check_symbols(module)
    _check_pools(module, sizes)
    _check_registers(module, sizes)
    _check_inputs(module)
    _check_outputs(module)
    for number, family in enumerate(module.families):
        _check_family(module, family, f"families {number} ({family.name})")
    for number, span in enumerate(module.sources):
        if span.line < 1 or span.column < 1:
            raise refuse(f"sources {number}", "lines and columns count from 1")


def _check_symbols(module: Module) -> None:
    names = set()
    for number, symbol in enumerate(module.symbols_of_size):
        where = f"sizes {number} ({symbol.name})"
        if not symbol.name or set(symbol.name) & set("()+-*/, \t\n"):
            raise refuse(where, "a size needs a name without blanks, brackets and operators")
        if symbol.name in names:
            raise refuse(where, "is declared twice")
        names.add(symbol.name)
        if symbol.default is not None and abs(symbol.default) > SIZE_LIMIT:
            raise refuse(where, f"the default {symbol.default} is too large for a size")
        check_index(symbol.source, len(module.sources), where, "its source", "source", absent=True)


def _check_pools(module: Module, sizes: Sizes) -> None:
    for number, value in enumerate(module.integers):
        if not limits.INT64_MIN <= value <= limits.INT64_MAX:
            raise refuse(f"integers {number}", f"{value} does not fit 64 bits")
    for number, value in enumerate(module.constants):
        if not isinstance(value, float):
            raise refuse(f"constants {number}", f"{value!r} is not a number of the pool")
    for number, size in enumerate(module.sizes):
        sizes.check(size, f"sizes pool {number}", "the size")
    for number, array in enumerate(module.arrays):
        if array.dtype not in DTYPES.values():
            raise refuse(f"arrays {number}", f"elements of type {array.dtype} are not supported")


def _check_registers(module: Module, sizes: Sizes) -> None:
    if len(module.registers) > limits.MAX_REGISTERS:
        raise refuse("registers", f"{len(module.registers)} are too many")
    for number, register in enumerate(module.registers):
        where = f"registers {number} ({register.name})"
        if register.dtype not in ("i64", module.precision):
            raise refuse(
                where,
                f"has type {register.dtype}, but in this program registers are "
                f"{module.precision} or i64",
            )
        if len(register.shape) > limits.MAX_RANK:
            raise refuse(where, f"has {len(register.shape)} axes; the limit is {limits.MAX_RANK}")
        if len(register.lo) != len(register.shape):
            raise refuse(
                where, f"has {len(register.shape)} axes but {len(register.lo)} first index values"
            )
        for axis, (extent, lo) in enumerate(zip(register.shape, register.lo, strict=True)):
            sizes.check_extent(extent, where, f"the length of axis {axis + 1}")
            sizes.check_first(lo, where, f"the first index value of axis {axis + 1}")


def _check_inputs(module: Module) -> None:
    names: set[str] = set()
    registers: set[int] = set()
    for number, item in enumerate(module.inputs):
        where = f"inputs {number} ({item.name})"
        if item.name in names:
            raise refuse(where, "there are two inputs of this name")
        names.add(item.name)
        check_index(item.register, len(module.registers), where, "its place", "register")
        if item.register in registers:
            raise refuse(where, f"register {item.register} is already another input")
        registers.add(item.register)
        check_index(item.source, len(module.sources), where, "its source", "source", absent=True)
        register = module.registers[item.register]
        if item.symbolic and register.dtype != "i64":
            raise refuse(where, f"holds symbols, so its register must be i64, not {register.dtype}")
        _check_default(module, item, register, where)
        _check_pattern(item, register, where)


def _check_default(module: Module, item, register, where: str) -> None:
    check_index(item.default, len(module.arrays), where, "its default", "array", absent=True)
    if item.default == -1:
        return
    array = module.arrays[item.default]
    if array.dtype != DTYPES[register.dtype]:
        raise refuse(
            where, f"its default has elements of type {array.dtype}, its register {register.dtype}"
        )
    if array.ndim and array.ndim != len(register.shape):  # one number stands for every element
        raise refuse(
            where,
            f"its default has {counted(array.ndim, 'axis').replace('axiss', 'axes')}, "
            f"its register {len(register.shape)}",
        )
    for axis, (have, extent) in enumerate(zip(array.shape, register.shape, strict=False)):
        if extent.constant is not None and extent.constant != have:
            raise refuse(
                where, f"its default is {have} long along axis {axis + 1}, its register {extent}"
            )
    if (
        item.symbolic
        and array.size
        and not (array.min() >= 0 and array.max() < len(module.symbols))
    ):
        raise refuse(
            where, f"its default names a symbol beyond the {len(module.symbols)} that there are"
        )


def _check_pattern(item, register, where: str) -> None:
    if item.pattern is None:
        return
    if not item.pattern.parts:
        raise refuse(where, "its tensor pattern is empty")
    for part in item.pattern.parts:
        if isinstance(part, str):
            continue
        axis, scale, offset = part
        if not 0 <= axis < len(register.shape):
            raise refuse(
                where,
                f"its tensor pattern runs along axis {axis + 1}, but its register has "
                f"{len(register.shape)}",
            )
        if not scale or max(abs(scale), abs(offset)) >= 1 << 31:
            raise refuse(where, f"its tensor pattern has the number {scale}*index + {offset}")


def _check_outputs(module: Module) -> None:
    names: set[str] = set()
    for number, item in enumerate(module.outputs):
        where = f"outputs {number} ({item.name})"
        if item.name in names:
            raise refuse(where, "there are two outputs of this name")
        names.add(item.name)
        check_index(item.register, len(module.registers), where, "its place", "register")
        check_index(item.source, len(module.sources), where, "its source", "source", absent=True)
        if item.symbolic and module.registers[item.register].dtype != "i64":
            raise refuse(where, "holds symbols, so its register must be i64")


MANY = 64  # members of a family that are checked together


def _members_fit(module: Module, family) -> bool:
    """Whether all members pass the checks of `_check_family`, all at once. False where they do not,
    or cannot be told together."""
    try:
        registers = np.fromiter((m.register for m in family.members), np.int64)
        subscripts = np.array([m.subscripts for m in family.members], np.int64)
        positions = np.array([m.position for m in family.members], np.int64)
    except (ValueError, TypeError, OverflowError):  # of different lengths, or no numbers
        return False
    count = len(family.members)
    if subscripts.shape != (count, len(family.shape)) or positions.ndim != 2:
        return False
    if registers.min() < 0 or registers.max() >= len(module.registers):
        return False
    place = subscripts - np.array(family.lo, np.int64)
    if (place < 0).any() or (place >= np.array(family.shape, np.int64)).any():
        return False
    flat = np.ravel_multi_index(tuple(place.T), family.shape)
    if len(np.unique(flat)) < count or (positions < 0).any():
        return False
    numbers, which = np.unique(registers, return_inverse=True)
    shapes = [[e.constant for e in module.registers[n].shape] for n in numbers.tolist()]
    if any(len(s) != positions.shape[1] or None in s for s in shapes):
        return False
    extents = np.array(shapes, np.int64).reshape(len(shapes), -1)
    return bool((positions < extents[which.reshape(-1)]).all())


def _check_family(module: Module, family, where: str) -> None:
    rank = len(family.shape)
    if rank != len(family.lo) or not 1 <= rank <= limits.MAX_RANK:
        raise refuse(where, f"has {rank} lengths and {len(family.lo)} first subscripts")
    if any(n < 1 for n in family.shape) or prod(family.shape) > limits.MAX_FAMILY:
        raise refuse(where, f"the shape {list(family.shape)} is empty or too large")
    if any(abs(n) >= SIZE_LIMIT for n in family.lo):
        raise refuse(where, f"the first subscripts {list(family.lo)} are too large")
    if len(family.members) > MANY and _members_fit(module, family):
        return
    seen: set[tuple[int, ...]] = set()
    for member in family.members:
        check_index(
            member.register, len(module.registers), where, f"the member {member.name}", "register"
        )
        inside = len(member.subscripts) == rank and all(
            lo <= s < lo + n
            for s, lo, n in zip(member.subscripts, family.lo, family.shape, strict=True)
        )
        if not inside:
            raise refuse(
                where,
                f"the subscripts {list(member.subscripts)} of {member.name} are outside the family",
            )
        if member.subscripts in seen:
            raise refuse(where, f"two members have the subscripts {list(member.subscripts)}")
        seen.add(member.subscripts)
        register = module.registers[member.register]
        if len(member.position) != len(register.shape):
            raise refuse(
                where,
                f"the member {member.name} has {len(member.position)} places in a register "
                f"of {len(register.shape)} axes",
            )
        for place, extent in zip(member.position, register.shape, strict=True):
            if place < 0 or extent.constant is None or place >= extent.constant:
                raise refuse(
                    where, f"the member {member.name} lies at {place} of an axis of length {extent}"
                )
