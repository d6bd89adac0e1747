"""Places: subscripts in index values become zero-based affine places over a space."""

from __future__ import annotations

from hvm_vm.bytecode.module import Access, Affine, Dim
from hvm_vm.lowering.linear import linear
from hvm_vm.lowering.operation import Space
from hvm_vm.lowering.program import Info
from hvm_vm.lowering.terms import Ix, Term


def dimensions(spaces: list[Space]) -> tuple[Dim, ...]:
    """The bytecode's dimensions, named as the user wrote the indices."""
    return tuple(Dim(s.ix.text, s.lo, s.extent, s.role) for s in spaces)


def access(ref_args: tuple[Term, ...], info: Info, dims: dict[Ix, tuple[int, Space]]):
    """(Access, computed axes): the affine places, and (axis, subscript) for each other axis."""
    places: list[Affine | None] = []
    dynamic: list[tuple[int, Term]] = []
    for k, (subscript, axis) in enumerate(zip(ref_args, info.axes, strict=True)):
        form = linear(subscript)
        if form is None:
            places.append(None)
            dynamic.append((k, subscript))
            continue
        const = form.const - axis.lo
        terms = []
        for ix, coefficient in form.terms:
            number, space = dims[ix]
            const = const + coefficient * space.lo
            terms.append((number, coefficient))
        places.append(Affine(const, tuple(sorted(terms, key=lambda nc: nc[0]))))
    return Access(tuple(places)), dynamic
