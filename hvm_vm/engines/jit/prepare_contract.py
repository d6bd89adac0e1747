"""Contractions: matrix products by BLAS where the dimensions allow, with operands packed at need;
plain loops for small ones; the machinery of reductions for whatever is no product of matrices."""

from __future__ import annotations

import struct
from math import prod

from hvm_vm.engines.jit import contraction
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.blas import blas
from hvm_vm.engines.jit.block import ABSOLUTE, ParameterBlock, Place
from hvm_vm.engines.jit.encode import Cell, Step, encode_rows
from hvm_vm.engines.jit.lane_program import WIDTH, LaneCompiler, Leaf
from hvm_vm.engines.jit.prepare_maps import over_space
from hvm_vm.engines.jit.scale import fold_scale
from hvm_vm.engines.jit.spaces import Group, merge, points, steps

SMALL = 600          # points below which plain loops beat packing
THREADED = 1 << 17   # points from which the number of threads is worth setting


def contract(bound, one, block, precision, threads) -> list[Step]:
    """D[p] = epilogue(sum[r | condition](A*B)); roots: condition, epilogue."""
    free = [d for d, role in enumerate(one.roles) if role == "o"]
    if prod(one.extents[d] for d in free) == 0:
        return []
    if one.roots[0] >= 0:
        from hvm_vm.engines.jit.prepare_conditional import conditional
        return conditional(bound, one, block, precision, threads)
    compiler = LaneCompiler(bound, one, block, precision)
    result, a, b = (compiler.leaf(access) for access in one.accesses[:3])
    epilogue = one.roots[1] if one.roots[1] >= 0 else None
    alpha, epilogue = fold_scale(one, epilogue, precision)
    size = WIDTH[precision]
    plan = None
    plain = {a.kind, b.kind, result.kind} == {precision}
    if one.points and plain:
        plan = contraction.plan(one.extents, one.roles, a, b, result, size)
        if plan is not None and not plan.m and not plan.n and one.points > SMALL:
            plan = None  # products of vectors: adding up is faster than calling BLAS for each
        elif plan is not None and one.points <= SMALL and any(
                x.packed is not None for x in (plan.a, plan.b, plan.c)):
            plan = None
    if not plain or (plan is None and one.points > SMALL):
        from hvm_vm.engines.jit.prepare_reduce import product_sum
        return product_sum(bound, one, block, precision, threads)
    if plan is None:
        done, acc = [_direct(block, one, free, a, b, result)], result
        if alpha != 1.0:
            epilogue = one.roots[1]
    else:
        done, acc = product_steps(block, one.extents, plan, a, b, result, precision, alpha,
                                  threads if one.points >= THREADED else 0)
    return done + finished(block, one, compiler, acc, epilogue, result)


def finished(block, one, compiler: LaneCompiler, acc: Leaf, epilogue, result: Leaf) -> list[Step]:
    """The epilogue, and the way from scratch memory to the result, where there is either."""
    if epilogue is None and acc is result:
        return []
    compiler.acc = acc
    value = acc if epilogue is None else compiler.value(epilogue)
    compiler.store(value, result)
    free = [d for d, role in enumerate(one.roles) if role == "o"]
    return over_space(block, compiler.words, one.extents, free, result)


def _direct(block: ParameterBlock, one, free, a: Leaf, b: Leaf, d: Leaf) -> Step:
    """Plain loops over any strides."""
    outer = merge(one.extents, sorted(free, key=lambda x: -abs(d.strides[x])), [a, b, d])
    reduced = merge(one.extents, [x for x, role in enumerate(one.roles) if role == "r"], [a, b])
    inner = reduced.pop() if reduced else Group(
        prod(n for n, role in zip(one.extents, one.roles, strict=True) if role == "r"), -1)
    start = block.reserve(at.DIRECT_WORDS)

    def table(groups, leaves) -> Place:
        columns = [steps(groups, [g.stride(leaf) for g in groups]) for leaf in leaves]
        return block.add(*(column[k] for k in range(len(groups)) for column in columns))

    fields = {
        at.DIRECT_FREE_DIMS: len(outer), at.DIRECT_FREE_POINTS: points(outer),
        at.DIRECT_FREE: block.add(*(x for g in outer for x in (g.extent, 0))),
        at.DIRECT_REDUCED_DIMS: len(reduced), at.DIRECT_REDUCED_POINTS: points(reduced),
        at.DIRECT_REDUCED: block.add(*(x for g in reduced for x in (g.extent, 0))),
        at.DIRECT_INNER: inner.extent, at.DIRECT_A: a.place, at.DIRECT_B: b.place,
        at.DIRECT_D: d.place, at.DIRECT_FREE_STEPS: table(outer, [a, b, d]),
        at.DIRECT_REDUCED_STEPS: table(reduced, [a, b]),
        at.DIRECT_INNER_A: inner.stride(a), at.DIRECT_INNER_B: inner.stride(b),
    }
    for field, value in fields.items():
        block.put(start + field, value)
    return Step(f"direct.contract.{d.kind}", block.here(start))


def pack(block: ParameterBlock, extents, leaf: Leaf, dims) -> tuple[list[Step], Leaf]:
    """Copy an operand into scratch memory, dense over `dims`; the steps and the copy."""
    copy = dense_scratch(block, extents, dims, leaf.kind)
    from hvm_vm.engines.jit.lane_program import Raw, Steps, Word
    words = [Word(f"move.store.{WIDTH[leaf.kind]}", Raw(copy), leaf, Steps(copy))]
    return over_space(block, words, extents, dims, copy), copy


def dense_scratch(block: ParameterBlock, extents, dims, kind: str) -> Leaf:
    """Scratch memory for an operand over `dims`, slowest first."""
    strides, step = [0] * len(extents), WIDTH[kind]
    for d in reversed(dims):
        strides[d], step = step, step * extents[d]
    return Leaf(kind, block.scratch(step), tuple(strides))


def product_steps(block, extents, plan: contraction.Product, a: Leaf, b: Leaf, c: Leaf,
                  precision: str, alpha: float, threads: int) -> tuple[list[Step], Leaf]:
    """The steps of a planned product and where its result lies: `c`, or scratch memory."""
    done: list[Step] = []
    if plan.a.packed is not None:
        more, a = pack(block, extents, a, plan.a.packed)
        done += more
    if plan.b.packed is not None:
        more, b = pack(block, extents, b, plan.b.packed)
        done += more
    if plan.c.packed is not None:
        c = dense_scratch(block, extents, plan.c.packed, precision)
    m, n, k = (prod(extents[d] for d in dims) for dims in (plan.m, plan.n, plan.k))
    call, cells = gemm_call(block, precision, (m, n, k), (plan.a, a), (plan.b, b), (plan.c, c),
                            alpha, threads)
    batch = merge(extents, sorted(plan.batch, key=lambda d: -abs(c.strides[d])), [a, b, c])
    done.append(encode_rows(block, batch, cells, [call]))
    return done, c


def scalar_bits(value: float, precision: str) -> int:
    """A number as the word that holds it for a Fortran routine of this precision."""
    if precision == "f32":
        return struct.unpack("<i", struct.pack("<f", value))[0] & 0xFFFFFFFF
    return struct.unpack("<q", struct.pack("<d", value))[0]


def gemm_call(block, precision, sizes, a, b, c, alpha, threads) -> tuple[Step, list[Cell]]:
    """A call of gemm, or of gemv for a single row or column; operands are (Matrix, Leaf)."""
    if 1 in sizes[:2]:
        return _gemv(block, precision, *_upright(sizes, a, b, c), alpha, threads)
    words = gemm_words(block, precision, sizes, a, b, c, alpha, threads)
    cells = [Cell(words[name], leaf) for name, (_, leaf) in zip("abc", (a, b, c), strict=True)]
    return Step("blas.gemm", words["at"]), cells


def _upright(sizes, a, b, c):
    """The same product with a result whose columns lie side by side: BLAS is column-major, so that
    such a C is its own transpose there, and the operands change places."""
    if c[0].column == 1:
        return sizes, a, b, c
    (m, n, k), turn = sizes, lambda x: (contraction.Matrix(x[0].column, x[0].row), x[1])
    return (n, m, k), turn(b), turn(a), turn(c)


def gemm_words(block, precision, sizes, a, b, c, alpha, threads) -> dict:
    """The parameters of a gemm call: where they are (`at`), and the words that hold the sizes
    m, n, k and the addresses of a, b, c, for kernels that change them from call to call."""
    names = {x: x for x in "mnkabc"}
    if c[0].column != 1:
        names |= {"m": "n", "n": "m", "a": "b", "b": "a"}
    (m, n, k), (ma, la), (mb, lb), (mc, lc) = _upright(sizes, a, b, c)
    second, first = _transposition(ma, k, m), _transposition(mb, n, k)
    start = _library(block, precision, "gemm", threads, 13)
    q = start + at.GEMM_ARGUMENTS
    for j, argument in enumerate([
            first[0], second[0], n, m, k, scalar_bits(alpha, precision), lb.place, first[1],
            la.place, second[1], 0, lc.place, max(mc.row, n)]):
        block.put(q + j, argument)
    place = {"m": q + 3, "n": q + 2, "k": q + 4, "a": q + at.GEMM_B, "b": q + at.GEMM_A,
             "c": q + at.GEMM_C}
    return {"at": block.here(start), **{name: place[x] for name, x in names.items()}}


def _transposition(matrix: contraction.Matrix, rows: int, columns: int) -> tuple[int, int]:
    """Whether BLAS, to which the matrix is its own transpose, must transpose it back; the
    stride."""
    if matrix.column == 1:
        return ord("N"), max(matrix.row, rows)
    return ord("T"), max(matrix.column, columns)


def _library(block, precision: str, routine: str, threads: int, arguments: int) -> int:
    library = blas()
    start = block.reserve(at.GEMM_ARGUMENTS + arguments)
    if threads and library.set_threads:
        block.put(start + at.BLAS_THREADS, threads)
        block.put(start + at.BLAS_GET, library.get_threads)
        block.put(start + at.BLAS_SET, library.set_threads)
    function = (library.gemm if routine == "gemm" else library.gemv)[precision]
    block.put(start + at.BLAS_FUNCTION, Place(ABSOLUTE, function))
    return start


def _gemv(block, precision, sizes, a, b, c, alpha, threads) -> tuple[Step, list[Cell]]:
    """A product with one row or one column."""
    (m, n, k), (ma, la), (mb, lb), (mc, lc) = sizes, a, b, c
    if m == 1:    # c[n] = B'(n x k) a[k]
        trans, ld = _transposition(mb, n, k)
        matrix, vector, step, out = lb, la, ma.column, mc.column
        rows, columns = (n, k) if trans == ord("N") else (k, n)
    else:         # c[m] = A(m x k) b[k]
        trans, ld = _transposition(ma, k, m)
        trans = ord("T") if trans == ord("N") else ord("N")
        matrix, vector, step, out = la, lb, mb.row, mc.row
        rows, columns = (k, m) if trans == ord("T") else (m, k)
    start = _library(block, precision, "gemv", threads, 11)
    q = start + at.GEMM_ARGUMENTS
    for j, argument in enumerate([
            trans, rows, columns, scalar_bits(alpha, precision), matrix.place, ld, vector.place,
            max(step, 1), 0, lc.place, max(out, 1)]):
        block.put(q + j, argument)
    cells = [Cell(q + j, leaf) for j, leaf in (
        (at.GEMV_A, matrix), (at.GEMV_X, vector), (at.GEMV_Y, lc))]
    return Step("blas.gemv", block.here(start)), cells
