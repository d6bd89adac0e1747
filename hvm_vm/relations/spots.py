"""Where in a statement a resolved read was written: what a caret points at.

Resolved expressions hold no places, as equal mathematics must compare equal. The read is looked for
in the syntax of its statement: by name, and by its subscripts when the name stands there often.
"""

from __future__ import annotations

from hvm_vm.bytecode.sizes import Size, SizeError
from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from .affine import Integers
from .indices import NotASize, size_of
from .system import Ref


class Spots:
    """Finds reads in statements. `sizes`: what the size names stand for."""

    def __init__(self, integers: Integers, sizes: dict[str, Size]) -> None:
        self.integers = integers
        self.sizes = sizes

    def of(self, statement: S.Relation | S.Check, ref: Ref) -> Span:
        """The place of `ref` in `statement`; the whole statement when that cannot be told, as when
        it stands there twice, or in the body of a function."""
        found = [n for n in _reads(statement) if n.name == ref.variable]
        if len(found) > 1:
            wanted = [self._written(sub) for sub in ref.subscripts]
            found = [n for n in found if None not in wanted and self._places(n) == wanted]
        return found[0].span if len(found) == 1 else statement.span

    def _places(self, node: S.Name | S.Subscript) -> list[Size | None]:
        try:
            return [size_of(s, self._named) for s in getattr(node, "subs", ())]
        except (NotASize, SizeError):
            return []

    def _named(self, name: str, span: Span) -> Size:
        known = self.sizes.get(name)
        return Size.of(name) if known is None else known

    def _written(self, sub) -> Size | None:
        """A subscript as a polynomial of the names that the user wrote."""
        polynomial = self.integers.polynomial(sub)
        if polynomial is None:
            return None
        names = {s: Size.of(i.text) for s, i in self.integers.indices.items()}
        try:
            return polynomial.substitute(names)
        except SizeError:
            return None


def _reads(statement: S.Relation | S.Check):
    """The names and subscripted names in a statement, but for what an explicit relation is for."""
    if isinstance(statement, S.Check):
        parts = (statement.condition, statement.within, statement.where)
    else:
        explicit = type(statement.lhs) in (S.Name, S.Subscript)
        parts = (None if explicit else statement.lhs, statement.rhs, statement.where)
    for part in parts:
        for node in S.walk(part) if part is not None else ():
            if type(node) in (S.Name, S.Subscript):
                yield node
