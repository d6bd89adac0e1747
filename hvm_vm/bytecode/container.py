"""The container of a bytecode file: header, section table, checksums, alignment.

All numbers are little-endian. The header takes 64 bytes: magic (8), major and minor version (2 +
2), feature bits (4), length of the file (8), number of sections (4), CRC32 (4) of header and
section table with this field 0, zeros. The section table has 32 bytes a section: tag (4 ASCII
letters), CRC32 (4), offset (8), length (8), zeros (8). Then the sections, in the order of `TAGS`,
each beginning at the next multiple of 64, with zeros between. A file therefore has exactly one
form, nothing can overlap and nothing can hide.
"""

from __future__ import annotations

import struct
import zlib

from hvm_vm.bytecode.isa import VERSION
from hvm_vm.errors import BytecodeError

MAGIC = b"\x89HVMB\r\n\x1a"
ALIGNMENT = 64
TAGS = (
    "META",
    "SYMS",
    "REGS",
    "INPT",
    "OUTP",
    "FAMS",
    "POOL",
    "TEXT",
    "SRCS",
    "DESC",
    "SPIL",
    "PREC",
    "CODE",
    "ARRH",
    "ARRD",
)
KNOWN_FEATURES = 0  # bit number -> a part of the format that a reader may lack; none so far

_HEADER = struct.Struct("<8sHHIQII32x")
_ENTRY = struct.Struct("<4sIQQ8x")


def aligned(offset: int) -> int:
    """The next multiple of the alignment."""
    return -(-offset // ALIGNMENT) * ALIGNMENT


def pack(sections: dict[str, bytes], features: int = 0) -> bytes:
    """The bytes of a file that holds these sections (one for each of `TAGS`)."""
    offset = _HEADER.size + _ENTRY.size * len(TAGS)
    table, body = bytearray(), []
    for tag in TAGS:
        data = sections[tag]
        body.append(b"\0" * (aligned(offset) - offset))
        body.append(data)
        offset = aligned(offset)
        table += _ENTRY.pack(tag.encode(), zlib.crc32(data), offset, len(data))
        offset += len(data)
    blank = _HEADER.pack(MAGIC, *VERSION, features, offset, len(TAGS), 0)
    header = _HEADER.pack(MAGIC, *VERSION, features, offset, len(TAGS), zlib.crc32(blank + table))
    return b"".join((header, bytes(table), *body))


def unpack(data: memoryview) -> dict[str, memoryview]:
    """The sections of a file, as views. Raises :class:`BytecodeError` for anything but a whole,
    undamaged file of a version that is understood."""
    _check_kind(data)
    if len(data) < _HEADER.size:
        raise BytecodeError(
            f"truncated: the header needs {_HEADER.size} bytes, the file ends after {len(data)}"
        )
    _, major, minor, features, length, count, checksum = _HEADER.unpack_from(data)
    if major != VERSION[0] or minor > VERSION[1]:
        raise BytecodeError(
            f"this bytecode has version {major}.{minor}, and this HVM reads {VERSION[0]}.0 to "
            f"{VERSION[0]}.{VERSION[1]}: update HVM, or compile the source again"
        )
    if features & ~KNOWN_FEATURES:
        raise BytecodeError(
            f"this bytecode uses features that this HVM does not know (bits "
            f"{features & ~KNOWN_FEATURES:#x}): update HVM, or compile the source again"
        )
    if count != len(TAGS):
        raise BytecodeError(
            f"damaged header: {count} sections where version {major}.{minor} has {len(TAGS)}"
        )
    start = _HEADER.size + _ENTRY.size * count
    if len(data) < start:
        raise BytecodeError(
            f"truncated: the section table needs {start} bytes, the file ends after {len(data)}"
        )
    blank = _HEADER.pack(MAGIC, major, minor, features, length, count, 0)
    if zlib.crc32(data[_HEADER.size : start], zlib.crc32(blank)) != checksum or bytes(
        data[32 : _HEADER.size]
    ).strip(b"\0"):
        raise BytecodeError("damaged header: its checksum does not fit")
    return _sections(data, start, length)


def _sections(data: memoryview, start: int, length: int) -> dict[str, memoryview]:
    found: dict[str, memoryview] = {}
    end = start
    for number, expected in enumerate(TAGS):
        tag, checksum, offset, size = _ENTRY.unpack_from(data, _HEADER.size + number * _ENTRY.size)
        if tag != expected.encode():
            raise BytecodeError(f"section {number} is {tag!r} where {expected} is expected")
        if offset != aligned(end):
            raise BytecodeError(
                f"section {expected} begins at byte {offset}; it must follow the one before, "
                f"at byte {aligned(end)}"
            )
        if offset > len(data) or size > len(data) - offset:
            raise BytecodeError(
                f"truncated: section {expected} needs {size} bytes from byte {offset}, the "
                f"file ends after {len(data)}"
            )
        if bytes(data[end:offset]).strip(b"\0"):
            raise BytecodeError(f"bytes that belong to no section before section {expected}")
        found[expected] = data[offset : offset + size]
        if zlib.crc32(found[expected]) != checksum:
            raise BytecodeError(f"section {expected} is damaged: its checksum does not fit")
        end = offset + size
    if length != end:
        raise BytecodeError(
            f"damaged header: the file's length is given as {length}, its sections end at {end}"
        )
    if len(data) != end:
        raise BytecodeError(
            f"{len(data) - end} bytes of something else after the end of the program"
        )
    return found


def _check_kind(data: memoryview) -> None:
    """Refuse other kinds of files, saying what they seem to be."""
    if not len(data):
        raise BytecodeError("the file is empty")
    head = bytes(data[:512])
    if head.startswith(MAGIC):
        return
    if MAGIC.startswith(head):
        raise BytecodeError(
            f"truncated: the header needs {_HEADER.size} bytes, the file ends after {len(data)}"
        )
    raise BytecodeError(f"this is not HVM bytecode: it {_seems(head)}")


def _seems(head: bytes) -> str:
    if head.startswith(b"\x89HVM"):
        return "began as such, but its first bytes were changed, as by a transfer in text mode"
    if head.startswith(b"PK\x03\x04"):
        return "seems to be a zip archive (such as .npz)"
    if head.startswith(b"\x93NUMPY"):
        return "seems to be a NumPy array (.npy)"
    if head.startswith(b"\x1f\x8b"):
        return "seems to be compressed with gzip"
    if head.startswith(b"\x7fELF"):
        return "seems to be a machine program"
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32:
        return "seems to be a safetensors file"
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return "seems to be some other binary file"
        text = head[: error.start].decode("utf-8")
    if any(ord(c) < 32 and c not in "\t\n\r\f" for c in text):
        return "seems to be some other binary file"
    if text.lstrip("\ufeff").lstrip().startswith(".hvma"):
        return "seems to be assembly text; `hvm asm` makes bytecode of it"
    return "seems to be text, perhaps HMP source; `hvm compile` makes bytecode of it"
