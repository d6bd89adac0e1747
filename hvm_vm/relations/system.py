"""The system: what a file means, resolved and ordered, before it becomes instructions.

`relations.build` turns a syntax tree into a :class:`System`; `lowering.lower` turns a System into a
bytecode module. Here every name is resolved: indices are :class:`Index` objects (two indices with
one spelling in different scopes are different objects with different `name`), functions are
expanded, families are listed, sizes are symbolic integers, and definitions stand in an order in
which each reads only what stands before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.bytecode.module import TensorPattern
from hvm_vm.bytecode.sizes import Size


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: offsets into the source's text. `others`: further cases of the
    same relation."""

    start: int
    end: int
    others: tuple[Place, ...] = ()


# -- expressions ---------------------------------------------------------------------------------
# Frozen and hashable, so that equal mathematics compares equal. Long sums and products are n-ary.


@dataclass(frozen=True, slots=True)
class Index:
    """A bound index: `lo..hi` inclusive; empty when hi < lo. `name` is unique within a System;
    `text` is how the user wrote it."""

    name: str
    lo: Size
    hi: Size
    text: str = ""

    @property
    def extent(self) -> Size:
        return self.hi - self.lo + 1


@dataclass(frozen=True, slots=True)
class Const:
    """A number. `value` is an int for an integer literal, else a float (inf allowed)."""

    value: int | float


@dataclass(frozen=True, slots=True)
class SizeValue:
    """A size used as a number (an integer)."""

    size: Size


@dataclass(frozen=True, slots=True)
class IndexValue:
    """An index used as a number (an integer)."""

    index: Index


@dataclass(frozen=True, slots=True)
class SymbolValue:
    """A symbol such as 'ODD': a place in `System.symbols` (an integer that is only compared)."""

    number: int


@dataclass(frozen=True, slots=True)
class Ref:
    """An element of a variable. `subscripts` are integer expressions in index *values* (the
    variable's own coordinates, not zero-based); () for a scalar."""

    variable: str
    subscripts: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on values.

    `op` is one of: add (n-ary), mul (n-ary), neg, sub (2), div (2), pow (2), mod (2), min max
    (n-ary), abs sign floor ceil round sqrt exp log sin cos tan asin acos atan atan2 sinh cosh tanh
    erf sigmoid, lt le eq ne (2), and or (n-ary), not, if (3: condition, then, else).
    Conditions guard what stands under them: the branches of an `if`, and the later operands of
    `and` and `or`, which matter only where those before do not decide.
    Comparisons written > >= are stored as lt le with the operands exchanged; chains are `and`s.
    """

    op: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Reduce:
    """`op[indices | condition](body)`; op: sum prod max min mean any all argmax argmin. `condition`
    guards everything in `body`: subscripts there need to be valid only where it holds."""

    op: str
    indices: tuple[Index, ...]
    condition: Expr | None
    body: Expr


Expr = Const | SizeValue | IndexValue | SymbolValue | Ref | Apply | Reduce


# -- variables and their definitions -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Axis:
    """The range of index values that an axis spans, and the index name it was written with."""

    lo: Size
    hi: Size
    text: str = ""

    @property
    def extent(self) -> Size:
        return self.hi - self.lo + 1


@dataclass(frozen=True, slots=True)
class Variable:
    """`type`: "float", "integer" or "symbol". Inputs have no definition; `default` is a nested list
    of numbers, one number for all elements (or symbol numbers), or None. `declared` says that a
    `given` line names it."""

    name: str
    axes: tuple[Axis, ...]
    type: str
    is_input: bool
    place: Place
    default: object = None
    pattern: TensorPattern | None = None
    declared: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One relation of a variable: for all values of `indices` where `condition` holds,
    `variable[subscripts] = body`.

    `subscripts` are affine in `indices` (each index occurs, and the places are distinct). Cases of
    one definition are disjoint: a special case's places are already excluded from `condition` of
    the general one, `otherwise` is already written out. `condition` guards `body`.
    """

    indices: tuple[Index, ...]
    subscripts: tuple[Expr, ...]
    condition: Expr | None
    body: Expr
    place: Place


@dataclass(frozen=True, slots=True)
class Definition:
    """How a variable is determined. Elements that no case covers have no value: a Requirement of
    the System makes sure that none is read."""

    variable: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """`claim` holds for all values of `indices`, or the run ends with `message`.

    `status` 1: a `check` of the user. 2: a rule of the language that could not be decided from the
    text (cases overlap, an element that nothing determines is read). Claims that involve no data
    are judged as soon as sizes are known."""

    indices: tuple[Index, ...]
    claim: Expr
    message: str
    status: int
    place: Place


@dataclass(frozen=True, slots=True)
class Result:
    """A result: the name shown to the user and the variable it is."""

    name: str
    variable: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable that a block is solved for. Its definition has one case, whose body is not its
    value but must be 0. `start` (None: the user gave none), `lo` and `hi` (None: no bound) are over
    the case's indices."""

    variable: str
    start: Expr | None = None
    lo: Expr | None = None
    hi: Expr | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Relations that are solved together, at every point of one space: the unknowns' indices
    correspond in order. `inside` are variables with ordinary definitions that depend on the
    unknowns and that the unknowns' relations read; they stand after them in the order."""

    unknowns: tuple[Unknown, ...]
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Equation:
    """`residual` is 0 at the solution, for all values of `indices` where `condition` holds, which
    guards it. It reads elements of the unknowns at any places, under reductions too."""

    indices: tuple[Index, ...]
    condition: Expr | None
    residual: Expr
    place: Place


@dataclass(frozen=True, slots=True)
class Start:
    """Where the solve for a whole array starts, and its bounds (None: no bound), for all values of
    `indices`, one for each axis of `variable` in order."""

    variable: str
    indices: tuple[Index, ...]
    start: Expr | None = None  # None: the engine looks for one
    lo: Expr | None = None
    hi: Expr | None = None


@dataclass(frozen=True, slots=True)
class Coupled:
    """Relations over arrays that are solved together for all elements of all `unknowns` (whole
    variables, scalars too). The unknowns have a Definition without cases. Elements with an explicit
    relation have their equation here, like all others. An unknown without a Start starts at 1.
    """

    unknowns: tuple[str, ...]
    equations: tuple[Equation, ...]
    starts: tuple[Start, ...] = ()


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Arrays that are computed step by step, each member's definition at a step reading members at
    earlier steps, or what the same step computes. `walks`: the axes (of every member) along which
    steps go, the slowest first, and whether forward."""

    members: tuple[str, ...]
    walks: tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """A scalar of a family. One that was lifted is the element of `variable` at the zero-based
    `position`; else it is a variable of its own name."""

    name: str
    subscripts: tuple[int, ...]
    variable: str = ""
    position: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalarFamily:
    """Scalars `q1_1 … q3_2` that are one array `q` to the API."""

    name: str
    lo: tuple[int, ...]
    shape: tuple[int, ...]
    members: tuple[FamilyMember, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a relation that is not written for a name determines `variable`: turned round (`text`,
    the relation as `variable = …`, `needs`, without which there is no such value, and in `why`
    which of several values it is) or solved (`why`, and the guess, if any, in `start`)."""

    variable: str
    place: Place
    text: str = ""
    needs: tuple[str, ...] = ()
    why: str = ""
    start: str = ""


@dataclass(frozen=True)
class System:
    """A whole program. `order` lists the determined variables, each after all that it reads (the
    members of a recurrence side by side).
    `size_defaults` holds every size symbol, with its default value or None."""

    file: str
    text: str
    precision: str  # "f32" or "f64"
    size_defaults: dict[str, int | None]
    variables: dict[str, Variable]
    definitions: dict[str, Definition]
    order: tuple[str, ...]
    results: tuple[Result, ...]
    requirements: tuple[Requirement, ...] = ()
    symbols: tuple[str, ...] = ()
    families: tuple[ScalarFamily, ...] = ()
    size_places: dict[str, Place] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    coupled: tuple[Coupled, ...] = ()
    answers: tuple[Answer, ...] = ()
    recurrences: tuple[Recurrence, ...] = ()
