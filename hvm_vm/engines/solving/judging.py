"""When a point is a solution, by the point itself and never by the size of a step alone:

- every residual is at most `tolerance` times the magnitude of its relation's terms, or of
  `sum[j](|J_ij*x_j|)`, or no more than what a step of unknowns that go to 0 makes, and
- the full Newton step there is at most `tolerance` times the unknowns, or the residuals are at
  rounding level and the Jacobian is regular.
"""

from __future__ import annotations

from hvm_vm.engines.solving.memory import (
    AT,
    EPSILON,
    HEAD,
    MERIT,
    NOTHING,
    RATIO,
    RESIDUAL,
    SLOPES,
    START,
    STEP,
    TERMS,
    TOLERANCE,
    VECTORS,
    WEIGHT,
    F,
)

FAR, NEAR, EXACT = range(3)  # the residuals: too large, small enough, rounding


def make(get, put, jit):
    """(weigh, merit_of_trial, small) over a memory."""

    @jit
    def nothing(m, n, j):
        """What unknown j is no smaller than when it goes to 0."""
        size = abs(get(m, HEAD + START * n + j))
        return NOTHING * (size if 0.0 < size < 1.0 else 1.0)

    @jit
    def weigh(m, n, fresh):
        """Merit and largest relative residual of the accepted point, with `fresh` weights (by the
        slopes there) or those it has; how near it is."""
        at, residuals = HEAD + AT * n, HEAD + RESIDUAL * n
        slopes = HEAD + (VECTORS + SLOPES * n) * n
        tolerance, epsilon = get(m, TOLERANCE), get(m, EPSILON)
        merit, worst, near, exact = 0.0, 0.0, True, True
        for i in range(n):
            residual = get(m, residuals + i)
            terms = get(m, HEAD + TERMS * n + i)
            largest, reach, least = 0.0, 0.0, 0.0
            for j in range(n):
                slope = abs(get(m, slopes + i * n + j))
                size = abs(get(m, at + j))
                reach += slope * size
                least += slope * nothing(m, n, j)
                size = slope * (size if size > 1e-3 else 1e-3)
                if size > largest:
                    largest = size
            size = reach if reach > terms else terms
            apart = abs(residual)
            if apart > 0.0:
                ratio = apart / size if size > 0.0 else 1e300
                worst = ratio if ratio > worst else worst
            if not (apart <= tolerance * size
                    or apart <= tolerance * least):
                near = False
            if not apart <= 16.0 * epsilon * size:
                exact = False
            if largest == 0.0:
                largest = size if size > 0.0 else 1.0
            if fresh:
                put(m, HEAD + WEIGHT * n + i, 1.0 / largest)
            merit += (residual * get(m, HEAD + WEIGHT * n + i)) ** 2
        put(m, MERIT, merit)
        put(m, RATIO, worst)
        return EXACT if near and exact else NEAR if near else FAR

    @jit
    def merit_of_trial(m, n):
        """The merit of the trial with the weights of the accepted point."""
        merit = 0.0
        for i in range(n):
            merit += (get(m, HEAD + WEIGHT * n + i) * get(m, HEAD + F * n + i)) ** 2
        return merit

    @jit
    def small(m, n, tolerance):
        """Whether the step is small beside the unknowns."""
        for j in range(n):
            size = abs(get(m, HEAD + AT * n + j))
            if not abs(get(m, HEAD + STEP * n + j)) <= tolerance * (size + nothing(m, n, j)):
                return False
        return True

    return weigh, merit_of_trial, small
