"""What becomes of relations that are paired with names: turned round, or solved."""

from __future__ import annotations

from hvm_vm.language import syntax as S

from ..names import Outline
from ..order import components
from ..report import Report
from .assignment import Assignment
from .inversion import Domain, turn_round
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
    for name, row in sorted(matched.items(), key=lambda item: item[1].first.span.start):
        result.found.append(name)
        if name in out.relations:
            result.coupled.append(Whole(row.relations, row.unknowns, name))
            continue
        turned = [turn_round(r, name, out) for r in row.relations]
        plain = all(t is not None and _plain(t.target, out) for t in turned)
        ties = any(n in result.open for n in row.unknowns) or (
            _shares(row) and _unfit(name, row, speaks))
        if name not in together and plain and not ties:
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
