"""Solves: plain Newton at a block of points side by side, then the points that left it one by one.
See `layout.SOLVE`, `engines/solving/plain.py` (the same arithmetic, in the same order) and
`engines/solving/point.py`, which is compiled here for addresses."""

from __future__ import annotations

import numpy as np

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
from hvm_vm.engines.solving import memory, plain, point

HEAD, VECTORS, HUGE, NOTHING = memory.HEAD, memory.VECTORS, memory.HUGE, memory.NOTHING
X, F, SCALE, START, LOW, HIGH = (
    memory.X, memory.F, memory.SCALE, memory.START, memory.LOW, memory.HIGH)
AT, RESIDUAL, TERMS = memory.AT, memory.RESIDUAL, memory.TERMS
JACOBIAN, SLOPES = memory.JACOBIAN, memory.SLOPES
EVALUATIONS, CONDITION, CAP = memory.EVALUATIONS, memory.CONDITION, memory.CAP
LINEAR, TOLERANCE, EPSILON = memory.LINEAR, memory.TOLERANCE, memory.EPSILON
GIVEN = memory.GIVEN
SOLVED, MULTIPLE = memory.SOLVED, memory.MULTIPLE
PASSES, REGULAR, RESOLVED = plain.PASSES, plain.REGULAR, plain.RESOLVED
CLOSE, SHRINKS, FARTHEST = plain.CLOSE, plain.SHRINKS, plain.FARTHEST
ENDED = -1.0  # in place of the length of the last step; LEFT and less: -2 less the evaluations
LEFT = -2.0


def build(name, kind=""):
    return {"points": _points, "point": _point, "clear": lambda _: clear}[name](kind)


def clear(told):
    """Forget what the last run told."""
    for k in range(at.TOLD_N):
        put_i64(told, k, 0)
    n = get_i64(told, at.TOLD_N)
    for k in range(3 * n):
        put_i64(told, at.TOLD_WORDS + k, 0)
    return 0


@inline
def raise_to(told, k, value):
    if value > get_f64(told, k):
        put_f64(told, k, value)
    return 0


def _tools(kind):
    if kind == "f32":
        @inline
        def get(address, index):
            return float(get_f32(address, index))

        @inline
        def put(address, index, value):
            put_f32(address, index, np.float32(value))
        return get, put
    return get_f64, put_f64


def _point(kind):
    get, put = _tools(kind)

    @inline
    def evaluate(p, m, n):
        for j in range(n):
            put(get_i64(p, at.SOLVE_POINT_X), j, get_f64(m, HEAD + X * n + j))
            put_f64(m, HEAD + X * n + j, get(get_i64(p, at.SOLVE_POINT_X), j))
        status = call1(get_i64(p, at.SOLVE_ONE), get_i64(p, at.SOLVE_ONE + 1))
        if status != 0:
            put_i64(p, at.SOLVE_BROKEN, status)
        finite = status == 0
        for i in range(n):
            value = get(get_i64(p, at.SOLVE_POINT_F), i)
            finite = finite and abs(value) < HUGE
            put_f64(m, HEAD + F * n + i, value)
            put_f64(m, HEAD + SCALE * n + i, get(get_i64(p, at.SOLVE_POINT_SCALE), i))
        for k in range(n * n):
            entry, value = get_i64(get_i64(p, at.SOLVE_NUMBERS), k), 0.0
            if entry >= 0:
                value = get(get_i64(p, at.SOLVE_POINT_SLOPES), entry)
            finite = finite and abs(value) < HUGE
            put_f64(m, HEAD + (VECTORS + JACOBIAN * n) * n + k, value)
        return finite

    solve_point = point.make(get_f64, put_f64, evaluate, inline)

    def solve(p):
        return solve_point(p, get_i64(p, at.SOLVE_MEMORY), get_i64(p, at.SOLVE_UNKNOWNS))
    return solve


def _points(kind):
    get, put = _tools(kind)

    @inline
    def eliminate(p, n, lanes, lane):
        """The Newton step of a point into its working memory (after its matrix); the condition,
        negative when the Jacobian is a suspect."""
        table, f = get_i64(p, at.SOLVE_WORK), get_i64(p, at.SOLVE_F)
        slopes, x = get_i64(p, at.SOLVE_SLOPES), get_i64(p, at.SOLVE_X)
        start, width = get_i64(p, at.SOLVE_START), n + 1
        step = table + 8 * n * width
        for i in range(n):
            largest = 0.0
            for j in range(n):
                size = max(abs(get(x, j * lanes + lane)), abs(get(start, j * lanes + lane)))
                value = get(get_i64(slopes, i * n + j), lane) * (size if size > 1e-3 else 1.0)
                put_f64(table, i * width + j, value)
                if not abs(value) <= largest:
                    largest = abs(value)
            put_f64(table, i * width + n, -get(f, i * lanes + lane))
            for j in range(width):
                put_f64(table, i * width + j, get_f64(table, i * width + j) / largest)
        least, most = np.inf, 0.0
        for k in range(n):
            row, best = k, abs(get_f64(table, k * width + k))
            for i in range(k + 1, n):
                if abs(get_f64(table, i * width + k)) > best:
                    row, best = i, abs(get_f64(table, i * width + k))
            if not best > 0.0:
                return -1.0
            if row != k:
                for j in range(width):
                    held = get_f64(table, k * width + j)
                    put_f64(table, k * width + j, get_f64(table, row * width + j))
                    put_f64(table, row * width + j, held)
            least, most = min(least, best), max(most, best)
            for i in range(k + 1, n):
                factor = get_f64(table, i * width + k) / get_f64(table, k * width + k)
                for j in range(k + 1, width):
                    put_f64(table, i * width + j, get_f64(table, i * width + j)
                            - factor * get_f64(table, k * width + j))
        for back in range(n):
            k = n - 1 - back
            total = get_f64(table, k * width + n)
            for j in range(k + 1, n):
                total = total - get_f64(table, k * width + j) * get_f64(step, j)
            put_f64(step, k, total / get_f64(table, k * width + k))
        for j in range(n):
            size = max(abs(get(x, j * lanes + lane)), abs(get(start, j * lanes + lane)))
            put_f64(step, j, get_f64(step, j) * (size if size > 1e-3 else 1.0))
        return most / least if least > REGULAR * most else -1.0

    def make_pass(fixed):
        """One step at every point that is running; how many still are. `fixed`: the number of
        unknowns when it is 1 or 2, so that all loops unroll; else 0."""
        @inline
        def step_all(p, unknowns, lanes, count, linear, tolerance, epsilon):
            n = fixed if fixed > 0 else unknowns
            x, f, scale = (
                get_i64(p, at.SOLVE_X), get_i64(p, at.SOLVE_F), get_i64(p, at.SOLVE_SCALE))
            start, low, high = (
                get_i64(p, at.SOLVE_START), get_i64(p, at.SOLVE_LOW), get_i64(p, at.SOLVE_HIGH))
            slopes, row = get_i64(p, at.SOLVE_SLOPES), get_i64(p, at.SOLVE_BEFORE_ROW)
            work, told = get_i64(p, at.SOLVE_WORK), get_i64(p, at.SOLVE_TOLD)
            step = work + 8 * n * (n + 1)
            first, second, third, fourth = 0, 0, 0, 0
            first = get_i64(slopes, 0)
            if fixed == 2:
                second, third, fourth = get_i64(slopes, 1), get_i64(slopes, 2), get_i64(slopes, 3)
            going = 0
            for lane in range(lanes):
                before = get_f64(row, lane)
                if before < 0.0:
                    continue
                # The step.
                if fixed == 1:
                    slope, condition = get(first, lane), 1.0
                    sound = slope != 0.0 and abs(slope) < HUGE
                    put_f64(step, 0, -get(f, lane) / slope)
                elif fixed == 2:
                    a, b, c, d = get(first, lane), get(second, lane), get(third, lane), get(
                        fourth, lane)
                    u, v = get(f, lane), get(f, lanes + lane)
                    one, two = a * d, b * c
                    determinant, reach = one - two, abs(one) + abs(two)
                    sound = abs(determinant) > REGULAR * reach
                    put_f64(step, 0, (b * v - d * u) / determinant)
                    put_f64(step, 1, (c * u - a * v) / determinant)
                    condition = reach / abs(determinant)
                else:
                    condition = eliminate(p, n, lanes, lane)
                    sound = condition > 0.0
                # Its length, and whether it is small.
                length, near = 0.0, True
                for j in range(n):
                    here, origin = abs(get(x, j * lanes + lane)), abs(get(start, j * lanes + lane))
                    size = here if here > origin else origin
                    size = size if size > 1e-3 else 1.0
                    change = abs(get_f64(step, j))
                    length = length + change / size
                    near = near and change <= tolerance * (
                        here + NOTHING * (origin if 0.0 < origin < 1.0 else 1.0))
                if not (sound and length < FARTHEST) or (
                        not linear and length > 8.0 * epsilon * n and (
                            (before <= 1.0 and length > before)
                            or (before <= CLOSE and length > SHRINKS * before))):
                    put_f64(row, lane, LEFT - count)
                    continue
                # Whether the relations hold.
                if near:
                    resolved = True
                    for i in range(n):
                        reach, effect = 0.0, 0.0
                        for j in range(n):
                            slope = abs(get(get_i64(slopes, i * n + j), lane))
                            here = abs(get(x, j * lanes + lane))
                            origin = abs(get(start, j * lanes + lane))
                            size = here if here > origin else origin
                            reach = reach + slope * here
                            effect = effect + slope * (size if size > 1e-3 else 1.0)
                        terms = get(scale, i * lanes + lane)
                        size = terms if terms > reach else reach
                        near = near and abs(get(f, i * lanes + lane)) <= tolerance * size
                        resolved = resolved and effect > RESOLVED * terms
                    if near and not resolved:
                        put_f64(row, lane, LEFT - count)
                        continue
                if near and (length <= epsilon * n or before <= tolerance):
                    put_f64(row, lane, ENDED)
                    raise_to(told, at.TOLD_CONDITION, condition)
                    if count > get_i64(told, at.TOLD_PASSES):
                        put_i64(told, at.TOLD_PASSES, count)
                    for i in range(n):
                        apart = abs(get(f, i * lanes + lane))
                        raise_to(told, at.TOLD_WORDS + i, apart)
                        if apart > 0.0:
                            size = get(scale, i * lanes + lane)
                            reach = 0.0
                            for j in range(n):
                                reach = reach + abs(get(get_i64(slopes, i * n + j), lane)) * abs(
                                    get(x, j * lanes + lane))
                            size = size if size > reach else reach
                            raise_to(told, at.TOLD_RATIO, apart / size)
                            raise_to(told, at.TOLD_WORDS + n + i, apart / size)
                    continue
                part = 1.0 / length if length > 1.0 and not linear else 1.0
                inside = True
                for j in range(n):
                    value = get(x, j * lanes + lane) + part * get_f64(step, j)
                    put(work, 0, value)  # in the program's precision
                    value = get(work, 0)
                    inside = inside and not value < get(low, j * lanes + lane)
                    inside = inside and not value > get(high, j * lanes + lane)
                    put_f64(step, j, value)
                if not inside:
                    put_f64(row, lane, LEFT - count)
                    continue
                for j in range(n):
                    put(x, j * lanes + lane, get_f64(step, j))
                put_f64(row, lane, tolerance if near and length > tolerance else length)
                going += 1
            return going
        return step_all

    pass_1, pass_2, pass_n = make_pass(1), make_pass(2), make_pass(0)

    @inline
    def side_by_side(p, n, lanes):
        """Plain Newton at all points; the evaluations, or a negative status."""
        linear = get_i64(p, at.SOLVE_LINEAR) != 0
        tolerance, epsilon = get_f64(p, at.SOLVE_TOLERANCE), get_f64(p, at.SOLVE_EPSILON)
        row, going, count = get_i64(p, at.SOLVE_BEFORE_ROW), 0, 0
        x, start = get_i64(p, at.SOLVE_X), get_i64(p, at.SOLVE_START)
        low, high = get_i64(p, at.SOLVE_LOW), get_i64(p, at.SOLVE_HIGH)
        for lane in range(lanes):
            inside = True
            for j in range(n):
                value = get(start, j * lanes + lane)
                put(x, j * lanes + lane, value)
                if value < get(low, j * lanes + lane) or value > get(high, j * lanes + lane):
                    inside = False
            put_f64(row, lane, np.inf if inside else LEFT)
            going += 1 if inside else 0
        while going > 0 and count < PASSES:
            status = call1(get_i64(p, at.SOLVE_BODY), get_i64(p, at.SOLVE_BODY + 1))
            if status != 0:
                return -status if status > 0 else status
            count += 1
            if n == 1:
                going = pass_1(p, n, lanes, count, linear, tolerance, epsilon)
            elif n == 2:
                going = pass_2(p, n, lanes, count, linear, tolerance, epsilon)
            else:
                going = pass_n(p, n, lanes, count, linear, tolerance, epsilon)
        return count

    @inline
    def move_to(p, lane):
        """Let the program of one point read what this lane reads."""
        dims, extents = get_i64(p, at.SOLVE_DIMS), get_i64(p, at.SOLVE_EXTENTS)
        for k in range(get_i64(p, at.SOLVE_CELLS)):
            cell = get_i64(p, at.SOLVE_CELL_AT) + 8 * at.CELL_WORDS * k
            place, rest = get_i64(cell, at.CELL_BASE), lane
            for back in range(dims):
                d = dims - 1 - back
                extent = get_i64(extents, d)
                place += (rest % extent) * get_i64(get_i64(cell, at.CELL_STEPS), d)
                rest //= extent
            put_i64(get_i64(cell, at.CELL_TARGET), 0, place)
        return 0

    @inline
    def alone(p, n, lanes, lane, passes):
        """Solve one point with care; whether it has a solution."""
        m, told = get_i64(p, at.SOLVE_MEMORY), get_i64(p, at.SOLVE_TOLD)
        x = get_i64(p, at.SOLVE_X)
        move_to(p, lane)
        for j in range(n):
            put_f64(m, HEAD + START * n + j, get(get_i64(p, at.SOLVE_START), j * lanes + lane))
            put_f64(m, HEAD + LOW * n + j, get(get_i64(p, at.SOLVE_LOW), j * lanes + lane))
            put_f64(m, HEAD + HIGH * n + j, get(get_i64(p, at.SOLVE_HIGH), j * lanes + lane))
        put_f64(m, LINEAR, float(get_i64(p, at.SOLVE_LINEAR)))
        put_f64(m, GIVEN, float(get_i64(p, at.SOLVE_GIVEN)))
        put_f64(m, TOLERANCE, get_f64(p, at.SOLVE_TOLERANCE))
        put_f64(m, EPSILON, get_f64(p, at.SOLVE_EPSILON))
        put_f64(m, CAP, passes + float(get_i64(p, at.SOLVE_CAP)))
        put_f64(m, EVALUATIONS, passes)
        status = call1(get_i64(p, at.SOLVE_POINT), p)
        passes = int(get_f64(m, EVALUATIONS))
        if passes > get_i64(told, at.TOLD_PASSES):
            put_i64(told, at.TOLD_PASSES, passes)
        if status != SOLVED and status != MULTIPLE:
            put_i64(told, at.TOLD_UNSOLVED, get_i64(told, at.TOLD_UNSOLVED) + 1)
            for j in range(n):
                put(x, j * lanes + lane, np.nan)
            return False
        if status == MULTIPLE:
            put_i64(told, at.TOLD_MULTIPLE, get_i64(told, at.TOLD_MULTIPLE) + 1)
        raise_to(told, at.TOLD_CONDITION, get_f64(m, CONDITION))
        slopes = HEAD + (VECTORS + SLOPES * n) * n
        for i in range(n):
            value = get_f64(m, HEAD + AT * n + i)
            put(x, i * lanes + lane, value)
            if value <= get_f64(m, HEAD + LOW * n + i) or value >= get_f64(m, HEAD + HIGH * n + i):
                count = at.TOLD_WORDS + 2 * n + i
                put_i64(told, count, get_i64(told, count) + 1)
            apart = abs(get_f64(m, HEAD + RESIDUAL * n + i))
            raise_to(told, at.TOLD_WORDS + i, apart)
            if apart > 0.0:
                reach = 0.0
                for j in range(n):
                    reach += abs(get_f64(m, slopes + i * n + j)) * abs(
                        get_f64(m, HEAD + AT * n + j))
                reach = max(reach, get_f64(m, HEAD + TERMS * n + i))
                raise_to(told, at.TOLD_RATIO, apart / reach)
                raise_to(told, at.TOLD_WORDS + n + i, apart / reach)
        return True

    def points(p):
        n, lanes = get_i64(p, at.SOLVE_UNKNOWNS), get_i64(p, at.SOLVE_LANES)
        told, row = get_i64(p, at.SOLVE_TOLD), get_i64(p, at.SOLVE_BEFORE_ROW)
        put_i64(told, at.TOLD_POINTS, get_i64(told, at.TOLD_POINTS) + lanes)
        status = call1(get_i64(p, at.SOLVE_BEFORE), get_i64(p, at.SOLVE_BEFORE + 1))
        if status != 0:
            return status
        count = side_by_side(p, n, lanes)
        if count < 0:
            return -count
        put_i64(p, at.SOLVE_BROKEN, 0)
        for lane in range(lanes):
            ending = get_f64(row, lane)
            if ending == ENDED:
                continue
            passes = float(count) if ending > LEFT else LEFT - ending
            solved = alone(p, n, lanes, lane, passes)
            if get_i64(p, at.SOLVE_BROKEN) != 0:
                return get_i64(p, at.SOLVE_BROKEN)
            if not solved and get_i64(p, at.SOLVE_GOES_ON) == 0:
                return 1
        return call1(get_i64(p, at.SOLVE_AFTER), get_i64(p, at.SOLVE_AFTER + 1))
    return points
