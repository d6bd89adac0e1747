"""Pieces as syntax: indexed relations such as a person would write."""

from __future__ import annotations

import numpy as np

from hvm_vm.language import syntax as S
from hvm_vm.language.source import NOWHERE, Span

from .blocks import number
from .forms import Form, Lookup, Terms, index_form, integer
from .implicit import is_equation
from .indices import Indices
from .members import Unliftable
from .pieces import Piece
from .skeleton import Chain, Lit, Num, Op, Ref, Run, Tree, columns


class Writer:
    """Writes pieces. `names` gives each array's name, `scalar` that of an element of a family that
    is no array."""

    def __init__(self, names: dict[str, str], indices: Indices, scalar, taken: set[str]) -> None:
        self.names = names
        self.indices = indices
        self.scalar = scalar
        self.taken = taken
        self.tables: dict[tuple, tuple[str, S.Relation]] = {}

    def table(self, lo: tuple[int, ...], values: np.ndarray) -> str:
        """The name of a table of whole numbers whose first subscripts are `lo`."""
        key = lo, values.shape, values.tobytes()
        if key not in self.tables:
            choices = (f"k{k}" for k in range(1, len(self.taken) + 2))
            name = next(n for n in choices if n not in self.taken)
            self.taken.add(name)
            used: dict[str, None] = {}
            for first, extent in zip(lo, values.shape, strict=True):
                used[self.indices.get(first, first + extent - 1, used)] = None
            left = S.Subscript(name, tuple(map(S.Name, used)))
            rows = np.indices(values.shape).reshape(len(lo), -1).T
            numbers = [integer(v) for v in values.reshape(-1).tolist()]
            self.tables[key] = name, S.Relation(left, values_list(rows, numbers))
        return self.tables[key][0]

    def relation(self, piece: Piece, span: Span) -> S.Relation:
        """The relation that a piece is."""
        scope = _Scope(self)
        region, block = piece.region, piece.block
        axes: list[Form] = []
        for lo, hi, step in zip(region.lo, region.hi, region.step, strict=True):
            axes.append(scope.axis(lo, hi, step))
        forms = {k: form for k, form in enumerate(axes)}
        rule, width = piece.rule, len(axes)
        counters = axes
        if rule.step is not None:
            counters = [form.counted(int(o), int(s))
                        for form, o, s in zip(axes, rule.origin, rule.step, strict=True)]
        for k in range(len(rule.offsets)):
            form = Form(int(rule.offsets[k]))
            for axis, coefficient in zip(counters, rule.coefficients[k].tolist(), strict=True):
                if coefficient:
                    form = form.plus(axis, coefficient)
            forms[width + k] = form
        for k, values in piece.tables.items():
            more = (1,) * (values.ndim - len(region.lo))  # the terms of a run
            name = self.table((*region.lo, *more), values)
            at = tuple(f.expr() for f in axes)
            if more:
                forms[width + k] = Terms(name, at)
            else:
                ends = int(values.min()), int(values.max())
                forms[width + k] = Lookup(S.Subscript(name, at), Form(), ends)
        left: S.Expr = S.Name(block.left.head, span)
        if is_equation(block):
            return self.equation(block, scope, forms, region, span)
        if axes and block.left.head not in self.names:
            left = S.Name(self.scalar(block.left.head, region.lo), span)
        elif axes:
            subs = tuple(f.expr() for f in axes)
            left = S.Subscript(self.names[block.left.head], subs, span)
        return S.Relation(left, scope.tree(block.right, forms), self.where(region, axes), span=span)

    def equation(self, block, scope: _Scope, forms, region, span: Span) -> S.Relation:
        """A relation that determines no one name."""
        axes = [forms[k] for k in range(len(region.lo))]
        sides = [scope.tree(side, forms) for side in block.right.args]
        names = {n.name for side in sides for n in S.walk(side) if type(n) is S.Name}
        if not names >= {i for a in axes for i, _ in a.terms}:
            raise Unliftable("relations that say the same")
        # A lone name on the left would say that the relation determines it.
        sides.sort(key=lambda s: type(s) in (S.Name, S.Subscript))
        if type(sides[0]) in (S.Name, S.Subscript):
            sides = [S.Sum((sides[0], S.Negate(sides[1])), (False, False)), integer(0)]
        return S.Relation(sides[0], sides[1], self.where(region, axes), span=span)

    def where(self, region, axes: list[Form]) -> S.Expr | None:
        """The condition that cuts a region out of its box."""
        bounds = [_at_most(axes[a], axes[b].shifted(most)) for a, b, most in region.bounds]
        for point in region.without:
            differ = [S.Compare((f.expr(), integer(p)), ("!=",))
                      for f, p in zip(axes, point, strict=True) if f.terms]
            bounds.append(differ[0] if len(differ) == 1 else S.Or(tuple(differ)))
        return None if not bounds else bounds[0] if len(bounds) == 1 else S.And(tuple(bounds))


class _Scope:
    """The indices of one relation and the forms of its columns."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.ranges: dict[str, tuple[int, int]] = {}

    def axis(self, lo: int, hi: int, step: int) -> Form:
        """The form of one subscript on the left."""
        if lo == hi:
            return Form(lo)
        if step == 1:
            return index_form(self.new(lo, hi))
        first = 1 if lo - step >= 0 or lo == step else 0
        count = (hi - lo) // step
        name = self.new(first, first + count)
        return index_form(name, step, lo - step * first)

    def new(self, lo: int, hi: int) -> str:
        name = self.writer.indices.get(lo, hi, self.ranges)
        self.ranges[name] = (lo, hi)
        return name

    def tree(self, tree: Tree, forms: dict[int, Form]) -> S.Expr:
        match tree:
            case Lit():
                return number(tree.text)
            case Ref():
                if not tree.columns:
                    return S.Name(tree.head)
                subs = tuple([forms[c].expr() for c in tree.columns])
                return S.Subscript(self.writer.names[tree.head], subs)
            case Num():
                return forms[tree.column].expr()
            case Op():
                return _operation(tree.kind, tuple([self.tree(a, forms) for a in tree.args]))
            case Chain():
                return self.chain(tree, forms)
            case Run():
                return self.run(tree, forms)
        raise TypeError(tree)

    def chain(self, tree: Chain, forms) -> S.Expr:
        parts = [self.tree(p, forms) for p in tree.parts]
        flags = list(tree.flags)
        if tree.op in ("max", "min"):
            return S.Call(tree.op, (), tuple(parts))
        if all(flags):
            if tree.op == "prod":
                parts, flags = [S.Number(1, "1"), *parts], [False, *flags]
            else:
                parts[0], flags[0] = S.Negate(parts[0]), False
        first = flags.index(False)
        parts.insert(0, parts.pop(first))
        flags.insert(0, flags.pop(first))
        if len(parts) == 1:
            return parts[0]
        if tree.op == "prod":
            return S.Product(tuple(parts), tuple(flags))
        return S.Sum(tuple(parts), tuple(flags))

    def run(self, tree: Run, forms: dict[int, Form]) -> S.Expr:
        """A reduction. Its index takes the place of a subscript that goes up by one, if there is
        one with a fixed end; else it counts the terms."""
        own = columns(tree.body)
        count = forms[tree.count]
        outer = dict(self.ranges)
        low, high, first, sign = self.best(tree, own, forms, count)
        lo, hi = low.bounds(outer)[0], high.bounds(outer)[1]
        name = self.new(lo, hi)
        # The k-th term, k from 0, has the index `first + sign*k`.
        place = index_form(name).plus(first, -1)
        inner = dict(forms)
        for column, step in zip(own, tree.steps, strict=True):
            if step:
                inner[column] = forms[column].plus(place, step * sign)
        conditions = []
        if low.terms:
            conditions.append(_at_most(low, index_form(name)))
        if type(high) is Lookup:
            conditions.append(S.Compare((S.Name(name), high.expr()), ("<=",)))
        elif high.terms:
            conditions.append(_at_most(index_form(name), high))
        body = self.tree(tree.body, inner)
        self.ranges = outer
        condition = None
        if conditions:
            condition = conditions[0] if len(conditions) == 1 else S.And(tuple(conditions))
        index = (S.Name(name),)
        if condition is None and isinstance(body, S.Reduce) and body.op == tree.op and (
                body.condition is None):
            return S.Reduce(tree.op, index + body.indices, None, body.body)
        return S.Reduce(tree.op, index, condition, body)

    def best(self, tree: Run, own, forms, count: Form):
        """(first, last value, value at the first term, direction) of the run's index."""
        found = None
        for column, step in zip(own, tree.steps, strict=True):
            if abs(step) != 1 or type(forms[column]) is not Form:
                continue
            start, end = forms[column], forms[column].plus(count.shifted(-1), step)
            low, high = (start, end) if step == 1 else (end, start)
            score = bool(low.terms) + bool(high.terms)
            if score < 2 and (found is None or score < found[0]):
                found = score, low, high, start, step
        if found is not None:
            return found[1:]
        return Form(1), count, Form(1), 1


def _at_most(a: Form, b: Form) -> S.Expr:
    """`a <= b`, with the constants on the right, and `<` where that reads better."""
    b = b.shifted(-a.constant)
    a = Form(0, a.terms)
    if b.constant == -1 and b.terms:
        return S.Compare((a.expr(), Form(0, b.terms).expr()), ("<",))
    return S.Compare((a.expr(), b.expr()), ("<=",))


def _operation(kind: str, args: tuple[S.Expr, ...]) -> S.Expr:
    if kind == "^":
        return S.Power(*args)
    if kind == "not":
        return S.Not(*args)
    if kind == "and":
        return S.And(args)
    if kind == "or":
        return S.Or(args)
    if kind.startswith("cmp "):
        return S.Compare(args, tuple(kind.split()[1:]))
    return S.Call(kind, (), args)


def values_list(table: np.ndarray, values: list[S.Expr]) -> S.Expr:
    """A nested list of constants from subscripts and values; 0 where there is none."""
    lo, hi = table.min(axis=0), table.max(axis=0)
    shape = tuple((hi - lo + 1).tolist())
    array = np.empty(shape, object)
    array.fill(S.Number(0, "0"))
    for place, value in zip((table - lo).tolist(), values, strict=True):
        array[tuple(place)] = value

    def nested(part) -> S.Expr:
        if part.ndim == 1:
            return S.ListExpr(tuple(part))
        return S.ListExpr(tuple(nested(p) for p in part))

    return nested(array)


__all__ = ["NOWHERE", "Writer", "integer", "values_list"]
