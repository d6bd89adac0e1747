"""A session: a bound program run one instruction at a time, in both directions.

`position` is the number of instructions that have run, which is also the number of the next one.
Nothing here knows a terminal; every text that a person writes or reads is in index values and in
the names of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from hvm_vm.api.symbols import numbers_of
from hvm_vm.engines.bound import Bound, BoundInstruction, Frame
from hvm_vm.engines.words import elements, listed, suggestion
from hvm_vm.errors import HvmError, InputError
from hvm_vm.tracing.stepping.breakpoints import Breakpoint, Breakpoints, Watch
from hvm_vm.tracing.stepping.expressions import Expression, parse, parse_assignment
from hvm_vm.tracing.stepping.names import Names, Unavailable
from hvm_vm.tracing.stepping.slices import index_of
from hvm_vm.tracing.stepping.solves import SolveLog, record_solve
from hvm_vm.tracing.stepping.timeline import (
    HELD,
    LIMIT,
    Edit,
    Timeline,
    operands_of,
    results_of,
)


@dataclass(frozen=True)
class Stop:
    """Why a session stands where it stands. `reason`: `start`, `step`, `breakpoint`, `watch`,
    `failed` or `end`. `ran`: how many instructions ran (negative: were undone). `breakpoints` that
    stopped it; `watch` and its value before. `error`: why the next instruction failed."""

    reason: str
    ran: int = 0
    breakpoints: tuple[Breakpoint, ...] = ()
    watch: Watch | None = None
    before: np.ndarray | None = None
    error: HvmError | None = None


@dataclass
class Scope:
    """The values that an expression may use, at one place of a session."""

    session: Session
    apart: set[str] = field(default_factory=set)  # names that were found by computing them apart

    def __contains__(self, name: str) -> bool:
        return name in self.session.names

    def value(self, name: str) -> np.ndarray:
        session = self.session
        if name in session.names:
            return session.names.value(name, session.timeline)
        other = session.wider(name)
        if other is None:
            raise session.unknown(name)
        self.apart.add(name)
        return other.names.value(name, other.timeline)

    def names(self, name: str) -> Names:
        """Who knows the axes of `name`."""
        session = self.session
        other = None if name in session.names else session.wider(name)
        return session.names if other is None else other.names

    def index(self, name: str, items, shape: tuple[int, ...]):
        names = self.names(name)
        return index_of(name, items, shape, names.lows(name), names.axes(name), self)

    def subjects(self) -> list[np.ndarray]:
        """What `any nan` is about: the results of the last instruction, or what it is to read."""
        session = self.session
        done = session.position
        registers = results_of(session.bound.code[done - 1]) if done else list(
            session.timeline.originals)
        return [session.frame.arrays[r] for r in registers]


class Session:
    """Step through a bound program. `runnable` is any engine's, with a `step`; the `frame` is the
    session's own from now on. `limit`: bytes that may be kept to go back quickly.

    `wide`: makes a session of the same program and inputs with every variable stored, for values
    that are fused away here."""

    def __init__(self, bound: Bound, runnable, frame: Frame, *, engine: str = "reference",
                 limit: int = LIMIT, wide: Callable[[], Session | None] | None = None):
        self.bound, self.frame, self.engine = bound, frame, engine
        self.module = bound.program.module
        self.timeline = Timeline(bound, frame, runnable, limit)
        self.names = Names(bound)
        self.breakpoints = Breakpoints(bound, self.names)
        self.stop = Stop("start")
        self.changed: dict[str, int] = {}  # elements that the last move changed, by variable
        self.failed: HvmError | None = None  # of an instruction that has not run since
        self._failed_at = -1
        self._wide, self._wider = wide, None

    # -- where it is ----------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """How many instructions have run: the number of the next."""
        return self.timeline.position

    @property
    def instruction(self) -> BoundInstruction:
        """The next instruction; at the end the halt."""
        return self.bound.code[self.position]

    @property
    def finished(self) -> bool:
        return self.position >= len(self.bound.code) - 1

    # -- moving ---------------------------------------------------------------------------------

    def step(self, count: int = 1) -> Stop:
        """Run `count` instructions, whatever breakpoints say; watches and failures stop it."""
        return self._forwards(count, through=True)

    def resume(self) -> Stop:
        """Run to the next breakpoint, watch or failure, or to the end."""
        return self._forwards(len(self.bound.code), through=False)

    def back(self, count: int = 1) -> Stop:
        """Undo `count` instructions, as far as there are any. Values that were set since then are
        undone too."""
        start = self.position
        self._touched(self.timeline.retreat(count))
        self.breakpoints.watches(Scope(self))
        return self._stopped("step" if self.position else "start", self.position - start)

    def reverse(self) -> Stop:
        """Undo instructions back to the place before where a breakpoint or a watch stops."""
        start = self.position
        while self.position:
            self._touched(self.timeline.retreat(1))
            found = self._found(self.position - start)
            if found is not None:
                return found
        return self._stopped("start", -start)

    def restart(self) -> Stop:
        """To the start, with the values that the program was given."""
        start = self.position
        self.timeline.restart()
        self.changed = {}
        self.failed = None
        self.breakpoints.watches(Scope(self))
        return self._stopped("start", -start)

    def _forwards(self, count: int, *, through: bool) -> Stop:
        ran = 0
        while ran < count and not self.finished:
            pc = self.position
            try:
                before = self.timeline.advance()
            except HvmError as error:
                self.failed, self._failed_at = error, pc
                if ran == 0:
                    self.changed = {}
                self.stop = Stop("failed", ran, error=error)
                return self.stop
            if pc == self._failed_at:
                self.failed, self._failed_at = None, -1
            ran += 1
            self.changed = {self.names.spoken[r]: _different(old, self.frame.arrays[r])
                            for r, old in before.items()}
            found = self._found(ran, watched_only=through)
            if found is not None:
                return found
        return self._stopped("end" if self.finished else "step", ran)

    def _found(self, ran: int, watched_only: bool = False) -> Stop | None:
        """The stop at this position, if anything stops a run here."""
        if not len(self.breakpoints):
            return None
        scope = Scope(self)
        watched = self.breakpoints.watches(scope)
        hits = []
        if not watched_only:
            hits = self.breakpoints.after(self.position - 1, scope)
            hits += self.breakpoints.before(self.position, scope)
        if watched is not None:
            self.stop = Stop("watch", ran, tuple(hits), watched[0], watched[1])
            return self.stop
        return self._stopped("breakpoint", ran, tuple(hits)) if hits else None

    def _stopped(self, reason: str, ran: int, hits: tuple[Breakpoint, ...] = ()) -> Stop:
        self.stop = Stop(reason, ran, hits)
        return self.stop

    def _touched(self, registers: list[int]) -> None:
        """What going back undid: those variables that have a value again."""
        self.changed = {self.names.spoken[r]: self.frame.arrays[r].size for r in registers
                        if self.timeline.states[r] == HELD}

    # -- values ---------------------------------------------------------------------------------

    def evaluate(self, text: str | Expression) -> np.ndarray:
        """The value of a variable, slice or expression, copied. Raises `InputError`."""
        expression = parse(text) if isinstance(text, str) else text
        return np.array(expression(Scope(self)))

    value = evaluate

    def set(self, text: str) -> str:
        """`NAME[slice] = value`; what depends on it recomputes as the session goes on. The variable
        that was set. Raises `InputError`, with nothing changed."""
        target, expression = parse_assignment(text)
        scope = Scope(self)
        if target.name not in self.names and self.wider(target.name) is not None:
            raise InputError(f"{target.name} is not stored: it was fused into another instruction "
                             "(hvm step --all stores every variable)")
        place = self.names.place(target.name)
        whole = scope.value(target.name)
        index: tuple = () if target.items is None else scope.index(
            target.name, target.items, whole.shape)
        index = (*(place.position or ()), *index)
        array = self.frame.arrays[place.register]
        value = self._converted(place.register, expression(scope), array[index], target.text)
        self.timeline.edit(Edit(place.register, index, value))
        self.changed = {self.names.spoken[place.register]: value.size}
        self.breakpoints.watches(Scope(self))
        return target.name

    def _converted(self, register: int, value: np.ndarray, held, text: str) -> np.ndarray:
        """A value as the elements that it is to become."""
        symbolic = register in self.names.symbolic
        if (value.dtype.kind in "UO") != symbolic:
            raise InputError(f"{text} holds " + ("symbols, such as 'ODD'" if symbolic else
                                                 "numbers, not symbols"))
        if symbolic:
            value = numbers_of(value, self.module)
        dtype = self.bound.registers[register].dtype
        if dtype.kind == "i" and value.dtype.kind == "f" and not (
                np.isfinite(value).all() and (value == np.floor(value)).all()):
            raise InputError(f"{text} holds whole numbers")
        value = value.astype(dtype)
        shape = np.shape(held)
        try:
            return np.broadcast_to(value, shape).copy()
        except ValueError:
            raise InputError(f"{text} is {_shape(shape)}, the value is "
                             f"{_shape(value.shape)}") from None

    def read_later(self, name: str) -> bool:
        """Whether an instruction that is still to run reads the variable."""
        register = self.names.place(name).register
        return any(register in operands_of(one) for one in self.bound.code[self.position : -1])

    def wider(self, name: str) -> Session | None:
        """A session that has run, with every variable stored, if it knows `name`."""
        if self._wide is not None:
            wide, self._wide = self._wide, None
            self._wider = wide()
            if self._wider is not None:
                self._wider.resume()
        return self._wider if self._wider is not None and name in self._wider.names else None

    def unknown(self, name: str) -> InputError:
        """What is said of a name that is no variable, stored or not."""
        others = self._wider.names.all() if self._wider is not None else []
        near = suggestion(name, [*self.names.all(), *others])
        return InputError(f"there is no variable {name}{near}")

    @property
    def edited(self) -> bool:
        """Whether a value that counts now was set by hand."""
        return any(entry.edit is not None for entry in self.timeline.entries)

    # -- systems --------------------------------------------------------------------------------

    def solve_log(self) -> SolveLog:
        """Every evaluation of the next instruction, or of the last one, which must be a solve.
        Raises `InputError` when neither is."""
        near = [self.instruction]
        if self.position:
            near.append(self.bound.code[self.position - 1])
        for one in near:
            if one.op == "solve":
                return record_solve(self.bound, self.frame, one)
            if one.op == "system":
                from hvm_vm.tracing.stepping.systems import record_system

                return record_system(self.bound, self.frame, one)
        pcs = [str(one.pc) for one in self.bound.code if one.op in ("solve", "system")]
        hint = "this program has none"
        if pcs:
            hint = f"instruction {pcs[0]} is one" if len(pcs) == 1 else (
                f"instructions {listed(pcs)} are")
        raise InputError(f"neither the next instruction nor the last one is a solve; {hint}")

    def variables(self) -> Iterator[tuple[str, np.ndarray | None, str]]:
        """Every stored variable: its name, its value or None, and why there is none."""
        for register, name in enumerate(self.names.spoken):
            if name in self.names.places:
                try:
                    yield name, self.names.value(name, self.timeline), ""
                except Unavailable:
                    yield name, None, self.timeline.states[register]


def _different(before: np.ndarray | None, now: np.ndarray) -> int:
    """How many elements changed."""
    if before is None:
        return now.size
    same = before == now
    if now.dtype.kind == "f":
        same |= np.isnan(before) & np.isnan(now)
    return int(now.size - np.count_nonzero(same))


def _shape(shape: tuple[int, ...]) -> str:
    if len(shape) < 2:
        return elements(shape[0]) if shape else "a single number"
    return " x ".join(map(str, shape))
