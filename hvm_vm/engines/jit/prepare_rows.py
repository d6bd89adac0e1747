"""Softmax and norms: a row of lanes along the normalised dimensions, for each free point."""

from __future__ import annotations

from hvm_vm.engines.jit.encode import Flat, Step, encode_rows
from hvm_vm.engines.jit.lane_program import NOTHING, LaneCompiler, Table, Temporary
from hvm_vm.engines.jit.prepare_maps import leaves_of
from hvm_vm.engines.jit.spaces import by_stride, merge


def softmax(bound, one, block, precision, threads) -> list[Step]:
    """Roots: score, weight, condition, epilogue."""
    return _Rows(bound, one, block, precision, 3).softmax()


def norm(bound, one, block, precision, threads) -> list[Step]:
    """layer_norm and rms_norm; roots: body, epsilon, epilogue."""
    return _Rows(bound, one, block, precision, 2).norm()


class _Rows:
    def __init__(self, bound, one, block, precision, epilogue):
        self.bound, self.one, self.block, self.precision = bound, one, block, precision
        roots = [root if root >= 0 else None for root in one.roots]
        self.roots = roots + [None] * (4 - len(roots))
        self.epilogue = self.roots[epilogue]
        self.compiler = LaneCompiler(bound, one, block, precision)
        self.result = self.compiler.leaf(one.accesses[0])
        self.along = by_stride(
            [d for d, role in enumerate(one.roles) if role == "n"], self.result)
        self.free = by_stride(
            [d for d, role in enumerate(one.roles) if role == "o"], self.result)

    def softmax(self) -> list[Step]:
        compiler, lanes = self.compiler, self._lanes()
        if not self.one.points:
            return []
        score = compiler.value(self.roots[0])
        weight, condition = (NOTHING if root is None else compiler.value(root)
                             for root in self.roots[1:3])
        scratch = Temporary(self.precision, lanes=lanes + 16)
        return self._finish("softmax", score, weight, Table((condition, scratch)), [])

    def norm(self) -> list[Step]:
        if not self.one.points:
            return []
        body = self.compiler.value(self.roots[0])
        scalar = LaneCompiler(self.bound, self.one, self.block, self.precision)
        epsilon = scalar.value(self.roots[1])
        scratch = Temporary(self.precision, lanes=2 * self._lanes() + 16)
        return self._finish(self.one.op, body, epsilon, scratch, scalar.words)

    def _lanes(self) -> int:
        count = 1
        for d in self.along:
            count *= self.one.extents[d]
        return count

    def _finish(self, op, row, b, c, scalar_words) -> list[Step]:
        """The row's core, then the epilogue over its lanes, for every row. `scalar_words` run
        before over one lane: they may not use the normalised dimensions."""
        compiler, block, extents = self.compiler, self.block, self.one.extents
        after = LaneCompiler(self.bound, self.one, block, self.precision)
        words = compiler.words
        core = compiler.emit(f"row.{op}.{self.precision}", self.precision, row, b, c)
        after.acc = core
        shown = core if self.epilogue is None else after.value(self.epilogue)
        after.store(shown, self.result)
        words = words + after.words
        groups = merge(extents, self.along, leaves_of(words))
        flat = Flat(block)
        flat.stage(scalar_words, [])
        flat.stage(words, groups)
        step = flat.encode()
        rows = merge(extents, self.free, [cell.leaf for cell in flat.cells])
        return [encode_rows(block, rows, flat.cells, [step])]

