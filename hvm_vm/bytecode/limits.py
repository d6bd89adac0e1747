"""Bounds on everything that a file or a module may claim, in one place.

They are far above what programs need and exist so that a damaged or hostile file is refused before
it can make anything allocate or loop for long.
"""

from __future__ import annotations

MAX_DIMS = 32             # dimensions of an index space
MAX_UNKNOWN_DIMS = 4096   # dimensions of all unknowns of a system, which is no space to run over
MAX_RANK = 32             # axes of a register
MAX_OPERANDS = 1 << 16    # operands of one instruction
MAX_NODES = 1 << 20       # nodes of one descriptor
MAX_REGISTERS = 1 << 24
MAX_CODE = 1 << 24
MAX_SYMBOLS = 1 << 12     # size symbols
MAX_NAME = 1 << 12        # characters of a name
MAX_FAMILY = 1 << 24      # elements of a family's array
MAX_SIZE_DEPTH = 16       # operations nested in a symbolic size
MAX_SIZE_TERMS = 256      # terms of one polynomial
MAX_SIZE_FACTORS = 16     # factors of one term
MAX_TEXT_DEPTH = 60       # nested brackets in assembly text
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
