"""Attention for one point of the batch, by blocks of queries. See `layout.ATTENTION`.

The scores of a block of queries against all keys that it may see are one matrix product into
scratch memory; each row is turned into probabilities in place; their product with the values is
the result. No matrix of all scores exists, and keys that a causal condition hides from a whole
block cost nothing.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import call1, get_i64, lanes, put_i64
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
    put, zero, nan = tools.put, tools.T(0), tools.T(np.nan)

    def row(p, query, local, seen, width):
        """Turn one row of products into probabilities; lanes from `seen` to `width` become 0."""
        scores = get_i64(p, at.ATT_SCORES) + local * get_i64(p, at.ATT_LD)
        if seen == 0:  # a softmax of nothing
            for i in range(width):
                put(scores, i, nan)
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
            put(scores, i, zero)
        return status

    row = inline(row)

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
            first += count
        return 0
    return {"run": run}[name]
