"""What the solves of a run tell, by the names of the program: `Execution.reports`.

One `SolveReport` for each instruction whose engine reports a `Solved`, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.regions import result_count
from hvm_vm.engines.solved import Solved
from hvm_vm.engines.solving.memory import HUGE
from hvm_vm.engines.solving.relations import is_linear
from hvm_vm.engines.words import listed, printable


@dataclass(frozen=True, slots=True)
class RelationReport:
    """line:      where the relation stands in its source, from 1 (0: not known).
    text:      the relation.
    residual:  the largest |left - right| of all points, in the relation's unit,
    relative:  and the largest one relative to the magnitude of the relation's terms."""

    line: int
    text: str
    residual: float
    relative: float


@dataclass(frozen=True, slots=True)
class SolveReport:
    """One block of relations that was solved together.

    pc, unknowns, relations:   the instruction, what it was solved for, and each relation.
    iterations, condition, method, points, multiple, unsolved:   see `Solved`.
    at_bounds:   the unknowns that ended on a bound, with the number of points where they did.
    time_ns:     of this run; None when it was run without clocks.
    source:      `file:line:column` of the first relation, as far as it is known."""

    pc: int
    unknowns: tuple[str, ...]
    relations: tuple[RelationReport, ...]
    iterations: int
    condition: float
    method: str
    points: int
    multiple: int
    unsolved: int
    at_bounds: Mapping[str, int]
    time_ns: int | None
    source: str

    def warnings(self) -> list[str]:
        """What the user should know of an answer though every relation holds, as
        `file:line:column: warning: …`."""
        found = []
        if self.multiple:
            what = self.unknowns[0] if len(self.unknowns) == 1 else listed(list(self.unknowns))
            where = f" at {self.multiple} of {self.points} points" if self.points > 1 else ""
            found.append(
                f"{self.source}: warning: {what}: the solution is a multiple root{where} (the"
                " slopes of the relations vanish there, too), so it is known to about half the"
                " digits or fewer")
        return found

    def data(self) -> dict[str, object]:
        """The report as plain numbers, texts, lists and mappings."""
        return {
            "unknowns": list(self.unknowns), "method": self.method, "iterations": self.iterations,
            "condition": self.condition, "time_ns": self.time_ns, "points": self.points,
            "multiple": self.multiple, "unsolved": self.unsolved, "at_bounds": dict(self.at_bounds),
            "relations": [
                {"line": r.line, "text": r.text, "residual": r.residual, "relative": r.relative}
                for r in self.relations],
        }  # fmt: skip


def reports(module: Module, solved: Mapping[int, Solved], times=None) -> tuple[SolveReport, ...]:
    """A report for each of `solved` (by pc). `times`: nanoseconds of every instruction, or None."""
    return tuple(
        _report(module, pc, one, None if times is None else int(times[pc]))
        for pc, one in sorted(solved.items()))


def _report(module: Module, pc: int, told: Solved, time_ns: int | None) -> SolveReport:
    one = module.code[pc]
    descriptor = module.descriptors[one.descriptor]
    count = result_count(isa.BY_NAME[one.op], len(descriptor.roots), len(descriptor.accesses))
    names = tuple(printable(module.registers[r].name) for r in one.operands[:count])
    texts = module.texts[descriptor.message].split("\n") if descriptor.message >= 0 else []
    relations = []
    for k, text in enumerate(texts):
        line, _, relation = printable(text).partition(": ")
        relations.append(RelationReport(
            int(line) if line.isdecimal() else 0, relation if line.isdecimal() else text,
            _at(told.residuals, k), _at(told.relative, k)))
    source = printable(module.file) or "program"
    if 0 <= one.source < len(module.sources):
        span = module.sources[one.source]
        source += f":{span.line}:{span.column}"
    # One step of Newton's is all that a linear block takes.
    linear = one.op == "solve" and is_linear(descriptor, count)
    return SolveReport(
        pc, names, tuple(relations), told.iterations,
        told.condition if not told.condition >= HUGE else inf,
        "linear" if linear else told.method, told.points,
        told.multiple, told.unsolved,
        {n: c for n, c in zip(names, told.at_bounds, strict=False) if c}, time_ns, source)


def _at(values: tuple[float, ...], k: int) -> float:
    return values[k] if k < len(values) else float("nan")
