"""How far unknown arrays go that nothing declares: as far as relations speak of them."""

from __future__ import annotations

from hvm_vm.language import syntax as S

from ..affine import Integers
from ..axes import Use, guarded_uses, used_axes
from ..drawn import Drawn
from ..resolve import Resolver
from ..system import Axis, Expr, IndexValue
from .rows import Whole


class Extents:
    """Those of the names of one file."""

    def __init__(self, resolver: Resolver, integers: Integers) -> None:
        self.resolver, self.integers = resolver, integers

    def used(
        self, names: list[str], rows: list[Drawn], definitions, places
    ) -> dict[str, list[Axis | None]]:
        """How far names that are determined in part are read by relations that may determine the
        rest, or asked for; else by those that are computed from them."""
        arrays = {n for n in names if self.resolver.ranks[n][0]}
        if not arrays:
            return {}
        first = self._uses(rows, arrays)
        for name, subscripts in places:
            if name in arrays:
                first.setdefault(name, []).append(Use(subscripts))
        later = self._uses([c for cases in definitions.values() for c in cases], arrays)
        found = {}
        for name in arrays:
            axes = self._axes(name, first)
            if None in axes:
                axes = [a or b for a, b in zip(axes, self._axes(name, later), strict=True)]
            found[name] = axes
        return found

    def _uses(self, cases: list[Drawn], names: set[str]) -> dict[str, list[Use]]:
        found: dict[str, list[Use]] = {}
        for case in cases:
            for name, use in guarded_uses(case, names, self.integers):
                found.setdefault(name, []).append(use)
        return found

    def _axes(self, name: str, uses: dict[str, list[Use]]) -> list[Axis | None]:
        rank = self.resolver.ranks[name][0]
        good = [use for use in uses.get(name, ()) if len(use.subscripts) == rank]
        fenced = name in self.resolver.out.outside
        return used_axes(good, self.integers, fenced) if good else [None] * rank

    def places(
        self, items: list[S.Expr], wholes: list[Whole]
    ) -> list[tuple[str, tuple[Expr, ...]]]:
        """The places at which `find v[o]` and `guess v[o] = …` speak of arrays; and where an array
        is read at computed places only (`v[head[e]]`), the points of the relation that is matched
        to it."""
        found = []
        bounds = self.resolver.sizes.bounds
        for item in items:
            if type(item) is not S.Subscript:
                continue
            names = [s.name for s in item.subs if type(s) is S.Name and s.name in bounds]
            if len(names) == len(item.subs):
                found.append((item.name, tuple(
                    IndexValue(self.resolver.index_names.new(n, bounds[n])) for n in names)))
        spoken = {name for name, _ in found}
        rows = [row for w in wholes for row in w.rows]
        for whole in wholes:
            name = whole.matched
            if name is None or name in spoken or self.resolver.ranks[name][0] != 1:
                continue
            uses = self._uses(rows, {name})
            if self._axes(name, uses) == [None]:
                found += [(name, (IndexValue(row.indices[0]),))
                          for row in whole.rows if len(row.indices) == 1]
        return found
