"""Running a prepared program: the frame's parameter block, the dispatch loop, errors."""

from __future__ import annotations

import ctypes
import time
from functools import cache as once

import numpy as np

from hvm_vm.engines.bound import Bound, Frame
from hvm_vm.engines.jit import cache
from hvm_vm.engines.jit.block import Memory
from hvm_vm.engines.jit.layout import FLAT_WORDS
from hvm_vm.engines.jit.prepare import prepare_block
from hvm_vm.engines.jit.told import told
from hvm_vm.engines.memory import not_enough_memory
from hvm_vm.engines.solved import Solved
from hvm_vm.engines.timeline import Timeline
from hvm_vm.engines.words import byte_count, located
from hvm_vm.errors import HvmError, InputError, RunError

# Kernels called through CDLL-like prototypes run without the interpreter's lock.
_PROGRAM = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_TRACED = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
_CLOCK = ctypes.CFUNCTYPE(ctypes.c_int64)


@once
def nanoseconds_per_tick() -> float:
    """How long one tick of the cycle counter is; measured once, in about 5 ms."""
    clock = _CLOCK(cache.address("run.clock"))
    start, ticks = time.perf_counter_ns(), clock()
    while time.perf_counter_ns() - start < 5_000_000:
        pass
    stop, after = time.perf_counter_ns(), clock()
    return (stop - start) / (after - ticks) if after > ticks else 1.0


def _check_memory(bound: Bound, scratch_bytes: int) -> None:
    """Raise before memory is asked for that the machine does not have."""
    limit = not_enough_memory(bound.arena_bytes + scratch_bytes)
    if limit is not None:
        raise InputError(f"{bound.program.module.file or 'program'}: error: the run needs "
                         f"{byte_count(bound.arena_bytes + scratch_bytes)} of memory, "
                         f"{byte_count(scratch_bytes)} of it for copies and temporaries, but this "
                         f"machine has {byte_count(limit)}")


class _Binding:
    """What a frame keeps for one runnable: its memory, and the call's arguments."""

    __slots__ = ("arguments", "memory", "owner")

    def __init__(self, owner: JitRunnable, memory: Memory):
        self.owner, self.memory = owner, memory
        self.arguments = (ctypes.c_int64(memory.words_address + 8 * owner.first_step),
                          ctypes.c_int64(owner.count))


class JitRunnable:
    """A bound program as a template of parameters and a list of steps. Immutable; each frame has
    its own copy of the template, so frames of several threads do not meet."""

    def __init__(self, bound: Bound, threads: int):
        self.bound, self.threads = bound, threads
        block, steps = prepare_block(bound, threads)
        _check_memory(bound, block.scratch_bytes)
        self.first_step = block.reserve(2 * len(steps))
        for k, (_, step) in enumerate(steps):
            block.kernel(self.first_step + 2 * k, step.kernel)
            block.put(self.first_step + 2 * k + 1, step.parameters)
        self.count = len(steps)
        self.pcs = np.array([pc for pc, _ in steps], np.intp)
        self._edges = np.searchsorted(self.pcs, np.arange(len(bound.code) + 1))  # first steps
        self.solves = tuple(block.solves)
        self.kernels = tuple(sorted(block.kernel_names()))
        self.template = block.freeze()
        self._program = _PROGRAM(cache.address("run.program"))
        self._traced = self._counter = None

    def rebind(self, frame: Frame) -> None:
        """Take the frame's arrays as they are now: needed after an input array was replaced."""
        binding = frame.scratch
        if isinstance(binding, _Binding) and binding.owner is self:
            binding.memory.point(frame.arrays)
        else:
            try:
                frame.scratch = _Binding(self, self.template.bind(frame.arrays))
            except MemoryError:
                needed = byte_count(self.template.scratch_bytes)
                raise RunError(f"the run needs {needed} of scratch memory, which this machine does "
                               "not give") from None

    def run(self, frame: Frame) -> int:
        """Run to the halt; the number of instructions executed."""
        binding = frame.scratch
        if binding.__class__ is not _Binding or binding.owner is not self:
            self.rebind(frame)
            binding = frame.scratch
        done = self._program(*binding.arguments)
        if done < 0:
            self._fail(frame, -done - 1)
        return len(self.bound.code)

    def step(self, frame: Frame, pc: int) -> None:
        """Run one instruction, whose steps stand side by side; the halt does nothing."""
        binding = frame.scratch
        if binding.__class__ is not _Binding or binding.owner is not self:
            self.rebind(frame)
            binding = frame.scratch
        first, end = (int(k) for k in np.searchsorted(self.pcs, (pc, pc + 1)))
        if first < end:
            start = binding.memory.words_address + 8 * (self.first_step + 2 * first)
            done = self._program(ctypes.c_int64(start), ctypes.c_int64(end - first))
            if done < 0:
                self._fail(frame, first - done - 1)

    def starter(self, frame: Frame):
        """A function without arguments that does what `run(frame)` does, for a frame whose arrays
        stay: the call costs a third of a microsecond."""
        self.rebind(frame)
        binding, program, count = frame.scratch, self._program, len(self.bound.code)
        steps, steps_count = binding.arguments

        def start() -> int:
            done = program(steps, steps_count)
            if done < 0:
                self._fail(frame, -done - 1)
            return count
        start.binding = binding  # owns the memory that the arguments point into
        return start

    def run_traced(self, frame: Frame, times: np.ndarray) -> int:
        """As `run`, adding each instruction's nanoseconds to `times[pc]`."""
        timeline = Timeline(len(times), keep=0)
        try:
            return self.run_timed(frame, timeline)
        finally:
            times += timeline.total

    def run_timed(self, frame: Frame, timeline: Timeline) -> int:
        """As `run`, telling `timeline` when each instruction ran."""
        binding = frame.scratch
        if binding.__class__ is not _Binding or binding.owner is not self:
            self.rebind(frame)
            binding = frame.scratch
        if self._traced is None:
            self._traced = _TRACED(cache.address("run.traced"))
            self._counter = _CLOCK(cache.address("run.clock"))
        scale = nanoseconds_per_tick()
        stamps = np.zeros(self.count + 1, np.int64)
        timeline.watch(lambda: self._at(stamps), lambda: self._so_far(stamps, scale))
        traced, (steps, count) = self._traced, binding.arguments
        address = ctypes.c_int64(stamps.ctypes.data)
        began, ticks = time.perf_counter_ns(), self._counter()
        done = traced(steps, count, address)
        timeline.began, timeline.ns = began, time.perf_counter_ns() - began
        self._tell(timeline, stamps, -done - 1 if done < 0 else -1, began, ticks, scale)
        if done < 0:
            self._fail(frame, -done - 1)
        return len(self.bound.code)

    def _at(self, stamps: np.ndarray) -> int | None:
        """The pc of the step that runs: the first without a stamp."""
        passed = int(np.count_nonzero(stamps[1:]))
        return int(self.pcs[passed]) if passed < self.count else None

    def _so_far(self, stamps: np.ndarray, scale: float) -> np.ndarray:
        """Nanoseconds of each instruction in a run that goes on."""
        passed = int(np.count_nonzero(stamps[1:]))
        spent = np.diff(stamps[: passed + 1]) * scale
        return np.bincount(self.pcs[:passed], spent, len(self.bound.code))

    def _tell(self, timeline: Timeline, stamps, failed: int, began: int, ticks: int,
              scale: float) -> None:
        """The stamps of a run as events, up to the step that failed (-1: none did). An instruction
        is its consecutive steps; one that has none, as the halt, takes no time."""
        code = len(self.bound.code) if failed < 0 else int(self.pcs[failed]) + 1
        edges = self._edges[:code + 1].copy()
        if failed >= 0:
            edges[-1] = failed + 1
        at = began + np.rint((stamps[edges] - ticks) * scale).astype(np.int64)
        timeline.extend(np.arange(code), at[:-1], np.diff(at))

    def calibrate(self) -> tuple[float, float]:
        """Nanoseconds that the dispatch of one instruction costs, without and with clocks: loops
        over instructions that do nothing."""
        count = 512
        steps = np.empty((count, 2), np.int64)
        nothing = np.zeros(FLAT_WORDS + 1, np.int64)
        steps[:] = cache.address("run.flat"), nothing.ctypes.data
        stamps = np.zeros(count + 1, np.int64)
        traced = self._traced or _TRACED(cache.address("run.traced"))
        found = []
        for run in (lambda n: self._program(steps.ctypes.data, n),
                    lambda n: traced(steps.ctypes.data, n, stamps.ctypes.data)):
            best = []
            for n in (count, 0):
                times = []
                for _ in range(50):
                    start = time.perf_counter_ns()
                    run(n)
                    times.append(time.perf_counter_ns() - start)
                best.append(min(times))
            found.append(max(0.0, (best[0] - best[1]) / count))
        return found[0], found[1]

    def solved(self, frame: Frame) -> dict[int, Solved]:
        """What each solve, by its pc, reports of the last run."""
        if not isinstance(frame.scratch, _Binding):
            return {}
        memory = frame.scratch.memory
        found = {pc: told(memory.words, start) for pc, start in self.solves}
        if memory.told:
            from hvm_vm.engines.jit.prepare_system import report
            found.update((pc, solved) for pc, tells in memory.told.items()
                         if (solved := report(tells)) is not None)
        return found

    def _raise(self, error: BaseException, pc: int) -> None:
        """What a system raised, on this side of the compiled code."""
        if isinstance(error, MemoryError):
            one = self.bound.code[pc]
            error = RunError(located(self.bound.program.module, one.source,
                                     "there is not enough memory to evaluate this"))
        if isinstance(error, HvmError):
            error.instructions_executed = pc
        raise error from None

    def _fail(self, frame: Frame, step: int) -> None:
        """A step refused its data: the reference engine says why, in the words of the source."""
        from hvm_vm.engines.reference import Reference
        pc = int(self.pcs[step])
        raised, frame.scratch.memory.raised = frame.scratch.memory.raised, None
        if raised is not None and not isinstance(raised, HvmError):
            self._raise(raised, pc)
        try:
            Reference(self.bound).step(frame, pc)
        except HvmError as error:
            error.instructions_executed = pc
            raise
        if raised is not None:  # a system that only just failed: rounding differs
            self._raise(raised, pc)
        error = RunError(f"instruction {pc} ({self.bound.code[pc].op}) failed, though the "
                         f"reference engine runs it: please report this")
        error.instructions_executed = pc
        raise error
