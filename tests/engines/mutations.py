"""Mutated modules, and both engines on them: the material of `test_mutated_programs`.

A mutation changes one part of a module: a register's axis, a place, a node, a size … . Most mutants
are refused by the verifier or the binder; the others must run, and both engines must agree.
"""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass, replace
from math import prod

import numpy as np

from hvm_vm.bytecode import isa, lane_ops, verify
from hvm_vm.bytecode.module import DTYPES, Affine, Dim, Module, Node, Register
from hvm_vm.bytecode.sizes import Size
from hvm_vm.engines import get
from hvm_vm.engines.binding import bind
from hvm_vm.engines.bound import Frame
from hvm_vm.engines.sizes_from_shapes import unknown_sizes
from hvm_vm.errors import HvmError

INTEGERS = (-1, 0, 1, 2, 3, 5, 1 << 20, 1 << 31, 1 << 40, 1 << 47, -(1 << 47), (1 << 62) + 1,
            (1 << 63) - 1, -(1 << 63))
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e30, -1e30, 1e-300, 1e300, float("nan"),
           float("inf"), float("-inf"), 2.0**63, -(2.0**63))
OPS = [op.name for op in isa.INSTRUCTIONS if op.name != "halt"]
LANE_OPS = [op.name for op in lane_ops.LANE_OPS]
SAME_ARGUMENTS = {op.name: [o.name for o in lane_ops.LANE_OPS
                            if (o.arguments, o.result) == (op.arguments, op.result)]
                  for op in lane_ops.LANE_OPS}
TOLERANCE = {"f32": 2e-3, "f64": 1e-8}
MOST_POINTS = 200_000  # of a mutant that is run
MOST_BYTES = 1 << 27


# -- mutations -----------------------------------------------------------------------------------


def a_size(rng: random.Random, module: Module, old: Size | None = None) -> Size:
    symbols = [Size.of(s.name) for s in module.symbols_of_size]
    kind = rng.randrange(6)
    if kind == 0 and symbols:
        return rng.choice(symbols)
    if kind == 1 and symbols:
        return rng.choice(symbols) + rng.choice((-3, -1, 1, 2))
    if kind == 2 and old is not None:
        return old + rng.choice((-2, -1, 1, 2))
    if kind == 3 and old is not None:
        return old * rng.choice((-1, 0, 2, 3))
    if kind == 4 and symbols:
        a, b = rng.choice(symbols), rng.choice([*symbols, Size.of(2)])
        return rng.choice((a * b, a.floordiv(b), a.mod(b), a.min(b), a.max(b), a - b))
    return Size.of(rng.choice(INTEGERS[:rng.choice((5, 6, 9, len(INTEGERS)))]))


def swap(rng: random.Random, items: tuple) -> tuple:
    items = list(items)
    if len(items) > 1:
        a, b = rng.sample(range(len(items)), 2)
        items[a], items[b] = items[b], items[a]
    return tuple(items)


def put(items: tuple, at: int, value) -> tuple:
    return (*items[:at], value, *items[at + 1:])


def pick(rng: random.Random, items) -> int:
    return rng.randrange(len(items))


def change_register(rng, module: Module) -> Module:
    if not module.registers:
        return module
    at = pick(rng, module.registers)
    register: Register = module.registers[at]
    kind = rng.randrange(5)
    if kind == 0 or not register.shape:
        register = replace(register, dtype=rng.choice(("i64", module.precision)))
    elif kind == 1:
        register = replace(register, shape=swap(rng, register.shape))
    elif kind == 2:
        k = pick(rng, register.lo)
        register = replace(register, lo=put(register.lo, k, a_size(rng, module, register.lo[k])))
    else:
        k = pick(rng, register.shape)
        register = replace(
            register, shape=put(register.shape, k, a_size(rng, module, register.shape[k])))
    return replace(module, registers=put(module.registers, at, register))


def change_descriptor(rng, module: Module) -> Module:
    if not module.descriptors:
        return module
    at = pick(rng, module.descriptors)
    descriptor = module.descriptors[at]
    if descriptor.parts and rng.random() < 0.9:
        k = pick(rng, descriptor.parts)
        part = descriptor.parts[k]
        part = replace(part, descriptor=changed_descriptor(rng, module, part.descriptor))
        if rng.random() < 0.1:
            part = replace(part, role=rng.choice(("row", "term", "start", "lower", "upper")),
                           number=rng.randint(0, 2))
        descriptor = replace(descriptor, parts=put(descriptor.parts, k, part))
        if rng.random() < 0.05:
            descriptor = replace(descriptor, parts=swap(rng, descriptor.parts))
    else:
        descriptor = changed_descriptor(rng, module, descriptor)
    return replace(module, descriptors=put(module.descriptors, at, descriptor))


def changed_descriptor(rng, module: Module, descriptor):
    kind = rng.randrange(11)
    dims, accesses, nodes, roots = (descriptor.dims, descriptor.accesses, descriptor.nodes,
                                    descriptor.roots)
    if kind == 0 and dims:
        k = pick(rng, dims)
        dims = put(dims, k, replace(dims[k], extent=a_size(rng, module, dims[k].extent)))
    elif kind == 1 and dims:
        k = pick(rng, dims)
        dims = put(dims, k, replace(dims[k], role=rng.choice("orrnuc")))
    elif kind == 2 and dims:
        k = pick(rng, dims)
        dims = put(dims, k, replace(dims[k], lo=a_size(rng, module, dims[k].lo)))
    elif kind == 3:
        dims = (*dims, Dim("z", Size.of(1), Size.of(rng.choice((0, 1, 2, 3))), rng.choice("or")))
    elif kind in (4, 5) and accesses:
        k = pick(rng, accesses)
        accesses = put(accesses, k, change_access(rng, module, accesses[k], len(dims)))
    elif kind == 6 and accesses:
        accesses = rng.choice((swap(rng, accesses), (*accesses, rng.choice(accesses))))
    elif kind in (7, 8) and nodes:
        k = pick(rng, nodes)
        nodes = put(nodes, k, change_node(rng, nodes, k, module, len(accesses)))
    elif kind == 9:
        new, root = grow(rng, module, nodes, len(dims), len(accesses))
        nodes = new
        if roots and rng.random() < 0.8:
            roots = put(roots, pick(rng, roots), root)
    elif roots:
        roots = rng.choice((
            swap(rng, roots), put(roots, pick(rng, roots), rng.randint(-1, max(0, len(nodes) - 1))),
            (*roots, roots[0])))
    descriptor = replace(descriptor, dims=dims, accesses=accesses, nodes=nodes, roots=roots)
    if rng.random() < 0.03:
        descriptor = replace(descriptor, message=rng.randint(-1, 2), status=rng.randint(0, 2))
    return descriptor


def change_access(rng, module, access, dims: int):
    if not access.axes:
        return access
    kind = rng.randrange(5)
    if kind == 0:
        return replace(access, axes=swap(rng, access.axes))
    k = pick(rng, access.axes)
    place = access.axes[k]
    if place is None or kind == 1:
        place = None if place is not None else Affine(Size.of(0), ((0, Size.of(1)),))
    elif kind == 2:
        place = replace(place, const=a_size(rng, module, place.const))
    elif kind == 3 and place.terms:
        j = pick(rng, place.terms)
        d, c = place.terms[j]
        place = replace(place, terms=put(place.terms, j, (d, a_size(rng, module, c))))
    elif dims:
        d = rng.randrange(dims)
        terms = dict(place.terms)
        if d in terms and rng.random() < 0.5:
            del terms[d]
        else:
            terms[d] = Size.of(rng.choice((1, -1, 2, 1 << 20)))
        place = replace(place, terms=tuple(sorted(terms.items(), key=lambda t: t[0])))
    return replace(access, axes=put(access.axes, k, place))


def change_node(rng, nodes, k: int, module, accesses: int) -> Node:
    node = nodes[k]
    kind = rng.randrange(4)
    if kind == 0:
        return replace(node, op=rng.choice(SAME_ARGUMENTS[node.op]))
    if kind == 1 and node.args:
        return replace(node, args=put(node.args, pick(rng, node.args), rng.randrange(max(1, k))))
    if kind == 2 and node.op in ("load", "gather") and k:
        if len(node.args) and rng.random() < 0.5:
            return replace(node, args=node.args[:-1])
        return replace(node, args=(*node.args, rng.randrange(k)))
    if lane_ops.BY_NAME[node.op].immediate:
        return replace(node, immediate=rng.randrange(
            max(1, len(module.constants), len(module.integers), accesses)))
    return node


def grow(rng, module, nodes, dims: int, accesses: int):
    """A few more nodes on top of those that there are; the new ones and the number of the last."""
    nodes = list(nodes)
    if dims and rng.random() < 0.5:
        nodes.append(Node("index", (), rng.randrange(dims)))
    if module.integers and rng.random() < 0.5:
        nodes.append(Node("iconst", (), pick(rng, module.integers)))
    if module.constants and rng.random() < 0.5:
        nodes.append(Node("const", (), pick(rng, module.constants)))
    for _ in range(rng.randint(1, 4)):
        if not nodes:
            break
        op = lane_ops.BY_NAME[rng.choice(LANE_OPS)]
        if op.immediate or op.name == "acc":
            continue
        nodes.append(Node(op.name, tuple(pick(rng, nodes) for _ in op.arguments)))
    return tuple(nodes), len(nodes) - 1


def change_code(rng, module: Module) -> Module:
    at = pick(rng, module.code)
    one = module.code[at]
    if one.op == "halt":
        return module
    kind = rng.randrange(6)
    if kind == 0:
        one = replace(one, op=rng.choice(OPS))
    elif kind == 1 and one.operands:
        one = replace(one, operands=put(one.operands, pick(rng, one.operands),
                                        pick(rng, module.registers)))
    elif kind == 2:
        one = replace(one, operands=swap(rng, one.operands))
    elif kind == 3:
        return replace(module, code=(*swap(rng, module.code[:-1]), module.code[-1]))
    elif kind == 4:
        return replace(module, code=(*module.code[:at], one, *module.code[at:]))
    else:
        one = replace(one, descriptor=pick(rng, module.descriptors))
    return replace(module, code=put(module.code, at, one))


def change_pools(rng, module: Module) -> Module:
    kind = rng.randrange(4)
    if kind == 0 and module.constants:
        return replace(module, constants=put(module.constants, pick(rng, module.constants),
                                             rng.choice(NUMBERS)))
    if kind == 1:
        integers = module.integers or (0,)
        return replace(module, integers=put(integers, pick(rng, integers), rng.choice(INTEGERS)))
    if kind == 2 and module.sizes:
        return replace(module, sizes=put(module.sizes, pick(rng, module.sizes),
                                         a_size(rng, module)))
    return replace(module, constants=(*module.constants, rng.choice(NUMBERS)))


def change_interface(rng, module: Module) -> Module:
    kind = rng.randrange(4)
    if kind == 0 and module.symbols_of_size:
        k = pick(rng, module.symbols_of_size)
        symbol = replace(module.symbols_of_size[k], default=rng.choice((None, 0, -1, 1, 2, 7)))
        return replace(module, symbols_of_size=put(module.symbols_of_size, k, symbol))
    if kind == 1 and module.outputs and module.registers:
        k = pick(rng, module.outputs)
        output = replace(module.outputs[k], register=pick(rng, module.registers))
        return replace(module, outputs=put(module.outputs, k, output))
    if kind == 2 and module.inputs:
        k = pick(rng, module.inputs)
        return replace(module, inputs=module.inputs[:k] + module.inputs[k + 1:])
    return replace(module, precision=rng.choice(("f32", "f64")), registers=tuple(
        replace(r, dtype="f32" if r.dtype == "f64" and module.precision == "f64" else r.dtype)
        for r in module.registers))


MUTATIONS = (change_descriptor, change_descriptor, change_descriptor, change_descriptor,
             change_register, change_code, change_pools, change_interface)


def mutant(rng: random.Random, module: Module) -> Module:
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        module = rng.choice(MUTATIONS)(rng, module)
    return module


# -- running -------------------------------------------------------------------------------------


def outcome(rng: random.Random, module: Module) -> str:
    """What became of a module: why it was refused, or "ran" when both engines agree on it.

    Raises `AssertionError` when they do not, and whatever is no `HvmError`."""
    try:
        verified = verify(module)
    except HvmError:
        return "not verified"
    try:
        bound, arrays = bound_with_data(rng, verified)
    except HvmError:
        return "not bound"
    if bound is None or bound.arena_bytes > MOST_BYTES or sum(
            part.points for one in bound.code
            for part in (one, *(part.one for part in one.parts))) > MOST_POINTS:
        return "too large"
    results = {}
    for name in ("reference", "jit"):
        frame = Frame(bound, {k: a.copy() for k, a in arrays.items()})
        frame.arena[...] = 0xFF  # NaN: what nothing wrote must not be read
        for register, array in zip(bound.registers, frame.arrays, strict=True):
            if register.zeroed:
                array[...] = 0
        try:
            get(name).prepare(bound, 1).run(frame)
        except HvmError as error:
            results[name] = (type(error), str(error))
            continue
        shown = {o.register for o in module.outputs if not o.hidden}
        results[name] = {r: frame.arrays[r].copy() for r in sorted(shown)}
        for k, array in arrays.items():
            assert np.array_equal(frame.arrays[k], array, equal_nan=array.dtype.kind == "f"), (
                f"{name} wrote into the input {k}")
    same(module, results["reference"], results["jit"])
    return "failed alike" if isinstance(results["jit"], tuple) else "ran"


def bound_with_data(rng: random.Random, verified):
    module = verified.module
    defaults = {item.name: module.arrays[item.default] for item in module.inputs
                if item.default >= 0 and module.arrays[item.default].ndim
                == len(module.registers[item.register].shape)}
    shapes = {name: (array.shape, None) for name, array in defaults.items()}
    sizes = {name: rng.choice((0, 1, 2, 3, 4, 5, 7)) for name in unknown_sizes(
        module, {n: s for n, (s, _) in shapes.items()}, {})}
    bound = bind(verified, shapes, sizes)
    arrays = {}
    generator = np.random.default_rng(rng.randrange(1 << 30))
    for item in module.inputs:
        register = bound.registers[item.register]
        if prod(register.shape) > 1 << 22:
            return None, {}
        if item.name in defaults:
            arrays[item.register] = np.ascontiguousarray(defaults[item.name])
        elif register.dtype.kind == "i":
            arrays[item.register] = generator.integers(-1, 4, register.shape)
        else:
            arrays[item.register] = generator.normal(size=register.shape).astype(register.dtype)
    assert all(a.dtype == DTYPES[module.registers[k].dtype] for k, a in arrays.items())
    return bound, arrays


def same(module: Module, expected, got) -> None:
    if isinstance(expected, tuple) or isinstance(got, tuple):
        assert expected == got, f"reference: {expected}\njit: {got}"
        return
    for register, wanted in expected.items():
        found = got[register]
        name = module.registers[register].name
        if wanted.dtype.kind == "i":
            assert np.array_equal(wanted, found), f"{name}: {wanted} is not {found}"
            continue
        tolerance = TOLERANCE[module.precision]
        finite = np.isfinite(wanted)
        scale = np.abs(wanted[finite]).max(initial=1.0)
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale,
                                   err_msg=f"{name}")


def parts(value):
    """Every dataclass inside a module, for reports."""
    if is_dataclass(value):
        yield value
        for f in fields(value):
            yield from parts(getattr(value, f.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from parts(one)
