"""Running a prepared program: the frame's parameter block, the dispatch loop, errors."""

from __future__ import annotations

import ctypes
import time
from functools import cache as once

import numpy as np

from hvm_vm.engines.bound import Bound, Frame
from hvm_vm.engines.jit import cache
from hvm_vm.engines.jit.block import Memory
from hvm_vm.engines.jit.layout import SOLVE_PASSES, SOLVE_RATIO
from hvm_vm.engines.jit.prepare import prepare_block
from hvm_vm.engines.memory import not_enough_memory
from hvm_vm.engines.solved import Solved
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
        self.solves = tuple(block.solves)
        self.kernels = tuple(sorted(block.kernel_names()))
        self.template = block.freeze()
        self._program = _PROGRAM(cache.address("run.program"))
        self._traced = None

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
        binding = frame.scratch
        if binding.__class__ is not _Binding or binding.owner is not self:
            self.rebind(frame)
            binding = frame.scratch
        if self._traced is None:
            self._traced = _TRACED(cache.address("run.traced"))
        scale = nanoseconds_per_tick()
        ticks = np.zeros(self.count + 1, np.int64)
        done = self._traced(*binding.arguments, ticks.ctypes.data)
        spent = np.bincount(self.pcs, ticks[:self.count] * scale, len(times))
        times += np.rint(spent).astype(np.int64)
        if done < 0:
            self._fail(frame, -done - 1)
        return len(self.bound.code)

    def solved(self, frame: Frame) -> dict[int, Solved]:
        """What each solve, by its pc, reports of the last run."""
        found: dict[int, Solved] = {}
        if isinstance(frame.scratch, _Binding):
            words = frame.scratch.memory.words
            for pc, start in self.solves:
                part = Solved(int(words[start + SOLVE_PASSES]),
                              float(words.view(np.float64)[start + SOLVE_RATIO]))
                found[pc] = found[pc].with_part(part) if pc in found else part
            told = frame.scratch.memory.told
            if told:
                from hvm_vm.engines.jit.prepare_system import report
                found.update((pc, solved) for pc, tells in told.items()
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
