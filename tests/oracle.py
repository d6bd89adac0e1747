"""What a System means, as slowly and plainly as it can be said.

`evaluate` computes one element at a time, from its relation, following reads as they come: plain
loops, plain float64, no order, no arrays of intermediate values. It is what every faster path is
held against.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from hvm_vm.relations.system import (
    Const,
    IndexValue,
    Reduce,
    Ref,
    SizeValue,
    SymbolValue,
    System,
)


class OracleError(Exception):
    """No value: a failed requirement, an element out of range or determined by nothing, an empty
    reduction. `status` is the exit status it would be."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


def evaluate(system: System, inputs: dict, sizes: dict[str, int] | None = None) -> dict:
    """The results by name: floats, or arrays in the order of the axes. Inputs are numbers or arrays
    by name, symbols given as text; sizes that have a default may be left out."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        return _Evaluator(system, inputs, sizes or {}).results()
    finally:
        sys.setrecursionlimit(limit)


class _Evaluator:
    def __init__(self, system: System, inputs: dict, sizes: dict[str, int]) -> None:
        self.system = system
        self.sizes = {n: v for n, v in system.size_defaults.items() if v is not None} | sizes
        self.values: dict[tuple, object] = {}
        self.active: set[tuple] = set()
        self.lo = {}
        self.inputs = {}
        for name, variable in system.variables.items():
            self.lo[name] = tuple(self.size(a.lo) for a in variable.axes)
            if variable.is_input:
                value = inputs.get(name, variable.default)
                if value is not None:
                    self.inputs[name] = self.array(variable, value)

    def array(self, variable, value) -> np.ndarray:
        """An input as an array of the shape of its axes, its symbols numbered."""
        if variable.type == "symbol" and not isinstance(value, int):
            texts = np.asarray(value)
            if texts.dtype.kind == "U":
                number = self.system.symbols.index
                value = np.array([number(t) for t in texts.ravel()]).reshape(texts.shape)
        kind = np.float64 if variable.type == "float" else np.int64
        array = np.asarray(value)
        if variable.type == "integer" and not np.all(array == np.floor(array)):
            raise OracleError(f"{variable.name} is not whole")
        shape = tuple(max(0, self.size(a.extent)) for a in variable.axes)
        array = array.astype(kind)
        if array.ndim == 0:
            return np.full(shape, array)
        if array.shape != shape:
            raise OracleError(f"{variable.name} has shape {array.shape}, not {shape}")
        return array

    def size(self, size) -> int:
        return size.evaluate(self.sizes)

    # -- results -------------------------------------------------------------------------------
    def results(self) -> dict:
        for requirement in self.system.requirements:
            for point in self.points(requirement.indices, {}):
                if not self.value(requirement.claim, point):
                    raise OracleError(requirement.message, requirement.status)
        return {r.name: self.result(r.variable) for r in self.system.results}

    def result(self, name: str):
        variable = self.system.variables[name]
        symbols = self.system.symbols
        ranges = [range(self.size(a.lo), self.size(a.hi) + 1) for a in variable.axes]
        if not ranges:
            value = self.element(name, ())
            return symbols[value] if variable.type == "symbol" else value
        shape = tuple(len(r) for r in ranges)
        kind = {"float": np.float64, "integer": np.int64, "symbol": object}[variable.type]
        out = np.empty(shape, kind)
        for place in np.ndindex(*shape):
            value = self.element(name, tuple(r[k] for r, k in zip(ranges, place, strict=True)))
            out[place] = symbols[value] if variable.type == "symbol" else value
        return out

    def element(self, name: str, subscripts: tuple[int, ...]):
        """One element of a variable, computed once."""
        key = (name, subscripts)
        if key in self.values:
            return self.values[key]
        variable = self.system.variables[name]
        for sub, axis in zip(subscripts, variable.axes, strict=True):
            if not self.size(axis.lo) <= sub <= self.size(axis.hi):
                raise OracleError(f"{name}{list(subscripts)} is out of range")
        if variable.is_input:
            if name not in self.inputs:
                raise OracleError(f"{name} is missing")
            place = tuple(s - lo for s, lo in zip(subscripts, self.lo[name], strict=True))
            value = self.inputs[name][place]
            value = np.float64(value) if variable.type == "float" else int(value)
        else:
            if key in self.active:
                raise OracleError(f"{name}{list(subscripts)} depends on itself")
            self.active.add(key)
            value = self.determined(name, subscripts)
            self.active.discard(key)
        if variable.type == "float":
            value = np.float64(value)
        self.values[key] = value
        return value

    def determined(self, name: str, subscripts: tuple[int, ...]):
        found = []
        for case in self.system.definitions[name].cases:
            for point in self.points(case.indices, {}, dict(enumerate(subscripts)), case):
                there = tuple(self.value(s, point) for s in case.subscripts)
                if there == subscripts and self.holds(case.condition, point):
                    found.append((case, point))
        if not found:
            raise OracleError(f"nothing determines {name}{list(subscripts)}")
        if len(found) > 1:
            raise OracleError(f"{name}{list(subscripts)} is determined twice")
        case, point = found[0]
        return self.value(case.body, point)

    def points(self, indices, outer: dict, wanted=None, case=None):
        """Every assignment of values to `indices`. Where a subscript of `case` is one index alone,
        `wanted` says its value (this only saves time)."""
        fixed = {}
        if case is not None:
            for k, sub in enumerate(case.subscripts):
                if type(sub) is IndexValue:
                    fixed[sub.index.name] = wanted[k]
        points = [dict(outer)]
        for index in indices:
            values = range(self.size(index.lo), self.size(index.hi) + 1)
            if index.name in fixed:
                values = [v for v in (fixed[index.name],) if v in values]
            points = [{**p, index.name: v} for p in points for v in values]
        return points

    # -- expressions ---------------------------------------------------------------------------
    def holds(self, condition, point: dict) -> bool:
        return condition is None or bool(self.value(condition, point))

    def value(self, expr, point: dict):
        """A number: int where it is whole by nature, else float64."""
        kind = type(expr)
        if kind is Const:
            return expr.value if isinstance(expr.value, int) else np.float64(expr.value)
        if kind is SizeValue:
            return self.size(expr.size)
        if kind is IndexValue:
            return point[expr.index.name]
        if kind is SymbolValue:
            return expr.number
        if kind is Ref:
            subs = []
            for sub in expr.subscripts:
                value = self.value(sub, point)
                if value != math.floor(value):
                    raise OracleError(f"a subscript of {expr.variable} is {value}")
                subs.append(int(value))
            return self.element(expr.variable, tuple(subs))
        if kind is Reduce:
            return self.reduce(expr, point)
        op, args = expr.op, expr.args
        if op == "if":
            return self.value(args[1] if self.value(args[0], point) else args[2], point)
        if op == "and":
            return int(all(bool(self.value(a, point)) for a in args))
        if op == "or":
            return int(any(bool(self.value(a, point)) for a in args))
        with np.errstate(all="ignore"):
            return _OPERATIONS[op](*[self.value(a, point) for a in args])

    def reduce(self, expr: Reduce, point: dict):
        values, places = [], []
        for inner in self.points(expr.indices, point):
            if self.holds(expr.condition, inner):
                values.append(self.value(expr.body, inner))
                places.append(inner)
        op = expr.op
        if op == "sum":
            total = 0
            for v in values:
                total = total + v
            return total
        if op == "prod":
            total = 1
            for v in values:
                total = total * v
            return total
        if op in ("any", "all"):
            return int({"any": any, "all": all}[op](map(bool, values)))
        if not values:
            raise OracleError(f"{op} of nothing")
        if op == "mean":
            return np.float64(sum(values[1:], values[0])) / len(values)
        if op in ("min", "max"):
            best = values[0]
            for v in values[1:]:
                best = _OPERATIONS[op](best, v)
            return best
        best = 0
        for k, v in enumerate(values):
            if (v > values[best]) if op == "argmax" else (v < values[best]):
                best = k
        return places[best][expr.indices[0].name]


def _f(x):
    return np.float64(x)


def _extreme(pick):
    def choose(*args):
        best = args[0]
        for a in args[1:]:
            nan = a != a or best != best
            best = np.float64("nan") if nan else pick(best, a)
        return best

    return choose


def _total(*args):
    total = args[0]
    for a in args[1:]:
        total = total + a
    return total


def _times(*args):
    total = args[0]
    for a in args[1:]:
        total = total * a
    return total


def _floored(function):
    """Whole results are ints where they are finite."""

    def apply(x):
        return int(function(x)) if math.isfinite(x) else x

    return apply


def _mod(a, b):
    if isinstance(a, int) and isinstance(b, int):
        return a % b if b else 0
    return np.mod(_f(a), _f(b))


def _power(a, b):
    if isinstance(a, int) and isinstance(b, int) and 0 <= b <= 60:
        return a**b
    return np.power(_f(a), _f(b))


def _sigmoid(x):
    x = _f(x)
    return 1 / (1 + np.exp(-x)) if x >= 0 else np.exp(x) / (1 + np.exp(x))


def _truth(test):
    return lambda a, b: int(test(a, b))


_OPERATIONS = {
    "add": _total,
    "mul": _times,
    "neg": lambda x: -x,
    "sub": lambda a, b: a - b,
    "div": lambda a, b: _f(a) / _f(b),
    "pow": _power,
    "mod": _mod,
    "min": _extreme(min),
    "max": _extreme(max),
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0) if isinstance(x, int) else np.sign(x),
    "floor": _floored(math.floor),
    "ceil": _floored(math.ceil),
    "round": _floored(np.rint),
    "sqrt": lambda x: np.sqrt(_f(x)),
    "exp": lambda x: np.exp(_f(x)),
    "log": lambda x: np.log(_f(x)),
    "sin": lambda x: np.sin(_f(x)),
    "cos": lambda x: np.cos(_f(x)),
    "tan": lambda x: np.tan(_f(x)),
    "asin": lambda x: np.arcsin(_f(x)),
    "acos": lambda x: np.arccos(_f(x)),
    "atan": lambda x: np.arctan(_f(x)),
    "atan2": lambda a, b: np.arctan2(_f(a), _f(b)),
    "sinh": lambda x: np.sinh(_f(x)),
    "cosh": lambda x: np.cosh(_f(x)),
    "tanh": lambda x: np.tanh(_f(x)),
    "erf": lambda x: _f(math.erf(x)),
    "sigmoid": _sigmoid,
    "lt": _truth(lambda a, b: a < b),
    "le": _truth(lambda a, b: a <= b),
    "eq": _truth(lambda a, b: a == b),
    "ne": _truth(lambda a, b: a != b),
    "not": lambda x: int(not x),
}
