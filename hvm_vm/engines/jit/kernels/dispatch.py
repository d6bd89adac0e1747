"""The dispatch loop and the three ways to run lane words: flat, sweep and rows.

All are call-threaded: a table of (kernel address, parameter address) is walked, each kernel
called by its address, a status other than 0 stops the walk. The layouts of the parameters are
`layout.py`'s.
"""

from __future__ import annotations

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.kernels.intrinsics import call1, call5, cycles, get_i64, put_i64

FLAT_COUNT, FLAT_WORDS = at.FLAT_COUNT, at.FLAT_WORDS


def program(steps, count):
    """Run `count` steps (kernel, parameters); `count`, or -(step+1) of the one that failed."""
    for step in range(count):
        if call1(get_i64(steps, 2 * step), get_i64(steps, 2 * step + 1)) != 0:
            return -(step + 1)
    return count


def traced(steps, count, stamps):
    """As `program`, storing the cycle counter before the first step in `stamps[0]` and after
    step k in `stamps[k+1]`. Nothing of it is in `program`: a run without clocks pays nothing."""
    put_i64(stamps, 0, cycles())
    for step in range(count):
        status = call1(get_i64(steps, 2 * step), get_i64(steps, 2 * step + 1))
        put_i64(stamps, step + 1, cycles())
        if status != 0:
            return -(step + 1)
    return count


def clock():
    return cycles()


def flat(p):
    """Words with absolute addresses, each with its own number of lanes."""
    count = get_i64(p, FLAT_COUNT)
    word = p + 8 * FLAT_WORDS
    for _ in range(count):
        status = call5(get_i64(word, 0), get_i64(word, 1), get_i64(word, 2), get_i64(word, 3),
                       get_i64(word, 4), get_i64(word, 5))
        if status != 0:
            return status
        word += 48
    return 0


def build(name):
    return {"program": program, "traced": traced, "clock": clock, "flat": flat,
            "sweep": _sweep, "rows": _rows}[name]


def _sweep(p):
    """Run a lane program over blocks of an index space: outer odometer, chunks of the split
    dimension, and for reductions a repeated odometer inside each block. See `layout.SWEEP`."""
    outer_dims = get_i64(p, at.SWEEP_OUTER)
    extent = get_i64(p, at.SWEEP_EXTENT)
    chunk = get_i64(p, at.SWEEP_CHUNK)
    inner = get_i64(p, at.SWEEP_INNER)
    repeat_dims = get_i64(p, at.SWEEP_REPEAT)
    outer = get_i64(p, at.SWEEP_OUTER_AT)
    repeat = get_i64(p, at.SWEEP_REPEAT_AT)
    accesses = get_i64(p, at.SWEEP_ACCESSES)
    access_at = get_i64(p, at.SWEEP_ACCESS_AT)
    slots = get_i64(p, at.SWEEP_SLOTS)
    blocks = get_i64(p, at.SWEEP_OUTER_POINTS)
    repeats = get_i64(p, at.SWEEP_REPEAT_POINTS)
    stages = p + 8 * at.SWEEP_STAGES  # three of (count, address): before, body, after

    for k in range(accesses):
        a = access_at + 8 * at.ACCESS_WORDS * k
        put_i64(a, at.ACCESS_POINTER, get_i64(a, at.ACCESS_BASE))
        put_i64(a, at.ACCESS_LANES, 0)
    for d in range(outer_dims):
        put_i64(outer, 2 * d + 1, 0)

    for _ in range(blocks):
        start = 0
        while start < extent:
            size = min(chunk, extent - start)
            n = size * inner
            for d in range(repeat_dims):
                put_i64(repeat, 2 * d + 1, 0)
            for k in range(accesses):
                a = access_at + 8 * at.ACCESS_WORDS * k
                put_i64(a, at.ACCESS_HERE, get_i64(a, at.ACCESS_POINTER)
                        + start * get_i64(a, at.ACCESS_SPLIT))
            for again in range(repeats):
                for stage in range(3):
                    if (stage == 0 and again != 0) or (stage == 2 and again != repeats - 1):
                        continue
                    for k in range(accesses):
                        a = access_at + 8 * at.ACCESS_WORDS * k
                        if get_i64(a, at.ACCESS_STAGE) != stage:
                            continue
                        here = get_i64(a, at.ACCESS_HERE)
                        slot = get_i64(a, at.ACCESS_SLOT)
                        fill = get_i64(a, at.ACCESS_FILL)
                        if fill == 0:
                            put_i64(slots, slot, here)
                        elif (here != get_i64(a, at.ACCESS_LAST)
                              or n > get_i64(a, at.ACCESS_LANES)):
                            put_i64(a, at.ACCESS_LAST, here)
                            put_i64(a, at.ACCESS_LANES, n)
                            call5(fill, get_i64(slots, slot), here,
                                  get_i64(a, at.ACCESS_DIMS), 0, n)
                    word = get_i64(stages, 2 * stage + 1)
                    for _word in range(get_i64(stages, 2 * stage)):
                        status = call5(
                            get_i64(word, 0), get_i64(slots, get_i64(word, 1)),
                            get_i64(slots, get_i64(word, 2)), get_i64(slots, get_i64(word, 3)),
                            get_i64(slots, get_i64(word, 4)), n)
                        if status != 0:
                            return status
                        word += 40
                # the next point of the repeated dimensions
                d = repeat_dims - 1
                while d >= 0:
                    counter = get_i64(repeat, 2 * d + 1) + 1
                    if counter < get_i64(repeat, 2 * d):
                        put_i64(repeat, 2 * d + 1, counter)
                        break
                    put_i64(repeat, 2 * d + 1, 0)
                    d -= 1
                if d >= 0:
                    for k in range(accesses):
                        a = access_at + 8 * at.ACCESS_WORDS * k
                        put_i64(a, at.ACCESS_HERE, get_i64(a, at.ACCESS_HERE)
                                + get_i64(get_i64(a, at.ACCESS_REPEAT_STEPS), d))
            start += size
        # the next point of the outer dimensions
        d = outer_dims - 1
        while d >= 0:
            counter = get_i64(outer, 2 * d + 1) + 1
            if counter < get_i64(outer, 2 * d):
                put_i64(outer, 2 * d + 1, counter)
                break
            put_i64(outer, 2 * d + 1, 0)
            d -= 1
        if d >= 0:
            for k in range(accesses):
                a = access_at + 8 * at.ACCESS_WORDS * k
                put_i64(a, at.ACCESS_POINTER, get_i64(a, at.ACCESS_POINTER)
                        + get_i64(get_i64(a, at.ACCESS_OUTER_STEPS), d))
    return 0


def _rows(p):
    """For each point of an odometer, set cells (addresses inside other parameters) to the place of
    the point, then run a few steps. See `layout.ROWS`."""
    dims = get_i64(p, at.ROWS_DIMS)
    points = get_i64(p, at.ROWS_POINTS)
    odometer = get_i64(p, at.ROWS_ODOMETER)
    cells = get_i64(p, at.ROWS_CELLS)
    cell_at = get_i64(p, at.ROWS_CELL_AT)
    actions = get_i64(p, at.ROWS_ACTIONS)
    action_at = get_i64(p, at.ROWS_ACTION_AT)
    for k in range(cells):
        c = cell_at + 8 * at.CELL_WORDS * k
        put_i64(get_i64(c, at.CELL_TARGET), 0, get_i64(c, at.CELL_BASE))
    for d in range(dims):
        put_i64(odometer, 2 * d + 1, 0)
    for _ in range(points):
        for k in range(actions):
            status = call1(get_i64(action_at, 2 * k), get_i64(action_at, 2 * k + 1))
            if status != 0:
                return status
        d = dims - 1
        while d >= 0:
            counter = get_i64(odometer, 2 * d + 1) + 1
            if counter < get_i64(odometer, 2 * d):
                put_i64(odometer, 2 * d + 1, counter)
                break
            put_i64(odometer, 2 * d + 1, 0)
            d -= 1
        if d >= 0:
            for k in range(cells):
                c = cell_at + 8 * at.CELL_WORDS * k
                target = get_i64(c, at.CELL_TARGET)
                put_i64(target, 0, get_i64(target, 0) + get_i64(get_i64(c, at.CELL_STEPS), d))
    return 0
