"""The axes of every variable: the range of index values that each subscript spans.

From `given`; else from the left sides that determine it, united with literal subscripts (`h[0]`
beside `t : 1..T`); else, for an input that nothing declares, from the places where it is read.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from hvm_vm.bytecode.sizes import Size
from hvm_vm.language import syntax as S

from .affine import Integers, plain_index
from .drawn import Drawn
from .guards import Context, rewrite
from .indices import Bounds, NotASize, Sizes, size_of
from .names import Outline
from .prove import at_least, formula, ranges
from .report import Report, meant
from .system import Apply, Axis, Expr, Index, Ref


def given_axes(out: Outline, sizes: Sizes, report: Report) -> dict[str, tuple[Axis, ...]]:
    """The axes that `given` lines write."""
    found = {}
    for name, item in out.givens.items():
        axes = []
        for axis in item.axes:
            if type(axis) is S.Name and axis.name in sizes.bounds:
                bounds = sizes.bounds[axis.name]
                axes.append(Axis(bounds.lo, bounds.hi, axis.name))
            elif type(axis) is S.Range:
                axes.append(_range_axis(axis, sizes))
            elif type(axis) is S.Name:
                report.error(
                    f"{axis.name} is not an index",
                    axis.span,
                    help=meant(axis.name, out.indices)
                    or f"declare it (index {axis.name} : …), or write a range such as 1..N",
                )
                axes.append(Axis(Size.of(1), Size.of(1)))
            else:
                report.error(
                    f"an axis of {name} must be an index or a range",
                    axis.span,
                    help=f"such as given {name}[i] or given {name}[0..N-1]",
                )
                axes.append(Axis(Size.of(1), Size.of(1)))
        found[name] = tuple(axes)
    return found


def _range_axis(axis: S.Range, sizes: Sizes) -> Axis:
    def lookup(name, span):
        if name in sizes.values:
            return sizes.values[name]
        raise NotASize(name, span)

    try:
        return Axis(size_of(axis.lo, lookup), size_of(axis.hi, lookup))
    except NotASize:  # reported when the sizes were read
        return Axis(Size.of(1), Size.of(1))


# --- Hulls -----------------------------------------------------------------------------------


def hull(parts: list[Bounds], facts: list) -> Bounds:
    """The smallest range that holds all parts, for sizes that keep `facts`."""
    lo, hi = parts[0]
    for part in parts[1:]:
        lo = _lesser(lo, part.lo, facts)
        hi = -_lesser(-hi, -part.hi, facts)
    return Bounds(lo, hi)


def _lesser(a: Size, b: Size, facts: list) -> Size:
    if a == b:
        return a
    difference = (a - b).constant
    if difference is not None:
        return a if difference < 0 else b
    if at_least(facts, b, a):
        return a
    if at_least(facts, a, b):
        return b
    return a.min(b)


def span_of(place: Size, integers: Integers, tight: dict[Index, Bounds] | None = None) -> Bounds:
    """The least and greatest value of an affine subscript over its indices' ranges."""
    coefficients, constant = integers.affine(place)
    lo = hi = constant
    for index, coefficient in coefficients.items():
        bounds = (tight or {}).get(index, Bounds(index.lo, index.hi))
        if (-coefficient).at_least(0):
            lo, hi = lo + coefficient * bounds.hi, hi + coefficient * bounds.lo
        else:
            lo, hi = lo + coefficient * bounds.lo, hi + coefficient * bounds.hi
    return Bounds(lo, hi)


def determined_axes(
    relations: list[Drawn], integers: Integers, rank: int, used: Sequence[Axis | None] = ()
) -> tuple[Axis, ...]:
    """The axes of a variable from the left sides of its relations, all of one rank. `used`: how far
    it is read where other relations determine it."""
    good = [r for r in relations if not r.bad]
    if not good:  # errors were reported
        return (Axis(Size.of(1), Size.of(1)),) * rank
    if not rank:
        return ()
    # A range is taken for non-empty here: path[T] lies within t : 1..T.
    facts = []
    for relation in good:
        facts += [formula(_nonempty(i), integers) for i in relation.indices]
    axes = []
    for k in range(rank):
        parts, text = [], ""
        for relation in good:
            place = relation.places[k]
            plain = plain_index(place, integers)
            if plain is not None:
                parts.append(Bounds(plain.lo, plain.hi))
                text = text or plain.text
            else:
                tight = tightened(relation.indices, relation.condition, integers)
                parts.append(span_of(place, integers, tight))
        other = used[k] if used else None
        if other is not None:
            parts.append(Bounds(other.lo, other.hi))
            text = text or other.text
            facts.append(formula(_nonempty(other), integers))
        lo, hi = hull(parts, facts)
        axes.append(Axis(lo, hi, text))
    return tuple(axes)


def _nonempty(index: Index | Axis | Bounds) -> Expr:
    from .affine import number

    return Apply("le", (number(index.lo), number(index.hi)))


def tightened(
    indices: tuple[Index, ...], condition: Expr | None, integers: Integers
) -> dict[Index, Bounds]:
    """Index ranges narrowed by the conjuncts of a condition that bound one index by sizes."""
    tight = {i: Bounds(i.lo, i.hi) for i in indices}
    if condition is None:
        return tight
    facts = ranges(indices, integers)
    todo = [formula(condition, integers)]
    while todo:
        part = todo.pop()
        if not isinstance(part, tuple):
            continue
        if part[0] == "and":
            todo.extend(part[1:])
        elif part[0] == "ge":
            affine = integers.affine(part[1])
            if affine is None or len(affine[0]) != 1:
                continue
            (index, coefficient), constant = next(iter(affine[0].items())), affine[1]
            if index not in tight or coefficient.constant not in (1, -1):
                continue
            lo, hi = tight[index]
            if coefficient == 1:
                tight[index] = Bounds(-_lesser(-lo, constant, facts), hi)
            else:
                tight[index] = Bounds(lo, _lesser(hi, constant, facts))
    return tight


class Use(NamedTuple):
    """A place where a name is read. `tight`: how far its indices run there, where that matters."""

    subscripts: tuple[Expr, ...]
    tight: dict[Index, Bounds] | None = None

    def bounds(self, index: Index) -> Bounds:
        return (self.tight or {}).get(index, Bounds(index.lo, index.hi))


def guarded_uses(case: Drawn, names: Container[str], integers: Integers) -> list[tuple[str, Use]]:
    """The places at which a relation reads `names`, as far as its conditions let it get."""
    found: list[tuple[str, Use]] = []

    def on_ref(ref: Ref, here: Context) -> Ref:
        if ref.variable in names:
            tight = tightened(here.indices, here.condition(), integers)
            found.append((ref.variable, Use(ref.subscripts, tight)))
        return ref

    if not case.bad:
        rewrite(case.body, Context(case.indices).under(case.condition), on_ref)
    return found


def used_axes(
    uses: list[Use], integers: Integers, fenced: bool = False
) -> list[Axis | None]:
    """The axes of a name from the places it is read at; None where nothing says. A subscript that
    is an index alone says more than `i+1`, unless a condition sees to it that this exists: which
    says nothing of a name that is `fenced`, with values outside its ranges."""
    axes: list[Axis | None] = []
    for k in range(len(uses[0].subscripts)):
        plain: dict[tuple, str] = {}
        constants, others, sure, facts = [], [], [], []
        for use in uses:
            place = integers.polynomial(use.subscripts[k])
            affine = None if place is None else integers.affine(place)
            if affine is None:
                continue
            index = plain_index(place, integers)
            tight = {i: use.bounds(i) for i in affine[0]}
            if any((b.hi - b.lo).constant is not None and (b.hi - b.lo).constant < 0
                   for b in tight.values()):
                continue  # its conditions never hold
            facts += [formula(_nonempty(b), integers) for b in (*tight, *tight.values())]
            if index is not None:
                plain.setdefault(tight[index], index.text)
            elif affine[0]:
                span = span_of(place, integers, tight)
                others.append(span)
                if not fenced:
                    sure += [Bounds(end, end) for end, known in zip(
                        span, _narrowed(affine[0], tight), strict=True) if known]
            else:
                constants.append(Bounds(place, place))
        parts = [*plain, *sure, *constants] if plain else [*others, *constants]
        if not parts:
            axes.append(None)
            continue
        lo, hi = hull(list(dict.fromkeys(parts)), facts)
        text = next(iter(plain.values())) if plain else ""
        axes.append(Axis(lo, hi, text))
    return axes


def _narrowed(coefficients: dict[Index, Size], tight: dict[Index, Bounds]) -> tuple[bool, bool]:
    """Whether conditions decide how far an affine subscript goes, at its lower and upper end."""
    low = high = True
    for index, coefficient in coefficients.items():
        at_lo, at_hi = tight[index].lo != index.lo, tight[index].hi != index.hi
        falls = (-coefficient).at_least(0)
        low &= at_hi if falls else at_lo
        high &= at_lo if falls else at_hi
    return low, high
