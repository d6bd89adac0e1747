"""Scans: recurrences as maps whose steps are computed one after another.

The regions of all members are ordered by what they read of each other. Those that take no part in a
cycle are maps like any others; the rest are walked together, all of a step before any of the next,
in one instruction for each stretch of steps that the same regions determine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hvm_vm.bytecode.injectivity import disjoint, stored_before
from hvm_vm.bytecode.module import Access
from hvm_vm.bytecode.sizes import Size
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source, Span
from hvm_vm.lowering import conditions
from hvm_vm.lowering.linear import linear
from hvm_vm.lowering.operation import Operation, Space
from hvm_vm.lowering.program import Program
from hvm_vm.lowering.spaces import access
from hvm_vm.lowering.terms import Ix, Term, refs_of
from hvm_vm.relations.order import components
from hvm_vm.relations.system import Place, Recurrence


def prepare(program: Program, recurrence: Recurrence) -> None:
    """Make a recurrence known to the program: its members are not written out in their readers."""
    for name in recurrence.members:
        program.scans[name] = recurrence
        if name in program.defs:
            program.defs[name].simple = False


def select(selection, recurrence: Recurrence) -> list[Operation]:
    """The operations that compute all members, in order. Raises `CompileError` for a recurrence
    that no scan computes."""
    return _Scans(selection, recurrence).operations()


@dataclass
class Part:
    """A result of a scan, the parts whose values it reads at its own step, and the names that it
    reads as earlier steps stored them."""

    name: str
    subscripts: tuple[Term, ...]
    body: Term
    place: Access
    same: list[int] = field(default_factory=list)
    earlier: set[str] = field(default_factory=set)
    stored: bool = False


def parts(operation: Operation, program: Program) -> list[Part]:
    """The results of a scan."""
    dims = {s.ix: (k, s) for k, s in enumerate(operation.dims)}

    def place(subscripts, name: str) -> tuple[Access, list]:
        return access(subscripts, program.infos[name], dims)

    found = [Part(name, subscripts, root, place(subscripts, name)[0])
             for (name, subscripts), root in zip(
                 operation.results, operation.roots.values(), strict=True)]
    at = {(p.name, p.place): k for k, p in enumerate(found)}
    for part in found:
        for ref in refs_of(part.body):
            where, computed = place(ref.args, ref.data)
            own = None if computed else at.get((ref.data, where))
            if own is None:
                part.earlier.add(ref.data)
            else:
                part.same.append(own)
    return found


def needed(every: list[Part], read: set[str]) -> list[Part]:
    """The parts that it takes to compute the names `read`, which are stored."""
    wanted: set[int] = set()
    stored = set(read)
    work = [k for k, p in enumerate(every) if p.name in stored]
    while work:
        k = work.pop()
        if k in wanted:
            continue
        wanted.add(k)
        stored |= every[k].earlier
        work += every[k].same
        work += [j for j, p in enumerate(every) if p.name in every[k].earlier]
    for part in every:
        part.stored = part.name in stored
    return [every[k] for k in sorted(wanted)]


@dataclass(eq=False)
class _Piece:
    """A region: its map, and for each walk its steps (lo, hi), its index there (None where it is at
    one constant place) and what the place is beyond the index."""

    map: Operation
    steps: list[tuple[Size, Size]] = field(default_factory=list)
    indices: list[Ix | None] = field(default_factory=list)
    beyond: list[Size] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.map.variable

    @property
    def free(self) -> list[Space]:
        """The dimensions that are not walked, in the order of the axes."""
        order = {ix: k for k, s in enumerate(self.map.subscripts) for ix in s.free}
        dims = [d for d in self.map.dims if d.ix not in self.indices]
        return sorted(dims, key=lambda d: order.get(d.ix, 0))


class _Scans:
    def __init__(self, selection, recurrence: Recurrence):
        self.selection, self.program = selection, selection.program
        self.t = selection.program.terms
        self.walks = recurrence.walks
        self.members = {n for n in recurrence.members if n in self.program.defs}
        self.pieces = [
            self._piece(selection.elementwise(name, region))
            for name in recurrence.members if name in self.members
            for region in self.program.defs[name].regions]
        self.numbers: dict[str, list[int]] = {}
        for k, piece in enumerate(self.pieces):
            self.numbers.setdefault(piece.name, []).append(k)

    def operations(self) -> list[Operation]:
        found: list[Operation] = []
        reads = {str(k): tuple(map(str, self._read_by(piece)))
                 for k, piece in enumerate(self.pieces)}
        for component in components(reads, reads.__getitem__):
            pieces = [self.pieces[int(k)] for k in component]
            one = pieces[0].map
            if len(pieces) == 1 and all(r.data != one.variable for r in self._member_reads(one)):
                found.append(one)
            else:
                found += self._walked(pieces)
        return found

    # -- pieces --------------------------------------------------------------------------------
    def _piece(self, one: Operation) -> _Piece:
        piece = _Piece(one)
        box = one.box()
        one.roots["body"] = self._chosen(one.roots["body"], box)
        for axis, _ in self.walks:
            form = linear(one.subscripts[axis])
            if len(form.terms) > 1 or any(c != 1 for _, c in form.terms):
                self._refuse(one, "its steps are not one apart")
            ix = form.terms[0][0] if form.terms else None
            lo, hi = box[ix] if ix is not None else (Size.of(0), Size.of(0))
            piece.indices.append(ix)
            piece.beyond.append(form.const)
            piece.steps.append((lo + form.const, hi + form.const))
        walked = [i for i in piece.indices if i is not None]
        for axis, subscript in enumerate(one.subscripts):
            if axis not in [a for a, _ in self.walks] and subscript.free & set(walked):
                self._refuse(one, "it steps along several axes at once")
        return piece

    def _chosen(self, body: Term, box: dict) -> Term:
        """`body` without the branches that no point of the box takes."""
        def change(node: Term) -> Term | None:
            if node.op != "if" or (compared := conditions.comparison(node.args[0])) is None:
                return None
            known = conditions.decided(*compared, box)
            return None if known is None else self._chosen(node.args[1 if known else 2], box)

        return self.t.replace(body, change)

    def _member_reads(self, one: Operation) -> list[Term]:
        return [r for r in one.refs() if r.data in self.members]

    def _read_by(self, piece: _Piece) -> list[int]:
        """The pieces that may determine an element that `piece` reads; all of the array where none
        does, as it must be there."""
        found: dict[int, None] = {}
        for ref in self._member_reads(piece.map):
            every = self.numbers[ref.data]
            near = [k for k in every if not _apart(
                ref.args, piece.map.box(), self.pieces[k].map.subscripts,
                self.pieces[k].map.box())]
            found.update(dict.fromkeys(near or every))
        return list(found)

    # -- stretches of steps --------------------------------------------------------------------
    def _walked(self, pieces: list[_Piece]) -> list[Operation]:
        """Scans for pieces that depend on each other."""
        for piece in pieces[1:]:
            for own, first in zip(piece.steps[1:], pieces[0].steps[1:], strict=True):
                if own != first:
                    self._refuse(piece.map, "its parts go on over different steps")
        found = []
        stretches = self._stretches(pieces)
        for here, lo, hi in stretches if self.walks[0][1] else reversed(stretches):
            found += self._scan(here, [(lo, hi), *pieces[0].steps[1:]])
        return found

    def _stretches(self, pieces: list[_Piece]) -> list[tuple[list[_Piece], Size, Size]]:
        """The steps cut where a piece begins or ends, with the pieces that go on in each
        stretch."""
        ends = [p.steps[0] for p in pieces]
        cuts = _sorted([c for lo, hi in ends for c in (lo, hi + 1)])
        if cuts is None:
            return self._nested(pieces)
        found = []
        for lo, after in pairwise(cuts):
            here = [p for p in pieces if (lo - p.steps[0][0]).at_least(0)
                    and (p.steps[0][1] + 1 - after).at_least(0)]
            if here:
                found.append((here, lo, after - 1))
        return found

    def _nested(self, pieces: list[_Piece]) -> list[tuple[list[_Piece], Size, Size]]:
        """Likewise where sizes decide: pieces begin one after another, then they end. Where sizes
        are such that one ends before another begins, one of them is empty, and stretches are cut
        shorter, or are empty."""
        ends = [p.steps[0] for p in pieces]
        los, his = _sorted([lo for lo, _ in ends]), _sorted([hi for _, hi in ends])
        if los is None or his is None or not all(
                (a[1] + 1 - b[0]).at_least(0) or (a[1] + 1 - b[1]).at_least(0)
                for a in ends for b in ends):
            self._refuse(pieces[0].map, "which of its parts begins or ends first depends on sizes")
        found = []
        for lo, after in zip(los, [*los[1:], None], strict=True):
            here = [p for p in pieces if (lo - p.steps[0][0]).at_least(0)]
            last = [p.steps[0][1] for p in here]
            found.append((here, lo, _least(last if after is None else [after - 1, *last])))
        for before, hi in pairwise(his):
            here = [p for p in pieces if (p.steps[0][1] - hi).at_least(0)]
            found.append((here, _greatest([before + 1, *(p.steps[0][0] for p in here)]), hi))
        return found

    # -- one stretch ---------------------------------------------------------------------------
    def _scan(self, pieces: list[_Piece], steps: list[tuple[Size, Size]]) -> list[Operation]:
        t, first = self.t, pieces[0]
        dims = []
        for (axis, forward), (lo, hi) in zip(self.walks, steps, strict=True):
            whole = self.program.infos[first.name].axes[axis]
            text = next((p.indices[len(dims)].text for p in pieces if p.indices[len(dims)]),
                        whole.text or "step")
            ix = t.fresh_ix(Ix("", whole.lo, whole.hi, text, 0))
            dims.append(Space(ix, lo, hi, "f" if forward else "b"))
        free = first.free
        parts = [self._part(piece, dims, free) for piece in pieces]
        spaces = [*dims, *free]
        numbered = {s.ix: (k, s) for k, s in enumerate(spaces)}
        places = [access(o.subscripts, self.program.infos[o.variable], numbered)[0] for o in parts]
        keys = {(o.variable, places[k]): k for k, o in enumerate(parts)}
        after: dict[str, tuple[str, ...]] = {}
        for k, part in enumerate(parts):
            after[str(k)] = tuple(dict.fromkeys(
                str(j) for ref in self._member_reads(part)
                for j in self._same_step(part, ref, keys, places, parts, spaces, numbered)))
        order: list[int] = []
        for component in components(after, after.__getitem__):
            k = int(component[0])
            if len(component) > 1 or component[0] in after[component[0]]:
                self._refuse(parts[k], "what one step computes depends on itself, so that each step"
                             " is a system of equations")
            order.append(k)
        parts = [parts[k] for k in order]
        return [Operation(
            "scan", spaces, {f"body{k}": o.roots["body"] for k, o in enumerate(parts)},
            parts[0].variable, parts[0].subscripts, t.true, first.map.place,
            relations=list(dict.fromkeys(o.variable for o in parts)),
            results=[(o.variable, o.subscripts) for o in parts])]

    def _part(self, piece: _Piece, dims: list[Space], free: list[Space]) -> Operation:
        """A piece over the common steps and free dimensions."""
        t, one = self.t, piece.map
        values: dict[Ix, Term] = {}
        subscripts = list(one.subscripts)
        for (axis, _), dim, ix, beyond in zip(
                self.walks, dims, piece.indices, piece.beyond, strict=True):
            if ix is None:  # at one constant place, which is the only step here
                subscripts[axis] = t.index(dim.ix)
            else:
                at = t.index(dim.ix)
                values[ix] = at if beyond == 0 else t.apply("sub", at, t.size(beyond))
        own = piece.free
        if [(d.lo, d.hi) for d in own] != [(d.lo, d.hi) for d in free]:
            self._refuse(one, "arrays that depend on each other at one step have different shapes")
        values.update((mine.ix, t.index(common.ix)) for mine, common in zip(own, free, strict=True))
        body = one.roots["body"]
        if one.guard is not t.true:
            body = t.guard(one.guard, body)
        return Operation(
            "map", [*dims, *free], {"body": t.substitute(body, values)}, one.variable,
            tuple(t.substitute(s, values) for s in subscripts), t.true, one.place)

    def _same_step(self, part, ref: Term, keys, places, parts, spaces, numbered) -> list[int]:
        """The parts whose result at the same step is what `ref` reads."""
        place, dynamic = access(ref.args, self.program.infos[ref.data], numbered)
        found = None if dynamic else keys.get((ref.data, place))
        if found is not None:
            return [found]
        walked = list(range(len(self.walks)))
        if dynamic and len(spaces) == len(walked):
            return []  # at an earlier step, as a requirement says
        for other, stored in zip(parts, places, strict=True):
            if other.variable == ref.data and not (
                    disjoint(place, stored) or stored_before(place, stored, spaces, walked)):
                self._refuse(part, f"it reads {ref.data} neither at a fixed distance nor at the"
                             " same place")
        return []

    def _refuse(self, one: Operation, why: str) -> None:
        system = self.program.system
        diagnostics = Diagnostics(Source(system.file, system.text))
        place: Place = one.place
        diagnostics.error(f"this is a recurrence that is not supported in this version: {why}",
                          Span(place.start, place.end))
        diagnostics.raise_if_errors()


def _sorted(values: list[Size]) -> list[Size] | None:
    """The distinct values in order; None where sizes decide it."""
    done: list[Size] = []
    for value in dict.fromkeys(values):
        k = 0
        while k < len(done) and not (done[k] - value).at_least(1):
            if not (value - done[k]).at_least(0):
                return None
            k += 1
        done.insert(k, value)
    return done


def _least(values: list[Size]) -> Size:
    least = values[0]
    for value in values[1:]:
        if not (value - least).at_least(0):
            least = value if (least - value).at_least(0) else least.min(value)
    return least


def _greatest(values: list[Size]) -> Size:
    greatest = values[0]
    for value in values[1:]:
        if not (greatest - value).at_least(0):
            greatest = value if (value - greatest).at_least(0) else greatest.max(value)
    return greatest


def _apart(read, reading, written, writing) -> bool:
    """Whether places provably are in different ranges along some axis, over two boxes."""
    for left, right in zip(read, written, strict=True):
        forms = linear(left), linear(right)
        if None in forms:
            continue
        ours, theirs = forms[0].bounds(reading), forms[1].bounds(writing)
        if ours is None or theirs is None:
            continue
        if (theirs[0] - ours[1]).at_least(1) or (ours[0] - theirs[1]).at_least(1):
            return True
    return False
