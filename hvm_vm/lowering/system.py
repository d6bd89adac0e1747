"""Relations over arrays that are solved together: one `system` for all elements.

Each relation becomes a row with its addends as separate terms (see `addends.py`), what does not
depend on an unknown is computed before, a sum below a function gets an unknown of its own, and an
axis in which everything is pointwise becomes a batch dimension (see `batch.py`). The slopes are
exact: the derivative of each addend by each element of an unknown that it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.bytecode.module import Descriptor, Instruction, Part
from hvm_vm.bytecode.system_layout import reads
from hvm_vm.lowering import conditions, convert, regions
from hvm_vm.lowering.addends import Addend, Opening
from hvm_vm.lowering.batch import batch_axes
from hvm_vm.lowering.derivative import Derivative
from hvm_vm.lowering.lanes import Lanes
from hvm_vm.lowering.operation import Operation, Space
from hvm_vm.lowering.program import Def, Program, Region
from hvm_vm.lowering.solve import TOLERANCE, message
from hvm_vm.lowering.spaces import dimensions
from hvm_vm.lowering.terms import Ix, Term, conjuncts
from hvm_vm.relations.system import Coupled, Place

ITERATIONS = 400  # evaluations, before the solve of a nonlinear system gives up


@dataclass
class Relation:
    """One relation: 0 = the sum of `addends` where `condition`, for every point of `indices`."""

    indices: tuple[Ix, ...]
    condition: Term
    residual: Term
    place: Place
    addends: list[Addend] = field(default_factory=list)


@dataclass
class Guess:
    """Where an unknown starts, and its bounds, over an index for each axis."""

    indices: tuple[Ix, ...]
    start: Term | None
    lo: Term | None = None
    hi: Term | None = None


@dataclass
class Together:
    """A coupled system as terms."""

    unknowns: list[str]
    relations: list[Relation]
    guesses: dict[str, Guess]
    operation: SystemOperation | None = None


@dataclass
class Piece:
    """A part of the instruction: its space, its roots in the operation, what guards its reads."""

    role: str
    number: int
    dims: list[Space]
    guard: Term
    roots: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class SystemOperation(Operation):
    """A `system`: roots are by (number of the part, name)."""

    unknowns: list[tuple[str, tuple[Term, ...]]] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)

    def refs(self) -> list[Term]:
        """What it reads: not the unknowns themselves."""
        own = {name for name, _ in self.unknowns}
        return [r for r in Operation.refs(self) if r.data not in own]


def prepare(program: Program, coupled: Coupled) -> None:
    """Enter a system into the program: its unknowns' definitions stand for everything that the
    relations read, and are never looked into."""
    t = program.terms
    relations = [
        Relation(tuple(convert.index(t, i) for i in e.indices), convert.condition(t, e.condition),
                 convert.convert(t, e.residual), e.place)
        for e in coupled.equations
    ]
    guesses = {}
    for start in coupled.starts:
        parts = (None if e is None else convert.convert(t, e)
                 for e in (start.start, start.lo, start.hi))
        guesses[start.variable] = Guess(
            tuple(convert.index(t, i) for i in start.indices), *parts)
    together = Together(list(coupled.unknowns), relations, guesses)
    everything = [x for r in relations for x in (r.residual, r.condition)]
    everything += [x for g in guesses.values() for x in (g.start, g.lo, g.hi) if x is not None]
    body = t.apply("add", *everything, t.zero)
    place = relations[0].place
    first = coupled.unknowns[0]
    for name in coupled.unknowns:
        program.defs[name] = Def(name, [Region({}, (), t.true, body, place)])
        program.systems[name] = together
        # The others need what the first needs.
        body = t.ref(first, tuple(t.size(axis.lo) for axis in program.infos[first].axes))


def select(selection, together: Together) -> SystemOperation:
    """The operation that solves a system; the same one for each of its unknowns."""
    if together.operation is None:
        together.operation = _Selecting(selection, together).run()
        selection.register(together.operation)
    return together.operation


class _Selecting:
    """The selection of one system."""

    def __init__(self, selection, together: Together) -> None:
        self.selection, self.together = selection, together
        self.program = selection.program
        self.t = selection.program.terms
        self.owner = together.unknowns[0]
        self.unknowns = list(together.unknowns)
        self.relations = list(together.relations)
        self.guesses = dict(together.guesses)
        self.place = together.relations[0].place
        self._auxiliaries: dict[tuple[int, int], str] = {}
        self.opening = Opening(self.t, set(self.unknowns), self._auxiliary)

    def run(self) -> SystemOperation:
        for relation in self.relations:  # grows by what auxiliary unknowns are
            self.place = relation.place
            relation.addends += self.opening.of(relation.residual, relation.condition)
        infos = self.program.infos
        batch = batch_axes(self.unknowns, self.relations, infos, self.opening.depends)
        t = self.t
        main = [Space(t.ix(f"{self.owner}@{k}", d.lo, d.hi, d.text), d.lo, d.hi)
                for k, d in enumerate(batch.dims)]
        count = len(main)
        unknowns, operation_dims = [], list(main)
        for name in self.unknowns:
            subscripts = []
            for k, axis in enumerate(infos[name].axes):
                if k in batch.axes[name]:
                    space = main[batch.axes[name].index(k)]
                else:
                    ix = t.ix(f"{name}#{k}", axis.lo, axis.hi, axis.text or name)
                    operation_dims.append(space := Space(ix, axis.lo, axis.hi, "n"))
                subscripts.append(t.index(space.ix))
            unknowns.append((name, tuple(subscripts)))
        operation = SystemOperation(
            "system", operation_dims, {}, self.owner, unknowns[0][1], t.true,
            self.relations[0].place, relations=list(self.unknowns),
            message=message(self.program, [r.place for r in self.relations]), unknowns=unknowns)
        self.operation = operation
        spaces = []
        for number, relation in enumerate(self.relations):
            dims, condition = self._space(relation, batch.indices[number])
            spaces.append((dims, condition))
            piece = self._piece("row", number, dims, t.true)
            self._root(piece, "condition", condition, t.true, relation.place)
        for number, relation in enumerate(self.relations):
            for addend in relation.addends:
                self._term(number, relation, addend, *spaces[number])
        for role in ("start", "lower", "upper"):
            for number, name in enumerate(self.unknowns):
                self._guess(role, number, name, batch.axes[name], count)
        return operation

    # -- parts -------------------------------------------------------------------------------
    def _piece(self, role: str, number: int, dims: list[Space], guard: Term) -> Piece:
        piece = Piece(role, number, dims, guard)
        self.operation.pieces.append(piece)
        return piece

    def _root(self, piece: Piece, name: str, term: Term, guard: Term, place: Place) -> None:
        if name == "condition" and term is self.t.true:
            return
        key = (len(self.operation.pieces) - 1, name)
        piece.roots[name] = key
        self.operation.roots[key] = self.selection.hoist(term, guard, self.owner, place)

    def _space(self, relation: Relation, batch: list[Ix]) -> tuple[list[Space], Term]:
        """The points of a relation: a box where its condition says no more than one."""
        own = [i for i in relation.indices if i not in batch]
        box = {i: (i.lo, i.hi) for i in (*batch, *own)}
        parts = list(conjuncts(relation.condition))
        rest = []
        for part in parts:
            cut = self._cut(part, box, batch)
            if cut is None:
                rest.append(part)
            else:
                box = cut
        spaces = [Space(i, *box[i]) for i in batch] + [Space(i, *box[i], "n") for i in own]
        return spaces, self.t.both(*rest)

    def _cut(self, part: Term, box: regions.Box, batch: list[Ix]) -> regions.Box | None:
        compared = conditions.comparison(part)
        if compared is None or any(i in batch for i in part.free):
            return None
        pieces = regions.cut(box, *compared)
        return pieces[0] if pieces is not None and len(pieces) == 1 else None

    def _term(self, number: int, relation: Relation, addend: Addend, dims: list[Space],
              condition: Term) -> None:
        t = self.t
        own = [Space(i, i.lo, i.hi, "r") for i in addend.indices]
        parts = [p for p in conjuncts(addend.condition) if p not in conjuncts(relation.condition)]
        inner = t.both(*parts)
        piece = self._piece("term", number, [*dims, *own], t.both(condition, inner))
        within = t.both(relation.condition, inner)
        self._root(piece, "value", addend.value, within, relation.place)
        self._root(piece, "condition", inner, relation.condition, relation.place)
        # The guard of the reads is what the conditions have become.
        roots = self.operation.roots
        row = roots.get((number, "condition"), t.true)
        piece.guard = t.both(row, roots[piece.roots["condition"]]
                             if "condition" in piece.roots else t.true)

    def _guess(self, role: str, number: int, name: str, batch: list[int], count: int) -> None:
        guess = self.guesses.get(name)
        if guess is None:
            return
        body = {"start": guess.start, "lower": guess.lo, "upper": guess.hi}[role]
        if body is None:
            return
        order = [*batch, *(k for k in range(len(guess.indices)) if k not in batch)]
        dims = [Space(guess.indices[k], guess.indices[k].lo, guess.indices[k].hi,
                      "o" if n < count else "n") for n, k in enumerate(order)]
        piece = self._piece(role, number, dims, self.t.true)
        self._root(piece, "body", body, self.t.true, self.place)

    # -- sums below functions, and products ------------------------------------------------------
    def _auxiliary(self, node: Term, guard: Term) -> Term:
        """The unknown that a reduction is, with the relation that says so."""
        t, selection = self.t, self.selection
        guard = selection.needed_guard(node, guard, False)
        free = sorted(node.free | guard.free, key=lambda i: i.number)
        if node.data[0] == "prod":
            return self._product(node, guard, free)
        key = (node.id, guard.id)
        name = self._auxiliaries.get(key)
        ref = tuple(t.index(i) for i in free)
        if name is None:
            name = self._auxiliaries[key] = selection.temp(
                "sum", self.owner, free, False, self.place)
            self.unknowns.append(name)
            self.opening.unknown.add(name)
            total = t.guard(guard, node)
            if guard is not t.true:
                total = t.apply("if", guard, node, t.zero)
            self.relations.append(Relation(
                tuple(free), t.true, t.apply("sub", t.ref(name, ref), total), self.place))
            self.guesses[name] = Guess(tuple(free), self._started(total))
            selection.of[name] = []
        return t.ref(name, ref)

    def _product(self, node: Term, guard: Term, free: list[Ix]) -> Term:
        """The last of the unknowns that a product's parts are, each the one before times a factor:
        so a factor that is 0 costs no slope. The relation says so for all."""
        t = self.t
        (_, indices), (condition, body) = node.data, node.args
        ix, inner = t.fresh_ix(indices[0]), t.fresh_ix(indices[0])
        if len(indices) > 1:
            body, condition = t.reduce("prod", indices[1:], condition, body), t.true
        lo, hi = t.size(ix.lo), t.size(ix.hi)
        key = (node.id, guard.id)
        name = self._auxiliaries.get(key)
        if name is None:
            name = self._auxiliaries[key] = self.selection.temp(
                "product", self.owner, [*free, ix], False, self.place)
            self.unknowns.append(name)
            self.opening.unknown.add(name)
            own = tuple(t.index(i) for i in free)
            here, there = t.index(ix), t.index(inner)
            before = t.apply("if", t.apply("lt", lo, here),
                             t.ref(name, (*own, t.apply("sub", here, t.one))), t.one)
            factor = t.substitute(t.apply("if", condition, body, t.one), {indices[0]: here})
            part = t.guard(guard, t.apply("mul", before, factor))
            if guard is not t.true:
                part = t.apply("if", guard, part, t.one)
            self.relations.append(Relation(
                (*free, ix), t.true, t.apply("sub", t.ref(name, (*own, here)), part), self.place))
            start = t.reduce("prod", (inner,), t.apply("le", there, here), self._started(
                t.substitute(t.apply("if", condition, body, t.one), {indices[0]: there})))
            self.guesses[name] = Guess((*free, ix), start)
            self.selection.of[name] = []
        whole = t.ref(name, (*(t.index(i) for i in free), hi))
        return t.apply("if", t.apply("le", lo, hi), whole, t.one)

    def _started(self, total: Term) -> Term:
        """What a term is where the unknowns start."""
        t = self.t

        def change(node: Term) -> Term | None:
            if node.op != "ref" or node.data not in self.opening.unknown:
                return None
            guess = self.guesses.get(node.data)
            if guess is None or guess.start is None:
                return t.one
            args = tuple(t.replace(a, change) for a in node.args)
            return t.substitute(guess.start, dict(zip(guess.indices, args, strict=True)))

        return t.replace(total, change)


def emit(emitter, operation: SystemOperation) -> None:
    """The instruction."""
    program, pools = emitter.program, emitter.pools
    t = program.terms
    main = Lanes(pools, program, operation.dims)
    places = [main.place(subscripts, name) for name, subscripts in operation.unknowns]
    operands = [pools.register_of(name) for name, _ in operation.unknowns]
    unknown = set(operands)
    roots = (main.integer(t.const(ITERATIONS)),
             main.number(t.const(TOLERANCE[program.system.precision])))
    parts = []
    for piece in operation.pieces:
        lanes = Lanes(pools, program, piece.dims)
        own = _roots(piece, operation, lanes, unknown, t)
        parts.append(Part(piece.role, piece.number, Descriptor(
            dimensions(piece.dims), tuple(lanes.accesses), tuple(lanes.nodes), tuple(own))))
        operands += lanes.operands
    descriptor = Descriptor(
        dimensions(operation.dims), tuple(places), tuple(main.nodes), roots,
        pools.text(operation.message), parts=tuple(parts))
    if emitter.notes is not None:
        emitter.notes.append((len(emitter.code), "system", tuple(operation.relations)))
    emitter.code.append(Instruction(
        "system", tuple(operands), pools.descriptor(descriptor), pools.source(operation.place)))


def _roots(piece: Piece, operation: SystemOperation, lanes: Lanes, unknown: set[int], t):
    """The expressions of a part, in the order of `system_layout.ROOTS`, then a term's slopes."""
    term = {name: operation.roots[key] for name, key in piece.roots.items()}
    if piece.role in ("start", "lower", "upper"):
        return [lanes.number(term["body"])]
    condition = lanes.condition(term["condition"]) if "condition" in term else -1
    if piece.role == "row":
        return [condition]
    value = lanes.number(term["value"], piece.guard)
    is_unknown = [register in unknown for register in lanes.operands]
    slopes, seen = [], set()
    for node in reads(lanes.nodes, value, is_unknown):
        ref = lanes.read[node]
        # Two reads of one element: all of the slope stands at the first.
        slope = t.zero if ref.id in seen else Derivative(t, ref).of(term["value"])
        seen.add(ref.id)
        slopes.append(-1 if slope is t.zero else lanes.number(slope, piece.guard))
    return [value, condition, *slopes]
