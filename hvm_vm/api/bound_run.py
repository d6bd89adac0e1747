"""A program bound to buffers of its own: run it again and again, with nothing allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from hvm_vm.api.results import UnknownResult, result_value
from hvm_vm.engines.words import listed, nearest
from hvm_vm.errors import InputError


class BoundRun:
    """What `program.bind(…)` returns. It owns its memory: use one in each thread.

    inputs:   name -> array to write into (`run.inputs["X"][...] = X`); scalars have no axes.
    outputs:  name -> array that the last `run()` filled, in place.
    run:      runs the program; the number of instructions executed.
    """

    __slots__ = ("bound", "constant", "engine", "frame", "inputs", "outputs", "run", "threads")

    def __init__(self, plan, engine: str, threads: int | None, arrays: Mapping[str, np.ndarray],
                 constant=()):
        self.bound = plan.bound
        module = plan.bound.program.module
        self.constant = frozenset(constant)
        self.engine, runnable = plan.runnable(engine, threads, patient=True)
        self.threads = threads
        registers = {}
        own = {}
        for item in module.inputs:
            array = arrays[item.name]
            if item.name in self.constant:
                array = array.view()
            else:
                array = array.copy()
                own[item.name] = array
            registers[item.register] = array
            if item.name in self.constant:
                array.flags.writeable = False
        self.frame = plan.new_frame(registers)
        elements = {m.name: m for f in module.families for m in f.members if m.position}
        given = {item.register: item.name for item in module.inputs}
        self.inputs = Inputs(own, "input", {
            n: (given[m.register], m.position) for n, m in elements.items()
            if given.get(m.register) in own})
        shown = {o.name: o for o in module.outputs if not o.hidden}
        held = {o.register: n for n, o in shown.items()}
        self.outputs = Outputs(
            {n: self.frame.arrays[o.register] for n, o in shown.items()},
            {n for n, o in shown.items() if o.symbolic}, module,
            {n: (held[m.register], m.position) for n, m in elements.items()
             if m.register in held})
        # An engine that can start a frame with less work than a method call says so.
        starter = getattr(runnable, "starter", None)
        self.run = starter(self.frame) if starter is not None else partial(runnable.run, self.frame)

    def __repr__(self) -> str:
        return f"<BoundRun of {self.bound.program.module.file or 'program'}, {self.engine}>"


class Buffers(Mapping):
    """Arrays by name; an unknown name is answered with the nearest. `parts`: scalars that are
    elements of one of the arrays, by name: (array, position)."""

    __slots__ = ("_arrays", "_kind", "_parts")

    def __init__(self, arrays: Mapping[str, np.ndarray], kind: str, parts=()):
        self._arrays = dict(arrays)
        self._kind = kind
        self._parts = dict(parts)

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self._arrays[name]
        except KeyError:
            if name in self._parts:
                array, position = self._parts[name]
                return self._arrays[array][(*position, ...)]  # a view without axes
            hint = nearest(name, self._arrays)
            more = f" (did you mean {hint}?)" if hint else ""
            raise UnknownResult(f"there is no {self._kind} {name}{more}: there are "
                                f"{listed(list(self._arrays), most=30)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class Inputs(Buffers):
    """Arrays to write into; `inputs["X"] = value` writes, too."""

    __slots__ = ()

    def __setitem__(self, name: str, value) -> None:
        buffer = self[name]
        try:
            buffer[...] = value
        except (ValueError, TypeError):
            raise InputError(f"{name} has the shape {buffer.shape} here and holds {buffer.dtype}: "
                             f"this value does not fit (bind again for another shape)") from None


class Outputs(Buffers):
    """Results in place; symbols are read as texts."""

    __slots__ = ("_module", "_symbolic")

    def __init__(self, arrays, symbolic, module, parts=()):
        super().__init__(arrays, "output", parts)
        self._symbolic = symbolic
        self._module = module

    def __getitem__(self, name: str):
        array = super().__getitem__(name)
        return result_value(array, True, self._module) if name in self._symbolic else array
