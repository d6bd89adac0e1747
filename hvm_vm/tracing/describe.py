"""One line for people about one instruction: its result, its operation, its operands and shapes.

    %S f64[3,3] = contract sum[i](%Q[t,i]*%K[u,i])
    %A f64[3,3] = softmax[u](%S[t,u])

Sizes are numbers when `sizes` is given (a bound program), else the symbolic expressions of the
module. Unlike the assembly text this cannot be assembled again: it shows places in index *values*,
as the source wrote them, and leaves out what the shapes already say.
"""

from __future__ import annotations

from collections.abc import Mapping

from hvm_vm.bytecode import isa, lane_ops
from hvm_vm.bytecode.module import Access, Descriptor, Instruction, Module
from hvm_vm.bytecode.sizes import Size, SizeError
from hvm_vm.bytecode.solve_layout import Layout, unknown_count

LONGEST = 4000  # characters of one description; a longer one is cut, and says by how much
BRIEF = 240  # of one in a table for people; a longer one says what there is of what

_LEAVES = frozenset(("const", "iconst", "size", "index", "load", "acc", "unknown"))

# How tightly an infix operation binds, and how tightly each operand must to go without brackets;
# the levels are HMP's own. What is not listed is written as a call.
_ATOM = 9
_INFIX = {
    "or": (1, (1, 2)), "and": (2, (2, 3)), "not": (3, (3,)),
    "lt": (4, (5, 5)), "le": (4, (5, 5)), "eq": (4, (5, 5)), "ne": (4, (5, 5)),
    "ilt": (4, (5, 5)), "ile": (4, (5, 5)), "ieq": (4, (5, 5)), "ine": (4, (5, 5)),
    "add": (5, (5, 6)), "sub": (5, (5, 6)), "iadd": (5, (5, 6)), "isub": (5, (5, 6)),
    "mul": (6, (6, 7)), "div": (6, (6, 7)), "imul": (6, (6, 7)),
    "neg": (7, (7,)), "ineg": (7, (7,)), "pow": (8, (9, 8)),
}  # fmt: skip


def describe(
    module: Module, instruction: Instruction, sizes: Mapping[str, int] | None = None
) -> str:
    """The line for `instruction` of `module`."""
    return _cut(_Describer(module, instruction, sizes).line())


def brief(
    module: Module, instruction: Instruction, sizes: Mapping[str, int] | None = None
) -> str:
    """As `describe`, but a map of many operations is only counted: `hvm dis` spells it out."""
    describer = _Describer(module, instruction, sizes)
    text = describer.line()
    if len(text) > BRIEF and describer.row.group == "elementwise":
        return describer.outline()
    return _cut(text)


def _cut(text: str) -> str:
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} ... (+{len(text) - LONGEST} characters)"
    return text


def shape_text(module: Module, register: int, sizes: Mapping[str, int] | None = None) -> str:
    """`f64[3,2]`, or `f64[T,D]` while sizes are symbolic."""
    slot = module.registers[register]
    return f"{slot.dtype}[{','.join(_size_text(s, sizes) for s in slot.shape)}]"


def _size_text(size: Size, sizes: Mapping[str, int] | None) -> str:
    if sizes is None:
        return str(size).replace(" ", "")
    try:
        return str(size.evaluate(dict(sizes)))
    except SizeError:
        return str(size).replace(" ", "")


class _Describer:
    def __init__(self, module: Module, instruction: Instruction, sizes) -> None:
        self.module, self.instruction, self.sizes = module, instruction, sizes
        self.row = isa.BY_NAME[instruction.op]
        self.descriptor: Descriptor | None = (
            module.descriptors[instruction.descriptor] if instruction.descriptor >= 0 else None
        )

    def line(self) -> str:
        d = self.descriptor
        if d is None:
            return self.instruction.op
        if self.row.name == "system":
            return self._system(d)
        roots = self._roots(d)
        # A value that several places use is written once, after `with`.
        self.shared = self._shared_nodes(d)
        self.unknowns: list[str] = []
        if self.row.group == "system":
            self.unknowns = [self._place(k) for k in range(unknown_count(len(d.roots)))]
        self.texts = self._node_texts(d)
        if self.row.group == "claim":
            spans = self._free(d)
            text = f"check {self._root(roots.get('claim', -1))}{spans}"
            if d.message >= 0:
                text += f"    # {self.module.texts[d.message].splitlines()[0]}"
        elif self.row.group == "system":
            layout = Layout(unknown_count(len(d.roots)))
            held = "; ".join(f"{self._root(d.roots[k])} = 0" for k in layout.run("residual"))
            text = f"{', '.join(self._result(k) for k in range(layout.n))} = solve {held}"
            self._only_shown(d, [d.roots[k] for k in layout.run("residual")])
        elif self.row.group == "elementwise":
            count = len(d.roots)
            parts = [
                f"{self._result(k)} = {self.instruction.op} {self._root(root)}"
                for k, root in enumerate(d.roots[:count])
            ]
            text = "; ".join(parts)
        else:
            text = f"{self._result(0)} = {self._core(d, roots)}"
        if self.shared:
            definitions = "; ".join(f"${n} = {t}" for n, t in self.shared_texts)
            text += f" with {definitions}"
        return text

    def _system(self, d: Descriptor) -> str:
        """Its unknowns, and the relations as the source writes them."""
        unknowns = ", ".join(self._result(k) for k in range(len(d.accesses)))
        relations = self.module.texts[d.message].split("\n")
        return f"{unknowns} = system {'; '.join(text.partition(': ')[2] for text in relations)}"

    def outline(self) -> str:
        """`%a f64[], %b f64[], … %z f64[] (26 results) = map of 80 operations on 12 operands`."""
        if self.row.name == "system":
            return self._system(self.descriptor)
        count = len(self.descriptor.roots)
        results = [self._result(k) for k in range(count)]
        shown = ", ".join(results)
        if count > 3:
            shown = f"{results[0]}, {results[1]}, … {results[-1]} ({count} results)"
        done = sum(1 for node in self.descriptor.nodes if node.args)
        read = len({*self.instruction.operands[count:]})
        operands = "1 operand" if read == 1 else f"{read} operands"
        return f"{shown} = {self.instruction.op} of {done} operations on {operands}"

    def _only_shown(self, d: Descriptor, roots: list[int]) -> None:
        """Keep the definitions of the values that `roots` use."""
        seen: set[int] = set()
        while roots:
            k = roots.pop()
            if k not in seen:
                seen.add(k)
                roots.extend(d.nodes[k].args)
        numbers = {n for k, n in self.shared.items() if k in seen}
        self.shared = {k: n for k, n in self.shared.items() if n in numbers}
        self.shared_texts = [(n, t) for n, t in self.shared_texts if n in numbers]

    # -- parts -----------------------------------------------------------------------------------

    def _roots(self, d: Descriptor) -> dict[str, int]:
        names = [n.rstrip("?*") for n in self.row.roots]
        return dict(zip(names, d.roots, strict=False))

    def _core(self, d: Descriptor, roots: dict[str, int]) -> str:
        op, group = self.instruction.op, self.row.group

        def names(role: str) -> str:
            return ",".join(dim.name for dim in d.dims if dim.role == role)

        condition = ""
        if roots.get("condition", -1) >= 0:
            condition = f" | {self._root(roots['condition'])}"
        if group == "reduction":
            text = f"{op}[{names('r')}{condition}]({self._root(roots['body'])})"
        elif group == "contraction":
            text = f"contract sum[{names('r')}{condition}]({self._place(1)}*{self._place(2)})"
        elif group == "attention":
            q, k, v = (self._place(n) for n in (1, 2, 3))
            text = f"attention[{names('u')}{condition}]({q}, {k}, {v})"
            if roots.get("score", -1) >= 0:
                text += f" score {self._root(roots['score'])}"
            if roots.get("weight", -1) >= 0:
                text += f" weight {self._root(roots['weight'])}"
        elif op == "softmax":
            text = f"softmax[{names('n')}{condition}]({self._root(roots['score'])})"
            if roots.get("weight", -1) >= 0:
                text += f" weight {self._root(roots['weight'])}"
        else:
            text = f"{op}[{names('n')}{condition}]({self._root(roots['body'])})"
            if roots.get("epsilon", -1) >= 0:
                text += f" epsilon {self._root(roots['epsilon'])}"
        if roots.get("epilogue", -1) >= 0:
            text += f" then {self._root(roots['epilogue'])}"
        return text

    def _free(self, d: Descriptor) -> str:
        names = ",".join(f"{dim.name}:{_size_text(dim.extent, self.sizes)}" for dim in d.dims)
        return f" for every {names}" if names else ""

    def _result(self, k: int) -> str:
        register = self.instruction.operands[k]
        name = self.module.registers[register].name or str(register)
        return f"%{name} {shape_text(self.module, register, self.sizes)}"

    def _place(self, k: int, gathered: list[str] | None = None) -> str:
        """`%K[u,i]`: operand k with its subscripts as index values."""
        register = self.instruction.operands[k]
        slot = self.module.registers[register]
        name = f"%{slot.name or register}"
        access: Access = self.descriptor.accesses[k]
        if not access.axes:
            return name
        waiting = list(gathered or ())
        subscripts = []
        for axis, affine in enumerate(access.axes):
            lo = slot.lo[axis] if axis < len(slot.lo) else Size.of(0)
            if affine is None:
                position = waiting.pop(0) if waiting else "?"
                subscripts.append(_shifted(position, lo, self.sizes))
                continue
            place = affine.const + lo
            for dim, coefficient in affine.terms:
                place = place + coefficient * (
                    Size.of(self.descriptor.dims[dim].name) - self.descriptor.dims[dim].lo
                )
            subscripts.append(self._place_text(place))
        return f"{name}[{','.join(subscripts)}]"

    def _place_text(self, place: Size) -> str:
        if self.sizes is not None:
            # Index names stay; every other symbol becomes its number.
            held = {dim.name for dim in self.descriptor.dims}
            known = {n: Size.of(v) for n, v in self.sizes.items() if n not in held}
            place = place.substitute(known)
        return str(place).replace(" ", "")

    # -- expressions -----------------------------------------------------------------------------

    def _shared_nodes(self, d: Descriptor) -> dict[int, int]:
        uses = [0] * len(d.nodes)
        for node in d.nodes:
            for argument in node.args:
                uses[argument] += 1
        for root in d.roots:
            if root >= 0:
                uses[root] += 1
        shared = [
            k for k, n in enumerate(d.nodes) if uses[k] > 1 and n.op not in _LEAVES and n.args
        ]
        return {node: number for number, node in enumerate(shared, 1)}

    def _node_texts(self, d: Descriptor) -> list[str]:
        """The text of each node, in order: a node's arguments come before it."""
        texts: list[str] = []
        levels: list[int] = []
        self.shared_texts: list[tuple[int, str]] = []
        for k, node in enumerate(d.nodes):
            text, level = self._node_text(node, texts, levels)
            if k in self.shared:
                self.shared_texts.append((self.shared[k], text))
                text, level = f"${self.shared[k]}", _ATOM
            texts.append(text)
            levels.append(level)
        return texts

    def _node_text(self, node, texts: list[str], levels: list[int]) -> tuple[str, int]:
        """The text of a node, and how tightly its outermost operation binds."""
        op, arguments = node.op, [texts[a] for a in node.args]
        if op in ("float", "int"):
            return arguments[0], levels[node.args[0]]
        form = lane_ops.BY_NAME[op].text
        if op in _INFIX:
            level, needed = _INFIX[op]
            arguments = [
                text if levels[a] >= least else f"({text})"
                for text, a, least in zip(arguments, node.args, needed, strict=True)
            ]
            return form[1:-1].format(*arguments), level
        if op == "const":
            text = _number(self.module.constants[node.immediate])
        elif op == "iconst":
            text = str(self.module.integers[node.immediate])
        elif op == "size":
            text = _size_text(self.module.sizes[node.immediate], self.sizes)
        elif op == "index":
            return self.descriptor.dims[node.immediate].name, _ATOM
        elif op == "unknown":
            return self.unknowns[node.immediate], _ATOM
        elif op == "load":
            # A guard repeats the condition that the branch already shows.
            return self._place(node.immediate), _ATOM
        elif op == "gather":
            return self._place(node.immediate, arguments), _ATOM
        else:
            return form.format(*arguments), _ATOM
        if text.startswith("-"):
            return text, 7
        return text, _ATOM if text.replace(".", "").isalnum() else 5

    def _root(self, node: int) -> str:
        return self.texts[node] if node >= 0 else ""


def _shifted(position: str, lo: Size, sizes: Mapping[str, int] | None) -> str:
    """A zero-based computed position as an index value."""
    low = _size_text(lo, sizes)
    if low == "0":
        return position
    # The compiler subtracted the axis's first value: undo it instead of writing `x - 1 + 1`.
    if position.endswith(f" - {low}"):
        return position[: -len(low) - 3]
    if low.startswith("-") and position.endswith(f" + {low[1:]}"):
        return position[: -len(low) - 2]
    negative = f" + -{low}"
    if position.endswith(negative):
        return position[: -len(negative)]
    return f"{position}+{low}"


def _number(value: float) -> str:
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
