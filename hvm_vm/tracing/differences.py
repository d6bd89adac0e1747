"""Two runs side by side, variable by variable: where they part, and how far.

Two programs, or one in two engines or two precisions, are stepped on the same inputs. Their
bytecode may differ, so variables are matched by name: arrays as arrays, a family of scalars with
the array of its name, single scalars one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hvm_vm.engines.words import axis_names
from hvm_vm.errors import HvmError
from hvm_vm.tracing.stepping.names import Unavailable
from hvm_vm.tracing.stepping.places import place_text, relation_text
from hvm_vm.tracing.stepping.session import Session

# Without other wishes: what the precision of the less precise side, and some rounding, explain.
TOLERANCES = {"f64": (1e-9, 1e-12), "f32": (1e-4, 1e-6)}  # relative, absolute


@dataclass(frozen=True)
class Difference:
    """A variable on both sides. `absolute` and `relative` are the largest differences, with the
    subscripts (index values) of each; inf where one side has no number, or the shapes differ.
    `relative` is to the larger of the two values. `count`: the elements beyond tolerance, the first
    of them at `first`, with its two `values`. `pc`: the instruction of A that computes it."""

    name: str
    shape: tuple[int, ...]
    other_shape: tuple[int, ...]
    absolute: float
    absolute_at: tuple[int, ...]
    relative: float
    relative_at: tuple[int, ...]
    count: int
    first: tuple[int, ...] | None
    values: tuple[object, object] | None
    pc: int

    @property
    def differs(self) -> bool:
        return self.count > 0


@dataclass(frozen=True)
class Comparison:
    """`differences` in the order of A's instructions; `only` the variables of one side, A and B;
    `failures` what ended each side early, or None."""

    differences: tuple[Difference, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    failures: tuple[HvmError | None, HvmError | None]
    rtol: float
    atol: float

    @property
    def first(self) -> Difference | None:
        """The first variable, in the order of A's instructions, that differs beyond tolerance."""
        return next((d for d in self.differences if d.differs), None)

    @property
    def same(self) -> bool:
        """Whether both sides ran to their end, and nothing differs beyond tolerance."""
        return self.first is None and not any(self.failures)


def compare_sessions(a: Session, b: Session, rtol: float | None = None,
                     atol: float | None = None) -> Comparison:
    """Run both to the end, or as far as they go, and compare every variable that both computed."""
    precision = "f32" if "f32" in (a.module.precision, b.module.precision) else "f64"
    standard = TOLERANCES[precision]
    rtol = standard[0] if rtol is None else rtol
    atol = standard[1] if atol is None else atol
    failures = tuple(_run(session) for session in (a, b))
    found, seen_a, seen_b = [], set(), set()
    for name in _matched(a, b):
        seen_a |= _registers(a, name)
        seen_b |= _registers(b, name)
        try:
            one = a.names.value(name, a.timeline)
            other = b.names.value(name, b.timeline)
        except Unavailable:
            continue
        one, other = _filled(a, b, name, one, other)
        found.append(_difference(a, name, one, other, rtol, atol))
    found.sort(key=lambda d: d.pc)
    only = (_left(a, seen_a), _left(b, seen_b))
    return Comparison(tuple(found), only, failures, rtol, atol)


def _run(session: Session) -> HvmError | None:
    stop = session.resume()
    return stop.error


def _inputs(session: Session) -> set[int]:
    return {item.register for item in session.module.inputs}


def _registers(session: Session, name: str) -> set[int]:
    names = session.names
    if name in names.families:
        return {m.register for m in names.families[name].members}
    return {names.places[name].register}


def _matched(a: Session, b: Session) -> Iterator[str]:
    """The names of variables that both have and that are not inputs of both: whole arrays and
    families first, then scalars of what has no whole counterpart."""
    done: set[int] = set()
    for name in dict.fromkeys([*a.names.spoken, *a.names.families]):
        known = name in a.names.places or name in a.names.families
        other = name in b.names.places or name in b.names.families
        if not known or not other:
            continue
        registers = _registers(a, name)
        if registers <= done or (registers <= _inputs(a) and _registers(b, name) <= _inputs(b)):
            done |= registers
            continue
        done |= registers
        yield name
    for name, place in a.names.places.items():
        if place.register not in done and name in b.names.places and not (
                place.register in _inputs(a) and b.names.places[name].register in _inputs(b)):
            yield name


def _filled(a: Session, b: Session, name: str, one: np.ndarray, other: np.ndarray):
    """The two values, equal where a family of scalars has no member (fused away, say)."""
    if one.shape == other.shape:
        for session, mine, theirs in ((a, one, other), (b, other, one)):
            family = session.names.families.get(name)
            if family is not None:
                lacking = np.ones(mine.shape, bool)
                for member in family.members:
                    lacking[tuple(s - k for s, k in
                                  zip(member.subscripts, family.lo, strict=True))] = False
                if mine.dtype.kind == theirs.dtype.kind:
                    mine[lacking] = theirs[lacking]
    return one, other


def _left(session: Session, seen: set[int]) -> tuple[str, ...]:
    """The computed variables of a side that were not compared; what the compiler named is not a
    person's variable."""
    inputs = _inputs(session)
    return tuple(name for register, name in enumerate(session.names.spoken)
                 if register not in seen and register not in inputs and name.isidentifier())


def _difference(a: Session, name: str, one: np.ndarray, other: np.ndarray, rtol: float,
                atol: float) -> Difference:
    place = a.names.places.get(name)
    register = place.register if place else a.names.families[name].members[0].register
    pc = a.names.writer(register)
    lows = a.names.lows(name) or (0,) * one.ndim
    inf = float("inf")
    if one.shape != other.shape:
        return Difference(name, one.shape, other.shape, inf, (), inf, (), max(one.size, 1), (),
                          None, pc)
    if not one.size:
        return Difference(name, one.shape, other.shape, 0.0, (), 0.0, (), 0, None, None, pc)
    gaps, ratios, beyond = _gaps(one, other, rtol, atol)

    def at(flat: int) -> tuple[int, ...]:
        return tuple(int(p) + low for p, low in
                     zip(np.unravel_index(flat, one.shape), lows, strict=True))

    bad = np.flatnonzero(beyond)
    first = int(bad[0]) if bad.size else -1
    values = (one.reshape(-1)[first].item(), other.reshape(-1)[first].item()) if bad.size else None
    largest, ratio = int(np.argmax(gaps)), int(np.argmax(ratios))
    return Difference(
        name, one.shape, other.shape, float(gaps.reshape(-1)[largest]), at(largest),
        float(ratios.reshape(-1)[ratio]), at(ratio), int(bad.size),
        at(first) if bad.size else None, values, pc)


def _gaps(one: np.ndarray, other: np.ndarray, rtol: float, atol: float):
    """Of each element the absolute and the relative difference, and whether it is too large."""
    if one.dtype.kind in "UO" or other.dtype.kind in "UO":
        apart = np.asarray(one != other)
        gaps = np.where(apart, np.inf, 0.0)
        return gaps, gaps, apart
    left, right = one.astype(np.float64), other.astype(np.float64)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(all="ignore"):
        gaps = np.where(same, 0.0, np.abs(left - right))
        gaps[np.isnan(gaps)] = np.inf
        size = np.maximum(np.abs(left), np.abs(right))
        ratios = np.where(same, 0.0, gaps / size)
        ratios[~np.isfinite(gaps)] = np.inf
        beyond = ~same & ~(gaps <= atol + rtol * np.where(np.isfinite(size), size, 0.0))
    return gaps, ratios, beyond


# -- words ---------------------------------------------------------------------------------------


def subscripts(values: tuple[int, ...]) -> str:
    """`[1, 2]`, or nothing for a scalar."""
    return f"[{', '.join(map(str, values))}]" if values else ""


def first_lines(comparison: Comparison, a: Session, labels: tuple[str, str]) -> list[str]:
    """What is said of the first variable that differs."""
    found = comparison.first
    if found is None:
        return []
    where = f"instruction {found.pc}" if found.pc >= 0 else "an input"
    where += f" of {labels[0]}"
    place = place_text(a, found.pc) if found.pc >= 0 else ""
    head = f"{place}: " if place else ""
    lines = [f"{head}{found.name} is the first to differ ({where})"]
    if place:
        relation = relation_text(a, found.pc)
        lines += [f"    {relation}", f"    {'^' * len(relation)}"]
    if found.values is None:
        lines.append(f"    its shapes are {_shape(found.shape)} and {_shape(found.other_shape)}")
        return lines
    names = axis_names(a.module, found.name, len(found.first))
    point = ", ".join(f"{n.removeprefix('axis ')} = {v}"
                      for n, v in zip(names, found.first, strict=True))
    size = int(np.prod(found.shape, dtype=np.int64))
    many = f"; {found.count} of {size} elements differ" if size > 1 else ""
    lines.append(f"    {found.name}{subscripts(found.first)}"
                 f"{f' (at {point})' if point else ''}: {found.values[0]!r} in {labels[0]}, "
                 f"{found.values[1]!r} in {labels[1]}{many}")
    return lines


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
