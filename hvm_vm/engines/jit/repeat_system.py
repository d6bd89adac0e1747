"""Linear systems solved again: what the first run found is kept, and only numbers move.

The first run of a system goes the long way (`engines/systems`), which also shows that its relations
are what their slopes say. From then on, as long as nothing is in doubt, a run of a dense or
tridiagonal system is a few calls: the parts of the matrix that change, the elimination, and the
residuals of every relation. What is in doubt (a small pivot, a residual that is more than rounding)
goes the long way again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache as once
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from hvm_vm.engines.jit import cache
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.systems.factors import factorise
from hvm_vm.engines.systems.layout import SMALL, Layout
from hvm_vm.engines.systems.pattern import Entry, Pattern
from hvm_vm.engines.systems.point import SOLVED, Ended, One, Point
from hvm_vm.engines.systems.residuals import Residuals, fill, slope_view
from hvm_vm.engines.systems.singular import SUSPECT

if TYPE_CHECKING:
    from hvm_vm.engines.jit.prepare_system import Compiled

BLOCK = 16  # of `kernels/systems.py`
KERNEL = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


@once
def kernel(name: str):
    """A compiled kernel as a function of the address of its parameters."""
    return KERNEL(cache.address(name))


def address_of(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def repeat(values: Compiled, pattern: Pattern, layout: Layout, constants: frozenset[int],
           share: float) -> Repeat | None:
    """How to solve a system again, None where the long way is as good. The arguments are those of
    `Values.again`."""
    if any(values.moving[k] for k in constants):
        return None
    if layout.kind == "tridiagonal":
        return Sweep(values, pattern, layout, constants, share)
    if layout.kind == "dense" and pattern.size > SMALL:
        return Elimination(values, pattern, layout, constants, share)
    return None


class Repeat:
    """One system whose registers stay where they are. `fresh` are the calls that bring what is read
    up to date."""

    lapack = True

    def __init__(self, values: Compiled, pattern: Pattern, layout: Layout,
                 constants: frozenset[int], share: float):
        self.values, self.pattern, self.layout = values, pattern, layout
        self.share = share
        self.residuals = Residuals(values, pattern)
        self.fresh: list[Callable[[], object]] = []
        self.constant, self.sign = self._constant(constants)
        places = values.places()
        # The only unknown's register, where it is the solution as it comes.
        self.straight = places[0].reshape(-1) if (
            layout.column_at is None and len(places) == 1 and places[0].dtype == np.float64
            and places[0].flags.c_contiguous) else None

    def run(self) -> Ended | None:
        """Solve, and put the solution; None where that is in doubt."""
        self.values.begin()
        for call in self.fresh:
            call()
        found = self.solve()
        return None if found is None else Ended(SOLVED, found, 1, None)

    def solve(self) -> Callable[[], Point] | None:
        """Where it ended, told when it is asked for; None in doubt."""
        raise NotImplementedError

    def _stays(self, k: int, root: int) -> bool:
        """Whether a value lies at the same place in every run: it is in a register or in scratch
        memory, where a lane program puts it."""
        node = self.values.one.parts[k].one.nodes[root]
        return self.values.computed(k, root) or (node.op == "load" and not node.args)

    def _same(self, entry: Entry) -> bool:
        """Whether an entry's slopes are the same in every run."""
        node = self.values.one.parts[entry.part].one.nodes[entry.root]
        return entry.guard < 0 and node.op == "const"

    def _anew(self, k: int, root: int) -> None:
        if self.values.computed(k, root):
            self.fresh.append(lambda: self.values.value(k, root))

    def _constant(self, constants: set[int]) -> tuple[np.ndarray, int]:
        """What the equations come to where all unknowns are 0, in the order of the matrix: an array
        and the sign that it is taken with."""
        if len(constants) == 1:
            (k,) = constants
            here = self.values.one.parts[k].one
            root = here.roots[0]
            sign = -1 if here.nodes[root].op == "neg" else 1
            inner = here.nodes[root].args[0] if sign < 0 else root
            made = self.layout.arranged(self.residuals.constant(constants, inner))
            if self._stays(k, inner) and np.may_share_memory(made, self.values.value(k, inner)):
                self._anew(k, inner)
                return made, sign
        kept = self.layout.arranged(self.residuals.constant(constants)).copy()

        def anew() -> None:
            kept[:] = self.layout.arranged(self.residuals.constant(constants))
        if constants:
            self.fresh.append(anew)
        return kept, 1


class Sweep(Repeat):
    """A tridiagonal system by the kernel `systems.tridiagonal`, which also finds the residuals."""

    lapack = False

    def __init__(self, values, pattern, layout, constants, share):
        super().__init__(values, pattern, layout, constants, share)
        n = pattern.size
        self.diagonals = self._diagonals()
        carried, held = np.empty(n), np.empty(2 * (2 + BLOCK))
        self.kept = carried, held
        self.x = np.empty(n) if self.straight is None else self.straight
        self.words = words = np.zeros(at.TRI_WORDS, np.int64)
        words[at.TRI_SIZE], words[at.TRI_CONSTANT] = n, address_of(self.constant)
        words[at.TRI_BELOW : at.TRI_ABOVE + 1] = [address_of(one) for one in self.diagonals]
        words[at.TRI_X], words[at.TRI_HELD] = address_of(self.x), address_of(held)
        words[at.TRI_CARRIED] = address_of(carried)
        words[at.TRI_SIGN] = np.float64(-self.sign).view(np.int64)  # as it stands on the right
        words[at.TRI_SHARE] = np.float64(share).view(np.int64)
        self.parameters, self.kernel = address_of(words), kernel("systems.tridiagonal")

    def solve(self):
        if self.kernel(self.parameters) != 0:
            return None
        if self.straight is not None:
            self.values.moved()
        else:
            self.values.put(self.layout.restored(self.x)[None])
        return self._point

    def _point(self) -> Point:
        (below, main, above), x, constant = self.diagonals, self.x, self.constant
        terms = np.zeros((3, len(x)))
        terms[0, 1:], terms[2, :-1] = below[1:] * x[:-1], above[:-1] * x[1:]
        terms[1] = main * x
        residual = terms.sum(axis=0) + self.sign * constant
        scale = abs(terms).sum(axis=0) + abs(constant)
        if self.layout.row_at is not None:
            residual, scale = residual[self.layout.row_at], scale[self.layout.row_at]
        numbers = np.empty(self.layout.length)
        fill(self.values, self.pattern, self.layout, numbers)
        factors = factorise(self.layout, numbers, lambda: norm_of(self))
        return Point(self.values.get()[0], residual, scale, factors=factors)

    def _diagonals(self) -> list[np.ndarray]:
        """The three diagonals: as they lie in memory where one entry is all of one, else copied."""
        n, layout, values = self.pattern.size, self.layout, self.values
        numbers = np.zeros(layout.length)
        found = list(numbers.reshape(3, n))
        entries = self.pattern.entries
        if not layout.apart or self.pattern.singles.slopes:
            def anew() -> None:
                fill(values, self.pattern, layout, numbers)
            anew()
            self.fresh.append(anew)
            return found
        for entry, places in zip(entries, layout.scatter, strict=True):
            if not places.covers:
                continue
            value = slope_view(values, entry)
            k, first = divmod(places.start, n)
            whole = first == (k == 0) and places.covers == n - (k != 1)
            if (whole and places.steps == (1,) and entry.guard < 0 and value.dtype == numbers.dtype
                    and value.strides == (value.itemsize,) and self._stays(entry.part, entry.root)):
                start = address_of(value) - 8 * first  # as if it had an element for every row
                found[k] = np.frombuffer((ctypes.c_char * (8 * n)).from_address(start))
                self._anew(entry.part, entry.root)
                continue
            places.put(numbers, value)
            if not self._same(entry):
                self.fresh.append(lambda e=entry, p=places: p.put(numbers, slope_view(values, e)))
        return found


class Elimination(Repeat):
    """A dense system by LAPACK; its residuals by `systems.product` where that can be."""

    def __init__(self, values, pattern, layout, constants, share):
        super().__init__(values, pattern, layout, constants, share)
        self.products = [k for k, part in enumerate(values.one.parts)
                         if part.role == "term" and k not in constants]
        for k in self.products:
            part = values.one.parts[k]
            space = part.one.extents[: part.one.roles.count("n")]
            if values.sums(k) is None or layout.row_at is not None or not (
                    len(pattern.points[part.number]) == prod(space) == pattern.size):
                self.products = []
                break
        self.slopes = []  # the values of each entry where they stay where they are, or None
        for entry in () if pattern.singles.slopes else pattern.entries:
            stays = entry.guard < 0 and not isinstance(entry.pick, np.ndarray) and self._stays(
                entry.part, entry.root)
            self.slopes.append(
                slope_view(values, entry) if stays or self._same(entry) else None)
            if stays:
                self._anew(entry.part, entry.root)

    def solve(self):
        values, layout = self.values, self.layout
        numbers = values.work(layout.length)
        if self.slopes:
            layout.fill([slope_view(values, e) if one is None else one
                         for e, one in zip(self.pattern.entries, self.slopes, strict=True)],
                        numbers)
        else:
            fill(values, self.pattern, layout, numbers)
        factors = factorise(layout, numbers, lambda: norm_of(self))
        if not factors.pivot >= SUSPECT:
            return None
        x = factors.solve(-self.sign * self.constant[None])
        if self.straight is not None:
            self.straight[:] = x[0]
            values.moved()
        else:
            values.put(x)
        residual, scale = self._residuals()
        size = abs(residual)
        if not (size <= self.share * scale).all():  # NaN is in doubt, too
            return None
        return lambda: Point(values.get()[0], residual, scale, factors=factors)

    def _residuals(self) -> tuple[np.ndarray, np.ndarray]:
        if not self.products:
            residual, scale = self.residuals.at()
            return residual[0], scale[0]
        residual, scale = self.sign * self.constant, abs(self.constant)
        for k in self.products:
            sums, sizes = self.values.sums(k)
            residual += sums
            scale += sizes
        return residual, scale


def norm_of(one: Repeat) -> float:
    """The largest sum of magnitudes of a row of the matrix."""
    return One(one.values, one.pattern, one.layout, 0, 0.0).slopes().norm()
