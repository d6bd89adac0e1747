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
MODE, STATUS, PASSES, ALPHA, MERIT, DAMPING, RATIO, ACCEPTED, ATTEMPTS, HEAD = range(10)
START, NEWTON, LEVENBERG, POLISH, PROBE, DONE = range(6)
RUNNING, SOLVED, SINGULAR, STALLED, EXHAUSTED, UNDEFINED, MULTIPLE = range(7)

_SMALLEST = 1e-4       # fraction of a Newton step, before Levenberg-Marquardt takes over
_LARGEST = 1e10        # damping, before the point is given up
_ATTEMPTS = 8          # other starts that are tried after a stall
_DEFICIENT = 1e-11     # relative pivot of a Jacobian that is singular at a solution
_FARTHEST = 1.0        # a step's length, in lengths of the unknown


def state_size(n: int) -> int:
    """Numbers of state for each point: x, step, weights, first scales, residuals, Jacobian."""
    return HEAD + 5 * n + n * n


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
                    if not abs(slope) < 1e300:
                        return 1e300
                    reach += abs(slope * float(get(x, j * lanes + lane)))
            if reach > size:
                size = reach
            if not residual < 1e300:
                return 1e300
            if residual > 0.0:
                found = residual / size if size > 0.0 else 1e300
                if found > worst:
                    worst = found
        return worst

    @jit
    def finish(n, lanes, lane, x, state, at, status, back):
        """End at the trial, or `back` at the accepted point."""
        if back:
            for j in range(n):
                put(x, j * lanes + lane, get_s(state, at + HEAD + j))
        put_s(state, at + MODE, float(DONE))
        put_s(state, at + STATUS, float(status))
        return 0

    @jit
    def damp(n, lanes, lane, x, low, high, state, at, work, damping):
        """A Levenberg-Marquardt trial."""
        put_s(state, at + MODE, float(LEVENBERG))
        put_s(state, at + DAMPING, damping)
        levenberg(n, state, at, work, damping)
        return trial(n, lanes, lane, x, low, high, state, at, 1.0)

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
    def probe(n, lanes, lane, x, low, high, start, state, at, work, rank):
        """A trial along the null vector of the Jacobian, whose elimination stands in `work`."""
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
        return trial(n, lanes, lane, x, low, high, state, at, 0.01 / largest)

    @jit
    def give_up(n, lanes, lane, x, low, high, start, state, at, status, back):
        """Start again elsewhere, or end."""
        count = get_s(state, at + ATTEMPTS)
        if count >= _ATTEMPTS:
            return finish(n, lanes, lane, x, state, at, status, back)
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
    def advance(n, lanes, lane, x, f, scale, jac, rows, start, low, high, state, work,
                linear, tolerance, cap, epsilon):
        """Go on at one point after an evaluation there. 1: evaluate again; 0: done."""
        at = lane * (HEAD + 5 * n + n * n)
        mode = int(get_s(state, at + MODE))
        if mode == DONE:
            return 0
        passes = get_s(state, at + PASSES) + 1.0
        put_s(state, at + PASSES, passes)
        xa, step, weight = at + HEAD, at + HEAD + n, at + HEAD + 2 * n
        scale0, res, slopes = at + HEAD + 3 * n, at + HEAD + 4 * n, at + HEAD + 5 * n
        ratio = ratio_at(n, lanes, lane, x, f, scale, jac, rows)
        finite = ratio < 1e300
        if not finite:
            finite = True
            for i in range(n):
                if not abs(float(get(f, i * lanes + lane))) < 1e300:
                    finite = False
                for j in range(n):
                    entry = get_i(rows, i * n + j)
                    if entry >= 0 and not abs(float(get(jac, entry * lanes + lane))) < 1e300:
                        finite = False
        least = epsilon * 8.0 * n

        if mode == POLISH:
            better = finite and ratio <= max(get_s(state, at + RATIO), 4.0 * epsilon)
            if better:
                put_s(state, at + RATIO, ratio)
                accept(n, lanes, lane, x, f, jac, rows, state, at)
            rank = n if linear else newton(n, state, at, work, _DEFICIENT)
            if rank == n:
                return finish(n, lanes, lane, x, state, at, SOLVED, True)
            return probe(n, lanes, lane, x, low, high, start, state, at, work, rank)
        if mode == PROBE:
            status = MULTIPLE
            if finite:  # what no step across can make up for
                for i in range(n):
                    put_s(state, scale0 + i, get_s(state, res + i))
                    put_s(state, res + i, -float(get(f, i * lanes + lane)))
                rank = newton(n, state, at, work, _DEFICIENT)
                for i in range(n):
                    put_s(state, res + i, get_s(state, scale0 + i))
                if rank < n:
                    status = SINGULAR
                    for k in range(rank, n):
                        left = abs(get_s(work, n * n + k)) * get_s(work, n * n + 2 * n + k)
                        if left > (1e-5 if n > 1 else 1e-14):
                            status = MULTIPLE
            return finish(n, lanes, lane, x, state, at, status, True)
        if mode == START:
            if not finite:
                if get_s(state, at + ATTEMPTS) > 0.0:
                    return give_up(n, lanes, lane, x, low, high, start, state, at, STALLED, True)
                accept(n, lanes, lane, x, f, jac, rows, state, at)
                return finish(n, lanes, lane, x, state, at, UNDEFINED, False)
            for i in range(n):
                put_s(state, scale0 + i, float(get(scale, i * lanes + lane)))
        elif not linear:
            merit = 0.0
            for i in range(n):
                part = get_s(state, weight + i) * float(get(f, i * lanes + lane))
                merit += part * part
            before = get_s(state, at + MERIT)
            alpha = get_s(state, at + ALPHA)
            damping = get_s(state, at + DAMPING)
            if mode == NEWTON:
                if not (finite and merit <= (1.0 - 2e-4 * alpha) * before):
                    if passes >= cap:
                        return finish(n, lanes, lane, x, state, at, EXHAUSTED, True)
                    shorter = 0.25
                    if finite and merit < 1e300:
                        shorter = before / (before + merit)  # of the parabola through both
                        shorter = 0.5 if shorter > 0.5 else 0.1 if shorter < 0.1 else shorter
                    alpha *= shorter
                    put_s(state, at + ALPHA, alpha)
                    if alpha < _SMALLEST:
                        return damp(n, lanes, lane, x, low, high, state, at, work, 1e-3)
                    return trial(n, lanes, lane, x, low, high, state, at, alpha)
            else:
                if not (finite and merit < before * (1.0 - 1e-12)):
                    if passes >= cap:
                        return finish(n, lanes, lane, x, state, at, EXHAUSTED, True)
                    if damping > _LARGEST:
                        return give_up(n, lanes, lane, x, low, high, start, state, at, STALLED,
                                       True)
                    return damp(n, lanes, lane, x, low, high, state, at, work, damping * 8.0)
                put_s(state, at + DAMPING, damping / 10.0)

        # The trial is accepted.
        accepted = get_s(state, at + ACCEPTED) + 1.0
        put_s(state, at + ACCEPTED, accepted)
        put_s(state, at + RATIO, ratio)
        near, rounding = True, True
        accept(n, lanes, lane, x, f, jac, rows, state, at)
        merit = 0.0
        for i in range(n):
            residual = get_s(state, res + i)
            largest, reach = 0.0, 0.0
            for j in range(n):
                slope = get_s(state, slopes + i * n + j)
                size = abs(get_s(state, xa + j))
                reach += abs(slope) * size
                size = abs(slope) * (size if size > 1e-3 else 1e-3)
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
            part = residual / largest
            merit += part * part
        put_s(state, at + MERIT, merit)
        rank = newton(n, state, at, work, least)
        if rank < n and linear:
            return finish(n, lanes, lane, x, state, at, SINGULAR, True)
        if near and rank < n:
            return probe(n, lanes, lane, x, low, high, start, state, at, work, rank)
        if near:
            small = True
            for j in range(n):
                floor = abs(float(get(start, j * lanes + lane)))
                floor = 1e-14 * (floor if floor > 1.0 else 1.0)
                size = abs(get_s(state, xa + j))
                if not abs(get_s(state, step + j)) <= tolerance * (size + floor):
                    small = False
            if small or rounding or (linear and accepted >= 4.0):
                put_s(state, at + MODE, float(POLISH))
                return trial(n, lanes, lane, x, low, high, state, at, 1.0)
        if passes >= cap:
            return finish(n, lanes, lane, x, state, at, EXHAUSTED, True)
        if linear:
            if accepted >= 8.0:
                return finish(n, lanes, lane, x, state, at, STALLED, True)
            put_s(state, at + MODE, float(NEWTON))
            return trial(n, lanes, lane, x, low, high, state, at, 1.0)
        damping = get_s(state, at + DAMPING)
        if rank < n:
            damping = damping if damping > 1e-4 else 1e-4
            return damp(n, lanes, lane, x, low, high, state, at, work, damping)
        if mode == LEVENBERG and damping > 1e-6:
            return damp(n, lanes, lane, x, low, high, state, at, work, damping)
        put_s(state, at + MODE, float(NEWTON))
        alpha = 1.0
        for j in range(n):
            size = abs(get_s(state, xa + j))
            first = abs(float(get(start, j * lanes + lane)))
            size = size if size > first else first
            size = _FARTHEST * (size if size > 1e-3 else 1.0)
            length = abs(get_s(state, step + j))
            if alpha * length > size:
                alpha = size / length
        put_s(state, at + ALPHA, alpha)
        return trial(n, lanes, lane, x, low, high, state, at, alpha)

    return advance
