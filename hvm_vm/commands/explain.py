"""Show what each relation became: instructions, inputs, sizes and results.

  hvm explain attention.hmp

The indexed relations that scalar ones were lifted to come first, with the scalar relations that
follow no common rule and why. Then relation by relation in the order of the text, with the
instructions that compute it. A relation without an instruction of its own is part of the ones
named below it, or is not needed. Where a relation is not written for the name that it determines,
`as …` is how it was turned round, `for …` what it is solved for, from the guess if there is one,
and why. Of bytecode, which holds no source, only the relations with instructions are known.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from hvm_vm.commands.options import Parser, compile_options, file_argument
from hvm_vm.commands.output import counted, message
from hvm_vm.commands.programs import (
    BYTECODE,
    kind_of,
    read_file,
    require_no_compiling,
    to_source,
    verified,
)
from hvm_vm.tracing.describe import brief, shape_text
from hvm_vm.tracing.units import quantity


def configure(parser: Parser) -> None:
    file_argument(parser)
    compile_options(parser)


def run(options: argparse.Namespace) -> int:
    data = read_file(options.file)
    if kind_of(data) == BYTECODE:
        require_no_compiling(options.file, options)
        module = verified(options.file, data).module
        relations, lifted = _of_module(module), []
    else:
        from hvm_vm.compiling.building import compile_stages

        source = to_source(options.file, data)
        stages = compile_stages(
            source,
            known=options.known,
            free=options.free,
            find=options.find,
        )
        for warning in stages.warnings:
            message(warning)
        module = stages.verified.module
        relations = _of_system(module, stages.system)
        lifted = _lifted(source, options)
    parts = ([*_sizes(module), *_inputs(module), *_results(module)], lifted, relations,
             [_totals(module)])
    print("\n\n".join("\n".join(part) for part in parts if part))
    return 0


def _lifted(source, options: argparse.Namespace) -> list[str]:
    """What scalar relations became, and which stay scalar."""
    from hvm_vm.language import parse
    from hvm_vm.language.diagnostics import Diagnostics
    from hvm_vm.relations.lift import Unliftable, lift
    from hvm_vm.relations.lift.report import families, reasons

    try:
        lifted = lift(source, parse(source, Diagnostics(source)), known=options.known,
                      free=options.free, find=options.find)
    except Unliftable:
        return []
    return [*families(lifted, source), *reasons(lifted, source)]


def _sizes(module) -> list[str]:
    lines = []
    for size in module.symbols_of_size:
        known = f" = {size.default}" if size.default is not None else ", read off the data or set"
        lines.append(f"size    {size.name}{known}")
    return lines


def _inputs(module) -> list[str]:
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
    return [
        f"result  {o.name} {shape_text(module, o.register)}" for o in module.outputs if not o.hidden
    ]


def _of_module(module) -> list[str]:
    """The relations that have instructions, by place."""
    of_source = _by_source(module)
    lines = []
    for source in sorted((s for s in of_source if s >= 0), key=lambda s: _place(module, s)):
        span = module.sources[source]
        lines.append(f"{module.file}:{span.line}: {_one_line(span.text)}")
        lines += _instructions(module, of_source[source])
    return lines


def _of_system(module, system) -> list[str]:
    """Every relation that determines something, by place, with what became of it."""
    of_source = {_place(module, s): pcs for s, pcs in _by_source(module).items() if s >= 0}
    computed = _computed(module)
    users = _users(system)
    from hvm_vm.language.source import Source

    position = Source("", system.text).position
    lines = []
    answers = {(a.place.start, a.place.end): a for a in system.answers}
    relations = sorted({
        (place.start, place.end, definition.variable)
        for definition in system.definitions.values()
        for case in definition.cases
        for place in (case.place, *case.place.others)
    } | {(e.place.start, e.place.end, c.unknowns[0])
         for c in system.coupled for e in c.equations})
    for start, end, variable in relations:
        if start == end:  # a slice that --find asks for: no line of the text
            lines.append(f"--find {variable.removeprefix('find ')}")
            lines += _instructions(module, computed.get(variable, []))
            continue
        line, column = position(start)
        if system.text[start:end].isidentifier() and (line, column) not in of_source:
            continue  # no relation of the text: an element of an array, as a result of its own
        lines.append(f"{module.file}:{line}: {_one_line(system.text[start:end])}")
        answer = answers.get((start, end))
        if answer is not None:
            lines.append(f"    {_answered(answer)}")
        own = of_source.pop((line, column), [])
        lines += _instructions(module, own)
        if not own:
            lines.append(f"    {_elsewhere(module, variable, computed, users)}")
    # Claims, and what the compiler added.
    for (line, _), pcs in sorted(of_source.items()):
        text = module.sources[module.code[pcs[0]].source].text
        lines += [f"{module.file}:{line}: {_one_line(text)}", *_instructions(module, pcs)]
    return lines


def _answered(answer) -> str:
    """How a relation determines a name that it is not written for."""
    if not answer.text:
        start = f" from {answer.start}" if answer.start else ""
        return f"for {answer.variable}{start}, {answer.why}"
    needs = f", where {' and '.join(answer.needs)}" if answer.needs else ""
    return f"as {answer.text}{needs}{f' ({answer.why})' if answer.why else ''}"


def _elsewhere(module, variable: str, computed: dict, users: dict) -> str:
    """Where a relation without an instruction of its own is computed."""
    seen, layer = {variable}, [variable]
    while layer:
        pcs = sorted({pc for name in layer for pc in computed.get(name, ())})
        if pcs:
            return "in " + ", ".join(f"{pc} ({module.code[pc].op})" for pc in pcs)
        layer = [u for name in layer for u in users.get(name, ()) if u not in seen]
        seen.update(layer)
    return "not needed for the results"


def _computed(module) -> dict[str, list[int]]:
    """Variable to the instructions that write it."""
    from hvm_vm.bytecode import isa
    from hvm_vm.bytecode.regions import result_count

    found: dict[str, list[int]] = {}
    for pc, instruction in enumerate(module.code):
        if instruction.descriptor < 0:
            continue
        d = module.descriptors[instruction.descriptor]
        count = result_count(isa.BY_NAME[instruction.op], len(d.roots), len(d.accesses))
        for register in instruction.operands[:count]:
            found.setdefault(module.registers[register].name, []).append(pc)
    return found


def _users(system) -> dict[str, list[str]]:
    """Variable to the variables whose relations read it."""
    from hvm_vm.relations.guards import references

    users: dict[str, dict[str, None]] = {}
    for definition in system.definitions.values():
        for case in definition.cases:
            for expression in (case.body, case.condition, *case.subscripts):
                for ref in references(expression) if expression is not None else ():
                    users.setdefault(ref.variable, {})[definition.variable] = None
    return {name: list(found) for name, found in users.items()}


def _by_source(module) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pc, instruction in enumerate(module.code):
        found.setdefault(instruction.source, []).append(pc)
    return found


def _place(module, source: int) -> tuple[int, int]:
    return module.sources[source].line, module.sources[source].column


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _instructions(module, pcs: Iterable[int]) -> list[str]:
    width = len(str(len(module.code)))
    return [f"    {pc:>{width}}  {brief(module, module.code[pc])}" for pc in pcs]


def _totals(module) -> str:
    counts: dict[str, int] = {}
    for instruction in module.code:
        counts[instruction.op] = counts.get(instruction.op, 0) + 1
    parts = ", ".join(f"{n} {op}" for op, n in sorted(counts.items(), key=lambda c: -c[1]))
    stored = sum(array.nbytes for array in module.arrays)
    code = counted(len(module.code), "instruction")
    return f"{code} ({parts}); {quantity(stored, 'B')} of constants"
