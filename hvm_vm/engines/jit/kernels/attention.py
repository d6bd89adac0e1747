"""Attention for one point of the batch, by blocks of queries. See `layout.ATTENTION`.

The scores of a block of queries against all keys that it may see are one matrix product into
scratch memory; each row is turned into probabilities in place; their product with the values is
the result. No matrix of all scores exists, and keys that a causal condition hides from a whole
block cost nothing.

Keys outside the condition have the probability -0, which no other key has: their values take no
part, but 0*NaN and 0*inf are NaN. Where a result is not finite, it is summed again without them.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import call1, get_i32, get_i64, lanes, put_i64
from hvm_vm.engines.jit.kernels.loops import inline


@inline
def visible(p, query):
    """How many keys, from the first on, the query sees."""
    keys = get_i64(p, at.ATT_KEYS)
    if get_i64(p, at.ATT_LIMITED) == 0:
        return keys
    value = get_i64(p, at.ATT_LIMIT_CONST) + query * get_i64(p, at.ATT_LIMIT_STEP)
    return max(0, min(keys, value // get_i64(p, at.ATT_LIMIT_DIVISOR) + 1))


def build(name, kind):
    tools = lanes(kind)
    get, put, zero, outside = tools.get, tools.put, tools.T(0), tools.T(-0.0)
    bits, marked = {"f32": (get_i32, np.int32(-(1 << 31))),
                    "f64": (get_i64, np.int64(-(1 << 63)))}[kind]

    def row(p, query, local, seen, width):
        """Turn one row of products into probabilities; lanes from `seen` to `width` are outside."""
        scores = get_i64(p, at.ATT_SCORES) + local * get_i64(p, at.ATT_LD)
        if seen == 0:
            for i in range(width):
                put(scores, i, outside)
            return 0
        cell = get_i64(p, at.ATT_CELL_AT)
        for _ in range(get_i64(p, at.ATT_CELLS)):
            place = query
            if get_i64(cell, at.ATT_CELL_LOCAL) != 0:
                place = local
            put_i64(get_i64(cell, at.ATT_CELL_TARGET), 0, get_i64(cell, at.ATT_CELL_BASE)
                    + place * get_i64(cell, at.ATT_CELL_STEP))
            cell += 8 * at.ATT_CELL_WORDS
        program = get_i64(p, at.ATT_PROGRAM)
        if get_i64(p, at.ATT_LIMITED) != 0:
            word = program + 8 * at.FLAT_WORDS
            for _ in range(get_i64(program, at.FLAT_COUNT)):
                put_i64(word, 5, seen)
                word += 8 * at.FLAT_WORD
        status = call1(get_i64(p, at.ATT_FLAT), program)
        for i in range(seen, width):
            put(scores, i, outside)
        return status

    def exactly(p, count, width):
        """The results of a block that are not finite, without the keys outside."""
        out = get_i64(get_i64(p, at.ATT_SECOND_OUT), 0)
        values = get_i64(get_i64(p, at.ATT_SECOND_V), 0)
        step, across = get_i64(p, at.ATT_V_STEP), get_i64(p, at.ATT_V_ACROSS)
        for local in range(count):
            scores = get_i64(p, at.ATT_SCORES) + local * get_i64(p, at.ATT_LD)
            for column in range(get_i64(p, at.ATT_COLUMNS)):
                place = out + column * get_i64(p, at.ATT_OUT_ACROSS)
                x = get(place, 0)
                if x - x == zero:
                    continue
                total = zero
                for key in range(width):
                    if bits(scores, key) != marked:
                        total += get(scores, key) * get(values + key * step + column * across, 0)
                put(place, 0, total)
            out += get_i64(p, at.ATT_OUT_STEP)

    row, exactly = inline(row), inline(exactly)

    def run(p):
        queries, block = get_i64(p, at.ATT_QUERIES), get_i64(p, at.ATT_BLOCK)
        gemm = get_i64(p, at.ATT_GEMM)
        first = 0
        while first < queries:
            count = min(block, queries - first)
            width = max(1, max(visible(p, first), visible(p, first + count - 1)))
            put_i64(get_i64(p, at.ATT_FIRST_ROWS), 0, count)
            put_i64(get_i64(p, at.ATT_FIRST_KEYS), 0, width)
            put_i64(get_i64(p, at.ATT_FIRST_Q), 0,
                    get_i64(p, at.ATT_Q) + first * get_i64(p, at.ATT_Q_STEP))
            call1(gemm, get_i64(p, at.ATT_FIRST))
            for local in range(count):
                status = row(p, first + local, local, visible(p, first + local), width)
                if status != 0:
                    return status
            put_i64(get_i64(p, at.ATT_SECOND_ROWS), 0, count)
            put_i64(get_i64(p, at.ATT_SECOND_KEYS), 0, width)
            put_i64(get_i64(p, at.ATT_SECOND_OUT), 0,
                    get_i64(p, at.ATT_OUT) + first * get_i64(p, at.ATT_OUT_STEP))
            call1(gemm, get_i64(p, at.ATT_SECOND))
            if get_i64(p, at.ATT_MASKED) != 0:
                exactly(p, count, width)
            first += count
        return 0
    return {"run": run}[name]
