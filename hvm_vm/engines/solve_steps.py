"""One step of a `solve` at one point: what the engines have in common.

The method is damped Newton with the exact Jacobian (Deuflhard 2004, chapter 3: a step is halved
until the weighted residuals shrink), by Gaussian elimination with full pivoting. Where that stalls
or the Jacobian is singular, Levenberg-Marquardt steps (Moré 1978) take over until they are nearly
Newton's. Bounds are kept by projection; a point where a relation is not finite is rejected like one
that is worse.

An engine evaluates the relations at every point at once and then calls `advance` for each point,
which either asks for another evaluation at a new trial or is done. Success is judged at the point
itself, never by the size of a step alone:

- every residual is at most `tolerance` times the magnitude of its relation's terms, or of
  `sum[j](|J_ij*x_j|)`, and
- the full Newton step there is at most `tolerance` times the unknowns (or the residuals are at
  rounding level and the Jacobian is regular). That last step is then taken, unless it is worse.
- Where the Jacobian is singular at the solution, a step along its null vector tells a multiple root
  from a family of solutions: along a family the relations go on holding, to second order, but for
  what a step across it makes up for.

A solve that stalls starts again elsewhere, a few times: at both sides of its start, ever farther,
or within its bounds.

`make` builds `advance` over any memory: the reference engine's is NumPy arrays, that of the `jit`
engine addresses. Values of the program's precision are read by `get` and written by `put`,
`get_i` reads whole numbers; state is always float64 (`get_s`, `put_s`). Memory:

    x, f, scale, start, low, high   n rows of `lanes` values
    jac                             its entries, rows of `lanes` values; `rows[i*n + j]` says which
    state                           `state_size(n)` numbers a point
    work                            `work_size(n)` numbers
"""

from __future__ import annotations

# The state of a point: a few numbers, then vectors.
MODE, STATUS, PASSES, ALPHA, MERIT, DAMPING, RATIO, ACCEPTED, ATTEMPTS, BEST, HEAD = range(11)
START, NEWTON, LEVENBERG, POLISH, PROBE, DONE = range(6)
NOTHING, ACCEPT, TRY, DAMP, LOOK, GIVE_UP, FINISH = range(7)  # what a point does next
INFINITE = 1e300
RUNNING, SOLVED, SINGULAR, STALLED, EXHAUSTED, UNDEFINED, MULTIPLE = range(7)

_SMALLEST = 1e-4       # fraction of a Newton step, before Levenberg-Marquardt takes over
_LARGEST = 1e10        # damping, before the point is given up
_ATTEMPTS = 8          # other starts that are tried after a stall
_DEFICIENT = 1e-11     # relative pivot of a Jacobian that is singular at a solution
_FARTHEST = 1.0        # a step's length, in lengths of the unknown


def state_size(n: int) -> int:
    """Numbers of state for each point: x, step, weights, first scales, residuals, Jacobian, and the
    best x that was given up with its residuals."""
    return HEAD + 7 * n + n * n


def work_size(n: int) -> int:
    """Numbers of working memory: a matrix, a right side, an order of columns, scales."""
    return n * n + 4 * n


def make(get, put, get_s, put_s, get_i, jit):
    """`advance(…)` over a memory; `jit` decorates its parts."""

    @jit
    def eliminate(n, work, least):
        """Solve A*y = b in place by elimination with full pivoting, pivots compared after scaling
        by rows and columns. The rank; y replaces b when it is n."""
        b, order, row, column = n * n, n * n + n, n * n + 2 * n, n * n + 3 * n
        for j in range(n):
            put_s(work, order + j, float(j))
        first = 0.0
        for k in range(n):
            best, p, q = -1.0, k, k
            for i in range(k, n):
                for j in range(k, n):
                    size = abs(get_s(work, i * n + j)) * get_s(work, row + i)
                    size *= get_s(work, column + j)
                    if size > best:
                        best, p, q = size, i, j
            if k == 0:
                first = best
            if not best > least * first or best == 0.0:
                return k
            if p != k:
                for j in range(n):
                    held = get_s(work, k * n + j)
                    put_s(work, k * n + j, get_s(work, p * n + j))
                    put_s(work, p * n + j, held)
                held = get_s(work, b + k)
                put_s(work, b + k, get_s(work, b + p))
                put_s(work, b + p, held)
                held = get_s(work, row + k)
                put_s(work, row + k, get_s(work, row + p))
                put_s(work, row + p, held)
            if q != k:
                for i in range(n):
                    held = get_s(work, i * n + k)
                    put_s(work, i * n + k, get_s(work, i * n + q))
                    put_s(work, i * n + q, held)
                held = get_s(work, order + k)
                put_s(work, order + k, get_s(work, order + q))
                put_s(work, order + q, held)
                held = get_s(work, column + k)
                put_s(work, column + k, get_s(work, column + q))
                put_s(work, column + q, held)
            pivot = get_s(work, k * n + k)
            for i in range(k + 1, n):
                factor = get_s(work, i * n + k) / pivot
                if factor != 0.0:
                    for j in range(k + 1, n):
                        put_s(work, i * n + j,
                              get_s(work, i * n + j) - factor * get_s(work, k * n + j))
                    put_s(work, b + i, get_s(work, b + i) - factor * get_s(work, b + k))
        for back in range(n):
            k = n - 1 - back
            total = get_s(work, b + k)
            for j in range(k + 1, n):
                total -= get_s(work, k * n + j) * get_s(work, row + j)
            put_s(work, row + k, total / get_s(work, k * n + k))  # the rows' scales are used up
        for k in range(n):
            put_s(work, b + int(get_s(work, order + k)), get_s(work, row + k))
        return n

    @jit
    def newton(n, state, at, work, least):
        """The full Newton step at the accepted point into the state; the Jacobian's rank."""
        x, step, weight = at + HEAD, at + HEAD + n, at + HEAD + 2 * n
        res, jac = at + HEAD + 4 * n, at + HEAD + 5 * n
        floor = 0.0  # an unknown that happens to be 0 is no smaller than the others
        for j in range(n):
            floor = max(floor, 1e-6 * abs(get_s(state, x + j)))
        for i in range(n):
            put_s(work, n * n + i, -get_s(state, res + i))
            put_s(work, n * n + 2 * n + i, get_s(state, weight + i))
            size = max(floor, abs(get_s(state, x + i)))
            put_s(work, n * n + 3 * n + i, size if size > 0.0 else 1.0)
            for j in range(n):
                put_s(work, i * n + j, get_s(state, jac + i * n + j))
        rank = eliminate(n, work, least)
        if rank == n:
            for j in range(n):
                put_s(state, step + j, get_s(work, n * n + j))
        return rank

    @jit
    def levenberg(n, state, at, work, damping):
        """A Levenberg-Marquardt step in weighted residuals and unknowns scaled by their size."""
        x, step, weight = at + HEAD, at + HEAD + n, at + HEAD + 2 * n
        res, jac = at + HEAD + 4 * n, at + HEAD + 5 * n
        for j in range(n):
            cj = abs(get_s(state, x + j))
            cj = cj if cj > 1e-3 else 1e-3
            total = 0.0
            for k in range(n):
                w = get_s(state, weight + k)
                total -= w * w * get_s(state, jac + k * n + j) * get_s(state, res + k)
            put_s(work, n * n + j, cj * total)
            put_s(work, n * n + 2 * n + j, 1.0)
            put_s(work, n * n + 3 * n + j, 1.0)
            for i in range(n):
                ci = abs(get_s(state, x + i))
                ci = ci if ci > 1e-3 else 1e-3
                total = damping if i == j else 0.0
                for k in range(n):
                    w = get_s(state, weight + k)
                    total += (ci * w * get_s(state, jac + k * n + i)
                              * (cj * w * get_s(state, jac + k * n + j)))
                put_s(work, i * n + j, total)
        rank = eliminate(n, work, 0.0)
        for j in range(n):
            cj = abs(get_s(state, x + j))
            cj = cj if cj > 1e-3 else 1e-3
            put_s(state, step + j, cj * get_s(work, n * n + j) if rank == n else 0.0)
        return rank

    @jit
    def trial(n, lanes, lane, x, low, high, state, at, alpha):
        """Put the accepted point plus `alpha` steps, kept within bounds, into x."""
        for j in range(n):
            value = get_s(state, at + HEAD + j) + alpha * get_s(state, at + HEAD + n + j)
            lo, hi = float(get(low, j * lanes + lane)), float(get(high, j * lanes + lane))
            if value < lo:
                value = lo
            if value > hi:
                value = hi
            put(x, j * lanes + lane, value)
        return 1

    @jit
    def ratio_at(n, lanes, lane, x, f, scale, jac, rows):
        """The largest residual relative to its relation's terms; inf where one is not finite."""
        worst = 0.0
        for i in range(n):
            size = float(get(scale, i * lanes + lane))
            residual = abs(float(get(f, i * lanes + lane)))
            reach = 0.0
            for j in range(n):
                entry = get_i(rows, i * n + j)
                if entry >= 0:
                    slope = float(get(jac, entry * lanes + lane))
                    if not abs(slope) < INFINITE:
                        return INFINITE
                    reach += abs(slope * float(get(x, j * lanes + lane)))
            if reach > size:
                size = reach
            if not residual < INFINITE:
                return INFINITE
            if residual > 0.0:
                found = residual / size if residual < 1e6 * size else 1e6
                if found > worst:
                    worst = found
        return worst

    @jit
    def accept(n, lanes, lane, x, f, jac, rows, state, at):
        """The trial becomes the accepted point."""
        for j in range(n):
            put_s(state, at + HEAD + j, float(get(x, j * lanes + lane)))
        for i in range(n):
            put_s(state, at + HEAD + 4 * n + i, float(get(f, i * lanes + lane)))
            for j in range(n):
                entry = get_i(rows, i * n + j)
                put_s(state, at + HEAD + 5 * n + i * n + j,
                      float(get(jac, entry * lanes + lane)) if entry >= 0 else 0.0)
        return 1

    @jit
    def probe(n, lanes, lane, start, state, at, work, rank):
        """The null vector of the Jacobian, whose elimination stands in `work`, into the step; how
        much of it to try."""
        order = n * n + n
        for k in range(n):
            put_s(work, n * n + k, 1.0 if k == rank else 0.0)
        for back in range(rank):
            k = rank - 1 - back
            total = 0.0
            for j in range(k + 1, rank + 1):
                total -= get_s(work, k * n + j) * get_s(work, n * n + j)
            put_s(work, n * n + k, total / get_s(work, k * n + k))
        largest = 0.0
        for k in range(n):
            j = int(get_s(work, order + k))
            value = get_s(work, n * n + k)
            put_s(state, at + HEAD + n + j, value)
            size = abs(get_s(state, at + HEAD + j))
            first = abs(float(get(start, j * lanes + lane)))
            size = size if size > first else first
            size = abs(value) / (size if size > 0.0 else 1.0)
            if size > largest:
                largest = size
        put_s(state, at + MODE, float(PROBE))
        return 0.01 / largest

    @jit
    def remember(n, state, at):
        """Of the points that were given up, make the best one the accepted one."""
        best, ratio = get_s(state, at + BEST), get_s(state, at + RATIO)
        first = get_s(state, at + ATTEMPTS) == 0.0
        if first or ratio < best:
            put_s(state, at + BEST, ratio)
        kept = at + HEAD + 5 * n + n * n
        for j in range(n):
            if first or ratio < best:
                put_s(state, kept + j, get_s(state, at + HEAD + j))
                put_s(state, kept + n + j, get_s(state, at + HEAD + 4 * n + j))
            else:
                put_s(state, at + HEAD + j, get_s(state, kept + j))
                put_s(state, at + HEAD + 4 * n + j, get_s(state, kept + n + j))
        return 1

    @jit
    def restart(n, lanes, lane, x, low, high, start, state, at):
        """Start again elsewhere."""
        count = get_s(state, at + ATTEMPTS)
        put_s(state, at + ATTEMPTS, count + 1.0)
        put_s(state, at + MODE, float(START))
        put_s(state, at + DAMPING, 0.0)
        put_s(state, at + ACCEPTED, 0.0)
        for j in range(n):
            lo, hi = float(get(low, j * lanes + lane)), float(get(high, j * lanes + lane))
            value = float(get(start, j * lanes + lane))
            if hi - lo < 1e300:
                part = (count + 1.0) * 0.6180339887498949 + 0.37 * j
                value = lo + (hi - lo) * (part - int(part))
            else:
                size = abs(value) if abs(value) > 1.0 else 1.0
                size *= 2.0 ** int(count / 2.0) * (1.0 + 0.37 * j / n)
                value += size if (int(count) + j) % 2 == 0 else -size
                if value < lo:
                    value = lo
                if value > hi:
                    value = hi
            put(x, j * lanes + lane, value)
        return 1

    @jit
    def progress(n, lanes, lane, x, f, scale, jac, rows, start, low, high, state, at, work,
                 linear, cap, ratio, finite):
        """Judge a trial of the search: ACCEPT it, or what to do instead."""
        mode = int(get_s(state, at + MODE))
        scale0, weight = at + HEAD + 3 * n, at + HEAD + 2 * n
        if mode == START:
            if finite:
                for i in range(n):
                    put_s(state, scale0 + i, float(get(scale, i * lanes + lane)))
                return ACCEPT
            if get_s(state, at + ATTEMPTS) > 0.0:
                return GIVE_UP
            accept(n, lanes, lane, x, f, jac, rows, state, at)
            put_s(state, at + STATUS, float(UNDEFINED))
            return FINISH
        if linear:
            return ACCEPT
        merit = 0.0
        for i in range(n):
            part = get_s(state, weight + i) * float(get(f, i * lanes + lane))
            merit += part * part
        before, alpha = get_s(state, at + MERIT), get_s(state, at + ALPHA)
        damping = get_s(state, at + DAMPING)
        if mode == NEWTON:
            if finite and merit <= (1.0 - 2e-4 * alpha) * before:
                return ACCEPT
            shorter = 0.25
            if finite and merit < 1e300:
                shorter = before / (before + merit)  # of the parabola through both
                shorter = 0.5 if shorter > 0.5 else 0.1 if shorter < 0.1 else shorter
            put_s(state, at + ALPHA, alpha * shorter)
            after = TRY
            if alpha * shorter < _SMALLEST:
                put_s(state, at + DAMPING, 1e-3)
                after = DAMP
        else:
            if finite and merit < before * (1.0 - 1e-12):
                put_s(state, at + DAMPING, damping / 10.0)
                return ACCEPT
            put_s(state, at + DAMPING, damping * 8.0)
            after = GIVE_UP if damping > _LARGEST else DAMP
        if get_s(state, at + PASSES) >= cap:
            put_s(state, at + STATUS, float(EXHAUSTED))
            return FINISH
        return after

    @jit
    def weigh(n, lanes, lane, scale, state, at, tolerance, epsilon):
        """The weights and the merit of the accepted point. 0: a residual is not small; 1: all are;
        2: all are at rounding level."""
        xa, weight = at + HEAD, at + HEAD + 2 * n
        scale0, res, slopes = at + HEAD + 3 * n, at + HEAD + 4 * n, at + HEAD + 5 * n
        near, rounding, merit = True, True, 0.0
        for i in range(n):
            residual = get_s(state, res + i)
            largest, reach = 0.0, 0.0
            for j in range(n):
                slope = abs(get_s(state, slopes + i * n + j))
                size = abs(get_s(state, xa + j))
                reach += slope * size
                size = slope * (size if size > 1e-3 else 1e-3)
                if size > largest:
                    largest = size
            size = float(get(scale, i * lanes + lane))
            if reach > size:
                size = reach
            if not (abs(residual) <= tolerance * size
                    or abs(residual) <= epsilon * epsilon * get_s(state, scale0 + i)):
                near = False
            if not abs(residual) <= 16.0 * epsilon * size:
                rounding = False
            if largest == 0.0:
                largest = size if size > 0.0 else 1.0
            put_s(state, weight + i, 1.0 / largest)
            merit += residual / largest * (residual / largest)
        put_s(state, at + MERIT, merit)
        return (2 if rounding else 1) if near else 0

    @jit
    def direction(n, lanes, lane, start, state, at, linear, tolerance, cap, near, rank):
        """Where to go from the accepted point, whose full Newton step (of that rank) is known."""
        xa, step = at + HEAD, at + HEAD + n
        if rank < n and linear:
            put_s(state, at + STATUS, float(SINGULAR))
            return FINISH
        if near > 0 and rank < n:
            return LOOK
        accepted = get_s(state, at + ACCEPTED)
        if near > 0:
            small = near == 2 or (linear and accepted >= 4.0)
            if not small:
                small = True
                for j in range(n):
                    floor = abs(float(get(start, j * lanes + lane)))
                    floor = 1e-14 * (floor if floor > 1.0 else 1.0)
                    size = abs(get_s(state, xa + j)) + floor
                    if not abs(get_s(state, step + j)) <= tolerance * size:
                        small = False
            if small:
                put_s(state, at + MODE, float(POLISH))
                put_s(state, at + ALPHA, 1.0)
                return TRY
        if get_s(state, at + PASSES) >= cap or (linear and accepted >= 8.0):
            put_s(state, at + STATUS, float(STALLED if linear else EXHAUSTED))
            return FINISH
        damping, mode = get_s(state, at + DAMPING), int(get_s(state, at + MODE))
        if rank < n:
            put_s(state, at + DAMPING, damping if damping > 1e-4 else 1e-4)
            return DAMP
        if mode == LEVENBERG and damping > 1e-6:
            return DAMP
        alpha = 1.0
        if not linear:
            for j in range(n):
                size = abs(get_s(state, xa + j))
                first = abs(float(get(start, j * lanes + lane)))
                size = size if size > first else first
                size = _FARTHEST * (size if size > 1e-3 else 1.0)
                length = abs(get_s(state, step + j))
                if alpha * length > size:
                    alpha = size / length
        put_s(state, at + MODE, float(NEWTON))
        put_s(state, at + ALPHA, alpha)
        return TRY

    @jit
    def isolated(n, state, at, work, rank):
        """MULTIPLE or SINGULAR, from what is left of the residuals at a probe once a step across
        has made up for what it can."""
        for k in range(rank, n):
            left = abs(get_s(work, n * n + k)) * get_s(work, n * n + 2 * n + k)
            if left > (1e-5 if n > 1 else 1e-14):
                return MULTIPLE
        return SINGULAR if rank < n else MULTIPLE

    @jit
    def advance(n, lanes, lane, x, f, scale, jac, rows, start, low, high, state, work,
                linear, tolerance, cap, epsilon):
        """Go on at one point after an evaluation there. 1: evaluate again; 0: done."""
        at = lane * (HEAD + 7 * n + n * n)
        mode = int(get_s(state, at + MODE))
        if mode == DONE:
            return 0
        put_s(state, at + PASSES, get_s(state, at + PASSES) + 1.0)
        scale0, res = at + HEAD + 3 * n, at + HEAD + 4 * n
        ratio = ratio_at(n, lanes, lane, x, f, scale, jac, rows)
        finite = ratio < INFINITE
        least, near = _DEFICIENT, 0
        then = ACCEPT
        if mode == POLISH:
            if not (finite and ratio <= max(get_s(state, at + RATIO), 4.0 * epsilon)):
                then = NOTHING  # the point before is the better one
        elif mode == PROBE:
            then = NOTHING if finite else FINISH
            put_s(state, at + STATUS, float(MULTIPLE))
            for i in range(n):
                put_s(state, scale0 + i, get_s(state, res + i))
                put_s(state, res + i, -float(get(f, i * lanes + lane)))
        else:
            then = progress(n, lanes, lane, x, f, scale, jac, rows, start, low, high, state, at,
                            work, linear, cap, ratio, finite)
            least = epsilon * 8.0 * n
        if then == ACCEPT:
            put_s(state, at + RATIO, ratio)
            put_s(state, at + ACCEPTED, get_s(state, at + ACCEPTED) + 1.0)
            accept(n, lanes, lane, x, f, jac, rows, state, at)
            if mode != POLISH:
                near = weigh(n, lanes, lane, scale, state, at, tolerance, epsilon)
            then = NOTHING
        rank = n
        if then == NOTHING:
            if not (linear and mode == POLISH):
                rank = newton(n, state, at, work, least)
            if mode == POLISH:
                put_s(state, at + STATUS, float(SOLVED))
                then = FINISH if rank == n else LOOK
            elif mode == PROBE:
                put_s(state, at + STATUS, float(isolated(n, state, at, work, rank)))
                then = FINISH
            else:
                then = direction(n, lanes, lane, start, state, at, linear, tolerance, cap, near,
                                 rank)
        if mode == PROBE:
            for i in range(n):
                put_s(state, res + i, get_s(state, scale0 + i))
        status = int(get_s(state, at + STATUS))
        if then == GIVE_UP or (then == FINISH and status == EXHAUSTED):
            remember(n, state, at)
        if then == GIVE_UP:
            if get_s(state, at + ATTEMPTS) < _ATTEMPTS:
                return restart(n, lanes, lane, x, low, high, start, state, at)
            put_s(state, at + STATUS, float(STALLED))
            then = FINISH
        if then == FINISH:
            for j in range(n):
                put(x, j * lanes + lane, get_s(state, at + HEAD + j))
            put_s(state, at + MODE, float(DONE))
            return 0
        alpha = get_s(state, at + ALPHA)
        if then == DAMP:
            put_s(state, at + MODE, float(LEVENBERG))
            levenberg(n, state, at, work, get_s(state, at + DAMPING))
            alpha = 1.0
        elif then == LOOK:
            alpha = probe(n, lanes, lane, start, state, at, work, rank)
        return trial(n, lanes, lane, x, low, high, state, at, alpha)

    return advance
