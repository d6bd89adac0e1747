"""`u[n,i,j] = 0 outside`: the elements beyond a variable's ranges.

Every read that is not provably within the ranges becomes `if(in range, u[…], value)`.
"""

from __future__ import annotations

from hvm_vm.language import syntax as S

from .affine import Integers, number
from .guards import Context, conjunction, rewrite
from .problems import TooLarge, Unsupported
from .prove import proven
from .report import Report
from .resolve import Resolver
from .scope import Frame, Free
from .system import Apply, Axis, Const, Expr, Ref


class Outside:
    """Rewrites reads of the variables that have a value outside their ranges."""

    def __init__(
        self,
        relations: dict[str, S.Relation],
        resolver: Resolver,
        integers: Integers,
        axes: dict[str, tuple[Axis, ...]],
        report: Report,
    ) -> None:
        self.resolver = resolver
        self.integers = integers
        self.axes = axes
        self.report = report
        self.relations = {n: r for n, r in relations.items() if self._checked(n, r)}
        self.values: dict[tuple[str, tuple[Expr, ...]], Expr] = {}
        for relation in self.relations.values():
            self._try(relation)

    def __bool__(self) -> bool:
        return bool(self.relations)

    def _checked(self, name: str, relation: S.Relation) -> bool:
        lhs, report = relation.lhs, self.report
        if relation.where is not None or relation.otherwise:
            report.error("outside takes no other condition", relation.span)
            return False
        if name not in self.axes:
            report.error(f"{name} is not known", lhs.span)
            return False
        if type(lhs) is S.Name or not self.axes[name]:
            report.error(f"{name} has no axes, so nothing is outside them", relation.span)
            return False
        names = [s.name for s in lhs.subs if type(s) is S.Name and s.name in
                 self.resolver.out.indices]
        if len(names) != len(lhs.subs) or len(set(names)) != len(names):
            report.error(
                f"the left side of `{report.quote(relation.span)}` needs plain indices, each once",
                lhs.span,
                help="such as u[n,i,j] = 0 outside",
            )
            return False
        if len(names) != len(self.axes[name]):
            rank = len(self.axes[name])
            report.error(
                f"{name} has {rank} subscript{'s' * (rank != 1)}, but {len(names)} here", lhs.span
            )
            return False
        return True

    def _try(self, relation: S.Relation) -> None:
        """Resolve the value once, with its own indices, for the errors in it."""
        resolver = self.resolver
        frame = resolver.begin()
        names = {s.name: resolver.free_index(s.name, frame) for s in relation.lhs.subs}
        try:
            resolver.expr(relation.rhs, frame)
        except (Unsupported, TooLarge) as problem:
            self.report.error(f"{problem} is not supported in this version", relation.span)
        extra = set(frame.names) - set(names)
        if extra and not resolver.bad:
            self.report.error(
                f"the index {sorted(extra)[0]} is free on the right of"
                f" `{self.report.quote(relation.span)}`, but the left side does not have it",
                relation.rhs.span,
            )

    def apply(self, expr: Expr, context: Context) -> Expr:
        """`expr` with every read made safe."""
        return rewrite(expr, context, self._read)

    def _read(self, ref: Ref, context: Context) -> Expr:
        relation = self.relations.get(ref.variable)
        if relation is None:
            return ref
        integers = self.integers
        facts = None
        parts = []
        for sub, axis in zip(ref.subscripts, self.axes[ref.variable], strict=True):
            place = integers.polynomial(sub)
            for low, high in ((axis.lo, None), (None, axis.hi)):
                left = sub if low is None else number(low)
                right = sub if high is None else number(high)
                part = Apply("le", (left, right))
                if place is not None:
                    if facts is None:
                        facts = context.facts(integers)
                    if proven(facts, part, integers):
                        continue
                parts.append(part)
        inside = conjunction(parts)
        if inside is None:
            return ref
        return Apply("if", (inside, ref, self._value(relation, ref.subscripts)))

    def _value(self, relation: S.Relation, subscripts: tuple[Expr, ...]) -> Expr:
        if type(relation.rhs) is S.Number:
            return Const(relation.rhs.value)
        frame: Frame = Free()
        frame = Frame(
            {s.name: e for s, e in zip(relation.lhs.subs, subscripts, strict=True)}, frame
        )
        self.resolver.begin()
        count = self.report.count
        try:
            value = self.resolver.expr(relation.rhs, frame)
        except (Unsupported, TooLarge):
            return Const(1.0)
        return value if self.report.count == count else Const(1.0)

