"""Assembly text to modules, in canonical form. The grammar is in `bytecode/SPEC.md`.

Statements may stand in any order but that of their own kind: a first pass reads what others refer to
(sizes, registers, sources, arrays), a second one the rest.
"""

from __future__ import annotations

import base64
import binascii
import re
from math import prod

import numpy as np

from hvm_vm.bytecode import isa, limits
from hvm_vm.bytecode.asm_expressions import Pools, read_register
from hvm_vm.bytecode.asm_instructions import Surroundings, read_instruction
from hvm_vm.bytecode.asm_sizes import read_range, symbols_only
from hvm_vm.bytecode.asm_tokens import AssemblyText, Token, Tokens, begins_statement
from hvm_vm.bytecode.canonical import canonical
from hvm_vm.bytecode.module import (
    DTYPES,
    Family,
    Input,
    Instruction,
    Member,
    Module,
    Output,
    Register,
    SizeSymbol,
    SourceSpan,
    TensorPattern,
)

# What the first pass reads, in this order; then the rest, in the order of the text.
_FIRST = ("hvma", "file", "precision", "source", "size", "symbols", "register", "array")
_THEN = ("input", "output", "family", "precondition")
_ONCE = ("hvma", "file", "precision", "symbols")


def assemble(text: str, name: str = "<assembly>") -> Module:
    """The module that assembly text means; `name` is what error messages call the text. Raises
    :class:`BytecodeError` with line, column and caret. The module is not verified yet."""
    return _Assembler(AssemblyText(text, name)).run()


class _Assembler:
    def __init__(self, text: AssemblyText):
        self.text = text
        self.tables: dict[str, list] = {word: [] for word in (*_FIRST, *_THEN)}
        self.source_numbers: dict[tuple[int, int], int] = {}
        self.arrays: list[np.ndarray] = []
        self.declared_arrays: dict[int, int] = {}
        self.names: dict[str, int] = {}
        self.pools = Pools()
        self.texts: list[str] = []
        self.descriptors: list = []

    def run(self) -> Module:
        directives, code = self._statements()
        for word in _FIRST:
            for tokens in directives[word]:
                self._directive(word, tokens)
        table = tuple(self.tables["register"])
        for number, register in enumerate(table):
            # A name that two registers have names neither: they are written by number.
            self.names[register.name] = number
        repeated = (
            {r.name for r in table if sum(s is not r and s.name == r.name for s in table)}
            if len(self.names) < len(table)
            else set()
        )
        for name in repeated:
            del self.names[name]
        self.around = Surroundings(
            self.names,
            table,
            self.resolve_size,
            self._source,
            self.pools,
            self.texts,
            self.descriptors,
        )
        for word in _THEN:
            for tokens in directives[word]:
                self._directive(word, tokens)
        instructions = tuple(self._instruction(tokens, pc) for pc, tokens in enumerate(code))
        return canonical(self._module(instructions))

    def _module(self, code: tuple[Instruction, ...]) -> Module:
        tables = self.tables
        return Module(
            precision=tables["precision"][0] if tables["precision"] else "f64",
            file=tables["file"][0] if tables["file"] else "",
            symbols_of_size=tuple(tables["size"]),
            registers=tuple(tables["register"]),
            inputs=tuple(tables["input"]),
            outputs=tuple(tables["output"]),
            families=tuple(tables["family"]),
            constants=tuple(self.pools.constants.values),
            integers=tuple(self.pools.integers.values),
            sizes=tuple(self.pools.sizes.values),
            texts=tuple(self.texts),
            symbols=tuple(tables["symbols"][0]) if tables["symbols"] else (),
            arrays=tuple(self.arrays),
            sources=tuple(tables["source"]),
            descriptors=tuple(self.descriptors),
            preconditions=tuple(tables["precondition"]),
            code=code,
        )

    # -- statements ----------------------------------------------------------------------------------
    def _statements(self) -> tuple[dict[str, list[list[Token]]], list[list[Token]]]:
        """The tokens of each statement, by directive, and those of the instructions."""
        tokens = self.text.tokens()
        starts = []
        depth = 0
        for at, token in enumerate(tokens[:-1]):
            if token.kind == "directive" and token.first:
                depth = 0  # never inside brackets: an unclosed one ends here
            if depth == 0 and begins_statement(tokens, at):
                starts.append(at)
            if token.kind == "op":
                depth += (token.value in "([{") - (token.value in ")]}")
        if not starts or starts[0] != 0 or tokens[0].value != ".hvma":
            raise self.text.error(
                tokens[0],
                "assembly text begins with its version",
                f"first line: .hvma {isa.VERSION[0]}.{isa.VERSION[1]}",
            )
        directives: dict[str, list[list[Token]]] = {word: [] for word in (*_FIRST, *_THEN)}
        code: list[list[Token]] = []
        for start, end in zip(starts, [*starts[1:], len(tokens) - 1], strict=True):
            statement = [*tokens[start:end], Token("end", "", tokens[end - 1].start)]
            if tokens[start].kind != "directive":
                code.append(statement)
                continue
            word = tokens[start].value[1:]
            if word not in directives:
                raise self.text.error(
                    tokens[start],
                    f"there is no directive .{word}",
                    f"directives are {', '.join('.' + w for w in directives)}",
                )
            if directives[word] and word in _ONCE:
                raise self.text.error(tokens[start], f".{word} may stand only once")
            directives[word].append(statement)
        return directives, code

    def _directive(self, word: str, statement: list[Token]) -> None:
        tokens = Tokens(self.text, statement)
        tokens.take()
        value = getattr(self, f"_read_{word}")(tokens)
        if tokens.next.kind != "end":
            raise tokens.error(f"{tokens.found()} is not expected after .{word}")
        if word != "array":
            self.tables[word].append(value)

    def _instruction(self, statement: list[Token], pc: int) -> Instruction:
        if statement[0].kind == "int":
            if statement[0].value != pc:
                raise self.text.error(
                    statement[0],
                    f"this is instruction {pc}, not {statement[0].value}",
                    "numbers may be left out",
                )
            statement = statement[1:]
        return read_instruction(self.text, statement, self.around)

    def _read_precondition(self, tokens: Tokens) -> Instruction:
        statement = tokens.tokens[tokens.at :]
        tokens.at = len(tokens.tokens) - 1
        return read_instruction(self.text, statement, self.around)

    # -- directives ----------------------------------------------------------------------------------
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

    def _source(self, tokens: Tokens) -> int:
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
        return SizeSymbol(token.value, default, self._source(tokens))

    def _read_symbols(self, tokens: Tokens) -> list[str]:
        texts = [tokens.expect_kind("text", "a symbol in quotes").value]
        while tokens.accept(","):
            texts.append(tokens.expect_kind("text", "a symbol in quotes").value)
        return texts

    @property
    def resolve_size(self):
        return symbols_only([symbol.name for symbol in self.tables["size"]])

    def _dtype(self, tokens: Tokens) -> str:
        token = tokens.expect_kind("name", "f32, f64 or i64")
        if token.value not in DTYPES:
            raise tokens.error(
                f"{token.value} is no element type", "they are f32, f64 and i64", token
            )
        return token.value

    def _read_register(self, tokens: Tokens) -> Register:
        name = tokens.expect_kind("name", "the name of a register").value
        dtype = self._dtype(tokens)
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
        register = read_register(tokens, self.names, self.around.table)
        default, pattern = -1, None
        if tokens.accept("="):
            default = self._default(tokens, self.around.table[register].dtype)
        if tokens.accept_word("from"):
            pattern = self._pattern(tokens)
        symbolic = tokens.accept_word("symbolic")
        return Input(name, register, default, pattern, symbolic, self._source(tokens))

    def _default(self, tokens: Tokens, dtype: str) -> int:
        if tokens.accept_word("array"):
            token = tokens.expect_kind("int", "the number of an array")
            if token.value not in self.declared_arrays:
                raise tokens.error(f"there is no array {token.value}", token=token)
            return self.declared_arrays[token.value]
        start = tokens.next
        values: list = []
        shape = self._nested(tokens, dtype, values)
        return self._add_array(tokens, start, values, shape, dtype)

    def _nested(self, tokens: Tokens, dtype: str, values: list) -> tuple[int, ...]:
        """Numbers in nested brackets, added to `values`; their shape."""
        start = tokens.next
        if not tokens.accept("["):
            values.append(
                tokens.integer("an integer") if dtype == "i64" else tokens.number("a number")
            )
            return ()
        tokens.deeper()
        inner = self._nested(tokens, dtype, values)
        count = 1
        while tokens.accept(","):
            if self._nested(tokens, dtype, values) != inner:
                raise tokens.error("the rows of this array differ in length", token=start)
            count += 1
        tokens.shallower()
        tokens.expect("]")
        return (count, *inner)

    def _add_array(self, tokens: Tokens, start: Token, values: list, shape, dtype: str) -> int:
        if len(shape) > limits.MAX_RANK:
            raise tokens.error(f"more than {limits.MAX_RANK} axes", token=start)
        with np.errstate(over="ignore"):
            array = np.array(values, np.int64 if dtype == "i64" else np.float64).astype(
                DTYPES[dtype]
            )
        for value, stored in zip(values, array.tolist(), strict=True):
            if abs(stored) == float("inf") and abs(value) != stored and abs(value) != float("inf"):
                raise tokens.error(f"{value} is too large for {dtype}", token=start)
        array = array.reshape(shape)
        array.flags.writeable = False
        self.arrays.append(array)
        return len(self.arrays) - 1

    def _read_array(self, tokens: Tokens) -> None:
        start = tokens.expect_kind("int", "the number of the array")
        if start.value in self.declared_arrays:
            raise tokens.error(f"the array {start.value} is declared twice", token=start)
        dtype = self._dtype(tokens)
        tokens.expect("[", "before the lengths of the axes")
        shape = []
        while tokens.next.kind == "int":
            shape.append(tokens.take().value)
            if not tokens.accept(","):
                break
        tokens.expect("]")
        if len(shape) > limits.MAX_RANK or any(n > limits.INT64_MAX for n in shape):
            raise tokens.error("an impossible shape", token=start)
        number = (
            self._encoded(tokens, start, dtype, shape)
            if tokens.is_op("(")
            else self._written(tokens, start, dtype, shape)
        )
        self.declared_arrays[start.value] = number

    def _written(self, tokens: Tokens, start: Token, dtype: str, shape: list[int]) -> int:
        values: list = []
        tokens.expect("[", "before the numbers")
        while not tokens.is_op("]"):
            values.append(
                tokens.integer("an integer") if dtype == "i64" else tokens.number("a number")
            )
            if not tokens.accept(","):
                break
        tokens.expect("]")
        if len(values) != prod(shape):
            raise tokens.error(f"{len(values)} numbers for an array of {prod(shape)}", token=start)
        return self._add_array(tokens, start, values, shape, dtype)

    def _encoded(self, tokens: Tokens, start: Token, dtype: str, shape: list[int]) -> int:
        tokens.expect("(")
        parts = []
        while tokens.next.kind == "text":
            parts.append(tokens.take().value)
        tokens.expect(")")
        try:
            raw = base64.b64decode("".join(parts).encode(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise tokens.error(f"this is not base64: {error}", token=start) from None
        if len(raw) != prod(shape) * DTYPES[dtype].itemsize:
            raise tokens.error(
                f"{len(raw)} bytes for an array of {prod(shape)} {dtype}", token=start
            )
        self.arrays.append(np.frombuffer(raw, DTYPES[dtype].newbyteorder("<")).reshape(shape))
        return len(self.arrays) - 1

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
        register = read_register(tokens, self.names, self.around.table)
        symbolic = tokens.accept_word("symbolic")
        hidden = tokens.accept_word("hidden")
        return Output(name, register, symbolic, hidden, self._source(tokens))

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
        register = read_register(tokens, self.names, self.around.table)
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
