"""Expressions of assembly text: parsed to trees, then built into nodes in the order of the
roots."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.asm_sizes import dim_keys, read_place, read_size
from hvm_vm.bytecode.asm_tokens import Token, Tokens, close_to
from hvm_vm.bytecode.asm_words import COMPARE, INFIX, MEANING, SIGNATURES
from hvm_vm.bytecode.canonical import Pool, float_bits
from hvm_vm.bytecode.lane_ops import LANE_OPS
from hvm_vm.bytecode.module import Access, Dim, Node, Register
from hvm_vm.bytecode.verify_expressions import core_type


@dataclass(eq=False, slots=True)
class Tree:
    """An operation as written. `word` is a spelling of `asm_words`, or const iconst size index acc
    load name; `value` what belongs to it."""

    word: str
    token: Token
    args: tuple[Tree, ...] = ()
    value: object = None


@dataclass
class Pools:
    """The pools that all instructions of a module share."""

    constants: Pool = field(default_factory=lambda: Pool(float_bits))
    integers: Pool = field(default_factory=Pool)
    sizes: Pool = field(default_factory=Pool)


class Expressions:
    """The expressions of one instruction. `operands` are (register, place) of results and core
    reads."""

    def __init__(
        self,
        tokens: Tokens,
        op: isa.Instruction,
        registers: dict[str, int],
        table: tuple[Register, ...],
        dims: tuple[Dim, ...],
        resolve_size,
        pools: Pools,
    ):
        self.tokens = tokens
        self.op = op
        self.registers = registers
        self.table = table
        self.dims = dims
        self.numbers = {key: number for number, key in enumerate(dim_keys(dims))}
        self.resolve_size = resolve_size
        self.pools = pools
        self.definitions: dict[int, Tree] = {}
        self.operands: list[tuple[int, Access]] = []
        self.nodes: list[Node] = []
        self.types: list[str] = []
        self.done: dict[int, int] = {}  # by identity of the tree

    # -- reading -----------------------------------------------------------------------------------
    def read(self, level: int = 1) -> Tree:
        """An expression whose operators bind at least as tightly as `level`."""
        tokens = self.tokens
        left = self._unary()
        while True:
            token = tokens.next
            found = (
                INFIX.get(token.value)
                if token.kind == "op" or (tokens.is_word("and") or tokens.is_word("or"))
                else None
            )
            if found is None or found < level:
                return left
            tokens.take()
            left = Tree(token.value, token, (left, self.read(found + 1)))
            if (
                found == COMPARE
                and tokens.next.kind == "op"
                and INFIX.get(tokens.next.value) == COMPARE
            ):
                raise tokens.error("comparisons do not chain", "join them with `and`")

    def _unary(self) -> Tree:
        tokens = self.tokens
        token = tokens.next
        if tokens.accept_word("not"):
            return self._nested(lambda: Tree("not", token, (self.read(COMPARE),)))
        if not tokens.is_op("-"):
            return self._atom()
        after = tokens.tokens[tokens.at + 1]
        if after.kind == "int":
            return Tree("iconst", token, value=tokens.integer("an integer"))
        if after.kind == "float" or (after.kind == "name" and after.value == "inf"):
            return Tree("const", token, value=tokens.number("a number"))
        tokens.take()
        return self._nested(lambda: Tree("neg", token, (self._unary(),)))

    def _nested(self, read):
        self.tokens.deeper()
        tree = read()
        self.tokens.shallower()
        return tree

    def _atom(self) -> Tree:
        tokens = self.tokens
        token = tokens.next
        if tokens.accept("("):
            inside = self._nested(self.read)
            tokens.expect(")")
            return inside
        if token.kind == "int":
            return Tree("iconst", token, value=tokens.integer("an integer"))
        if token.kind == "float" or tokens.is_word("inf") or tokens.is_word("nan"):
            return Tree("const", token, value=tokens.number("a number"))
        if tokens.is_op("%"):
            return self._load()
        if tokens.accept("$"):
            return Tree(
                "name", token, value=tokens.expect_kind("int", "the number of a definition").value
            )
        if tokens.accept_word("acc"):
            return Tree("acc", token)
        if tokens.accept_word("unknown"):
            return Tree("unknown", token, value=tokens.integer("the number of an unknown", low=0))
        tokens.expect_kind("name", "an expression")
        if not tokens.is_op("("):
            key = (token.value, tokens.primes())
            if key not in self.numbers:
                raise tokens.error(
                    f"{token.value} is no dimension of this instruction",
                    "registers are written %name, sizes size(name)",
                    token,
                )
            return Tree("index", token, value=self.numbers[key])
        return self._call(token)

    def _call(self, token: Token) -> Tree:
        tokens = self.tokens
        tokens.expect("(")
        if token.value == "size":
            tokens.deeper()
            tree = Tree("size", token, value=read_size(tokens, self.resolve_size))
            tokens.shallower()
        elif token.value not in SIGNATURES:
            raise tokens.error(
                f"there is no lane operation {token.value}{close_to(token.value, SIGNATURES)}",
                "`bytecode/SPEC.md` lists them",
                token,
            )
        else:
            args = [self._nested(self.read)]
            while tokens.accept(","):
                args.append(self._nested(self.read))
            tree = Tree(token.value, token, tuple(args))
        tokens.expect(")")
        return tree

    def _load(self) -> Tree:
        token = self.tokens.next
        register, access, positions = self.place()
        args = tuple(positions)
        if self.tokens.accept("?"):
            self.tokens.expect("(", "around a condition")
            args += (self._nested(self.read),)
            self.tokens.expect(")")
        return Tree("load", token, args, (register, access))

    def place(self) -> tuple[int, Access, list[Tree]]:
        """`%name[place, {position}, …]`: register, place, and the positions of computed axes."""
        tokens = self.tokens
        start = tokens.next
        number = read_register(tokens, self.registers, self.table)
        register = self.table[number]
        axes, positions = [], []
        if tokens.accept("["):
            while True:
                if len(axes) >= len(register.shape):
                    raise tokens.error(f"%{register.name} has only {len(register.shape)} axes")
                if tokens.accept("{"):
                    positions.append(self._nested(self.read))
                    axes.append(None)
                    tokens.expect("}")
                else:
                    tokens.deeper()
                    axes.append(
                        read_place(
                            tokens,
                            register.lo[len(axes)],
                            self.dims,
                            self.numbers,
                            self.resolve_size,
                        )
                    )
                    tokens.shallower()
                if not tokens.accept(","):
                    break
            tokens.expect("]")
        if len(axes) != len(register.shape):
            raise tokens.error(
                f"%{register.name} has {len(register.shape)} axes, and {len(axes)} places are "
                "given",
                token=start,
            )
        return number, Access(tuple(axes)), positions

    def definition_list(self) -> None:
        """`$1 = expression, $2 = …`: names for parts of expressions, wherever they are used."""
        tokens = self.tokens
        while True:
            tokens.expect("$", "before the number of a definition")
            token = tokens.expect_kind("int", "the number of a definition")
            if token.value in self.definitions:
                raise tokens.error(f"${token.value} is defined twice", token=token)
            tokens.expect("=")
            self.definitions[token.value] = self.read()
            if not tokens.accept(","):
                return

    # -- building ----------------------------------------------------------------------------------
    def build(self, tree: Tree) -> int:
        """The node of a tree; arguments first, each tree once, without recursion."""
        done = self.done
        path: set[int] = set()
        waiting = [tree]
        while waiting:
            current = waiting[-1]
            if id(current) in done:
                waiting.pop()
                continue
            parts = self._parts(current)
            missing = [part for part in parts if id(part) not in done]
            if missing:
                if id(current) in path:
                    raise self.tokens.error("this definition uses itself", token=current.token)
                path.add(id(current))
                waiting.extend(reversed(missing))
                continue
            path.discard(id(current))
            waiting.pop()
            arguments = tuple(done[id(part)] for part in parts)
            done[id(current)] = (
                arguments[0] if current.word == "name" else self._node(current, arguments)
            )
        return done[id(tree)]

    def _parts(self, tree: Tree) -> tuple[Tree, ...]:
        if tree.word != "name":
            return tree.args
        if tree.value not in self.definitions:
            raise self.tokens.error(
                f"${tree.value} is not defined", "define it: with $1 = …", tree.token
            )
        return (self.definitions[tree.value],)

    def _node(self, tree: Tree, arguments: tuple[int, ...]) -> int:
        types = "".join(self.types[a] for a in arguments)
        if tree.word == "load":
            node, result = self._load_node(tree, arguments)
        elif tree.word in _LEAVES:
            node, result = self._leaf(tree)
        else:
            op = MEANING.get((tree.word, types))
            if op is None:
                known = " or ".join(map(_types, SIGNATURES[tree.word]))
                raise self.tokens.error(
                    f"{tree.word} takes {known}, not {_types(types)}",
                    "float(…) makes a number of an integer, int(…) an integer of a number; "
                    "1.0 is a number, 1 an integer",
                    tree.token,
                )
            node, result = Node(op, arguments), _RESULT[op]
        self.nodes.append(node)
        self.types.append(result)
        return len(self.nodes) - 1

    def _leaf(self, tree: Tree) -> tuple[Node, str]:
        if tree.word == "acc":
            return Node("acc"), core_type(self.op)
        pool = {
            "const": self.pools.constants,
            "iconst": self.pools.integers,
            "size": self.pools.sizes,
        }.get(tree.word)
        number = tree.value if pool is None else pool.number(tree.value)
        return Node(tree.word, (), number), _RESULT[tree.word]

    def _load_node(self, tree: Tree, arguments: tuple[int, ...]) -> tuple[Node, str]:
        register, access = tree.value
        self.operands.append((register, access))
        op = "gather" if None in access.axes else "load"
        return Node(op, arguments, len(self.operands) - 1), "i" if self.table[
            register
        ].dtype == "i64" else "f"


_LEAVES = frozenset(("const", "iconst", "size", "index", "acc", "unknown"))
_RESULT = {row.name: row.result for row in LANE_OPS}


def _types(types: str) -> str:
    return f"({', '.join({'f': 'number', 'i': 'integer'}[t] for t in types)})"


def read_register(tokens: Tokens, registers: dict[str, int], table: tuple[Register, ...]) -> int:
    """`%name` or `%number`."""
    tokens.expect("%", "before the name of a register")
    token = tokens.next
    if token.kind == "int":
        tokens.take()
        if token.value >= len(table):
            raise tokens.error(
                f"there is no register {token.value}", f"there are {len(table)}", token
            )
        return token.value
    tokens.expect_kind("name", "a register")
    if token.value not in registers:
        raise tokens.error(
            f"there is no register %{token.value}{close_to(token.value, registers)}",
            f"declare it: .register {token.value} f64[…]",
            token,
        )
    return registers[token.value]
