"""From a start to a root, or to where it stalls.

Damped Newton (Deuflhard 2004, chapter 3: a step is shortened until the weighted residuals shrink);
where that stalls or the Jacobian is singular, Levenberg-Marquardt steps (Moré 1978) take over until
they are nearly Newton's. The other way, for starts where this fails, are Powell's dogleg steps in a
trust region (Powell 1970). Bounds are kept by projection; a point where a relation is not finite is
rejected like one that is worse.
"""

from __future__ import annotations

from math import sqrt

from hvm_vm.engines.solving.judging import EXACT, FAR
from hvm_vm.engines.solving.memory import (
    AT,
    BEST,
    BEST_MERIT,
    CAP,
    CONTRACTION,
    DAMPING,
    EPSILON,
    EVALUATIONS,
    EXHAUSTED,
    FIRST,
    HEAD,
    HIGH,
    HUGE,
    JACOBIAN,
    LENGTH,
    LIMIT,
    LINEAR,
    LOW,
    MERIT,
    RADIUS,
    RATIO,
    RESIDUAL,
    SCALE,
    SINGULAR,
    SLOPES,
    SOLVED,
    SPREAD,
    STALLED,
    START,
    STEP,
    TERMS,
    TOLERANCE,
    VECTORS,
    WEIGHT,
    F,
    X,
)
from hvm_vm.engines.solving.roots import DEFICIENT

SMALLEST = 1e-4   # fraction of a Newton step, before Levenberg-Marquardt takes over,
INSIDE = 1e-12    # and while every trial so far was outside the domain
LARGEST = 1e10    # damping, before the point is given up
SLOW = 15         # steps without progress, likewise
FARTHEST = 1.0    # a step's length, in lengths of the unknown
NEWTON, DOGLEG = range(2)


def make_moves(get, put, jit):
    """(trial, accept) over a memory."""

    @jit
    def trial(m, n, alpha):
        """The accepted point plus `alpha` steps, kept within bounds, becomes the trial."""
        for j in range(n):
            value = get(m, HEAD + AT * n + j) + alpha * get(m, HEAD + STEP * n + j)
            low, high = get(m, HEAD + LOW * n + j), get(m, HEAD + HIGH * n + j)
            value = low if value < low else high if value > high else value
            put(m, HEAD + X * n + j, value)
        return 1

    @jit
    def accept(m, n):
        """The trial becomes the accepted point."""
        slopes, jacobian = HEAD + (VECTORS + SLOPES * n) * n, HEAD + (VECTORS + JACOBIAN * n) * n
        for j in range(n):
            put(m, HEAD + AT * n + j, get(m, HEAD + X * n + j))
            put(m, HEAD + RESIDUAL * n + j, get(m, HEAD + F * n + j))
            put(m, HEAD + TERMS * n + j, get(m, HEAD + SCALE * n + j))
        for k in range(n * n):
            put(m, slopes + k, get(m, jacobian + k))
        return 1

    return trial, accept


def make(get, put, evaluate, jit, moves, judging, steps, roots):
    """`descend(p, m, n, method)` over a memory."""
    trial, accept = moves
    weigh, merit_of_trial, small = judging
    newton, levenberg, dogleg = steps
    family_or_multiple, simple_or_multiple = roots

    @jit
    def shorten(p, m, n):
        """Newton steps, shorter until one is better; whether one is."""
        alpha, inside, before = 1.0, False, get(m, MERIT)
        for j in range(n):
            size = max(abs(get(m, HEAD + AT * n + j)), abs(get(m, HEAD + START * n + j)))
            size = FARTHEST * (size if size > 1e-3 else 1.0)
            length = abs(get(m, HEAD + STEP * n + j))
            if alpha * length > size:
                alpha = size / length
        while True:
            trial(m, n, alpha)
            shorter = 0.25
            if evaluate(p, m, n):
                inside = True
                merit = merit_of_trial(m, n)
                if merit <= (1.0 - 2e-4 * alpha) * before:
                    return True
                if merit < HUGE:
                    shorter = before / (before + merit)  # of the parabola through both
                    shorter = 0.5 if shorter > 0.5 else 0.1 if shorter < 0.1 else shorter
            alpha *= shorter
            if alpha < (SMALLEST if inside else INSIDE) or get(m, EVALUATIONS) >= get(m, LIMIT):
                return False

    @jit
    def damp(p, m, n):
        """Levenberg-Marquardt steps, damped until one is better; whether one is."""
        damping, before = get(m, DAMPING), get(m, MERIT)
        while True:
            levenberg(m, n, damping)
            trial(m, n, 1.0)
            if evaluate(p, m, n) and merit_of_trial(m, n) < before * (1.0 - 1e-12):
                put(m, DAMPING, damping / 10.0)
                return True
            damping *= 8.0
            if damping > LARGEST or get(m, EVALUATIONS) >= get(m, LIMIT):
                return False

    @jit
    def trust(p, m, n, regular):
        """Dogleg steps, within an ever smaller radius until one is better; whether one is."""
        slopes, before = HEAD + (VECTORS + SLOPES * n) * n, get(m, MERIT)
        for j in range(n):
            total = 0.0
            for i in range(n):
                total += (get(m, HEAD + WEIGHT * n + i) * get(m, slopes + i * n + j)) ** 2
            total = max(sqrt(total), get(m, HEAD + SPREAD * n + j))
            put(m, HEAD + SPREAD * n + j, total if total > 0.0 else 1.0)
        size = 0.0
        for j in range(n):
            size += (get(m, HEAD + SPREAD * n + j) * get(m, HEAD + AT * n + j)) ** 2
        size = sqrt(size)
        if get(m, RADIUS) == 0.0:
            put(m, RADIUS, 100.0 * size if size > 0.0 else 100.0)
        while True:
            promised = dogleg(m, n, regular)
            trial(m, n, 1.0)
            length = 0.0
            for j in range(n):
                length += (get(m, HEAD + SPREAD * n + j) * get(m, HEAD + STEP * n + j)) ** 2
            length, reduced = sqrt(length), -1.0
            if evaluate(p, m, n):
                reduced = before - merit_of_trial(m, n)
            if not reduced >= 0.1 * promised:
                put(m, RADIUS, 0.5 * min(get(m, RADIUS), length))
            elif reduced >= 0.5 * promised:
                put(m, RADIUS, max(get(m, RADIUS), 2.0 * length))
            if promised > 0.0 and reduced > 1e-4 * promised:
                return True
            if (not get(m, RADIUS) > get(m, EPSILON) * size or promised <= 0.0
                    or get(m, EVALUATIONS) >= get(m, LIMIT)):
                return False

    @jit
    def polish(p, m, n):
        """One full Newton step from a solution, taken unless it is worse; the kind of root."""
        if not small(m, n, 2.0 * get(m, EPSILON)):
            ratio = get(m, RATIO)
            trial(m, n, 1.0)
            if evaluate(p, m, n):
                worst = 0.0
                for i in range(n):
                    size, apart = get(m, HEAD + SCALE * n + i), abs(get(m, HEAD + F * n + i))
                    if apart > 0.0:
                        worst = max(worst, apart / size if size > 0.0 else HUGE)
                if worst <= max(ratio, 4.0 * get(m, EPSILON)):
                    accept(m, n)
                    put(m, RATIO, worst)
        if get(m, LINEAR) != 0.0:
            return SOLVED
        rank = newton(m, n, HEAD + RESIDUAL * n, DEFICIENT)
        if rank < n:
            return family_or_multiple(p, m, n, rank)
        return simple_or_multiple(p, m, n) if get(m, CONTRACTION) > 0.2 else SOLVED

    @jit
    def measure(m, n):
        """The length of the full Newton step, and how much shorter than the last it is."""
        length = 0.0
        for j in range(n):
            size = max(abs(get(m, HEAD + AT * n + j)), 1e-6 * abs(get(m, HEAD + START * n + j)))
            length = max(length, abs(get(m, HEAD + STEP * n + j))
                         / (size if size > 0.0 else 1.0))
        before = get(m, LENGTH)
        put(m, CONTRACTION, length / before if before > 0.0 else 0.0)
        put(m, LENGTH, length)
        return length

    @jit
    def keep_best(m, n):
        """Remember the accepted point if it is the best so far."""
        merit = 0.0
        for i in range(n):
            size = get(m, HEAD + FIRST * n + i)
            merit += (get(m, HEAD + RESIDUAL * n + i) / (size if size > 0.0 else 1.0)) ** 2
        if get(m, BEST_MERIT) < 0.0 or merit < get(m, BEST_MERIT):
            put(m, BEST_MERIT, merit)
            for j in range(n):
                put(m, HEAD + BEST * n + j, get(m, HEAD + AT * n + j))
        return 1

    @jit
    def descend(p, m, n, method):
        """From the point that was evaluated last to a solution, or to where it stalls."""
        least = get(m, EPSILON) * 8.0 * n
        linear = get(m, LINEAR) != 0.0
        slow, taken = 0, 0
        put(m, DAMPING, 0.0)
        put(m, RADIUS, 0.0)
        put(m, LENGTH, 0.0)
        for i in range(n):
            size = get(m, HEAD + SCALE * n + i)
            put(m, HEAD + WEIGHT * n + i, 1.0 / size if size > 0.0 else 1.0)
            put(m, HEAD + SPREAD * n + i, 0.0)
        while True:
            if taken > 0:
                slow = slow + 1 if merit_of_trial(m, n) > 0.99 * get(m, MERIT) else 0
            accept(m, n)
            taken += 1
            near = weigh(m, n, method == NEWTON)
            keep_best(m, n)
            rank = newton(m, n, HEAD + RESIDUAL * n, least)
            if rank < n and linear:
                return SINGULAR
            if rank == n:
                measure(m, n)
            if near != FAR:
                if rank < n:
                    return family_or_multiple(p, m, n, rank)
                if near == EXACT or small(m, n, get(m, TOLERANCE)) or (linear and taken >= 4):
                    return polish(p, m, n)
            if get(m, EVALUATIONS) >= get(m, LIMIT):
                return EXHAUSTED
            if slow > SLOW or (linear and taken >= 8):
                return STALLED
            better = False
            if linear:
                trial(m, n, 1.0)
                better = evaluate(p, m, n)
            elif method == DOGLEG:
                better = trust(p, m, n, rank == n)
            else:
                damping = get(m, DAMPING)
                if rank == n and damping <= 1e-6:
                    put(m, DAMPING, 0.0)
                    better = shorten(p, m, n)
                if not better:
                    put(m, DAMPING, max(damping, 1e-3 if rank == n and damping <= 1e-6 else 1e-4))
                    better = damp(p, m, n)
            if not better:
                return EXHAUSTED if get(m, EVALUATIONS) >= get(m, CAP) else STALLED

    return descend
