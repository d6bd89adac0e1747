"""A small bound program built by hand, and an engine whose clock says what the tests expect."""

from __future__ import annotations

import time

import numpy as np

from hvm_vm.bytecode.module import (
    Access,
    Affine,
    Descriptor,
    Dim,
    Input,
    Instruction,
    Module,
    Node,
    Output,
    Register,
    SizeSymbol,
    SourceSpan,
)
from hvm_vm.bytecode.sizes import Size
from hvm_vm.engines.bound import Bound, BoundInstruction, BoundRegister, Frame

N = Size.of("N")
ONE = Size.of(1)


def axis(dim: int, const: int = 0) -> Affine:
    return Affine(Size.of(const), ((dim, ONE),))


def module() -> Module:
    """y[n] = 2*x[n]*x[n] + x[n]*x[n]; s = sum[n](y[n])."""
    line = (Dim("n", ONE, N, "o"),)
    reduced = (Dim("n", ONE, N, "r"),)
    nodes = (
        Node("load", (), 1),
        Node("mul", (0, 0)),
        Node("const", (), 0),
        Node("mul", (2, 1)),
        Node("add", (3, 1)),
    )
    return Module(
        file="small.hmp",
        symbols_of_size=(SizeSymbol("N"),),
        registers=(
            Register("x", "f64", (N,), (ONE,)),
            Register("y", "f64", (N,), (ONE,)),
            Register("s", "f64"),
        ),
        inputs=(Input("x", 0),),
        outputs=(Output("s", 2),),
        constants=(2.0,),
        sources=(
            SourceSpan(3, 1, "y[n] = 2*x[n]*x[n] + x[n]*x[n]"),
            SourceSpan(4, 1, "s = sum[n](y[n])"),
        ),
        descriptors=(
            Descriptor(line, (Access((axis(0),)), Access((axis(0),))), nodes, (4,)),
            Descriptor(
                reduced, (Access(()), Access((axis(0),))), (Node("load", (), 1),), (0, -1, -1)
            ),
        ),
        code=(
            Instruction("map", (1, 0), 0, 0),
            Instruction("sum", (2, 1), 1, 1),
            Instruction("halt"),
        ),
    )


class Program:
    """What a verified program is to the recorder: something with a module."""

    def __init__(self, module: Module) -> None:
        self.module = module


def bound(n: int = 4) -> Bound:
    f64 = np.dtype(np.float64)
    common = {"los": (1,), "roles": "o", "names": ("n",), "accesses": (), "nodes": (), "roots": ()}
    return Bound(
        Program(module()),
        {"N": n},
        (
            BoundRegister("x", f64, (n,), (1,), (1,)),
            BoundRegister("y", f64, (n,), (1,), (1,), 0),
            BoundRegister("s", f64, (), (), (), 64),
        ),
        (
            BoundInstruction(0, "map", 0, (n,), flops=3 * n, bytes=16 * n, **common),
            BoundInstruction(1, "sum", 1, (n,), flops=n, bytes=8 * n + 8, **common),
            BoundInstruction(2, "halt", -1, (), **common),
        ),
        128,
    )


class Runnable:
    """Says that instruction k took 1000*(k+1) ns, and 1000 ns more in every later run."""

    def __init__(self) -> None:
        self.plain = self.traced = 0

    def run(self, frame: Frame) -> int:
        self.plain += 1
        frame.arrays[1][...] = 3 * frame.arrays[0] ** 2
        frame.arrays[2][...] = frame.arrays[1].sum()
        return 3

    def run_traced(self, frame: Frame, times: np.ndarray) -> int:
        self.traced += 1
        for k in range(len(times)):
            times[k] += 1000 * (k + self.traced)
        return self.run(frame)


def frame(n: int = 4) -> Frame:
    return Frame(bound(n), {0: np.arange(float(n))})


class Fused(Runnable):
    """Made one function of the map and the sum: 6000 ns together, in every run."""

    timed_groups = ((0, 1), (2,))

    def run_timed(self, frame: Frame, timeline) -> int:
        now = time.perf_counter_ns()
        timeline.extend(np.array([0, 1]), np.array([now, now + 6000]), np.array([6000, 0]))
        return self.run(frame)


class Looped(Runnable):
    """Runs the map and the sum three times each, in turn: 100, 200, 300 ns and 50 ns each."""

    def run_timed(self, frame: Frame, timeline) -> int:
        now = time.perf_counter_ns()
        for k in range(3):
            for pc, took in ((0, 100 * (k + 1)), (1, 50)):
                timeline.add(pc, now, took)
                now += took
        timeline.add(2, now, 0)
        timeline.close()
        self.run(frame)
        return 7
