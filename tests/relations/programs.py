"""Helpers of these tests: text to system, to values, to errors."""

from __future__ import annotations

import numpy as np
import pytest

from hvm_vm.errors import CompileError
from hvm_vm.language import parse
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source
from hvm_vm.relations import build
from hvm_vm.relations.system import System
from tests.oracle import evaluate


def system(text: str, **options) -> System:
    """The system of a program, which must have no errors."""
    return _build(text, **options)[0]


def _build(text: str, **options):
    source = Source("test.hmp", text)
    diagnostics = Diagnostics(source)
    file = parse(source, diagnostics)
    return build(file, source, diagnostics, **options), diagnostics


def values(text: str, inputs: dict | None = None, sizes: dict | None = None, **options) -> dict:
    """The results of a program, by the oracle."""
    return evaluate(system(text, **options), inputs or {}, sizes)


def diagnostics(text: str, **options) -> list:
    """A program's errors."""
    with pytest.raises(CompileError) as caught:
        _build(text, **options)
    return [d for d in caught.value.diagnostics if d.severity == "error"]


def errors(text: str, **options) -> list[str]:
    """The messages of a program's errors, each with its line and its help."""
    found = []
    for d in diagnostics(text, **options):
        line = d.source.line_number(d.span.start) if d.span is not None else 0
        found.append(f"{line}: {d.message}" + (f" ({d.help})" if d.help else ""))
    return found


def error(text: str, **options) -> str:
    """The message of a program's only error."""
    found = errors(text, **options)
    assert len(found) == 1, found
    return found[0]


def warnings(text: str, **options) -> list[str]:
    """The messages of a program's warnings."""
    _, diagnostics = _build(text, **options)
    return [f"{d.message} ({d.help})" for d in diagnostics.warnings]


def close(left, right) -> bool:
    return bool(np.allclose(np.asarray(left, float), np.asarray(right, float), equal_nan=True))


def results(text: str, **options) -> list[str]:
    """The names of a program's results."""
    return [r.name for r in system(text, **options).results]
