"""Reductions: by rows (each result's terms one after another) or by lanes (many results at
once)."""

from __future__ import annotations

from math import prod

from hvm_vm.engines.jit.block import ABSOLUTE, Place
from hvm_vm.engines.jit.encode import Flat, Step, encode_rows
from hvm_vm.engines.jit.encode_sweep import LANES, encode_sweep
from hvm_vm.engines.jit.lane_program import (
    NOTHING,
    Fixed,
    LaneCompiler,
    Leaf,
    Temporary,
    Word,
)
from hvm_vm.engines.jit.lane_words import wide_kind
from hvm_vm.engines.jit.prepare_maps import leaves_of
from hvm_vm.engines.jit.prepare_scatter import find_key, scatter
from hvm_vm.engines.jit.spaces import by_stride, dense, merge

LONG = 4096  # terms of a row that are handled as one block


def reduction(bound, one, block, precision, threads) -> list[Step]:
    """sum prod max min mean any all argmax argmin: roots body, condition, epilogue."""
    return _Reduction(bound, one, block, precision, one.op, *_roots(one, 3)).steps()


def product_sum(bound, one, block, precision, threads) -> list[Step]:
    """A contraction as the sum of a product: any pattern of places."""
    return _Reduction(bound, one, block, precision, "sum", None, *_roots(one, 2)).steps()


def _roots(one, count: int) -> list[int | None]:
    roots = [root if root >= 0 else None for root in one.roots]
    return roots + [None] * (count - len(roots))


class _Reduction:
    def __init__(self, bound, one, block, precision, op, body, condition, epilogue):
        self.bound, self.one, self.block, self.precision, self.op = bound, one, block, precision, op
        self.body, self.condition, self.epilogue = body, condition, epilogue
        self.free = [d for d, role in enumerate(one.roles) if role == "o"]
        self.reduced = [d for d, role in enumerate(one.roles) if role == "r"]

    def compiler(self) -> LaneCompiler:
        return LaneCompiler(self.bound, self.one, self.block, self.precision)

    def terms(self, compiler: LaneCompiler | None = None):
        """A compiler with the words of body and condition, and their values. Without a body: the
        product of the two operands that a contraction reads."""
        compiler = compiler or self.compiler()
        condition = NOTHING if self.condition is None else compiler.value(self.condition)
        if self.body is None:
            a, b = (compiler.leaf(access) for access in self.one.accesses[1:3])
            name = "ilane.imul.i64" if a.kind == "i64" else f"lane.mul.{a.kind}"
            return compiler, compiler.emit(name, a.kind, a, b), condition
        body = compiler.value(self.body)
        if self.op == "mean" and body.kind == "i64":
            body = compiler.emit(f"lane.from_integer.{self.precision}", self.precision, body)
        return compiler, body, condition

    def steps(self) -> list[Step]:
        one = self.one
        if prod(one.extents[d] for d in self.free) == 0:
            return []
        key = find_key(one, self.op, self.condition, self.body)
        if key is not None:
            return scatter(self, key)
        compiler, body, condition = self.terms()
        result = compiler.leaf(one.accesses[0])
        kind = body.kind
        suffix = f"{self.op}.{kind}.{self.precision}"
        if self._by_lanes(compiler, body, condition, result):
            return self._lanes(compiler, body, condition, result, suffix)
        return self._rows(compiler, body, condition, result, suffix)

    def _by_lanes(self, compiler, body, condition, result) -> bool:
        """Whether taking many results at once costs less: about, in nanoseconds."""
        if self.op in ("argmax", "argmin"):
            return False
        extents = self.one.extents
        terms = prod(extents[d] for d in self.reduced)
        results = prod(extents[d] for d in self.free)
        if not terms:
            return False
        leaves = leaves_of([*compiler.words, Word("", NOTHING, body, condition)])
        row_groups = merge(extents, self.reduced, leaves)
        lane_groups = merge(extents, by_stride(self.free, result), leaves)
        moved_rows = sum(not dense(row_groups, leaf) for leaf in leaves)
        moved_lanes = sum(not dense(lane_groups[-1:], leaf) and bool(
            lane_groups and lane_groups[-1].stride(leaf)) for leaf in leaves)
        words = len(compiler.words) + 1
        by_rows = results * (50 + terms * (0.2 * words + 1.0 * moved_rows))
        width = min(results, LANES)
        by_lanes = results / width * terms * (60 + width * (0.2 * words + 1.0 * moved_lanes))
        return by_lanes < by_rows

    def _rows(self, compiler, body, condition, result: Leaf, suffix: str) -> list[Step]:
        """One row a result: the row's lanes, folded; then the epilogue over the single lane."""
        one, block = self.one, self.block
        terms = prod(one.extents[d] for d in self.reduced)
        groups = merge(one.extents, self.reduced, leaves_of(compiler.words))
        arg = self.op in ("argmax", "argmin")
        kind = "i64" if arg else self.precision if self.op in ("any", "all") else body.kind
        value = result if self.epilogue is None else Temporary(kind, pinned=True, lanes=1)
        actions, cells = [], []
        flat = Flat(block)
        if terms <= LONG and terms:
            helper = compiler.counter(self.reduced[0]) if arg else Temporary(
                body.kind, lanes=2 * terms + 16)
            compiler.emit(f"reduce.whole.{suffix}", kind, body, condition, helper, dst=value)
            groups = merge(one.extents, self.reduced, leaves_of(compiler.words))
            flat.stage(compiler.words, groups)
        else:
            state = Fixed(block.scratch(64), "i64")
            helper = compiler.counter(self.reduced[0]) if arg else Temporary(
                body.kind, lanes=2 * LANES + 16)
            begin = self.compiler()
            begin.emit(f"reduce.begin.{suffix}", kind, dst=state)
            first = Flat(block)
            first.stage(begin.words, [])
            actions.append(first.encode())
            if terms:
                compiler.emit(f"reduce.block.{suffix}", kind, body, condition, helper, dst=state)
                groups = merge(one.extents, self.reduced, leaves_of(compiler.words))
                sweep, cells = encode_sweep(block, groups, [], ([], compiler.words, []))
                actions.append(sweep)
            end = self.compiler()
            end.emit(f"reduce.final.{suffix}", kind, state, dst=value)
            flat.stage(end.words, [])
        if self.epilogue is not None:
            after = self.compiler()
            after.acc = value
            after.store(after.value(self.epilogue), result)
            flat.stage(after.words, [])
        actions.append(flat.encode())
        cells = [*cells, *flat.cells]
        rows = merge(one.extents, by_stride(self.free, result), [c.leaf for c in cells])
        return [encode_rows(block, rows, cells, actions)]

    def _lanes(self, compiler, body, condition, result: Leaf, suffix: str) -> list[Step]:
        """A lane a result, a term at a time; the epilogue over the lanes."""
        one, block = self.one, self.block
        logical = self.op in ("any", "all")
        kind = self.precision if logical else body.kind
        sums = Temporary(self.precision if logical else wide_kind(self.op, body.kind), pinned=True)
        counted = condition is not NOTHING and self.op not in ("sum", "prod")
        counts = Temporary("i64", pinned=True) if counted else NOTHING
        before = self.compiler()
        before.emit(f"accumulate.begin.{suffix}", kind, NOTHING, NOTHING, counts, dst=sums)
        compiler.emit(f"accumulate.add.{suffix}", kind, body, condition, counts, dst=sums)
        after = self.compiler()
        terms = prod(one.extents[d] for d in self.reduced)
        after.acc = after.emit(f"accumulate.final.{suffix}", kind, sums,
                               Fixed(Place(ABSOLUTE, terms)), counts)
        shown = after.acc if self.epilogue is None else after.value(self.epilogue)
        after.store(shown, result)
        stages = (before.words, compiler.words, after.words)
        leaves = leaves_of([w for words in stages for w in words])
        lanes = merge(one.extents, by_stride(self.free, result), leaves)
        repeat = merge(one.extents, self.reduced, leaves)
        return [encode_sweep(block, lanes, repeat, stages)[0]]

