"""The order of computation: each variable after all that it reads.

Strongly connected components by Tarjan's algorithm (1972), written without recursion. A component
of several variables, or a variable that reads itself, is a recurrence (`recurrences.py`) or a
simultaneous system (`solve/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .drawn import Drawn
from .guards import references
from .recurrences import Recurrences, one_direction


def dependences(definitions: dict[str, list[Drawn]]) -> dict[str, tuple[str, ...]]:
    """The determined variables that each one reads, in the order of the text."""
    found = {}
    for name, cases in definitions.items():
        reads: dict[str, None] = {}
        for case in cases:
            for expr in (case.body, case.condition):
                if expr is not None:
                    for ref in references(expr):
                        if ref.variable in definitions:
                            reads[ref.variable] = None
        found[name] = tuple(reads)
    return found


def components(
    names: Iterable[str], reads: Callable[[str], tuple[str, ...]]
) -> list[list[str]]:
    """The strongly connected components, each after all that it reads."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found: list[list[str]] = []
    for root in names:
        if root in number:
            continue
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(reads(root)))]
        while work:
            name, rest = work[-1]
            for other in rest:
                if other not in number:
                    number[other] = low[other] = len(number)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(reads(other))))
                    break
                if other in on_stack:
                    low[name] = min(low[name], number[other])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[name])
                if low[name] == number[name]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == name:
                            break
                    found.append(component[::-1])
    return found


def order(
    definitions: dict[str, list[Drawn]], recurrences: Recurrences, blocks=None, systems=None,
) -> tuple[str, ...]:
    """The determined variables in order. Cycles that `blocks` can take are solved point by point,
    those that go both ways along every axis by `systems`, for all elements together; the others are
    `recurrences`, or errors, which are reported."""
    reads = _reads(definitions, blocks, systems)
    done: list[str] = []
    for component in components(definitions, reads.__getitem__):
        if systems is not None and systems.concerns(component):
            done.extend(systems.take(component, definitions, reads))
            continue
        if len(component) == 1 and component[0] not in reads[component[0]]:
            done.append(component[0])
            continue
        taken = blocks.take(component, definitions, reads) if blocks is not None else None
        if taken is not None:
            done.extend(taken)
            continue
        within = recurrences.reads(component, definitions)
        if systems is not None and not one_direction(within):
            done.extend(systems.take(component, definitions, reads))
            continue
        recurrences.take(component, definitions, reads)
        done.extend(component)
    return tuple(done)


def _reads(definitions: dict[str, list[Drawn]], blocks, systems) -> dict[str, tuple[str, ...]]:
    reads = dependences(definitions)
    if blocks is not None:
        for name in definitions:
            more = blocks.reads(name, definitions)
            if more:
                reads[name] = tuple(dict.fromkeys((*reads[name], *more)))
    if systems is not None:
        for name, more in systems.reads(definitions).items():
            known = (n for n in more if n in definitions)
            reads[name] = tuple(dict.fromkeys((*reads.get(name, ()), *known)))
    return reads
