"""Modules to assembly text: the code first, then what it stands on.

The text means exactly one file: `assemble(disassemble(module))` encodes to the same bytes. The
grammar is in `bytecode/SPEC.md`.
"""

from __future__ import annotations

import base64

import numpy as np

from hvm_vm.bytecode.asm_listing import Names, spell_instruction
from hvm_vm.bytecode.asm_sizes import spell_range
from hvm_vm.bytecode.asm_tokens import spell_float, spell_name, spell_text
from hvm_vm.bytecode.canonical import canonical
from hvm_vm.bytecode.isa import VERSION
from hvm_vm.bytecode.module import DTYPES, Family, Input, Module, TensorPattern
from hvm_vm.bytecode.verifier import verify

INLINE_ELEMENTS = 64  # arrays up to this many are written where they are used
WRITTEN_ELEMENTS = 4096  # arrays up to this many are written in numbers, larger ones in base64


def disassemble(module: Module) -> str:
    """The assembly text of a module. Raises :class:`BytecodeError` when it does not verify."""
    verify(module)
    module = canonical(module)
    names = Names(module)
    lines = [f".hvma {VERSION[0]}.{VERSION[1]}"]
    if module.file:
        lines.append(f".file {spell_text(module.file)}")
    lines.append(f".precision {module.precision}")
    for symbol in module.symbols_of_size:
        default = "" if symbol.default is None else f" = {symbol.default}"
        lines.append(f".size {spell_name(symbol.name)}{default}{names.source(symbol.source)}")
    if module.symbols:
        lines.append(f".symbols {', '.join(map(spell_text, module.symbols))}")
    lines += _section(_code(module, names))
    lines += _section(_input(module, item, names) for item in module.inputs)
    lines += _section(
        f".output {spell_name(item.name)} {names.registers[item.register]}"
        f"{' symbolic' * item.symbolic}{' hidden' * item.hidden}{names.source(item.source)}"
        for item in module.outputs
    )
    lines += _section(_registers(module, names))
    lines += _section(_family(family, names) for family in module.families)
    lines += _section(
        f".array {number} {_array(array)}"
        for number, array in enumerate(module.arrays)
        if not _inline(array)
    )
    lines += _section(
        f".source {span.line}:{span.column} {spell_text(span.text)}" for span in module.sources
    )
    return "\n".join(lines) + "\n"


def listing(module: Module) -> str:
    """The instructions alone, as they stand in the assembly text, for people. Raises
    :class:`BytecodeError` when the module does not verify."""
    verify(module)
    module = canonical(module)
    return "\n".join(_code(module, Names(module))) + "\n"


def _section(lines) -> list[str]:
    found = list(lines)
    return ["", *found] if found else []


def _code(module: Module, names: Names) -> list[str]:
    lines = []
    for instruction in module.preconditions:
        first, *rest = spell_instruction(module, instruction, names)
        lines += [f".precondition {first}", *(f"      {line}" for line in rest)]
    if lines:
        lines.append("")
    width = max(3, len(str(len(module.code) - 1)))
    for pc, instruction in enumerate(module.code):
        first, *rest = spell_instruction(module, instruction, names)
        lines += [f"{pc:>{width}}  {first}", *(f"{'':>{width}}    {line}" for line in rest)]
        if instruction.source != -1:
            lines[-1] += f"  ; {_comment(module.sources[instruction.source].text)}"
    return lines


def _comment(text: str) -> str:
    """A relation in one line, without what a terminal would act on."""
    shown = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


def _registers(module: Module, names: Names) -> list[str]:
    lines = []
    for number, register in enumerate(module.registers):
        axes = ", ".join(
            spell_range(lo, extent) for lo, extent in zip(register.lo, register.shape, strict=True)
        )
        line = f".register {spell_name(register.name)} {register.dtype}" + (
            f"[{axes}]" if axes else ""
        )
        lines.append(line + (f"  ; %{number}" if names.registers[number] == f"%{number}" else ""))
    return lines


def _input(module: Module, item: Input, names: Names) -> str:
    text = f".input {spell_name(item.name)} {names.registers[item.register]}"
    if item.default != -1:
        array = module.arrays[item.default]
        text += f" = {_values(array)}" if _inline(array) else f" = array {item.default}"
    if item.pattern is not None:
        text += f" from {_pattern(item.pattern)}"
    return text + " symbolic" * item.symbolic + names.source(item.source)


def _pattern(pattern: TensorPattern) -> str:
    return " ".join(
        spell_text(part)
        if isinstance(part, str)
        else "{{axis {} scale {} offset {}}}".format(*part)
        for part in pattern.parts
    )


def _family(family: Family, names: Names) -> str:
    axes = ", ".join(f"{lo}..{lo + n - 1}" for lo, n in zip(family.lo, family.shape, strict=True))
    members = []
    for member in family.members:
        subscripts = ", ".join(map(str, member.subscripts))
        position = ", ".join(map(str, member.position))
        members.append(
            f"    {spell_name(member.name)}[{subscripts}] = {names.registers[member.register]}"
            + (f"[{position}]" if position else "")
        )
    return "\n".join(
        (
            f".family {spell_name(family.name)}[{axes}] (",
            *(m + "," for m in members[:-1]),
            *members[-1:],
            ")",
        )
    )


# -- arrays ----------------------------------------------------------------------------------------


def _inline(array: np.ndarray) -> bool:
    """Whether an array is written where it is used: it is small, has elements, and its numbers say
    it all."""
    return 0 < array.size <= INLINE_ELEMENTS and _plain(array)


def _plain(array: np.ndarray) -> bool:
    """Whether its numbers, written out, say it all: NaNs may differ in bits that no number
    shows."""
    holes = array[np.isnan(array)]
    return holes.tobytes() == np.full(holes.shape, np.nan, array.dtype).tobytes()


def _array(array: np.ndarray) -> str:
    dtype = next(name for name, known in DTYPES.items() if known == array.dtype)
    head = f"{dtype}[{', '.join(map(str, array.shape))}]"
    if array.size <= WRITTEN_ELEMENTS and _plain(array):
        values = [_value(x) for x in array.ravel()]
        lines = [", ".join(values[k : k + 8]) for k in range(0, len(values), 8)]
        return f"{head} [" + ",\n    ".join(lines) + "]"
    raw = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return (
        f"{head} (\n" + "\n".join(f'    "{raw[k : k + 88]}"' for k in range(0, len(raw), 88)) + ")"
    )


def _values(array: np.ndarray) -> str:
    if array.ndim == 0:
        return _value(array[()])
    return f"[{', '.join(_values(row) for row in array)}]"


def _value(value) -> str:
    """A number that reads back to the same bits, in the type of the array."""
    if isinstance(value, np.integer):
        return str(int(value))
    if isinstance(value, np.float32):
        short = str(value)
        if np.float32(float(short)) == value:
            return spell_float(float(short))
    return spell_float(float(value))
