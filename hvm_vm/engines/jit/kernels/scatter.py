"""Adding lanes to places that were computed: reductions by key."""

from __future__ import annotations

from hvm_vm.engines.jit.kernels.intrinsics import get_i64, lanes, put_i64
from hvm_vm.engines.jit.kernels.loops import inline
from hvm_vm.engines.jit.kernels.reductions import combine
from hvm_vm.engines.jit.lane_words import wide_kind


def build(name: str, op: str, kind: str, truth: str):
    """`scatter.add.<op>.<type>.<truth>`: the lanes a are combined with the elements of dst (in the
    wide type) whose numbers are the int64 lanes b; c: (truth lanes, counts per element or 0). Lanes
    that are not wanted go nowhere."""
    wide = lanes(wide_kind(op, kind))
    get, wget, wput, W = lanes(kind).get, wide.get, wide.put, wide.T
    holds, f = lanes(truth).get, inline(combine(op))

    def add(dst, a, b, c, n):
        wanted, counts = get_i64(c, 0), get_i64(c, 1)
        for i in range(n):
            if holds(wanted, i) != 0:
                at = get_i64(b, i)
                wput(dst, at, f(wget(dst, at), W(get(a, i))))
                if counts != 0:
                    put_i64(counts, at, get_i64(counts, at) + 1)
        return 0
    return {"add": add}[name]
