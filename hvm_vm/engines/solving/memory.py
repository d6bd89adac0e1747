"""The memory of a solve at one point: numbers, vectors of n and matrices of n*n, all float64.

Functions that work on it take `(m, n)`: `m` is what the engine's `get(m, k)` and `put(m, k, value)`
understand (a list of numbers, an address), vector V begins at `HEAD + V*n`, matrix M at
`HEAD + VECTORS*n + M*n*n`.
"""

from __future__ import annotations

# Settings, then what is known so far.
(LINEAR,        # 1: every relation is affine, and nothing has a bound
 TOLERANCE,     # of residuals and of the last step, relative
 CAP,           # the most evaluations
 EPSILON,       # of the program's precision
 GIVEN,         # 1: all starts are the user's own, so none is looked for elsewhere in their place
 EVALUATIONS,   # so far
 LIMIT,         # of evaluations, for this attempt
 MERIT,         # sum of squares of the weighted residuals at the accepted point
 RATIO,         # largest residual there, relative to its relation's terms
 DAMPING,       # of Levenberg-Marquardt steps; 0: Newton's
 RADIUS,        # of the trust region of dogleg steps
 LENGTH,        # of the last full Newton step, in lengths of the unknowns,
 CONTRACTION,   # and relative to the one before
 CONDITION,     # of the last Jacobian: its largest pivot by its smallest, after scaling
 BEST_MERIT,    # of all accepted points: the least, with weights by FIRST; -1: there is none
 HEAD) = range(16)

(X, F, SCALE,                 # the trial, its residuals and the magnitudes of their terms
 START, LOW, HIGH,
 AT, RESIDUAL, TERMS,         # the accepted point, the same for it
 FIRST,                       # magnitudes of the terms at the first point that was evaluated
 WEIGHT,                      # of each residual in the merit
 STEP,                        # from the accepted point
 SPREAD,                      # of each unknown, for dogleg steps: the largest norm of its column
 BEST,                        # the accepted point of BEST_MERIT
 RIGHT, ORDER, ROW, COLUMN,   # of an elimination: right side, order of columns, scales
 VECTORS) = range(19)

JACOBIAN, SLOPES, WORK, MATRICES = range(4)  # of the trial, of the accepted point; eliminated

# How a point ends.
SOLVED, MULTIPLE, SINGULAR, STALLED, EXHAUSTED, UNDEFINED, EMPTY = range(1, 8)
NOTHING = 1e-14  # what an unknown that goes to 0 is no smaller than, in parts of its start up to 1
HUGE = 1e300  # what is not below it is not a finite number to a solve


def size(n: int) -> int:
    """Numbers of memory that n unknowns take."""
    return HEAD + VECTORS * n + MATRICES * n * n
