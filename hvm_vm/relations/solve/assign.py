"""Which relation determines which name.

What is set from outside is known, then defaults and inputs, then `name = …` determines its name.
The relations that are left over (written with the unknown inside, or with a left side that is
known already) are matched to the unknowns that they hold, as whole relations: an indexed family is
one. What can be turned round becomes `name = …` like the rest; the others are solved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hvm_vm.language import syntax as S

from ..defaults import default_value
from ..names import Outline, Survey
from ..order import components
from ..report import Report
from ..resolve import Resolver
from . import diagnosis
from .inversion import Domain, occurrences, turn_round
from .matching import Matching, augment
from .rows import Whole
from .speaks import Speaks


@dataclass
class Row:
    """A relation, or the cases of one (all with `where`). `left` names its known left side."""

    relations: list[S.Relation]
    unknowns: tuple[str, ...]
    kind: str  # "implicit", "given" or "dropped"
    partly: tuple[str, ...] = ()  # names it holds that their own relations determine in part only

    @property
    def first(self) -> S.Relation:
        return self.relations[0]


@dataclass
class Assignment:
    """`solved`: relations that stay implicit and are matched to an unknown of theirs; `coupled`:
    those that determine elements of several unknowns, or of names that have relations of their own;
    `open`: unknown arrays that no relation is matched to. `found`: all names that a relation not
    written for them determines. `left`: relations of names set from outside that determine nothing
    else. `reported`: relations that errors have been reported for."""

    solved: list[Whole] = field(default_factory=list)
    coupled: list[Whole] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    left: list[S.Relation] = field(default_factory=list)
    reported: list[S.Relation] = field(default_factory=list)


def one_each(out: Outline, resolver: Resolver, others: Iterable[str]) -> None:
    """Names with several relations `name = …` for the whole of them: one determines the name (a
    constant, or one whose names are known), and the rest are free to determine an unknown that
    they hold (but for the names in `others`), as in `q = a - b*p` beside `q = c + d*p`."""
    crowded = [n for n, r in out.relations.items() if len(r) > 1 and n not in out.givens]
    if not crowded:
        return
    speaks = Speaks(out, resolver)
    known = {*out.relations, *out.givens, *resolver.sizes.values, *out.indices, *others}
    for name in crowded:
        relations = out.relations[name]
        wholes = [_whole(r, resolver) for r in relations]
        if name in others or None in wholes or len(set(wholes) - {LIST}) > 1:
            continue
        missing = [sum(n not in known for n in speaks.of(r)) for r in relations]
        constants = [default_value(r, out) is not None for r in relations]
        if not any(missing) or sum(constants) > 1:
            continue
        own = constants.index(True) if any(constants) else missing.index(min(missing))
        out.relations[name] = [relations[own]]
        out.implicit += [r for k, r in enumerate(relations) if k != own]


LIST = ("list",)  # the whole of a name, whatever its ranges are


def _whole(relation: S.Relation, resolver: Resolver) -> tuple | None:
    """The ranges for which a relation `name[i,j] = …` determines its name; None for a case."""
    if relation.where is not None or relation.otherwise:
        return None
    lhs, bounds = relation.lhs, resolver.sizes.bounds
    if type(lhs) is S.Name:
        return LIST if type(relation.rhs) is S.ListExpr else ()
    names = [s.name for s in lhs.subs if type(s) is S.Name and s.name in bounds]
    if len(set(names)) < len(lhs.subs):
        return None
    return tuple(bounds[n] for n in names)


def assign(
    out: Outline,
    seen: Survey,
    resolver: Resolver,
    given: list[S.Relation],
    dropped: list[S.Relation],
    settled: Iterable[str],
    find: tuple[str, ...],
    report: Report,
) -> Assignment:
    """Match what is left over. `given`: relations `name… = …` of declared inputs; `dropped`: those
    of names that the caller sets; `settled`: names that are known from outside or by default.

    Relations that are turned round are added to `out.relations`, what they need to `out.checks`.
    """
    result = Assignment()
    if not (out.implicit or given or dropped or out.guesses):
        return result
    # A guess of what is an input this time is for other times; of what no relation holds, a slip.
    held = _held(out, [*given, *dropped]) if out.guesses else set()
    speaks = Speaks(out, resolver)
    result.left = [r for r in dropped if default_value(r, out) is not None]
    dropped = [r for r in dropped if r not in result.left]
    known = {*out.relations, *out.givens, *settled, *resolver.sizes.values, *out.indices}
    asked = {text.partition("[")[0].strip() for text in find} or {
        item.name for f in out.finds for item in f.items
    }
    rows = _rows(out, given, dropped, speaks, known, asked)
    guessed = [g.target.name for g in out.guesses]
    rows, left = _wanted(rows, out, seen, asked, bool(find or out.finds))
    result.left += left
    trouble = diagnosis.Diagnosis(out, seen, report, speaks, known)
    partly = [n for n in out.relations if n not in out.givens and _partly(n, out)]
    for row in rows:
        if row.kind != "dropped" and partly:
            held = dict.fromkeys(n for r in row.relations for n in speaks.of(r))
            row.partly = tuple(n for n in held if n in partly)
            if not row.unknowns and not row.partly:
                through = [n for r in row.relations for n in speaks.reached(r)]
                row.partly = tuple(n for n in dict.fromkeys(through) if n in partly)
    rows = trouble.nothing_unknown(rows, result)
    preferred = {*guessed, *asked}
    unknowns = list(dict.fromkeys(n for row in rows for n in row.unknowns))
    unknowns.sort(key=lambda n: n not in preferred)
    matching = Matching([row.unknowns for row in rows])
    first = [k for k, row in enumerate(rows) if row.kind != "dropped"]
    for allowed in (set(first), set(range(len(rows)))):
        users = {n: [k for k in ks if k in allowed] for n, ks in matching.users().items()}
        for name in unknowns:
            if name not in matching.relation_of:
                augment(name, users, matching)
    matching.holds = [row.unknowns for row in rows]
    unknowns += _through(rows, matching, speaks, known, [*guessed, *asked])
    for k, row in enumerate(rows):
        if row.kind == "dropped" and k not in matching.unknown_of:
            result.left += row.relations  # a value that was computed is set instead
            rows[k] = Row(row.relations, (), "dropped")
    matching.holds = [row.unknowns for row in rows]
    unknowns += _in_part(rows, matching, unknowns)
    _fit(rows, matching, speaks)
    tied, result.open = _by_elements(rows, matching, speaks)
    if not trouble.structure(rows, matching, unknowns, preferred, tied, result.open):
        result.reported += [r for row in rows for r in row.relations]
        out.implicit = []
        return result
    out.implicit = []
    _take(rows, matching, tied, out, speaks, result, report)
    for guess in out.guesses:
        if guess.target.name not in held:
            report.error(
                f"{guess.target.name} has a guess, but no relation holds it",
                guess.span,
                help=f"write a relation that holds {guess.target.name}",
            )
    return result


def _held(out: Outline, others: list[S.Relation]) -> set[str]:
    """The variables that stand in relations."""
    relations = [*out.implicit, *others, *(r for rs in out.relations.values() for r in rs)]
    return {node.name for r in relations for side in (r.lhs, r.rhs) for node in S.walk(side)
            if isinstance(node, S.Name | S.Subscript)}


def _rows(
    out: Outline, given, dropped, speaks: Speaks, known: set[str], asked: set[str]
) -> list[Row]:
    rows: list[Row] = []
    cases: dict[tuple, Row] = {}
    sources = [("implicit", out.implicit), ("given", given), ("dropped", dropped)]
    for kind, relations in sources:
        for relation in relations:
            unknowns = tuple(n for n in speaks.of(relation) if n not in known)
            if not unknowns and (kind == "implicit" or asked):
                unknowns = tuple(speaks.through(relation, known))
                if kind != "implicit":
                    unknowns = tuple(n for n in unknowns if n in asked)
            key = None
            if kind != "implicit":
                key = (kind, relation.lhs.name)
            elif relation.where is not None or relation.otherwise:
                key = (kind, unknowns)
            if key is not None and key in cases:
                row = cases[key]
                row.relations.append(relation)
                row.unknowns = tuple(dict.fromkeys((*row.unknowns, *unknowns)))
                continue
            rows.append(Row([relation], unknowns, kind))
            if key is not None:
                cases[key] = rows[-1]
    return rows


def _through(rows: list[Row], matching: Matching, speaks: Speaks, known: set[str],
             wanted: Iterable[str]) -> list[str]:
    """Relations that are left without an unknown of their own may determine one that is wanted
    through the relations `name = …` between them (`across = speed*cos(angle)`, `across*time =
    range` for `angle`). Matches those, and adds them to what the rows hold; the names found."""
    spare = [n for n in dict.fromkeys(wanted) if n not in known and n not in matching.relation_of]
    if not spare or len(matching.unknown_of) == sum(bool(row.unknowns) for row in rows):
        return []
    more = [tuple(n for n in dict.fromkeys(m for r in row.relations
                                           for m in speaks.through(r, known))
                  if n in spare and n not in row.unknowns) if row.unknowns else ()
            for row in rows]
    wider = Matching([(*row.unknowns, *names) for row, names in zip(rows, more, strict=True)],
                     matching.unknown_of, matching.relation_of)
    users = wider.users()
    for name in spare:
        augment(name, users, wider)
    found = [n for n in spare if n in matching.relation_of]
    if found:
        for row, names in zip(rows, more, strict=True):
            row.unknowns = (*row.unknowns, *(n for n in names if n in found))
        matching.holds = [row.unknowns for row in rows]
    return found


def _partly(name: str, out: Outline) -> bool:
    """Whether the relations of `name` may leave elements of it to other relations."""
    for relation in out.relations[name]:
        lhs = relation.lhs
        if type(lhs) is S.Subscript and (relation.where is not None or any(
            type(s) is not S.Name or s.name not in out.indices for s in lhs.subs
        )):
            return True
    return False


def _in_part(rows: list[Row], matching: Matching, unknowns: list[str]) -> list[str]:
    """Relations that are left without an unknown of their own may determine the elements of a name
    that its own relations leave open. Matches those; the names found."""
    spare = [k for k, row in enumerate(rows) if row.partly and k not in matching.unknown_of]
    if not spare:
        return []
    matching.holds = [(*row.unknowns, *row.partly) for row in rows]
    users = matching.users()
    names = list(dict.fromkeys(n for row in rows for n in row.partly))
    for name in (*unknowns, *names):
        if name not in matching.relation_of:
            augment(name, users, matching)
    found = [n for n in names if n in matching.relation_of]
    for row in rows:
        row.unknowns = (*row.unknowns, *(n for n in row.partly if n in found))
    matching.holds = [row.unknowns for row in rows]
    return found


def _fit(rows: list[Row], matching: Matching, speaks: Speaks) -> None:
    """Match the same names anew, relations to names with as many axes as they have free indices
    where that goes: `sum[j](Q[i,j]*x[j]) + a[i]*m = c[i]` determines x rather than m."""
    names = list(matching.relation_of)
    counts = [speaks.free_indices(row.first) for row in rows]

    def fits(k: int, name: str) -> bool:
        return speaks.ranks[name][0] == counts[k]

    if all(fits(k, n) for n, k in matching.relation_of.items()):
        return
    used = set(matching.unknown_of)
    again = Matching(matching.holds)
    users = {n: [k for k in ks if k in used] for n, ks in matching.users().items()}
    for good in (True, False):
        for name in names:
            allowed = {n: [k for k in ks if fits(k, n)] if good else ks for n, ks in users.items()}
            if name not in again.relation_of:
                augment(name, allowed, again)
    if len(again.relation_of) == len(names):
        matching.unknown_of, matching.relation_of = again.unknown_of, again.relation_of


def _by_elements(rows: list[Row], matching: Matching, speaks: Speaks):
    """Relations that hold for more indices than the unknown that they are matched to has axes
    (`a + b*t[k] = y[k]` determines a and b together): elements count here, not whole relations.
    Those lose their match, as do relations that compete with them. Returns the relations that have
    no unknown of their own and the unknowns that no relation is matched to."""
    wide = [k for k, name in matching.unknown_of.items()
            if rows[k].kind != "dropped" or name in rows[k].unknowns
            if speaks.free_indices(rows[k].first) > speaks.ranks[name][0]]
    for k in wide:
        del matching.relation_of[matching.unknown_of.pop(k)]
    reached, names, waiting = dict.fromkeys(wide), {}, list(wide)
    while waiting:
        for name in rows[waiting.pop()].unknowns:
            names[name] = None
            k = matching.relation_of.get(name)
            if k is not None and k not in reached:
                reached[k] = None
                waiting.append(k)
    free = [k for k, row in enumerate(rows) if k not in matching.unknown_of and k not in reached
            and any(n in names for n in row.unknowns)]
    return [*wide, *free], [n for n in names if n not in matching.relation_of]


def _wanted(rows: list[Row], out: Outline, seen: Survey, asked: set[str], finds: bool):
    """Leave out relations of names set from outside that nobody needs for another name: a value
    that would be computed may simply be set instead."""
    kept, left = [], []
    for row in rows:
        if row.kind != "dropped":
            kept.append(row)
            continue
        own = {
            n: sum(len(occurrences(side, n)) for r in row.relations for side in (r.lhs, r.rhs))
            for n in row.unknowns
        }
        needed = [n for n in row.unknowns if n in asked or seen.count(n) > own[n]]
        name = row.first.lhs.name
        count = sum(len(occurrences(side, name)) for r in row.relations for side in (r.lhs, r.rhs))
        alone = not finds and seen.count(name) <= count
        guessed = any(g.target.name in row.unknowns for g in out.guesses)
        if row.unknowns and (needed or alone or guessed):
            kept.append(row)
        else:
            left += row.relations
    return kept, left


def _take(rows, matching: Matching, tied: list[int], out: Outline, speaks,
          result: Assignment, report: Report):
    """Turn round what can be, and leave the rest to be solved."""
    matched = {name: rows[k] for name, k in matching.relation_of.items()}
    together = _together(matched, [rows[k] for k in tied], out, speaks)
    result.coupled += [Whole(rows[k].relations, rows[k].unknowns, None) for k in tied]
    for name, row in sorted(matched.items(), key=lambda item: item[1].first.span.start):
        result.found.append(name)
        if name in out.relations:
            result.coupled.append(Whole(row.relations, row.unknowns, name))
            continue
        turned = [turn_round(r, name, out) for r in row.relations]
        plain = all(t is not None and _plain(t.target, out) for t in turned)
        if name not in together and plain and not (_shares(row) and _unfit(name, row, speaks)):
            out.relations[name] = [
                S.Relation(t.target, t.value, r.where, r.otherwise, span=r.span)
                for t, r in zip(turned, row.relations, strict=True)
            ]
            for t, r in zip(turned, row.relations, strict=True):
                quote = report.quote(r.span)
                for condition, why in t.needs:
                    if not _evident(condition):
                        words = f"`{quote}` has no solution for {name}: {why}"
                        out.checks.append(Domain(condition, None, r.where, r.span, words))
        else:
            result.solved.append(Whole(row.relations, row.unknowns, name))


def _together(
    matched: dict[str, Row], tied: list[Row], out: Outline, speaks: Speaks
) -> set[str]:
    """The matched names that depend on themselves. `tied`: relations without an unknown of their
    own, which make one system of all that they hold."""
    reads: dict[str, tuple[str, ...]] = {}
    names = {*matched, *out.relations}
    sources = dict(out.relations)
    for name, row in matched.items():
        sources[name] = [*sources.get(name, ()), *row.relations]
    for name, relations in sources.items():
        found: dict[str, None] = {}
        for relation in relations:
            for other in speaks.of(relation, everything=True):
                if other in names and other != name:
                    found[other] = None
        reads[name] = tuple(found)
    # So does one with a name that is unknown in part, and that no relation is matched to.
    coupled = [*tied, *(row for n, row in matched.items() if n in out.relations or row.partly)]
    if not tied and not any(n in out.relations for n in matched):
        coupled = []
    coupled += [r for n, r in matched.items() if _shares(r) and _unfit(n, r, speaks)]
    for row in coupled:
        held = [n for n in (*row.unknowns, *row.partly) if n in names]
        for name in held:
            reads[name] = tuple(dict.fromkeys((*reads.get(name, ()), *held)))
    found = components(list(reads), reads.__getitem__)
    return {n for c in found if len(c) > 1 for n in c if n in matched}


def _shares(row: Row) -> bool:
    return len(row.unknowns) + len(row.partly) > 1


def _unfit(name: str, row: Row, speaks: Speaks) -> bool:
    """Whether a relation does not give one equation for each element of the name that it is matched
    to, as far as its indices tell: `sum[j](S[i,j]*w[j]) = lam` for lam."""
    return any(speaks.free_indices(r) != speaks.ranks[name][0] for r in row.relations)


def _plain(target: S.Name | S.Subscript, out: Outline) -> bool:
    """Whether a relation can be written for the whole of `target`: plain indices, each once."""
    if type(target) is S.Name:
        return True
    names = [s.name for s in target.subs if type(s) is S.Name and s.name in out.indices]
    return len(set(names)) == len(target.subs)


def _evident(condition: S.Compare) -> bool:
    """Whether a requirement compares two numbers, and holds."""
    left, right = condition.operands
    if type(left) is not S.Number or type(right) is not S.Number:
        return False
    a, b, op = left.value, right.value, condition.ops[0]
    return {"<": a < b, "<=": a <= b, "!=": a != b}[op]
