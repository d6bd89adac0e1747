"""The declarations of assembly text, one method a directive."""

from __future__ import annotations

import re

from hvm_vm.bytecode import isa, limits
from hvm_vm.bytecode.asm_arrays import Arrays, read_dtype
from hvm_vm.bytecode.asm_expressions import read_register
from hvm_vm.bytecode.asm_sizes import read_range, symbols_only
from hvm_vm.bytecode.asm_tokens import AssemblyText, Tokens
from hvm_vm.bytecode.module import (
    Family,
    Input,
    Member,
    Output,
    Register,
    SizeSymbol,
    SourceSpan,
    TensorPattern,
)

# What the first pass reads, in this order; then the rest, in the order of the text.
FIRST = ("hvma", "file", "precision", "source", "size", "symbols", "register", "array")
THEN = ("input", "output", "family", "precondition")
ONCE = ("hvma", "file", "precision", "symbols")


class Declarations:
    """Reads directives into tables. `tables` holds, for each directive, what its lines declared."""

    def __init__(self, text: AssemblyText):
        self.text = text
        self.tables: dict[str, list] = {word: [] for word in (*FIRST, *THEN)}
        self.source_numbers: dict[tuple[int, int], int] = {}
        self.arrays = Arrays()
        self.names: dict[str, int] = {}  # of registers, but for names that several have
        self.registers: tuple[Register, ...] = ()
        self._resolve = None

    def read(self, word: str, tokens: Tokens):
        """What a directive declares, its word already taken."""
        return getattr(self, f"_read_{word}")(tokens)

    def name_registers(self) -> None:
        """Once all registers are declared: a name that two have names neither."""
        self.registers = tuple(self.tables["register"])
        found: dict[str, list[int]] = {}
        for number, register in enumerate(self.registers):
            found.setdefault(register.name, []).append(number)
        self.names = {name: numbers[0] for name, numbers in found.items() if len(numbers) == 1}

    def _read_hvma(self, tokens: Tokens) -> None:
        token = tokens.next
        match = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})").match(self.text.text, token.start)
        if match is None or token.kind != "float":
            raise tokens.error("the version of the assembly text is expected, such as 0.1")
        version, (major, minor) = match.group(), match.groups()
        if int(major) != isa.VERSION[0] or int(minor) > isa.VERSION[1]:
            raise tokens.error(
                f"this text has version {version}, and this HVM reads {isa.VERSION[0]}.0 to "
                f"{isa.VERSION[0]}.{isa.VERSION[1]}",
                "update HVM",
            )
        tokens.take()

    def _read_file(self, tokens: Tokens) -> str:
        return tokens.expect_kind("text", "a file's name in quotes").value

    def _read_precision(self, tokens: Tokens) -> str:
        token = tokens.expect_kind("name", "f32 or f64")
        if token.value not in ("f32", "f64"):
            raise tokens.error(f"{token.value} is no precision", "it is f32 or f64", token)
        return token.value

    def _read_source(self, tokens: Tokens) -> SourceSpan:
        line = tokens.expect_kind("int", "a line").value
        tokens.expect(":")
        column = tokens.expect_kind("int", "a column").value
        span = SourceSpan(line, column, tokens.expect_kind("text", "a relation in quotes").value)
        self.source_numbers.setdefault((line, column), len(self.tables["source"]))
        return span

    def source(self, tokens: Tokens) -> int:
        """`@line:column` or `@#number`; -1 when there is none."""
        if not tokens.accept("@"):
            return -1
        token = tokens.next
        if tokens.accept("#"):
            number = tokens.expect_kind("int", "the number of a source").value
            if number >= len(self.tables["source"]):
                raise tokens.error(f"there is no source {number}", token=token)
            return number
        line = tokens.expect_kind("int", "a line").value
        tokens.expect(":")
        column = tokens.expect_kind("int", "a column").value
        if (line, column) not in self.source_numbers:
            raise tokens.error(
                f"there is no source {line}:{column}",
                f'add a line: .source {line}:{column} "…"',
                token,
            )
        return self.source_numbers[line, column]

    def _read_size(self, tokens: Tokens) -> SizeSymbol:
        token = tokens.expect_kind("name", "the name of a size")
        if any(symbol.name == token.value for symbol in self.tables["size"]):
            raise tokens.error(f"the size {token.value} is declared twice", token=token)
        default = tokens.integer("a default") if tokens.accept("=") else None
        return SizeSymbol(token.value, default, self.source(tokens))

    def _read_symbols(self, tokens: Tokens) -> list[str]:
        texts = [tokens.expect_kind("text", "a symbol in quotes").value]
        while tokens.accept(","):
            texts.append(tokens.expect_kind("text", "a symbol in quotes").value)
        return texts

    def _read_array(self, tokens: Tokens) -> None:
        self.arrays.declare(tokens)

    @property
    def resolve_size(self):
        """The reader of sizes' names. Asked for only when all sizes are declared."""
        if self._resolve is None:
            self._resolve = symbols_only([symbol.name for symbol in self.tables["size"]])
        return self._resolve

    def _read_register(self, tokens: Tokens) -> Register:
        name = tokens.expect_kind("name", "the name of a register").value
        dtype = read_dtype(tokens)
        axes = []
        if tokens.accept("["):
            resolve = self.resolve_size
            while True:
                axes.append(read_range(tokens, resolve))
                if not tokens.accept(","):
                    break
            tokens.expect("]")
        return Register(name, dtype, tuple(e for _, e in axes), tuple(lo for lo, _ in axes))

    def _read_input(self, tokens: Tokens) -> Input:
        name = tokens.expect_kind("name", "the name of an input").value
        register = read_register(tokens, self.names, self.registers)
        default, pattern = -1, None
        if tokens.accept("="):
            default = self.arrays.default(tokens, self.registers[register].dtype)
        if tokens.accept_word("from"):
            pattern = self._pattern(tokens)
        symbolic = tokens.accept_word("symbolic")
        return Input(name, register, default, pattern, symbolic, self.source(tokens))

    def _pattern(self, tokens: Tokens) -> TensorPattern:
        parts: list = []
        while True:
            if tokens.next.kind == "text":
                parts.append(tokens.take().value)
            elif tokens.accept("{"):
                numbers = []
                for word in ("axis", "scale", "offset"):
                    if not tokens.accept_word(word):
                        raise tokens.error(
                            f"{word} is expected, not {tokens.found()}",
                            "a placeholder is written {axis 0 scale 1 offset -1}",
                        )
                    numbers.append(
                        tokens.integer(f"the {word}", low=0 if word == "axis" else limits.INT64_MIN)
                    )
                tokens.expect("}")
                parts.append(tuple(numbers))
            else:
                break
        if not parts:
            raise tokens.error("a text in quotes is expected after from")
        return TensorPattern(tuple(parts))

    def _read_output(self, tokens: Tokens) -> Output:
        name = tokens.expect_kind("name", "the name of an output").value
        register = read_register(tokens, self.names, self.registers)
        symbolic = tokens.accept_word("symbolic")
        hidden = tokens.accept_word("hidden")
        return Output(name, register, symbolic, hidden, self.source(tokens))

    def _read_family(self, tokens: Tokens) -> Family:
        name = tokens.expect_kind("name", "the name of a family").value
        lo, shape = [], []
        tokens.expect("[", "before the ranges of the subscripts")
        while True:
            lo.append(tokens.integer("a subscript"))
            tokens.expect("..")
            shape.append(tokens.integer("a subscript", low=lo[-1] - 1) - lo[-1] + 1)
            if not tokens.accept(","):
                break
        tokens.expect("]")
        tokens.expect("(", "before the members")
        members = []
        while not tokens.is_op(")"):
            members.append(self._member(tokens))
            if not tokens.accept(","):
                break
        tokens.expect(")")
        return Family(name, tuple(lo), tuple(shape), tuple(members))

    def _member(self, tokens: Tokens) -> Member:
        name = tokens.expect_kind("name", "the name of a member").value
        subscripts = self._integers(tokens)
        tokens.expect("=")
        register = read_register(tokens, self.names, self.registers)
        return Member(
            name, subscripts, register, self._integers(tokens) if tokens.is_op("[") else ()
        )

    def _integers(self, tokens: Tokens) -> tuple[int, ...]:
        tokens.expect("[")
        numbers = [tokens.integer("a subscript")]
        while tokens.accept(","):
            numbers.append(tokens.integer("a subscript"))
        tokens.expect("]")
        return tuple(numbers)
