"""Subscripts that certainly leave their ranges.

Ranges are checked when sizes are known; where the text alone fixes all of them, that is now. Reads
under a condition are left for later, unless the condition cannot keep them in range.
"""

from __future__ import annotations

from hvm_vm.bytecode.sizes import Size
from hvm_vm.language import syntax as S

from .affine import Integers
from .axes import span_of
from .guards import Context, rewrite
from .prove import _ge, refuted
from .report import Report
from .spots import Spots
from .system import Axis, Expr, Ref


class Reach:
    """Reports reads whose subscripts leave a variable's ranges."""

    def __init__(
        self,
        axes: dict[str, tuple[Axis, ...]],
        broken: set[str],
        integers: Integers,
        spots: Spots,
        report: Report,
    ) -> None:
        """`broken`: variables that had errors, so that their axes mean nothing."""
        self.broken = broken
        self.axes = axes
        self.integers = integers
        self.spots = spots
        self.report = report

    def reads(self, expr: Expr | None, context: Context, statement: S.Relation | S.Check) -> None:
        """Check every element read in `expr`."""
        if expr is None:
            return

        def on_ref(ref: Ref, here: Context) -> Ref:
            for k, sub in enumerate(() if ref.variable in self.broken else ref.subscripts):
                self._axis(ref, k, sub, here, statement)
            return ref

        rewrite(expr, context, on_ref)

    def _axis(self, ref: Ref, k: int, sub: Expr, context: Context, statement) -> None:
        axis = self.axes[ref.variable][k]
        lo, hi = axis.lo.constant, axis.hi.constant
        if lo is None or hi is None:
            return
        place = self.integers.polynomial(sub)
        affine = None if place is None else self.integers.affine(place)
        if affine is None:
            return
        if not affine[0] and affine[1].constant is None:
            return
        if any(i.lo.constant is None or i.hi.constant is None for i in context.indices):
            return
        if any(i.hi.constant < i.lo.constant for i in context.indices):
            return  # nothing is read
        least, most = (b.constant for b in span_of(place, self.integers))
        if least is None or most is None or (lo <= least and most <= hi):
            return
        if context.guards:
            facts = context.facts(self.integers)
            inside = [_ge(place - lo), _ge(Size.of(hi) - place)]
            if refuted(facts) or not refuted([*facts, *inside]):
                return
        bad = most if most > hi else least
        which = f" along axis {k + 1}" if len(ref.subscripts) > 1 else ""
        self.report.error(
            f"`{self.report.quote(statement.span)}` reads {ref.variable} at {bad}{which}, which is"
            f" out of its range {lo}..{hi}",
            self.spots.of(statement, ref),
            help="guard it with a condition, or say what is there: "
            f"{ref.variable}[…] = 0 outside",
        )
