"""The instruction set: one row an instruction, and everything else derives from it.

An instruction is a whole mathematical operation over an *index space*. Its descriptor
(`module.Descriptor`) names the dimensions of the space and gives each a role, says where each
operand is read (an affine place per axis, `module.Access`), and carries expressions evaluated at
each point. This table says, for each operation, which roles and expressions it has and what they
mean.

Roles of dimensions: ``o`` free (the result has it), ``r`` reduced, ``n`` normalised along (the
result has it, but the operation couples its points), ``u`` attended positions, ``c`` contracted
score features, ``f`` and ``b`` walked (the result has it; the points along it are computed one after
another, forward or backward, and may read what those before them stored).

Roots are the named expressions of a descriptor, in order; a name ending in `?` may be absent (-1).
`body` and the like are evaluated before the core operation, `epilogue` after it: there, the lane
operation `acc` is the core's result (without an epilogue the result is the core's).
"""

from __future__ import annotations

from dataclasses import dataclass

VERSION = (0, 1)
STORED = "onfb"  # roles of the dimensions that a result has
WALKED = "fb"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One row. Bytes need no column: `cost.py` derives them from the places of the operands."""

    code: int
    name: str
    group: str
    roles: str        # roles a dimension may have
    roots: tuple[str, ...]
    reads: int        # operands that the core reads beside the loads of its expressions
    equation: str
    shape: str        # the shape rule, in words
    flops: str        # core FLOPs beside the expressions' own: numbers times the extents of roles,
    #                   where q is the o dimensions that the scores of an attention have
    doc: str


def _op(code, name, group, roles, roots, reads, equation, shape, flops, doc) -> Instruction:
    return Instruction(code, name, group, roles, tuple(roots.split()), reads, equation, shape, flops, doc)


_FREE = "the extents of the o dimensions that its place names"
_SAME = "the extents of the whole space"

INSTRUCTIONS: tuple[Instruction, ...] = (
    _op(0, "halt", "control", "", "", 0, "stop", "no result", "0",
        "Ends the program. The last instruction, and only there."),
    # -- one value a point: any number of results, one root each -------------------------------
    _op(1, "map", "elementwise", "o", "body*", 0, "D[p] = body(p)", _FREE, "0",
        "A fused elementwise expression; several results share one pass over the space."),
    _op(2, "copy", "elementwise", "o", "body*", 0, "D[p] = A[affine(p)]", _FREE, "0",
        "A map whose body is a single load: a copy, transpose, slice, diagonal or broadcast."),
    _op(3, "gather", "elementwise", "o", "body*", 0, "D[p] = A[subscripts(p)]", _FREE, "0",
        "A map whose body is a single gather: rows looked up by number."),
    _op(4, "select", "elementwise", "o", "body*", 0, "D[p] = if(c(p), a(p), b(p))", _FREE, "0",
        "A map whose body is a select: cases chosen point by point."),
    _op(5, "scan", "elementwise", "ofb", "body*", 0, "for each s: D[s,p] = body(s, p)", _FREE, "0",
        "A map whose walked dimensions are computed one point after another, a later one fastest "
        "(role f: from the first point to the last; b: from the last to the first): all bodies at "
        "the free points of s, then all stores. Bodies may read the results, where earlier points "
        "stored them or nothing of this instruction does: a recurrence. Without free dimensions they "
        "may read results at computed places, too: as the points before left them."),
    # -- reductions: over the r dimensions, where `condition` is true ----------------------------
    _op(10, "sum", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = sum[r | condition](body)", _FREE, "1*or", "Sum; 0 when empty."),
    _op(11, "prod", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = prod[r | condition](body)", _FREE, "1*or", "Product; 1 when empty."),
    _op(12, "max", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = max[r | condition](body)", _FREE, "1*or", "Largest; NaN if any is NaN; empty is an error."),
    _op(13, "min", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = min[r | condition](body)", _FREE, "1*or", "Smallest; NaN if any is NaN; empty is an error."),
    _op(14, "mean", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = mean[r | condition](body)", _FREE, "1*or", "Arithmetic mean; empty is an error."),
    _op(15, "any", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = any[r | condition](body)", _FREE, "1*or", "1 where some body is not 0; empty is an error."),
    _op(16, "all", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = all[r | condition](body)", _FREE, "1*or", "1 where no body is 0; empty is an error."),
    _op(17, "argmax", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = argmax[r | condition](body)", _FREE, "1*or",
        "The index value of the single r dimension where body is largest, the first on a tie (a NaN "
        "is the largest, as in NumPy); an i result; empty is an error."),
    _op(18, "argmin", "reduction", "or", "body condition? epilogue?", 0,
        "D[p] = argmin[r | condition](body)", _FREE, "1*or",
        "The index value where body is smallest, the first on a tie; as argmax."),
    # -- whole operations ------------------------------------------------------------------------
    _op(30, "contract", "contraction", "or", "condition? epilogue?", 2,
        "D[p] = sum[r | condition](A[…]*B[…])", _FREE, "2*or",
        "The product of two operands summed over the r dimensions: matrix product, batched matrix "
        "product, matrix-vector product, dot and outer product, for any place of the axes. Points "
        "where `condition` is false take no part, whatever A and B hold there. An empty sum is 0. "
        "Accesses: result, A, B; then the loads of the expressions."),
    _op(31, "softmax", "normalisation", "on", "score weight? condition? epilogue?", 0,
        "D[p] = w*exp(s - m)/sum[n](w*exp(s - m)), m = max[n](s)", _SAME, "4*on",
        "Softmax along the n dimensions with the maximum subtracted. Points where `condition` is "
        "false are outside: 0 in the result, also when none is left, and not in the sum. `weight` "
        "multiplies each exponential; points of weight 0 do not count for the maximum. All weights "
        "0: NaN. A score of inf is NaN (inf/inf), the others beside it are 0."),
    _op(32, "layer_norm", "normalisation", "on", "body epsilon epilogue?", 0,
        "D[p] = (x - mean[n](x))/sqrt(mean[n]((x - mean[n](x))^2) + epsilon)", _SAME, "6*on",
        "Layer normalisation along the n dimensions; `epsilon` may not depend on them."),
    _op(33, "rms_norm", "normalisation", "on", "body epsilon epilogue?", 0,
        "D[p] = x/sqrt(mean[n](x^2) + epsilon)", _SAME, "4*on",
        "Root-mean-square normalisation along the n dimensions."),
    _op(34, "attention", "attention", "ouc", "score? weight? condition? epilogue?", 3,
        "D[p] = sum[u](softmax[u](score(sum[c](Q*K)))*V)", _FREE, "2*quc + 4*qu + 2*ou",
        "Attention without its matrix of scores in memory. Accesses: result, Q, K, V; then the loads "
        "of the expressions. `score` maps acc = sum[c](Q*K) to the score (absent: acc itself); "
        "`weight` and `condition` as in softmax, over the o and u dimensions that Q and K have; "
        "points outside take no part, whatever K and V hold there, and with none left the sum is 0. "
        "Q and K hold c; V and the result do not. K and V hold u; Q and the result do not. The o dimensions "
        "that only V and the result have are the value features."),
    # -- systems ---------------------------------------------------------------------------------
    _op(40, "solve", "system", "o",
        "iterations tolerance start*? lower*? upper*? residual* scale* jacobian*?", 0,
        "D1[p], …, Dn[p] with residual_i(D1[p], …, Dn[p]) = 0", _FREE, "0",
        "Solves n relations for n unknowns, at each point by itself: damped Newton steps with the "
        "exact Jacobian, by LU with full pivoting; one step where no entry of the Jacobian depends on "
        "an unknown. In the expressions, `unknown k` is the k-th result so far. Ends the run "
        "(status 1) unless every residual is small beside its scale and the last full Newton step is "
        "small beside the unknowns. An unknown without `start` starts at 1, or elsewhere when a relation "
        "has no finite value there. With `unsolved nan` it does not end there: at points without a "
        "solution all its unknowns are NaN, which no solution is. The message has one line for each "
        "relation, to name it by."),
    _op(41, "system", "system", "onr", "iterations tolerance", 0,
        "D1, …, Dn with sum(terms of row r at p) = 0 for every row r and point p",
        "the whole register", "0",
        "Solves relations over arrays together, for all elements of n whole registers, once for each "
        "point of the o dimensions. The n dimensions are the unknowns' own axes. The relations are "
        "its *parts*, each with a space, places and expressions of its own: `row` (where relation r "
        "holds), `term` (an addend of it, summed over r dimensions, with its exact slopes by each "
        "element of an unknown that it reads), `start`, `lower`, `upper` (of an unknown; without a "
        "start it is 1). Expressions read the unknowns as they read any register. Linear when no "
        "slope reads an unknown and nothing is bounded: then one elimination, else damped Newton. "
        "The matrix is dense, banded or sparse by the places that the slopes fall on. Ends the run "
        "(status 1) unless every residual is small beside its terms; with `unsolved nan` the unknowns "
        "of a point without a solution are NaN. The message has one line for each relation. As many "
        "scalar equations as unknown elements are needed (else status 2). The cost is that of one "
        "evaluation of all parts; that of the elimination depends on the pattern and is not counted."),
    # -- claims ----------------------------------------------------------------------------------
    _op(50, "check", "claim", "o", "claim", 0, "claim(p) for every p", "no result", "0",
        "Ends the run with the descriptor's message unless the claim is true (not 0, not NaN) at "
        "every point. An attribute says whether it is a failed check (status 1) or bad input (2)."),
)

BY_NAME: dict[str, Instruction] = {op.name: op for op in INSTRUCTIONS}
BY_CODE: dict[int, Instruction] = {op.code: op for op in INSTRUCTIONS}
