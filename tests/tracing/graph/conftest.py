"""The programs of `examples/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hvm_vm.language.source import Source

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="session")
def example_programs() -> list[Source]:
    return [Source(p.name, p.read_text(encoding="utf-8")) for p in sorted(EXAMPLES.glob("*.hmp"))]
