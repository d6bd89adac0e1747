"""How many points a condition leaves of a space, as a size; None where the text cannot say.

Conditions on single indices cut ranges, `i != 3` cuts a range in two, `i = j` leaves a diagonal.
"""

from __future__ import annotations

from collections.abc import Iterable

from hvm_vm.bytecode.sizes import Size

from ..affine import Integers
from ..drawn import Drawn
from ..prove import _ge, at_least, formula, refuted
from ..system import Axis, Expr, Index

_Box = dict[Index, tuple[Size, Size]]


def elements(axes: Iterable[Axis]) -> Size:
    """How many elements a variable has."""
    total = Size.of(1)
    for axis in axes:
        total = total * axis.extent
    return total


def total_points(rows: Iterable[Drawn], integers: Integers) -> Size | None:
    """At how many points some relations hold, all together; None where the text cannot say."""
    total = Size.of(0)
    for row in rows:
        count = points(row.indices, row.condition, integers)
        if count is None:
            return None
        total = total + count
    return total


def balance(rows: Iterable[Drawn], unknowns: Iterable[str], axes, integers: Integers,
            ) -> Size | None:
    """Equations less unknown elements; None where the text cannot say."""
    total = total_points(rows, integers)
    if total is None:
        return None
    for name in unknowns:
        total = total - elements(axes[name])
    return total


def points(indices: Iterable[Index], condition: Expr | None, integers: Integers) -> Size | None:
    """How many values of `indices` a condition holds for. Ranges are taken for non-empty."""
    box = {i: (i.lo, i.hi) for i in indices}
    facts = [_ge(i.hi - i.lo) for i in box]
    boxes = [box]
    if condition is not None:
        found = _cut(boxes, formula(condition, integers), facts, integers)
        if found is None:
            return None
        boxes = found
    total = Size.of(0)
    for each in boxes:
        count = Size.of(1)
        for lo, hi in each.values():
            count = count * (hi - lo + 1)
        total = total + count
    return total


def _cut(boxes: list[_Box], part, facts: list, integers: Integers) -> list[_Box] | None:
    if part is True:
        return boxes
    if part is False:
        return []
    tag = part[0]
    if tag == "and":
        pair = _diagonal(part, integers)
        if pair is not None:
            return _along(boxes, *pair, facts)
        for piece in part[1:]:
            found = _cut(boxes, piece, facts, integers)
            if found is None:
                return None
            boxes = found
        return boxes
    if tag == "or" and len(part) == 3 and _apart(part):
        sides = [_cut(boxes, piece, facts, integers) for piece in part[1:]]
        return None if None in sides else [*sides[0], *sides[1]]
    if tag != "ge":
        return None
    affine = integers.affine(part[1])
    if affine is None or len(affine[0]) != 1:
        return None
    (index, coefficient), = affine[0].items()
    if coefficient.constant not in (1, -1):
        return None
    after = []
    for box in boxes:
        if index not in box:
            return None
        lo, hi = box[index]
        bound = -affine[1] if coefficient == 1 else affine[1]
        if coefficient == 1:
            lo = _greater(lo, bound, facts)
        else:
            hi = _lesser(hi, bound, facts)
        if lo is None or hi is None:
            return None
        if not at_least(facts, hi - lo, Size.of(-1)):
            if refuted([*facts, _ge(hi - lo)]):
                continue  # empty
            return None
        after.append({**box, index: (lo, hi)})
    return after


def _greater(a: Size, b: Size, facts: list) -> Size | None:
    return a if at_least(facts, a, b) else b if at_least(facts, b, a) else None


def _lesser(a: Size, b: Size, facts: list) -> Size | None:
    return b if at_least(facts, a, b) else a if at_least(facts, b, a) else None


def _apart(part) -> bool:
    """Whether the alternatives are the two sides of an inequality, `p >= 0` and `-p >= 2`."""
    left, right = part[1:]
    return (type(left) is tuple and type(right) is tuple and left[0] == right[0] == "ge"
            and (left[1] + right[1]).constant is not None and (left[1] + right[1]).constant < 0)


def _diagonal(part, integers: Integers):
    """(i, j, c) of `i = j + c`, else None."""
    if len(part) != 3 or any(type(p) is not tuple or p[0] != "ge" for p in part[1:]):
        return None
    if part[1][1] + part[2][1] != 0:
        return None
    affine = integers.affine(part[1][1])
    if affine is None or len(affine[0]) != 2:
        return None
    (i, a), (j, b) = affine[0].items()
    if a.constant not in (1, -1) or b != -a:
        return None
    return i, j, -affine[1] if a == 1 else affine[1]


def _along(boxes: list[_Box], i: Index, j: Index, shift: Size, facts: list) -> list[_Box] | None:
    after = []
    for box in boxes:
        if i not in box or j not in box:
            return None
        lo = _greater(box[i][0] - shift, box[j][0], facts)
        hi = _lesser(box[i][1] - shift, box[j][1], facts)
        if lo is None or hi is None:
            return None
        after.append({k: v for k, v in box.items() if k is not i} | {j: (lo, hi)})
    return after
