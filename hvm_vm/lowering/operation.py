"""Operations: instructions before registers and pools, with terms for their expressions."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.bytecode.sizes import Size
from hvm_vm.lowering.terms import HAS_REF, Ix, Term, refs_of
from hvm_vm.relations.system import Place

REDUCTIONS = frozenset(["sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"])


@dataclass(slots=True)
class Space:
    """A dimension: an index, its range here, and its role (see `bytecode/isa.py`)."""

    ix: Ix
    lo: Size
    hi: Size
    role: str = "o"

    @property
    def extent(self) -> Size:
        extent = self.hi - self.lo + 1
        # A box cut down by a condition may be empty whatever the sizes are.
        narrowed = self.lo is not self.ix.lo or self.hi is not self.ix.hi
        return extent.max(0) if narrowed and not extent.at_least(0) else extent


@dataclass(eq=False, slots=True)
class Operation:
    """One instruction. `kind` is an instruction's name, `roots` its expressions by name (the
    elementwise group's is `body`), `operands` the references that the core itself reads.

    Where `guard` is false nothing may fail and the value does not matter."""

    kind: str
    dims: list[Space]
    roots: dict[str, Term]
    variable: str  # what is written, "" for a check
    subscripts: tuple[Term, ...]
    guard: Term
    place: Place
    operands: list[Term] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)  # the variables that it computes, for notes
    message: str = ""
    status: int = 0
    # Of a scan, one for each root.
    results: list[tuple[str, tuple[Term, ...]]] = field(default_factory=list)

    def refs(self) -> list[Term]:
        """Every distinct reference that the operation reads through."""
        found: dict[int, Term] = {}
        for term in (*self.operands, *self.roots.values(), self.guard):
            if term.flags & HAS_REF:
                for ref in refs_of(term):
                    found.setdefault(ref.id, ref)
        return list(found.values())

    def reads(self) -> dict[str, None]:
        return dict.fromkeys(r.data for r in self.refs())

    def box(self) -> dict[Ix, tuple[Size, Size]]:
        return {d.ix: (d.lo, d.hi) for d in self.dims}

    def indices(self, roles: str = "orunc") -> list[Ix]:
        return [d.ix for d in self.dims if d.role in roles]
