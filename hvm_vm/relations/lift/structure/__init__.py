"""Structure: what scalars are elements of, when their names do not say.

    ya = a*p + b*q
    yb = c*p + d*q        y[i] = sum[j](A[i,j] * x[j])        A: a, b, c, d   x: p, q   y: ya, yb

1. `erased`: the relations with every name left out, so that equal formulas have one shape.
2. `colours`: names are alike when alike relations determine and use them (colour refinement). A
   class of names is a family.
3. `partitions`, `axes`: names of two families that meet in one term share what they have in common;
   the connected components of these meetings are the values of a shared index.
4. `renumbered`: every name gets a spelling with numbers, and goes the way of names that have them.

All this only proposes subscripts. Lifting then checks every number of every relation, as it does
for names that were numbered by a person, so that a wrong proposal costs time and never an answer.
"""

from __future__ import annotations

from .attempts import by_structure

__all__ = ["by_structure"]
