"""A solve at many points: evaluate the relations at all of them, advance each, until all are done.
See `layout.SOLVE` and `engines/solve_steps.py`, which is compiled here for addresses."""

from __future__ import annotations

import numpy as np

from hvm_vm.engines import solve_steps
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import (
    call1,
    get_f32,
    get_f64,
    get_i64,
    put_f32,
    put_f64,
    put_i64,
)
from hvm_vm.engines.jit.kernels.loops import inline

MODE, STATUS, PASSES, RATIO = (
    solve_steps.MODE, solve_steps.STATUS, solve_steps.PASSES, solve_steps.RATIO)
HEAD, SOLVED, MULTIPLE = solve_steps.HEAD, solve_steps.SOLVED, solve_steps.MULTIPLE


def build(name, kind):
    get = get_f32 if kind == "f32" else get_f64
    if kind == "f32":
        @inline
        def put(address, index, value):
            put_f32(address, index, np.float32(value))
    else:
        put = put_f64
    advance = solve_steps.make(get, put, get_f64, put_f64, get_i64, inline)

    def points(p):
        n, lanes = get_i64(p, at.SOLVE_UNKNOWNS), get_i64(p, at.SOLVE_LANES)
        x, f = get_i64(p, at.SOLVE_X), get_i64(p, at.SOLVE_F)
        scale, jac = get_i64(p, at.SOLVE_SCALE), get_i64(p, at.SOLVE_JACOBIAN)
        start, low, high = (
            get_i64(p, at.SOLVE_START), get_i64(p, at.SOLVE_LOW), get_i64(p, at.SOLVE_HIGH))
        rows = get_i64(p, at.SOLVE_ROWS)
        state, work = get_i64(p, at.SOLVE_STATE), get_i64(p, at.SOLVE_WORK)
        linear, goes_on = get_i64(p, at.SOLVE_LINEAR) != 0, get_i64(p, at.SOLVE_GOES_ON) != 0
        cap = float(get_i64(p, at.SOLVE_CAP))
        tolerance, epsilon = get_f64(p, at.SOLVE_TOLERANCE), get_f64(p, at.SOLVE_EPSILON)
        status = call1(get_i64(p, at.SOLVE_BEFORE), get_i64(p, at.SOLVE_BEFORE + 1))
        if status != 0:
            return status
        size = HEAD + 5 * n + n * n
        for k in range(lanes * size):
            put_f64(state, k, 0.0)
        for k in range(lanes * n):
            value = get(start, k)
            if value < get(low, k):
                value = get(low, k)
            if value > get(high, k):
                value = get(high, k)
            put(x, k, value)
        going = lanes
        while going > 0:
            status = call1(get_i64(p, at.SOLVE_BODY), get_i64(p, at.SOLVE_BODY + 1))
            if status != 0:
                return status
            going = 0
            for lane in range(lanes):
                going += advance(n, lanes, lane, x, f, scale, jac, rows, start, low, high, state,
                                 work, linear, tolerance, cap, epsilon)
        passes, ratio, bad = 0.0, 0.0, 0
        for lane in range(lanes):
            passes = max(passes, get_f64(state, lane * size + PASSES))
            ratio = max(ratio, get_f64(state, lane * size + RATIO))
            outcome = int(get_f64(state, lane * size + STATUS))
            if outcome != SOLVED and outcome != MULTIPLE:
                bad = 1
                if goes_on:
                    for k in range(n):
                        put(x, k * lanes + lane, np.nan)
        put_i64(p, at.SOLVE_PASSES, int(passes))
        put_f64(p, at.SOLVE_RATIO, ratio)
        if bad != 0 and not goes_on:
            return 1
        return call1(get_i64(p, at.SOLVE_AFTER), get_i64(p, at.SOLVE_AFTER + 1))
    return {"points": points}[name]
