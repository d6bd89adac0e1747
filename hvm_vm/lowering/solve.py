"""Simultaneous blocks: relations, their scales and their exact Jacobian as one `solve`.

The definitions of variables inside a block (they depend on the unknowns, and the relations read
them) are written out in the relations; terms are shared, so nothing grows. What does not depend on
an unknown is hoisted like everywhere else.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from hvm_vm.bytecode.solve_layout import Layout
from hvm_vm.lowering import convert
from hvm_vm.lowering.derivative import Derivative
from hvm_vm.lowering.domains import Domains
from hvm_vm.lowering.lanes import Lanes
from hvm_vm.lowering.operation import Operation, Space
from hvm_vm.lowering.pools import one_line
from hvm_vm.lowering.program import Def, Program, Region
from hvm_vm.lowering.terms import Term
from hvm_vm.relations.system import Block, Place

ITERATIONS = 400  # evaluations of the relations, before a solve gives up
TOLERANCE = {"f64": 1e-9, "f32": 1e-4}


@dataclass
class Solve:
    """A block as terms over one space: `spaces` its dimensions, `unknowns` the references, and for
    each of them a relation (0 at the solution), a start and bounds, each of which may be None."""

    block: Block
    spaces: list[Space]
    unknowns: list[Term]
    residuals: list[Term]
    starts: list[Term | None]
    lows: list[Term | None]
    highs: list[Term | None]
    places: list[Place] = field(default_factory=list)
    operation: SolveOperation | None = None


@dataclass(eq=False, slots=True)
class SolveOperation(Operation):
    """A `solve`: `roots` are by position in its layout, `results` its unknowns."""

    results: list[tuple[str, tuple[Term, ...]]] = field(default_factory=list)

    def refs(self) -> list[Term]:
        """What it reads: not the unknowns themselves."""
        own = {name for name, _ in self.results}
        return [r for r in Operation.refs(self) if r.data not in own]


def prepare(program: Program, block: Block) -> None:
    """Enter a block into the program: its unknowns' definitions stand for everything that the solve
    reads, and are never looked into."""
    t = program.terms
    first = program.defs[block.unknowns[0].variable]
    axes = [s.data for s in first.regions[0].subscripts]
    common = [t.index(ix) for ix in axes]
    solve = Solve(block, [Space(ix, ix.lo, ix.hi) for ix in axes], [], [], [], [], [])
    for unknown in block.unknowns:
        region = program.defs[unknown.variable].regions[0]
        values = {s.data: ix for s, ix in zip(region.subscripts, common, strict=True)}

        def here(expr, values=values) -> Term | None:
            return None if expr is None else t.substitute(convert.convert(t, expr), values)

        solve.unknowns.append(t.ref(unknown.variable, tuple(common)))
        solve.residuals.append(t.substitute(region.body, values))
        solve.starts.append(here(unknown.start))
        solve.lows.append(here(unknown.lo))
        solve.highs.append(here(unknown.hi))
        solve.places.append(region.place)
    box = {ix: (ix.lo, ix.hi) for ix in axes}
    reads = [x for x in (*solve.residuals, *solve.starts, *solve.lows, *solve.highs) if x]
    for unknown in block.unknowns:
        program.defs[unknown.variable] = Def(unknown.variable, [Region(
            box, tuple(common), t.true, t.apply("add", *reads, t.zero), solve.places[0])])
        program.solves[unknown.variable] = solve


def select(selection, solve: Solve) -> SolveOperation:
    """The operation that solves a block; the same one for each of its unknowns."""
    if solve.operation is not None:
        return solve.operation
    program, t = selection.program, selection.program.terms
    layout = Layout(len(solve.unknowns))
    owner, place = solve.unknowns[0].data, solve.places[0]
    inside = frozenset(solve.block.inside)

    def written_out(node: Term) -> Term | None:
        if node.op == "ref" and node.data in inside:
            return t.replace(program.expand(node), written_out)
        return None

    roots: dict[int, Term] = {}
    slopes = [Derivative(t, x) for x in solve.unknowns]
    domains = Domains(t, solve.unknowns)
    for k, residual in enumerate(solve.residuals):
        residual = t.replace(residual, written_out)
        residual = selection.hoist(residual, t.true, owner, place)
        domains.read(residual)
        roots[layout.residual(k)] = residual
        roots[layout.scale(k)] = t.apply(
            "add", *(t.apply("abs", x) for x in _addends(residual)))
        for j, slope in enumerate(slopes):
            entry = slope.of(residual)
            if entry is not t.zero:
                roots[layout.jacobian(k, j)] = entry
    for k in range(layout.n):
        for where, part in (
            (layout.start(k), solve.starts[k]),
            (layout.lower(k), domains.low(k, solve.lows[k])),
            (layout.upper(k), domains.high(k, solve.highs[k])),
        ):  # fmt: skip
            if part is not None:
                roots[where] = selection.hoist(part, t.true, owner, place)
    operation = SolveOperation(
        "solve", solve.spaces, roots, owner, solve.unknowns[0].args, t.true, place,
        relations=[x.data for x in solve.unknowns], message=message(program, solve.places),
        results=[(x.data, x.args) for x in solve.unknowns])
    solve.operation = operation
    selection.register(operation)
    return operation


def _addends(term: Term) -> list[Term]:
    """The terms of a sum, whatever their signs."""
    found, waiting = [], [term]
    while waiting:
        node = waiting.pop()
        if node.op in ("add", "sub", "neg"):
            waiting.extend(reversed(node.args))
        else:
            found.append(node)
    return found


def message(program: Program, places: list[Place]) -> str:
    """One line for each relation, with all cases that it has: `12: x + y = 26`."""
    text, starts = program.system.text, program.line_starts

    def told(p: Place) -> str:
        return f"{bisect_right(starts, p.start)}: {one_line(text[p.start:p.end])}"

    return "\n".join("; line ".join(told(p) for p in (place, *place.others)) for place in places)


def emit(emitter, operation: SolveOperation) -> None:
    """The instruction."""
    program, pools = emitter.program, emitter.pools
    lanes = Lanes(pools, program, operation.dims)
    layout = Layout(len(operation.results))
    for k, (name, _) in enumerate(operation.results):
        lanes.known[name] = (lanes.unknown(k), "f")
    integer, number = program.terms.const(ITERATIONS), TOLERANCE[program.system.precision]
    roots = [lanes.integer(integer), lanes.number(program.terms.const(number))]
    for position in range(len(roots), layout.jacobian(layout.n - 1, layout.n - 1) + 1):
        term = operation.roots.get(position)
        roots.append(-1 if term is None else lanes.number(term))
    emitter.instruction("solve", operation, lanes, operation.results, roots)
