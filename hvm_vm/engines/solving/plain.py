"""Plain Newton, for all points side by side: most solves need no more.

A point takes full steps, at most one length of the unknowns each. It ends when its relations hold,
at a regular Jacobian, and the last step, too, was small (see `judging`). Whatever is suspicious (a
step that does not shrink, a bound that is reached, a value that is not finite, slopes that are
nearly singular or lost in rounding) makes it leave: it is then solved from its start by `point`,
with care. So this decides only how soon an answer is found, and finds no answer of its own.

`newton` is what it means; `engines/jit/kernels/solves.py` does the same arithmetic in the same
order.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.solved import Solved
from hvm_vm.engines.solving.memory import HUGE, NOTHING

PASSES = 30        # evaluations, at most
REGULAR = 1e-7     # the least determinant, or relative pivot, of a Jacobian that is no suspect,
RESOLVED = 1e-9    # and the least effect of the unknowns on a relation, in parts of its terms
CLOSE = 1e-2       # a step, in lengths of the unknowns, from which on each
SHRINKS = 0.4      # is at most this part of the one before
FARTHEST = 1e6     # a step that is no step

RUNNING, ENDED, LEFT = range(3)


def newton(evaluate, start, low, high, linear: bool, tolerance: float, epsilon: float):
    """`x` (a row for each unknown, a column for each point), how each point ended (ENDED or LEFT),
    the evaluations it took, and what is told of those that ended (None if none did).

    `evaluate(x)` gives residuals and scales (n rows) and slopes (n by n rows); all arithmetic but
    theirs is in float64."""
    n, lanes = start.shape
    kind, start = start.dtype, start.astype(float)
    low, high = low.astype(float), high.astype(float)
    x = start.copy()
    ended = np.where(((x < low) | (x > high)).any(axis=0), LEFT, RUNNING)
    passes = np.zeros(lanes, np.int64)
    before = np.full(lanes, np.inf)
    solved = None
    for count in range(1, PASSES + 1):
        running = ended == RUNNING
        if not running.any():
            break
        passes[running] = count
        f, scale, slopes = (part.astype(float) for part in evaluate(x.astype(kind)))
        sizes = np.maximum(abs(x), abs(start))
        sizes = np.where(sizes > 1e-3, sizes, 1.0)
        with np.errstate(all="ignore"):
            step, sound, condition = _step(f, slopes, sizes)
            length = np.zeros(lanes)
            for j in range(n):
                length = length + abs(step[j]) / sizes[j]
            leaves = ~(sound & (length < FARTHEST))
            if not linear:
                grows = (before <= 1.0) & (length > before)
                grows |= (before <= CLOSE) & (length > SHRINKS * before)
                leaves |= grows & (length > 8.0 * epsilon * n)
            near, relative = np.ones(lanes, bool), np.zeros((n, lanes))
            for j in range(n):
                floor = NOTHING * np.where(start[j] == 0, 1.0, np.minimum(abs(start[j]), 1.0))
                near &= abs(step[j]) <= tolerance * (abs(x[j]) + floor)
            for i in range(n):
                reach, effect = np.zeros(lanes), np.zeros(lanes)
                for j in range(n):
                    slope = abs(slopes[i * n + j])
                    reach = reach + slope * abs(x[j])
                    effect = effect + slope * sizes[j]
                size = np.maximum(scale[i], reach)
                near &= abs(f[i]) <= tolerance * size
                leaves |= near & ~(effect > RESOLVED * scale[i])
                relative[i] = np.where(f[i] == 0, 0, abs(f[i]) / size)
        last = running & ~leaves & near & ((length <= epsilon * n) | (before <= tolerance))
        ended[running & leaves] = LEFT
        ended[last] = ENDED
        if last.any():
            part = Solved(
                count, float(relative[:, last].max()), tuple(abs(f[:, last]).max(axis=1).tolist()),
                tuple(relative[:, last].max(axis=1).tolist()), float(condition[last].max()),
                points=int(last.sum()), at_bounds=(0,) * n)
            solved = part if solved is None else solved.with_part(part)
        going = running & ~leaves & ~last
        with np.errstate(all="ignore"):
            part = 1.0 / np.where((length > 1.0) & (not linear), length, 1.0)
            trial = (x + part * step).astype(kind).astype(float)
        outside = ((trial < low) | (trial > high)).any(axis=0)
        ended[going & outside] = LEFT
        going &= ~outside
        x[:, going] = trial[:, going]
        before = np.where(
            going, np.where(near, np.minimum(length, tolerance), length), before)
    ended[ended == RUNNING] = LEFT
    return x.astype(kind), ended, passes, solved


def _step(f, slopes, sizes):
    """The Newton step of every point, whether its Jacobian is regular, and its condition."""
    n = len(f)
    if n == 1:
        return -f / slopes, (slopes[0] != 0.0) & (abs(slopes[0]) < HUGE), np.ones(f.shape[1])
    if n == 2:
        a, b, c, d = slopes
        first, second = a * d, b * c
        determinant, reach = first - second, abs(first) + abs(second)
        return (np.stack([(b * f[1] - d * f[0]) / determinant,
                          (c * f[0] - a * f[1]) / determinant]),
                abs(determinant) > REGULAR * reach, reach / abs(determinant))
    # Elimination with partial pivoting, of a matrix scaled by rows and columns.
    lanes = np.arange(f.shape[1])
    table = np.empty((n, n + 1, f.shape[1]))
    for i in range(n):
        largest = np.zeros(f.shape[1])
        for j in range(n):
            table[i, j] = slopes[i * n + j] * sizes[j]
            largest = np.maximum(largest, abs(table[i, j]))
        table[i, n] = -f[i]
        table[i] /= largest
    least, most = np.full(f.shape[1], np.inf), np.zeros(f.shape[1])
    for k in range(n):
        row = np.full(f.shape[1], k)
        best = abs(table[k, k])
        for i in range(k + 1, n):
            larger = abs(table[i, k]) > best
            row = np.where(larger, i, row)
            best = np.where(larger, abs(table[i, k]), best)
        held = table[row, :, lanes].T.copy()
        table[row, :, lanes] = table[k].T
        table[k] = held
        least, most = np.minimum(least, best), np.maximum(most, best)
        for i in range(k + 1, n):
            factor = table[i, k] / table[k, k]
            for j in range(k + 1, n + 1):
                table[i, j] -= factor * table[k, j]
    step = np.empty_like(f)
    for back in range(n):
        k = n - 1 - back
        total = table[k, n]
        for j in range(k + 1, n):
            total = total - table[k, j] * step[j]
        step[k] = total / table[k, k]
    for j in range(n):
        step[j] *= sizes[j]
    return step, least > REGULAR * most, most / least
