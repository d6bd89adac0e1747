"""Selection: from definitions to operations, from the results backwards.

A variable is looked at after everything that reads it. By then it is known whether anything still
needs it stored: what was taken into its readers (see `inline.py`) or absorbed by a recognised
operation is never computed by itself. Reductions and recognised operations inside an expression
become temporaries, shared where they are equal; `fuse.py` joins them with what is done to them.
"""

from __future__ import annotations

from hvm_vm.lowering import inline, scan, solve, system
from hvm_vm.lowering.operation import Operation, Space
from hvm_vm.lowering.program import Info, Program, Region
from hvm_vm.lowering.recognise.building import rewrite
from hvm_vm.lowering.terms import HAS_REDUCE, Ix, Term, conjuncts
from hvm_vm.relations.system import Axis, Place

# Reductions that fail when there is nothing to reduce.
FAILING = frozenset(["max", "min", "mean", "any", "all", "argmax", "argmin"])
NESTING = frozenset(["sum", "prod", "max", "min"])


class Selection:
    """The operations chosen so far: `of[v]` are those that write v, `uses[v]` its readers."""

    def __init__(self, program: Program, recogniser=None):
        self.program = program
        self.recogniser = recogniser
        self.of: dict[str, list[Operation]] = {}
        self.uses: dict[str, dict[Operation, None]] = {}
        self._temps: dict[tuple, str] = {}
        self._counts: dict[str, int] = {}

    def run(self, claims: list[Operation]) -> None:
        """Choose for every variable that the results and the claims need."""
        program = self.program
        for claim in claims:
            body = self.hoist(claim.roots["claim"], claim.guard, "check", claim.place)
            claim.roots["claim"] = body
            self.register(claim)
        for name in reversed(program.system.order):
            definition = program.defs.get(name)
            if definition is None:
                continue
            recurrence = program.scans.get(name)
            if recurrence is not None:
                self.of[name] = []
                if name == next(m for m in recurrence.members if m in program.defs):
                    self.scanned(name, recurrence)
                continue
            together = program.systems.get(name)
            if together is not None:
                self.of[name] = [system.select(self, together)]
                continue
            if name not in program.results and name not in program.solves:
                if not self.uses.get(name):
                    continue
                if inline.take_in(self, name):
                    continue
            if name in program.solves:
                self.of[name] = [solve.select(self, program.solves[name])]
                continue
            self.of[name] = []
            for region in definition.regions:
                operation = self.elementwise(name, region)
                self.of[name].append(operation)
                self.register(operation)

    def scanned(self, name: str, recurrence) -> None:
        """The operations of a recurrence, as those of the first of its members in order, unless
        nothing needs any of them."""
        program, members = self.program, recurrence.members
        if not any(m in program.results or self.uses.get(m) for m in members):
            return
        self.of[name] = scan.select(self, recurrence)
        for operation in self.of[name]:
            self.register(operation)

    # -- bookkeeping -------------------------------------------------------------------------
    def register(self, operation: Operation) -> None:
        for name in operation.reads():
            self.uses.setdefault(name, {})[operation] = None

    def forget(self, operation: Operation) -> None:
        for name in operation.reads():
            self.uses.get(name, {}).pop(operation, None)

    def temp(self, kind: str, owner: str, indices, integer: bool, place: Place) -> str:
        """A new temporary with an axis for each index."""
        base = f"{owner}.{kind}"
        self._counts[base] = self._counts.get(base, 0) + 1
        name = base if self._counts[base] == 1 else f"{base}{self._counts[base]}"
        axes = tuple(Axis(i.lo, i.hi, i.text) for i in indices)
        self.program.infos[name] = Info(name, axes, "integer" if integer else "float", place=place)
        self.program.terms.types[name] = "integer" if integer else "float"
        return name

    # -- building ----------------------------------------------------------------------------
    def elementwise(self, name: str, region: Region) -> Operation:
        """The map that computes a region, its reductions hoisted out of it."""
        body, guard, place = region.body, region.guard, region.place
        # What is hoisted runs over the whole indices, and must not fail beyond the region.
        within = self.program.terms.both(guard, *self._bounds(region))
        if self.recogniser is not None and (body.flags | self.deep(name)) & HAS_REDUCE:
            body = rewrite(self, name, body, within, place)
        body = self.hoist(body, within, name, place)
        guard = self.hoist(guard, self.program.terms.true, name, place)
        dims = [Space(i, lo, hi) for i, (lo, hi) in region.box.items()]
        return Operation("map", dims, {"body": body}, name, region.subscripts, guard, place,
                         relations=[name])

    def _bounds(self, region: Region) -> list[Term]:
        """The conditions that narrow indices to the region's box."""
        t = self.program.terms
        parts = []
        for ix, (lo, hi) in region.box.items():
            if lo != ix.lo:
                parts.append(t.apply("le", t.size(lo), t.index(ix)))
            if hi != ix.hi:
                parts.append(t.apply("le", t.index(ix), t.size(hi)))
        return parts

    def deep(self, name: str) -> int:
        definition = self.program.defs.get(name)
        return definition.flags if definition else 0

    def hoist(self, term: Term, guard: Term, owner: str, place: Place) -> Term:
        """`term` with every outermost reduction replaced by a temporary that holds it."""
        if not term.flags & HAS_REDUCE:
            return term
        t = self.program.terms
        memo: dict[tuple[int, int], Term] = {}

        def walk(node: Term, guard: Term) -> Term:
            if not node.flags & HAS_REDUCE:
                return node
            key = (node.id, guard.id)
            found = memo.get(key)
            if found is not None:
                return found
            if node.op == "reduce":
                out = self.reduction(node, guard, owner, place)
            elif node.op == "if":
                test = walk(node.args[0], guard)
                out = t.apply("if", test, walk(node.args[1], t.both(guard, test)),
                              walk(node.args[2], t.both(guard, t.apply("not", test))))
            elif node.op == "guard":
                test = walk(node.args[0], guard)
                out = t.guard(test, walk(node.args[1], t.both(guard, test)))
            else:
                out = t.rebuild(node, tuple(walk(a, guard) for a in node.args))
            memo[key] = out
            return out

        return walk(term, guard)

    def reduction(self, node: Term, guard: Term, owner: str, place: Place) -> Term:
        """A temporary for a reduction, as a reference to it at the free indices."""
        t = self.program.terms
        op, indices = node.data
        condition, body = node.args
        while (op in NESTING and body.op == "reduce" and body.data[0] == op
               and not set(body.data[1]) & (set(indices) | condition.free)
               and (op in ("sum", "prod") or body.args[0] is t.true)):
            indices = indices + body.data[1]
            condition, body = t.both(condition, body.args[0]), body.args[1]
        guard = self.needed_guard(node, guard, op in FAILING)
        free = sorted(node.free | guard.free, key=lambda i: i.number)
        key, old = self.shared(node, guard, free)
        if old is not None:
            return t.ref(old, tuple(t.index(i) for i in free))
        name = self.temp(op, owner, free, op in ("argmax", "argmin"), place)
        self._temps[key] = name
        guard = self.hoist(guard, t.true, owner, place)
        condition = self.hoist(condition, guard, owner, place)
        body = self.hoist(body, t.both(guard, condition), owner, place)
        if guard is not t.true:
            if op in FAILING:
                if condition is not t.true:
                    condition = t.apply("if", guard, condition, t.one)
                body = t.apply("if", guard, body, t.zero)
            else:
                condition = t.both(guard, condition)
        dims = [Space(i, i.lo, i.hi) for i in free] + [Space(i, i.lo, i.hi, "r") for i in indices]
        roots = {"body": body}
        if condition is not t.true:
            roots["condition"] = condition
        operation = Operation(op, dims, roots, name, tuple(t.index(i) for i in free), t.true, place)
        self.of[name] = [operation]
        self.register(operation)
        return t.ref(name, tuple(t.index(i) for i in free))

    def shared(self, node: Term, guard: Term, free: list[Ix],
               kind: str = "") -> tuple[tuple, str | None]:
        """A key that equal temporaries have in common, and the temporary there is, if any."""
        t, canon = self.program.terms, self.program.canon
        values = {
            ix: t.index(t.ix(f"${k}:{ix.lo}..{ix.hi}", ix.lo, ix.hi, ix.text))
            for k, ix in enumerate(free)
        }
        key = (canon.of(t.substitute(node, values)).id, canon.of(t.substitute(guard, values)).id,
               tuple((i.lo, i.hi) for i in free), kind)
        return key, self._temps.get(key)

    def remember(self, key: tuple, name: str) -> None:
        self._temps[key] = name

    def needed_guard(self, node: Term, guard: Term, failing: bool) -> Term:
        """What of the guard a hoisted operation must respect: all of it if it could fail."""
        t = self.program.terms
        if guard is t.true or (not failing and self.program.safe(node)):
            return t.true
        # Parts about other indices can only narrow the points where the value is used.
        parts = [p for p in conjuncts(guard) if p.free <= node.free]
        if len(parts) < len(conjuncts(guard)) and not self.program.safe(node):
            parts = list(conjuncts(guard))
        return t.both(*parts)
