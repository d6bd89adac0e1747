"""A program whose results are all of its variables: for `hvm run --all`, and to trace a NaN.

Fusion computes most variables on the way, without storing them. To be looked at they must be
results, so the source is compiled once more with all of them to be found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from hvm_vm.errors import CompileError
from hvm_vm.relations.guards import references


def find_texts(
    system, given: Collection[str], needed: bool = False
) -> tuple[list[str], list[str]]:
    """What to ask for: the texts of `system`'s own results, and every other variable that the
    relations determine from the inputs that have a value, those of `given` and those with a default
    or a tensor's name. `needed`: only what the results depend on."""
    own = [r.variable.removeprefix("find ") for r in system.results]
    lacking = {
        name for name, v in system.variables.items()
        if v.is_input and v.default is None and v.pattern is None and name not in given}
    for name in system.order:  # each after what it reads
        if not lacking.isdisjoint(_reads(system, name)):
            lacking.add(name)
    taken = {r.variable for r in system.results}
    if needed:
        kept = set(taken)
        for name in reversed(system.order):
            if name in kept:
                kept |= _reads(system, name)
        lacking |= set(system.order) - kept
    # Elements and slices that the compiler made variables of have names that nobody could write.
    others = [name for name in system.definitions
              if name not in taken and name not in lacking and name.isidentifier()]
    return own, others


def _reads(system, name: str) -> set[str]:
    """The variables that the relations of `name` read."""
    definition = system.definitions.get(name)
    return {ref.variable for case in (definition.cases if definition is not None else ())
            for part in (case.body, case.condition, *case.subscripts) if part is not None
            for ref in references(part)}


def compile_most(compile: Callable[[list[str]], object], own: list[str], others: list[str]):
    """`compile(find)` with as many of `others` as it takes: a variable with an element that nothing
    determines is no error as long as it is not returned. None when that is none of them."""

    def attempt(found: list[str]):
        try:
            return compile([*own, *found])
        except CompileError:
            return None

    program = attempt(others)
    if program is not None:
        return program

    def accepted(names: list[str]) -> list[str]:
        if not names or attempt(names) is not None:
            return names
        if len(names) == 1:
            return []
        half = len(names) // 2
        return accepted(names[:half]) + accepted(names[half:])

    half = len(others) // 2
    return attempt(accepted(others[:half]) + accepted(others[half:])) if others else None
