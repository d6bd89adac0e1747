"""What becomes of relations that are paired with names: turned round, or solved."""

from __future__ import annotations

from hvm_vm.language import syntax as S
from hvm_vm.language.expression_text import expression_text

from ..names import Outline
from ..order import components
from ..report import Report, place
from ..system import Answer
from .assignment import Assignment
from .inversion import Domain, NoInverse, Turned, turn_round
from .left_over import Row
from .matching import Matching
from .rows import Whole
from .speaks import Speaks


def take(rows, matching: Matching, tied: list[int], out: Outline, speaks,
          result: Assignment, report: Report):
    """Turn round what can be, and leave the rest to be solved."""
    matched = {name: rows[k] for name, k in matching.relation_of.items()}
    together = _together(matched, [rows[k] for k in tied], out, speaks)
    result.coupled += [Whole(rows[k].relations, rows[k].unknowns, None) for k in tied]
    starts = {g.target.name: expression_text(g.value) for g in out.guesses}
    for name, row in sorted(matched.items(), key=lambda item: item[1].first.span.start):
        result.found.append(name)
        if name in out.relations:
            result.coupled.append(Whole(row.relations, row.unknowns, name))
            result.answers += [Answer(name, place(r.span), why=f"beside what is written for {name}",
                                      start=starts.get(name, "")) for r in row.relations]
            continue
        ties = name in together or any(n in result.open for n in row.unknowns) or (
            _shares(row) and _unfit(name, row, speaks))
        try:
            if ties:
                raise NoInverse("solved together with others")
            turned = [_turned(r, name, out) for r in row.relations]
        except NoInverse as reason:
            result.solved.append(Whole(row.relations, row.unknowns, name))
            reason = str(reason) if ties else f"not turned round, as {reason}"
            start = starts.get(name, "")
            result.answers += [Answer(name, place(r.span), why=reason, start=start)
                               for r in row.relations]
            continue
        out.relations[name] = [
            S.Relation(t.target, t.value, r.where, r.otherwise, span=r.span)
            for t, r in zip(turned, row.relations, strict=True)
        ]
        for t, r in zip(turned, row.relations, strict=True):
            quote = report.quote(r.span)
            needs = []
            for condition, why in t.needs:
                if not _evident(condition):
                    words = f"`{quote}` has no solution for {name}: {why}"
                    out.checks.append(Domain(condition, None, r.where, r.span, words))
                    needs.append(expression_text(condition))
            text = f"{expression_text(t.target)} = {expression_text(t.value)}"
            result.answers.append(Answer(name, place(r.span), text, tuple(needs), t.branch))


def _turned(relation: S.Relation, name: str, out: Outline) -> Turned:
    """`relation` as `name = …`. Raises `NoInverse`."""
    turned = turn_round(relation, name, out)
    if not _plain(turned.target, out):
        raise NoInverse(f"it speaks of some elements of {name} only")
    return turned


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
