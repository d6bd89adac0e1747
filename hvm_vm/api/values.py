"""Values on their way into a program: what is given by name becomes typed arrays.

A program's inputs can be given under the name of the variable, of a scalar of a family, or of a
whole family; sizes are given by name too. What is given is checked here, in the words of the
program, before anything is bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.api.symbols import numbers_of
from hvm_vm.bytecode.module import DTYPES, Family, Input, Member, Module
from hvm_vm.bytecode.sizes import SIZE_LIMIT
from hvm_vm.engines.memory import not_enough_memory
from hvm_vm.engines.words import (
    axes_of,
    axis_names,
    byte_count,
    listed,
    located,
    printable,
    suggestion,
)
from hvm_vm.errors import InputError


class MissingInput(InputError):
    """An input has no value. `name` is one that no data file is named for, or empty."""

    def __init__(self, text: str, name: str):
        super().__init__(text)
        self.name = name


@dataclass
class Arguments:
    """What a run was given: arrays by input name, sizes by name, names that are no inputs; and the
    scalars that are missing of inputs of which others were given."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=dict)


class Names:
    """The names under which a program's inputs and sizes can be given."""

    def __init__(self, module: Module):
        self.module = module
        self.inputs: dict[str, Input] = {item.name: item for item in module.inputs}
        self.sizes = {symbol.name for symbol in module.symbols_of_size}
        self.by_register = {item.register: item for item in module.inputs}
        self.families: dict[str, Family] = {f.name: f for f in module.families}
        self.members: dict[str, Member] = {m.name: m for f in module.families for m in f.members}
        self.defaults = {
            item.name: _typed(module.arrays[item.default], module, item)
            for item in module.inputs
            if item.default >= 0
        }

        # Arrays that the compiler made of scalars: nobody knows them by a name of their own.
        self.made = {
            item.name: tuple(dict.fromkeys(
                f.name if f.name.isidentifier() else m.name
                for f in module.families for m in f.members if m.register == item.register))
            for item in module.inputs
            if module.registers[item.register].shape and item.name not in self.families}
        self.made = {name: own for name, own in self.made.items() if own}

        read = {r for one in module.code for r in one.operands}
        read |= {output.register for output in module.outputs if not output.hidden}
        # Inputs that nothing reads (their variable was set from outside, say) may be left out.
        self.unread = {item.name for item in module.inputs if item.register not in read}

    def __contains__(self, name: str) -> bool:
        return name in self.inputs or name in self.sizes or self._places(name) is not None

    def all(self) -> list[str]:
        """Every name that a value can be given to."""
        return [*self.spoken(), *sorted(self.sizes), *(n for n in self.families if n in self),
                *(n for n in self.members if n in self)]

    def spoken(self) -> tuple[str, ...]:
        """The inputs as the source names them: scalars where the compiler made arrays."""
        if not self.made:
            return tuple(self.inputs)
        return tuple(dict.fromkeys(
            own for name in self.inputs for own in self.made.get(name, (name,))))

    def _places(self, name: str) -> list[Member] | None:
        """The scalars of inputs that a family's or member's name stands for."""
        if name in self.members:
            found = [self.members[name]]
        elif name in self.families:
            found = list(self.families[name].members)
        else:
            return None
        return found if all(m.register in self.by_register for m in found) else None

    def constant(self, names: Iterable[str]) -> tuple[str, ...]:
        """The inputs all of whose elements are among `names`: inputs, families, or scalars."""
        names = tuple(names)
        found = {name: None for name in names if name in self.inputs}
        parts: dict[int, set[tuple[int, ...]]] = {}
        for name in names:
            for member in self._places(name) or ():
                parts.setdefault(member.register, set()).add(member.position)
        for register, positions in parts.items():
            every = {m.position for m in self.members.values() if m.register == register}
            if positions >= every:
                found[self.by_register[register].name] = None
        return tuple(found)

    def spelled(self, given: Iterable[str]) -> frozenset[str]:
        """The inputs `given`, with the scalars of families that lie in them."""
        names = set(given)
        registers = {self.inputs[name].register for name in names}
        return frozenset(names | {m.name for m in self.members.values()
                                  if m.register in registers})

    def read(self, values: Mapping[str, object]) -> Arguments:
        """Sort `values` by what they are and convert them. Raises `InputError`."""
        arguments = Arguments()
        pieces: dict[str, dict[tuple[int, ...], object]] = {}
        for name, value in values.items():
            known = False
            if name in self.sizes:
                arguments.sizes[name] = _size(name, value)
                known = True
            if name in self.inputs and name not in self.made:
                arguments.arrays[name] = as_input(value, self.module, self.inputs[name])
            elif (places := self._places(name)) is not None:
                for member, part in self._spread(name, places, value):
                    item = self.by_register[member.register]
                    parts = pieces.setdefault(item.name, {})
                    if name in self.members:  # one scalar wins over its family
                        parts[member.position] = part
                    else:
                        parts.setdefault(member.position, part)
            elif not known:
                arguments.unknown.append(name)
        for name, parts in pieces.items():
            if not (name in arguments.arrays and () in parts):
                self._assemble(arguments, name, parts)
        return arguments

    def _spread(self, name: str, places: list[Member], value):
        """The scalars of a family, each with its part of the value that was given."""
        if name in self.members:
            return [(places[0], value)]
        family = self.families[name]
        array = _plain(value, name)
        if array.shape != family.shape:
            wanted = " x ".join(map(str, family.shape))
            raise InputError(
                f"{name} is a family of {wanted} scalars ({_some(family)}), but an array of shape "
                f"{array.shape} was given"
            )
        return [
            (m, array[tuple(s - lo for s, lo in zip(m.subscripts, family.lo, strict=True))])
            for m in places
        ]

    def _assemble(self, arguments: Arguments, name: str, parts: dict) -> None:
        """An input from scalars given one by one, over what was given whole or is its default."""
        item = self.inputs[name]
        if list(parts) == [()]:
            arguments.arrays[name] = as_input(parts[()], self.module, item)
            return
        base = arguments.arrays.get(name, self.defaults.get(name))
        members = [m for m in self.members.values() if m.register == item.register]
        if base is None or base.ndim < len(members[0].position):
            missing = [m.name for m in members if m.position not in parts]
            if missing and base is None:
                arguments.missing[name] = missing
                return
            shape = tuple(1 + max(m.position[k] for m in members)
                          for k in range(len(members[0].position)))
            number = 0 if base is None else base
            base = np.full(shape, number, DTYPES[self.module.registers[item.register].dtype])
        array = base.copy()
        for position, part in parts.items():
            array[position] = as_input(part, self.module, item, rank=0)
        arguments.arrays[name] = array

    def complain(self, unknown: list[str], spellings: set[str], outputs: set[str]) -> None:
        """Raise for names that are no inputs. `spellings` are all names of the source, if known."""
        module, lines = self.module, []
        where = printable(module.file) or "the program"
        for name in unknown:
            if name in outputs:
                lines.append(
                    f"{name} is determined by {where}; to set it from outside, compile the source "
                    f"with it known"
                )
            else:
                hint = suggestion(name, {*self.all(), *spellings})
                lines.append(f"{name} is not an input of {where}{hint}")
        names = self.signatures(module.inputs)
        lines.append(f"its inputs are {listed(names, most=30)}" if names else "it has no inputs")
        raise InputError("\n".join(lines))

    def missing(self, arguments: Arguments) -> None:
        """Raise if an input has no value, naming all of them."""
        absent = [item for item in self.module.inputs
                  if item.name not in arguments.arrays and item.name not in self.defaults
                  and item.name not in self.unread]
        if not absent:
            return
        if not self.made and arguments.missing:
            name, names = next(iter(arguments.missing.items()))
            raise InputError(f"missing: {listed(names)} (other scalars of {name} are given)")
        plain = [item for item in absent if item.pattern is None]
        lines = []
        if plain:
            names = [text for item in plain for text in
                     arguments.missing.get(item.name) or self.signatures([item])]
            noun = "the input" if len(names) == 1 else "the inputs"
            verb = "is" if len(names) == 1 else "are"
            lines.append(f"{noun} {listed(names, most=40)} {verb} missing")
        patterns = [item for item in absent if item.pattern is not None]
        if patterns:
            names = [self.signature(item) for item in patterns]
            lines.append(f"{listed(names)} {'is' if len(names) == 1 else 'are'} read from a data "
                         "file: give it with --data")
        source = absent[0].source if len(absent) == 1 else -1
        raise MissingInput(located(self.module, source, "\n".join(lines)),
                           self.made.get(plain[0].name, (plain[0].name,))[0] if plain else "")

    def signatures(self, items: Iterable[Input]) -> list[str]:
        """The inputs as messages name them."""
        return [text for item in items
                for text in self.made.get(item.name) or (self.signature(item),)]

    def signature(self, item: Input) -> str:
        """`X[t,i]`."""
        rank = len(self.module.registers[item.register].shape)
        if not rank:
            return item.name
        axes = axis_names(self.module, item.name, rank, item.source)
        if not axes[0].startswith("axis "):
            return f"{item.name} ({rank} {'axis' if rank == 1 else 'axes'})"
        return f"{item.name}[{','.join(a.removeprefix('axis ') for a in axes)}]"


def _some(family: Family) -> str:
    names = [m.name for m in family.members]
    return ", ".join(names) if len(names) < 5 else f"{names[0]}, {names[1]}, … {names[-1]}"


def _size(name: str, value) -> int:
    array = _plain(value, name)
    if array.ndim or array.dtype.kind not in "iufb" or not np.isfinite(array):
        raise InputError(f"{name} is a size: a single whole number is expected")
    number = array.item()
    if number != int(number):
        raise InputError(f"{name} is a size: a whole number is expected, not {number}")
    if abs(number) > SIZE_LIMIT:
        raise InputError(f"{name} = {int(number)} is too large to be a size")
    return int(number)


def _plain(value, name: str) -> np.ndarray:
    """Numbers, lists and arrays as an array of any dtype."""
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, TypeError):
        raise InputError(f"{name}: the lists are not all of one length") from None
    if array.dtype == object and array.size and all(type(x) is int for x in array.flat):
        try:
            return array.astype(np.float64)  # whole numbers beyond 64 bits
        except OverflowError:
            raise InputError(f"{name}: a number is too large") from None
    if array.dtype == object:
        raise InputError(f"{name}: numbers are expected, not {_described(value)}")
    return array


def _described(value) -> str:
    return f"a {type(value).__name__}" if not isinstance(value, (list, tuple)) else "these objects"


def as_input(value, module: Module, item: Input, rank: int | None = None) -> np.ndarray:
    """A value as an array of an input's type, in C order.

    An array that is already so is used as it is, without copying. Raises `InputError`: not numbers,
    not whole for an integer input, another number of axes than the input has (or `rank`).
    """
    register = module.registers[item.register]
    if item.symbolic and _plain(value, item.name).dtype.kind in "biufc":
        raise InputError(located(module, item.source,
                                 f"{item.name} is a symbol, such as {_symbol_list(module)}, not a "
                                 "number"))
    array = _typed(value, module, item)
    wanted = len(register.shape) if rank is None else rank
    if array.ndim != wanted:
        names = axis_names(module, item.name, wanted, item.source)
        got = f"an array of shape {array.shape}" if array.ndim else "a single number"
        text = f"{axes_of(item.name, names)}, but {got} was given"
        raise InputError(located(module, item.source, text))
    return array


def _typed(value, module: Module, item: Input) -> np.ndarray:
    name, dtype = item.name, DTYPES[module.registers[item.register].dtype]
    array = _plain(value, name)
    if item.symbolic and array.dtype.kind in "US":
        return numbers_of(array, module)
    if array.dtype.kind not in "biuf":
        kind = {"U": "text", "S": "bytes", "c": "complex numbers", "M": "dates", "m": "durations"}
        got = kind.get(array.dtype.kind, str(array.dtype))
        if got == "text":
            got = f"the text {printable(repr(str(array.flat[0])))}" if array.size else got
            got += f": the program compares {name} with no symbol"
        raise InputError(located(module, item.source, f"{name}: numbers are expected, not {got}"))
    if dtype.kind == "i" and array.dtype.kind in "fu":
        _check_whole(array, module, item)
    usable = array.flags.aligned and array.dtype == dtype and array.flags.c_contiguous
    if not usable:
        _check_memory(array.size * dtype.itemsize, module, item)
    # ascontiguousarray makes an axis of a scalar.
    return array if usable else np.ascontiguousarray(array, dtype).reshape(array.shape)


def _check_memory(size: int, module: Module, item: Input) -> None:
    """Raise before a copy is made that the machine has no memory for."""
    limit = not_enough_memory(size)
    if limit is not None:
        dtype = module.registers[item.register].dtype
        raise InputError(located(
            module, item.source,
            f"{item.name} has to be copied (in C order, as {dtype}), which takes "
            f"{byte_count(size)} of memory, but this machine has {byte_count(limit)}"))


def _symbol_list(module: Module) -> str:
    return listed([f"'{s}'" for s in module.symbols], "or")


def _check_whole(array: np.ndarray, module: Module, item: Input) -> None:
    with np.errstate(invalid="ignore"):
        wrong = ~((array == np.floor(array)) & (np.abs(array) < 2.0**63))
    if wrong.any():
        point = tuple(int(p) for p in np.argwhere(wrong)[0])
        lo = [size.constant or 0 for size in module.registers[item.register].lo]
        lo = lo if len(lo) == len(point) else [0] * len(point)
        place = f"[{','.join(str(p + k) for p, k in zip(point, lo, strict=True))}]" if point else ""
        raise InputError(located(
            module, item.source,
            f"{item.name} is an integer input, but {item.name}{place} is {array[point]}"))
