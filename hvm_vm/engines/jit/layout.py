"""The layouts of kernel parameters, in int64 words: shared by `prepare` and the kernels.

Every address in them is filled in when a frame is bound (see `block.py`). An *odometer* is a list of
(extent, counter) pairs, last dimension fastest; *steps* are, per dimension of an odometer, the bytes
to add to a pointer when that dimension advances and all later ones return to 0.

FLAT   count, then words of six: kernel, destination, a, b, c, lanes.

SWEEP  a lane program over blocks: the fields below, then three stages (count, address of words).
       Words of five: kernel and four slots; slots hold addresses. An access is either an alias
       (fill 0: the slot becomes the address) or filled into the slot's buffer by a move kernel.

ROWS   an odometer, cells (target, base, address of steps) and actions (kernel, parameters).
"""

from __future__ import annotations

FLAT_COUNT, FLAT_WORDS = 0, 1
FLAT_WORD = 6

(SWEEP_OUTER, SWEEP_EXTENT, SWEEP_CHUNK, SWEEP_INNER, SWEEP_REPEAT, SWEEP_OUTER_AT,
 SWEEP_REPEAT_AT, SWEEP_ACCESSES, SWEEP_ACCESS_AT, SWEEP_SLOTS, SWEEP_OUTER_POINTS,
 SWEEP_REPEAT_POINTS, SWEEP_STAGES) = range(13)
SWEEP_WORDS = SWEEP_STAGES + 6

(ACCESS_BASE, ACCESS_POINTER, ACCESS_HERE, ACCESS_SLOT, ACCESS_FILL, ACCESS_SPLIT, ACCESS_STAGE,
 ACCESS_DIMS, ACCESS_LAST, ACCESS_LANES, ACCESS_OUTER_STEPS, ACCESS_REPEAT_STEPS) = range(12)
ACCESS_WORDS = 12

(ROWS_DIMS, ROWS_POINTS, ROWS_ODOMETER, ROWS_CELLS, ROWS_CELL_AT, ROWS_ACTIONS,
 ROWS_ACTION_AT) = range(7)
ROWS_WORDS = 7
CELL_TARGET, CELL_BASE, CELL_STEPS = range(3)
CELL_WORDS = 3
