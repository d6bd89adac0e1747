"""Lifting: unrolled scalar relations become indexed ones.

    q1_1 = Wq11*x1_1 + Wq12*x1_2
    q1_2 = Wq21*x1_1 + Wq22*x1_2      becomes      q[t,i] = sum[j](Wq[i,j] * x[t,j])
    q2_1 = Wq11*x2_1 + Wq12*x2_2
    ...

The way (each step is a file):

1. `scan`: the text as shapes (digits in names left out) and rows of numbers; each distinct shape is
   parsed once. `members`: which array element each scalar is.
2. `tree`, `dots`, `rolling`: each shape in normal form; `...` and even terms of sums and products
   become runs, so that rows of unequal length are of one kind.
3. `fit`, `regions`, `pieces`: relations of one kind are grouped; every number is an affine function
   of the subscripts on the left, checked on every relation; where they hold is a box, a lattice, a
   triangle or a band.
4. `facts`, `unknowns`: what is determined and used, by relations or by solving. `cycles`,
   `scalar_graph`: which arrays depend on themselves, and whether they are systems. `plan`: which
   families become arrays; what does not fit stays scalar, with the reason.
5. `emit`, `assemble`: the indexed file, as syntax that the ordinary way compiles.

Nothing is guessed: a relation is part of an indexed one only if writing that out again gives the
relation, up to the order of terms and factors.
"""

from __future__ import annotations

from .lifting import Lifted, build_lifted, lift
from .members import Unliftable

__all__ = ["Lifted", "Unliftable", "build_lifted", "lift"]
