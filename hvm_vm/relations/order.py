"""The order of computation: each variable after all that it reads.

Strongly connected components by Tarjan's algorithm (1972), written without recursion. A component
of several variables, or a variable that reads itself, is a recurrence or a simultaneous system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hvm_vm.bytecode.sizes import Size

from .affine import Integers, plain_index
from .drawn import Drawn
from .guards import Context, references, rewrite
from .prove import at_least
from .report import Report
from .system import Ref


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
    definitions: dict[str, list[Drawn]], integers: Integers, report: Report, blocks=None,
    systems=None,
) -> tuple[tuple[str, ...], set[str]]:
    """The determined variables in order, and those that are part of a cycle (reported). Cycles that
    `blocks` can take are solved point by point, those of `systems` for all elements together."""
    reads = _reads(definitions, blocks, systems)
    done: list[str] = []
    cyclic: set[str] = set()
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
        if systems is not None and not one_direction(component, definitions, integers):
            done.extend(systems.take(component, definitions, reads))
            continue
        cyclic.update(component)
        _report(component, definitions, reads, integers, report)
        done.extend(component)
    return tuple(done), cyclic


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


def _report(component, definitions, reads, integers: Integers, report: Report) -> None:
    members = set(component)
    cycle = shortest_cycle(component, reads)
    shown = " -> ".join([*_abridged(cycle), cycle[0]])
    first = min(
        (c for name in cycle for c in definitions[name]), key=lambda c: c.node.span.start
    )
    lag = _lag(members, definitions, integers)
    if lag is not None:
        axis, distance, case = lag
        if len(cycle) == 1:
            what = f"{cycle[0]} depends on itself"
        else:
            what = f"{', '.join(_abridged(cycle))} depend on each other ({shown})"
        report.error(
            f"`{report.quote(case.node.span)}` is a recurrence: {what} along {axis},"
            f" {distance}; recurrences are not supported in this version",
            case.node.span,
        )
        return
    report.error(
        f"`{report.quote(first.node.span)}` is a recurrence: {shown} (each reads the next);"
        " recurrences are not supported in this version",
        first.node.span,
    )


def one_direction(component: list[str], definitions, integers: Integers) -> bool:
    """Whether along one axis every read within a component is at the same place or certainly before
    it (or none before, and some after): a recurrence, not a system."""
    members = set(component)
    reads: list[tuple[tuple, tuple, list]] = []
    for name in component:
        for case in definitions[name]:
            context = Context(case.indices)

            def on_ref(ref: Ref, here: Context, case=case) -> Ref:
                if ref.variable in members:
                    there = tuple(map(integers.polynomial, ref.subscripts))
                    reads.append((case.places, there, here.facts(integers)))
                return ref

            for expr in (case.body, case.condition):
                if expr is not None:
                    rewrite(expr, context if expr is case.condition
                            else context.under(case.condition), on_ref)
    rank = min((len(own) for own, _, _ in reads), default=0)
    rank = min([rank, *(len(there) for _, there, _ in reads)])
    for axis in range(rank):
        pairs = [(own[axis], there[axis], facts) for own, there, facts in reads]
        if any(there is None for _, there, _ in pairs) or all(o == t for o, t, _ in pairs):
            continue
        others = [(o, t, facts) for o, t, facts in pairs if o != t]
        if all(at_least(facts, own, there + 1) for own, there, facts in others):
            return True
        if all(at_least(facts, there, own + 1) for own, there, facts in others):
            return True
    return False


def shown_cycle(component: list[str], reads) -> str:
    """A shortest cycle through a component, in words."""
    members = set(component)
    cycle = shortest_cycle(
        component, {n: tuple(o for o in reads[n] if o in members) for n in component})
    return " -> ".join([*_abridged(cycle), cycle[0]])


def _abridged(names: list[str], most: int = 12) -> list[str]:
    """`names`, the middle of a long list left out."""
    return names if len(names) <= most else [*names[: most - 3], "…", *names[-2:]]


def shortest_cycle(component: list[str], reads) -> list[str]:
    """A shortest cycle through the component's first variable (each reads the next)."""
    members = set(component)
    start = component[0]
    before: dict[str, str] = {}
    queue = [start]
    for name in queue:
        for other in reads[name]:
            if other == start:
                path = [name]
                while path[-1] != start:
                    path.append(before[path[-1]])
                return path[::-1]
            if other in members and other not in before:
                before[other] = name
                queue.append(other)
    return component


def _lag(members: set[str], definitions, integers: Integers):
    """(axis, how far back in words, relation) of a read within the component at another
    place; None when all reads are at the same place."""
    found = None
    for name in sorted(members, key=lambda n: definitions[n][0].node.span.start):
        for case in definitions[name]:
            left = {plain_index(p, integers): k for k, p in enumerate(case.places)}
            for expr in (case.body, case.condition):
                for ref in references(expr) if expr is not None else ():
                    if ref.variable not in members:
                        continue
                    for k, sub in enumerate(ref.subscripts):
                        place = integers.polynomial(sub)
                        affine = None if place is None else integers.affine(place)
                        if affine is None:
                            continue
                        for index in affine[0]:
                            if index in left and len(affine[0]) == 1:
                                distance = (integers.index(index) - place).constant
                                if distance:
                                    words = _words(distance)
                                    return index.text, words, case
                        own = case.places[k] if len(case.places) > k else None
                        if ref.variable == name and own is not None and found is None:
                            text = (plain_index(own, integers) or _first(own, integers))
                            if text is not None and own != place:
                                found = text.text, "at another place", case
                            elif own != place:
                                found = f"axis {k + 1}", "at another place", case
    return found


def _first(place: Size, integers: Integers):
    affine = integers.affine(place)
    return next(iter(affine[0]), None) if affine else None


def _words(distance: int) -> str:
    return f"{abs(distance)} step{'s' * (abs(distance) != 1)} {'back' if distance > 0 else 'ahead'}"
