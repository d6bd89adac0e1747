"""Emission: operations become instructions with descriptors, in an order that can run.

Scalar relations are computed together: a run of them is one map with a result for each value that
is needed elsewhere, the others being just nodes of it.
"""

from __future__ import annotations

from dataclasses import replace

from hvm_vm.bytecode.isa import BY_NAME
from hvm_vm.bytecode.module import Descriptor, Instruction
from hvm_vm.lowering import scan, solve, system
from hvm_vm.lowering.lanes import Lanes
from hvm_vm.lowering.operation import Operation
from hvm_vm.lowering.pools import Pools
from hvm_vm.lowering.recognise.contraction import contract
from hvm_vm.lowering.select import Selection
from hvm_vm.lowering.spaces import dimensions
from hvm_vm.lowering.terms import Term

MOST_TOGETHER = 256  # scalar relations in one map

# The root under whose condition each root is evaluated.
_UNDER = {"body": "condition", "score": "condition", "weight": "condition"}


class Emitter:
    """Writes the code of a selection into pools."""

    def __init__(self, selection: Selection, pools: Pools, notes: list | None = None):
        self.selection, self.pools, self.notes = selection, pools, notes
        self.program = selection.program
        self.code: list[Instruction] = []
        self.preconditions: list[Operation] = []
        self._done: set[str] = set()
        self._solved: set[Operation] = set()
        self._pending: list[Operation] = []
        self._pending_names: set[str] = set()

    def run(self, claims: list[Operation]) -> None:
        """Emit everything, each claim of status 2 as soon as what it reads is there."""
        waiting = [c for c in claims if c.status == 2]
        after: dict[str, list[Operation]] = {}
        for claim in waiting:
            names = [n for n in claim.reads() if n in self.program.position]
            last = max(names, key=self.program.position.__getitem__, default=None)
            after.setdefault(last or "", []).append(claim)
        for claim in after.get("", ()):
            self.operation(claim)
        for name in self.program.system.order:
            self.variable(name)
            for claim in after.get(name, ()):
                self.operation(claim)
        for claim in claims:
            if claim.status != 2:
                self.operation(claim)
        self.flush()
        self.code.append(Instruction("halt"))

    # -- order -------------------------------------------------------------------------------
    def variable(self, name: str) -> None:
        if name not in self._done:
            self._done.add(name)
            for operation in self.selection.of.get(name, ()):
                self.operation(operation)

    def operation(self, operation: Operation) -> None:
        if operation.kind in ("solve", "system"):  # several variables have it
            if operation in self._solved:
                return
            self._solved.add(operation)
        for name in operation.reads():
            self.variable(name)
        whole = operation
        *before, operation = self.contracted(whole)
        for temporary in before:
            self._done.add(temporary.variable)
            self.operation(temporary)
        for name in operation.reads() if operation is not whole else ():
            self.variable(name)  # an equal temporary, of which somebody else is the owner
        if operation.kind == "map" and not operation.dims and not operation.subscripts:
            self._pending.append(operation)
            self._pending_names.add(operation.variable)
            if len(self._pending) >= MOST_TOGETHER:
                self.flush()
            return
        if self._pending_names and not self._pending_names.isdisjoint(operation.reads()):
            self.flush()
        self.emit(operation)

    def contracted(self, operation: Operation) -> list[Operation]:
        """A sum or mean as a contraction where that is better."""
        t = self.program.terms
        if operation.kind == "sum":
            return contract(self.selection, operation)
        if operation.kind != "mean" or "condition" in operation.roots:
            return [operation]
        extent = t.apply("mul", *[t.size(d.extent) for d in operation.dims if d.role == "r"])
        mean = t.apply("div", t.acc, extent)
        epilogue = t.replace(operation.roots.get("epilogue", t.acc),
                             lambda n: mean if n is t.acc else None)
        found = contract(self.selection, replace(
            operation, kind="sum", roots={**operation.roots, "epilogue": epilogue}))
        if found[-1].kind == "sum":
            return [operation]
        if not all(d.extent.at_least(1) for d in operation.dims if d.role == "r"):
            self.preconditions.append(self._not_empty(operation, extent))
        return found

    def _not_empty(self, operation: Operation, extent: Term) -> Operation:
        """A mean of nothing is an error: the claim that says so before anything runs."""
        t = self.program.terms
        points = [t.size(d.extent) for d in operation.dims if d.role == "o"]
        claim = t.apply("or", t.apply("lt", t.zero, extent),
                        *[t.apply("le", p, t.zero) for p in points])
        return Operation("check", [], {"claim": claim}, "", (), t.true, operation.place,
                         message="the mean of nothing has no value: there is no element to take "
                                 "it over", status=2)

    def flush(self) -> None:
        if self._pending:
            together, self._pending = self._pending, []
            self._pending_names = set()
            self.maps(together)

    # -- instructions ------------------------------------------------------------------------
    def maps(self, together: list[Operation]) -> None:
        """One map for operations over one space, each of which may read those before it."""
        lanes = Lanes(self.pools, self.program, together[0].dims)
        values = []
        for operation in together:
            info = self.program.infos[operation.variable]
            want = lanes.number if info.type == "float" else lanes.integer
            node = want(operation.roots["body"], operation.guard)
            values.append(node)
            if not operation.dims and not operation.subscripts:
                lanes.known[operation.variable] = (node, "f" if info.type == "float" else "i")
        inside = set(map(id, together))
        stored = [
            k for k, o in enumerate(together)
            if o.variable in self.program.results or o.subscripts
            or any(id(u) not in inside for u in self.selection.uses.get(o.variable, ()))
            or o.variable not in self.program.position
        ]
        if not stored:
            return
        results = [(together[k].variable, together[k].subscripts) for k in stored]
        roots = [values[k] for k in stored]
        kind = _elementwise_name(lanes.nodes, roots)
        self.instruction(kind, together[stored[0]], lanes, results, roots)

    def scan(self, operation: Operation) -> None:
        """The scan of a recurrence: each result may read those before it at the same point. Those
        that nothing reads from memory are not stored."""
        lanes = Lanes(self.pools, self.program, operation.dims)
        parts = scan.parts(operation, self.program)
        read = {p.name for p in parts if p.name in self.program.results or any(
            u is not operation and (u.kind != "scan" or self._reads_stored(u, p.name))
            for u in self.selection.uses.get(p.name, ()))}
        results, roots = [], []
        for part in scan.needed(parts, read):
            whole = self.program.infos[part.name].type != "float"
            node = (lanes.integer if whole else lanes.number)(part.body)
            lanes.computed[part.name, part.place] = node, "i" if whole else "f"
            if part.stored:
                results.append((part.name, part.subscripts))
                roots.append(node)
        if results:
            self.instruction("scan", operation, lanes, results, roots)

    def _reads_stored(self, operation: Operation, name: str) -> bool:
        """Whether a scan reads a name as something before it stored it."""
        return any(name in p.earlier for p in scan.parts(operation, self.program))

    def emit(self, operation: Operation) -> None:
        if operation.kind == "map":
            self.maps([operation])
            return
        if operation.kind == "scan":
            self.scan(operation)
            return
        if operation.kind == "solve":
            solve.emit(self, operation)
            return
        if operation.kind == "system":
            system.emit(self, operation)
            return
        t = self.program.terms
        acc = "i" if operation.kind in ("argmax", "argmin") else "f"
        lanes = Lanes(self.pools, self.program, operation.dims, acc)
        reads = [(self.pools.register_of(o.data), lanes.place(o.args, o.data))
                 for o in operation.operands]
        condition = operation.roots.get("condition", t.true)
        under = {"condition": t.both(operation.guard, condition)}
        roots = []
        for name in BY_NAME[operation.kind].roots:
            term = operation.roots.get(name.rstrip("?"))
            stored = self.program.infos[operation.variable].type if operation.variable else ""
            if term is None and name == "epilogue?" and (stored == "float") != (acc == "f"):
                term = t.acc  # a result of the other lane type is converted
            if term is None:
                roots.append(-1)
                continue
            # An epilogue brings its own guards: it may be of a reader that had none.
            guard = under.get(_UNDER.get(name.rstrip("?"), ""), operation.guard)
            if name == "epilogue?":
                guard = t.true
            whole = name == "epilogue?" and stored not in ("float", "")
            if name == "condition?":
                roots.append(lanes.condition(term, operation.guard))
            else:
                roots.append((lanes.integer if whole else lanes.number)(term, guard))
        results = [(operation.variable, operation.subscripts)] if operation.variable else []
        self.instruction(operation.kind, operation, lanes, results, roots, reads)

    def instruction(self, kind, operation: Operation, lanes: Lanes, results, roots, reads=()):
        pools = self.pools
        places = [lanes.place(subscripts, name) for name, subscripts in results]
        registers = [pools.register_of(name) for name, _ in results]
        shift = len(results) + len(reads)
        nodes = tuple(
            n if n.op not in ("load", "gather") else type(n)(n.op, n.args, n.immediate + shift)
            for n in lanes.nodes)
        descriptor = Descriptor(
            dimensions(operation.dims),
            tuple([*places, *(place for _, place in reads), *lanes.accesses]),
            nodes, tuple(roots),
            pools.text(operation.message) if operation.message else -1, operation.status)
        operands = tuple([*registers, *(r for r, _ in reads), *lanes.operands])
        if self.notes is not None:
            names = operation.relations or [name for name, _ in results]
            self.notes.append((len(self.code), kind, tuple(names)))
        self.code.append(Instruction(
            kind, operands, pools.descriptor(descriptor), pools.source(operation.place)))


def _elementwise_name(nodes, roots) -> str:
    """copy, gather and select are maps whose body is just that."""
    if len(roots) != 1:
        return "map"
    root = nodes[roots[0]]
    if root.op == "load" and not root.args:
        return "copy"
    if root.op == "gather":
        return "gather"
    return "select" if root.op == "select" else "map"


def precondition(operation: Operation, pools: Pools, program) -> Instruction:
    """A claim that involves no data, as an instruction outside the code."""
    lanes = Lanes(pools, program, operation.dims)
    root = lanes.number(operation.roots["claim"], operation.guard)
    descriptor = Descriptor(dimensions(operation.dims), (), tuple(lanes.nodes), (root,),
                            pools.text(operation.message), operation.status)
    return Instruction("check", (), pools.descriptor(descriptor), pools.source(operation.place))
