"""The lane operations: what a node of a descriptor's expression may be.

An expression is evaluated once for each point ("lane") of an instruction's index space. Each row
says everything there is to say about one operation; encoder, verifier, disassembler, cost rules and
both engines are driven by this table.

Lane types: ``f`` is the program's precision (float32 or float64), ``i`` is int64. A truth value is
an ``f`` lane holding 0.0 or 1.0. `arguments` and `result` are strings of lane types; `?` in
arguments marks an optional last argument, `*` any number of ``i`` lanes (gathered subscripts), and
a result of ``r`` means "the type of the register that is read", ``a`` "the type of the
instruction's core result".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneOp:
    """One row of the table."""

    code: int
    name: str
    arguments: str
    result: str
    immediate: str  # what the immediate indexes: "", "constant", "integer", "size", "dim", "access", "unknown"
    flops: int
    text: str  # how a person reads it, with {0} {1} … for arguments and {imm} for the immediate
    doc: str


_ROWS = (
    # code name        args  res  immediate   flops text                     doc
    (0, "const",      "",    "f", "constant", 0, "{imm}",                   "a number of the constant pool"),
    (1, "iconst",     "",    "i", "integer",  0, "{imm}",                   "an integer of the integer pool"),
    (2, "size",       "",    "i", "size",     0, "{imm}",                   "the value of a size expression"),
    (3, "index",      "",    "i", "dim",      0, "{imm}",                   "the index value along a dimension: lo + counter"),
    (4, "load",       "f?",  "r", "access",   0, "{imm}",                   "an element at an affine place; with an argument, only where that is true, else 0"),
    (5, "gather",     "*f?", "r", "access",   0, "{imm}",                   "an element at a computed place: one zero-based position per dynamic axis, then the optional condition as in load"),
    (6, "acc",        "",    "a", "",         0, "acc",                     "the core result of the instruction at this lane (epilogues and attention scores)"),
    (7, "float",      "i",   "f", "",         0, "float({0})",              "an integer as a number"),
    (8, "int",        "f",   "i", "",         0, "int({0})",                "a number that must be whole, as an integer; an error when it is not"),
    (9, "unknown",   "",    "f", "unknown",  0, "unknown {imm}",           "the value so far of an unknown of a solve, by its number"),
    (10, "add",       "ff",  "f", "",         1, "({0} + {1})",             "sum"),
    (11, "sub",       "ff",  "f", "",         1, "({0} - {1})",             "difference"),
    (12, "mul",       "ff",  "f", "",         1, "({0}*{1})",               "product"),
    (13, "div",       "ff",  "f", "",         1, "({0}/{1})",               "IEEE quotient"),
    (14, "neg",       "f",   "f", "",         1, "(-{0})",                  "opposite"),
    (15, "abs",       "f",   "f", "",         1, "abs({0})",                "magnitude"),
    (16, "sign",      "f",   "f", "",         1, "sign({0})",               "-1, 0 or 1 (NaN stays NaN)"),
    (17, "floor",     "f",   "f", "",         1, "floor({0})",              "largest whole number not above"),
    (18, "ceil",      "f",   "f", "",         1, "ceil({0})",               "smallest whole number not below"),
    (19, "round",     "f",   "f", "",         1, "round({0})",              "nearest whole number, halves to even"),
    (20, "mod",       "ff",  "f", "",         1, "mod({0}, {1})",           "floored remainder, with the sign of the divisor"),
    (21, "min",       "ff",  "f", "",         1, "min({0}, {1})",           "smaller; NaN if either is NaN"),
    (22, "max",       "ff",  "f", "",         1, "max({0}, {1})",           "larger; NaN if either is NaN"),
    (23, "pow",       "ff",  "f", "",         1, "({0}^{1})",               "power, as C99 pow"),
    (24, "sqrt",      "f",   "f", "",         1, "sqrt({0})",               "square root; NaN below 0"),
    (25, "exp",       "f",   "f", "",         1, "exp({0})",                "e to the power"),
    (26, "log",       "f",   "f", "",         1, "log({0})",                "natural logarithm; -inf at 0, NaN below"),
    (27, "sin",       "f",   "f", "",         1, "sin({0})",                "sine of radians"),
    (28, "cos",       "f",   "f", "",         1, "cos({0})",                "cosine of radians"),
    (29, "tan",       "f",   "f", "",         1, "tan({0})",                "tangent of radians"),
    (30, "asin",      "f",   "f", "",         1, "asin({0})",               "inverse sine, radians"),
    (31, "acos",      "f",   "f", "",         1, "acos({0})",               "inverse cosine, radians"),
    (32, "atan",      "f",   "f", "",         1, "atan({0})",               "inverse tangent, radians"),
    (33, "atan2",     "ff",  "f", "",         1, "atan2({0}, {1})",         "angle of the point ({1}, {0}), radians"),
    (34, "sinh",      "f",   "f", "",         1, "sinh({0})",               "hyperbolic sine"),
    (35, "cosh",      "f",   "f", "",         1, "cosh({0})",               "hyperbolic cosine"),
    (36, "tanh",      "f",   "f", "",         1, "tanh({0})",               "hyperbolic tangent"),
    (37, "erf",       "f",   "f", "",         1, "erf({0})",                "error function"),
    (38, "sigmoid",   "f",   "f", "",         1, "sigmoid({0})",            "1/(1 + exp(-x)), without overflow"),
    (40, "lt",        "ff",  "f", "",         1, "({0} < {1})",             "1 where less"),
    (41, "le",        "ff",  "f", "",         1, "({0} <= {1})",            "1 where less or equal"),
    (42, "eq",        "ff",  "f", "",         1, "({0} = {1})",             "1 where equal"),
    (43, "ne",        "ff",  "f", "",         1, "({0} != {1})",            "1 where not equal (also where either is NaN)"),
    (44, "and",       "ff",  "f", "",         1, "({0} and {1})",           "1 where both are not 0"),
    (45, "or",        "ff",  "f", "",         1, "({0} or {1})",            "1 where one is not 0"),
    (46, "not",       "f",   "f", "",         1, "(not {0})",               "1 where 0"),
    (47, "select",    "fff", "f", "",         1, "if({0}, {1}, {2})",       "the second where the first is not 0, else the third"),
    (60, "iadd",      "ii",  "i", "",         0, "({0} + {1})",             "integer sum"),
    (61, "isub",      "ii",  "i", "",         0, "({0} - {1})",             "integer difference"),
    (62, "imul",      "ii",  "i", "",         0, "({0}*{1})",               "integer product"),
    (63, "ifloordiv", "ii",  "i", "",         0, "floor({0}/{1})",          "floored integer quotient; 0 for a zero divisor"),
    (64, "imod",      "ii",  "i", "",         0, "mod({0}, {1})",           "floored integer remainder; 0 for a zero divisor"),
    (65, "imin",      "ii",  "i", "",         0, "min({0}, {1})",           "smaller integer"),
    (66, "imax",      "ii",  "i", "",         0, "max({0}, {1})",           "larger integer"),
    (67, "ineg",      "i",   "i", "",         0, "(-{0})",                  "integer opposite"),
    (68, "iabs",      "i",   "i", "",         0, "abs({0})",                "integer magnitude"),
    (69, "isign",     "i",   "i", "",         0, "sign({0})",               "-1, 0 or 1"),
    (70, "ilt",       "ii",  "f", "",         0, "({0} < {1})",             "1 where less"),
    (71, "ile",       "ii",  "f", "",         0, "({0} <= {1})",            "1 where less or equal"),
    (72, "ieq",       "ii",  "f", "",         0, "({0} = {1})",             "1 where equal"),
    (73, "ine",       "ii",  "f", "",         0, "({0} != {1})",            "1 where not equal"),
    (74, "iselect",   "fii", "i", "",         0, "if({0}, {1}, {2})",       "the second where the first is not 0, else the third"),
)

LANE_OPS: tuple[LaneOp, ...] = tuple(LaneOp(*row) for row in _ROWS)
BY_NAME: dict[str, LaneOp] = {op.name: op for op in LANE_OPS}
BY_CODE: dict[int, LaneOp] = {op.code: op for op in LANE_OPS}
