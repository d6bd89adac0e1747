"""What kind of root was found: a simple one, a multiple one (the Jacobian is singular there, but
not around it), or one of a family.

A trial along the null vector of the Jacobian tells. Along a family the relations go on holding, to
second order, but for what a step across it makes up for; from a multiple root the residuals grow
with the square of the distance, where the slopes promise next to nothing.
"""

from __future__ import annotations

from hvm_vm.engines.solving.memory import (
    AT,
    CONDITION,
    HEAD,
    MULTIPLE,
    RESIDUAL,
    RIGHT,
    ROW,
    SINGULAR,
    SLOPES,
    SOLVED,
    START,
    STEP,
    VECTORS,
    WEIGHT,
    F,
    X,
)

DEFICIENT = 1e-11  # relative pivot of a Jacobian that is singular at a solution
ASIDE = 0.01       # how far the trial is, in sizes of the unknowns
CURVED = 10.0      # how much larger than the slopes promise residuals are beside a multiple root


def make(get, put, evaluate, jit, newton, null_vector, trial):
    """(family_or_multiple, simple_or_multiple) over a memory: the status of the accepted point."""

    @jit
    def aside(p, m, n, rank):
        """Evaluate a little along the null vector; whether the residuals there are finite."""
        null_vector(m, n, rank, HEAD + STEP * n)
        largest = 0.0
        for j in range(n):
            size = max(abs(get(m, HEAD + AT * n + j)), abs(get(m, HEAD + START * n + j)))
            size = abs(get(m, HEAD + STEP * n + j)) / (size if size > 0.0 else 1.0)
            largest = max(largest, size)
        trial(m, n, ASIDE / largest)
        return evaluate(p, m, n)

    @jit
    def family_or_multiple(p, m, n, rank):
        """Where the Jacobian has a rank below n."""
        condition = get(m, CONDITION)
        if not aside(p, m, n, rank):
            return MULTIPLE
        rank = newton(m, n, HEAD + F * n, DEFICIENT)
        put(m, CONDITION, condition)
        for k in range(rank, n):  # what no step across can make up for
            left = abs(get(m, HEAD + RIGHT * n + k)) * get(m, HEAD + ROW * n + k)
            if left > (1e-5 if n > 1 else 1e-14):
                return MULTIPLE
        return SINGULAR if rank < n else MULTIPLE

    @jit
    def simple_or_multiple(p, m, n):
        """Where it has been eliminated with rank n, though the steps shrank slowly."""
        if not aside(p, m, n, n - 1):
            return SOLVED
        slopes, promised, more = HEAD + (VECTORS + SLOPES * n) * n, 0.0, 0.0
        for i in range(n):
            here = get(m, HEAD + RESIDUAL * n + i)
            total, weight = 0.0, get(m, HEAD + WEIGHT * n + i)
            for j in range(n):
                total += get(m, slopes + i * n + j) * (
                    get(m, HEAD + X * n + j) - get(m, HEAD + AT * n + j))
            promised += abs(weight * total)
            more += abs(weight * (get(m, HEAD + F * n + i) - here - total))
        return MULTIPLE if more > CURVED * promised else SOLVED

    return family_or_multiple, simple_or_multiple
