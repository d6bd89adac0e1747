"""Liveness: which variables the results and the claims depend on, and who reads each of them."""

from __future__ import annotations

from hvm_vm.lowering.program import Program
from hvm_vm.lowering.terms import Term, refs_of


def live(program: Program, claims: list[Term]) -> None:
    """Keep the definitions that something needs; fill in `program.users`.

    `users[v]` are the live variables whose definitions read v, and "" for a claim."""
    reads: dict[str, list[str]] = {}
    for name, definition in program.defs.items():
        found: dict[str, None] = {}
        for region in definition.regions:
            for term in (region.body, region.guard, *region.subscripts):
                found.update(dict.fromkeys(r.data for r in refs_of(term)))
        reads[name] = list(found)
    wanted = [name for name in program.results if name in program.defs]
    users = program.users
    for claim in claims:
        for ref in refs_of(claim):
            users.setdefault(ref.data, set()).add("")
            wanted.append(ref.data)
    alive: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in alive or name not in program.defs:
            continue
        alive.add(name)
        for read in reads[name]:
            users.setdefault(read, set()).add(name)
            wanted.append(read)
    for name in [n for n in program.defs if n not in alive]:
        del program.defs[name]


def deep_flags(program: Program) -> None:
    """For each definition, what it holds and all that it reads holds (see `terms.HAS_…`)."""
    for name in program.system.order:
        definition = program.defs.get(name)
        if definition is None:
            continue
        flags = 0
        for region in definition.regions:
            for term in (region.body, region.guard):
                flags |= term.flags
                for ref in refs_of(term):
                    if ref.data in program.defs:
                        flags |= program.defs[ref.data].flags
        definition.flags = flags
