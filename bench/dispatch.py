"""What the jit spends beside the work: an empty run, and a run of many scalar instructions.

    python bench/dispatch.py [instructions]
"""

from __future__ import annotations

import statistics
import sys
import time

from scalars import prepared


def nanoseconds(function, inner: int, repeats: int = 15) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        for _ in range(inner):
            function()
        times.append((time.perf_counter_ns() - start) / inner)
    return statistics.median(times)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    results = {}  # of maps, one product of two scalars each
    for name, instructions in (("empty run", 0), (f"{count} instructions", count)):
        runnable, frame = prepared(instructions)
        results[name] = nanoseconds(runnable.starter(frame), 2000)
        print(f"{name:>20}: {results[name]:10.1f} ns")
    a, b = results.values()
    print(f"{'per instruction':>20}: {(b - a) / count:10.1f} ns")


if __name__ == "__main__":
    main()
