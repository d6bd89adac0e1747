"""Steps from an accepted point, into STEP: Newton's, Levenberg-Marquardt's, and Powell's dogleg."""

from __future__ import annotations

from math import sqrt

from hvm_vm.engines.solving.memory import (
    AT,
    COLUMN,
    EPSILON,
    HEAD,
    HIGH,
    LOW,
    RADIUS,
    RESIDUAL,
    RIGHT,
    ROW,
    SLOPES,
    SPREAD,
    START,
    STEP,
    TERMS,
    VECTORS,
    WEIGHT,
    WORK,
)


def make(get, put, jit, eliminate):
    """(newton, levenberg, dogleg) over a memory."""

    @jit
    def newton(m, n, residuals, least):
        """The full Newton step for the residuals in the vector at `residuals`; the Jacobian's rank.
        A relation whose slopes are lost in the rounding of its terms has none."""
        at, slopes = HEAD + AT * n, HEAD + (VECTORS + SLOPES * n) * n
        work, right = HEAD + (VECTORS + WORK * n) * n, HEAD + RIGHT * n
        floor = 0.0  # an unknown that happens to be 0 is no smaller than the others
        for j in range(n):
            floor = max(floor, 1e-6 * abs(get(m, at + j)))
        for i in range(n):
            reach = 0.0
            for j in range(n):
                size = max(abs(get(m, at + j)), abs(get(m, HEAD + START * n + j)))
                reach += abs(get(m, slopes + i * n + j)) * (size if size > 0.0 else 1.0)
            lost = reach <= 8.0 * get(m, EPSILON) * get(m, HEAD + TERMS * n + i)
            for j in range(n):
                put(m, work + i * n + j, 0.0 if lost else get(m, slopes + i * n + j))
            put(m, right + i, -get(m, residuals + i))
            put(m, HEAD + ROW * n + i, get(m, HEAD + WEIGHT * n + i))
            size = max(floor, abs(get(m, at + i)))
            put(m, HEAD + COLUMN * n + i, size if size > 0.0 else 1.0)
        rank = eliminate(m, n, least)
        if rank == n:
            for j in range(n):
                put(m, HEAD + STEP * n + j, get(m, right + j))
        return rank

    @jit
    def levenberg(m, n, damping):
        """A step in weighted residuals and unknowns scaled by their size (Moré 1978). Unknowns that
        would leave their bounds from there stay."""
        at, slopes = HEAD + AT * n, HEAD + (VECTORS + SLOPES * n) * n
        work, right = HEAD + (VECTORS + WORK * n) * n, HEAD + RIGHT * n
        for j in range(n):
            size = abs(get(m, at + j))
            size = size if size > 1e-3 else 1e-3
            total = 0.0
            for k in range(n):
                w = get(m, HEAD + WEIGHT * n + k)
                total -= w * w * get(m, slopes + k * n + j) * get(m, HEAD + RESIDUAL * n + k)
            stays = ((total < 0.0 and get(m, at + j) <= get(m, HEAD + LOW * n + j))
                     or (total > 0.0 and get(m, at + j) >= get(m, HEAD + HIGH * n + j)))
            put(m, HEAD + STEP * n + j, 0.0 if stays else size)
            put(m, right + j, 0.0 if stays else size * total)
            put(m, HEAD + ROW * n + j, 1.0)
            put(m, HEAD + COLUMN * n + j, 1.0)
        for i in range(n):
            for j in range(n):
                total = 0.0
                for k in range(n):
                    w = get(m, HEAD + WEIGHT * n + k)
                    total += w * get(m, slopes + k * n + i) * (w * get(m, slopes + k * n + j))
                total *= get(m, HEAD + STEP * n + i) * get(m, HEAD + STEP * n + j)
                put(m, work + i * n + j, total + damping if i == j else total)
        rank = eliminate(m, n, 0.0)
        for j in range(n):
            size = get(m, HEAD + STEP * n + j)
            put(m, HEAD + STEP * n + j, size * get(m, right + j) if rank == n else 0.0)
        return rank

    @jit
    def dogleg(m, n, regular):
        """Powell's (1970) step within RADIUS, in unknowns scaled by SPREAD: along the gradient,
        then towards the Newton step, which is in RIGHT when the Jacobian is `regular`. The
        reduction of the merit that the linear model promises."""
        slopes, right = HEAD + (VECTORS + SLOPES * n) * n, HEAD + RIGHT * n
        step, row, column = HEAD + STEP * n, HEAD + ROW * n, HEAD + COLUMN * n
        radius, newton_length, steep, bend = get(m, RADIUS), 0.0, 0.0, 0.0
        for j in range(n):
            total, spread = 0.0, get(m, HEAD + SPREAD * n + j)
            for k in range(n):
                w = get(m, HEAD + WEIGHT * n + k)
                total -= w * w * get(m, slopes + k * n + j) * get(m, HEAD + RESIDUAL * n + k)
            put(m, column + j, total / spread)  # the way down, scaled
            steep += (total / spread) ** 2
            newton_length += (get(m, right + j) * spread) ** 2
        steep, newton_length = sqrt(steep), sqrt(newton_length)
        for k in range(n):
            total = 0.0
            for j in range(n):
                total += (get(m, slopes + k * n + j) * get(m, column + j)
                          / get(m, HEAD + SPREAD * n + j))
            bend += (get(m, HEAD + WEIGHT * n + k) * total) ** 2
        if regular and newton_length <= radius:
            for j in range(n):
                put(m, step + j, get(m, right + j))
        elif steep == 0.0 or bend == 0.0:
            return 0.0
        else:
            cauchy = steep * steep * steep / bend  # its length
            if not regular or cauchy >= radius:
                part = min(cauchy, radius) / steep
                for j in range(n):
                    put(m, step + j, part * get(m, column + j) / get(m, HEAD + SPREAD * n + j))
            else:  # on the line between both, at the radius
                part, a, b = cauchy / steep, 0.0, 0.0
                for j in range(n):
                    here = part * get(m, column + j)
                    more = get(m, right + j) * get(m, HEAD + SPREAD * n + j) - here
                    a += more * more
                    b += here * more
                gap = radius * radius - cauchy * cauchy
                t = gap / (b + sqrt(b * b + a * gap)) if a > 0.0 else 0.0
                for j in range(n):
                    spread = get(m, HEAD + SPREAD * n + j)
                    here = part * get(m, column + j)
                    put(m, step + j,
                        (here + t * (get(m, right + j) * spread - here)) / spread)
        promised = 0.0
        for k in range(n):
            total, w = get(m, HEAD + RESIDUAL * n + k), get(m, HEAD + WEIGHT * n + k)
            put(m, row + k, w * total)
            for j in range(n):
                total += get(m, slopes + k * n + j) * get(m, step + j)
            promised += get(m, row + k) ** 2 - (w * total) ** 2
        return promised

    return newton, levenberg, dogleg
