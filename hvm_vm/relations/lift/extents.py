"""How far unknown arrays go, said where the relations alone do not say it.

    2*u[t] = u[t-1] + u[t+1]       with t : 1..9 and u[0], u[1] given: the last u is u[10]

An array without a left side of its own goes as far as plain indices and literal subscripts say.
Scalars may go further; then `find u[w]`, or a guess where the array is no result, has an index for
all of them.
"""

from __future__ import annotations

from dataclasses import replace

from hvm_vm.language import syntax as S

from .indices import Indices
from .statements import expressions


def extended(statements: tuple[S.Statement, ...], name: str, lo: tuple[int, ...],
             hi: tuple[int, ...]) -> tuple[S.Statement, ...]:
    """The statements of a file in which the array `name` goes from `lo` to `hi`."""
    indices = Indices(_names(statements))
    for s in statements:
        if type(s) is S.IndexDecl and s.until is None and type(s.hi) is S.Number:
            ends = (s.lo.value if type(s.lo) is S.Number else None), s.hi.value
            indices.groups.setdefault(ends, []).extend(n.name for n in s.names)
    before = {n for group in indices.groups.values() for n in group}
    used: dict[str, None] = {}
    for ends in zip(lo, hi, strict=True):
        used[indices.get(*ends, used)] = None
    new = [replace(d, names=tuple(n for n in d.names if n.name not in before))
           for d in indices.declarations() if any(n.name not in before for n in d.names)]
    whole = S.Subscript(name, tuple(map(S.Name, used)))
    found = False
    rest = []
    for s in statements:
        if type(s) is S.Find and S.Name(name) in s.items:
            s = replace(s, items=tuple(whole if i == S.Name(name) else i for i in s.items))
            found = True
        rest.append(s)
    if not found:
        rest.append(S.Guess(whole, S.Number(1, "1")))  # where every solve starts
    place = next((k for k, s in enumerate(rest) if type(s) is not S.IndexDecl), len(rest))
    return (*rest[:place], *new, *rest[place:])


def _names(statements) -> set[str]:
    found = set()
    for s in statements:
        if type(s) is S.IndexDecl:
            found.update(n.name for n in s.names)
        elif type(s) is S.Given:
            found.update(i.name for i in s.items)
        for part in expressions(s):
            for node in S.walk(part):
                if type(node) in (S.Name, S.Subscript):
                    found.add(node.name)
                elif type(node) is S.Call:
                    found.add(node.function)
    return found
