"""The size symbols that a system speaks of."""

from __future__ import annotations

from collections.abc import Iterable

from .drawn import Drawn
from .system import Apply, Axis, Index, Reduce, Ref, Requirement, SizeValue


def size_symbols(
    axes: Iterable[tuple[Axis, ...]],
    definitions: Iterable[list[Drawn]],
    requirements: Iterable[Requirement],
) -> set[str]:
    """The symbols in ranges and values. An index that nothing uses asks for no size."""
    found: set[str] = set()
    todo: list = [axis for each in axes for axis in each]
    for cases in definitions:
        for case in cases:
            todo += [*case.indices, *case.subscripts, case.body]
            if case.condition is not None:
                todo.append(case.condition)
    for requirement in requirements:
        todo += [*requirement.indices, requirement.claim]
    while todo:
        node = todo.pop()
        kind = type(node)
        if kind is Axis or kind is Index:
            if node.lo.constant is None:
                found |= node.lo.symbols()
            if node.hi.constant is None:
                found |= node.hi.symbols()
        elif kind is SizeValue:
            found |= node.size.symbols()
        elif kind is Apply:
            todo += node.args
        elif kind is Ref:
            todo += node.subscripts
        elif kind is Reduce:
            todo += [*node.indices, node.body]
            if node.condition is not None:
                todo.append(node.condition)
    return found
