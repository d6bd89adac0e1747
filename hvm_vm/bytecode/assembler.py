"""Assembly text to modules, in canonical form. The grammar is in `bytecode/SPEC.md`.

Statements may stand in any order but that of their own kind: a first pass reads what others refer
to (sizes, registers, sources, arrays), a second one the rest.
"""

from __future__ import annotations

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.asm_declarations import FIRST, ONCE, THEN, Declarations
from hvm_vm.bytecode.asm_expressions import Pools
from hvm_vm.bytecode.asm_instructions import Surroundings, read_instruction
from hvm_vm.bytecode.asm_tokens import AssemblyText, Token, Tokens, begins_statement, close_to
from hvm_vm.bytecode.canonical import canonical
from hvm_vm.bytecode.module import Instruction, Module


def assemble(text: str, name: str = "<assembly>") -> Module:
    """The module that assembly text means; `name` is what error messages call the text. Raises
    :class:`BytecodeError` with line, column and caret. The module is not verified yet."""
    return _Assembler(AssemblyText(text, name)).run()


class _Assembler:
    def __init__(self, text: AssemblyText):
        self.text = text
        self.declarations = Declarations(text)

    def run(self) -> Module:
        directives, code = self._statements()
        declarations = self.declarations
        for word in FIRST:
            for tokens in directives[word]:
                self._directive(word, tokens)
        declarations.name_registers()
        self.around = Surroundings(
            declarations.names,
            declarations.registers,
            declarations.resolve_size,
            declarations.source,
            Pools(),
            texts=[],
            descriptors=[],
        )
        for word in THEN:
            for tokens in directives[word]:
                self._directive(word, tokens)
        instructions = tuple(self._instruction(tokens, pc) for pc, tokens in enumerate(code))
        return canonical(self._module(instructions))

    def _module(self, code: tuple[Instruction, ...]) -> Module:
        tables, around = self.declarations.tables, self.around
        return Module(
            precision=tables["precision"][0] if tables["precision"] else "f64",
            file=tables["file"][0] if tables["file"] else "",
            symbols_of_size=tuple(tables["size"]),
            registers=tuple(tables["register"]),
            inputs=tuple(tables["input"]),
            outputs=tuple(tables["output"]),
            families=tuple(tables["family"]),
            constants=tuple(around.pools.constants.values),
            integers=tuple(around.pools.integers.values),
            sizes=tuple(around.pools.sizes.values),
            texts=tuple(around.texts),
            symbols=tuple(tables["symbols"][0]) if tables["symbols"] else (),
            arrays=tuple(self.declarations.arrays.values),
            sources=tuple(tables["source"]),
            descriptors=tuple(around.descriptors),
            preconditions=tuple(tables["precondition"]),
            code=code,
        )

    # -- statements --------------------------------------------------------------------------------
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
        directives: dict[str, list[list[Token]]] = {word: [] for word in (*FIRST, *THEN)}
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
                    f"there is no directive .{word}{close_to(word, directives)}",
                    f"directives are {', '.join('.' + w for w in directives)}",
                )
            if directives[word] and word in ONCE:
                raise self.text.error(tokens[start], f".{word} may stand only once")
            directives[word].append(statement)
        return directives, code

    def _directive(self, word: str, statement: list[Token]) -> None:
        tokens = Tokens(self.text, statement)
        tokens.take()
        if word == "precondition":
            value = self._precondition(tokens)
        else:
            value = self.declarations.read(word, tokens)
        if tokens.next.kind != "end":
            raise tokens.unexpected(f"after .{word}")
        self.declarations.tables[word].append(value)

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

    def _precondition(self, tokens: Tokens) -> Instruction:
        statement = tokens.tokens[tokens.at :]
        tokens.at = len(tokens.tokens) - 1
        return read_instruction(self.text, statement, self.around)
