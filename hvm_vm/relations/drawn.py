"""One relation that determines a name, resolved: its left side, condition and body."""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.bytecode.sizes import Size
from hvm_vm.language import syntax as S

from .affine import Integers, plain_index
from .guards import conjunction
from .problems import POISON, TooLarge, Unsupported
from .report import joined
from .resolve import Resolver
from .scope import Free
from .system import Apply, Const, Expr, Index, IndexValue, SizeValue


@dataclass(slots=True)
class Drawn:
    """`name[subscripts] = body` for all values of `indices` where `condition` holds.

    `places` are the subscripts as polynomials, `constants` how many of them hold no index. `bad`:
    errors were reported, so nothing more should be concluded from it.
    """

    node: S.Relation
    name: str
    indices: tuple[Index, ...]
    subscripts: tuple[Expr, ...]
    places: tuple[Size, ...]
    condition: Expr | None
    body: Expr
    otherwise: bool = False
    constants: int = 0
    bad: bool = False
    excluded: tuple = ()
    # Of a name that is solved for: the body must be 0, and reads the name itself.
    implicit: bool = False
    others: tuple[S.Relation, ...] = ()  # the other cases that `body` chooses from


def draw(node: S.Relation, resolver: Resolver, integers: Integers) -> Drawn:
    """Resolve `name… = …`; what is wrong is reported and leaves a Drawn that is `bad`."""
    frame = resolver.begin()
    lhs = node.lhs
    if type(lhs) is S.Name and node.where is None:  # the only kind in files of 10^5 scalars
        body = _guarded(node, resolver, lambda: resolver.expr(node.rhs, frame))
        if frame.names and not resolver.bad:
            _free_index(node, frame, (), resolver)
        return Drawn(node, lhs.name, (), (), (), None, body, node.otherwise, 0, resolver.bad)

    def read():
        subs = tuple(resolver.place(s, frame) for s in lhs.subs) if type(lhs) is S.Subscript else ()
        left = tuple(frame.names.values())
        body = resolver.expr(node.rhs, frame)
        condition = None if node.where is None else resolver.expr(node.where, frame)
        return subs, left, condition, body

    drawn = _guarded(node, resolver, read)
    if drawn is POISON:
        return Drawn(node, lhs.name, (), (), (), None, POISON, node.otherwise, 0, True)
    subs, left, condition, body = drawn
    if not resolver.bad and len(frame.names) > len(left):
        _free_index(node, frame, left, resolver)
    places = []
    for sub, wrote in zip(subs, getattr(lhs, "subs", ()), strict=True):
        polynomial = None if resolver.bad else integers.polynomial(sub)
        if polynomial is None or integers.affine(polynomial) is None:
            if not resolver.bad:
                resolver.error(
                    f"the left side of `{resolver.report.quote(node.span)}` needs subscripts that"
                    f" are affine in the indices",
                    wrote.span,
                    "such as t, t+1, 2*k+1, or a constant",
                )
            places.append(Size.of(0))
            continue
        places.append(polynomial)
    if len(places) > 1 and not resolver.bad:
        left, places, subs, condition = _off_diagonal(
            left, places, subs, condition, resolver, integers
        )
    constants = sum(not integers.mixed(p) for p in places)
    tidy = tuple(
        s if type(s) in (IndexValue, Const, SizeValue) else integers.expression(p)
        for s, p in zip(subs, places, strict=True)
    )
    if not resolver.bad:
        # An index that cancels (t - t) would leave the left side without it.
        used = {i for p in places for i in integers.affine(p)[0]}
        missing = [i for i in left if i not in used]
        if missing:
            resolver.error(
                f"the index {missing[0].text} cancels on the left of"
                f" `{resolver.report.quote(node.span)}`",
                lhs.span,
            )
    return Drawn(
        node, lhs.name, left, tidy, tuple(places), condition, body, node.otherwise, constants,
        resolver.bad,
    )  # fmt: skip


def _off_diagonal(left, places, subs, condition, resolver: Resolver, integers: Integers):
    """A diagonal `E[i,i]` as `E[i,i']` where i' = i: every axis with an index of its own."""
    seen: set[Size] = set()
    left, places, subs = list(left), list(places), list(subs)
    for k, place in enumerate(places):
        index = plain_index(place, integers)
        if index is None or place not in seen:
            seen.add(place)
            continue
        new = resolver.index_names.new(index.text, index)
        left.append(new)
        places[k] = integers.index(new)
        subs[k] = IndexValue(new)
        equal = Apply("eq", (subs[k], IndexValue(index)))
        condition = conjunction([equal, condition])
    return tuple(left), places, tuple(subs), condition


def _guarded(node: S.Relation, resolver: Resolver, read):
    """`read()`, or POISON with the reason reported."""
    report = resolver.report
    try:
        return read()
    except Unsupported as problem:
        unsupported(node, problem, resolver)
    except TooLarge:
        report.error(
            f"`{report.quote(node.span)}` is too large when its functions are written out",
            node.span,
            help="give intermediate results names of their own",
        )
    resolver.bad = True
    return POISON


def unsupported(node, problem: Unsupported, resolver: Resolver) -> None:
    """Report that this version does not do what `node` needs."""
    report = resolver.report
    report.error(
        f"`{report.quote(node.span)}` needs {problem} which is not supported in this version"
        if str(problem).endswith(",")
        else f"`{report.quote(node.span)}` needs {problem}, which is not supported in this version",
        problem.span,
    )


def _free_index(node: S.Relation, frame: Free, left: tuple, resolver: Resolver) -> None:
    names = [n for n, i in frame.names.items() if i not in left]
    lhs = resolver.report.quote(node.lhs.span)
    where = "on the right"
    if node.where is not None:
        found = {x.name for x in _names(node.where)}
        if all(n in found for n in names) and not any(x.name in names for x in _names(node.rhs)):
            where = "in the condition"
    plural = len(names) > 1
    resolver.error(
        f"the {'indices' if plural else 'index'} {joined(names)} {'are' if plural else 'is'} free"
        f" {where} of `{resolver.report.quote(node.span)}`, but the left side has"
        f" {'none of them' if plural else 'no ' + names[0]}",
        next((x.span for x in _names(node.rhs) if x.name in names), node.span),
        f"reduce over {'them' if plural else 'it'}, as in sum[{','.join(names)}](…), or add"
        f" {'them' if plural else 'it'} to the subscripts of {lhs}; for a relation with one {lhs}"
        f" for every {joined(names)}, turn it round: … = {lhs}",
    )


def _names(expr: S.Expr):
    return (x for x in S.walk(expr) if type(x) is S.Name)
