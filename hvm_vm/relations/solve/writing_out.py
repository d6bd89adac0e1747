"""Explicit relations of a system that are written out in those that read them, so that fewer
unknowns are solved for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..drawn import Drawn
from ..guards import Context, nodes, references, rewrite, substitute
from ..order import components
from ..system import Expr, Index, IndexValue, Reduce, Ref
from .tearing import tear

MOST_NODES = 60   # of an explicit relation that is written out in those that read it
MOST_GROWTH = 24  # how many nodes that may add to the system


@dataclass(frozen=True)
class Template:
    """A definition that is written out where it is read."""

    case: Drawn
    body: Expr

    def at(self, subscripts: tuple[Expr, ...]) -> Expr:
        values: dict[Index, Expr] = {
            own.index: there
            for own, there in zip(self.case.subscripts, subscripts, strict=True)
        }
        return substitute(self.body, values)


def write_out(component: list[str], unknowns, definitions, reads, ranks: list[str],
              ) -> tuple[list[str], dict[str, Template]]:
    """The members of a component that keep their definitions, in order, and what they are written
    out as. `unknowns` are those that have to be solved for; where none has, the first by `ranks`
    is."""
    rest = [n for n in component if n not in unknowns and _plain(definitions[n])]
    bodies: dict[str, Template] = {}
    if len(rest) == len(component):
        place = {n: k for k, n in enumerate(ranks)}
        rest.remove(min(rest, key=lambda n: place.get(n, 0)))
    torn = set(tear(rest, reads, lambda _, into, out: -into))
    rest = [n for n in rest if n not in torn]
    inside = set(rest)
    within = {n: tuple(o for o in reads[n] if o in inside) for n in rest}
    ordered = [n for found in components(rest, within.__getitem__) for n in found]
    uses = Counter(r.variable for n in component for case in definitions[n]
                   for r in references(case.body))
    for name in ordered:
        case = definitions[name][0]
        body = expanded(case.body, bodies)
        size = _size(body)
        if size <= MOST_NODES and (uses[name] - 1) * size <= MOST_GROWTH:
            bodies[name] = Template(case, body)
    return [n for n in ordered if n in bodies], bodies


def expanded(expr: Expr, bodies: dict[str, Template]) -> Expr:
    """`expr` with the members of `bodies` written out."""
    if not bodies:
        return expr

    def on_ref(ref: Ref, _: Context) -> Expr:
        template = bodies.get(ref.variable)
        return ref if template is None else template.at(ref.subscripts)

    return rewrite(expr, Context(), on_ref)


def _plain(cases: list[Drawn]) -> bool:
    """Whether a definition can stand for every read: one case over all, without sums."""
    if len(cases) != 1 or cases[0].condition is not None or cases[0].implicit:
        return False
    case = cases[0]
    indices = [s.index for s in case.subscripts if type(s) is IndexValue]
    if len(indices) < len(case.subscripts) or len(set(indices)) < len(indices):
        return False
    return not any(type(node) is Reduce for node in nodes(case.body))


def _size(expr: Expr) -> int:
    return sum(1 for _ in nodes(expr))
