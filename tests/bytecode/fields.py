"""Edits of single fields: any number, size, name or list inside a module replaced by an odd one.

Where `mutations` of the engines' tests change what programs are made of (places, nodes, roles),
this reaches every field that a file holds, and the pools that fields point into: iteration caps,
tolerances, starts, bounds and guesses are constants there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import numpy as np

from hvm_vm.bytecode.module import Module
from hvm_vm.bytecode.sizes import Size

NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e-300, 1e300, -1e300, float("nan"), float("inf"),
           float("-inf"))
INTEGERS = (-2, -1, 0, 1, 2, 3, 7, 255, 1 << 20, 1 << 31, (1 << 32) - 1, 1 << 40, 1 << 62,
            (1 << 63) - 1, -(1 << 63))
TEXTS = ("", "x", "o", "n", "r", "u", "c", "row", "term", "start", "lower", "upper", "f32", "f64",
         "i64", "map", "solve", "system", "sum", "check", "unknown", "load", "gather", "acc", "\n")


def leaves(value, path=()) -> Iterator[tuple]:
    """The paths of everything inside a module that can be replaced: names of fields, places."""
    if is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, tuple):
        if len({type(one) for one in value} - {type(None)}) == 1:  # no pair of different things
            yield path
        for k, one in enumerate(value):
            yield from leaves(one, (*path, k))
    else:
        yield path


def at(value, path):
    for step in path:
        value = getattr(value, step) if isinstance(step, str) else value[step]
    return value


def put(value, path, new):
    """`value` with `new` at the end of `path`."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        return replace(value, **{step: put(getattr(value, step), rest, new)})
    return (*value[:step], put(value[step], rest, new), *value[step + 1:])


def odd(rng: random.Random, old, module: Module):
    """Something of the kind of `old`, but most often not what is wanted there."""
    symbols = [Size.of(s.name) for s in module.symbols_of_size]
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return rng.choice((old - 1, old + 1, *INTEGERS))
    if isinstance(old, float):
        return rng.choice((old * 2, -old, *NUMBERS))
    if isinstance(old, str):
        return rng.choice((old + "\n", old[1:], *TEXTS))
    if isinstance(old, Size):
        return rng.choice((old - 1, old + 1, old * 2, -old, *symbols, *map(Size.of, INTEGERS)))
    if isinstance(old, np.ndarray):
        return rng.choice((np.zeros(old.shape, np.int64), old.reshape(-1), old[..., None],
                           old.ravel()[:1], np.full(old.shape, np.nan)))
    if isinstance(old, tuple) and old:
        k, other = rng.randrange(len(old)), rng.randrange(len(old))
        return rng.choice((old[:k] + old[k + 1:], (*old, old[k]), put(old, (k,), old[other]),
                           old[::-1]))
    return old


def edited(rng: random.Random, module: Module) -> Module:
    """The module with one field replaced, or a few."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        groups = [f.name for f in fields(module)]  # each alike, or names would take most of it
        group = rng.choice((*groups, "descriptors", "descriptors", "constants", "integers", "code"))
        paths = list(leaves(getattr(module, group), (group,))) or [("file",)]
        path = rng.choice(paths)
        module = put(module, path, odd(rng, at(module, path), module))
    return module
