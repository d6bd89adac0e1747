"""Where the expressions of a `solve` stand among its roots, for n unknowns:

    iterations  the most evaluations of the relations, an integer constant
    tolerance   of residuals and of the last step, relative; a number constant
    start       n, each may be absent: where the unknown starts (absent: 1, or where that has no
                value elsewhere)
    lower       n, each may be absent: the unknown stays at or above
    upper       n, each may be absent: the unknown stays at or below
    residual    n: left side less right side of each relation, 0 at the solution
    scale       n: the magnitude of each relation's terms, to judge its residual by
    jacobian    n*n, row by row, each may be absent (0): d(residual i)/d(unknown j)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

MAX_UNKNOWNS = 512      # of one solve
MAX_ITERATIONS = 10_000
ITERATIONS, TOLERANCE, VALUES = 0, 1, 2
# `Descriptor.status` of a solve: a point without a solution ends the run, or its unknowns are NaN.
ENDS, UNSOLVED_NAN = 0, 1
NAMES = ("start", "lower", "upper", "residual", "scale", "jacobian")


def unknown_count(roots: int) -> int:
    """How many unknowns a solve with so many roots has; -1 when no solve has so many."""
    n = (isqrt(25 + 4 * max(0, roots - VALUES)) - 5) // 2
    return n if n >= 1 and VALUES + n * (n + 5) == roots else -1


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of n unknowns' expressions: `layout.start(k)`, `layout.jacobian(i, j)` …"""

    n: int

    def start(self, k: int) -> int:
        return VALUES + k

    def lower(self, k: int) -> int:
        return VALUES + self.n + k

    def upper(self, k: int) -> int:
        return VALUES + 2 * self.n + k

    def residual(self, k: int) -> int:
        return VALUES + 3 * self.n + k

    def scale(self, k: int) -> int:
        return VALUES + 4 * self.n + k

    def jacobian(self, i: int, j: int) -> int:
        return VALUES + (5 + i) * self.n + j

    def run(self, name: str) -> range:
        """The places of all expressions of one name."""
        first = VALUES + NAMES.index(name) * self.n
        return range(first, first + (self.n * self.n if name == "jacobian" else self.n))

    def name(self, position: int) -> str:
        """The name of the expression at a place."""
        if position < VALUES:
            return ("iterations", "tolerance")[position]
        return NAMES[min((position - VALUES) // self.n, len(NAMES) - 1)]
