"""From source to program: every stage of the compiler in order."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hvm_vm.api.program import Program
from hvm_vm.errors import CompileError, InputError

if TYPE_CHECKING:
    from hvm_vm.bytecode.module import VerifiedProgram
    from hvm_vm.language.source import Source
    from hvm_vm.relations.system import System

PRECISIONS = {"float32": "f32", "float64": "f64"}
UNLIFTED = 100_000  # characters of a text that is compiled as it stands to show its scalars


def compile(
    source,
    *,
    known: Iterable[str] = (),
    free: Iterable[str] = (),
    find: Iterable[str] = (),
    offered: Iterable[str] = (),
    precision: str | None = None,
) -> Program:
    """Compile HMP.

    `source` is a path, source text (see `is_text`), or a `Source`.
    `known`: names set from outside though the file may determine them. `free`: literal defaults to
    drop, so that relations determine the name. `find`: results in place of the file's own.
    `offered`: names that data files hold; those that are variables of the file are known, too.
    `precision`: "float32" or "float64", in place of the file's own.

    Raises `CompileError` with every diagnostic, or `InputError` when the file cannot be read.
    """
    source, held = _source(source), frozenset(_names(known))
    if offered := frozenset(_names(offered)) - held:
        from hvm_vm.compiling.offered import variables_among

        held |= variables_among(source, offered)
    if precision not in (None, *PRECISIONS):
        raise InputError(f"precision: float32 or float64 is expected, not {precision!r}")
    return _compile(source, held, frozenset(_names(free)), _names(find), PRECISIONS.get(precision))


def _compile(source: Source, known: frozenset[str], free: frozenset[str], find: tuple[str, ...],
             precision: str | None = None, lift: bool = True) -> Program:
    stages = compile_stages(source, known=known, free=free, find=find, lift=lift,
                            precision=precision)
    system = stages.system

    def recompile(more: frozenset[str]) -> Program:
        members = {m.name for f in system.families if f.name in more for m in f.members}
        whole = {f.name for f in system.families if f.name not in system.variables}
        return _compile(source, known | (more - whole) | members, free, find, precision,
                        lift)

    def everything(given: frozenset[str], needed: bool) -> Program | None:
        from hvm_vm.compiling.everything import compile_most, find_texts

        # Unlifted, each scalar has a relation of its own to show.
        small = len(source.text) <= UNLIFTED
        base = system if not (lift and small) else compile_stages(
            source, known=known, free=free, find=find, lift=False).system

        def again(texts: list[str]) -> Program:
            return _compile(source, known, free, tuple(texts), precision, lift and not small)

        return compile_most(again, *find_texts(base, given, needed))

    spellings = {*system.variables, *(f.name for f in system.families),
                 *(m.name for f in system.families for m in f.members)}
    return Program(stages.verified, spellings=spellings, recompile=recompile, everything=everything,
                   warnings=stages.warnings)


@dataclass(frozen=True)
class Stages:
    """What the compiler made of a source: its relations as a system, its verified bytecode."""

    system: System
    verified: VerifiedProgram
    warnings: tuple[str, ...]


def compile_stages(
    source: Source,
    *,
    known: Iterable[str] = (),
    free: Iterable[str] = (),
    find: Iterable[str] = (),
    lift: bool = True,
    precision: str | None = None,
) -> Stages:
    """Every stage of the compiler. `lift`: scalars of families become arrays where they can.
    `precision`: "f32" or "f64", in place of the source's own. Raises as `compile` does."""
    from hvm_vm.bytecode import verify
    from hvm_vm.compiling.collector import paused
    from hvm_vm.compiling.outside_names import check_names
    from hvm_vm.language import parse
    from hvm_vm.language.diagnostics import Diagnostics
    from hvm_vm.lowering import lower
    from hvm_vm.relations import build
    from hvm_vm.relations.lift import build_lifted

    known, free, find = frozenset(known), frozenset(free), tuple(find)
    diagnostics = Diagnostics(source)
    with paused():
        if lift:
            system, file = build_lifted(source, diagnostics, known=known, free=free, find=find)
        else:
            file = parse(source, diagnostics)
            diagnostics.raise_if_errors()
            system = build(file, source, diagnostics, known=known, free=free, find=find)
        diagnostics.raise_if_errors()
        if file is not None:
            check_names(file, source.text, system, known, free)
        if precision is not None:
            system = replace(system, precision=precision)
        try:
            module = lower(system)
        except CompileError:
            # A recurrence that scalars, but no array, can be computed by is no error of theirs.
            if not (lift and system.recurrences):
                raise
            return compile_stages(source, known=known, free=free, find=find, lift=False,
                                  precision=precision)
        return Stages(system, verify(module), tuple(d.render() for d in diagnostics.warnings))


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    """One name, or several."""
    return (value,) if isinstance(value, str) else tuple(value)


def is_text(source: str) -> bool:
    """Whether a string is source text rather than a path: it has a line end, an equals sign, or the
    dictionary form's brace, or is empty, and no file has that name."""
    looks = "\n" in source or "=" in source or source.lstrip()[:1] in ("", "{")
    return looks and ("\n" in source or not os.path.exists(source))


def _source(source):
    from hvm_vm.language.source import Source

    if isinstance(source, Source):
        return source
    if isinstance(source, str) and is_text(source):
        return Source("text", source)
    try:
        path = os.fspath(source)
    except TypeError:
        kind = type(source).__name__
        raise InputError(f"compile takes a path or source text, not a {kind}") from None
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        from hvm_vm.engines.words import nearest

        folder = os.path.dirname(path) or "."
        names = os.listdir(folder) if os.path.isdir(folder) else []
        near = nearest(os.path.basename(path), names)
        hint = f"; did you mean {os.path.join(os.path.dirname(path), near)}?" if near else ""
        raise InputError(
            f"{path}: there is no such file{hint} (source text is told from a path by a line end "
            "or an equals sign)"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason})") from None
    return Source.from_bytes(path, data)
