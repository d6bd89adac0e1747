"""Relations of a system over arrays, resolved: `left - right`, which must be 0.

A whole relation, with all its cases, is a `Whole`; the unknown that a matching gave it is a help to
find what is solved together, and says which explicit relations take its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hvm_vm.language import syntax as S

from ..drawn import Drawn, unsupported
from ..guards import conjunction, negation, references, substitute
from ..problems import POISON, TooLarge, Unsupported
from ..resolve import Resolver
from ..scope import Free
from ..system import Apply, Expr, IndexValue, Ref


@dataclass(eq=False)
class Whole:
    """A relation or the cases of one. `names`: the unknowns that it may determine; `matched` the
    one that it is matched to. `rows`: its cases as residuals."""

    relations: list[S.Relation]
    names: tuple[str, ...]
    matched: str | None
    rows: list[Drawn] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        return any(row.bad for row in self.rows)

    def references(self) -> Iterator[Ref]:
        """All that is read in it."""
        for row in self.rows:
            for expr in (row.body, row.condition):
                if expr is not None:
                    yield from references(expr)


def draw_row(relation: S.Relation, name: str, resolver: Resolver) -> Drawn:
    """One relation as a residual; what is wrong is reported and leaves a Drawn that is `bad`."""
    frame: Free = resolver.begin()
    body: Expr = POISON
    condition: Expr | None = None
    try:
        sides = [resolver.expr(side, frame) for side in (relation.lhs, relation.rhs)]
        body = Apply("sub", tuple(sides))
        condition = None if relation.where is None else resolver.expr(relation.where, frame)
    except Unsupported as problem:
        unsupported(relation, problem, resolver)
        resolver.bad = True
    except TooLarge:
        resolver.error(
            f"`{resolver.report.quote(relation.span)}` is too large when its functions are written"
            " out",
            relation.span,
        )
    bad = resolver.bad
    return Drawn(
        relation, name, () if bad else tuple(frame.names.values()), (), (),
        None if bad else condition, POISON if bad else body, relation.otherwise, bad=bad,
        implicit=True,
    )  # fmt: skip


def draw_whole(whole: Whole, resolver: Resolver) -> None:
    """Resolve all cases of a relation; `otherwise` becomes what the others leave."""
    whole.rows = [draw_row(r, whole.matched or "", resolver) for r in whole.relations]
    rest = [row for row in whole.rows if row.otherwise]
    if len(rest) > 1 and not whole.bad:
        quotes = [f"`{resolver.report.quote(row.node.span)}`" for row in rest[:2]]
        resolver.report.error(
            f"two relations take what the others leave: {quotes[0]} and {quotes[1]}",
            rest[1].node.span,
            help="keep one, or say where each holds: … where condition, … otherwise",
            notes=[("the other relation is here", rest[0].node.span)],
        )
        rest[1].bad = True
    for row in whole.rows:
        if not row.otherwise or whole.bad:
            continue
        own = {i.text: IndexValue(i) for i in row.indices}
        parts = []
        for other in whole.rows:
            if other is row or other.condition is None:
                continue
            values = {i: own[i.text] for i in other.indices if i.text in own}
            needed = [i for i in other.indices if i not in values]
            if needed and whole.matched:  # the same axes by other names
                places = own_place(row, whole.matched), own_place(other, whole.matched)
                if None not in places:
                    values = {s.index: mine for mine, s in zip(*places, strict=True)}
                    needed = []
            if needed:
                resolver.report.error(
                    f"`{resolver.report.quote(row.node.span)}` takes what the other cases leave,"
                    f" but it does not have their index {needed[0].text}",
                    row.node.span,
                    help="write the same indices in all cases of one relation",
                )
                row.bad = True
                continue
            condition = substitute(other.condition, values)
            parts.append(negation(condition))
        row.condition = conjunction(parts)


def own_place(row: Drawn, name: str) -> tuple[Expr, ...] | None:
    """The subscripts at which a relation reads `name` at its own point: each of its indices once,
    and nothing else."""
    for ref in references(row.body):
        if ref.variable != name or len(ref.subscripts) != len(row.indices):
            continue
        indices = {s.index for s in ref.subscripts if type(s) is IndexValue}
        if indices == set(row.indices):
            return ref.subscripts
    return None
