"""Elements that nothing determines: an error where they are read or returned.

A variable whose cases leave holes is looked at read by read: proven to be determined, proven not to
be (an error), or left to a requirement that is judged when sizes, or the data, are known.
"""

from __future__ import annotations

from collections.abc import Iterator

from hvm_vm.bytecode.sizes import Size
from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from .affine import plain_index
from .boxes import Box, boxes
from .cases import Cases
from .drawn import Drawn
from .guards import Context, conjunction, rewrite
from .prove import formula, proven, ranges, refuted
from .report import Report, place
from .spots import Spots
from .system import Apply, Axis, Const, Expr, Index, Ref, Requirement

HOLE_HELP = "add a relation for the other elements, such as … = 0 otherwise"


class Coverage:
    """Knows which determined variables have holes, and checks reads of them."""

    def __init__(
        self,
        definitions: dict[str, list[Drawn]],
        axes: dict[str, tuple[Axis, ...]],
        cases: Cases,
        spots: Spots,
        report: Report,
    ) -> None:
        self.cases = cases
        self.integers = cases.integers
        self.spots = spots
        self.report = report
        self.axes = axes
        self.definitions = definitions
        self.requirements: list[Requirement] = []
        self._boxes: dict[str, list[Box]] = {}
        self.partial = {
            name for name, relations in definitions.items() if not self._full(name, relations)
        }
        self._seen: set = set()

    def _full(self, name: str, relations: list[Drawn]) -> bool:
        axes = self.axes[name]
        for relation in relations:
            if relation.condition is None and self._spans(relation, axes):
                return True
        if not axes:
            return self.condition(name, (), []) is None
        indices = self._coordinates(axes)
        places = tuple(self.integers.index(i) for i in indices)
        return self.condition(name, places, ranges(indices, self.integers)) is None

    def _spans(self, relation: Drawn, axes: tuple[Axis, ...]) -> bool:
        indices = [plain_index(p, self.integers) for p in relation.places]
        return len(set(indices)) == len(indices) and all(
            i is not None and i.lo == a.lo and i.hi == a.hi
            for i, a in zip(indices, axes, strict=True)
        )

    def _coordinates(self, axes: tuple[Axis, ...]) -> tuple[Index, ...]:
        return tuple(self.cases.index_names.new(a.text or f"p{k + 1}", a)
                     for k, a in enumerate(axes))

    def condition(self, name: str, places: tuple[Size, ...], facts: list) -> Expr | None:
        """Whether some relation determines the element of `name` at `places`; None for
        certainly."""
        parts = []
        for part in self._parts(name, places, facts):
            if part is None:
                return None
            if not refuted([*facts, formula(part, self.integers)]):
                parts.append(part)
        if not parts:
            return Const(0)
        claim = parts[0] if len(parts) == 1 else Apply("or", tuple(parts))
        return None if proven(facts, claim, self.integers) else claim

    def _parts(self, name: str, places: tuple[Size, ...], facts: list) -> Iterator[Expr | None]:
        """The condition of each relation, of single elements together; None for always."""
        single = self._boxes.get(name)
        if single is None:
            single = self._boxes[name] = boxes(
                tuple(p.constant for p in r.places)
                for r in self.definitions[name] if _is_single(r)
            )  # fmt: skip
        for box in single:
            bounds = [
                Apply("le", (self.integers.expression(low), self.integers.expression(high)))
                for (lo, hi), there in zip(box, places, strict=True)
                for low, high in ((Size.of(lo), there), (there, Size.of(hi)))
                if (high - low).constant is None or (high - low).constant < 0
            ]
            yield conjunction(bounds)
        for relation in self.definitions[name]:
            if not _is_single(relation):
                yield self.cases.covers(relation, places, facts)

    # -- reads ---------------------------------------------------------------------------------
    def reads(self, expr: Expr | None, context: Context, statement: S.Relation | S.Check) -> None:
        """Check every element read in `expr`."""
        if expr is None or not self.partial:
            return

        def on_ref(ref: Ref, here: Context) -> Ref:
            if ref.variable in self.partial:
                self._read(ref, here, statement)
            return ref

        rewrite(expr, context, on_ref)

    def holes(self, expr: Expr, context: Context, name: str) -> bool:
        """Whether `expr` may read elements of `name` that no relation determines."""
        found = False

        def on_ref(ref: Ref, here: Context) -> Ref:
            nonlocal found
            if ref.variable == name and not found:
                facts = here.facts(self.integers)
                found = (self.condition(name, self._places(ref), facts) is not None
                         and not refuted(facts))
            return ref

        rewrite(expr, context, on_ref)
        return found

    def _places(self, ref: Ref) -> tuple[Size, ...]:
        places = []
        for sub in ref.subscripts:
            polynomial = self.integers.polynomial(sub)
            places.append(self.integers.unknown(sub) if polynomial is None else polynomial)
        return tuple(places)

    def _read(self, ref: Ref, context: Context, statement: S.Relation | S.Check) -> None:
        key = (ref, context, statement.span)
        if key in self._seen:
            return
        self._seen.add(key)
        facts = context.facts(self.integers)
        claim = self.condition(ref.variable, self._places(ref), facts)
        if claim is None or refuted(facts):
            return
        span = self.spots.of(statement, ref)
        quote = self.report.quote(statement.span)
        message = f"`{quote}` reads elements of {ref.variable} that no relation determines"
        if claim == Const(0):
            self.report.error(message, span, help=HOLE_HELP)
            return
        guard = context.condition()
        if guard is not None:
            claim = Apply("if", (guard, claim, Const(1)))
        self.requirements.append(Requirement(context.indices, claim, message, 2, place(span)))

    def returned(self, name: str, span: Span) -> None:
        """Check that every element of a result is determined."""
        if name not in self.partial:
            return
        axes = self.axes[name]
        indices = self._coordinates(axes)
        places = tuple(self.integers.index(i) for i in indices)
        facts = ranges(indices, self.integers)
        claim = self.condition(name, places, facts)
        if claim is None:
            return
        message = f"{name} is a result, but no relation determines all of its elements"
        if claim == Const(0):
            self.report.error(message, span, help=HOLE_HELP)
            return
        self.requirements.append(Requirement(indices, claim, message, 2, place(span)))


def _is_single(relation: Drawn) -> bool:
    """Whether a relation determines one element, whatever else."""
    return (
        bool(relation.places)
        and not relation.bad
        and relation.condition is None
        and all(p.constant is not None for p in relation.places)
    )
