"""The compiler's stages one after the other, with what lies between them kept for a look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hvm_vm import bytecode, language, lowering, relations
from hvm_vm.language.diagnostics import Diagnostics, render
from hvm_vm.language.source import Source


@dataclass(frozen=True)
class Stages:
    """A compiled source: its system of relations, its verified program, its warnings as text."""

    system: object
    program: object
    warnings: str
    warning_count: int


def compile_stages(
    source: Source,
    *,
    known: Iterable[str] = (),
    free: Iterable[str] = (),
    find: Iterable[str] = (),
) -> Stages:
    """Compile `source`. Raises `CompileError` with everything that is wrong with it."""
    diagnostics = Diagnostics(source)
    tree = language.parse(source, diagnostics)
    # A file that does not parse has no relations to speak of: what follows would be noise.
    diagnostics.raise_if_errors()
    system = relations.build(
        tree,
        source,
        diagnostics,
        known=frozenset(known),
        free=frozenset(free),
        find=tuple(find),
    )
    diagnostics.raise_if_errors()
    program = bytecode.verify(lowering.lower(system))
    warnings = diagnostics.warnings
    return Stages(system, program, render(warnings), len(warnings))
