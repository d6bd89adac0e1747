"""What tracing costs in the jit, on and off.

    python bench/tracing.py [instructions]

On: the loop with clocks against the loop without, an instruction of a program of many scalar
products. Off: the loop without clocks is a kernel of its own, which shares no code with the other.
It is compiled here from its source alone, as if there were no tracer, and compared with the one
that runs are made with: byte for byte, and in time on the smallest program, which shows the noise.
Both are timed in turn, as medians of many short batches, so that what else the machine does meets
both.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time

import numpy as np
from scalars import prepared

from hvm_vm.engines.timeline import Timeline

ON, OFF = 15.0, 0.01  # ns an instruction, and a share: what may not be exceeded


def in_turn(one, other, inner: int, batches: int = 400) -> tuple[float, float, float]:
    """Nanoseconds of each, medians of batches taken in turn, and the median of the differences."""
    times: tuple[list[float], list[float]] = ([], [])
    for batch in range(batches):
        for which in ((0, 1) if batch % 2 else (1, 0)):
            function = (one, other)[which]
            start = time.perf_counter_ns()
            for _ in range(inner):
                function()
            times[which].append((time.perf_counter_ns() - start) / inner)
    more = statistics.median(b - a for a, b in zip(*times, strict=True))
    return statistics.median(times[0]), statistics.median(times[1]), more


def on(count: int) -> float:
    """What clocks cost an instruction, in nanoseconds."""
    runnable, frame = prepared(count)
    runnable.run_timed(frame, Timeline(count + 1, 0))
    steps, length = frame.scratch.arguments
    stamps = np.zeros(count + 1, np.int64)
    address = ctypes.c_int64(stamps.ctypes.data)
    traced, program = runnable._traced, runnable._program
    plain, clocked, more = in_turn(
        lambda: program(steps, length), lambda: traced(steps, length, address), 20)
    print(f"{count} instructions: {plain / count:.1f} ns each without clocks, "
          f"{clocked / count:.1f} ns with them: {more / count:.1f} ns more (at most {ON:.0f})")
    return more / count


def machine_code(data: bytes) -> bytes:
    """Of an object file: names hold a counter of Numba's."""
    import llvmlite.binding as llvm

    sections = llvm.ObjectFileRef.from_data(data).sections()
    return b"".join(section.data() for section in sections if section.is_text())


def off() -> float:
    """What a run of the smallest program pays for there being a tracer, as a share."""
    from hvm_vm.engines.jit import cache
    from hvm_vm.engines.jit.compiler import compile_kernel
    from hvm_vm.engines.jit.kernels import dispatch
    from hvm_vm.engines.jit.machine import SYMBOL, load_object
    from hvm_vm.engines.jit.runnable import _PROGRAM

    runnable, frame = prepared(1)
    runnable.run(frame)
    steps, length = frame.scratch.arguments
    alone = compile_kernel(dispatch.program)
    kept = (cache.directory() / "run.program.o").read_bytes()
    code = machine_code(alone)
    same = code == machine_code(kept[len(cache._MAGIC) + 32:])
    print(f"the loop without clocks, {len(code)} bytes, is {'' if same else 'NOT '}the same as "
          "without a tracer")
    bare = _PROGRAM(load_object(alone, SYMBOL))
    usual = runnable._program
    before, now, more = in_turn(lambda: bare(steps, length), lambda: usual(steps, length), 500)
    print(f"1 instruction: {before:.1f} ns without a tracer, {now:.1f} ns with one that is off: "
          f"{100 * more / before:+.2f}% (at most {100 * OFF:.0f}%)")
    return more / before


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    # Of three: the machine may be busy with other things for a while.
    least_on = min(on(count) for _ in range(3))
    least_off = statistics.median(off() for _ in range(3))
    good = least_on <= ON and least_off <= OFF
    print(f"of three: on {least_on:.1f} ns an instruction, off {100 * least_off:+.2f}%: "
          f"{'within' if good else 'NOT within'} the limits")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
