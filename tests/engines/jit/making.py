"""Bound instructions made by hand, and random ones: what the jit's tests run on both engines."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

from hvm_vm.bytecode.module import Node
from hvm_vm.engines import get
from hvm_vm.engines.bound import Bound, BoundAccess, BoundInstruction, BoundRegister, Frame
from hvm_vm.errors import HvmError

DTYPES = {"f32": np.dtype(np.float32), "f64": np.dtype(np.float64), "i64": np.dtype(np.int64)}
TOLERANCE = {"f32": 3e-5, "f64": 1e-11}


class Making:
    """Collects registers, accesses and nodes of one instruction.

    Dimensions are `(extent, role)`; a register's axes are lists of `(dim, coefficient)`."""

    def __init__(self, precision: str, dims: list[tuple[int, str]], seed: int = 0):
        self.precision, self.dims = precision, dims
        self.extents = [extent for extent, _ in dims]
        self.roles = "".join(role for _, role in dims)
        self.los = tuple(range(1, len(dims) + 1))
        self.random = np.random.default_rng(seed)
        self.arrays: list[np.ndarray] = []
        self.accesses: list[BoundAccess] = []
        self.nodes: list[Node] = []
        self.results: list[int] = []

    def node(self, op: str, *args: int, immediate=0) -> int:
        self.nodes.append(Node(op, args, immediate))
        return len(self.nodes) - 1

    def const(self, value: float) -> int:
        return self.node("const", immediate=value)

    def array(self, shape, kind: str | None = None, transposed: bool = False) -> int:
        """A new register of random numbers."""
        kind = kind or self.precision
        shape = tuple(shape)[::-1] if transposed else tuple(shape)
        data = (self.random.integers(-3, 4, shape) if kind == "i64"
                else self.random.normal(size=shape))
        data = np.asarray(data, DTYPES[kind])
        self.arrays.append(data.T if transposed else data)
        return len(self.arrays) - 1

    def access(self, axes, kind: str | None = None, transposed: bool = False,
               array: int | None = None) -> int:
        """An access whose axis k is at sum(coefficient*counter); its register is made to fit."""
        shape = [1 + sum(c * max(0, self.extents[d] - 1) for d, c in axis) for axis in axes]
        shape = [0 if any(self.extents[d] == 0 for d, _ in axis) else n
                 for n, axis in zip(shape, axes, strict=True)]
        register = self.array(shape, kind, transposed) if array is None else array
        data = self.arrays[register]
        strides = [0] * len(self.extents)
        for axis, step in zip(axes, data.strides, strict=True):
            for d, c in axis:
                if self.extents[d] != 1:
                    strides[d] += c * step // data.itemsize
        self.accesses.append(BoundAccess(register, 0, tuple(strides)))
        return len(self.accesses) - 1

    def result(self, kind: str | None = None, order=None) -> int:
        """The next result: an axis for each free dimension, in the given order."""
        free = [d for d, role in enumerate(self.roles) if role in "on"]
        number = self.access([[(d, 1)] for d in (order or free)], kind)
        self.results.append(self.accesses[number].register)
        return number

    def load(self, axes, kind: str | None = None, transposed: bool = False) -> int:
        return self.node("load", immediate=self.access(axes, kind, transposed))

    def bound(self, op: str, roots, message: str = "no", status: int = 1) -> Bound:
        return program(self.precision, self.arrays, [BoundInstruction(
            0, op, -1, tuple(self.extents), self.los, self.roles,
            tuple("abcdefgh"[:len(self.extents)]), tuple(self.accesses), tuple(self.nodes),
            tuple(roots), message, status)])


def program(precision: str, arrays, code) -> Bound:
    """A bound program whose registers have the arrays' shapes; none is in the arena."""
    registers = tuple(
        BoundRegister(f"r{k}", a.dtype, a.shape, (1,) * a.ndim,
                      tuple(s // a.itemsize for s in a.strides)) for k, a in enumerate(arrays))
    module = SimpleNamespace(precision=precision, sources=(), file="test",
                             registers=tuple(SimpleNamespace(name=r.name) for r in registers))
    halt = BoundInstruction(len(code), "halt", -1, (), (), "", (), (), (), ())
    return Bound(SimpleNamespace(module=module), {}, registers, (*code, halt), 0)


def frame(bound: Bound, arrays) -> Frame:
    return Frame(bound, dict(enumerate(arrays)))


def copies(arrays) -> list[np.ndarray]:
    """The same numbers and strides in other memory."""
    out = []
    for a in arrays:
        b = np.empty_like(a)  # keeps the order of axes
        b[...] = a
        out.append(b)
    return out


def run(engine: str, bound: Bound, arrays):
    """The arrays after a run, or the error."""
    mine = copies(arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            one = frame(bound, mine)
            runnable = get(engine).prepare(bound, 1)
            runnable.run(one)
            runnable.run(one)  # nothing may be left behind by the first
        except Exception as error:
            return error
    return mine


def both_agree(making: Making, op: str, roots) -> None:
    bound = making.bound(op, roots)
    for k in making.results:
        making.arrays[k][...] = 7
    expected = run("reference", bound, making.arrays)
    found = run("jit", bound, making.arrays)
    if isinstance(expected, Exception) or isinstance(found, Exception):
        assert isinstance(expected, HvmError), expected
        assert type(expected) is type(found) and str(expected) == str(found), (expected, found)
        return
    for k in making.results:
        compare(found[k], expected[k], making.precision)


def compare(found, expected, precision: str) -> None:
    tolerance = TOLERANCE[precision]
    finite = expected[np.isfinite(expected)]
    scale = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


# -- random instructions -------------------------------------------------------------------------

EXTENTS = st.sampled_from([0, 1, 1, 2, 3, 4, 5, 7, 8, 17, 33])
LONG = st.sampled_from([1, 2, 64, 300, 1025, 5000])
UNARY = ["neg", "abs", "sign", "floor", "ceil", "round", "exp", "sigmoid", "tanh", "erf", "not",
         "sin", "cos", "atan"]
BINARY = ["add", "sub", "mul", "min", "max", "lt", "le", "and", "or"]


@st.composite
def spaces(draw, roles: str, needed: str = "", most: int = 4):
    """Dimensions of random roles; those of `needed` occur."""
    names = list(needed) + draw(st.lists(st.sampled_from(roles), max_size=most - len(needed)))
    names = draw(st.permutations(names))
    dims = [(draw(EXTENTS), role) for role in names]
    if dims and draw(st.integers(0, 3)) == 0:  # one long dimension, across blocks
        k = draw(st.integers(0, len(dims) - 1))
        dims[k] = (draw(LONG), dims[k][1])
    while np.prod([max(1, e) for e, _ in dims], dtype=float) > 200_000:
        dims = [(min(e, 9), role) for e, role in dims]
    return dims


@st.composite
def axes(draw, dims):
    """Axes of an operand over some of `dims`: permuted, repeated, summed or strided."""
    chosen = draw(st.permutations(list(dims)))[: draw(st.integers(0, min(3, len(dims))))]
    out = [[(d, draw(st.sampled_from([1, 1, 1, 2])))] for d in chosen]
    if len(out) > 1 and draw(st.integers(0, 5)) == 0:
        out = [out[0] + out[1], *out[2:]]
    return out


@st.composite
def expressions(draw, making: Making, dims, depth: int = 3, acc: bool = False, guards: bool = True):
    """A random expression of f lanes over `dims`; the number of its root."""
    kind = draw(st.integers(0, 9 if depth else 3))
    if kind <= 2:
        if acc and draw(st.booleans()):
            return making.node("acc")
        return making.load(draw(axes(dims)), transposed=draw(st.booleans()))
    if kind == 3:
        if dims and draw(st.booleans()):
            index = making.node("index", immediate=draw(st.sampled_from(list(dims))))
            return making.node("float", index)
        return making.const(draw(st.sampled_from([0.5, -1.25, 2.0, 0.0, 3.0])))
    deeper = expressions(making, dims, depth - 1, acc, guards)
    if kind <= 5:
        return making.node(draw(st.sampled_from(UNARY)), draw(deeper))
    if kind <= 8 or not dims:
        return making.node(draw(st.sampled_from(BINARY)), draw(deeper), draw(deeper))
    return making.node("select", draw(conditions(making, dims)), draw(deeper), draw(deeper))


@st.composite
def conditions(draw, making: Making, dims):
    """A random truth value over `dims`."""
    if not dims or draw(st.integers(0, 3)) == 0:
        return making.node("lt", making.load(draw(axes(dims))), making.const(0.3))
    a = making.node("index", immediate=draw(st.sampled_from(list(dims))))
    b = making.node("index", immediate=draw(st.sampled_from(list(dims))))
    shift = making.node("iconst", immediate=draw(st.integers(-2, 2)))
    return making.node(draw(st.sampled_from(["ile", "ilt", "ine", "ieq"])), a,
                       making.node("iadd", b, shift))
