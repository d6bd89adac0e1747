"""The layouts of kernel parameters, in int64 words: shared by `prepare` and the kernels.

Every address in them is filled in when a frame is bound (see `block.py`). An *odometer* is a list
of (extent, counter) pairs, last dimension fastest; *steps* are, per dimension of an odometer, the
bytes to add to a pointer when that dimension advances and all later ones return to 0.

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

# BLAS    number of threads to set (0: leave it), addresses of the functions that get and set it,
#         the routine, its arguments in Fortran's order: matrices as addresses, the rest as values.
BLAS_THREADS, BLAS_GET, BLAS_SET, BLAS_FUNCTION = range(4)
GEMM_ARGUMENTS = 4
GEMM_A, GEMM_B, GEMM_C = 6, 8, 11    # places of the addresses among gemm's arguments
GEMV_A, GEMV_X, GEMV_Y = 4, 6, 9

# DIRECT  odometers of the free and the reduced dimensions, with the steps of A and B (and of the
#         result along the free ones), the addresses, and the innermost reduced dimension apart.
(DIRECT_FREE_DIMS, DIRECT_FREE_POINTS, DIRECT_FREE, DIRECT_REDUCED_DIMS, DIRECT_REDUCED_POINTS,
 DIRECT_REDUCED, DIRECT_INNER, DIRECT_A, DIRECT_B, DIRECT_D, DIRECT_FREE_STEPS,
 DIRECT_REDUCED_STEPS, DIRECT_INNER_A, DIRECT_INNER_B) = range(14)
DIRECT_WORDS = 14

# CHOOSE  an operand (address, table of dimensions, number of elements) that is looked at, then two
#         lists of steps (count, address of (kernel, parameters) pairs).
(CHOOSE_OPERAND, CHOOSE_TABLE, CHOOSE_ELEMENTS, CHOOSE_FIRST) = range(4)
CHOOSE_SECOND, CHOOSE_WORDS = 5, 7

# SOLVE   a block of points side by side: rows of `lanes` values (unknowns, starts, bounds,
#         residuals, scales; SLOPES is a table of the rows of the Jacobian's places) and BEFORE_ROW,
#         a float64 for each; then the memory of one point (`engines/solving/memory.py`) with its
#         values in the program's precision (POINT_X …; NUMBERS: which entry of POINT_SLOPES stands
#         where);
#         settings (TOLERANCE and EPSILON as float64; GOES_ON: unsolved points become NaN).
#         Programs as (kernel, parameters): starts and bounds, relations, results, relations of one
#         point. That one has CELLS (target, base, address of strides) that are moved to the point,
#         whose counters are below EXTENTS. POINT: the kernel that solves one point.
#         TOLD: the address of what a run tells.
(SOLVE_UNKNOWNS, SOLVE_LANES, SOLVE_X, SOLVE_START, SOLVE_LOW, SOLVE_HIGH, SOLVE_F, SOLVE_SCALE,
 SOLVE_SLOPES, SOLVE_BEFORE_ROW, SOLVE_WORK, SOLVE_MEMORY, SOLVE_POINT_X, SOLVE_POINT_F,
 SOLVE_POINT_SCALE, SOLVE_POINT_SLOPES, SOLVE_NUMBERS, SOLVE_LINEAR, SOLVE_GIVEN, SOLVE_CAP,
 SOLVE_TOLERANCE, SOLVE_EPSILON, SOLVE_GOES_ON, SOLVE_DIMS, SOLVE_EXTENTS, SOLVE_CELLS,
 SOLVE_CELL_AT, SOLVE_BROKEN, SOLVE_POINT, SOLVE_TOLD, SOLVE_BEFORE) = range(31)
SOLVE_BODY, SOLVE_AFTER, SOLVE_ONE = SOLVE_BEFORE + 2, SOLVE_BEFORE + 4, SOLVE_BEFORE + 6
SOLVE_WORDS = SOLVE_ONE + 2
# What a run of a solve tells, the worst of all points: float64 but for the counts. After these
# words come, for each of n relations or unknowns, the residuals, the relative ones, and the number
# of points at a bound.
(TOLD_PASSES, TOLD_RATIO, TOLD_CONDITION, TOLD_POINTS, TOLD_MULTIPLE, TOLD_UNSOLVED,
 TOLD_N) = range(7)
TOLD_WORDS = TOLD_N + 1

# SYSTEM  the address of a callback (`prepare_system.Callback`); then for each of its programs
#         kernel, parameters, and the address of its values.
SYSTEM_CALLBACK, SYSTEM_WORDS = 0, 1
#         Kernels that the callback calls: sums of products and of their magnitudes, by rows; a
#         tridiagonal system, its arrays of SIZE numbers (float64), the SIGN (float64) of CONSTANT
#         on the right, and the largest SHARE (float64) of its terms that a residual may be.
(PRODUCT_ROWS, PRODUCT_COLUMNS, PRODUCT_A, PRODUCT_A_ROW, PRODUCT_A_STEP, PRODUCT_B, PRODUCT_B_ROW,
 PRODUCT_B_STEP, PRODUCT_SUMS, PRODUCT_SIZES) = range(10)
PRODUCT_WORDS = 10
(TRI_SIZE, TRI_BELOW, TRI_MAIN, TRI_ABOVE, TRI_CONSTANT, TRI_SIGN, TRI_X, TRI_CARRIED, TRI_HELD,
 TRI_SHARE) = range(10)
TRI_WORDS = 10

# ATTENTION  for one point of the batch: rows of queries in blocks, all keys that the block may see.
#   Score rows lie in scratch memory, `LD` bytes apart. The program (FLAT words) turns one row of
#   products into probabilities; cells (target, base, stride per query in bytes, 1 for rows of the
#   score block) move with the row. With LIMITED the row of query i sees the keys
#   0 … floor((LIMIT_CONST + LIMIT_STEP*i)/LIMIT_DIVISOR), the program's words get that many lanes.
#   MASKED says that some keys may be outside; STEP and ACROSS are strides of rows and columns in
#   bytes, COLUMNS the number of value features.
(ATT_QUERIES, ATT_KEYS, ATT_BLOCK, ATT_Q, ATT_Q_STEP, ATT_OUT, ATT_OUT_STEP, ATT_SCORES, ATT_LD,
 ATT_GEMM, ATT_FIRST, ATT_FIRST_ROWS, ATT_FIRST_KEYS, ATT_FIRST_Q, ATT_SECOND, ATT_SECOND_ROWS,
 ATT_SECOND_KEYS, ATT_SECOND_OUT, ATT_FLAT, ATT_PROGRAM, ATT_CELLS, ATT_CELL_AT, ATT_LIMITED,
 ATT_LIMIT_CONST, ATT_LIMIT_STEP, ATT_LIMIT_DIVISOR, ATT_MASKED, ATT_COLUMNS, ATT_OUT_ACROSS,
 ATT_SECOND_V, ATT_V_STEP, ATT_V_ACROSS) = range(32)
ATT_WORDS = 32
ATT_CELL_TARGET, ATT_CELL_BASE, ATT_CELL_STEP, ATT_CELL_LOCAL = range(4)
ATT_CELL_WORDS = 4
