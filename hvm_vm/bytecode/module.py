"""The module: a program in memory, exactly as a bytecode file holds it.

Everything here is immutable. A module is what the compiler emits, what the reader decodes and the
writer encodes; it may be wrong. Engines accept only what `verifier.verify` returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hvm_vm.bytecode.sizes import Size

DTYPES = {"f32": np.dtype(np.float32), "f64": np.dtype(np.float64), "i64": np.dtype(np.int64)}


@dataclass(frozen=True, slots=True)
class SizeSymbol:
    """A size that data, the user or a default decides. `default` is None when there is none."""

    name: str
    default: int | None = None
    source: int = -1


@dataclass(frozen=True, slots=True)
class Register:
    """A typed tensor slot. `lo` is the index value of the first element along each axis: places are
    zero-based, messages and families speak in index values."""

    name: str
    dtype: str
    shape: tuple[Size, ...] = ()
    lo: tuple[Size, ...] = ()


@dataclass(frozen=True, slots=True)
class TensorPattern:
    """Where an input is found in a data file. `parts` are literal texts and placeholders
    `(axis, scale, offset)`: the number `scale*index + offset`, where index runs along that axis of
    the input. Axes with placeholders are stacked from several tensors."""

    parts: tuple[str | tuple[int, int, int], ...]

    def stacked_axes(self) -> tuple[int, ...]:
        return tuple(sorted({p[0] for p in self.parts if not isinstance(p, str)}))


@dataclass(frozen=True, slots=True)
class Input:
    """A register that is set from outside. `default` is a place in `Module.arrays`, or -1.
    `symbolic` inputs hold numbers of `Module.symbols` and are given as text."""

    name: str
    register: int
    default: int = -1
    pattern: TensorPattern | None = None
    symbolic: bool = False
    source: int = -1


@dataclass(frozen=True, slots=True)
class Output:
    """A register that is a result (or, when `hidden`, only shown by `--all` and traces)."""

    name: str
    register: int
    symbolic: bool = False
    hidden: bool = False
    source: int = -1


@dataclass(frozen=True, slots=True)
class Member:
    """A scalar of a family: its spelling, its subscripts, and the register and place it lives
    at."""

    name: str
    subscripts: tuple[int, ...]
    register: int
    position: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """Scalars that are one array to the API: `lo` and `shape` span the members' subscripts."""

    name: str
    lo: tuple[int, ...]
    shape: tuple[int, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Dim:
    """A dimension of an index space: counters run 0 … extent-1, index values from `lo`."""

    name: str
    lo: Size
    extent: Size
    role: str = "o"


@dataclass(frozen=True, slots=True)
class Affine:
    """The zero-based place `const + sum(coefficient * counter of dim)` along one axis."""

    const: Size
    terms: tuple[tuple[int, Size], ...] = ()  # (dim, coefficient), by rising dim, none zero


@dataclass(frozen=True, slots=True)
class Access:
    """Where an operand is read or written: one entry per axis of its register. `None` marks a
    dynamic axis, whose place a `gather` node computes."""

    axes: tuple[Affine | None, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of an expression: `op` is a name of `lane_ops`, `args` are earlier nodes."""

    op: str
    args: tuple[int, ...] = ()
    immediate: int = 0


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What does not fit an instruction's words: the space, the places, the expressions.

    `accesses[k]` belongs to the instruction's k-th operand: first the results (for the elementwise
    group one per root, for a check none, else one), then the core's reads, then those that load and
    gather nodes name. Stores are injective: no two points write one element.
    `message` is a place in `Module.texts` (checks and solves only). `status` is the exit status of
    a check; of a solve it is `solve_layout.ENDS` or `UNSOLVED_NAN`.
    """

    dims: tuple[Dim, ...]
    accesses: tuple[Access, ...]
    nodes: tuple[Node, ...] = ()
    roots: tuple[int, ...] = ()
    message: int = -1
    status: int = 0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a system over arrays: a space of its own, with its own places and expressions.

    `role` is `row` or `term` (of the relation `number`), or `start`, `lower`, `upper` (of the
    unknown `number`). The accesses of all parts, one part after another, belong to the
    instruction's operands after the unknowns. See `system_layout.py`."""

    role: str
    number: int
    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class Instruction:
    """`op` is a name of `isa`; `operands` are registers, in the order of the descriptor's
    accesses."""

    op: str
    operands: tuple[int, ...] = ()
    descriptor: int = -1
    source: int = -1


@dataclass(frozen=True, slots=True)
class SourceSpan:
    """A relation's place and text. `line` counts from 1."""

    line: int
    column: int
    text: str


@dataclass(frozen=True)
class Module:
    """A whole program. `arrays` are constants (C order, little-endian, 64-byte aligned in a file);
    `constants` numbers and `integers` are the pools of const and iconst nodes; `sizes` the pool of
    size nodes. `preconditions` are check instructions that involve no data: they hold or fail once
    the sizes are known, and are judged when a program is bound, not each run."""

    precision: str = "f64"  # the dtype of f lanes
    file: str = ""          # the source's base name
    symbols_of_size: tuple[SizeSymbol, ...] = ()
    registers: tuple[Register, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    families: tuple[Family, ...] = ()
    constants: tuple[float, ...] = ()
    integers: tuple[int, ...] = ()
    sizes: tuple[Size, ...] = ()
    texts: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()   # the texts of symbol values, numbered from 0
    arrays: tuple[np.ndarray, ...] = field(default=(), compare=False)
    sources: tuple[SourceSpan, ...] = ()
    descriptors: tuple[Descriptor, ...] = ()
    preconditions: tuple[Instruction, ...] = ()
    code: tuple[Instruction, ...] = ()
