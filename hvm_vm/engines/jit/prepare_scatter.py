"""Sums by key: `D[n] = sum[e | key[e] = n](body)` in one pass over e instead of one for each n.

Where the condition asks that an index equals a whole number that does not depend on it, every point
of the other dimensions belongs to one result at most: it is looked at once and added there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hvm_vm.engines.bound import BoundInstruction
from hvm_vm.engines.jit.block import ABSOLUTE, Place
from hvm_vm.engines.jit.encode import Step
from hvm_vm.engines.jit.lane_program import (
    DTYPES,
    NOTHING,
    WIDTH,
    Fixed,
    Leaf,
    Raw,
    Splat,
    Steps,
    Table,
    Word,
)
from hvm_vm.engines.jit.lane_words import wide_kind
from hvm_vm.engines.jit.prepare_maps import over_space

OPS = ("sum", "mean", "prod", "max", "min")
FEWEST_RESULTS, FEWEST_POINTS = 8, 4096  # below, one pass for each result costs less


@dataclass(frozen=True, slots=True)
class Key:
    """The condition's node `equal` asks that the node `value` is the index value of `dim`."""

    equal: int
    value: int
    dim: int


def find_key(one: BoundInstruction, op: str, condition: int | None, body: int | None) -> Key | None:
    """The key of a reduction, or None when it has none or is too small. `body` None: a
    contraction's product."""
    if condition is None or op not in OPS or one.points < FEWEST_POINTS:
        return None
    waiting = [condition]
    while waiting:
        number = waiting.pop()
        node = one.nodes[number]
        if node.op == "and":
            waiting.extend(node.args)
        elif node.op == "ieq":
            for value, index in (node.args, node.args[::-1]):
                if one.nodes[index].op != "index":
                    continue
                key = Key(number, value, one.nodes[index].immediate)
                if (one.roles[key.dim] == "o" and one.extents[key.dim] >= FEWEST_RESULTS
                        and not _varies(one, key, (condition, body))):
                    return key
    return None


def _varies(one: BoundInstruction, key: Key, roots) -> bool:
    """Whether anything but the comparison itself depends on the key's dimension."""
    accesses = [] if roots[1] is not None else list(one.accesses[1:3])
    seen, waiting = {key.equal}, [key.value, *(r for r in roots if r is not None)]
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        node = one.nodes[number]
        if node.op == "index" and node.immediate == key.dim:
            return True
        if node.op in ("load", "gather"):
            accesses.append(one.accesses[node.immediate])
        waiting.extend(node.args)
    return any(access.strides[key.dim] or any(c[key.dim] for _, c, _, _ in access.guarded or ())
               for access in accesses)


def scatter(reduction, key: Key) -> list[Step]:
    """The steps of a reduction (a `prepare_reduce._Reduction`) with a key."""
    one, block, precision = reduction.one, reduction.block, reduction.precision
    extents, op = one.extents, reduction.op
    compiler = reduction.compiler()
    place = compiler.emit("ilane.isub.i64", "i64", compiler.value(key.value),
                          Splat("i64", one.los[key.dim]))
    # Where the key is no index value nothing is wanted, and nothing read under the condition.
    compiler.values[key.equal] = compiler.emit(
        f"ilane.inside.{precision}", precision, place, Splat("i64", extents[key.dim]))
    compiler, body, condition = reduction.terms(compiler)
    truth = compiler.emit(f"lane.ne.{precision}", precision, condition, Splat(precision, 0.0))

    kind = wide_kind(op, body.kind)
    sums = _scratch(block, extents, reduction.free, kind)
    counts = _scratch(block, extents, reduction.free, "i64") if op not in ("sum", "prod") else None
    elements = [s // WIDTH[kind] for s in sums.strides]
    others = [0 if d == key.dim else s for d, s in enumerate(elements)]
    offset = compiler.emit("ilane.imul.i64", "i64", place, Splat("i64", elements[key.dim]))
    if any(others):
        offset = compiler.emit("ilane.iadd.i64", "i64", offset,
                               Leaf("i64", Place(ABSOLUTE, 0), tuple(others), ramp=True))
    suffix = f"{op}.{body.kind}.{precision}"
    compiler.words.append(Word(
        f"scatter.add.{suffix}", Fixed(sums.place), body, offset,
        Table((truth, Fixed(counts.place) if counts else NOTHING))))

    done = []
    for leaf in (sums, counts):
        if leaf is not None:
            start = Splat(leaf.kind, 0 if leaf is counts else _identity(op))
            words = [Word(f"move.store.{WIDTH[leaf.kind]}", Raw(leaf), start, Steps(leaf))]
            done += over_space(block, words, extents, reduction.free, leaf)
    dims = [*reduction.reduced, *(d for d in reduction.free if d != key.dim)]
    if prod(extents[d] for d in dims):
        done += over_space(block, compiler.words, extents, dims, None)
    after = reduction.compiler()
    result = after.leaf(one.accesses[0])
    after.acc = after.emit(f"accumulate.final.{suffix}", body.kind, sums, NOTHING,
                           counts or NOTHING)
    shown = after.acc if reduction.epilogue is None else after.value(reduction.epilogue)
    after.store(shown, result)
    return done + over_space(block, after.words, extents, reduction.free, result)


def _identity(op: str) -> float:
    return {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": float("-inf"), "min": float("inf")}[op]


def _scratch(block, extents, dims, kind: str) -> Leaf:
    strides, step = [0] * len(extents), DTYPES[kind].itemsize
    for d in reversed(dims):
        strides[d], step = step, step * extents[d]
    return Leaf(kind, block.scratch(step), tuple(strides))
