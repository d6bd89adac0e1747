"""`hvm(...)` runs a command in this process and returns what it printed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hvm_vm.cli import main


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture
def hvm(capsys):
    def call(*arguments: object) -> Done:
        status = main([str(a) for a in arguments])
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return call


@pytest.fixture
def line(tmp_path):
    """A small program with an input, a size and two defaults."""
    file = tmp_path / "line.hmp"
    file.write_text(
        "index n : N\ngiven x[n]\nslope = 2\noffset = 1\n"
        "y[n] = slope*x[n] + offset\nlargest = max[n](y[n])\nfind y[n], largest\n"
    )
    return file
