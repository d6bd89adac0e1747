"""The sizes of a program: those that were set, its defaults, the rest read off the data's shapes.

Every axis of every array that is passed states one equation, `length expression = elements`. A size
that was set from outside stands; a constant of the source stands unless it was set; a size that
neither gives is solved from an equation in which it is the only unknown. Then every equation is
checked, so that a conflict is reported in the words of the two arrays that disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.sizes import SIZE_LIMIT, Size, SizeError
from hvm_vm.engines.words import axes_of, axis_names, elements, listed, located, suggestion
from hvm_vm.errors import InputError


@dataclass(frozen=True, slots=True)
class AxisLength:
    """One equation: `length` has to be the number of elements along an axis of an array."""

    array: str
    axis: str
    length: Size
    elements: int
    source: int
    is_default: bool = False

    def __str__(self) -> str:
        return f"{self.array}'s {self.axis}{' (a default)' if self.is_default else ''}"


def solve_sizes(
    module: Module, shapes: Mapping[str, Sequence[int]], given: Mapping[str, int]
) -> dict[str, int]:
    """The value of every size symbol.

    `shapes` are those of the arrays that were passed, by input name; `given` the sizes set from
    outside. Raises `InputError` that names both arrays of a conflict, or the sizes still unknown.
    """
    symbols = {symbol.name: symbol for symbol in module.symbols_of_size}
    values, origin, equations = _solved(module, shapes, given)
    for equation in equations:
        _check(module, equation, values, origin)
    unknown = [name for name in symbols if name not in values]
    if unknown:
        raise InputError(_unknown(module, unknown, equations))
    return values


def unknown_sizes(
    module: Module, shapes: Mapping[str, Sequence[int]], given: Mapping[str, int]
) -> list[str]:
    """The sizes that neither `given`, a constant of the source, nor `shapes` decide."""
    values, _, _ = _solved(module, shapes, given)
    return [symbol.name for symbol in module.symbols_of_size if symbol.name not in values]


def _solved(module: Module, shapes, given):
    """(values, where each comes from, equations): what can be known, not checked yet."""
    symbols = {symbol.name: symbol for symbol in module.symbols_of_size}
    values: dict[str, int] = {}
    origin: dict[str, str | AxisLength] = {}
    for name, value in given.items():
        if name not in symbols:
            raise InputError(f"{name} is not a size of the program{suggestion(name, symbols)}")
        values[name] = value
        origin[name] = "set"
    for symbol in module.symbols_of_size:
        if symbol.name not in values and symbol.default is not None:
            values[symbol.name] = symbol.default
            origin[symbol.name] = "default"

    equations = _equations(module, shapes)
    _solve(equations, values, origin)
    return values, origin, equations


def _equations(module: Module, shapes: Mapping[str, Sequence[int]]) -> list[AxisLength]:
    found = []
    for item in module.inputs:
        if item.name not in shapes:
            continue
        shape, register = tuple(shapes[item.name]), module.registers[item.register]
        names = axis_names(module, item.name, len(register.shape), item.source)
        if len(shape) != len(register.shape):
            raise InputError(located(module, item.source, _rank(item.name, names, shape)))
        for axis, length, count in zip(names, register.shape, shape, strict=True):
            default = item.default >= 0 and module.arrays[item.default].shape == shape
            found.append(AxisLength(item.name, axis, length, count, item.source, default))
    # What was passed comes first: a default that does not fit it is what the message is about.
    return sorted(found, key=lambda equation: equation.is_default)


def _rank(name: str, names: Sequence[str], shape: Sequence[int]) -> str:
    got = f"an array of shape {tuple(shape)}" if shape else "a single number"
    return f"{axes_of(name, names)}, but {got} was given"


def _solve(equations, values: dict[str, int], origin: dict) -> None:
    """Solve equations with one unknown until none is left."""
    progress = True
    while progress:
        progress = False
        for equation in equations:
            unknown = [s for s in equation.length.symbols() if s not in values]
            if len(unknown) != 1:
                continue
            value = _solve_one(equation.length, unknown[0], values, equation.elements)
            if value is not None:
                values[unknown[0]] = value
                origin[unknown[0]] = equation
                progress = True


def _solve_one(length: Size, unknown: str, values: dict[str, int], count: int) -> int | None:
    """The only non-negative value at which `length` is `count`, or None when there is none or more
    than one. Exact for affine lengths, else by bisection of a monotone length."""

    def at(value: int) -> int | None:
        try:
            return length.evaluate({**values, unknown: value})
        except SizeError:
            return None

    if _is_affine(length, unknown):
        zero, one = at(0), at(1)
        if zero is None or one is None or one == zero:
            return None
        value, rest = divmod(count - zero, one - zero)
        return value if not rest else None

    low, high = 0, 1
    start, end = at(low), at(high)
    if start == count and end != count:
        return 0
    if start is None and end is None:
        return None
    # An exact quotient has no value between its multiples: a scan of what small data can mean.
    if "exactdiv" in {a.op for m, _ in length.terms for a in m}:
        hits = [v for v in range(1 << 14) if at(v) == count]
        return hits[0] if len(hits) == 1 else None
    while high < SIZE_LIMIT and (end is None or end <= count):
        high *= 2
        end = at(high)
        if end is None:
            break
    while high - low > 1:
        middle = (low + high) // 2
        value = at(middle)
        if value is None or value > count:
            high = middle
        else:
            low = middle
    # `low` is the largest value whose length does not pass `count`.
    if at(low) != count or (low > 0 and at(low - 1) == count):
        return None
    return low


def _is_affine(length: Size, symbol: str) -> bool:
    for monomial, _ in length.terms:
        inside = [a for a in monomial if a.op == "sym" and a.left == symbol]
        deep = any(
            a.op != "sym" and symbol in a.left.symbols() | a.right.symbols() for a in monomial
        )
        if deep or len(inside) > 1:
            return False
    return True


def _check(module: Module, equation: AxisLength, values, origin) -> None:
    try:
        wanted = max(0, equation.length.evaluate(values))
    except SizeError as error:
        if any(s not in values for s in equation.length.symbols()):
            return  # still unknown; reported together with the others
        raise InputError(located(module, equation.source, f"{equation}: {error}")) from None
    if wanted == equation.elements:
        return
    has = f"{equation} has {elements(equation.elements)}"
    names = sorted(equation.length.symbols())
    if not names:
        text = f"{has}, but the program has {wanted} there"
    elif len(names) == 1 and equation.length == Size.of(names[0]):
        text = f"{has}, but {_because(names[0], values, origin)}"
    else:
        reasons = listed([_reason(n, values, origin) for n in names])
        text = f"{has}, but it should have {equation.length} = {wanted} ({reasons})"
    raise InputError(located(module, equation.source, text))


def _because(name: str, values, origin) -> str:
    cause = origin[name]
    if cause == "set":
        return f"{name} was set to {values[name]}"
    if cause == "default":
        return f"the program says {name} = {values[name]} (set {name} to change it)"
    if cause.length == Size.of(name):
        return f"{cause} has {cause.elements}: both are {name}"
    return f"{name} is {values[name]}, because {_reason(name, values, origin)}"


def _reason(name: str, values, origin) -> str:
    cause = origin[name]
    if cause == "set":
        return f"{name} was set to {values[name]}"
    if cause == "default":
        return f"the program says {name} = {values[name]}"
    if cause.length == Size.of(name):
        return f"{name} = {values[name]} from {cause}"
    return f"{name} = {values[name]} from {cause}, which has {cause.length} = {cause.elements}"


def _unknown(module: Module, unknown: list[str], equations: list[AxisLength]) -> str:
    lines = []
    for name in unknown:
        text = f"the size {name} is not known: give it with --set {name}=…"
        arrays = []
        for item in module.inputs:
            register = module.registers[item.register]
            axes = axis_names(module, item.name, len(register.shape), item.source)
            for axis, length in zip(axes, register.shape, strict=True):
                if name in length.symbols() and not any(e.array == item.name for e in equations):
                    arrays.append(f"{item.name} (its {axis} has {length} elements)")
        if arrays:
            text += f", or pass {listed(arrays, 'or', 4)}"
        elif any(name in e.length.symbols() for e in equations):
            where = next(e for e in equations if name in e.length.symbols())
            text += f" ({where} has {where.length} = {where.elements}, which does not decide it)"
        source = next(s.source for s in module.symbols_of_size if s.name == name)
        lines.append(located(module, source, text))
    return "\n".join(lines)
