"""Systems over arrays: every expression that takes arithmetic is a lane program into scratch
memory; the solving around it is `engines/systems`, called back from the dispatch loop.
"""

from __future__ import annotations

import ctypes
from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from hvm_vm.bytecode.system_layout import ROOTS, SLOPES
from hvm_vm.engines.bound import BoundInstruction, nodes_under
from hvm_vm.engines.jit import layout as at
from hvm_vm.engines.jit.block import Memory, ParameterBlock, memory_at
from hvm_vm.engines.jit.encode import Flat, Step
from hvm_vm.engines.jit.lane_program import WIDTH, LaneCompiler, Leaf
from hvm_vm.engines.jit.prepare_maps import over_space
from hvm_vm.engines.jit.repeat_system import KERNEL, Repeat, address_of, kernel, repeat
from hvm_vm.engines.slices import slices
from hvm_vm.engines.solved import Solved
from hvm_vm.engines.systems.singles import is_single
from hvm_vm.engines.systems.solve import System
from hvm_vm.engines.systems.threads import lapack_threads
from hvm_vm.engines.systems.values import Values, moving_nodes

FREE = ("const", "load", "index", "iconst")  # what the reference's lanes evaluate without copying


class Refused(Exception):
    """A kernel refused its data: the reference engine says why."""


def system(bound, one, block: ParameterBlock, precision: str, threads: int) -> list[Step]:
    """A callback for each part of the space."""
    steps = []
    for part in slices(one):
        block.begin_instruction()
        steps.append(_part(bound, part, block, precision, threads, not steps))
    return steps


def varying(one: BoundInstruction, root: int) -> set[int]:
    """The dimensions that a node's value may depend on."""
    dims: set[int] = set()
    for node in nodes_under(one.nodes, root):
        if node.op == "index":
            dims.add(node.immediate)
        elif node.op in ("load", "gather"):
            access = one.accesses[node.immediate]
            dims |= {d for d, stride in enumerate(access.strides) if stride}
            for _, coefficients, _, _ in access.guarded or ():
                dims |= {d for d, c in enumerate(coefficients) if c}
    return dims


def _part(bound, one, block: ParameterBlock, precision: str, threads: int,
          first: bool) -> Step:
    programs, together = {}, {}
    unknowns = [a.register for a in one.accesses]
    for k, part in enumerate(one.parts):
        here = part.one
        single, moving = is_single(part), moving_nodes(here, unknowns)
        roots = here.roots if part.role == "term" else here.roots[: len(ROOTS[part.role])]
        guards = []
        if part.role == "term" and len(here.roots) > SLOPES:
            guards = [node.args[-1] for node in here.nodes if node.op in ("load", "gather")
                      and len(node.args) > len(here.accesses[node.immediate].dynamic)]
        for root in dict.fromkeys((*roots, *guards)):
            if root < 0 or not here.points or (here.nodes[root].op in FREE and not single):
                continue
            if single:
                kind = ("moving" if root in moving else "fixed",
                        "slopes" if root in here.roots[SLOPES:] else "values")
                together.setdefault(kind, []).append((k, root))
            else:
                programs[k, root] = _program(bound, here, root, block, precision)
    for kind, keys in together.items():
        programs[kind] = _together(bound, one, keys, block, precision)
    callback = Callback(bound, one, programs, threads, first)
    start = block.reserve(at.SYSTEM_WORDS + 3 * len(programs))
    callback.start = start
    block.keep(callback)
    block.put(start + at.SYSTEM_CALLBACK, callback.address)
    for name in callback.kernels():
        block.kernel(block.reserve(1), name)  # so that it is compiled when the program is prepared
    for number, made in enumerate(programs.values()):
        here = start + at.SYSTEM_WORDS + 3 * number
        block.kernel(here, made.step.kernel)
        block.put(here + 1, made.step.parameters)
        block.put(here + 2, made.place)
    return Step("systems.call", block.here(start))


class Program:
    """A lane program that evaluates a node over the dimensions that it varies along; or those of
    `keys`, at one point each."""

    __slots__ = ("dtype", "keys", "place", "shape", "step")

    def __init__(self, step, place, shape, dtype, keys=()):
        self.step, self.place, self.shape, self.dtype = step, place, shape, dtype
        self.keys = keys


def _program(bound, one: BoundInstruction, root: int, block: ParameterBlock,
             precision: str) -> Program:
    dims = varying(one, root)
    shape = tuple(e if d in dims else 1 for d, e in enumerate(one.extents))
    here = replace(one, extents=shape)
    width = WIDTH[precision]
    strides, step = [], width
    for extent in reversed(shape):
        strides.insert(0, step if extent != 1 else 0)
        step *= extent
    place = block.scratch(max(step, width))
    compiler = LaneCompiler(bound, here, block, precision)
    leaf = Leaf(precision, place, tuple(strides))
    compiler.store(compiler.value(root), leaf)
    made, = over_space(block, compiler.words, shape, range(len(shape)), leaf)
    return Program(made, place, shape, np.dtype(np.float32 if precision == "f32" else np.float64))


def _together(bound, one: BoundInstruction, keys: list[tuple[int, int]], block: ParameterBlock,
              precision: str) -> Program:
    """A program for nodes of single terms (see `engines/systems/singles`)."""
    width = WIDTH[precision]
    place = block.scratch(width * len(keys))
    flat, compilers = Flat(block), {}
    for number, (k, root) in enumerate(keys):
        here = one.parts[k].one
        if k not in compilers:
            compilers[k] = LaneCompiler(bound, here, block, precision)
        leaf = Leaf(precision, place + width * number, (0,) * len(here.extents))
        compilers[k].store(compilers[k].value(root), leaf)
    for compiler in compilers.values():
        flat.stage(compiler.words, [])
    dtype = np.dtype(np.float32 if precision == "f32" else np.float64)
    return Program(flat.encode(), place, (len(keys),), dtype, tuple(keys))


class Callback:
    """What the dispatch loop calls for a system: it evaluates by the programs of the memory that it
    is called with, and keeps what a run tells there."""

    def __init__(self, bound, one: BoundInstruction, programs: dict, threads: int,
                 first: bool):
        self.system = System(bound.program.module, one, bound.cache)
        self.one, self.programs, self.threads = one, programs, threads
        self.first = first  # of the parts of an instruction
        self.start = 0
        self.function = KERNEL(self._run)
        self.address = ctypes.cast(self.function, ctypes.c_void_p).value

    def kernels(self) -> list[str]:
        """What `Compiled` may call."""
        kind = "f32" if self.system.precision == np.float32 else "f64"
        return ["systems.tridiagonal", f"systems.product.{kind}"]

    def _run(self, parameters: int) -> int:
        memory = memory_at(parameters - 8 * self.start)
        try:
            values = memory.kept.get(self.start)
            if values is None or values.arrays is not memory.arrays:
                values = None
            elif values.repeat is not None and self._repeated(memory, values):
                return 0

            def evaluator(module, one, arrays, precision):
                found = values or Compiled(module, one, arrays, precision, self.programs, memory,
                                           self.start + at.SYSTEM_WORDS)
                memory.kept[self.start] = found
                found.begin()
                return found
            with lapack_threads(self.threads):
                tell = self.system.solve(memory.arrays, evaluator)
            self._tell(memory, tell)
            return 0
        except Refused:
            return 1
        except BaseException as error:  # raised on the other side of the compiled code
            memory.raised = error
            return 1

    def _repeated(self, memory: Memory, values: Compiled) -> bool:
        with lapack_threads(self.threads) if values.repeat.lapack else nullcontext():
            ended = values.repeat.run()
        if ended is None:
            return False
        self._tell(memory, self.system.told(self.one, values, values.repeat.pattern, ended))
        return True

    def _tell(self, memory: Memory, tell) -> None:
        if self.first:
            memory.told.pop(self.one.pc, None)
        if tell is not None:
            memory.told.setdefault(self.one.pc, []).append(tell)


class Compiled(Values):
    """Values by lane programs where arithmetic is needed, else views by the reference's lanes."""

    def __init__(self, module, one, arrays, precision, programs, memory: Memory, words: int):
        super().__init__(module, one, arrays, precision)
        self.programs = {}
        self.shared: dict[tuple[int, int], tuple] = {}  # of single terms: the program, the place
        self.picks: dict[int, tuple] = {}  # by the identity of keys
        for number, (key, program) in enumerate(programs.items()):
            kernel, parameters, place = memory.words[words + 3 * number : words + 3 * number + 3]
            count = int(np.prod(program.shape))
            data = (ctypes.c_char * max(1, count * program.dtype.itemsize)).from_address(int(place))
            value = np.frombuffer(data, program.dtype, count).reshape(program.shape)
            self.programs[key] = KERNEL(int(kernel)), int(parameters), value
            for k, own in enumerate(program.keys):
                self.shared[own] = key, k
        self.numbers = np.empty(0)
        self.products: dict[int, tuple | None] = {}
        self.repeat: Repeat | None = None
        self.kind = "f32" if precision == np.float32 else "f64"
        self.done: set[tuple[int, int]] = set()
        self.stale = {key for key in self.programs if (
            key[0] == "moving" if programs[key].keys else key[1] in self.moving[key[0]])}

    def begin(self) -> None:
        """A new run: data may have changed."""
        for k in self.touched:
            self.lanes[k].values.clear()
        self.done.clear()

    def work(self, count: int) -> np.ndarray:
        if len(self.numbers) != count:
            self.numbers = np.empty(count)
        return self.numbers

    def sums(self, k: int):
        if k not in self.products:
            self.products[k] = self._product(k)
        made = self.products[k]
        if made is None:
            return None
        words, sums, sizes = made
        if kernel(f"systems.product.{self.kind}")(address_of(words)) != 0:
            raise Refused
        return sums, sizes

    def _product(self, k: int):
        """The parameters of a kernel for a term that sums products of two loads."""
        here = self.one.parts[k].one
        node = here.nodes[here.roots[0]]
        summed = [d for d, role in enumerate(here.roles) if role == "r"]
        if node.op != "mul" or here.roots[1] >= 0 or not summed or not here.points:
            return None
        operands = []
        for argument in node.args:
            load = here.nodes[argument]
            if load.op != "load" or load.args:
                return None
            access = here.accesses[load.immediate]
            array = self.arrays[access.register]
            if array.dtype != self.precision:
                return None
            start = array.__array_interface__["data"][0] + access.offset * array.itemsize
            operands.append((start, [s * array.itemsize for s in access.strides]))
        free = [d for d in range(len(here.extents)) if d not in summed]
        walks = []
        for dims in (free, summed):
            merged = _merged(here.extents, dims, [strides for _, strides in operands])
            if merged is None:
                return None
            walks.append(merged)
        (rows, row_steps), (columns, steps) = walks
        sums, sizes = np.empty(rows), np.empty(rows)
        words = np.zeros(at.PRODUCT_WORDS, np.int64)
        words[at.PRODUCT_ROWS], words[at.PRODUCT_COLUMNS] = rows, columns
        words[at.PRODUCT_A : at.PRODUCT_A + 3] = operands[0][0], row_steps[0], steps[0]
        words[at.PRODUCT_B : at.PRODUCT_B + 3] = operands[1][0], row_steps[1], steps[1]
        words[at.PRODUCT_SUMS], words[at.PRODUCT_SIZES] = sums.ctypes.data, sizes.ctypes.data
        return words, sums, sizes

    def again(self, pattern, layout, constants: set[int], share: float) -> None:
        self.repeat = repeat(self, pattern, layout, constants, share)

    def computed(self, k: int, root: int) -> bool:
        """Whether a lane program puts a value into scratch memory."""
        return (k, root) in self.programs or (k, root) in self.shared

    def value(self, k: int, root: int) -> np.ndarray:
        key = k, root
        if key in self.shared:
            program, place = self.shared[key]
            found = self._run(program)[place : place + 1]
            return found.reshape((1,) * len(self.one.parts[k].one.extents))
        return self._run(key) if key in self.programs else super().value(k, root)

    def _run(self, key) -> np.ndarray:
        kernel, parameters, value = self.programs[key]
        if key not in self.done:
            if kernel(parameters) != 0:
                raise Refused
            self.done.add(key)
        return value

    def together(self, keys, wanted: np.ndarray) -> np.ndarray:
        kept = self.picks.get(id(keys))
        if kept is None:
            groups: dict = {}
            for k, key in enumerate(keys):
                program, place = self.shared[key]
                groups.setdefault(program, []).append((k, place))
            picks = [(p, *np.array(pairs).T) for p, pairs in groups.items()]
            kept = self.picks[id(keys)] = keys, picks
        found = np.zeros(len(keys))
        for program, into, places in kept[1]:
            which = wanted[into]
            if which.all():
                found[into] = self._run(program)[places]
            elif which.any():
                found[into[which]] = self._run(program)[places[which]]
        return found

    def moved(self) -> None:
        super().moved()
        self.done -= self.stale


def _merged(extents, dims, strides):
    """(count, step of each operand) of dimensions that all operands walk as one; None if they do
    not."""
    count, steps = 1, [0] * len(strides)
    for d in reversed(dims):
        if extents[d] == 1:
            continue
        if count > 1 and any(s[d] != step * count for s, step in zip(strides, steps, strict=True)):
            return None
        if count == 1:
            steps = [s[d] for s in strides]
        count *= extents[d]
    return count, steps


def report(tells: list) -> Solved | None:
    """What the parts of an instruction tell together."""
    with np.errstate(all="ignore"):
        found = [solved for solved in (tell() for tell in tells) if solved is not None]
    total = None
    for one in found:
        total = one if total is None else total.with_part(one)
    return total
