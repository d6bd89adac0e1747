"""Bytecode run point by point in plain Python: slow, obvious, and independent of both engines."""

from __future__ import annotations

import itertools
import math

import numpy as np

from hvm_vm.bytecode import isa
from hvm_vm.bytecode.regions import result_count
from hvm_vm.engines.bound import Bound, BoundInstruction


def safe(function):
    def call(*args):
        try:
            return function(*args)
        except (ValueError, OverflowError, ZeroDivisionError):
            with np.errstate(all="ignore"):
                return float(getattr(np, NUMPY[function])(*map(np.float64, args)))

    return call


NUMPY = {math.sqrt: "sqrt", math.exp: "exp", math.log: "log", math.sin: "sin", math.cos: "cos",
         math.tan: "tan", math.asin: "arcsin", math.acos: "arccos", math.sinh: "sinh",
         math.cosh: "cosh", math.pow: "float_power"}


def divide(a, b):
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def extreme(pick):
    return lambda a, b: math.nan if math.isnan(a) or math.isnan(b) else pick(a, b)


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


OPS = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": divide, "neg": lambda a: -a, "abs": abs,
    "sign": lambda a: a if math.isnan(a) else float((a > 0) - (a < 0)),
    "floor": lambda a: float(math.floor(a)), "ceil": lambda a: float(math.ceil(a)),
    "round": lambda a: float(round(a)),
    "mod": lambda a, b: a % b if b else math.nan,
    "min": extreme(min), "max": extreme(max), "pow": safe(math.pow), "sqrt": safe(math.sqrt),
    "exp": safe(math.exp), "log": safe(math.log), "sin": safe(math.sin), "cos": safe(math.cos),
    "tan": safe(math.tan), "asin": safe(math.asin), "acos": safe(math.acos), "atan": math.atan,
    "atan2": math.atan2, "sinh": safe(math.sinh), "cosh": safe(math.cosh), "tanh": math.tanh,
    "erf": math.erf, "sigmoid": sigmoid,
    "lt": lambda a, b: float(a < b), "le": lambda a, b: float(a <= b),
    "eq": lambda a, b: float(a == b), "ne": lambda a, b: float(a != b),
    "and": lambda a, b: float(a != 0 and b != 0), "or": lambda a, b: float(a != 0 or b != 0),
    "not": lambda a: float(a == 0), "select": lambda c, a, b: a if c != 0 else b,
    "iadd": lambda a, b: a + b, "isub": lambda a, b: a - b, "imul": lambda a, b: a * b,
    "ifloordiv": lambda a, b: a // b if b else 0, "imod": lambda a, b: a % b if b else 0,
    "imin": min, "imax": max, "ineg": lambda a: -a, "iabs": abs,
    "isign": lambda a: (a > 0) - (a < 0),
    "ilt": lambda a, b: float(a < b), "ile": lambda a, b: float(a <= b),
    "ieq": lambda a, b: float(a == b), "ine": lambda a, b: float(a != b),
    "iselect": lambda c, a, b: a if c != 0 else b,
    "float": float, "int": int,
}  # fmt: skip


class Point:
    """One instruction's expressions at one point of its space."""

    def __init__(self, one: BoundInstruction, arrays, counters, acc=None):
        self.one, self.arrays, self.counters, self.acc = one, arrays, counters, acc

    def read(self, access, places=()):
        offset = access.offset + sum(s * c for s, c in zip(access.strides, self.counters,
                                                           strict=True))
        offset += sum(d[0] * p for d, p in zip(access.dynamic, places, strict=True))
        assert offset >= 0
        return self.arrays[access.register].reshape(-1)[offset].item()

    def value(self, k: int):
        node = self.one.nodes[k]
        if node.op in ("const", "iconst"):
            return node.immediate
        if node.op == "index":
            return self.one.los[node.immediate] + self.counters[node.immediate]
        if node.op == "acc":
            return self.acc
        args = [self.value(a) for a in node.args]
        if node.op in ("load", "gather"):
            access = self.one.accesses[node.immediate]
            places = args[: len(access.dynamic)]
            guard = args[len(places) :]
            return 0 if guard and guard[0] == 0 else self.read(access, places)
        return OPS[node.op](*args)

    def root(self, position: int, absent=None):
        roots = self.one.roots
        if position >= len(roots) or roots[position] < 0:
            return absent
        return self.value(roots[position])


def run(bound: Bound, arrays) -> None:
    """Run every instruction; `arrays` by register, written in place."""
    for one in bound.code[:-1]:
        step(one, arrays)


def points(one, roles, fixed=None):
    """Counter tuples of the dimensions with these roles; the others as in `fixed`, or 0."""
    ranges = [range(e) if r in roles else ((fixed[d],) if fixed else (0,))
              for d, (e, r) in enumerate(zip(one.extents, one.roles, strict=True))]
    return itertools.product(*ranges)


def step(one: BoundInstruction, arrays) -> None:
    row = isa.BY_NAME[one.op]
    stores = []
    for p in points(one, "on"):
        if row.group == "elementwise":
            values = [Point(one, arrays, p).value(root) for root in one.roots]
        else:
            acc = CORES.get(one.op, reduced)(one, arrays, p)
            values = [Point(one, arrays, p, acc).root(len(row.roots) - 1, acc)]
        stores += [(k, p, v) for k, v in enumerate(values)]
    assert result_count(row, len(one.roots)) == len(stores) / max(1, len(list(points(one, "on"))))
    for k, p, value in stores:
        access = one.accesses[k]
        offset = access.offset + sum(s * c for s, c in zip(access.strides, p, strict=True))
        arrays[access.register].reshape(-1)[offset] = value


def reduced(one, arrays, p):
    found = []
    for q in points(one, "r", p):
        here = Point(one, arrays, q)
        if here.root(1, 1.0) != 0:
            found.append((here.root(0), q))
    values = [v for v, _ in found]
    if one.op == "sum":
        return math.fsum(values)
    if one.op == "prod":
        return math.prod(values)
    if one.op == "mean":
        return math.fsum(values) / len(values)
    if one.op in ("any", "all"):
        return float((any if one.op == "any" else all)(v != 0 for v in values))
    if one.op in ("max", "min"):
        pick = max if one.op == "max" else min
        return math.nan if any(map(math.isnan, values)) else pick(values)
    r = one.roles.index("r")
    if any(map(math.isnan, values)):
        best = next(k for k, v in enumerate(values) if math.isnan(v))
    else:
        best = values.index((max if one.op == "argmax" else min)(values))
    return found[best][1][r] + one.los[r]


def contracted(one, arrays, p):
    total = []
    for q in points(one, "r", p):
        here = Point(one, arrays, q)
        if here.root(0, 1.0) == 0:
            continue
        total.append(here.read(one.accesses[1]) * here.read(one.accesses[2]))
    return math.fsum(total)


def weights(one, arrays, along, score, p):
    """{point: its part} of a softmax."""
    found = {}
    for q in points(one, along, p):
        here = Point(one, arrays, q, score(q))
        if here.root(2, 1.0) != 0 and here.root(1, 1.0) != 0:
            found[q] = here.root(0, here.acc), here.root(1, 1.0)
    top = max((s for s, _ in found.values()), default=0.0)
    parts = {q: w * math.exp(s - top) for q, (s, w) in found.items()}
    total = math.fsum(parts.values())
    return {q: v / total for q, v in parts.items()} if total else {}


def softmax(one, arrays, p):
    if Point(one, arrays, p).root(2, 1.0) == 0:
        return 0.0
    parts = weights(one, arrays, "n", lambda q: None, p)
    return parts.get(p, 0.0) if parts else math.nan


def normed(one, arrays, p):
    xs = {q: Point(one, arrays, q).root(0) for q in points(one, "n", p)}
    mean = math.fsum(xs.values()) / len(xs) if one.op == "layer_norm" else 0.0
    square = math.fsum((x - mean) ** 2 for x in xs.values()) / len(xs)
    return (xs[p] - mean) / math.sqrt(square + Point(one, arrays, p).root(1))


def attention(one, arrays, p):
    def score(q):
        at = [Point(one, arrays, c) for c in points(one, "c", q)]
        return math.fsum(a.read(one.accesses[1]) * a.read(one.accesses[2]) for a in at)

    parts = weights(one, arrays, "u", score, p)
    if not parts:  # nothing is left, or only weights 0
        inside = [Point(one, arrays, q).root(2, 1.0) for q in points(one, "u", p)]
        return math.nan if any(inside) else 0.0
    return math.fsum(v * Point(one, arrays, q).read(one.accesses[3]) for q, v in parts.items())


CORES = {"contract": contracted, "softmax": softmax, "layer_norm": normed, "rms_norm": normed,
         "attention": attention}
