"""Terms: the expressions of a system as a graph in which equal expressions are one object.

A :class:`Term` is built only by a :class:`Terms` pool, which returns the term it already has when
asked for an equal one. So comparing terms is comparing objects, hashing one costs nothing, and what
is computed of a term (its free indices, its canonical form, its affine form) is kept with it. That
is what keeps lowering near-linear in the size of the program.

Operations (`Term.op`, with `Term.data` and `Term.args`):

    const   data: int or float                 size    data: Size (never a constant one)
    index   data: Ix                           symbol  data: its number
    ref     data: variable; args: subscripts in index values
    reduce  data: (operation, indices); args: (condition, body); condition `TRUE` when there is none
    guard   args: (condition, body): body, of no particular value where the condition is false
    acc     the core result of an instruction, in its epilogue
    and the operations of `system.Apply`, `add mul min max and or` with two or more arguments
"""

from __future__ import annotations

import math

from hvm_vm.bytecode.sizes import Size
from hvm_vm.lowering.folding import fold

# What a term holds somewhere, as bits of `Term.flags`.
HAS_REDUCE, HAS_EXP, HAS_ROOT, HAS_REF, HAS_ACC, HAS_GUARD, HAS_INF = 1, 2, 4, 8, 16, 32, 64

_OWN_FLAGS = {
    "reduce": HAS_REDUCE, "exp": HAS_EXP, "sqrt": HAS_ROOT, "pow": HAS_ROOT | HAS_EXP,
    "ref": HAS_REF, "acc": HAS_ACC, "guard": HAS_GUARD,
}  # fmt: skip

# The result is an integer when all arguments are.
_CLOSED = frozenset((
    "add", "sub", "mul", "neg", "abs", "sign", "min", "max", "mod", "floor", "ceil", "round",
))  # fmt: skip


class Ix:
    """A bound index. Two are the same only if they are one object."""

    __slots__ = ("hi", "lo", "name", "number", "text")

    def __init__(self, name: str, lo: Size, hi: Size, text: str, number: int):
        self.name, self.lo, self.hi, self.text, self.number = name, lo, hi, text, number

    @property
    def extent(self) -> Size:
        return self.hi - self.lo + 1

    def __repr__(self) -> str:
        return self.name


class Term:
    """A node of the graph. `type` is "i" (an integer) or "f"; `free` the indices it depends on."""

    __slots__ = (
        "args", "canonical", "data", "flags", "free", "height", "id", "linear", "op", "reads",
        "type",
    )  # fmt: skip

    def __init__(self, op: str, args: tuple, data, number: int):
        self.op, self.args, self.data, self.id = op, args, data, number
        self.canonical: Term | None = None
        self.linear = None
        self.reads: tuple[Term, ...] | None = None

    def __repr__(self) -> str:
        return show(self)


class Terms:
    """The pool of all terms of one lowering. `types` gives the type of each variable."""

    def __init__(self, types: dict[str, str] | None = None):
        self.types = types if types is not None else {}
        self._known: dict[tuple, Term] = {}
        self._indices: dict[str, Ix] = {}
        self._fresh = 0
        self.true = self.const(1)
        self.zero = self.const(0)
        self.one = self.true
        self.acc = self._make("acc", (), None)

    # -- building ----------------------------------------------------------------------------
    def _make(self, op: str, args: tuple[Term, ...], data) -> Term:
        key = (op, data, *[a.id for a in args])
        found = self._known.get(key)
        if found is not None:
            return found
        term = Term(op, args, data, len(self._known))
        flags, height = _OWN_FLAGS.get(op, 0), 0
        free: frozenset[Ix] = _NOTHING
        for arg in args:
            flags |= arg.flags
            if arg.height > height:
                height = arg.height
            if arg.free and arg.free is not free:
                free = free | arg.free if free else arg.free
        if op == "index":
            free = frozenset((data,))
        elif op == "const":
            flags = HAS_INF if data[1] in (math.inf, -math.inf) else 0
        elif op == "reduce":
            free = free.difference(data[1])
        term.flags, term.height, term.free = flags, height + 1, free
        term.type = self._type(op, args, data)
        self._known[key] = term
        return term

    def _type(self, op: str, args: tuple[Term, ...], data) -> str:
        if op in ("size", "index", "symbol"):
            return "i"
        if op == "const":
            return "i" if isinstance(data[1], int) else "f"
        if op == "ref":
            return "f" if self.types.get(data, "float") == "float" else "i"
        if op == "reduce":
            return "i" if data[0] in ("argmax", "argmin") else "f"
        if op in ("if", "guard"):
            return "i" if all(a.type == "i" for a in args[1:]) else "f"
        if op in ("floor", "ceil") and args[0].op == "div":
            whole = all(a.type == "i" for a in args[0].args) and is_size(args[0].args[1])
            return "i" if whole else "f"
        if op == "pow":
            exponent = value_of(args[1])
            small = isinstance(exponent, int) and 1 <= exponent <= 4
            return "i" if args[0].type == "i" and small else "f"
        if op in _CLOSED:
            return "i" if all(a.type == "i" for a in args) else "f"
        return "f"

    def const(self, value: int | float) -> Term:
        # 1, 1.0, 0.0 and -0.0 are four constants: the key must tell them apart.
        kind = "i" if isinstance(value, int) else repr(value)
        return self._make("const", (), (kind, value))

    def size(self, size: Size) -> Term:
        constant = size.constant
        return self.const(constant) if constant is not None else self._make("size", (), size)

    def index(self, ix: Ix) -> Term:
        return self._make("index", (), ix)

    def symbol(self, number: int) -> Term:
        return self._make("symbol", (), number)

    def ref(self, variable: str, subscripts: tuple[Term, ...] = ()) -> Term:
        return self._make("ref", tuple(subscripts), variable)

    def reduce(self, op: str, indices: tuple[Ix, ...], condition: Term, body: Term) -> Term:
        return self._make("reduce", (condition, body), (op, tuple(indices)))

    def guard(self, condition: Term, body: Term) -> Term:
        if condition is self.true or not body.flags & (HAS_REF | HAS_REDUCE):
            return body
        return self._make("guard", (condition, body), None)

    def apply(self, op: str, *args: Term) -> Term:
        """An operation, folded when all arguments are constants."""
        if op in ("add", "mul", "min", "max", "and", "or") and len(args) == 1:
            return args[0]
        if all(a.op == "const" for a in args):
            folded = fold(op, [a.data[1] for a in args])
            if folded is not None:
                return self.const(folded)
        if op == "if" and args[0].op == "const":
            return args[1] if args[0].data[1] else args[2]
        return self._make(op, args, None)

    def raw(self, op: str, args: tuple[Term, ...], data=None) -> Term:
        """An operation exactly as given (for the canonical forms)."""
        return self._make(op, args, data)

    def both(self, *conditions: Term) -> Term:
        """The conjunction, flat, without repetitions and without `TRUE`."""
        seen: dict[int, Term] = {}
        for condition in conditions:
            for part in conjuncts(condition):
                seen.setdefault(part.id, part)
        parts = [p for p in seen.values() if value_of(p) != 1]
        if not parts:
            return self.true
        return parts[0] if len(parts) == 1 else self._make("and", tuple(parts), None)

    # -- indices -----------------------------------------------------------------------------
    def ix(self, name: str, lo: Size, hi: Size, text: str = "") -> Ix:
        """The index of that name, made when there is none yet."""
        found = self._indices.get(name)
        if found is None:
            found = self._indices[name] = Ix(name, lo, hi, text or name, len(self._indices))
        return found

    def fresh_ix(self, like: Ix) -> Ix:
        self._fresh += 1
        return self.ix(f"{like.text}'{self._fresh}", like.lo, like.hi, like.text)

    # -- rewriting ---------------------------------------------------------------------------
    def rebuild(self, term: Term, args: tuple[Term, ...]) -> Term:
        """`term` with other arguments."""
        if args == term.args:
            return term
        if term.op in ("ref", "reduce") or term.data is not None:
            return self._make(term.op, args, term.data)
        if term.op == "guard":
            return self.guard(*args)
        if term.op in ("ge0", "eq0", "ne0"):
            return self._make(term.op, args, None)
        return self.apply(term.op, *args)

    def substitute(self, term: Term, values: dict[Ix, Term]) -> Term:
        """Free indices replaced by terms; bound ones are renamed where they would capture."""
        if not values or term.free.isdisjoint(values):
            return term
        return self._substitute(term, values, {})

    def _substitute(self, term: Term, values: dict[Ix, Term], memo: dict[int, Term]) -> Term:
        if term.free.isdisjoint(values):
            return term
        found = memo.get(term.id)
        if found is not None:
            return found
        if term.op == "index":
            out = values[term.data]
        elif term.op == "reduce":
            op, indices = term.data
            inner = {k: v for k, v in values.items() if k in term.free}
            coming = frozenset().union(*(v.free for v in inner.values()))
            renamed = {i: self.fresh_ix(i) for i in indices if i in coming}
            indices = tuple(renamed.get(i, i) for i in indices)
            inner.update({i: self.index(n) for i, n in renamed.items()})
            below: dict[int, Term] = {}
            args = tuple(self._substitute(a, inner, below) for a in term.args)
            out = self._make("reduce", args, (op, indices))
        else:
            args = tuple(self._substitute(a, values, memo) for a in term.args)
            out = self.rebuild(term, args)
        memo[term.id] = out
        return out

    def replace(self, term: Term, change, skip=None) -> Term:
        """Every subterm for which `change(subterm)` is not None replaced by it, outermost first."""
        memo: dict[int, Term] = {}

        def walk(node: Term) -> Term:
            found = memo.get(node.id)
            if found is not None:
                return found
            out = change(node)
            if out is None:
                out = node
                if node.args and not (skip and skip(node)):
                    out = self.rebuild(node, tuple(walk(a) for a in node.args))
            memo[node.id] = out
            return out

        return walk(term)


_NOTHING: frozenset = frozenset()


# -- asking ------------------------------------------------------------------------------------


def value_of(term: Term) -> int | float | None:
    """The number that a constant term is, else None."""
    return term.data[1] if term.op == "const" else None


def is_size(term: Term) -> bool:
    """A whole number that is known once the sizes are."""
    return term.op == "size" or (term.op == "const" and isinstance(term.data[1], int))


def conjuncts(condition: Term) -> tuple[Term, ...]:
    """The parts of a conjunction; none for `TRUE`."""
    if condition.op == "and":
        return tuple(p for a in condition.args for p in conjuncts(a))
    value = value_of(condition)
    return () if value is not None and value != 0 else (condition,)


def subterms(term: Term) -> list[Term]:
    """`term` and everything below it, each once, arguments before their users."""
    order: list[Term] = []
    seen: set[int] = set()
    stack: list[tuple[Term, bool]] = [(term, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node.id not in seen:
            seen.add(node.id)
            if node.args:
                stack.append((node, True))
                stack.extend([(a, False) for a in reversed(node.args)])
            else:
                order.append(node)
    return order


def refs_of(term: Term) -> tuple[Term, ...]:
    """The distinct references in `term`, inner ones (subscripts) first."""
    if not term.flags & HAS_REF:
        return ()
    if term.reads is None:
        term.reads = tuple([t for t in subterms(term) if t.op == "ref"])
    return term.reads


def show(term: Term) -> str:
    """A short text, for notes and debugging."""
    op, args = term.op, [show(a) for a in term.args]
    if op == "const":
        return str(term.data[1])
    if op in ("size", "index", "symbol"):
        return str(term.data)
    if op == "acc":
        return "acc"
    if op == "ref":
        return f"{term.data}[{','.join(args)}]" if args else term.data
    if op == "reduce":
        names = ",".join(i.name for i in term.data[1])
        condition = "" if value_of(term.args[0]) == 1 else f" | {args[0]}"
        return f"{term.data[0]}[{names}{condition}]({args[1]})"
    return f"{op}({', '.join(args)})"
