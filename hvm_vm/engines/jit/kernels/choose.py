"""Choosing between two lists of steps while running. See `layout.CHOOSE`."""

from __future__ import annotations

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import call1, get_i64, lanes
from hvm_vm.engines.jit.kernels.loops import inline
from hvm_vm.engines.jit.kernels.moves import offset_of_row


def build(name, kind):
    tools = lanes(kind)
    get, zero = tools.get, tools.T(0)

    def all_finite(start, table, n):
        """Whether the `n` elements that a table of dimensions walks hold no infinity and no NaN."""
        count = get_i64(table, 0)
        inner = n if count == 1 else get_i64(table, 1)
        stride = get_i64(table, 1 + 2 * count)
        for row in range(n // inner):
            place = start + offset_of_row(table, count, row)
            wrong = 0
            for i in range(inner):
                x = get(place + i * stride, 0)
                wrong |= 0 if x - x == zero else 1
            if wrong != 0:
                return False
        return True

    all_finite = inline(all_finite)

    def finite(p):
        """The first list if all elements of an operand are finite, else the second."""
        chosen = at.CHOOSE_SECOND
        if all_finite(get_i64(p, at.CHOOSE_OPERAND), get_i64(p, at.CHOOSE_TABLE),
                      get_i64(p, at.CHOOSE_ELEMENTS)):
            chosen = at.CHOOSE_FIRST
        steps = get_i64(p, chosen + 1)
        for k in range(get_i64(p, chosen)):
            status = call1(get_i64(steps, 2 * k), get_i64(steps, 2 * k + 1))
            if status != 0:
                return status
        return 0

    return {"finite": finite}[name]
