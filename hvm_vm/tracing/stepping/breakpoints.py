"""Breakpoints and watches: where a run that goes on stops.

    3   op 3   softmax   :12   line 12   S   S if max(S) > 10   softmax if any nan

Without a condition, one on an instruction, an operation or a line stops before the instruction. One
on a variable, or with a condition, stops right after it, when its results can be looked at. A watch
stops after the instruction that changes its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hvm_vm.bytecode import isa
from hvm_vm.engines.bound import Bound
from hvm_vm.engines.words import listed, suggestion
from hvm_vm.errors import InputError
from hvm_vm.tracing.stepping.expressions import Expression, parse
from hvm_vm.tracing.stepping.names import Names, Unavailable
from hvm_vm.tracing.stepping.timeline import results_of

_LINE = re.compile(r"(?:[\w./-]+:|:|line\s+)(\d+)$")
_CONDITION = re.compile(r"\s+(?:if|where)\s+|\s+(?=if\()")


@dataclass(slots=True)
class Breakpoint:
    """`pcs` are the instructions; `after`: it stops when one has run, not before."""

    number: int
    text: str
    what: str
    pcs: frozenset[int]
    after: bool
    condition: Expression | None = None
    enabled: bool = True
    hits: int = 0

    def describe(self) -> str:
        condition = f" if {self.condition.text}" if self.condition else ""
        off = "" if self.enabled else ", disabled"
        hits = f", stopped {self.hits} time{'s' * (self.hits != 1)}" if self.hits else ""
        side = "after" if self.after else "before"
        return f"{self.number}  {side} {self.what}{condition}{off}{hits}"


@dataclass(slots=True)
class Watch:
    """Stops when the value of an expression changes. `last` is its value, None for none."""

    number: int
    expression: Expression
    last: np.ndarray | None
    enabled: bool = True
    hits: int = 0

    def look(self, scope) -> np.ndarray | None:
        """The value now (a copy), or None when there is none."""
        try:
            return np.array(self.expression(scope))
        except Unavailable:
            return None

    def changed(self, now: np.ndarray | None) -> bool:
        before = self.last
        if before is None or now is None:
            return before is not now
        return not np.array_equal(before, now, equal_nan=before.dtype.kind == "f")

    def describe(self) -> str:
        hits = f", stopped {self.hits} time{'s' * (self.hits != 1)}" if self.hits else ""
        off = "" if self.enabled else ", disabled"
        return f"{self.number}  watch {self.expression.text}{off}{hits}"


class Breakpoints:
    """Those of a session, numbered from 1."""

    def __init__(self, bound: Bound, names: Names):
        self.bound, self.names = bound, names
        self.all: dict[int, Breakpoint | Watch] = {}
        self._next = 1

    def __iter__(self) -> Iterator[Breakpoint | Watch]:
        return iter(self.all.values())

    def __len__(self) -> int:
        return len(self.all)

    def add(self, text: str) -> Breakpoint:
        """A breakpoint from its text (see above). Raises `InputError`."""
        parts = _CONDITION.split(text.strip(), maxsplit=1)
        where = parts[0].strip()
        condition = None
        if len(parts) > 1:
            condition = parse(parts[1].removeprefix("if"))
            self._known(condition)
        if not where:
            raise InputError("say where: an instruction (b 3), an operation (b softmax), a line "
                             "(b :12) or a variable (b S)")
        what, pcs, after = self._where(where)
        found = Breakpoint(self._next, text.strip(), what, frozenset(pcs),
                           after or condition is not None, condition)
        return self._keep(found)

    def watch(self, text: str, scope) -> Watch:
        """A watch of an expression, from its value now."""
        expression = parse(text)
        self._known(expression)
        if not expression.names:
            raise InputError(f"{expression.text} never changes: watch a variable")
        found = Watch(self._next, expression, None)
        found.last = found.look(scope)
        return self._keep(found)

    def _keep(self, found):
        self.all[found.number] = found
        self._next += 1
        return found

    def at(self, pc: int) -> list[Breakpoint]:
        """Every breakpoint at an instruction, enabled or not."""
        return [b for b in self if isinstance(b, Breakpoint) and pc in b.pcs]

    def delete(self, number: int) -> None:
        del self.all[self.number(number)]

    def number(self, number: int) -> int:
        """A number that exists. Raises `InputError`."""
        if number not in self.all:
            have = listed([str(n) for n in self.all]) if self.all else "none"
            raise InputError(f"there is no breakpoint {number}; there is {have}")
        return number

    def clear(self) -> None:
        self.all.clear()

    # -- stopping -------------------------------------------------------------------------------

    def before(self, pc: int, scope) -> list[Breakpoint]:
        """Those that stop a run before the instruction."""
        return self._hit(pc, False, scope)

    def after(self, pc: int, scope) -> list[Breakpoint]:
        """Those that stop it when the instruction has run."""
        return self._hit(pc, True, scope)

    def _hit(self, pc: int, after: bool, scope) -> list[Breakpoint]:
        found = [one for one in self if isinstance(one, Breakpoint) and one.enabled
                 and one.after == after and pc in one.pcs and _holds(one.condition, scope)]
        for one in found:
            one.hits += 1
        return found

    def watches(self, scope) -> tuple[Watch, np.ndarray | None] | None:
        """The first watch whose value changed, with the value before; all are brought up to now."""
        found = None
        for one in self:
            if isinstance(one, Watch) and one.enabled:
                now = one.look(scope)
                if one.changed(now):
                    if found is None:
                        one.hits += 1
                        found = (one, one.last)
                    one.last = now
        return found

    # -- places ---------------------------------------------------------------------------------

    def _known(self, expression: Expression) -> None:
        for name in expression.names:
            if name not in self.names:
                raise self.names.unknown(name)

    def _where(self, text: str) -> tuple[str, list[int], bool]:
        code = self.bound.code
        if text.isdigit():
            pc = int(text)
            if pc >= len(code):
                raise InputError(f"there is no instruction {pc}: they are 0..{len(code) - 1}")
            return f"instruction {pc} ({code[pc].op})", [pc], False
        line = _LINE.match(text)
        if line:
            return self._line(int(line[1]))
        name = re.sub(r"^(?:op|var)\s+", "", text)
        if name in self.names.places and not text.startswith("op "):
            register = self.names.place(name).register
            return self._variable(name, [register])
        if name in self.names.families and not text.startswith("op "):
            return self._variable(name, [m.register for m in self.names.families[name].members])
        pcs = [one.pc for one in code if one.op == name]
        if pcs:
            return f"every {name} (instruction{'s' * (len(pcs) > 1)} {_numbers(pcs)})", pcs, False
        if name in isa.BY_NAME:
            have = listed(sorted({one.op for one in code}))
            raise InputError(f"this program has no {name}: its operations are {have}")
        if name in self.names.sizes:
            self.names.place(name)
        near = suggestion(name, [*self.names.all(), *(one.op for one in code)])
        raise InputError(f"there is no instruction, operation, line or variable {text}{near}")

    def _line(self, line: int) -> tuple[str, list[int], bool]:
        spans = self.bound.program.module.sources
        pcs = [one.pc for one in self.bound.code if 0 <= one.source < len(spans)
               and spans[one.source].line == line]
        if not pcs:
            lines = sorted({spans[one.source].line for one in self.bound.code
                            if 0 <= one.source < len(spans)})
            raise InputError(f"line {line} has no instruction of its own; there are some at line"
                             f"{'s' * (len(lines) > 1)} {listed([str(n) for n in lines], most=20)}")
        return f"line {line} (instruction{'s' * (len(pcs) > 1)} {_numbers(pcs)})", pcs, False

    def _variable(self, name: str, registers: list[int]) -> tuple[str, list[int], bool]:
        wanted = set(registers)
        pcs = [one.pc for one in self.bound.code[:-1] if not wanted.isdisjoint(results_of(one))]
        if not pcs:
            raise InputError(f"{name} is an input: no instruction computes it")
        return f"{name} (instruction{'s' * (len(pcs) > 1)} {_numbers(pcs)})", pcs, True


def _holds(condition: Expression | None, scope) -> bool:
    if condition is None:
        return True
    try:
        return condition.true(scope)
    except Unavailable:
        return False


def _numbers(pcs: list[int]) -> str:
    return listed([str(pc) for pc in pcs])


