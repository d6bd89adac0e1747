"""The solve at one point: from its start, and where that stalls from elsewhere.

`make` builds `solve_point(p, m, n)` over any memory: the reference engine's is a list, that of the
`jit` engine an address. `evaluate(p, m, n)` puts the residuals, the magnitudes of their terms and
the Jacobian at the trial X into F, SCALE and JACOBIAN, and says whether all are finite; `p` is its
own. START, LOW, HIGH, the settings and EVALUATIONS are set by the caller; the solution is in AT,
with its RESIDUAL and SLOPES (or, of a failure, the best point that was found).
"""

from __future__ import annotations

from hvm_vm.engines.solving import elimination, judging, roots, search, steps
from hvm_vm.engines.solving.memory import (
    BEST,
    BEST_MERIT,
    CAP,
    EMPTY,
    EVALUATIONS,
    EXHAUSTED,
    FIRST,
    GIVEN,
    HEAD,
    HIGH,
    HUGE,
    LIMIT,
    LINEAR,
    LOW,
    SCALE,
    SINGULAR,
    STALLED,
    START,
    UNDEFINED,
    X,
)

ATTEMPTS = 10  # from the start by both ways, then from elsewhere


def make(get, put, evaluate, jit):
    """`solve_point(p, m, n)`: how the point ends."""
    eliminate, null_vector = elimination.make(get, put, jit)
    weighing = judging.make(get, put, jit)
    steps_ = steps.make(get, put, jit, eliminate)
    moves = trial, accept = search.make_moves(get, put, jit)

    @jit
    def counted(p, m, n):
        put(m, EVALUATIONS, get(m, EVALUATIONS) + 1.0)
        return evaluate(p, m, n)

    kinds = roots.make(get, put, counted, jit, steps_[0], null_vector, trial)
    descend = search.make(get, put, counted, jit, moves, weighing, steps_, kinds)

    @jit
    def place(m, n, attempt):
        """The trial of an attempt: the start; then, ever farther, to its sides or within bounds."""
        for j in range(n):
            low, high = get(m, HEAD + LOW * n + j), get(m, HEAD + HIGH * n + j)
            value = get(m, HEAD + START * n + j)
            if attempt > 1:
                count = attempt - 2
                if high - low < HUGE:
                    part = (count + 1.0) * 0.6180339887498949 + 0.37 * j
                    value = low + (high - low) * (part - int(part))
                else:
                    size = abs(value) if abs(value) > 1.0 else 1.0
                    size *= 2.0 ** (count // 2) * (1.0 + 0.37 * j / n)
                    value += size if (count >> j % 3) % 2 == 0 else -size
            if value < low:  # as far inside as it was outside
                value = min(low + (low - value), 0.5 * (low + high))
            if value > high:
                value = max(high - (value - high), 0.5 * (low + high))
            put(m, HEAD + X * n + j, value)
        return 1

    @jit
    def first(p, m, n):
        """Evaluate at the start as it was given, though it be outside the bounds."""
        outside = False
        for j in range(n):
            value = get(m, HEAD + START * n + j)
            put(m, HEAD + X * n + j, value)
            if not get(m, HEAD + LOW * n + j) <= value <= get(m, HEAD + HIGH * n + j):
                outside = True
        if outside and get(m, GIVEN) == 0.0:
            place(m, n, 0)
            return counted(p, m, n)
        finite = counted(p, m, n)
        if outside and finite:
            place(m, n, 0)
            finite = counted(p, m, n)
        return finite

    @jit
    def solve_point(p, m, n):
        """Where the solve of one point ends: SOLVED, MULTIPLE, or how it fails."""
        cap = get(m, CAP)
        linear = get(m, LINEAR) != 0.0
        put(m, BEST_MERIT, -1.0)
        for j in range(n):
            if get(m, HEAD + LOW * n + j) > get(m, HEAD + HIGH * n + j):
                first(p, m, n)
                accept(m, n)
                return EMPTY
        status, defined = UNDEFINED, False
        for attempt in range(1 if linear else ATTEMPTS):
            left = cap - get(m, EVALUATIONS)
            if left <= 0.0:
                break
            put(m, LIMIT, cap - left + (left if linear else max(left / 2.0, min(left, 25.0))))
            if attempt == 0:
                finite = first(p, m, n)
                if not finite and get(m, GIVEN) != 0.0:
                    accept(m, n)
                    return UNDEFINED
            else:
                place(m, n, attempt)
                finite = counted(p, m, n)
            if not finite:
                continue
            if not defined:
                for i in range(n):
                    put(m, HEAD + FIRST * n + i, get(m, HEAD + SCALE * n + i))
            defined = True
            status = descend(p, m, n, search.DOGLEG if attempt % 2 else search.NEWTON)
            if status <= SINGULAR:
                return status
        if get(m, EVALUATIONS) >= cap:
            status = EXHAUSTED
        elif defined:
            status = STALLED
        # What was best is what is told.
        if defined:
            for j in range(n):
                put(m, HEAD + X * n + j, get(m, HEAD + BEST * n + j))
        else:
            place(m, n, 0)
        evaluate(p, m, n)
        accept(m, n)
        return status

    return solve_point
