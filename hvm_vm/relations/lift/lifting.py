"""From a source to its system by way of lifting, wherever that works."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hvm_vm.compiling.collector import paused
from hvm_vm.errors import CompileError, HvmError
from hvm_vm.language import parse
from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source, Span
from hvm_vm.relations.build import build
from hvm_vm.relations.report import Report
from hvm_vm.relations.solve.left_over import warn_of_left
from hvm_vm.relations.system import FamilyMember, ScalarFamily, System

from .assemble import Lifted, assemble
from .cycles import SetApart
from .extents import extended
from .implicit import is_implicit
from .members import Slip, Unliftable
from .plan import Planner
from .read import Unrolled, read
from .scan import LITERAL, Scan, file_spans, scan, source_text
from .structure import by_structure
from .tables import FEWEST

LARGE = 150_000  # characters: larger texts are not parsed before they are scanned
MOST_TRIES = 4
STRICT = False  # tests: errors inside are raised


def build_lifted(
    source: Source,
    diagnostics: Diagnostics,
    *,
    known: Iterable[str] = (),
    free: Iterable[str] = (),
    find: Iterable[str] = (),
) -> tuple[System, S.File | None]:
    """The system of `source`: lifted if that works, else as it stands; and the source's syntax, if
    it was parsed as a whole (it is, but for large texts of which nothing is known or free).

    Raises `CompileError` with every error found. A file that does not parse has no relations to
    speak of: then the errors are those of its text."""
    known, free, find = frozenset(known), frozenset(free), tuple(find)
    scanned = None
    if len(source.text) > LARGE and not known and not free:
        from .large import scan_large

        scanned = scan_large(source.text)
    file = None
    if scanned is None:
        file = parse(source, diagnostics)
        diagnostics.raise_if_errors()
    try:
        return _whole(source, file, scanned, known, free, find, diagnostics)[1], file
    except Slip as slip:
        diagnostics.warning(f"{slip}; the program is compiled as it stands")
    except Unliftable:
        pass  # as it stands, then
    if file is None:
        file = parse(source, diagnostics)
        diagnostics.raise_if_errors()
    return build(file, source, diagnostics, known=known, free=free, find=find), file


def lift(
    source: Source,
    file: S.File | None,
    scanned: Scan | None = None,
    *,
    known: Iterable[str] = (),
    free: Iterable[str] = (),
    find: Iterable[str] = (),
) -> Lifted:
    """The lifted file. `file`: the parsed source, or None for a large text, which is `scanned`
    instead. Raises `Unliftable`, which says why, when nothing can be lifted."""
    return _whole(source, file, scanned, frozenset(known), frozenset(free), tuple(find),
                  Diagnostics(source))[0]


def _whole(*arguments) -> tuple[Lifted, System]:
    """The lifted file with its system, which is that of the scalars. Raises `Unliftable`."""
    try:
        return _with_system(*arguments)
    except (Unliftable, HvmError):
        raise
    except Exception as error:
        # A slip of ours must not take a program away from its owner, who can do without lifting.
        if STRICT:
            raise
        raise Slip(f"lifting failed inside ({type(error).__name__}: {error}); please report this"
                   " with the program") from error


def _with_system(source, file, scanned, known, free, find, diagnostics) -> tuple[Lifted, System]:
    with paused():
        lifted = _lift(source, file, scanned, known, free, find)
    open_ = {h for h, a in lifted.plan.arrays.items() if a.kind == "unknown"}
    if looked_up := lifted.plan.only_looked_up(open_):  # no relation says how far these go
        lifted = _extended(lifted, looked_up)
    system = _system(lifted, source, known, free, diagnostics)
    short = open_ if system is None else _short(lifted, system)
    if short and short <= open_ and short != looked_up:
        lifted = _extended(lifted, short - looked_up)
        system = _system(lifted, source, known, free, diagnostics)
    if system is None or _short(lifted, system):
        raise Unliftable("indexed relations would not say the same")
    if lifted.plan.left_out:
        names = lifted.plan.left_out
        first = Span(*lifted.plan.unrolled.spans[min(names.values())])
        warn_of_left(list(names), first, Report(source, diagnostics))
    return lifted, replace(system, families=_families(lifted, system))


def _extended(lifted: Lifted, heads: set[str]) -> Lifted:
    """The file with it said how far some unknown arrays go."""
    statements = lifted.file.statements
    for head in sorted(heads):
        array = lifted.plan.arrays[head]
        statements = extended(statements, lifted.names[head], array.lo, array.hi)
    return replace(lifted, file=S.File(statements))


def _lift(source, file, scanned, known, free, find) -> Lifted:
    text = source_text(source, file)
    if file is not None:
        scanned = scan(text, file_spans(file))
    if scanned is None:
        raise Unliftable("the text holds the scan's own letters")
    statements = None if file is None else list(file.statements)
    attempt = _Attempts(source, text, statements, known, free, find)
    first = attempt(scanned)
    # Structure tells nothing of unknowns, and little of what is solved for without a choice.
    found = first
    solves = _solves(scanned, statements) or (
        attempt.planner is not None and bool(attempt.planner.reopened))
    if solves or (attempt.many(first, scanned) and attempt.planner.is_cyclic()):
        found = attempt.with_tables(first, scanned)
    if found is first and not solves:
        found = by_structure(first, attempt, scanned, text, {*known, *free, *find}, attempt.ruled)
        found = attempt.with_tables(found, scanned)
    if found is None:
        raise attempt.reasons[0]
    return found


def _scalars(lifted: Lifted | None, scanned: Scan | None = None) -> int:
    """How many relations stay scalar: of a scan all of them, where nothing is lifted."""
    if lifted is None:
        return len(scanned.spans)
    pieces = lifted.plan.relations
    return len(lifted.plan.kept) + sum(len(p.block.rows) == 1 for p in pieces)


class _Attempts:
    """Attempts to lift the scans of one file. `ruled`: the relations that follow a rule by their
    numbers; `planner`: that of the last attempt."""

    def __init__(self, source, text, statements, known, free, find) -> None:
        self.source, self.text, self.statements = source, text, statements
        self.known, self.free, self.find = known, free, find
        self.ruled: set[int] = set()
        self.planner: Planner | None = None
        self.tried = False  # with tables
        self._first: Unrolled | None = None  # the file as it is, read
        self.reasons: list[Unliftable] = []

    def __call__(self, scanned: Scan, spelled: dict[str, str] | None = None,
                 tables: bool = False) -> Lifted | None:
        try:
            return self._lifted(scanned, spelled, tables)
        except Unliftable as reason:
            self.reasons.append(reason)
            return None

    def with_tables(self, best: Lifted | None, scanned: Scan) -> Lifted | None:
        """`best`, or what tables make of the relations where many are scalars there."""
        if self.many(best, scanned) and not self.tried:
            self.tried = True
            found = self(scanned, tables=True)
            if found is not None and 2 * _scalars(found) < _scalars(best, scanned):
                return found
        return best

    def many(self, best: Lifted | None, scanned: Scan) -> bool:
        """Whether relations that are worth tables are scalars in `best`."""
        return self.planner is not None and _scalars(best, scanned) >= FEWEST

    def _lifted(self, scanned: Scan, spelled, tables: bool) -> Lifted:
        if not scanned.shapes:
            raise Unliftable("no scalars with numbers")
        apart: dict[str, int] = {}
        find = [f.partition("[")[0].strip() for f in self.find]
        for _ in range(MOST_TRIES):
            unrolled = None if apart or spelled else self._first
            if unrolled is None:
                unrolled = read(scanned, self.text, self.statements, apart, spelled)
                if not apart and not spelled:
                    self._first = unrolled
            unrolled = unrolled.copy()
            planner = self.planner = Planner(unrolled, self.known, self.free, find, tables)
            try:
                plan = planner.plan()
            except SetApart as wanted:
                if wanted.places.keys() & apart.keys():
                    raise Unliftable("arrays depend on themselves") from None
                apart = {**apart, **wanted.places}
                continue
            finally:
                self.ruled |= planner.ruled
            return assemble(plan, self.source, self.text, self.find)
        raise Unliftable("arrays depend on themselves")


def _solves(scanned: Scan, statements) -> bool:
    """Whether there is a system to be solved."""
    if statements is not None:
        return any(type(s) is S.Guess or is_implicit(s) for s in statements)
    sides = (s.text.partition("=")[0].strip() for s in scanned.shapes)
    return any(not side.isidentifier() or LITERAL in side for side in sides)


def _system(lifted: Lifted, source: Source, known, free, diagnostics) -> System | None:
    """The system of a lifted file; None when the ordinary way should say what is wrong."""
    arrays = set(lifted.names.values())
    rest = frozenset(n for n in known if n not in arrays and n not in lifted.elements)
    own = Diagnostics(source)
    try:
        system = build(lifted.file, source, own, known=rest,
                       free=frozenset(n for n in free if n not in lifted.elements))
    except CompileError:
        return None
    if own.has_errors:
        return None
    for warning in own.warnings:
        if warning.message.startswith("these arrays are solved for together"):
            continue  # of scalars, nobody meant arrays
        if " is left out" in warning.message:
            continue  # the scalars tell (`Plan.left_out`)
        diagnostics.warning(warning.message, warning.span, warning.help, warning.notes)
    return system


def _short(lifted: Lifted, system: System) -> set[str]:
    """The arrays that have not all of their scalars."""
    found = set()
    for head, name in lifted.names.items():
        variable, array = system.variables.get(name), lifted.plan.arrays[head]
        if variable is None:
            continue  # nothing reads it any more
        for axis, lo, hi in zip(variable.axes, array.lo, array.hi, strict=True):
            low, high = axis.lo.constant, axis.hi.constant
            if low is None or high is None or low > lo or high < hi:
                found.add(head)
    return found


def _families(lifted: Lifted, system: System) -> tuple[ScalarFamily, ...]:
    """The families of the source's scalars, with the array elements that they live in."""
    families = lifted.plan.unrolled.families
    arrays = set(lifted.names.values())
    plain = {n for n, v in system.variables.items() if not v.axes and n not in arrays}
    elements = {n: e for n, e in lifted.elements.items() if e[0] in system.variables}
    found = []
    places = _places(lifted)
    inputs = {n for h, a in lifted.plan.arrays.items() if a.kind in ("input", "default")
              for n in lifted.plan.unrolled.names[h].values() if n in plain}
    for family in families.system(plain | elements.keys()):
        members = []
        for member in family.members:
            # An element that is a result of its own is a variable, too; of an input, the element is
            # what is set.
            if member.name not in plain or member.name in inputs:
                array, place = lifted.shown.get(member.name) or places[member.name]
                member = FamilyMember(member.name, member.subscripts, array, place)
            members.append(member)
        found.append(replace(family, members=tuple(members)))
    covered = {m.name for f in found for m in f.members}
    for head, array in lifted.names.items():
        # Arrays whose scalars are no family by name, such as x1, x2 beside a scalar x.
        low, high = lifted.plan.arrays[head].lo, lifted.plan.arrays[head].hi
        members = [
            FamilyMember(name, subs, *(lifted.shown.get(name) or (
                array, tuple(s - lo for s, lo in zip(subs, low, strict=True)))))
            for subs, name in lifted.plan.unrolled.names[head].items()
            if name not in covered and name not in plain]
        if members and array in system.variables:
            shape = tuple(b - a + 1 for a, b in zip(low, high, strict=True))
            name = array
            if head in lifted.plan.unrolled.made:  # no name of the source's
                name = f"{members[0].name}…{members[-1].name}"
            found.append(ScalarFamily(name, low, shape, tuple(members)))
    return tuple(found)


def _places(lifted: Lifted) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Where each scalar that became an array element is: the array, and the position from 0."""
    found = {}
    for head, array in lifted.names.items():
        names = lifted.plan.unrolled.names[head]
        if not names:
            continue  # of constants
        subs = np.array(list(names), np.int64).reshape(len(names), -1)
        where = map(tuple, (subs - np.array(lifted.lowest[array], np.int64)).tolist())
        places = zip(itertools.repeat(array), where, strict=False)
        found.update(zip(names.values(), places, strict=True))
    return found
