"""What is said of a system that has no answer, or many: unknown elements and scalar equations by
name and place, the worst residuals, the family of solutions, the relations that clash."""

from __future__ import annotations

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.solving.words import singular
from hvm_vm.engines.systems.counting import element_range, own_dims
from hvm_vm.engines.systems.pattern import Pattern
from hvm_vm.engines.systems.singular import Deficient, Slopes
from hvm_vm.engines.systems.structure import Misfit
from hvm_vm.engines.words import at_point, located, printable
from hvm_vm.errors import RunError

MOST = 6        # relations and elements that are listed
WRITTEN_OUT = 12  # unknowns up to which a family is written as formulas


class Words:
    """Names the equations and unknowns of a system, at one batch point or all of them."""

    def __init__(self, module: Module, one: BoundInstruction, pattern: Pattern):
        self.module, self.one, self.pattern = module, one, pattern
        self.rows = [part for part in one.parts if part.role == "row"]
        self.lines = [printable(line) for line in one.message.split("\n")]

    def unknown(self, number: int) -> str:
        """`u[3]`, for the number of an unknown element."""
        for k, own in enumerate(own_dims(self.one)):
            extents = [self.one.extents[d] for d in own]
            count = int(np.prod(extents, dtype=np.int64))
            if number < count:
                name = printable(self.module.registers[self.one.accesses[k].register].name)
                point = np.unravel_index(number, extents) if extents else ()
                at = [str(int(p) + self.one.los[d]) for p, d in zip(point, own, strict=True)]
                return name + (f"[{', '.join(at)}]" if at else "")
            number -= count
        raise ValueError("no such unknown")

    def equation(self, number: int) -> str:
        """`4: V[n] = … at n = 3`, for the number of a scalar equation."""
        r, place = self.pattern.relation_of(number)
        own = self.rows[r].one
        batch = self.one.batch
        extents = own.extents[batch:]
        point = np.unravel_index(place, extents) if extents else ()
        where = [int(p) + lo for p, lo in zip(point, own.los[batch:], strict=True)]
        return self.lines[r] + at_point(own.names[batch:], where)

    def unknowns(self) -> str:
        """All unknowns, by name and range."""
        names = [element_range(self.module, self.one, k) for k in range(len(self.one.accesses))]
        return _listed(names)

    def some(self, numbers: np.ndarray) -> str:
        """Unknown elements, whole arrays as ranges."""
        parts, at = [], 0
        for k, own in enumerate(own_dims(self.one)):
            count = int(np.prod([self.one.extents[d] for d in own], dtype=np.int64))
            here = numbers[(numbers >= at) & (numbers < at + count)]
            if len(here) == count and count > 3:
                parts.append(element_range(self.module, self.one, k))
            else:
                parts += [self.unknown(int(j)) for j in here[: MOST + 1]]
                parts += ["…"] * (len(here) > MOST + 1)
            at += count
        return _listed(parts)

    def error(self, head: str, rest: str = "") -> RunError:
        """A failed solve at this batch point."""
        batch = self.one.batch
        where = ""
        if batch:
            where = at_point(self.one.names[:batch], self.one.los[:batch]).strip() + ": "
        return RunError(located(self.module, self.one.source, where + head) + rest)

    # -- failures ---------------------------------------------------------------------------------

    def stalled(self, what: str, x, residual, scale, passes: int) -> RunError:
        near = ", ".join(f"{self.unknown(j)} = {x[j]:.6g}" for j in range(min(len(x), MOST)))
        more = ", …" if len(x) > MOST else ""
        return self.error(
            f"no solution found for {self.unknowns()}: the solve {what} at {near}{more} after "
            f"{passes} evaluations; perhaps there is none, or another guess is needed",
            self.worst(residual, scale))

    def misfit(self, found: Misfit) -> RunError:
        """A solve that failed, of a system in which some unknown can have no equation."""
        count = len(found.equations)
        shown = "".join(f"\n  line {self.equation(int(k))}" for k in found.equations[:MOST])
        shown += f"\n  … {count - MOST} more" if count > MOST else ""
        return self.error(
            f"no solution found for {self.unknowns()}: {self._only(found.over, count)}, which "
            f"leaves too few relations for {self.some(found.open)}", shown)

    def _only(self, unknowns: np.ndarray, count: int) -> str:
        held = f"{self.some(unknowns)} only" if len(unknowns) else "no unknown"
        return f"1 equation holds {held}" if count == 1 else f"{count} equations hold {held}"

    def worst(self, residual: np.ndarray, scale: np.ndarray) -> str:
        """The equations that hold least."""
        with np.errstate(all="ignore"):
            ratio = np.where(residual == 0, 0.0, abs(residual) / scale)
        ratio = np.where(np.isfinite(ratio), ratio, np.inf)
        order = np.argsort(-ratio, kind="stable")
        order = [k for k in order[:MOST] if ratio[k] > 0] or order[:1]
        lines = [f"\n  line {self.equation(int(k))}    left - right = {residual[k]:.6g}"
                 for k in order]
        left = int((ratio > 1e-6).sum()) - len(order)
        return "".join(lines) + (f"\n  … {left} more" if left > 0 else "")

    def undefined(self, x, residual, slopes: Slopes | None, linear: bool, data: str) -> RunError:
        """Where values or slopes are not finite. `data` says what is read and not finite."""
        bad = np.flatnonzero(~np.isfinite(residual))
        if not len(bad) and slopes is not None:
            bad = np.unique(slopes.rows[~np.isfinite(slopes.numbers)])
        shown = "".join(
            f"\n  line {self.equation(int(k))}    left - right = {residual[k]:.6g}"
            for k in bad[:MOST])
        shown += f"\n  … {len(bad) - MOST} more" if len(bad) > MOST else ""
        if data:
            return self.error(f"{self.unknowns()} cannot be solved for, as {data}", shown)
        if linear:
            return self.error(f"{self.unknowns()} cannot be solved for: what a relation is made of "
                              "is not finite (NaN or infinite data)", shown)
        near = ", ".join(f"{self.unknown(j)} = {x[j]:.6g}" for j in range(min(len(x), MOST)))
        more = ", …" if len(x) > MOST else ""
        return self.error(
            f"the solve for {self.unknowns()} cannot start at {near}{more}, where a relation or "
            "its slope has no finite value; give another guess", shown)

    def singular(self, x, residual, slopes: Slopes, lack: Deficient) -> RunError:
        """A linear system without exactly one solution. `residual` is that at `x`."""
        n = slopes.size
        names = [self.unknown(j) for j in range(n)] if n <= WRITTEN_OUT else []
        if n <= WRITTEN_OUT:
            lines = [self.equation(i) for i in range(n)]
            return self.error(*_cut(singular(names, lines, x, residual, slopes.dense())))
        right = slopes.times(x) - residual
        for idle in lack.idle:
            parts = abs(idle * right)
            size = parts.max(initial=0.0)
            if size > 0 and abs(idle @ right) > 1e-10 * parts.sum():
                clash = np.flatnonzero(abs(idle) > 1e-9 * abs(idle).max())
                shown = "".join(f"\n  line {self.equation(int(i))}" for i in clash[:MOST])
                shown += f"\n  … {len(clash) - MOST} more" if len(clash) > MOST else ""
                return self.error(
                    f"there are no {self.unknowns()} that satisfy these relations, which "
                    "contradict each other:", shown)
        return self.error(*self._open(lack, "the relations leave {} open, since some of them say "
                                            "the same{}"))

    def family(self, x, lack: Deficient) -> RunError:
        """Of a nonlinear system: every relation holds, but around `x`, too."""
        return self.error(*self._open(
            lack, "{} cannot be told: every relation holds, but also around the point that was "
                  "found (a family of solutions){}"))

    def _open(self, lack: Deficient, text: str) -> tuple[str, str]:
        free = lack.free
        size = abs(free).max(axis=0)
        numbers = np.flatnonzero(size > 1e-7 * size.max(initial=0.0))
        together = ""
        if len(free) == 1 and len(numbers) > 1:
            one = free[0][numbers]
            if np.ptp(one) <= 1e-6 * abs(one).max():
                together = " (all shifted together)"
            else:
                together = " (together)"
        elif len(free) > 1:
            together = f" ({len(free)} ways)"
        rest = ""
        if len(lack.idle):
            weight = abs(lack.idle).max(axis=0)
            same = np.flatnonzero(weight > 1e-7 * weight.max(initial=0.0))
            rest = "\nof" + "".join(f"\n  line {self.equation(int(i))}" for i in same[:MOST])
            rest += f"\n  … {len(same) - MOST} more" if len(same) > MOST else ""
        return text.format(self.some(numbers) + together, ""), rest


def _cut(text: str) -> tuple[str, str]:
    head, _, rest = text.partition("\n")
    return head, f"\n{rest}" if rest else ""


def _listed(names: list[str]) -> str:
    if len(names) > MOST + 2:
        names = [*names[:MOST], f"{len(names) - MOST} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
