"""Files with odd fields: told by the verifier, or run alike in both engines.

    python -m tests.bytecode.test_fields 100000 20000     # many: the first seed, how many
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

import hvm_vm as hvm
from hvm_vm.bytecode import assemble, decode, disassemble, encode, verify
from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.sizes import Size
from hvm_vm.cli import main
from hvm_vm.errors import BytecodeError
from tests.bytecode import fields, modules, systems
from tests.engines import mutations
from tests.engines.test_mutated_programs import in_children

REFERENCES = Path(__file__).resolve().parents[2] / "bytecode"
SOLVES = {
    "solve bounded": "given s\nx + y = s\nx*y = 3\nguess x = s in 0..10\nfind x, y",
    "solve family": "index k : 4\na[k] = k\nx[k]^3 + x[k] = a[k]\nguess x[k] = 0.5 in 0..5",
    "solve linear": "x + y = 26\nx - 2*y = 2",
}
COMMANDS = ("run", "dis", "trace", "step", "graph", "explain", "verify")


def originals() -> dict[str, Module]:
    """Every reference file, modules built by hand, systems, and solves."""
    found = {path.stem: decode(path.read_bytes()) for path in REFERENCES.glob("*.hvmb")}
    found |= {name: build() for name, build in modules.ALL.items()}
    found |= {f"system {name}": assemble(systems.text(name)) for name in systems.ALL}
    return found | {name: hvm.compile(text).module for name, text in SOLVES.items()}


def outcome(rng: random.Random, module: Module) -> str:
    """What became of the module's file, with an odd field."""
    try:
        data = encode(fields.edited(rng, module))
        module = decode(data)
    except BytecodeError as error:
        assert str(error)
        return "no file"
    assert encode(module) == data
    try:
        verify(module)
    except BytecodeError as error:
        where, _, reason = str(error).partition(": ")
        assert where and reason, error
        return "not verified"
    assert encode(assemble(disassemble(module))) == data
    return mutations.outcome(rng, module)


def commanded(folder: Path, rng: random.Random, module: Module) -> str:
    """The same, through the command line; the status of each command is one that users know."""
    try:
        data = encode(fields.edited(rng, module))
    except BytecodeError:
        return "no file"
    file = folder / "odd.hvmb"
    file.write_bytes(data)
    verified = main(["verify", str(file)])
    assert verified in (0, 2)
    for command in COMMANDS:
        status = main([command, str(file)])
        assert status in (0, 1, 2), f"{command}: {status}"
        assert verified == 0 or status == 2, f"{command}: {status}, of what does not verify"
    return "commanded"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_odd_fields_are_told_or_run_alike_in_both_engines():
    outcomes, wrong = in_children(originals(), 0, 600, outcome)
    assert not wrong
    assert outcomes["ran"] > 50 and outcomes["not verified"] > 50, outcomes


LEAST = -(1 << 63)


def test_the_least_and_largest_integers_in_places_are_written_and_read():
    module = modules.ALL["strided"]()
    for number in (LEAST, LEAST + 1, -LEAST - 1):
        for path in (("const",), ("terms", 0, 1)):
            at = ("descriptors", 1, "accesses", 1, "axes", 0, *path)
            odd = fields.put(module, at, Size.of(number))
            assert encode(assemble(disassemble(odd))) == encode(odd)
    text = disassemble(module)
    for number in (LEAST - 1, -LEAST, 1 << 200):
        with pytest.raises(BytecodeError, match=r"out of range|too long for 64 bits"):
            assemble(text.replace(".register x f64[0..T - 1]", f".register x f64[{number}..T]"))


def test_commands_say_what_is_wrong_with_odd_files(tmp_path, monkeypatch, capsys):
    (tmp_path / "input").touch()
    with open(tmp_path / "input", encoding="utf-8") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        programs = [module for name, module in sorted(originals().items())
                    if name in ("colebrook", "robot_arm", "system rod", "classify")]
        for seed in range(40):
            rng = random.Random(seed)
            commanded(tmp_path, rng, rng.choice(programs))
    assert "internal error" not in capsys.readouterr().err


if __name__ == "__main__":
    found, mistakes = in_children(originals(), int(sys.argv[1]), int(sys.argv[2]), outcome)
    print(*mistakes, dict(found), sep="\n")
