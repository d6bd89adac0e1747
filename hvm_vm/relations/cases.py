"""The cases of a variable, made disjoint.

A constant subscript on the left beats the general relation (more constants win), `otherwise` takes
what the others leave; both are written out as conditions. What may overlap after that is an error,
or a requirement where the text cannot decide it.
"""

from __future__ import annotations

from hvm_vm.bytecode.sizes import Size

from .affine import Integers
from .drawn import Drawn
from .guards import Context, conjunction, negation, references, substitute
from .prove import _ge, formula, proven, ranges, refuted
from .report import Report, place
from .scope import IndexNames
from .system import Apply, Const, Expr, Index, IndexValue, Reduce, Requirement

FALSE = Const(0)
OVERLAP_HELP = (
    "keep one, or say where each holds: … where condition, … otherwise; if both hold, and determine"
    " another name together, bring one to the form … - … = 0"
)


class Cases:
    """Tells where cases hold. One for a whole build."""

    def __init__(self, integers: Integers, index_names: IndexNames, report: Report) -> None:
        self.integers = integers
        self.index_names = index_names
        self.report = report
        self.requirements: list[Requirement] = []

    def covers(self, case: Drawn, places: tuple[Size, ...], facts: list) -> Expr | None:
        """Whether `case` determines the element at `places`: a condition, None for always.
        What `facts` prove is left out."""
        integers = self.integers
        bound: dict[Index, Size] = {}
        parts: list[Expr] = []
        pairs = list(zip(case.places, places, strict=True))
        for own, there in pairs:
            affine = integers.affine(own)
            coefficients, constant = affine
            if len(coefficients) > 1:
                return self._any(case, places)
            if not coefficients:
                parts += self._equal(own, there)
                continue
            (index, coefficient), = coefficients.items()
            step = coefficient.constant
            if step is None or step == 0:
                return self._any(case, places)
            offset = there - constant
            if step < 0:
                step, offset = -step, -offset
            value = offset if step == 1 else offset.floordiv(step)
            if step != 1 and value * step != offset:
                parts.append(Apply("eq", (integers.expression(offset.mod(step)), Const(0))))
            if index in bound:
                parts += self._equal(bound[index], value)
                continue
            bound[index] = value
            for low, high in ((index.lo, value), (value, index.hi)):
                if not (high - low).at_least(0):
                    parts.append(
                        Apply("le", (integers.expression(low), integers.expression(high)))
                    )
        parts = [p for p in parts if not proven(facts, p, integers)]
        if case.condition is not None:
            values = {i: integers.expression(v) for i, v in bound.items()}
            condition = substitute(case.condition, values)
            pieces = (
                condition.args
                if type(condition) is Apply and condition.op == "and"
                else (condition,)
            )
            rest = conjunction([p for p in pieces if not proven(facts, p, integers)])
            if rest is not None and parts and next(references(rest), None) is not None:
                # Data in the condition exists only where the case's own indices run.
                return Apply("if", (conjunction(parts), rest, FALSE))
            parts.append(rest)
        return conjunction(parts)

    def _equal(self, left: Size, right: Size) -> list[Expr]:
        difference = (left - right).constant
        if difference is not None:
            return [] if difference == 0 else [FALSE]
        return [Apply("eq", (self.integers.expression(right), self.integers.expression(left)))]

    def _any(self, case: Drawn, places: tuple[Size, ...]) -> Expr:
        """The general form: some values of the case's indices lead to `places`."""
        integers = self.integers
        fresh = {i: self.index_names.new(i.text, i) for i in case.indices}
        values = {i: IndexValue(new) for i, new in fresh.items()}
        replaced = {i: integers.index(new) for i, new in fresh.items()}
        parts = [
            Apply("eq", (integers.expression(integers.replace(own, replaced)),
                         integers.expression(there)))
            for own, there in zip(case.places, places, strict=True)
        ]  # fmt: skip
        condition = None if case.condition is None else substitute(case.condition, values)
        body = conjunction(parts) or Const(1)
        return Reduce("any", tuple(fresh.values()), condition, body)

    # -- making them disjoint ------------------------------------------------------------------
    def separate(self, cases: list[Drawn]) -> list[Drawn]:
        """The cases with their exclusions written into `condition`."""
        good = [c for c in cases if not c.bad]
        if len(good) < 2:
            return good
        literal: dict[tuple, Drawn] = {}
        others: list[Drawn] = []
        for case in good:
            if case.condition is None and not case.otherwise and all(
                p.constant is not None for p in case.places
            ):
                first = literal.setdefault(tuple(p.constant for p in case.places), case)
                if first is not case:
                    self._twice(first, case)
            else:
                others.append(case)
        for case in others:
            case_facts = self._facts(case)
            excluded: list[Expr | None] = []
            for other in good:
                if other is case or not _yields(case, other):
                    continue
                there = self.covers(other, case.places, case_facts)
                if there is None:
                    excluded.append(FALSE)
                elif not refuted([*case_facts, formula(there, self.integers)]):
                    excluded.append(self._without(there))
            case.excluded = excluded
        for case in others:
            if case.excluded:
                # The places that others take come first: the case's own condition need not make
                # sense there. What data says of them can only come after it.
                plain = [e for e in case.excluded if next(references(e), None) is None]
                data = [e for e in case.excluded if e not in plain]
                case.condition = conjunction([*plain, case.condition, *data])
        # What others take whole is left out: nothing would be true of it, and so everything.
        others = [c for c in others if not c.excluded or not refuted(self._facts(c))]
        kept = [*literal.values(), *others]
        self._overlaps(others, list(literal.values()))
        order = {id(c): k for k, c in enumerate(cases)}
        return sorted(kept, key=lambda c: order[id(c)])

    def _without(self, there: Expr) -> Expr:
        return negation(there, self.integers)

    def _facts(self, case: Drawn) -> list:
        facts = ranges(case.indices, self.integers)
        if case.condition is not None:
            facts.append(formula(case.condition, self.integers))
        return facts

    def _overlaps(self, others: list[Drawn], literal: list[Drawn]) -> None:
        for k, case in enumerate(others):
            facts = self._facts(case)
            if refuted(facts):
                continue  # it holds nowhere
            for other in (*others[k + 1 :], *literal):
                if _yields(case, other) or _yields(other, case):
                    continue  # apart by what was excluded
                there = self.covers(other, case.places, facts)
                if there is None:
                    self._twice(other, case)
                    continue
                if refuted([*facts, formula(there, self.integers)]):
                    continue
                self._require_apart(case, other, there)

    def _twice(self, first: Drawn, second: Drawn) -> None:
        if first.node.span.start > second.node.span.start:
            first, second = second, first
        name = first.name
        report = self.report
        both = f"`{report.quote(first.node.span)}` and `{report.quote(second.node.span)}`"
        report.error(
            f"two relations determine {name}: {both}"
            if not first.places
            else f"two relations overlap, as they determine the same elements of {name}: {both}",
            second.node.span,
            help=OVERLAP_HELP,
            notes=[("the other relation is here", first.node.span)],
        )

    def _require_apart(self, case: Drawn, other: Drawn, there: Expr) -> None:
        quote = self.report.quote
        claim = negation(there, self.integers)
        if case.condition is not None:
            claim = Apply("if", (case.condition, claim, Const(1)))
        self.requirements.append(
            Requirement(
                case.indices,
                claim,
                f"two relations overlap, as they determine the same elements of {case.name}:"
                f" `{quote(case.node.span)}` and `{quote(other.node.span)}`",
                2,
                place(case.node.span),
            )
        )

    # -- one case alone ------------------------------------------------------------------------
    def injective(self, case: Drawn) -> None:
        """Report a left side that gives one element several values: Y[i+j] = …"""
        integers = self.integers
        free = set(case.indices)
        crowded = []
        for own in case.places:
            coefficients, _ = integers.affine(own)
            if len(coefficients) == 1:
                free -= set(coefficients)
            elif coefficients:
                crowded.append(coefficients)
        for coefficients in crowded:
            todo = {i: c for i, c in coefficients.items() if i in free}
            facts = ranges(case.indices, integers)
            reach = Size.of(0)  # the widest that the indices placed so far move the subscript
            while todo:
                # The smallest step comes first: its coefficient must exceed all that is below.
                steps = sorted(todo.items(), key=lambda x: _rank(x[1]))
                for index, coefficient in steps:  # noqa: B007
                    size = coefficient if coefficient.at_least(0) else -coefficient
                    if refuted([*facts, _ge(reach - size)]):
                        break
                else:
                    names = ", ".join(i.text for i in todo)
                    self.report.error(
                        f"`{self.report.quote(case.node.span)}` may give one element of"
                        f" {case.name} several values, as {names} vary together",
                        case.node.lhs.span,
                        help="different indices must lead to different elements, as in [C*h+c]",
                    )
                    case.bad = True
                    return
                reach = reach + size * (index.hi - index.lo)
                free.discard(index)
                del todo[index]

    def context(self, case: Drawn) -> Context:
        """What holds in the body of a case."""
        return Context(case.indices).under(case.condition)


def _yields(case: Drawn, other: Drawn) -> bool:
    """Whether `case` leaves to `other` the elements that both speak of."""
    return not other.otherwise and (case.otherwise or other.constants > case.constants)


def _rank(coefficient: Size) -> tuple:
    constant = coefficient.constant
    return (constant is None, abs(constant) if constant is not None else 0, str(coefficient))
