"""Cases: the relations of one variable become boxes that are written apart, or one choice.

A case whose condition says no more than ranges of single indices (`t != T`, `n > 1 and n < N`) is
written by instructions of its own over just that box. Where conditions couple indices (`u <= t`),
all cases become one expression over the whole variable that chooses point by point; the last
alternative needs no test, because elements that no case covers are never read.
"""

from __future__ import annotations

from hvm_vm.bytecode.sizes import Size
from hvm_vm.lowering import conditions, convert, places
from hvm_vm.lowering.linear import Linear
from hvm_vm.lowering.program import Def, Info, Program, Region
from hvm_vm.lowering.terms import Ix, Term, conjuncts
from hvm_vm.relations.system import Case, Definition

Box = dict  # of indices to (lo, hi)


def definition(program: Program, system_definition: Definition) -> Def:
    """The regions of a variable's definition."""
    info = program.infos[system_definition.variable]
    cases = [_Case(program, case) for case in system_definition.cases]
    if len(cases) == 1 and cases[0].spans(info):
        return Def(info.name, [cases[0].region(cases[0].box, cases[0].condition)], simple=True)
    boxes = [case.boxes() for case in cases]
    if all(b is not None for b in boxes):
        regions = [c.region(b, program.terms.true)
                   for c, found in zip(cases, boxes, strict=True) for b in found]
        return Def(info.name, regions)
    return _choice(program, info, cases)


class _Case:
    """One relation, as terms."""

    def __init__(self, program: Program, case: Case):
        t = program.terms
        self.program = program
        self.indices = tuple(convert.index(t, i) for i in case.indices)
        self.box: Box = {i: (i.lo, i.hi) for i in self.indices}
        self.subscripts = tuple(convert.convert(t, s) for s in case.subscripts)
        self.condition = convert.condition(t, case.condition)
        self.body = convert.convert(t, case.body)
        self.place = case.place

    def spans(self, info: Info) -> bool:
        """Whether the subscripts are plain indices, each over its whole axis."""
        if len({id(s) for s in self.subscripts}) != len(info.axes):
            return False
        for subscript, axis in zip(self.subscripts, info.axes, strict=True):
            if subscript.op != "index":
                return False
            if (subscript.data.lo, subscript.data.hi) != (axis.lo, axis.hi):
                return False
        # The box in the order of the axes.
        self.box = {s.data: self.box[s.data] for s in self.subscripts}
        return True

    def region(self, box: Box, guard: Term) -> Region:
        return Region(box, self.subscripts, guard, self.body, self.place)

    def boxes(self) -> list[Box] | None:
        """The boxes that the condition leaves of the case's ranges; None if it is no such thing."""
        found = [self.box]
        for part in conjuncts(self.condition):
            compared = conditions.comparison(part)
            if compared is None:
                return None
            kind, form = compared
            after: list[Box] = []
            for box in found:
                pieces = cut(box, kind, form)
                if pieces is None:
                    return None
                after += pieces
            found = after
        return found


def cut(box: Box, kind: str, form: Linear) -> list[Box] | None:
    """`box` where a comparison holds, None if that is no box."""
    known = conditions.decided(kind, form, box)
    if known is not None:
        return [box] if known else []
    if len(form.terms) != 1:
        return None
    ix, coefficient = form.terms[0]
    if coefficient == -1 and kind != "ge0":
        form, coefficient = -form, Size.of(1)
    lo, hi = box[ix]
    if kind == "ge0" and coefficient == 1:
        lo = _greater(lo, -form.const)
    elif kind == "ge0" and coefficient == -1:
        hi = _less(hi, form.const)
    elif coefficient != 1:
        return None
    else:
        at = -form.const
        if kind == "eq0":
            if not ((at - lo).at_least(0) and (hi - at).at_least(0)):
                return None
            lo = hi = at
        elif at == lo:
            lo = lo + 1
        elif at == hi:
            hi = hi - 1
        elif (at - lo).at_least(0) and (hi - at).at_least(0):
            return [{**box, ix: (lo, at - 1)}, {**box, ix: (at + 1, hi)}]
        else:
            return None
    return None if lo is None or hi is None else [{**box, ix: (lo, hi)}]


def _greater(a: Size, b: Size) -> Size | None:
    return b if (b - a).at_least(0) else a if (a - b).at_least(0) else None


def _less(a: Size, b: Size) -> Size | None:
    return b if (a - b).at_least(0) else a if (b - a).at_least(0) else None


# -- one choice over the whole variable ------------------------------------------------------------


def _choice(program: Program, info: Info, cases: list[_Case]) -> Def:
    t = program.terms
    indices = _axis_indices(program, info, cases)
    box = {i: (i.lo, i.hi) for i in indices}
    branches: list[tuple[Term, Term]] = []
    for case in cases:
        condition, body = places.at(program.terms, case, indices)
        if condition.op == "const" and not condition.data[1]:
            continue
        branches.append((condition, body))
    # What reads nothing comes last: there the test and the guard fall away.
    branches.sort(key=lambda cb: cb[1].height == 1)
    condition, body = branches[-1]
    guard = t.true
    if len(branches) == 1:
        guard = condition
    else:
        if not program.safe(body, box):
            body = t.guard(condition, body)
        for condition, value in reversed(branches[:-1]):
            body = t.apply("if", condition, value, body)
    place = cases[0].place
    region = Region(box, tuple(t.index(i) for i in indices), guard, body, place)
    return Def(info.name, [region], simple=True)


def _axis_indices(program: Program, info: Info, cases: list[_Case]) -> tuple[Ix, ...]:
    for case in cases:
        if case.spans(info):
            return tuple(case.box)
    return tuple(
        program.terms.ix(f"{info.name}#{k}", axis.lo, axis.hi, axis.text or f"axis {k + 1}")
        for k, axis in enumerate(info.axes))
