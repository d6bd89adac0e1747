"""Stores never write one element twice: proofs of it, symbolic and concrete.

A store maps the points of an index space to places. It is accepted when its axes determine the
dimensions one after another: an axis in which only one dimension is still unknown determines it
(`D[i, i+j]`: i, then j), and an axis with several does when its coefficients are nested as the
digits of a mixed radix are (`D[64*h + c]` with 0 <= c < 64). What cannot be decided while sizes
are symbols is left to the binder, which calls :func:`injective` with numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, prod
from operator import mul

from hvm_vm.bytecode.module import Access, Dim

PROVEN, OPEN, REFUTED = "proven", "open", "refuted"
MOST_TRIED = 1 << 16  # points of a space that are tried one by one


def injective(strides: Sequence[int], extents: Sequence[int]) -> bool:
    """Whether points of a space with these extents have distinct offsets `sum(stride*counter)`, by
    the mixed-radix rule: each stride passes all that the smaller ones can reach. Sufficient, not
    necessary.
    """
    if 0 in extents:
        return True
    reach = 0
    for stride, extent in sorted(
        (abs(s), e) for s, e in zip(strides, extents, strict=True) if e > 1
    ):
        if stride <= reach:
            return False
        reach += stride * (extent - 1)
    return True


def judge_store(access: Access, dims: Sequence[Dim], wanted: Sequence[int]) -> tuple[str, str]:
    """Whether a store over the dimensions `wanted` (in any extents) is injective: a verdict
    (`PROVEN`, `OPEN` or `REFUTED`) and, when refuted, the reason. Axes must be affine."""
    if any(dim.extent.constant == 0 for dim in dims):
        return PROVEN, ""
    unknown = {d for d in wanted if dims[d].extent.constant != 1}
    named = {d for axis in access.axes for d, _ in axis.terms}
    for d in sorted(unknown):
        if d not in named:
            return (
                REFUTED,
                f"its place does not depend on the dimension {dims[d].name}, so points "
                "would write one element twice",
            )
    verdict = PROVEN
    axes = [[(d, c) for d, c in axis.terms if d in unknown] for axis in access.axes]
    while unknown:
        progress = False
        for terms in axes:
            rest = [(d, c) for d, c in terms if d in unknown]
            if len(rest) == 1 and rest[0][1].constant is not None:
                unknown.discard(rest[0][0])
                progress = True
        if progress:
            continue
        for terms in axes:
            rest = [(d, c) for d, c in terms if d in unknown]
            if len(rest) > 1 and _nested(rest, dims):
                unknown -= {d for d, _ in rest}
                progress = True
        if not progress:
            verdict = OPEN
            break
    if verdict == OPEN:
        return _judge_numbers(axes, dims)
    return verdict, ""


def _judge_numbers(axes, dims) -> tuple[str, str]:
    """The verdict on a store along one axis whose numbers are known: by the rule, or by trying."""
    lengths = [dims[d].extent.constant for axis in axes for d, _ in axis]
    steps = [coefficient.constant for axis in axes for _, coefficient in axis]
    if len(axes) != 1 or None in lengths or None in steps:
        return OPEN, ""
    if injective(steps, lengths):
        return PROVEN, ""
    if prod(lengths) > MOST_TRIED:
        return OPEN, ""
    points = product(*map(range, lengths))
    places = {sum(map(mul, steps, point)) for point in points}
    if len(places) == prod(lengths):
        return PROVEN, ""
    return REFUTED, "different points would write one element"


def _nested(terms, dims) -> bool:
    """Whether the coefficients are provably those of a mixed radix, in some order."""
    ordered = []
    rest = list(terms)
    # The smallest digit is the one whose span every other coefficient provably covers.
    while rest:
        for candidate in rest:
            d, c = candidate
            span = c * dims[d].extent
            if all((other - span).at_least(0) for k, other in rest if k != d):
                break
        else:
            return False
        ordered.append(candidate)
        rest.remove(candidate)
    smallest = ordered[0][1]
    return smallest.constant is not None and smallest.constant > 0


def disjoint(a: Access, b: Access) -> bool:
    """Whether two places in one register are provably different at all points: along some axis,
    both the places are different constants, or step through different residues."""
    for left, right in zip(a.axes, b.axes, strict=True):
        if left is None or right is None:
            continue
        gap = (left.const - right.const).constant
        if not gap:
            continue
        if not left.terms and not right.terms:
            return True
        steps = [c.constant for _, c in (*left.terms, *right.terms)]
        if None not in steps and gap % gcd(*steps):
            return True
    return False


def stored_before(load: Access, store: Access, dims: Sequence[Dim], walked: Sequence[int]) -> bool:
    """Whether the element that a scan loads is provably stored, if by `store` at all, at an earlier
    point of the dimensions `walked`: behind along the first of them along which it is not level.
    Where there are no other dimensions, a computed place is any that points before may have stored.
    """
    if None in load.axes and len(walked) == len(dims):
        return True
    for d in walked:
        behind = _behind(load, store, d, dims[d].role == "f")
        if behind is not False:
            return bool(behind)
    return False


def _behind(load: Access, store: Access, d: int, forward: bool) -> bool | None:
    """Whether a load is behind a store along a walked dimension (False: level with it); None when
    that cannot be told."""
    level = None
    for read, written in zip(load.axes, store.axes, strict=True):
        if read is None or len(written.terms) != 1 or written.terms[0][0] != d:
            continue
        step = written.terms[0][1].constant
        if not step:
            continue
        gap = (written.const - read.const) * (1 if (step > 0) == forward else -1)
        if read.terms == written.terms:
            if gap.at_least(1):
                return True
            level = False if gap == 0 else level
        elif not read.terms and step > 0 and (written.const - read.const).at_least(1):
            return True  # before all that is stored
    return level
