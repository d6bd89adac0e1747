"""Files: one form, whole or refused, and refused with words."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import tracemalloc

import numpy as np
import pytest

from hvm_vm.bytecode import assemble, canonical, container, decode, disassemble, encode, read, save
from hvm_vm.bytecode.container import MAGIC, pack, unpack
from hvm_vm.bytecode.module import Input, Module, Register
from hvm_vm.bytecode.wire import In, Out
from hvm_vm.errors import BytecodeError
from tests.bytecode import modules

DATA = encode(modules.attention())


def refused(data: bytes) -> str:
    with pytest.raises(BytecodeError) as caught:
        decode(data)
    return str(caught.value)


def repacked(**changes: bytes) -> bytes:
    sections = {tag: bytes(view) for tag, view in unpack(memoryview(DATA)).items()}
    return pack({**sections, **changes})


@pytest.mark.parametrize("name", modules.ALL)
def test_decode_of_encode_is_the_canonical_module(name):
    module = modules.ALL[name]()
    again = decode(encode(module))
    assert again == canonical(module)
    assert encode(again) == encode(module)
    for ours, theirs in zip(again.arrays, canonical(module).arrays, strict=True):
        assert ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()


def test_equal_programs_are_equal_files():
    module = modules.scalars()
    twice = dataclasses.replace(
        module,
        constants=(9.0, *module.constants),
        descriptors=tuple(
            dataclasses.replace(
                d,
                nodes=tuple(
                    dataclasses.replace(n, immediate=n.immediate + (n.op == "const"))
                    for n in d.nodes
                ),
            )
            for d in module.descriptors
        ),
    )
    assert encode(twice) == encode(module)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "empty"),
        (b"# HMP\nx = 1\n", "text, perhaps HMP source"),
        (b".hvma 0.1\n", "assembly text"),
        (b"PK\x03\x04" + bytes(40), "zip archive"),
        (struct.pack("<Q", 30) + json.dumps({"a": {}}).encode(), "safetensors"),
        (b"\x93NUMPY\x01\x00", "NumPy"),
        (bytes(range(256)), "binary"),
        (MAGIC[:5], "truncated"),
        (DATA[:40], "truncated: the header needs 64 bytes, the file ends after 40"),
        (DATA[:100], "truncated: the section table needs"),
        (DATA.replace(b"\r\n", b"\n", 1), "text mode"),
    ],
)
def test_other_files(data, words):
    assert words in refused(data)


def test_npz_is_named():
    file = io.BytesIO()
    np.savez(file, x=np.zeros(3))
    assert ".npz" in refused(file.getvalue())


def test_truncated_names_the_section():
    start = DATA.index(bytes(unpack(memoryview(DATA))["CODE"]))
    text = refused(DATA[: start + 118])
    assert text.startswith(
        f"truncated: section CODE needs 160 bytes from byte {start}, the file ends "
    )
    assert text.endswith(str(start + 118))


def test_versions():
    newer = bytearray(DATA)
    newer[10] = 9
    assert "version 0.9, and this HVM reads 0.0 to 0.1: update HVM" in refused(bytes(newer))
    other = bytearray(DATA)
    other[8] = 3
    assert "version 3.1" in refused(bytes(other))


def test_an_older_minor_is_accepted(monkeypatch):
    sections = {tag: bytes(view) for tag, view in unpack(memoryview(DATA)).items()}
    monkeypatch.setattr(container, "VERSION", (0, 0))
    old = pack(sections)
    monkeypatch.undo()
    assert old != DATA and decode(old) == decode(DATA)


def test_features_are_refused():
    sections = {tag: bytes(view) for tag, view in unpack(memoryview(DATA)).items()}
    assert "features that this HVM does not know (bits 0x2)" in refused(pack(sections, features=2))


def test_damage_is_found_by_checksums():
    damaged = bytearray(DATA)
    damaged[DATA.index(b"attention.hmp")] ^= 1
    assert "section META is damaged" in refused(bytes(damaged))
    damaged = bytearray(DATA)
    damaged[70] ^= 1
    assert "damaged header" in refused(bytes(damaged))


def test_trailing_bytes_are_refused():
    assert "5 bytes of something else after the end" in refused(DATA + b"extra")


@pytest.mark.parametrize(
    "tag", ["SYMS", "REGS", "INPT", "OUTP", "FAMS", "POOL", "TEXT", "SRCS", "DESC", "ARRH"]
)
def test_huge_counts_allocate_nothing(tag):
    huge = repacked(**{tag: b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"})
    tracemalloc.start()
    text = refused(huge)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert f"section {tag}" in text and "cannot be in the 0 bytes that are left" in text


def test_arrays_are_bounded():
    text = refused(repacked(ARRH=b"\x01\x01\x02\xff\xff\xff\xff\x0f\xff\xff\xff\xff\x0f"))
    assert "needs" in text and "section ARRD, which has 0" in text


def test_section_overlap_is_refused():
    moved = bytearray(DATA)
    entry = 64 + 32 * 3
    (offset,) = struct.unpack_from("<Q", moved, entry + 8)
    struct.pack_into("<Q", moved, entry + 8, offset - 64)
    import zlib

    blank = bytes(moved[:28]) + bytes(36)
    struct.pack_into(
        "<I", moved, 28, zlib.crc32(bytes(moved[64 : 64 + 32 * 15]), zlib.crc32(blank))
    )
    assert "it must follow the one before" in refused(bytes(moved))


@pytest.mark.parametrize(
    "sections, words",
    [
        ({"CODE": bytes(31)}, "not a whole number of instructions"),
        ({"CODE": struct.pack("<8I", 99, *[0xFFFFFFFF] * 7)}, "99 is no operation"),
        ({"CODE": struct.pack("<8I", 1, 0, 0, 0xFFFFFFFF, 1, *[0xFFFFFFFF] * 3)}, "unused word"),
        ({"CODE": struct.pack("<8I", 1, 0, 0, 1, 1, 1, 1, 0x80000007)}, "section SPIL"),
        ({"SPIL": bytes(4)}, "1 words after the last list"),
        ({"META": b"\x07\x00"}, "7 is no precision"),
        ({"META": b"\x00\x02\xff\xff"}, "not UTF-8"),
        ({"META": b"\x00\x80\x00"}, "not in its shortest form"),
        ({"REGS": b"\x00\x00"}, "1 bytes after the last entry"),
        ({"OUTP": b"\x01\x01x\x00\x00\x09"}, "9 is no set of flags"),
    ],
)
def test_bad_entries(sections, words):
    assert words in refused(repacked(**sections))


def test_sizes_on_the_wire_are_canonical():
    good = Out("REGS", {"T": 0})
    size = modules.T.floordiv(2) * 3 + modules.T * modules.T - 7
    good.size(size)
    assert In("REGS", memoryview(bytes(good.data)), ("T",)).size() == size
    for raw in (
        b"\x01\x02\x00",  # a constant written as a term
        b"\x01\x00\x01\x00\x00",  # a coefficient 0
        b"\x01\x02\x01\x01\x00\x08\x00\x04",  # floordiv(4, 2), which is 2
        b"\x01\x02\x01\x01\x00\x08\x00\x00",  # floordiv(4, 0)
        b"\x01\x02\x01\x00\x05",  # symbol 5
    ):
        with pytest.raises(BytecodeError):
            In("REGS", memoryview(raw), ("T",)).size()
    deep = b"\x01\x02\x01\x01" * 100
    with pytest.raises(BytecodeError, match="nested too deeply"):
        In("REGS", memoryview(deep + bytes(300)), ("T",)).size()


def test_an_undeclared_size_cannot_be_written():
    module = Module(
        registers=(Register("x", "f64", (modules.T,), (modules.ONE,)),), code=(modules.HALT,)
    )
    with pytest.raises(BytecodeError, match="the size T is not declared"):
        encode(module)


def big() -> Module:
    """A module with embedded weights large enough to be mapped."""
    weights = np.arange(400_000, dtype=np.float64).reshape(1000, 400)
    return Module(
        registers=(modules.register("w", 1000, 400), modules.register("v", 1000, 400)),
        inputs=(Input("w", 0, 0), Input("v", 1, 1)),
        arrays=(weights, weights.copy()),
        code=(modules.HALT,),
    )


def test_save_and_read(tmp_path):
    for module in (big(), modules.scalars()):
        path = tmp_path / "program.hvmb"
        save(module, path)
        assert path.read_bytes() == encode(module)
        again = read(path)
        assert again == canonical(module)
        assert all(not array.flags.writeable for array in again.arrays)
        assert list(tmp_path.iterdir()) == [path]
        del again
    view = read_big(tmp_path)
    assert view.arrays[0].ctypes.data % 64 == 0 and view.arrays[0][999, 399] == 399_999


def read_big(folder) -> Module:
    save(big(), folder / "big.hvmb")
    return read(folder / "big.hvmb")


def test_large_arrays_go_through_text():
    assert encode(assemble(disassemble(big()))) == encode(big())


def test_save_says_why_not(tmp_path):
    with pytest.raises(BytecodeError, match="cannot write"):
        save(modules.empty(), tmp_path / "nowhere" / "x.hvmb")
    with pytest.raises(BytecodeError, match="cannot read"):
        read(tmp_path / "missing.hvmb")


def test_operands_beyond_the_words_are_spilled():
    words = bytes(unpack(memoryview(encode(modules.scalars())))["CODE"][:32])
    assert struct.unpack("<8I", words) == (1, 0, 0xFFFFFFFF, 2, 2, 2, 2, 0x80000000)
    spilled = bytes(unpack(memoryview(encode(modules.scalars())))["SPIL"])
    assert struct.unpack("<4I", spilled) == (3, 0, 1, 3)
