"""Unrolling: indexed HMP with small sizes, written out in scalars.

The opposite of lifting, written independently of it: every index is replaced by its values, every
reduction by its terms. Options make the text what people's generators make it: naming styles,
relations in any order, factors and terms commuted.
"""

from __future__ import annotations

import random
from itertools import product

from hvm_vm.language import parse
from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.source import Source

STYLES = {
    "under": lambda name, subs: name + "_".join(map(str, subs)),          # q1_2
    "all_under": lambda name, subs: "_".join((name, *map(str, subs))),    # q_1_2
    "digits": lambda name, subs: name + "".join(map(str, subs)),          # q12
    "lead": lambda name, subs: f"h{subs[0]}_{name}" + "_".join(map(str, subs[1:]))
    if len(subs) > 2 else name + "_".join(map(str, subs)),                # h1_q2_3
}


class Unroller:
    def __init__(self, text: str, sizes: dict[str, int], style: str = "under",
                 seed: int | None = None, commute: bool = False) -> None:
        source = Source("indexed", text)
        diagnostics = Diagnostics(source)
        self.file = parse(source, diagnostics)
        diagnostics.raise_if_errors()
        self.sizes = sizes
        self.spell = STYLES[style]
        self.random = random.Random(seed)
        self.shuffled = seed is not None
        self.commute = commute
        self.ranges = {}
        for s in self.file.statements:
            if type(s) is S.IndexDecl:
                lo, hi = self.number(s.lo, {}), self.number(s.hi, {})
                self.ranges |= {n.name: range(lo, hi + 1) for n in s.names}

    def lines(self) -> list[str]:
        found = []
        for s in self.file.statements:
            if type(s) is not S.Relation:
                continue
            subs = s.lhs.subs if type(s.lhs) is S.Subscript else ()
            free = list(dict.fromkeys(
                n.name for x in subs for n in S.walk(x) if type(n) is S.Name
                and n.name in self.ranges))
            for values in product(*(self.ranges[n] for n in free)):
                at = dict(zip(free, values, strict=True))
                if s.where is None or self.truth(s.where, at):
                    found.append(f"{self.text(s.lhs, at)} = {self.text(s.rhs, at)}")
        if self.shuffled:
            self.random.shuffle(found)
        return found

    # -- values of integer expressions ---------------------------------------------------------
    def number(self, e: S.Expr, at: dict) -> int:
        match e:
            case S.Number():
                return int(e.value)
            case S.Name():
                return at[e.name] if e.name in at else self.sizes[e.name]
            case S.Negate():
                return -self.number(e.operand, at)
            case S.Sum():
                return sum((-1 if f else 1) * self.number(t, at)
                           for t, f in zip(e.terms, e.negative, strict=True))
            case S.Product():
                total = 1
                for f in e.factors:
                    total *= self.number(f, at)
                return total
        raise AssertionError(e)

    def truth(self, e: S.Expr, at: dict) -> bool:
        if type(e) is S.And:
            return all(self.truth(o, at) for o in e.operands)
        ops = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__", "=": "__eq__",
               "!=": "__ne__"}
        values = [self.number(o, at) for o in e.operands]
        return all(getattr(a, ops[o])(b)
                   for a, o, b in zip(values, e.ops, values[1:], strict=False))

    # -- text ----------------------------------------------------------------------------------
    def text(self, e: S.Expr, at: dict) -> str:
        match e:
            case S.Number():
                return e.text
            case S.Name():
                return str(at[e.name]) if e.name in at else str(self.sizes.get(e.name, e.name))
            case S.Subscript():
                subs = [self.number(s, at) for s in e.subs]
                return self.spell(e.name, subs)
            case S.Negate():
                return f"-({self.text(e.operand, at)})"
            case S.Power():
                return f"({self.text(e.base, at)})^{self.text(e.exponent, at)}"
            case S.Call():
                return f"{e.function}({', '.join(self.text(a, at) for a in e.args)})"
            case S.Sum():
                return "(" + self.signed([(f, self.text(t, at)) for t, f in zip(
                    e.terms, e.negative, strict=True)]) + ")"
            case S.Product():
                parts = [(f, self.text(t, at)) for t, f in zip(e.factors, e.inverse, strict=True)]
                if self.commute and not any(f for f, _ in parts):
                    self.random.shuffle(parts)
                return "*".join(("1/" if k == 0 and f else "") + t if k == 0 else t
                                for k, (f, t) in enumerate(parts)) if not any(
                    f for f, _ in parts) else parts[0][1] + "".join(
                    ("/" if f else "*") + t for f, t in parts[1:])
            case S.Reduce():
                return self.reduction(e, at)
        raise AssertionError(e)

    def signed(self, parts: list[tuple[bool, str]]) -> str:
        if self.commute and not any(f for f, _ in parts):
            self.random.shuffle(parts)
        out = ("-" if parts[0][0] else "") + parts[0][1]
        return out + "".join((" - " if f else " + ") + t for f, t in parts[1:])

    def reduction(self, e: S.Reduce, at: dict) -> str:
        terms = []
        for values in product(*(self.ranges[n.name] for n in e.indices)):
            inner = {**at, **{n.name: v for n, v in zip(e.indices, values, strict=True)}}
            if e.condition is None or self.truth(e.condition, inner):
                terms.append(self.text(e.body, inner))
        if self.commute:
            self.random.shuffle(terms)
        if e.op == "sum":
            return "(" + " + ".join(terms) + ")"
        if e.op == "prod":
            return "(" + "*".join(terms) + ")"
        if e.op == "mean":
            return "((" + " + ".join(terms) + f")/{len(terms)})"
        return f"{e.op}({', '.join(terms)})"


def unrolled(text: str, sizes: dict[str, int], **options) -> str:
    """`text` in scalars."""
    return "\n".join(Unroller(text, sizes, **options).lines()) + "\n"
