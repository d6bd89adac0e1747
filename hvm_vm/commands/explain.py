"""Show what each relation became: instructions, inputs, sizes and results.

  hvm explain attention.hmp

Relation by relation in the order of the text, with the instructions that compute it. A relation
without an instruction of its own was fused into the one that uses it, or is not needed.
"""

from __future__ import annotations

import argparse

from hvm_vm.commands.options import Parser, compile_options, file_argument
from hvm_vm.commands.programs import open_program
from hvm_vm.tracing.units import quantity


def configure(parser: Parser) -> None:
    file_argument(parser)
    compile_options(parser)


def run(options: argparse.Namespace) -> int:
    program = open_program(options.file, free=options.free, find=options.find)
    for line in explain(program.module):
        print(line)
    return 0


def explain(module) -> list[str]:
    """The lines of the explanation of a bytecode module."""
    lines = [*_sizes(module), *_inputs(module), *_results(module)]
    return [*lines, "", *_relations(module), "", _totals(module)]


def _sizes(module) -> list[str]:
    lines = []
    for size in module.symbols_of_size:
        known = f" = {size.default}" if size.default is not None else ", read off the data or set"
        lines.append(f"size    {size.name}{known}")
    return lines


def _inputs(module) -> list[str]:
    from hvm_vm.tracing.describe import shape_text

    lines = []
    for item in module.inputs:
        notes = []
        if item.default >= 0:
            notes.append("has a default")
        if item.pattern is not None:
            notes.append(f"from {_pattern(item.pattern)}")
        if item.symbolic:
            notes.append("a symbol")
        note = f"    # {', '.join(notes)}" if notes else ""
        lines.append(f"input   {item.name} {shape_text(module, item.register)}{note}")
    return lines


def _pattern(pattern) -> str:
    parts = []
    for part in pattern.parts:
        if isinstance(part, str):
            parts.append(part)
        else:
            axis, scale, offset = part
            number = f"{'' if scale == 1 else f'{scale}*'}<axis {axis + 1}>"
            parts.append("{" + number + (f"{offset:+d}" if offset else "") + "}")
    return f'"{"".join(parts)}"'


def _results(module) -> list[str]:
    from hvm_vm.tracing.describe import shape_text

    return [
        f"result  {o.name} {shape_text(module, o.register)}" for o in module.outputs if not o.hidden
    ]


def _relations(module) -> list[str]:
    from hvm_vm.tracing.describe import describe

    of_source: dict[int, list[int]] = {}
    for pc, instruction in enumerate(module.code):
        of_source.setdefault(instruction.source, []).append(pc)
    width = len(str(len(module.code)))
    lines = []
    places = sorted(range(len(module.sources)), key=lambda k: _place(module.sources[k]))
    for source in places:
        span = module.sources[source]
        lines.append(f"{module.file}:{span.line}: {' '.join(span.text.split())}")
        for pc in of_source.pop(source, []):
            lines.append(f"    {pc:>{width}}  {describe(module, module.code[pc])}")
    for pcs in of_source.values():
        lines += [f"    {pc:>{width}}  {describe(module, module.code[pc])}" for pc in pcs]
    return lines


def _place(span) -> tuple[int, int]:
    return span.line, span.column


def _totals(module) -> str:
    counts: dict[str, int] = {}
    for instruction in module.code:
        counts[instruction.op] = counts.get(instruction.op, 0) + 1
    parts = ", ".join(f"{n} {op}" for op, n in sorted(counts.items(), key=lambda c: -c[1]))
    stored = sum(array.nbytes for array in module.arrays)
    return f"{len(module.code)} instructions ({parts}); {quantity(stored, 'B')} of constants"
