"""`...` written out.

    exp(s11) + ...                    the last subscript runs to the family's last member
    a11*v1_1 + ... + a13*v3_1         the subscripts that differ advance in step
"""

from __future__ import annotations

from dataclasses import replace

from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from .families import Families
from .report import Report, joined

MOST_TERMS = 1_000_000


class _Problem(Exception):
    def __init__(self, message: str, span: Span, help: str | None = None) -> None:
        super().__init__(message)
        self.span = span
        self.help = help


class Ellipses:
    """Writes out `...` over the families of a file. `scalars` are the names that may be members."""

    def __init__(self, families: Families, report: Report) -> None:
        self.families = families
        self.report = report

    def expand(self, expr: S.Expr) -> S.Expr:
        """`expr` without `...`; what cannot be written out is reported and stays."""
        try:
            return self._expand(expr)
        except _Problem as problem:
            self.report.error(str(problem), problem.span, help=problem.help)
            return expr

    def _expand(self, node: S.Expr) -> S.Expr:
        kind = type(node)
        if kind is S.Sum:
            terms = tuple(map(self._expand, node.terms))
            new = self._write_out(list(zip(terms, node.negative, strict=True)))
            terms, negative = zip(*new, strict=True)
            return replace(node, terms=terms, negative=negative)
        if kind is S.Product:
            factors = tuple(map(self._expand, node.factors))
            new = self._write_out(list(zip(factors, node.inverse, strict=True)))
            factors, inverse = zip(*new, strict=True)
            return replace(node, factors=factors, inverse=inverse)
        if kind is S.Call:
            args = tuple(map(self._expand, node.args))
            if any(type(a) is S.Ellipsis for a in args):
                args = tuple(a for a, _ in self._write_out([(a, False) for a in args]))
            return replace(node, args=args)
        parts = S.children(node)
        if not parts or not any(type(x) is S.Ellipsis for p in parts for x in S.walk(p)):
            return node
        match node:
            case S.Negate():
                return replace(node, operand=self._expand(node.operand))
            case S.Power():
                return replace(
                    node, base=self._expand(node.base), exponent=self._expand(node.exponent)
                )
            case S.Compare() | S.And() | S.Or():
                return replace(node, operands=tuple(map(self._expand, node.operands)))
            case S.Not():
                return replace(node, operand=self._expand(node.operand))
            case S.Reduce():
                condition = None if node.condition is None else self._expand(node.condition)
                return replace(node, condition=condition, body=self._expand(node.body))
            case S.Subscript():
                return replace(node, subs=tuple(map(self._expand, node.subs)))
            case S.ListExpr():
                return replace(node, items=tuple(map(self._expand, node.items)))
            case S.Last():
                return replace(node, body=self._expand(node.body))
        return node

    def _write_out(self, parts: list[tuple[S.Expr, bool]]) -> list[tuple[S.Expr, bool]]:
        """Terms (with their flags) where every `...` is replaced by what it stands for."""
        done: list[tuple[S.Expr, bool]] = []
        for k, (term, flag) in enumerate(parts):
            if type(term) is not S.Ellipsis:
                done.append((term, flag))
                continue
            if not done:
                raise _Problem("nothing stands before ...", term.span)
            before = parts[k - 1][0]
            earlier = parts[k - 2][0] if k >= 2 else None
            if k + 1 < len(parts):
                terms = self._between(before, parts[k + 1][0], earlier, term.span)
            else:
                terms = self._open(before, earlier, term.span)
            done += [(t, flag) for t in terms]
        return done

    # -- a open end ----------------------------------------------------------------------------
    def _open(self, before: S.Expr, earlier: S.Expr | None, dots: Span) -> list[S.Expr]:
        subscripts = self.families.subscripts
        names = {
            n.name: None for n in S.walk(before) if type(n) is S.Name and n.name in subscripts
        }
        runs: dict[str, list[tuple[int, str]]] = {}
        for name in names:
            at = subscripts[name][1][-1]
            later = [(s, m) for s, m in self.families.row(name) if s > at]
            if later or len(self.families.row(name)) > 1:
                runs[name] = [(s - at, m) for s, m in later]
        if not runs:
            doubtful = [
                n.name
                for n in S.walk(before)
                if type(n) is S.Name and n.name in self.families.ambiguous
            ]
            if doubtful:
                raise _Problem(
                    f"it is not clear how {doubtful[0]} is to be read, so ... cannot go on from it",
                    dots,
                    f"separate its subscripts: {_underscored(doubtful[0], self.families)}",
                )
            raise _Problem(
                "no name before ... has further members in its family",
                dots,
                "write a scalar such as s11 before it, where s12 exists too, or use sum[j](…)",
            )
        steps = {tuple(s for s, _ in run) for run in runs.values()}
        if len(steps) > 1:
            raise _Problem(
                f"{joined(runs)} do not have the same number of further members, so ... is not"
                " clear",
                dots,
                "write the last term after it: a + ... + b",
            )
        if earlier is not None and self._step(earlier, before) not in (None, 1):
            raise _Problem("the terms before ... do not advance by one", dots)
        found = []
        for k in range(len(next(iter(runs.values())))):
            found.append(_rename(before, {n: run[k][1] for n, run in runs.items()}))
        return found

    # -- between two terms ---------------------------------------------------------------------
    def _between(
        self, first: S.Expr, last: S.Expr, earlier: S.Expr | None, dots: Span
    ) -> list[S.Expr]:
        moves: list = []
        if not self._compare(first, last, moves):
            raise _Problem(
                "the terms on the two sides of ... have different shapes",
                dots,
                "they must differ in subscripts only",
            )
        distances = {abs(b - a) for _, a, b in moves if a != b}
        if not distances:
            raise _Problem("the terms on the two sides of ... are equal", dots)
        if len(distances) > 1:
            counts = joined(str(d) for d in sorted(distances))
            raise _Problem(
                f"the subscripts on the two sides of ... are {counts} steps apart, so they do not"
                " advance in step",
                dots,
            )
        if earlier is not None and self._step(earlier, first) not in (None, 1):
            raise _Problem(
                "the terms before ... do not advance by one", dots, "write the terms out"
            )
        count = distances.pop()
        if count > MOST_TERMS:
            raise _Problem(f"... stands for {count - 1} terms, which are too many", dots)
        return [self._advanced(first, last, k, count) for k in range(1, count)]

    def _step(self, earlier: S.Expr, later: S.Expr) -> int | None:
        """How far two neighbours are apart; None when they are not alike."""
        moves: list = []
        if not self._compare(earlier, later, moves):
            return None
        distances = {abs(b - a) for _, a, b in moves if a != b}
        return distances.pop() if len(distances) == 1 else None

    def _compare(self, a: S.Expr, b: S.Expr, moves: list) -> bool:
        """Whether two terms have one shape; `moves` collects (node, from, to) of subscripts."""
        if type(a) is not type(b):
            return False
        if type(a) is S.Name:
            if a.name == b.name:
                return True
            x, y = self._cut(a.name, b.name)
            if x is None:
                return False
            moves += [(a, m, n) for m, n in zip(x, y, strict=True)]
            return True
        if type(a) is S.Subscript:
            if a.name != b.name or len(a.subs) != len(b.subs):
                return False
            for x, y in zip(a.subs, b.subs, strict=True):
                if type(x) is S.Number and type(y) is S.Number:
                    if not isinstance(x.value, int) or not isinstance(y.value, int):
                        return False
                    moves.append((x, x.value, y.value))
                elif not self._compare(x, y, moves):
                    return False
            return True
        below, other = S.children(a), S.children(b)
        if not below:
            return a == b
        return (
            len(below) == len(other)
            and _head(a) == _head(b)
            and all(self._compare(x, y, moves) for x, y in zip(below, other, strict=True))
        )

    def _cut(self, a: str, b: str):
        """The subscripts of two names of one family, or (None, None)."""
        subscripts = self.families.subscripts
        if a not in subscripts or b not in subscripts:
            return None, None
        (base, x), (other, y) = subscripts[a], subscripts[b]
        return (x, y) if base == other and len(x) == len(y) else (None, None)

    def _advanced(self, first: S.Expr, last: S.Expr, k: int, count: int) -> S.Expr:
        """The k-th term after `first` on the way to `last`."""
        if first == last:
            return first
        if type(first) is S.Name:
            x, y = self._cut(first.name, last.name)
            subs = tuple(m + (n - m) * k // count for m, n in zip(x, y, strict=True))
            return S.Name(self.families.spell(first.name, subs), first.span)
        if type(first) is S.Number:
            value = first.value + (last.value - first.value) * k // count
            return S.Number(value, str(value), first.span)
        parts = [
            self._advanced(x, y, k, count)
            for x, y in zip(S.children(first), S.children(last), strict=True)
        ]
        return _rebuilt(first, parts)


def _head(node: S.Expr):
    """What must be equal of two nodes besides their children."""
    match node:
        case S.Sum():
            return node.negative
        case S.Product():
            return node.inverse
        case S.Call():
            return node.function, len(node.axes)
        case S.Reduce():
            return node.op, len(node.indices), node.condition is None
        case S.Compare():
            return node.ops
    return None


def _rebuilt(node: S.Expr, parts: list[S.Expr]) -> S.Expr:
    """`node` with other children."""
    match node:
        case S.Negate() | S.Not():
            return replace(node, operand=parts[0])
        case S.Sum():
            return replace(node, terms=tuple(parts))
        case S.Product():
            return replace(node, factors=tuple(parts))
        case S.Power():
            return replace(node, base=parts[0], exponent=parts[1])
        case S.Compare() | S.And() | S.Or():
            return replace(node, operands=tuple(parts))
        case S.Subscript():
            return replace(node, subs=tuple(parts))
        case S.Call():
            n = len(node.axes)
            return replace(node, axes=tuple(parts[:n]), args=tuple(parts[n:]))
        case S.Reduce():
            n = len(node.indices)
            condition = None if node.condition is None else parts[n]
            return replace(node, indices=tuple(parts[:n]), condition=condition, body=parts[-1])
        case S.Last():
            return replace(node, index=parts[0], body=parts[1])
    return node


def _rename(node: S.Expr, names: dict[str, str]) -> S.Expr:
    if type(node) is S.Name:
        new = names.get(node.name)
        return node if new is None else S.Name(new, node.span)
    below = S.children(node)
    return _rebuilt(node, [_rename(x, names) for x in below]) if below else node


def _underscored(name: str, families: Families) -> str:
    readings = families.ambiguous[name].readings[:2]
    base = name.rstrip("0123456789_")
    return " or ".join(base + "_".join(map(str, r)) for r in readings)
