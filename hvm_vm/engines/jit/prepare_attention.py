"""Attention: which dimensions are queries, keys, features and values, and the kernel's
parameters."""

from __future__ import annotations

from math import prod

from hvm_vm.engines.jit import causality, contraction
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.block import ParameterBlock
from hvm_vm.engines.jit.encode import Cell, Flat, Step, encode_rows
from hvm_vm.engines.jit.lane_program import (
    NOTHING,
    WIDTH,
    LaneCompiler,
    Leaf,
    Splat,
    Table,
    Temporary,
)
from hvm_vm.engines.jit.prepare_contract import THREADED, gemm_words, pack
from hvm_vm.engines.jit.prepare_maps import leaves_of, over_space
from hvm_vm.engines.jit.scale import fold_scale
from hvm_vm.engines.jit.spaces import by_stride, merge

SCORE_BYTES = 1 << 20  # of a block of scores, for each thread: it stays in the second-level cache
MOST_QUERIES, FEWEST_QUERIES = 256, 16
LIMITED_QUERIES = 96   # in a block, where keys are hidden: small blocks hide more of them


def attention(bound, one, block, precision, threads) -> list[Step]:
    """Roots: score, weight, condition, epilogue. Accesses: result, Q, K, V."""
    if prod(n for n, role in zip(one.extents, one.roles, strict=True) if role == "o") == 0:
        return []
    return _Attention(bound, one, block, precision, threads).steps()


class _Attention:
    def __init__(self, bound, one, block: ParameterBlock, precision, threads):
        self.one, self.block, self.precision, self.threads = one, block, precision, threads
        self.bound, self.size = bound, WIDTH[precision]
        self.extents = one.extents
        roots = [root if root >= 0 else None for root in one.roots]
        self.score, self.weight, self.condition, self.epilogue = roots + [None] * (4 - len(roots))
        compiler = self.compiler()
        self.out, self.q, self.k, self.v = (compiler.leaf(a) for a in one.accesses[:4])

    def compiler(self) -> LaneCompiler:
        return LaneCompiler(self.bound, self.one, self.block, self.precision)

    def steps(self) -> list[Step]:
        done: list[Step] = []
        acc = self.out
        free = [d for d, role in enumerate(self.one.roles) if role == "o"]
        if prod(e for e, role in zip(self.extents, self.one.roles, strict=True)
                if role == "u") == 0:
            acc = None  # a sum of nothing
        else:
            core, acc = self._core()
            done += core
        if self.epilogue is not None or acc is not self.out:
            compiler = self.compiler()
            compiler.acc = Splat(self.precision, 0.0) if acc is None else acc
            shown = compiler.acc if self.epilogue is None else compiler.value(self.epilogue)
            compiler.store(shown, self.out)
            done += over_space(self.block, compiler.words, self.extents, free, self.out)
        return done

    # -- dimensions --------------------------------------------------------------------------------

    def _classify(self, expression_leaves: list[Leaf]):
        """(batch, queries, keys, features, values): dimensions of more than one point."""
        one, q, k, v = self.one, self.q, self.k, self.v
        dims = {role: [d for d, r in enumerate(one.roles) if r == role and self.extents[d] != 1]
                for role in "ouc"}
        queries = [d for d in dims["o"] if q.strides[d] and not k.strides[d] and not v.strides[d]]
        values = [d for d in dims["o"] if v.strides[d] and not k.strides[d] and not q.strides[d]
                  and not any(leaf.strides[d] for leaf in expression_leaves)]
        queries = by_stride(queries, self.out)
        if len(queries) > 1:
            runs = [[queries[0]]]
            for d in queries[1:]:
                if len(merge(self.extents, [*runs[-1], d],
                             [q, self.out, *expression_leaves])) == 1:
                    runs[-1].append(d)
                else:
                    runs.append([d])
            queries = max(runs, key=lambda run: prod(self.extents[d] for d in run))
        batch = [d for d in dims["o"] if d not in queries and d not in values]
        return (batch, queries, by_stride(dims["u"], k), by_stride(dims["c"], q),
                by_stride(values, self.out))

    # -- the core ----------------------------------------------------------------------------------

    def _core(self) -> tuple[list[Step], Leaf]:
        one, block, extents, size = self.one, self.block, self.extents, self.size
        alpha, score_root = fold_scale(one, self.score, self.precision)
        probe = self.compiler()  # only to see which operands the expressions read
        probe.acc = NOTHING
        roots = [r for r in (score_root, self.weight, self.condition) if r is not None]
        values = [probe.value(root) for root in roots]
        touched = leaves_of(probe.words) + [x for x in values if isinstance(x, Leaf)]
        batch, queries, keys, features, columns = self._classify(touched)
        m, u, c, n = (prod(extents[d] for d in dims) for dims in (queries, keys, features, columns))

        limit, condition = None, self.condition
        if len(keys) <= 1 and len(queries) <= 1 and not any(
                node.op in ("int", "gather") for node in one.nodes):
            limit, condition = causality.split(
                one, self.condition, queries[0] if queries else -2, keys[0] if keys else -2,
                self.precision)

        done, matrices = [], []
        out = self.out
        for leaf, rows, cols in ((self.q, queries, features), (self.k, keys, features),
                                 (self.v, keys, columns), (self.out, queries, columns)):
            matrix = contraction.matrix(extents, batch, rows, cols, leaf, size)
            if matrix.packed is not None and leaf is self.out:
                strides, step = [0] * len(extents), size
                for d in reversed(matrix.packed):
                    strides[d], step = step, step * extents[d]
                leaf = out = Leaf(self.precision, block.scratch(step), tuple(strides))
            elif matrix.packed is not None:
                more, leaf = pack(block, extents, leaf, matrix.packed)
                done += more
            matrices.append((matrix, leaf))
        (mq, q), (mk, k), (mv, v), (mo, o) = matrices

        cores = max(1, self.threads)
        most = (MOST_QUERIES if limit is None else LIMITED_QUERIES) * cores
        rows = max(FEWEST_QUERIES, min(most, SCORE_BYTES * cores // (u * size) // 8 * 8))
        rows = min(rows, m)
        ld = -(-u * size // 64) * 64 + (64 if u * size % 4096 == 0 else 0)
        strides, step = [0] * len(extents), size
        for d in reversed(keys):
            strides[d], step = step, step * extents[d]
        scores = Leaf(self.precision, block.scratch(ld * rows), tuple(strides))
        of_scores = contraction.Matrix(ld // size, 1)

        threads = self.threads if rows * u * max(c, n) >= THREADED else 0
        transposed = contraction.Matrix(mk.column, mk.row)
        first = gemm_words(block, self.precision, (rows, u, c), (mq, q), (transposed, k),
                           (of_scores, scores), alpha, threads)
        second = gemm_words(block, self.precision, (rows, n, u), (of_scores, scores), (mv, v),
                            (mo, o), 1.0, threads)
        program, inner = self._program(score_root, condition, scores, keys, u)

        start = block.reserve(at.ATT_WORDS)
        cells = [Cell(start + at.ATT_Q, q), Cell(start + at.ATT_OUT, o),
                 Cell(first["b"], k), Cell(second["b"], v)]
        cell_at = block.reserve(at.ATT_CELL_WORDS * len(inner))
        for j, cell in enumerate(inner):
            here = cell_at + at.ATT_CELL_WORDS * j
            local = cell.leaf == scores
            stride = ld if local else cell.leaf.strides[queries[-1]] if queries else 0
            block.put(here + at.ATT_CELL_TARGET, block.here(cell.word))
            block.put(here + at.ATT_CELL_BASE, cell.leaf.place)
            block.put(here + at.ATT_CELL_STEP, stride)
            block.put(here + at.ATT_CELL_LOCAL, int(local))
            if not local:
                cells.append(Cell(here + at.ATT_CELL_BASE, cell.leaf))
        fields = {
            at.ATT_QUERIES: m, at.ATT_KEYS: u, at.ATT_BLOCK: rows,
            at.ATT_Q: q.place, at.ATT_Q_STEP: mq.row * size,
            at.ATT_OUT: o.place, at.ATT_OUT_STEP: mo.row * size,
            at.ATT_SCORES: scores.place, at.ATT_LD: ld,
            at.ATT_FIRST: first["at"], at.ATT_FIRST_ROWS: block.here(first["m"]),
            at.ATT_FIRST_KEYS: block.here(first["n"]), at.ATT_FIRST_Q: block.here(first["a"]),
            at.ATT_SECOND: second["at"], at.ATT_SECOND_ROWS: block.here(second["m"]),
            at.ATT_SECOND_KEYS: block.here(second["k"]), at.ATT_SECOND_OUT: block.here(second["c"]),
            at.ATT_PROGRAM: program.parameters, at.ATT_CELLS: len(inner),
            at.ATT_CELL_AT: block.here(cell_at), at.ATT_LIMITED: int(limit is not None),
            at.ATT_MASKED: int(self.condition is not None), at.ATT_COLUMNS: n,
            at.ATT_OUT_ACROSS: mo.column * size, at.ATT_SECOND_V: block.here(second["b"]),
            at.ATT_V_STEP: mv.row * size, at.ATT_V_ACROSS: mv.column * size,
        }
        if limit is not None:
            fields |= {at.ATT_LIMIT_CONST: limit.const, at.ATT_LIMIT_STEP: limit.step,
                       at.ATT_LIMIT_DIVISOR: limit.divisor}
        for field, value in fields.items():
            block.put(start + field, value)
        block.kernel(start + at.ATT_GEMM, "blas.gemm")
        block.kernel(start + at.ATT_FLAT, "run.flat")
        outer = merge(extents, by_stride(batch, o), [cell.leaf for cell in cells])
        step = Step(f"attention.run.{self.precision}", block.here(start))
        done.append(encode_rows(block, outer, cells, [step]))
        return done, out

    def _program(self, score_root, condition, scores: Leaf, keys, u: int):
        """The words for one row of scores, in place, and their cells."""
        compiler = self.compiler()
        compiler.acc = scores
        score = scores if score_root is None else compiler.value(score_root)
        weight = NOTHING if self.weight is None else compiler.value(self.weight)
        mask = NOTHING if condition is None else compiler.value(condition)
        scratch = Temporary(self.precision, lanes=u + 16)
        compiler.emit(f"row.attend.{self.precision}", self.precision, score, weight,
                      Table((mask, scratch)), dst=scores)
        flat = Flat(self.block)
        flat.stage(compiler.words, merge(self.extents, keys, leaves_of(compiler.words)))
        return flat.encode(), flat.cells

