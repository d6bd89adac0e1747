"""The engine `auto`: starts in what is ready, and never makes a small or new program wait.

A program begins in the reference, which has nothing to load or compile. It moves to the jit when
that pays: at once when the jit is loaded and has its kernels, or when one run is long (scans of
many steps are, for which kernels are even compiled); else when runs have taken as long as loading
the kernels would have, and at last, when they have taken as long as compiling them would, whether
they are ready or not.
"""

from __future__ import annotations

import sys
from math import prod

from hvm_vm.bytecode.isa import WALKED
from hvm_vm.engines.bound import Bound

LONG_RUN = 100_000_000  # FLOPs: a run that is longer than loading kernels
LOADING = 0.1  # seconds, to load an engine and the kernels of a program
STEP = 8e-6  # seconds that the reference takes for an operation in a step of a scan
COMPILING = 3.0  # seconds, to compile those of a typical program


class AutoEngine:
    name = "auto"

    def ready(self, bound: Bound) -> bool:
        return True

    def choose(self, bound: Bound, spent: float = 0.0):
        """The engine for the next run, after `spent` seconds of runs in the reference."""
        from hvm_vm.engines import get

        reference = get("reference")
        loaded = "hvm_vm.engines.jit.runnable" in sys.modules
        work = sum(one.flops for one in bound.code)
        spent += _seconds_of_scans(bound)
        if not loaded and spent < LOADING and work < LONG_RUN:
            return reference
        try:
            jit = get("jit")
            return jit if spent >= COMPILING or jit.ready(bound) else reference
        except ImportError:  # an installation without Numba still runs
            return reference

    def prepare(self, bound: Bound, threads: int = 1):
        return self.choose(bound).prepare(bound, threads)


def _seconds_of_scans(bound: Bound) -> float:
    """About how long the reference takes for the steps of scans, each of which it evaluates by
    itself."""
    return sum(
        STEP * (len(one.nodes) + len(one.roots)) * prod(
            n for n, role in zip(one.extents, one.roles, strict=True) if role in WALKED)
        for one in bound.code if one.op == "scan")


engine = AutoEngine()
