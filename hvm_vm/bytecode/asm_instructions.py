"""One instruction of assembly text: its operation, places, expressions, dimensions and clauses."""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.asm_expressions import Expressions, Pools, Tree
from hvm_vm.bytecode.asm_sizes import read_range
from hvm_vm.bytecode.asm_tokens import ROLE_OF_WORD, AssemblyText, Token, Tokens, close_to
from hvm_vm.bytecode.module import Descriptor, Dim, Instruction, Part, Register
from hvm_vm.bytecode.solve_layout import MAX_UNKNOWNS, NAMES, UNSOLVED_NAN, Layout
from hvm_vm.bytecode.system_layout import ROOTS


@dataclass
class Surroundings:
    """What the declarations say, and the tables that instructions add to."""

    registers: dict[str, int]
    table: tuple[Register, ...]
    resolve_size: object
    read_source: object
    pools: Pools
    texts: list[str]
    descriptors: list[Descriptor]


def read_instruction(text: AssemblyText, tokens: list[Token], around: Surroundings) -> Instruction:
    """The instruction that the tokens (closed by one of kind "end") spell, its descriptor added."""
    word = tokens[0]
    op = isa.BY_NAME.get(word.value) if word.kind == "name" else None
    if op is None:
        raise text.error(
            word,
            f"there is no operation {word.value}{close_to(str(word.value), isa.BY_NAME)}",
            f"operations are {', '.join(isa.BY_NAME)}",
        )
    dims, rest = _take_dims(text, tokens[1:], around)
    cursor = Tokens(text, rest)
    if op.group == "control":
        source = around.read_source(cursor)
        _expect_end(cursor, op)
        return Instruction(op.name, source=source)
    return _Reader(cursor, op, dims, around).read()


def _take_dims(text: AssemblyText, tokens: list[Token], around: Surroundings):
    """The dimensions that the clauses `over t:T, …`, `reduce j:D` … declare, and the other
    tokens."""
    dims: list[Dim] = []
    rest: list[Token] = []
    at = depth = 0
    while at < len(tokens):
        token = tokens[at]
        cursor = Tokens(text, tokens)
        cursor.at = at
        if token.kind == "op":
            depth += (token.value in "([{") - (token.value in ")]}")
        if (
            depth == 0
            and token.kind == "name"
            and token.value in ROLE_OF_WORD
            and cursor.is_word(token.value)
        ):
            cursor.take()
            while True:
                name = cursor.expect_kind("name", "the name of a dimension")
                earlier = sum(dim.name == name.value for dim in dims)
                if cursor.primes() != earlier:
                    raise cursor.error(
                        f"this is dimension {earlier + 1} of the name {name.value}",
                        f"write it {name.value}{earlier * chr(39)}",
                        name,
                    )
                cursor.expect(":", "before the range of a dimension")
                lo, extent = read_range(cursor, around.resolve_size)
                dims.append(Dim(name.value, lo, extent, ROLE_OF_WORD[token.value]))
                if not cursor.accept(","):
                    break
            at = cursor.at
        else:
            rest.append(token)
            at += 1
    return tuple(dims), rest


def _expect_end(cursor: Tokens, op: isa.Instruction) -> None:
    if cursor.next.kind != "end":
        raise cursor.unexpected(f"in this {op.name}")


def read_part(
    text: AssemblyText, tokens: list[Token], op: isa.Instruction, around: Surroundings
) -> tuple[Part, list[int]]:
    """The part of a system that the tokens (closed by one of kind "end") spell, and the registers
    of its operands."""
    dims, rest = _take_dims(text, tokens, around)
    cursor = Tokens(text, rest)
    role = cursor.next.value
    if not (role in ROOTS and cursor.accept_word(role)):
        raise cursor.error(f"a part begins with {', '.join(ROOTS)}, not {cursor.found()}")
    number = cursor.integer("the number of a relation or unknown", low=0)
    names = [name.rstrip("?") for name in ROOTS[role]]
    expressions = Expressions(
        cursor, op, around.registers, around.table, dims, around.resolve_size, around.pools
    )
    roots: list[Tree | None] = [None] * len(names)
    slopes: list[Tree | None] = []
    while cursor.next.kind != "end":
        token = cursor.next
        if cursor.accept_word("with"):
            expressions.definition_list()
        elif role == "term" and not slopes and cursor.accept_word("slope"):
            while True:
                slopes.append(None if cursor.accept_word("none") else expressions.read())
                if not cursor.accept(","):
                    break
        elif token.value in names and cursor.is_word(token.value):
            cursor.take()
            if roots[names.index(token.value)] is not None:
                raise cursor.error(f"this {role} has its {token.value} already", token=token)
            roots[names.index(token.value)] = expressions.read()
        else:
            raise cursor.unexpected(f"in this {role}", f"its clauses: {', '.join(names)}")
    for root, name in zip(roots, ROOTS[role], strict=True):
        if root is None and not name.endswith("?"):
            raise cursor.error(f"this {role} needs a clause: {name} …")
    built = tuple(-1 if root is None else expressions.build(root) for root in (*roots, *slopes))
    descriptor = Descriptor(
        dims, tuple(access for _, access in expressions.operands), tuple(expressions.nodes), built
    )
    return Part(role, number, descriptor), [register for register, _ in expressions.operands]


class _Reader:
    def __init__(
        self, tokens: Tokens, op: isa.Instruction, dims: tuple[Dim, ...], around: Surroundings
    ):
        self.tokens = tokens
        self.op = op
        self.dims = dims
        self.around = around
        self.expressions = Expressions(
            tokens, op, around.registers, around.table, dims, around.resolve_size, around.pools
        )
        self.roots: list[Tree | None] = [] if op.group == "elementwise" else [None] * len(op.roots)
        self.message, self.status, self.source = -1, 0, -1
        self.parts: list[tuple[Part, list[int]]] = []

    def read(self) -> Instruction:
        if self.op.name == "system":
            self._whole_unknowns()
        elif self.op.group == "system":
            self._unknowns()
        else:
            self._core()
        while self.tokens.next.kind != "end":
            self._clause()
        names = () if self.op.name == "solve" else self.op.roots
        for root, name in zip(self.roots, names, strict=False):
            if root is None and not name.endswith("?"):
                raise self.tokens.error(f"this {self.op.name} needs a clause: {name} …")
        build = self.expressions.build
        roots = tuple(-1 if root is None else build(root) for root in self.roots)
        operands = self.expressions.operands
        around = self.around
        around.descriptors.append(
            Descriptor(
                self.dims,
                tuple(access for _, access in operands),
                tuple(self.expressions.nodes),
                roots,
                self.message,
                self.status,
                tuple(part for part, _ in self.parts),
            )
        )
        registers = [register for register, _ in operands]
        for _, own in self.parts:
            registers += own
        return Instruction(
            self.op.name, tuple(registers), len(around.descriptors) - 1, self.source
        )

    def _place(self) -> None:
        token = self.tokens.next
        register, access, positions = self.expressions.place()
        if positions:
            raise self.tokens.error("a computed axis may only stand in an expression", token=token)
        self.expressions.operands.append((register, access))

    def _core(self) -> None:
        tokens, op = self.tokens, self.op
        if op.group == "claim":
            self.roots[0] = self.expressions.read()
            return
        self._place()
        tokens.expect("=", "after the result")
        if op.group == "elementwise":
            self.roots.append(self.expressions.read())
            while tokens.accept(","):
                self._place()
                tokens.expect("=", "after the result")
                self.roots.append(self.expressions.read())
        elif op.group == "contraction":
            self._place()
            tokens.expect("*", "between the two factors")
            self._place()
        elif op.group == "attention":
            for label in "qkv":
                if not tokens.accept_word(label):
                    raise tokens.error(
                        f"{label} is expected, not {tokens.found()}",
                        "an attention is written: %O[…] = q %Q[…] k %K[…] v %V[…]",
                    )
                self._place()
        else:
            self.roots[0] = self.expressions.read()

    def _whole_unknowns(self) -> None:
        """What a system begins with: the places of its unknowns, and its settings."""
        tokens = self.tokens
        self._place()
        while tokens.accept(","):
            self._place()
        for position, name in enumerate(("iterations", "tolerance")):
            if not tokens.accept_word(name):
                raise tokens.error(f"this system needs its {name}, not {tokens.found()}")
            self.roots[position] = self.expressions.read()

    def _part(self) -> None:
        """`(role number …)`: a part of a system, with dimensions of its own."""
        tokens = self.tokens
        start, depth = tokens.at, 1
        while depth:
            token = tokens.take()
            if token.kind == "end":
                raise tokens.error("this part is not closed", "add )", tokens.tokens[start - 1])
            if token.kind == "op":
                depth += (token.value in "([{") - (token.value in ")]}")
        own = tokens.tokens[start : tokens.at - 1]
        closing = tokens.tokens[tokens.at - 1]
        end = Token("end", None, closing.start)
        self.parts.append(read_part(tokens.text, [*own, end], self.op, self.around))

    def _unknowns(self) -> None:
        """What a solve begins with: the places of its unknowns; then its expressions by name."""
        tokens = self.tokens
        self._place()
        while tokens.accept(","):
            self._place()
        layout = Layout(len(self.expressions.operands))
        if layout.n > MAX_UNKNOWNS:
            raise tokens.error(f"a solve has at most {MAX_UNKNOWNS} unknowns")
        self.roots = [None] * (layout.jacobian(layout.n - 1, layout.n - 1) + 1)
        for position, name in enumerate(("iterations", "tolerance")):
            if not tokens.accept_word(name):
                raise tokens.error(f"this solve needs its {name}, not {tokens.found()}")
            self.roots[position] = self.expressions.read()
        for name in NAMES:
            if not tokens.accept_word(name):
                if name in ("residual", "scale"):
                    raise tokens.error(f"this solve needs a clause: {name} …")
                continue
            for k, position in enumerate(layout.run(name)):
                if k:
                    tokens.expect(",", f"between the expressions of {name}")
                if not tokens.accept_word("none"):
                    self.roots[position] = self.expressions.read()

    def _clause(self) -> None:
        tokens, op = self.tokens, self.op
        plain = op.group in ("elementwise", "system")
        names = [] if plain else [root.rstrip("?") for root in op.roots]
        token = tokens.next
        if op.name == "system" and tokens.accept("("):
            self._part()
        elif tokens.accept_word("with"):
            self.expressions.definition_list()
        elif tokens.is_op("@"):
            self.source = self.around.read_source(tokens)
            _expect_end(tokens, op)
        elif op.group in ("claim", "system") and tokens.accept_word("message"):
            self.around.texts.append(tokens.expect_kind("text", "the message in quotes").value)
            self.message = len(self.around.texts) - 1
        elif op.group == "system" and tokens.accept_word("unsolved"):
            if not tokens.accept_word("nan"):
                raise tokens.unexpected("after unsolved", "it can only be: unsolved nan")
            self.status = UNSOLVED_NAN
        elif op.group == "claim" and tokens.accept_word("status"):
            self.status = tokens.integer("a status", low=0)
        elif token.kind == "name" and token.value in names and tokens.is_word(token.value):
            tokens.take()
            number = names.index(token.value)
            if self.roots[number] is not None:
                raise tokens.error(f"this {op.name} has its {token.value} already", token=token)
            self.roots[number] = self.expressions.read()
        else:
            clauses = ", ".join(f"{name} …" for name in names[1:]) or "none but the dimensions"
            raise tokens.unexpected(f"in this {op.name}", f"its clauses: {clauses}")
