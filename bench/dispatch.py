"""What the jit spends beside the work: an empty run, and a run of many scalar instructions.

    python bench/dispatch.py [instructions]
"""

from __future__ import annotations

import statistics
import sys
import time
from types import SimpleNamespace

import numpy as np

from hvm_vm.bytecode.module import Node
from hvm_vm.engines import get
from hvm_vm.engines.bound import Bound, BoundAccess, BoundInstruction, BoundRegister, Frame


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
    one = np.dtype(np.float64)
    registers = tuple(BoundRegister(f"r{k}", one, (), (), (), 8 * k) for k in range(count + 2))
    nodes = (Node("load", (), 1), Node("load", (), 2), Node("mul", (0, 1)))
    code = [BoundInstruction(k, "map", -1, (), (), "", (), tuple(
        BoundAccess(r, 0, ()) for r in (k + 2, k, k + 1)), nodes, (2,)) for k in range(count)]
    halt = BoundInstruction(count, "halt", -1, (), (), "", (), (), (), ())

    verified = SimpleNamespace(module=SimpleNamespace(precision="f64"))

    def bound(instructions):
        return Bound(verified, {}, registers, (*instructions, halt), 8 * (count + 2))

    results = {}  # of maps, one product of two scalars each
    for name, instructions in (("empty run", []), (f"{count} instructions", code)):
        b = bound(instructions)
        frame = Frame(b, {})
        frame.arrays[0][...] = frame.arrays[1][...] = 1.0
        runnable = get("jit").prepare(b, 1)
        results[name] = nanoseconds(runnable.starter(frame), 2000)
        print(f"{name:>20}: {results[name]:10.1f} ns")
    a, b = results.values()
    print(f"{'per instruction':>20}: {(b - a) / count:10.1f} ns")


if __name__ == "__main__":
    main()
