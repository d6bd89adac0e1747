"""Many sets of values at once: `program.solve_many(R=array, I=array)`.

The values that have one axis more than their input hold one set an element of it; the others are
shared. The program is batched (`bytecode/batching.py`) and runs over chunks of sets, which keeps
memory bounded, on as many threads as it is given. No set harms another: where checks and solves
fail is in the statuses, and a chunk that ends with an error (a subscript out of range, say) is run
again in halves, down to the sets that it comes from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import prod

import numpy as np

from hvm_vm.api.plan import available_threads
from hvm_vm.api.results import UnknownResult
from hvm_vm.api.symbols import texts_of
from hvm_vm.api.values import Arguments, as_input
from hvm_vm.bytecode.batching import Batched, batched
from hvm_vm.bytecode.module import DTYPES
from hvm_vm.engines.words import listed, suggestion
from hvm_vm.errors import HvmError, InputError

CHUNK_BYTES = 1 << 22   # of the registers of the sets that run together,
LARGEST_CHUNK = 1 << 15  # and the most of them
MANY = 1 << 15          # sets from which on `auto` may take the time to compile
DONE, FAILED, INVALID = 0, 1, 2


class ManyResults(Mapping):
    """The results of many sets: name -> array with the axis of sets first (read-only where no set
    changes it). Sets that failed have NaN there (whole numbers 0, texts "").

    status:   int8, one a set: 0 done, 1 failed (no solution, a failed check), 2 not valid input.
    engine, instructions_executed, execution_time_s:   of all sets together.
    """

    def __init__(self, sets: _Sets, arrays: dict[str, np.ndarray], parts: dict[str, np.ndarray],
                 status: np.ndarray, executed: int, engine: str, seconds: float):
        self.status = status
        self.execution_time_s = seconds
        self.instructions_executed = executed
        self.engine = engine
        self._sets = sets
        self._arrays = arrays
        self._whole = parts

    def __getitem__(self, name: str) -> np.ndarray:
        found = self._arrays.get(name)
        if found is None:
            found = self._whole.get(name)
        if found is None:
            found = self._family(name)
        if found is None:
            raise UnknownResult(f"there is no result {name}{suggestion(name, self)}: the results "
                                f"are {listed(list(self), most=30)}")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return (f"<{self.status.size} sets of {listed(list(self._arrays), most=8)}, "
                f"{self.failed.size} failed>")

    def _family(self, name: str) -> np.ndarray | None:
        for family in self._sets.program.module.families:
            if family.name == name and all(m.name in self._arrays for m in family.members):
                array = np.full((self.status.size, *family.shape), np.nan)
                for m in family.members:
                    place = tuple(s - k for s, k in zip(m.subscripts, family.lo, strict=True))
                    array[(slice(None), *place)] = self._arrays[m.name]
                return array
        return None

    @property
    def failed(self) -> np.ndarray:
        """The numbers of the sets that failed, from 0."""
        return np.flatnonzero(self.status)

    def message(self, k: int) -> str:
        """Why set `k` failed, found by running it by itself; "" for one that did not."""
        if not self.status[k]:
            return ""
        return self._sets.message(int(k) % self.status.size)


@dataclass
class _Sets:
    """What was given: a program, the values by name, and which of them have the axis of sets."""

    program: object
    values: dict[str, object]
    wide: dict[str, np.ndarray]
    count: int
    data: object
    arguments: Arguments            # of the first set
    inputs: dict[str, np.ndarray] = field(default_factory=dict)  # with the axis of sets, converted

    def one(self, k: int) -> dict[str, object]:
        """The values of one set."""
        return {n: self.wide[n][k] if n in self.wide else v for n, v in self.values.items()}

    def message(self, k: int) -> str:
        try:
            self.program.run(self.one(k), engine="reference", data=self.data)
        except HvmError as error:
            return str(error)
        return "this set has no result beside the others, but has by itself: please report this"


def rank_of(program, name: str) -> int | None:
    """How many axes a value for `name` has in one set; None when no value can be given for it."""
    names = program._names
    if name in names.members:
        return 0
    if name in names.inputs:
        return len(program.module.registers[names.inputs[name].register].shape)
    if name in names.families:
        return len(names.families[name].shape)
    return 0 if name in names.sizes else None


def has_sets(program, values: Mapping[str, object], data: Mapping[str, object]) -> bool:
    """Whether some value of `data` has an axis more than the program wants of it."""
    program, given = _known(program, values, data)
    return any(name not in values and name not in program._names.sizes
               and _array(value).ndim == rank_of(program, name) + 1
               for name, value in given.items())


def _array(value):
    """A value as an array, whatever it is: what cannot be one has no axes."""
    try:
        return np.asarray(value)
    except ValueError:
        return np.zeros(())


def _known(program, values, data) -> tuple[object, dict[str, object]]:
    """The program that takes these names, its source compiled with them known if need be, and the
    values with those of data files."""
    from hvm_vm.api.data import plain_values

    given = {**plain_values(program._names, data, values), **values}
    if program._recompile is not None:
        given.update((n, data[n]) for n in program.determined(data) if n not in values)
    unknown = {n for n in given if n not in program._names}
    if unknown:
        if program._recompile is None or not unknown <= program._spellings:
            program._names.complain(
                [n for n in given if n in unknown and (
                    program._recompile is None or n not in program._spellings)],
                program._spellings, {o.name for o in program.module.outputs})
        unknown |= {n for n in given if n in program._spellings}
        return _known(program._with_known(frozenset(unknown)), values, data)
    return program, given


def read_sets(program, values: Mapping[str, object], data=()) -> _Sets:
    """Tell apart what each set has of its own from what all share. Raises `InputError`: no value
    has an axis of sets, or two of them are of different lengths."""
    from hvm_vm.api.data import Data, read_data

    data = data if isinstance(data, Data) else read_data(data or ())
    program, given = _known(program, values, data)
    wide: dict[str, np.ndarray] = {}
    for name, value in given.items():
        array = _array(value)
        rank = rank_of(program, name)
        if array.ndim == rank + 1:
            if name in program._names.sizes and name not in program._names.inputs:
                raise InputError(f"{name} is a size, which all sets share: a single whole number "
                                 "is expected")
            wide[name] = array
    if not wide:
        raise InputError(
            "no value has an axis of sets: give one axis more to what differs from set to set "
            f"(the inputs are {listed(list(program.inputs), most=30)})")
    first, count = next((n, a.shape[0]) for n, a in wide.items())
    for name, array in wide.items():
        if array.shape[0] != count:
            raise InputError(f"{first} has {count} sets, but {name} has {array.shape[0]}: what "
                             "differs from set to set has one element a set")
    if not count:
        raise InputError(f"{first} has an axis of sets without elements: there is nothing to run")
    sets = _Sets(program, given, wide, count, data, Arguments())
    _, sets.arguments = program._arguments(sets.one(0), data)
    sets.inputs = _inputs(sets)
    return sets


def _inputs(sets: _Sets) -> dict[str, np.ndarray]:
    """The inputs with the axis of sets, by name: given whole, or put together from scalars."""
    names, found = sets.program._names, {}
    module = sets.program.module
    pieces = []
    for name, array in sets.wide.items():
        if name in names.inputs and not (name in names.members and names.members[name].position):
            item = names.inputs[name]
            found[name] = as_input(array, module, item, rank=rank_of(sets.program, name) + 1)
        else:
            pieces.append(name)
    # One scalar wins over its family: families come first.
    for name in sorted(pieces, key=lambda n: n in names.members):
        members = [names.members[name]] if name in names.members else names.families[name].members
        lo = names.families[name].lo if name not in names.members else ()
        for member in members:
            if name not in names.members and member.name in sets.values:
                continue
            item = names.by_register[member.register]
            if item.name not in found:
                base = sets.arguments.arrays[item.name]
                found[item.name] = np.broadcast_to(base, (sets.count, *base.shape)).copy()
            place = tuple(s - k for s, k in zip(member.subscripts, lo, strict=bool(lo)))
            part = sets.wide[name][(slice(None), *(place if lo else ()))]
            found[item.name][(slice(None), *member.position)] = as_input(part, module, item, 1)
    return found


def solve_many(program, values: Mapping[str, object], *, engine: str = "auto",
               threads: int | None = None, data=()) -> ManyResults:
    """Run `program` for every set of `values`. Raises `InputError` when they do not fit it."""
    return _Run(read_sets(program, values, data), engine, threads).results()


class _Run:
    def __init__(self, sets: _Sets, engine: str, threads: int | None):
        self.sets = sets
        self.program = sets.program
        self.engine = engine
        self.threads = available_threads() if threads is None else threads
        names = frozenset(sets.inputs)
        self.batched, self.many = _batched_program(self.program, names)
        plan, _ = self.program._planned(sets.arguments)  # conflicts of sizes are said of one set
        registers = plan.bound.registers
        wide = [r for r in self.batched.wide if r < len(registers)]
        own = sum(prod(registers[r].shape) * registers[r].dtype.itemsize for r in wide)
        chunk = max(1, min(CHUNK_BYTES // max(1, own), LARGEST_CHUNK))
        self.chunk = chunk - chunk % 1024 if chunk > 1024 else chunk
        self.status = np.zeros(sets.count, np.int8)
        self.arrays: dict[str, np.ndarray] = {}
        self.shared: dict[str, np.ndarray] = {}
        for output in self.program.module.outputs:
            if not output.hidden and output.register in self.batched.wide:
                register = registers[output.register]
                self.arrays[output.name] = np.zeros((sets.count, *register.shape), register.dtype)
        self.executed = 0
        self.used = ""

    def results(self) -> ManyResults:
        start = time.perf_counter()
        ends = range(0, self.sets.count, self.chunk)
        chunks = [(lo, min(self.sets.count, lo + self.chunk)) for lo in ends]
        self._chunk(*chunks[0])  # prepares the engine once
        rest = chunks[1:]
        workers = min(self.threads, len(rest))
        if workers > 1 and self.used == "jit":  # whose runs hold no lock
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(lambda ends: self._chunk(*ends), rest))
        else:
            for lo, hi in rest:
                self._chunk(lo, hi)
        self.seconds = time.perf_counter() - start
        return self._collected()

    def _chunk(self, lo: int, hi: int) -> None:
        """Run sets lo … hi-1; in halves if that ends with an error."""
        try:
            self._together(lo, hi)
        except HvmError as error:
            if hi - lo == 1:
                self.status[lo] = error.exit_status
                return
            middle = (lo + hi) // 2
            self._chunk(lo, middle)
            self._chunk(middle, hi)

    def _together(self, lo: int, hi: int) -> None:
        shared = self.sets.arguments
        arguments = Arguments({n: a for n, a in shared.arrays.items()}, dict(shared.sizes))
        arguments.arrays.update((n, a[lo:hi]) for n, a in self.sets.inputs.items())
        plan, arrays = self.many._planned(arguments)
        patient = self.engine == "auto" and self.sets.count >= MANY
        engine, runnable = plan.runnable(self.engine, 1 if self.sets.count > self.chunk
                                         else self.threads, patient=patient)
        frame = plan.take(engine, runnable, arrays)
        self.executed += runnable.run(frame)
        self.used = engine
        for output in self.many.module.outputs:
            value = frame.arrays[output.register]
            if output.register == self.batched.status:
                self.status[lo:hi] = value
            elif output.name in self.arrays:
                self.arrays[output.name][lo:hi] = value
            elif output.name not in self.shared:
                self.shared[output.name] = value.copy()
        plan.give_back(engine, frame, arrays)

    def _collected(self) -> ManyResults:
        module, failed = self.program.module, np.flatnonzero(self.status)
        found, whole = {}, {}
        for output in module.outputs:
            if output.hidden:
                continue
            array = self.arrays.get(output.name)
            if array is None:
                array = self._shared(output)
            elif failed.size:
                array[failed] = np.nan if array.dtype.kind == "f" else 0
            if output.symbolic:
                array = texts_of(array, module)
                array[failed] = ""
            members = self.program._spread.get(output.name)
            if members is None:
                found[output.name] = array
                continue
            whole[output.name] = array
            for member in members:
                found[member.name] = array[(slice(None), *member.position)]
        return ManyResults(self.sets, found, whole, self.status, self.executed, self.used,
                           self.seconds)

    def _shared(self, output) -> np.ndarray:
        """What no set changes, once for all of them."""
        register = self.program.module.registers[output.register]
        value = self.shared.get(output.name)
        if value is None:  # no set came to its end
            value = np.zeros((), DTYPES[register.dtype])
            value[()] = np.nan if value.dtype.kind == "f" else 0
        return np.broadcast_to(value, (self.sets.count, *value.shape))


def _batched_program(program, names: frozenset[str]) -> tuple[Batched, object]:
    """The batched form of a program, made once for each choice of inputs that have sets."""
    from hvm_vm.api.program import Program
    from hvm_vm.bytecode import verify

    with program._lock:
        found = program._batched.get(names)
        if found is None:
            made = batched(program.module, names)
            found = program._batched[names] = made, Program(verify(made.module))
    return found
