"""What is said of a solve that failed: the relations with their residuals, and of a linear system
without exactly one solution, the family of solutions or the relations that clash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hvm_vm.engines.solving import memory as at

MOST = 6  # relations that are listed


def failure(
    status: int, names: Sequence[str], lines: Sequence[str], x: np.ndarray, residual: np.ndarray,
    jacobian: np.ndarray, linear: bool, passes: int, bounds: tuple[np.ndarray, np.ndarray],
    data: str = "",
) -> str:
    """The message for one point. `lines` are `line: relation`, one for each residual; `x` is where
    the solve ended; `data` says what is read and not finite."""
    unknowns = listed(names)
    if status == at.SINGULAR:
        if linear:
            return singular(names, lines, x, residual, jacobian)
        where = _values(names, x)
        return (f"{unknowns} cannot be told: every relation holds at {where}, but also around it (a"
                f" family of solutions){_residuals(lines, residual)}")
    where = _values(names, x)
    if status == at.UNDEFINED and data:
        return (f"{unknowns} cannot be solved for, as {data}"
                f"{_residuals(lines, residual)}")
    if status == at.UNDEFINED:
        return (f"the solve for {unknowns} cannot start at {where}, where a relation or its slope"
                f" has no finite value; give another guess{_residuals(lines, residual)}")
    if status == at.EMPTY:
        k = int(np.argmax(bounds[0] > bounds[1]))
        return (f"no solution found for {unknowns}: {names[k]} should be at least"
                f" {_number(bounds[0][k])} and at most {_number(bounds[1][k])}, by its guess and by"
                f" what the relations apply to it{_residuals(lines, residual)}")
    what = "stalls" if status == at.STALLED else "does not converge"
    return (f"no solution found for {unknowns}: the solve {what} at {where} after {passes}"
            f" evaluations; perhaps there is none, or another guess is needed"
            f"{_residuals(lines, residual)}")


def listed(names: Sequence[str]) -> str:
    names = list(names)
    if len(names) > MOST:
        names = [*names[: MOST - 1], f"{len(names) - MOST + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _values(names: Sequence[str], x: np.ndarray) -> str:
    parts = [f"{n} = {_number(v)}" for n, v in zip(names, x, strict=True)]
    return ", ".join(parts[:MOST]) + (", …" if len(parts) > MOST else "")


def _number(value: float) -> str:
    return f"{float(value):.6g}"


def _residuals(lines: Sequence[str], residual: np.ndarray) -> str:
    order = sorted(range(len(lines)), key=lambda k: -_size(residual[k]))
    shown = [f"\n  line {lines[k]}    left - right = {_number(residual[k])}" for k in order[:MOST]]
    return "".join(shown) + (f"\n  … {len(lines) - MOST} more" if len(lines) > MOST else "")


def _size(value: float) -> float:
    return abs(value) if np.isfinite(value) else np.inf


# -- linear systems ------------------------------------------------------------------------------


def singular(names, lines, x, residual, jacobian) -> str:
    """Gauss-Jordan elimination of `J*u = J*x - f`: the family, or the clash."""
    n = len(names)
    a = np.array(jacobian, float)
    b = a @ np.array(x, float) - np.array(residual, float)
    size = np.abs(a).max(axis=1) + np.abs(b) + (np.abs(a).max() == 0)
    size[size == 0] = 1
    table = np.hstack([a, b[:, None]]) / size[:, None]
    made = np.eye(n) / size[:, None]  # each row as a combination of the relations
    pivots: list[tuple[int, int]] = []
    free_rows = list(range(n))
    for column in range(n):
        row = max(free_rows, key=lambda r: abs(table[r, column]), default=None)
        if row is None or abs(table[row, column]) <= 1e-12 * n:
            continue
        free_rows.remove(row)
        made[row] /= table[row, column]
        table[row] /= table[row, column]
        for other in range(n):
            if other != row and table[other, column] != 0:
                made[other] -= table[other, column] * made[row]
                table[other] -= table[other, column] * table[row]
        pivots.append((row, column))
    for row in free_rows:
        if abs(table[row, n]) > 1e-10 * max(1.0, np.abs(table[:, n]).max()):
            parts = np.abs(made[row] * size)
            clash = [k for k in range(n) if parts[k] > 1e-10 * parts.max()]
            shown = "".join(f"\n  line {lines[k]}" for k in clash[:MOST])
            return (f"there are no {listed(names)} that satisfy these relations, which contradict"
                    f" each other:{shown}")
    fixed = {c for _, c in pivots}
    family = []
    for row, column in pivots:
        terms = [(table[row, n], "")]
        terms += [(-table[row, j], names[j]) for j in range(n) if j not in fixed]
        family.append(f"{names[column]} = {_sum(terms)}")
    loose = [names[j] for j in range(n) if j not in fixed]
    if not loose:  # singular as the solve scaled them, not as they stand here
        shown = "".join(f"\n  line {line}" for line in lines[:MOST])
        return (f"{listed(names)} cannot be told: their relations are so close to saying the same,"
                f" or to contradicting each other, that rounding decides{shown}")
    shown = "".join(f"\n  {text}" for text in family[:MOST])
    redundant = "".join(f"\n  line {line}" for line in lines[:MOST])
    every = f"Every solution has{shown}" if shown else "Every value satisfies them"
    return (f"the relations leave {listed(loose)} open, since some of them say the same. {every}"
            f"\nof{redundant}")


def _sum(terms: list[tuple[float, str]]) -> str:
    text = ""
    for value, name in terms:
        value = round(value, 12)
        if value == 0 and (name or len(terms) > 1):
            continue
        size = abs(value)
        part = _number(size) if not name else name if size == 1 else f"{_number(size)}*{name}"
        if not text:
            text = f"-{part}" if value < 0 else part
        else:
            text += f" - {part}" if value < 0 else f" + {part}"
    return text or "0"
