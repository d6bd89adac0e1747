"""Damaged files, modules and texts end in BytecodeError or are programs that round-trip; nothing
else."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hvm_vm.bytecode import assemble, container, decode, disassemble, encode, verify
from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.sizes import Size
from hvm_vm.errors import BytecodeError
from tests.bytecode import modules, systems

REFERENCES = Path(__file__).resolve().parents[2] / "bytecode"
FILES = {name: encode(build()) for name, build in modules.ALL.items()}
FILES |= {name: encode(assemble(systems.text(name))) for name in systems.ALL}
FILES |= {path.stem: path.read_bytes() for path in REFERENCES.glob("*.hvmb")}
TEXTS = {name: disassemble(decode(data)) for name, data in FILES.items()}
FEW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.sampled_from(sorted(FILES))
SEEDS = st.integers(0, 2**32)


def survives(data: bytes) -> None:
    """Bytes that decode are the one form of their module; if they verify, their text means them."""
    try:
        module = decode(data)
    except BytecodeError as error:
        assert str(error)
        return
    assert encode(module) == data
    harmless(module)


def harmless(module: Module) -> None:
    try:
        verify(module)
    except BytecodeError as error:
        assert str(error)
        return
    try:
        data = encode(module)
    except BytecodeError as error:  # sizes too complicated for a file
        assert "cannot write" in str(error)
        return
    assert encode(assemble(disassemble(module))) == data


@FEW
@given(NAMES, SEEDS)
def test_flipped_and_cut_files(name, seed):
    rng = random.Random(seed)
    data = bytearray(FILES[name])
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    survives(bytes(data))
    with pytest.raises(BytecodeError):
        decode(FILES[name][: rng.randrange(len(FILES[name]))])
    with pytest.raises(BytecodeError):
        decode(FILES[name] + bytes(rng.randrange(1, 100)))


@FEW
@given(NAMES, SEEDS)
def test_damaged_sections_with_right_checksums(name, seed):
    rng = random.Random(seed)
    sections = {tag: bytes(s) for tag, s in container.unpack(memoryview(FILES[name])).items()}
    for _ in range(rng.randint(1, 2)):
        tag = rng.choice([tag for tag, data in sections.items() if data])
        data = bytearray(sections[tag])
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(data):
            data[at] = rng.choice([0, 1, 2, 127, 128, 255, data[at] ^ 1, data[at] ^ 4])
        elif kind == 1:
            data[at:at] = rng.randbytes(rng.choice([1, 4, 32]))
        elif kind == 2:
            del data[at : at + rng.choice([1, 4, 32])]
        else:
            data[at : at + 4] = b"\xff\xff\xff\xff"
        sections[tag] = bytes(data)
    survives(container.pack(sections))


def mutate(rng: random.Random, value, fixed: bool = False):
    """The value with one part, somewhere inside, changed."""
    if dataclasses.is_dataclass(value):
        names = [
            f.name for f in dataclasses.fields(value) if getattr(value, f.name) not in ((), None)
        ]
        name = rng.choice(names or [dataclasses.fields(value)[0].name])
        return dataclasses.replace(value, **{name: mutate(rng, getattr(value, name))})
    if isinstance(value, Size):
        return rng.choice(
            [
                Size.of(0),
                Size.of(-1),
                value + 1,
                value * 2,
                Size.of("nowhere"),
                value.min(3),
                value * Size.of("T"),
            ]
        )
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice([-1, 0, 1, value + 1, value - 1, 2**31, 2**70, -(2**63)])
    if isinstance(value, float):
        return rng.choice([0.0, -0.0, float("nan"), float("inf"), 1e-300, value + 1])
    if isinstance(value, str):
        return rng.choice(
            [
                "",
                "o",
                "r",
                "n",
                "u",
                "c",
                "f32",
                "f64",
                "i64",
                "map",
                "sum",
                "load",
                "acc",
                "index",
                "softmax",
                "contract",
                "attention",
                "system",
                "term",
                "row",
                "max",
                value + "`\n",
                'é"',
                "T",
            ]
        )
    if isinstance(value, tuple) and value:
        at = rng.randrange(len(value))
        # Pairs (dim, coefficient) and placeholders of patterns keep their length.
        fixed = fixed or (isinstance(value[0], int) and isinstance(value[-1], Size))
        kind = 4 if fixed else rng.randrange(5)
        if kind == 0:
            return value[:at] + value[at + 1 :]
        if kind == 1:
            return (*value, value[at])
        if kind == 2 and len(value) > 1:
            other = rng.randrange(len(value))
            swapped = list(value)
            swapped[at], swapped[other] = swapped[other], swapped[at]
            return tuple(swapped)
        inner = mutate(rng, value[at], any(isinstance(part, str) for part in value))
        return (*value[:at], inner, *value[at + 1 :])
    return value


@settings(FEW, max_examples=500)
@given(NAMES, SEEDS)
def test_mutated_modules(name, seed):
    rng = random.Random(seed)
    module = decode(FILES[name])
    for _ in range(rng.randint(1, 2)):
        module = mutate(rng, module)
    harmless(module)
    try:
        data = encode(module)
    except BytecodeError:
        return
    assert encode(decode(data)) == data


@FEW
@given(NAMES, SEEDS)
def test_damaged_texts(name, seed):
    rng = random.Random(seed)
    text = TEXTS[name]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        text = (
            text[:at]
            + rng.choice(["", "(", "]", "%", "$1", " 9", "\n", '"', "`", "-", "t", ".", "map "])
            + text[at + rng.randrange(3) :]
        )
    try:
        module = assemble(text)
    except BytecodeError as error:
        assert "error: " in str(error) or "canonical" in str(error) or "register" in str(error)
        return
    harmless(module)
