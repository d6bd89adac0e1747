"""The program: verified bytecode that can be called with arrays.

A :class:`Program` is immutable and may be shared by threads. It keeps, behind a lock, one
:class:`~hvm_vm.api.plan.Plan` for each set of shapes it was called with.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from hvm_vm.api.bound_run import BoundRun
from hvm_vm.api.execution import Execution, Prepared
from hvm_vm.api.plan import Plan, available_threads
from hvm_vm.api.results import Results, beside_outputs, result_value, spread_outputs
from hvm_vm.api.values import Arguments, Names
from hvm_vm.bytecode.module import DTYPES, Module
from hvm_vm.engines.binding import bind
from hvm_vm.errors import HvmError, InputError, RunError

KEPT_PLANS = 32  # sets of shapes that stay bound
OPTIONS = ("engine", "threads", "data")  # of a call, beside the names of values


class Program:
    """A verified program. Call it with its inputs by name:

        out = program(X=X, W=W)         # out["O"]: a NumPy array, or a number for a scalar

    Options may stand among the names: `engine` ("auto", "reference", "jit"), `threads`, and `data`
    (a data file, or several, for the inputs that name tensors). Sizes are given by name, too. A
    mapping as the only positional argument is for names that Python cannot spell.

    Raises `InputError` for values that do not fit, `RunError` for runs that fail.
    """

    def __init__(self, verified, *, spellings: Iterable[str] = (),
                 recompile: Callable[[frozenset[str]], Program] | None = None,
                 everything: Callable[[frozenset[str], bool], Program | None] | None = None,
                 warnings: tuple[str, ...] = ()):
        self.verified = verified
        self.module: Module = verified.module
        self.warnings = warnings
        self._names = Names(self.module)
        self._spread = spread_outputs(self.module)
        self._beside = beside_outputs(self.module)
        self._spellings = frozenset(spellings)
        self._recompile = recompile
        self._everything = everything
        self._variants: dict[frozenset[str], Program] = {}
        self._wider: dict[tuple, Program | None] = {}
        self._batched: dict[frozenset[str], tuple] = {}  # see `api/many.py`
        self._plans: OrderedDict[tuple, Plan] = OrderedDict()
        self._lock = threading.RLock()
        self._quick_plans: dict[tuple, Plan] = {}
        self._signature = tuple(
            (item.name, item.register, DTYPES[self.module.registers[item.register].dtype],
             len(self.module.registers[item.register].shape), self._names.defaults.get(item.name))
            for item in self.module.inputs)
        self._shadows_options = any(o in self._names or o in self._spellings for o in OPTIONS)

    # -- what it is -----------------------------------------------------------------------------

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""
        return self._names.spoken()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the results, in order."""
        return tuple(name for o in self.module.outputs if not o.hidden
                     for name in ([m.name for m in self._spread[o.name]]
                                  if o.name in self._spread else [o.name]))

    @property
    def sizes(self) -> tuple[str, ...]:
        """The names of the sizes."""
        return tuple(s.name for s in self.module.symbols_of_size)

    def determined(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that the relations determine: no value can be given for them unless the
        source is compiled with them known."""
        found = {*self._spellings, *(o.name for o in self.module.outputs)}
        return [name for name in names if name in found and name not in self._names]

    def __repr__(self) -> str:
        names = ", ".join(self._names.signatures(self.module.inputs))
        return f"<Program {self.module.file}: {names} -> {', '.join(self.outputs)}>"

    def disassemble(self) -> str:
        """The program as assembly text, which `hvm asm` turns into the same bytes again."""
        from hvm_vm.bytecode import disassemble

        return disassemble(self.module)

    def encode(self) -> bytes:
        """The program as the bytes of a bytecode file."""
        from hvm_vm.bytecode import encode

        return encode(self.module)

    def save(self, path: str | os.PathLike) -> None:
        """Write a bytecode file, whole or not at all. Raises `InputError` when it cannot."""
        data = self.encode()
        path = os.fspath(path)
        partial = f"{path}.{os.getpid()}.part"
        try:
            with open(partial, "wb") as file:
                file.write(data)
            os.replace(partial, path)
        except OSError as error:
            if os.path.exists(partial):
                os.unlink(partial)
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None

    # -- running --------------------------------------------------------------------------------

    def __call__(self, values: Mapping[str, object] | None = None, /, **named) -> Results:
        found = self._quick(named) if values is None else None
        if found is not None:
            program, (plan, arrays, engine, threads) = self, found
        else:
            values, options = self._split(values, named)
            program, arguments = self._arguments(values, options["data"])
            plan, arrays = program._planned(arguments)
            engine, threads = options["engine"] or "auto", options["threads"]
        engine, runnable = plan.runnable(engine, threads)
        frame = plan.take(engine, runnable, arrays)
        start = time.perf_counter()
        runnable.run(frame)
        if engine == "reference":
            plan.ran(time.perf_counter() - start)
        results = program._results(frame, hidden=False)
        plan.give_back(engine, frame, arrays)
        return results

    def _quick(self, named: dict):
        """(plan, arrays by register, engine, threads) for a call whose values need no conversion
        and whose shapes are bound already, or None: the short way of calls in a loop."""
        arrays, shapes, left = {}, [], len(named)
        for name, register, dtype, rank, default in self._signature:
            array = named.get(name)
            if array is None:
                array = default
            else:
                left -= 1
            if array.__class__ is not np.ndarray:
                if rank or array.__class__ is not float or dtype.kind != "f":
                    return None
                array = np.array(array, dtype)
            elif array.dtype != dtype or array.ndim != rank or not array.flags.carray:
                return None
            arrays[register] = array
            shapes.append(array.shape)
        engine, threads = "auto", None
        if left and not self._shadows_options:
            if "engine" in named:
                engine, left = named["engine"] or "auto", left - 1
            if "threads" in named:
                threads, left = named["threads"], left - 1
        plan = self._quick_plans.get(tuple(shapes))
        return None if left or plan is None else (plan, arrays, engine, threads)

    def run(self, values: Mapping[str, object] | None = None, *, engine: str = "auto",
            threads: int | None = None, data=(), keep_all: bool = False,
            timed: bool = False) -> Execution:
        """As calling, with what a report needs: counts, the time, what solves tell (`timed`: with
        the time that each took), and with `keep_all` every variable (of bytecode, those that it
        stores). The time is that of the run alone: binding and compiling come before it."""
        if keep_all:
            program = self.everything(values, data=data)
            if program is not self:
                try:
                    done = program.run(values, engine=engine, threads=threads, data=data,
                                       timed=timed)
                except HvmError:  # what no result needs may fail; what they need fails below
                    pass
                else:
                    own = list(done.outputs)[: len(self.outputs)]
                    hidden = {n: v for n, v in done.outputs.items() if n not in own}
                    for name in hidden:
                        del done.outputs[name]
                    return replace(done, hidden=hidden)
        prepared = self.prepare(values, engine=engine, threads=threads, data=data,
                                keep_all=keep_all)
        frame = prepared.frame()
        start = time.perf_counter()
        if timed:
            times = np.zeros(len(prepared.bound.code), np.int64)
            executed = prepared.runnable.run_traced(frame, times)
        else:
            times, executed = None, prepared.runnable.run(frame)
        elapsed = time.perf_counter() - start
        program, solved, told = prepared.program, {}, ()
        if hasattr(prepared.runnable, "solved"):
            solved = dict(prepared.runnable.solved(frame))
        if solved:
            from hvm_vm.api.solve_report import reports

            told = reports(program.module, solved, times)
        return Execution(
            program._results(frame, hidden=False),
            program._results(frame, hidden=True) if keep_all else {},
            int(executed), elapsed, prepared.engine, dict(prepared.bound.sizes), solved, told)

    def solve_many(self, values: Mapping[str, object] | None = None, /, **named):
        """Run for many sets of values at once: a mapping of arrays with the axis of sets first, and
        `.status` and `.message(k)` for each set: see `ManyResults`.

            out = program.solve_many(P=[48.0, 60.0, -1.0], R=3.0)   # three sets; R is shared
            out["I"], out.status                                    # 4, 4.47…, nan; 0, 0, 1

        What differs from set to set has an axis more than its input, first, of one length for all;
        a set that fails harms no other. Options as in a call."""
        from hvm_vm.api.many import solve_many

        values, options = self._split(values, named)
        return solve_many(self, values, engine=options["engine"] or "auto",
                          threads=options["threads"], data=options["data"])

    def everything(self, values: Mapping[str, object] | None = None, *, data=(),
                   needed: bool = False) -> Program:
        """The program whose results are these ones and every other variable that these values
        determine, so that each is stored; itself if it was not compiled from source here.
        `needed`: only the variables that the results depend on."""
        program, arguments = self._arguments(dict(values or {}), data)
        if program._everything is None:
            return program
        key = (program._names.spelled(arguments.arrays), needed)
        with program._lock:
            if key not in program._wider:
                program._wider[key] = program._everything(*key)
            return program._wider[key] or program

    def prepare(self, values: Mapping[str, object] | None = None, *, engine: str = "auto",
                threads: int | None = None, data=(), keep_all: bool = False) -> Prepared:
        """Everything that comes before a run, timed: checks of the values, binding, compiling."""
        clock = time.perf_counter_ns
        start = clock()
        program, arguments = self._arguments(dict(values or {}), data)
        read = clock()
        plan, arrays = program._planned(arguments, keep_all)
        bound = clock()
        name, runnable = plan.runnable(engine, threads)
        stages = (("read data", read - start), ("bind", bound - read),
                  ("prepare engine", clock() - bound))
        return Prepared(program, plan, arrays, name, threads or available_threads(), runnable,
                        stages)

    def bind(self, values: Mapping[str, object] | None = None, /, *, constant: Iterable[str] = (),
             **named) -> BoundRun:
        """Buffers and kernels fixed for the shapes of these inputs: a `BoundRun`.

        `constant` names inputs that never change: they are used without copying. A scalar of a
        family that is one array stands for itself: the array is constant when all of them are."""
        values, options = self._split(values, named)
        program, arguments = self._arguments(values, options["data"])
        plan, arrays = program._planned(arguments)
        by_name = {item.name: arrays[item.register] for item in program.module.inputs}
        constant = (constant,) if isinstance(constant, str) else tuple(constant)
        for name in constant:
            if name not in program._names:
                program._names.complain([name], program._spellings, set(program.outputs))
        constant = program._names.constant(constant)
        return BoundRun(plan, options["engine"] or "auto", options["threads"], by_name, constant)

    def trace(self, values: Mapping[str, object] | None = None, /, *, repeat: int = 5,
              warmup: int = 1, progress: bool = False, **named):
        """Run with a clock around every instruction: a `Trace`, with the results in `.outputs`.

        `progress` shows on standard error how far a long one is. The error of a run that fails has
        what ran before it as a `Trace` in its attribute `trace`."""
        from contextlib import nullcontext

        from hvm_vm.tracing.live import Progress, names_of
        from hvm_vm.tracing.machine import machine
        from hvm_vm.tracing.record import record

        values, options = self._split(values, named)
        prepared = self.prepare(values, engine=options["engine"] or "auto",
                                threads=options["threads"], data=options["data"])
        frame = prepared.frame()
        with Progress(lambda: names_of(prepared.bound)) if progress else nullcontext() as watcher:
            trace = record(prepared.bound, prepared.runnable, frame, engine=prepared.engine,
                           threads=prepared.threads, repeat=repeat, warmup=warmup,
                           stages=prepared.stages, machine=machine(prepared.threads),
                           watcher=watcher)
        return replace(trace, outputs=prepared.outputs(frame))

    def step(self, values: Mapping[str, object] | None = None, /, *, all: bool = False, **named):
        """A `tracing.stepping.Session`: this program with these inputs, run one instruction at a
        time, forwards and back. Nothing has run yet. Options as in a call; `auto` is the reference
        engine. `all` stores every variable, so that nothing is fused away.

            session = program.step(X=X, W=W)
            session.step(); session.value("S[1, ..]"); session.back()"""
        from hvm_vm.tracing.stepping.session import Session

        values, options = self._split(values, named)
        engine = options["engine"] or "auto"
        how = {"engine": "reference" if engine == "auto" else engine,
               "threads": options["threads"], "data": options["data"]}
        if how["data"]:
            from hvm_vm.api.data import read_data

            how["data"] = read_data(how["data"])  # once, for all that follows

        def session(program: Program, wider) -> Session:
            try:  # with a place of its own for every variable, if there is the memory
                prepared = program.prepare(values, keep_all=True, **how)
                frame = prepared.frame()
            except (InputError, RunError):
                prepared = program.prepare(values, **how)
                frame = prepared.frame()
            return Session(prepared.bound, prepared.runnable, frame, engine=prepared.engine,
                           wide=wider)

        def wider() -> Session | None:
            wide = self.everything(values, data=how["data"])
            try:
                return None if wide is self else session(wide, None)
            except HvmError:  # what no result needs may not even be bound
                return None

        if all:
            return session(self.everything(values, data=how["data"]), None)
        return session(self, wider)

    # -- inside ---------------------------------------------------------------------------------

    def _split(self, values, named: dict) -> tuple[dict, dict]:
        """Values and options. A program's own name is never an option."""
        if values is not None and not isinstance(values, Mapping):
            raise InputError("inputs are given by name: program(X=…), or as one mapping")
        options = {**dict.fromkeys(OPTIONS), "data": ()}
        merged = dict(values or {})
        for name, value in named.items():
            if name in options and name not in self._names and name not in self._spellings:
                options[name] = value
            else:
                merged[name] = value
        return merged, options

    def _arguments(self, values: Mapping[str, object], data) -> tuple[Program, Arguments]:
        """The values as arrays, with the program that takes them: this one, or its source compiled
        with the names known that the file would determine itself."""
        given = values
        if data is None or (isinstance(data, (tuple, list)) and not data):
            data = None
        else:
            from hvm_vm.api.data import Data, plain_values, read_data

            data = data if isinstance(data, Data) else read_data(data)
            given = {**plain_values(self._names, data, values), **values}
            if self._recompile is not None:  # values from outside come first, from files too
                given.update((n, data[n]) for n in self.determined(data) if n not in values)
        arguments = self._names.read(given)
        if arguments.unknown:
            names = set(arguments.unknown)
            if self._recompile is None or not names <= self._spellings:
                self._names.complain(
                    [n for n in arguments.unknown if self._recompile is None
                     or n not in self._spellings],
                    self._spellings, {o.name for o in self.module.outputs})
            # The others that are given decide what is left to be determined, too.
            names |= {n for n in given if n in self._spellings}
            return self._with_known(frozenset(names))._arguments(values, data)
        if data is not None:
            from hvm_vm.api.data import fill_patterns

            fill_patterns(self.module, arguments, data)
        self._names.missing(arguments)
        return self, arguments

    def _with_known(self, names: frozenset[str]) -> Program:
        with self._lock:
            found = self._variants.get(names)
            if found is None:
                found = self._variants[names] = self._recompile(names)
                found._recompile = None  # it would forget what is known already
        return found

    def _planned(self, arguments: Arguments, keep_all: bool = False):
        """The plan for these shapes, and the arrays by register."""
        arrays, shapes, key = {}, {}, []
        for item in self.module.inputs:
            array = arguments.arrays.get(item.name, self._names.defaults.get(item.name))
            rank = len(self.module.registers[item.register].shape)
            if array is None or array.ndim < rank:  # nothing reads it, or one number for all of it
                key.append(None)
                continue
            strides = None
            if not array.flags.c_contiguous:
                strides = tuple(s // array.itemsize for s in array.strides)
            arrays[item.register] = array
            shapes[item.name] = (array.shape, strides)
            key.append((array.shape, strides))
        key = (tuple(key), tuple(sorted(arguments.sizes.items())), keep_all)
        with self._lock:
            plan = self._plans.get(key)
            if plan is not None:
                self._plans.move_to_end(key)
        if plan is None:
            plan = Plan(bind(self.verified, shapes, arguments.sizes, keep_all=keep_all))
            with self._lock:
                plan = self._plans.setdefault(key, plan)
                while len(self._plans) > KEPT_PLANS:
                    self._plans.popitem(last=False)
        if not arguments.sizes and not keep_all and all(k and k[1] is None for k in key[0]):
            if len(self._quick_plans) >= KEPT_PLANS:
                self._quick_plans.clear()
            self._quick_plans[tuple(shape for shape, _ in key[0])] = plan
        if len(arrays) < len(self.module.inputs):
            for item in self.module.inputs:
                if item.register not in arrays:
                    register = plan.bound.registers[item.register]
                    number = self._names.defaults.get(item.name)
                    if number is None:
                        number = np.broadcast_to(np.zeros((), register.dtype), register.shape)
                    else:
                        number = np.full(register.shape, number, register.dtype)
                    arrays[item.register] = number
        return plan, arrays

    def _results(self, frame, *, hidden: bool) -> Results:
        module = self.module
        return Results(module, {
            o.name: result_value(frame.arrays[o.register], o.symbolic, module)
            for o in module.outputs if o.hidden == hidden}, self._spread, {
                m.name: frame.arrays[m.register].item() for m in self._beside})
