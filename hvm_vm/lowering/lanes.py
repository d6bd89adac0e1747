"""Lanes: terms become the nodes of a descriptor, each distinct value once.

Numbers are computed in the program's precision; whole numbers (indices, sizes, integer variables)
stay integers as long as they can, so that comparisons of indices are exact and visible to engines.
What stands under a condition hands it to the loads that could be out of range without it.
"""

from __future__ import annotations

from hvm_vm.bytecode.module import Node
from hvm_vm.lowering.linear import linear
from hvm_vm.lowering.operation import Space
from hvm_vm.lowering.spaces import access
from hvm_vm.lowering.terms import HAS_REF, Ix, Term, conjuncts, is_size, refs_of, value_of

_INT = {"add": "iadd", "sub": "isub", "mul": "imul", "neg": "ineg", "abs": "iabs",
        "sign": "isign", "min": "imin", "max": "imax", "mod": "imod"}
_INT_COMPARE = {"lt": "ilt", "le": "ile", "eq": "ieq", "ne": "ine"}
_NARY = frozenset(["add", "mul", "min", "max", "and", "or"])


class Lanes:
    """The nodes, accesses and operands of one instruction."""

    def __init__(self, pools, program, dims: list[Space], acc_type: str = "f"):
        self.pools, self.program, self.acc_type = pools, program, acc_type
        self.dims: dict[Ix, tuple[int, Space]] = {s.ix: (k, s) for k, s in enumerate(dims)}
        self.box = {s.ix: (s.lo, s.hi) for s in dims}
        self.nodes: list[Node] = []
        self.accesses: list = []
        self.operands: list[int] = []
        self.known: dict[str, tuple[int, str]] = {}  # scalars computed by this same instruction
        self.computed: dict[tuple, tuple[int, str]] = {}  # likewise elements, by name and place
        self.read: dict[int, Term] = {}  # by load and gather node: what it reads
        self._numbers: dict[Node, int] = {}
        self._places: dict[tuple, int] = {}
        self._memo: dict[tuple, int] = {}
        self._fragile: dict[int, bool] = {}

    # -- asking for values -------------------------------------------------------------------
    def number(self, term: Term, guard: Term | None = None) -> int:
        """The node of `term` as an f lane."""
        return self._value("f", term, guard or self.program.terms.true)

    def integer(self, term: Term, guard: Term | None = None) -> int:
        """The node of `term` as an i lane."""
        return self._value("i", term, guard or self.program.terms.true)

    def unknown(self, number: int) -> int:
        """The node of an unknown of a solve."""
        return self._node("unknown", immediate=number)

    def add_access(self, register: int, place) -> int:
        self.accesses.append(place)
        self.operands.append(register)
        return len(self.accesses) - 1

    def place(self, ref_args, variable: str):
        """The affine access of a core operand or result."""
        found, dynamic = access(ref_args, self.program.infos[variable], self.dims)
        assert not dynamic, f"a computed place in the core of an operation on {variable}"
        return found

    # -- nodes -------------------------------------------------------------------------------
    def _node(self, op: str, *args: int, immediate: int = 0) -> int:
        node = Node(op, args, immediate)
        found = self._numbers.get(node)
        if found is None:
            found = self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return found

    def _value(self, lane: str, term: Term, guard: Term) -> int:
        if guard is not self.program.terms.true and not self._is_fragile(term):
            guard = self.program.terms.true
        key = (lane, term.id, guard.id)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = (self._float if lane == "f" else self._int)(term, guard)
        return found

    def _is_fragile(self, term: Term) -> bool:
        """Whether evaluating `term` where a guard is false could fail."""
        if not term.flags & HAS_REF:
            return False
        found = self._fragile.get(term.id)
        if found is None:
            found = any(not self.program.in_range(r, self.box) for r in refs_of(term))
            self._fragile[term.id] = found
        return found

    def _float(self, term: Term, guard: Term) -> int:
        op = term.op
        if op == "const":
            return self._node("const", immediate=self.pools.constant(float(value_of(term))))
        if op == "ref":
            node, lane = self._load(term, guard)
            return node if lane == "f" else self._node("float", node)
        if op == "acc":
            node = self._node("acc")
            return node if self.acc_type == "f" else self._node("float", node)
        if term.type == "i":
            return self._node("float", self._value("i", term, guard))
        if op == "if":
            test, yes, no = self._branches(term, guard)
            return self._node("select", self._value("f", test, guard),
                              self._value("f", *yes), self._value("f", *no))
        if op == "guard":
            return self._value("f", term.args[1], self.program.terms.both(guard, term.args[0]))
        if op in _INT_COMPARE and all(a.type == "i" for a in term.args):
            return self._node(_INT_COMPARE[op], *(self._value("i", a, guard) for a in term.args))
        args = [self._value("f", a, guard) for a in term.args]
        if op in _NARY:
            out = args[0]
            for arg in args[1:]:
                out = self._node(op, out, arg)
            return out
        return self._node(op, *args)

    def _int(self, term: Term, guard: Term) -> int:
        op = term.op
        if op == "ref":
            node, lane = self._load(term, guard)
            return node if lane == "i" else self._whole(node, guard)
        if op == "acc":
            node = self._node("acc")
            return node if self.acc_type == "i" else self._whole(node, guard)
        if op == "const" and isinstance(value_of(term), int):
            return self._node("iconst", immediate=self.pools.integer(value_of(term)))
        if op == "size":
            return self._node("size", immediate=self.pools.size(term.data))
        if op == "index":
            return self._node("index", immediate=self.dims[term.data][0])
        if op == "symbol":
            return self._node("iconst", immediate=self.pools.integer(term.data))
        if op == "if" and term.type == "i":
            test, yes, no = self._branches(term, guard)
            return self._node("iselect", self._value("f", test, guard),
                              self._value("i", *yes), self._value("i", *no))
        if op == "guard":
            return self._value("i", term.args[1], self.program.terms.both(guard, term.args[0]))
        if term.type != "i":
            return self._whole(self._value("f", term, guard), guard)
        if op in ("floor", "ceil") and term.args[0].op == "div":
            above, below = (self._value("i", a, guard) for a in term.args[0].args)
            if op == "floor":
                return self._node("ifloordiv", above, below)
            return self._node("ineg", self._node("ifloordiv", self._node("ineg", above), below))
        if op in ("floor", "ceil", "round"):
            return self._value("i", term.args[0], guard)
        if op == "pow":
            base = self._value("i", term.args[0], guard)
            out = base
            for _ in range(value_of(term.args[1]) - 1):
                out = self._node("imul", out, base)
            return out
        args = [self._value("i", a, guard) for a in term.args]
        out = self._node(_INT[op], *args[: 1 if op in ("neg", "abs", "sign") else 2])
        for arg in args[2:]:
            out = self._node(_INT[op], out, arg)
        return out

    def _whole(self, node: int, guard: Term) -> int:
        """A number as an integer; where the guard is false it need not be whole."""
        if guard is not self.program.terms.true:
            zero = self._node("const", immediate=self.pools.constant(0.0))
            node = self._node("select", self.condition(guard), node, zero)
        return self._node("int", node)

    def _branches(self, term: Term, guard: Term):
        t = self.program.terms
        test, yes, no = term.args
        return (test, (yes, t.both(guard, test) if self._is_fragile(yes) else t.true),
                (no, t.both(guard, t.apply("not", test)) if self._is_fragile(no) else t.true))

    def condition(self, guard: Term, before: Term | None = None) -> int:
        """The truth of a conjunction, each part under those before it."""
        t = self.program.terms
        before, node = before or t.true, None
        for part in conjuncts(guard):
            value = self._value("f", part, before)
            node = value if node is None else self._node("and", node, value)
            before = t.both(before, part)
        return node if node is not None else self._value("f", t.true, t.true)

    # -- loads -------------------------------------------------------------------------------
    def _load(self, ref: Term, guard: Term) -> tuple[int, str]:
        name = ref.data
        info = self.program.infos[name]
        lane = "f" if info.type == "float" else "i"
        if name in self.known:
            return self.known[name]
        found, dynamic = access(ref.args, info, self.dims)
        if not dynamic and (name, found) in self.computed:
            return self.computed[name, found]
        positions = [self._position(s, info.axes[k].lo, guard) for k, s in dynamic]
        register = self.pools.register_of(name)
        key = (register, found)
        number = self._places.get(key)
        if number is None:
            number = self._places[key] = self.add_access(register, found)
        guarded = guard is not self.program.terms.true and not self.program.in_range(ref, self.box)
        condition = [self.condition(guard)] if guarded else []
        op = "gather" if dynamic else "load"
        node = self._node(op, *positions, *condition, immediate=number)
        self.read.setdefault(node, ref)
        return node, lane

    def _position(self, subscript: Term, lo, guard: Term) -> int:
        """The zero-based place along an axis of a computed subscript."""
        node = self._value("i", subscript, guard)
        if lo == 0:
            return node
        below = self.program.terms.size(lo)
        return self._node("isub", node, self._value("i", below, self.program.terms.true))


def is_plain(term: Term) -> bool:
    """A reference that an operation's core can read itself: all subscripts affine."""
    return term.op == "ref" and all(linear(a) is not None for a in term.args)


__all__ = ["Lanes", "is_plain", "is_size"]
