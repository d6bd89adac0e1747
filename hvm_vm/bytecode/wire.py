"""The primitive encodings of a bytecode file's sections: numbers, texts and symbolic sizes.

Unsigned numbers are LEB128 (seven bits a byte, low first, high bit "more follows", shortest form
only, at most 64 bits); signed ones are zigzag-folded first. Texts are a byte count and UTF-8. A
size is 0 and a signed constant, or the number of its terms and for each the signed coefficient,
the number of factors, and the factors: 0 and a size symbol's number, or 1 + the operation's place
in `sizes.ATOM_OPS` and its two sizes. Every value has exactly one encoding.
"""

from __future__ import annotations

from functools import lru_cache

from hvm_vm.bytecode import limits
from hvm_vm.bytecode.sizes import ATOM_OPS, Atom, Size, SizeError
from hvm_vm.errors import BytecodeError

_constant_size = lru_cache(maxsize=4096)(Size.of)


class Out:
    """Builds the bytes of one section."""

    def __init__(self, section: str, symbols: dict[str, int]):
        self.section = section
        self.symbols = symbols
        self.data = bytearray()

    def fail(self, reason: str) -> BytecodeError:
        return BytecodeError(f"cannot write section {self.section}: {reason}")

    def byte(self, value: int) -> None:
        self.data.append(value)

    def number(self, value: int) -> None:
        """An unsigned number of at most 64 bits."""
        if not 0 <= value < 1 << 64:
            raise self.fail(f"{value} is not a number of 64 bits")
        while value >= 0x80:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def index(self, value: int) -> None:
        """A place in a table, or -1 for none."""
        self.number(value + 1)

    def signed(self, value: int) -> None:
        if not limits.INT64_MIN <= value <= limits.INT64_MAX:
            raise self.fail(f"{value} does not fit 64 bits")
        self.number((value << 1) ^ (value >> 63))

    def text(self, value: str) -> None:
        try:
            raw = value.encode("utf-8")
        except UnicodeEncodeError:
            raise self.fail(f"the text {value!r} is not Unicode") from None
        self.number(len(raw))
        self.data += raw

    def size(self, size: Size, depth: int = 0) -> None:
        constant = size.constant
        if constant is not None:
            self.byte(0)
            self.signed(constant)
            return
        if depth >= limits.MAX_SIZE_DEPTH or len(size.terms) > limits.MAX_SIZE_TERMS:
            raise self.fail(f"the size {size} is too complicated")
        self.number(len(size.terms))
        for monomial, coefficient in size.terms:
            self.signed(coefficient)
            if len(monomial) > limits.MAX_SIZE_FACTORS:
                raise self.fail(f"the size {size} is too complicated")
            self.number(len(monomial))
            for atom in monomial:
                if atom.op == "sym":
                    if atom.left not in self.symbols:
                        raise self.fail(f"the size {atom.left} is not declared")
                    self.byte(0)
                    self.number(self.symbols[atom.left])
                else:
                    self.byte(1 + ATOM_OPS.index(atom.op))
                    self.size(atom.left, depth + 1)
                    self.size(atom.right, depth + 1)


class In:
    """Takes apart the bytes of one section; trusts nothing. `symbols` are the size symbols'
    names."""

    def __init__(self, section: str, data: memoryview, symbols: tuple[str, ...] = ()):
        self.section = section
        self.data = data
        self.at = 0
        self.symbols = symbols
        self.entry = ""

    def fail(self, reason: str) -> BytecodeError:
        entry = f", {self.entry}" if self.entry else ""
        return BytecodeError(f"section {self.section}{entry}, byte {self.at}: {reason}")

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise self.fail("the section ends in the middle of an entry")
        value = self.data[self.at]
        self.at += 1
        return value

    def choice(self, count: int, what: str) -> int:
        value = self.byte()
        if value >= count:
            raise self.fail(f"{value} is no {what}")
        return value

    def raw(self, count: int) -> memoryview:
        if count > self.left:
            raise self.fail(f"{count} bytes are needed, {self.left} are left")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise self.fail("a number is longer than 64 bits")
        if value >> 64 or (byte == 0 and shift):
            raise self.fail("a number is not in its shortest form")
        return value

    def index(self) -> int:
        return self.number() - 1

    def signed(self) -> int:
        value = self.number()
        return (value >> 1) ^ -(value & 1)

    def count(self, noun: str, smallest: int = 1, limit: int | None = None) -> int:
        """How many entries follow, each of at least `smallest` bytes: never more than can be
        there."""
        value = self.number()
        if value > self.left // smallest:
            raise self.fail(f"{value} {noun} cannot be in the {self.left} bytes that are left")
        if limit is not None and value > limit:
            raise self.fail(f"{value} {noun} are more than the limit of {limit}")
        return value

    def text(self) -> str:
        raw = self.raw(self.number())
        try:
            return bytes(raw).decode("utf-8")
        except UnicodeDecodeError:
            raise self.fail("a text is not UTF-8") from None

    def size(self, depth: int = 0) -> Size:
        terms = (
            self.count("terms of a size", 3, limits.MAX_SIZE_TERMS)
            if depth < limits.MAX_SIZE_DEPTH
            else self.choice(1, "constant (the size is nested too deeply)")
        )
        if not terms:
            return _constant_size(self.signed())
        found = []
        for _ in range(terms):
            coefficient = self.signed()
            factors = self.count("factors of a size", 2, limits.MAX_SIZE_FACTORS)
            found.append((tuple(self._atom(depth) for _ in range(factors)), coefficient))
        size = Size(dict(found))
        if (
            size.terms != tuple(found)
            or size.constant is not None
            or any(tuple(sorted(m, key=Atom.sort_key)) != m for m, _ in found)
        ):
            raise self.fail(f"the size {size} is not in its canonical form")
        return size

    def _atom(self, depth: int) -> Atom:
        kind = self.choice(1 + len(ATOM_OPS), "operation of sizes")
        if kind == 0:
            number = self.number()
            if number >= len(self.symbols):
                raise self.fail(f"size symbol {number}, but there are only {len(self.symbols)}")
            return Atom("sym", self.symbols[number])
        op = ATOM_OPS[kind - 1]
        left, right = self.size(depth + 1), self.size(depth + 1)
        atom = Atom(op, left, right)
        try:
            canonical = getattr(left, op)(right)
        except SizeError as error:
            raise self.fail(str(error)) from None
        if canonical.terms != (((atom,), 1),):
            raise self.fail(f"the size {atom} is not in its canonical form")
        return atom

    def finish(self) -> None:
        if self.left:
            raise self.fail(f"{self.left} bytes after the last entry")
