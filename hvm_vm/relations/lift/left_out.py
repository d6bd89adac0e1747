"""Relations of scalars that are set from outside, and all else in them as well: they are left out,
which is worth a warning, as they may not hold."""

from __future__ import annotations

from hvm_vm.relations.names import CONSTANTS

from .dots import elements
from .implicit import is_equation
from .members import Unliftable
from .read import Unrolled
from .statements import names_in
from .unknowns import read_names


def left_out(
    un: Unrolled, rows: list[tuple[str, list[str], int]], known: frozenset[str]
) -> dict[str, int]:
    """Of the relations `rows` of scalars among the `known` (the scalar, what it reads, the
    statement), those that hold nothing but what is known: the scalar and the statement. Raises
    `Unliftable` where nothing else reads what is set."""
    if not rows:
        return {}
    read, _ = read_names(un)
    own = {n for names in read.values() for n in names}
    own |= {un.name(head, tuple(s)) for block in un.blocks if is_equation(block)
            for head, table in elements(block) if un.names[head] for s in table.tolist()}
    own |= {n for _, statement in un.others for n in names_in(statement)}
    if any(n in un.elements and n not in own for _, names, _ in rows for n in names if n in known):
        raise Unliftable("what is set from outside is not read any more")
    settled = {*known, *CONSTANTS}
    open_: dict[str, bool] = {}
    found = {}
    for name, names, number in sorted(rows, key=lambda row: row[2]):
        if not any(_is_open(n, read, settled, open_) for n in names):
            found.setdefault(name, number)
    return found


def _is_open(name: str, read: dict[str, list[str]], settled: set[str],
             open_: dict[str, bool]) -> bool:
    """Whether a name is unknown or a default, or computed from such. `open_`: the answers so
    far."""
    work = [name]
    while work:
        here = work[-1]
        if here in settled or not read.get(here):  # nothing determines it, or it is a default
            open_[here] = here not in settled
            work.pop()
            continue
        if here not in open_:
            open_[here] = False  # of cycles, until it is told
            work += [n for n in read[here] if n not in open_]
            continue
        open_[here] = any(open_.get(n, False) for n in read[here])
        work.pop()
    return open_[name]
