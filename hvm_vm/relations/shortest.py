"""A shortest cycle of names that depend on each other, for messages."""

from __future__ import annotations


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
