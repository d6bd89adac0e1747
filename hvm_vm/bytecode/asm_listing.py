"""Instructions of a verified, canonical module as assembly text.

    contract    %Q[t, i] = %Wq[i, j] * %X[t, j] over t:T, i:D reduce j:D
    softmax     %A[t, u] = %S[t, u] condition u <= t over t:T along u:T

Expressions are written infix. A value that is used several times, or one that would make a line
too long, is named: `... with $1 = exp(%x[t])`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.asm_sizes import spell_dims, spell_place, spell_range, spell_size
from hvm_vm.bytecode.asm_tokens import ROLE_WORDS, spell_float, spell_name, spell_text
from hvm_vm.bytecode.asm_words import ATOM, COMPARE, INFIX, NOT, SIGN, SPELLING
from hvm_vm.bytecode.module import Descriptor, Instruction, Module, Part
from hvm_vm.bytecode.regions import result_count
from hvm_vm.bytecode.solve_layout import NAMES, UNSOLVED_NAN, Layout
from hvm_vm.bytecode.system_layout import ROOTS, operands_of

LINE = 100  # where a line is broken before its next clause
LONGEST_TEXT = 400  # of an expression, before a part of it is named
DEEPEST = 12  # brackets in an expression, before a part of it is named


class Names:
    """How a module's registers and sources are referred to."""

    def __init__(self, module: Module):
        counts = Counter(register.name for register in module.registers)
        self.registers = [
            f"%{spell_name(r.name)}" if counts[r.name] == 1 and r.name else f"%{number}"
            for number, r in enumerate(module.registers)
        ]
        places = [(span.line, span.column) for span in module.sources]
        spans = Counter(places)
        self.sources = [
            f"@{place[0]}:{place[1]}" if spans[place] == 1 else f"@#{number}"
            for number, place in enumerate(places)
        ]

    def source(self, number: int) -> str:
        """` @line:column`, or nothing."""
        return "" if number == -1 else f" {self.sources[number]}"


def spell_instruction(module: Module, instruction: Instruction, names: Names) -> list[str]:
    """The lines of an instruction: the first without its number, the others to be indented."""
    if instruction.descriptor == -1:
        return [instruction.op + names.source(instruction.source)]
    parts = _Listing(module, instruction, names).parts()
    parts[-1] += names.source(instruction.source)
    long = sum(map(len, parts)) + len(parts) > LINE - 6
    lines = [parts[0]]
    for part in parts[1:]:
        # What is named stands below what uses it, unless all of it fits one line.
        # So do the parts of a system.
        apart = part.startswith(("with ", "("))
        if len(lines[-1]) + 1 + len(part) > LINE - 6 or (long and apart):
            lines.append(part)
        else:
            lines[-1] += f" {part}"
    return lines


class _Listing:
    def __init__(self, module: Module, instruction: Instruction, names: Names, descriptor=None):
        self.module = module
        self.instruction = instruction
        self.descriptor: Descriptor = descriptor or module.descriptors[instruction.descriptor]
        self.names = names
        self.op = isa.BY_NAME[instruction.op]
        self.dims = spell_dims(self.descriptor.dims)
        self.definitions: list[str] = []
        self.expressions = self._expressions()

    def parts(self) -> list[str]:
        """The text in pieces between which a line may be broken."""
        head = f"{self.instruction.op:<11}"
        d = self.descriptor
        results = result_count(self.op, len(d.roots), len(d.accesses))
        if self.op.group == "elementwise":
            bodies = [f"{self.place(k)} = {self.root(k)}" for k in range(results)]
            parts = [f"{head} {bodies[0]}", *bodies[1:]]
            parts[:-1] = [f"{part}," for part in parts[:-1]]
            return parts + self.clauses(results)
        if self.op.group == "system":
            places = ", ".join(self.place(k) for k in range(results))
            return [f"{head} {places}", *self.clauses(len(self.op.roots))]
        first = 0
        if self.op.group == "claim":
            core, first = self.root(0), 1
        elif self.op.group == "contraction":
            core = f"{self.place(0)} = {self.place(1)} * {self.place(2)}"
        elif self.op.group == "attention":
            core = f"{self.place(0)} = q {self.place(1)} k {self.place(2)} v {self.place(3)}"
        else:
            core, first = f"{self.place(0)} = {self.root(0)}", 1
        return [f"{head} {core}", *self.clauses(first)]

    def clauses(self, first: int) -> list[str]:
        """What follows the core: the other expressions, the dimensions, the definitions, the
        message."""
        found = []
        if self.op.name == "system":
            found += [f"iterations {self.root(0)}", f"tolerance {self.root(1)}"]
        elif self.op.group == "system":
            found += self._settings()
        elif self.op.group != "elementwise":
            for position in range(first, len(self.op.roots)):
                if self.descriptor.roots[position] != -1:
                    found.append(f"{self.op.roots[position].rstrip('?')} {self.root(position)}")
        found += self._dims_and_definitions()
        if self.op.name == "system":
            for part, operands in operands_of(self.instruction.operands, self.descriptor):
                own = replace(self.instruction, operands=operands)
                found += _PartListing(self.module, own, self.names, part).parts()
        if self.op.group == "system" and self.descriptor.status == UNSOLVED_NAN:
            found.append("unsolved nan")
        if self.op.group == "system":
            found.append(f"message {spell_text(self.module.texts[self.descriptor.message])}")
        if self.op.group == "claim":
            found.append(f"message {spell_text(self.module.texts[self.descriptor.message])}")
            found.append(f"status {self.descriptor.status}")
        return found

    def _dims_and_definitions(self) -> list[str]:
        found, role = [], ""
        for spelled, dim in zip(self.dims, self.descriptor.dims, strict=True):
            text = f"{spelled}:{spell_range(dim.lo, dim.extent)}"
            if dim.role == role:
                found[-1] += f", {text}"
            else:
                found.append(f"{ROLE_WORDS[dim.role]} {text}")
            role = dim.role
        definitions = [
            ("" if number else "with ") + text for number, text in enumerate(self.definitions)
        ]
        return found + [text + "," for text in definitions[:-1]] + definitions[-1:]

    def _settings(self) -> list[str]:
        """The expressions of a solve, by name; `none` where there is none."""
        layout = Layout(result_count(self.op, len(self.descriptor.roots)))
        found = [f"iterations {self.root(0)}", f"tolerance {self.root(1)}"]
        for name in NAMES:
            texts = [
                self.root(k) if self.descriptor.roots[k] >= 0 else "none" for k in layout.run(name)
            ]
            if any(text != "none" for text in texts):
                texts[0] = f"{name} {texts[0]}"
                found += [f"{text}," for text in texts[:-1]] + texts[-1:]
        return found

    def root(self, position: int) -> str:
        return self.expressions[self.descriptor.roots[position]]

    def place(self, operand: int, positions: list[str] | None = None) -> str:
        """`%x[i, {position}]`: where an operand lies."""
        number = self.instruction.operands[operand]
        register = self.module.registers[number]
        computed = iter(positions or ())
        axes = [
            f"{{{next(computed)}}}"
            if place is None
            else spell_place(place, lo, self.descriptor.dims, self.dims)
            for place, lo in zip(self.descriptor.accesses[operand].axes, register.lo, strict=True)
        ]
        return self.names.registers[number] + (f"[{', '.join(axes)}]" if axes else "")

    # -- expressions -------------------------------------------------------------------------------
    def _expressions(self) -> list[str]:
        """The text of every node; nodes used several times become definitions."""
        nodes = self.descriptor.nodes
        uses = [0] * len(nodes)
        for node in nodes:
            for argument in node.args:
                uses[argument] += 1
        for root in self.descriptor.roots:
            if root >= 0:
                uses[root] += 1
        texts: list[str] = []
        levels: list[int] = []  # how tightly the text binds
        depths: list[int] = []  # brackets in it
        for number, node in enumerate(nodes):
            text, level = self._node(node, texts, levels)
            depth = 1 + max((depths[a] for a in node.args), default=0)
            leaf = not node.args
            shared = uses[number] > 1
            long = len(text) > LONGEST_TEXT or depth > DEEPEST
            if not leaf and (shared or (long and number not in self.descriptor.roots)):
                self.definitions.append(f"${len(self.definitions) + 1} = {text}")
                text, level, depth = f"${len(self.definitions)}", ATOM, 0
            texts.append(text)
            levels.append(level)
            depths.append(depth)
        return texts

    def _node(self, node, texts: list[str], levels: list[int]) -> tuple[str, int]:
        module, arguments = self.module, [texts[a] for a in node.args]
        if node.op == "const":
            return spell_float(module.constants[node.immediate]), ATOM
        if node.op == "iconst":
            return str(module.integers[node.immediate]), ATOM
        if node.op == "size":
            return f"size({spell_size(module.sizes[node.immediate])})", ATOM
        if node.op == "index":
            return self.dims[node.immediate], ATOM
        if node.op == "acc":
            return "acc", ATOM
        if node.op == "unknown":
            return f"unknown {node.immediate}", ATOM
        if node.op in ("load", "gather"):
            axes = self.descriptor.accesses[node.immediate].axes
            computed = sum(axis is None for axis in axes)
            text = self.place(node.immediate, arguments[:computed])
            return text + (f"?({arguments[computed]})" if len(arguments) > computed else ""), ATOM
        word = SPELLING[node.op]
        level = INFIX.get(word)
        if level is not None:
            left, right = node.args
            return (
                f"{self._within(left, level + (level == COMPARE), texts, levels)} {word} "
                f"{self._within(right, level + 1, texts, levels)}"
            ), level
        if word == "not":
            return f"not {self._within(node.args[0], COMPARE, texts, levels)}", NOT
        # The opposite of a literal is written as a call: -1.5 is a literal itself.
        if word == "neg" and self.descriptor.nodes[node.args[0]].op not in ("const", "iconst"):
            return f"-{self._within(node.args[0], ATOM, texts, levels)}", SIGN
        return f"{word}({', '.join(arguments)})", ATOM

    @staticmethod
    def _within(node: int, level: int, texts: list[str], levels: list[int]) -> str:
        return texts[node] if levels[node] >= level else f"({texts[node]})"


class _PartListing(_Listing):
    """A part of a system: `(term 0 value %A[i, j] * %x[j] slope %A[i, j] along i:N reduce j:N)`."""

    def __init__(self, module: Module, instruction: Instruction, names: Names, part: Part):
        super().__init__(module, instruction, names, part.descriptor)
        self.part = part

    def parts(self) -> list[str]:
        roots, named = self.descriptor.roots, ROOTS[self.part.role]
        found = [f"({self.part.role} {self.part.number}"]
        found += [
            f"{name.rstrip('?')} {self.root(k)}" for k, name in enumerate(named) if roots[k] >= 0
        ]
        slopes = [self.root(k) if roots[k] >= 0 else "none" for k in range(len(named), len(roots))]
        if slopes:
            found += [f"slope {slopes[0]}", *slopes[1:]]
            found[-len(slopes) : -1] = [f"{text}," for text in found[-len(slopes) : -1]]
        found += self._dims_and_definitions()
        found[-1] += ")"
        return found
