"""The jit engine: bytecode run by a compiled, call-threaded dispatch loop.

Every instruction becomes a few steps, every step a kernel; kernels are compiled by Numba one by one
on first use and kept on disk as object files, which are loaded without Numba. `prepare.py` turns
instructions into steps, `kernels/` holds what is compiled, `runnable.py` runs.
"""

from __future__ import annotations

from hvm_vm.engines.bound import Bound
from hvm_vm.engines.jit.cache import KernelCacheWarning, is_ready, on_compile

__all__ = ["KernelCacheWarning", "engine", "on_compile", "ready"]

name = "jit"


class JitEngine:
    """See `engines.engine.Engine`."""

    name = name

    def prepare(self, bound: Bound, threads: int = 1):
        """A `JitRunnable`: compiles or loads the kernels that the program needs."""
        from hvm_vm.engines.jit.runnable import JitRunnable
        return JitRunnable(bound, threads)

    def ready(self, bound: Bound) -> bool:
        return ready(bound)


def ready(bound: Bound) -> bool:
    """Whether every kernel that the program needs is loaded or cached: preparing will not
    compile."""
    names = bound.cache.get("jit kernels")
    if names is None:
        from hvm_vm.engines.jit.prepare import prepare_block
        block, steps = prepare_block(bound, 1)
        names = block.kernel_names() | {step.kernel for _, step in steps} | {"run.program"}
        bound.cache["jit kernels"] = names
    return all(is_ready(one) for one in names)


engine = JitEngine()
