"""The engine `auto`: never makes a small or new program wait for a compiler.

It takes the jit when the kernels that the program needs are compiled and cached already, else the
reference. Importing Numba alone takes longer than most small programs run, so that is not done
before the program is large enough to gain from it, or the jit is loaded anyway.
"""

from __future__ import annotations

import sys

from hvm_vm.engines.bound import Bound

WORTH_LOADING = 200_000_000  # FLOPs of one run: what NumPy needs tens of milliseconds for


class AutoEngine:
    name = "auto"

    def ready(self, bound: Bound) -> bool:
        return True

    def choose(self, bound: Bound):
        """The engine that is to run `bound`."""
        from hvm_vm.engines import get

        loaded = "hvm_vm.engines.jit" in sys.modules
        if loaded or sum(one.flops for one in bound.code) >= WORTH_LOADING:
            jit = get("jit")
            ready = getattr(jit, "ready", None)
            if ready is not None and ready(bound):
                return jit
        return get("reference")

    def prepare(self, bound: Bound, threads: int = 1):
        return self.choose(bound).prepare(bound, threads)


engine = AutoEngine()
