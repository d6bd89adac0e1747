"""Systems over arrays: the way from the dispatch loop into `prepare_system.Callback`."""

from __future__ import annotations

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import call1, get_i64


def call(p):
    """Let the callback solve; its status."""
    return call1(get_i64(p, at.SYSTEM_CALLBACK), p)


def build(name):
    return {"call": call}[name]
