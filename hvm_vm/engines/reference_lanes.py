"""Lane expressions in NumPy: the living definition of `bytecode/lane_ops.py`.

A node's value over an instruction's whole index space is an array with one axis for each dimension;
along a dimension that the value does not depend on, the axis has length 1. NumPy's broadcasting
does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided

from hvm_vm.bytecode.module import Module
from hvm_vm.engines.bound import BoundAccess, BoundInstruction
from hvm_vm.engines.words import at_point, index_range, located
from hvm_vm.errors import InputError


def true(value: np.ndarray) -> np.ndarray:
    """A truth value as a mask: what is not 0."""
    return value if value.dtype == bool else value != 0


def _erf(x):
    from scipy.special import erf

    return erf(x)


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


# name -> value of the arguments; results are cast to the lane type afterwards.
FUNCTIONS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "neg": np.negative, "abs": np.abs, "sign": np.sign,
    "floor": np.floor, "ceil": np.ceil, "round": np.rint, "mod": np.mod,
    "min": np.minimum, "max": np.maximum, "pow": np.power, "sqrt": np.sqrt,
    "exp": np.exp, "log": np.log,
    "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "erf": _erf, "sigmoid": _sigmoid,
    "lt": np.less, "le": np.less_equal, "eq": np.equal, "ne": np.not_equal,
    "and": lambda a, b: true(a) & true(b),
    "or": lambda a, b: true(a) | true(b),
    "not": lambda a: ~true(a),
    "select": lambda c, a, b: np.where(true(c), a, b),
    "iadd": np.add, "isub": np.subtract, "imul": np.multiply,
    "ifloordiv": np.floor_divide, "imod": np.mod,  # NumPy's integer x/0 is 0, as the table says
    "imin": np.minimum, "imax": np.maximum,
    "ineg": np.negative, "iabs": np.abs, "isign": np.sign,
    "ilt": np.less, "ile": np.less_equal, "ieq": np.equal, "ine": np.not_equal,
    "iselect": lambda c, a, b: np.where(true(c), a, b),
}  # fmt: skip

INTEGER = frozenset(
    ("iadd", "isub", "imul", "ifloordiv", "imod", "imin", "imax", "ineg", "iabs", "isign",
     "iselect")
)


class Lanes:
    """The values of one instruction's nodes, computed when they are asked for.

    `arrays` are the registers' (None when no node reads data), `precision` the dtype of f lanes,
    `acc` the core's result, with one axis a dimension, for expressions that use it.
    """

    def __init__(
        self,
        module: Module,
        instruction: BoundInstruction,
        arrays: Sequence[np.ndarray] | None,
        precision: np.dtype,
        acc: np.ndarray | None = None,
    ):
        self.module = module
        self.instruction = instruction
        self.arrays = arrays
        self.precision = precision
        self.acc = acc
        self.unknowns: Sequence[np.ndarray] = ()  # of a solve: their values so far
        self.rank = len(instruction.extents)
        self.values: dict[int, np.ndarray] = {}

    def value(self, root: int) -> np.ndarray:
        """The value of node `root`, of shape 1 or the extent along each dimension."""
        nodes, values = self.instruction.nodes, self.values
        needed, stack = set(), [root]
        while stack:
            k = stack.pop()
            if k not in needed and k not in values:
                needed.add(k)
                stack.extend(nodes[k].args)
        for k in sorted(needed):  # arguments stand before their uses
            values[k] = self._evaluate(nodes[k], [values[a] for a in nodes[k].args])
        return values[root]

    def _evaluate(self, node, args) -> np.ndarray:
        op = node.op
        if op == "const":
            return self._scalar(node.immediate, self.precision)
        if op == "iconst":
            return self._scalar(node.immediate, np.int64)
        if op == "index":
            return self.counter(node.immediate) + self.instruction.los[node.immediate]
        if op == "load":
            return self.load(self.instruction.accesses[node.immediate], *args)
        if op == "gather":
            access = self.instruction.accesses[node.immediate]
            places = args[: len(access.dynamic)]
            return self.gather(access, places, *args[len(access.dynamic) :])
        if op == "acc":
            return self.acc
        if op == "unknown":
            return self.unknowns[node.immediate]
        if op == "float":
            return args[0].astype(self.precision)
        if op == "int":
            return self.whole(args[0])
        result = FUNCTIONS[op](*args)
        return result.astype(np.int64 if op in INTEGER else self.precision, copy=False)

    def _scalar(self, value, dtype) -> np.ndarray:
        return np.full((1,) * self.rank, value, dtype)

    def counter(self, dim: int) -> np.ndarray:
        """0 … extent-1 along one dimension."""
        shape = [1] * self.rank
        shape[dim] = self.instruction.extents[dim]
        return np.arange(self.instruction.extents[dim], dtype=np.int64).reshape(shape)

    def whole(self, value: np.ndarray) -> np.ndarray:
        """Numbers as integers. Raises `InputError` at the first that is not a whole number."""
        wrong = ~((np.floor(value) == value) & (value < 2.0**63) & (value >= -(2.0**63)))
        if wrong.any():
            point = tuple(np.argwhere(wrong)[0])
            text = f"a whole number is needed, but the value is {value[point]:.10g}"
            raise InputError(self.located(f"{text}{self.at(point, value.shape)}"))
        return value.astype(np.int64)

    # -- reading --------------------------------------------------------------------------------

    def view(self, access: BoundAccess) -> np.ndarray:
        """The elements that an access in range reads: a view, without copying."""
        flat = flat_view(self.arrays[access.register])
        item = flat.itemsize
        shape = tuple(e if s else 1 for e, s in zip(
            self.instruction.extents, access.strides, strict=True))
        if 0 in shape:
            return np.zeros(shape, flat.dtype)
        last = access.offset + sum(
            max(0, s) * (e - 1) for s, e in zip(access.strides, shape, strict=True))
        first = access.offset + sum(
            min(0, s) * (e - 1) for s, e in zip(access.strides, shape, strict=True))
        if first < 0 or last >= flat.size:  # of a space that has no points: nobody reads it
            return np.zeros(shape, flat.dtype)
        strides = tuple(s * item for s in access.strides)
        return as_strided(flat[access.offset :], shape, strides, writeable=False)

    def load(self, access: BoundAccess, guard: np.ndarray | None = None) -> np.ndarray:
        """The elements at affine places; 0 where `guard` is false."""
        if guard is None:
            return self.view(access)
        guard = true(guard)
        if access.guarded is None:
            value = self.view(access)
            return np.where(guard, value, value.dtype.type(0))
        return self.gather(access, [], guard)

    def gather(self, access: BoundAccess, places, guard: np.ndarray | None = None) -> np.ndarray:
        """The elements at computed places; 0 where `guard` is false.

        Raises `InputError` for a place out of range (where `guard` is true)."""
        flat = flat_view(self.arrays[access.register])
        guard = np.ones((1,) * self.rank, bool) if guard is None else true(guard)
        inside = guard
        for const, coefficients, extent, lo in access.guarded or ():
            place = self._affine(const, coefficients)
            inside = self._in_range(access, place, extent, lo, guard) & inside
        offset = self._affine(access.offset, access.strides)
        for (stride, extent, lo), place in zip(access.dynamic, places, strict=True):
            inside = self._in_range(access, place, extent, lo, guard) & inside
            offset = offset + place * stride
        if not flat.size:
            return np.zeros(np.broadcast_shapes(offset.shape, inside.shape), flat.dtype)
        value = flat[np.where(inside, offset, 0)]
        return value if inside.all() else np.where(inside, value, value.dtype.type(0))

    def _affine(self, const: int, coefficients) -> np.ndarray:
        total = self._scalar(const, np.int64)
        for dim, coefficient in enumerate(coefficients):
            if coefficient:
                total = total + coefficient * self.counter(dim)
        return total

    def _in_range(self, access, place, extent: int, lo: int, guard) -> np.ndarray:
        good = (place >= 0) & (place < extent)
        wrong = guard & ~good
        if wrong.any():
            point = tuple(np.argwhere(wrong)[0])
            got = int(np.broadcast_to(place, wrong.shape)[point])
            name = self.module.registers[access.register].name
            raise InputError(self.located(
                f"a subscript of {name} is {got + lo}{self.at(point, wrong.shape)}, "
                f"but that axis of {name} is {index_range(lo, extent)}"))
        return good

    # -- messages -------------------------------------------------------------------------------

    def at(self, point, shape) -> str:
        """` at t = 3`: the index values of a counter tuple, for dimensions that vary."""
        instruction = self.instruction
        dims = [d for d in range(self.rank) if shape[d] == instruction.extents[d]]
        values = [int(point[d]) + instruction.los[d] for d in dims]
        return at_point([instruction.names[d] for d in dims], values)

    def located(self, message: str) -> str:
        return located(self.module, self.instruction.source, message)


def flat_view(array: np.ndarray) -> np.ndarray:
    """An array's memory from its first element to its last, in one axis (it may have gaps)."""
    if array.flags.c_contiguous:
        return array.reshape(-1)
    if not array.size:
        return np.zeros(0, array.dtype)
    item = array.itemsize
    count = 1 + sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)) // item
    return as_strided(array, (count,), (item,), writeable=False)
