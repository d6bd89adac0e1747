"""What a run of a solve told in its words, as a `Solved`. See `layout.TOLD_WORDS`."""

from __future__ import annotations

import numpy as np

from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.solved import Solved


def told(words: np.ndarray, start: int) -> Solved:
    """`start`: the first of the words."""
    numbers, n = words.view(np.float64), int(words[start + at.TOLD_N])
    first = start + at.TOLD_WORDS
    return Solved(
        iterations=int(words[start + at.TOLD_PASSES]),
        residual=float(numbers[start + at.TOLD_RATIO]),
        residuals=tuple(numbers[first : first + n].tolist()),
        relative=tuple(numbers[first + n : first + 2 * n].tolist()),
        condition=float(numbers[start + at.TOLD_CONDITION]),
        points=int(words[start + at.TOLD_POINTS]),
        multiple=int(words[start + at.TOLD_MULTIPLE]),
        unsolved=int(words[start + at.TOLD_UNSOLVED]),
        at_bounds=tuple(words[first + 2 * n : first + 3 * n].tolist()),
    )
