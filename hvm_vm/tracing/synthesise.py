"""Inputs made up at random, from a fixed seed, for what a benchmark was not given.

Numbers are such that usual programs stay in range: vectors and scalars lie in 0.5..1.5 (prices,
rates, scales), arrays of more axes are normal with variance 1/(last extent), so that products with
them keep the magnitude of what they multiply (as initial weights do). Integers are subscripts more
often than not, and what range they need is known only to the program: they are drawn from several
ranges, until the program accepts one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hvm_vm.api.data import fill_patterns, plain_values, read_data
from hvm_vm.api.program import Program
from hvm_vm.api.values import Names
from hvm_vm.bytecode.module import DTYPES, Module
from hvm_vm.engines.sizes_from_shapes import unknown_sizes
from hvm_vm.errors import InputError, RunError

SIZE = 64  # of an axis whose length nothing decides
SEED = 20240607


@dataclass(frozen=True)
class Inputs:
    """Values for every input; `made_up` says which were not given, and how."""

    values: dict[str, object]
    made_up: tuple[str, ...]


def complete(program, values: Mapping[str, object], data=()) -> Inputs:
    """`values` with whatever `program` needs besides. Raises `InputError` if nothing fits."""
    module: Module = program.module
    names = Names(module)
    held = read_data(*data) if data else {}
    arguments = names.read({**plain_values(names, held, values), **values})
    if arguments.unknown:
        names.complain(arguments.unknown, set(), set(program.outputs))
    if data:
        fill_patterns(module, arguments, held)
    shapes = {n: a.shape for n, a in {**names.defaults, **arguments.arrays}.items()}
    sizes, notes = dict(arguments.sizes), []
    while unknown := unknown_sizes(module, shapes, sizes):
        # One at a time: the next may follow from it.
        sizes[unknown[0]] = SIZE
        notes.append(f"{unknown[0]} = {SIZE}")
    missing = [item for item in module.inputs if item.name not in shapes]
    every = dict(_all_sizes(module, shapes, sizes))
    failure: Exception | None = None
    for low, high, wording in _integer_ranges(every):
        made = {**values, **{n: v for n, v in sizes.items() if n not in values}}
        rng = np.random.default_rng(SEED)
        words = list(notes)
        for item in missing:
            shape = tuple(s.evaluate(every) for s in module.registers[item.register].shape)
            if min(shape, default=0) < 0:
                raise InputError(f"{item.name} cannot have the shape {list(shape)}: set sizes")
            dtype = DTYPES[module.registers[item.register].dtype]
            if item.symbolic:
                made[item.name] = np.array(module.symbols)[
                    rng.integers(0, len(module.symbols), shape)]
            elif dtype.kind == "i":
                made[item.name] = rng.integers(low, high, shape, dtype, endpoint=True)
            else:
                made[item.name] = _numbers(rng, shape, dtype)
            integer = dtype.kind == "i" and not item.symbolic
            words.append(_note(item.name, shape, wording if integer else ""))
        if not any(DTYPES[module.registers[i.register].dtype].kind == "i" and not i.symbolic
                   for i in missing):
            return Inputs(made, tuple(words))
        try:
            # In a program of its own: what is measured later has nothing prepared yet.
            Program(program.verified).run(made, engine="reference", data=data)
        except (InputError, RunError) as error:
            failure = failure or error
            continue
        return Inputs(made, tuple(words))
    raise InputError(
        f"{failure}\nmade up were {', '.join(words)}: give sizes with --set, data with --data"
    )


def _all_sizes(module: Module, shapes, sizes) -> dict[str, int]:
    from hvm_vm.engines.sizes_from_shapes import solve_sizes

    return solve_sizes(module, shapes, sizes)


def _integer_ranges(sizes: Mapping[str, int]) -> Iterator[tuple[int, int, str]]:
    least = max(1, min(sizes.values(), default=1))
    yield 0, least - 1, f"0..{least - 1}"
    yield 1, least, f"1..{least}"
    yield 1, 1, "all 1"
    yield 0, 0, "all 0"


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    if len(shape) < 2:
        return rng.uniform(0.5, 1.5, shape).astype(dtype)
    return (rng.standard_normal(shape) / max(1, shape[-1]) ** 0.5).astype(dtype)


def _note(name: str, shape: tuple[int, ...], wording: str) -> str:
    axes = f"[{','.join(map(str, shape))}]" if shape else ""
    return f"{name}{axes}" + (f" ({wording})" if wording else "")
