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
from hvm_vm.engines.jit.spaces import Group, merge, points, steps

SMALL = 600          # points below which plain loops beat packing
THREADED = 1 << 17   # points from which the number of threads is worth setting


def contract(bound, one, block, precision, threads) -> list[Step]:
    """D[p] = epilogue(sum[r](A*B))."""
    free = [d for d, role in enumerate(one.roles) if role == "o"]
    if prod(one.extents[d] for d in free) == 0:
        return []
    compiler = LaneCompiler(bound, one, block, precision)
    result, a, b = (compiler.leaf(access) for access in one.accesses[:3])
    epilogue = one.roots[0] if one.roots and one.roots[0] >= 0 else None
    alpha, epilogue = fold_scale(one, epilogue)
    size = WIDTH[precision]
    plan = None
    plain = {a.kind, b.kind, result.kind} == {precision}
    if one.points and plain:
        plan = contraction.plan(one.extents, one.roles, a, b, result, size)
        if plan is not None and one.points <= SMALL and any(
                x.packed is not None for x in (plan.a, plan.b, plan.c)):
            plan = None
    if not plain or (plan is None and one.points > SMALL):
        from hvm_vm.engines.jit.prepare_reduce import product_sum
        return product_sum(bound, one, block, precision, threads)
    if plan is None:
        done, acc = [_direct(block, one, free, a, b, result)], result
        if alpha != 1.0:
            epilogue = one.roots[0]
    else:
        done, acc = product_steps(block, one.extents, plan, a, b, result, precision, alpha,
                                  threads if one.points >= THREADED else 0)
    if epilogue is not None or acc is not result:
        compiler.acc = acc
        value = acc if epilogue is None else compiler.value(epilogue)
        compiler.store(value, result)
        done += over_space(block, compiler.words, one.extents, free, result)
    return done


def fold_scale(one, root: int | None) -> tuple[float, int | None]:
    """An expression that is only `acc*constant` as (constant, None)."""
    if root is None:
        return 1.0, None
    node = one.nodes[root]
    if node.op == "acc":
        return 1.0, None
    if node.op == "mul":
        for value, other in (node.args, node.args[::-1]):
            if one.nodes[value].op == "acc" and one.nodes[other].op == "const":
                return one.nodes[other].immediate, None
    if node.op == "div":
        value, other = (one.nodes[k] for k in node.args)
        if value.op == "acc" and other.op == "const" and other.immediate != 0:
            return 1.0 / other.immediate, None
    return 1.0, root


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
    width = WIDTH[leaf.kind]
    strides, step = [0] * len(extents), width
    for d in reversed(dims):
        strides[d] = step
        step *= extents[d]
    copy = Leaf(leaf.kind, block.scratch(step), tuple(strides))
    from hvm_vm.engines.jit.lane_program import Raw, Steps, Word
    words = [Word(f"move.store.{width}", Raw(copy), leaf, Steps(copy))]
    return over_space(block, words, extents, dims, copy), copy


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
        dims, strides, step = plan.c.packed, [0] * len(extents), WIDTH[precision]
        for d in reversed(dims):
            strides[d] = step
            step *= extents[d]
        c = Leaf(precision, block.scratch(step), tuple(strides))
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
    """A call of gemm, or of gemv for a single row or column; operands are (Matrix, Leaf).

    BLAS is column-major: C with rows side by side (column stride 1) is its own transpose there, so
    the operands change places."""
    (m, n, k), (ma, la), (mb, lb), (mc, lc) = sizes, a, b, c
    if mc.column != 1:  # columns side by side already: transpose the whole equation
        m, n = n, m
        (ma, la), (mb, lb) = ((contraction.Matrix(x.column, x.row), leaf)
                              for x, leaf in ((mb, lb), (ma, la)))
        mc = contraction.Matrix(mc.column, mc.row)
    library = blas()
    start = block.reserve(at.GEMM_ARGUMENTS + 13)
    if threads and library.set_threads:
        block.put(start + at.BLAS_THREADS, threads)
        block.put(start + at.BLAS_GET, library.get_threads)
        block.put(start + at.BLAS_SET, library.set_threads)
    one_, zero = scalar_bits(alpha, precision), 0
    # First operand: B' is n x k, column-major; second: A' is k x m.
    first = (ord("N"), max(mb.row, n)) if mb.column == 1 else (ord("T"), max(mb.column, k))
    second = (ord("N"), max(ma.row, k)) if ma.column == 1 else (ord("T"), max(ma.column, m))
    q = start + at.GEMM_ARGUMENTS
    if m == 1 or n == 1:
        if m == 1:    # c[n] = B'(n x k) a[k]
            trans, ld, matrix, vector = first[0], first[1], lb, la
            step = ma.column
            rows, columns = (n, k) if trans == ord("N") else (k, n)
            out = mc.column
        else:         # c[m] = A(m x k) b[k]
            trans, ld = (ord("T"), second[1]) if second[0] == ord("N") else (ord("N"), second[1])
            matrix, vector, step = la, lb, mb.row
            rows, columns = (k, m) if trans == ord("T") else (m, k)
            out = mc.row
        arguments = [trans, rows, columns, one_, matrix.place, ld, vector.place, max(step, 1), zero,
                     lc.place, max(out, 1)]
        addresses = {at.GEMV_A: matrix, at.GEMV_X: vector, at.GEMV_Y: lc}
        kernel, function = "blas.gemv", library.gemv[precision]
    else:
        arguments = [first[0], second[0], n, m, k, one_, lb.place, first[1], la.place, second[1],
                     zero, lc.place, max(mc.row, n)]
        addresses = {at.GEMM_A: lb, at.GEMM_B: la, at.GEMM_C: lc}
        kernel, function = "blas.gemm", library.gemm[precision]
    block.put(start + at.BLAS_FUNCTION, Place(ABSOLUTE, function))
    for j, argument in enumerate(arguments):
        block.put(q + j, argument)
    return Step(kernel, block.here(start)), [Cell(q + j, leaf) for j, leaf in addresses.items()]
