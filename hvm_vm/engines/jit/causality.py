"""Seeing that a condition lets a query see the keys up to an affine limit: causal attention.

The limit holds as `divisor*key <= const + step*query` in counters; what else the condition asks is
left over. Conditions are trees of lane nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.engines.bound import BoundInstruction

# Whole numbers up to here are exact in lanes of a type, and so are sums of a few of them.
WHOLE = {"f32": 1 << 22, "f64": 1 << 50, "i64": 1 << 60}


@dataclass(frozen=True, slots=True)
class Limit:
    """Query i sees the keys 0 … floor((const + step*i)/divisor)."""

    const: int
    step: int
    divisor: int


def affine(one: BoundInstruction, node: int, most: int) -> dict[int, int] | None:
    """A node as `sum(coefficient*counter of dim) + constant` (the key -1), or None; None, too, when
    it may pass `most`, where lanes would round or wrap."""
    form = _form(one, node, most)
    if form is None:
        return None
    reach = sum(abs(c) * (one.extents[d] if d >= 0 else 1) for d, c in form.items())
    return form if reach <= most else None


def _form(one: BoundInstruction, node: int, most: int) -> dict[int, int] | None:
    op, args = one.nodes[node].op, one.nodes[node].args
    immediate = one.nodes[node].immediate
    if op == "iconst":
        return {-1: int(immediate)}
    if op == "const" and float(immediate).is_integer():
        return {-1: int(immediate)}
    if op == "index":
        if one.extents[immediate] == 1:
            return {-1: one.los[immediate]}
        return {immediate: 1, -1: one.los[immediate]}
    if op == "float":
        return affine(one, args[0], most)
    if op not in ("iadd", "isub", "ineg", "imul", "add", "sub", "neg", "mul"):
        return None
    parts = [affine(one, a, most) for a in args]
    if any(part is None for part in parts):
        return None
    if op in ("ineg", "neg"):
        return _scaled(parts[0], -1)
    if op in ("imul", "mul"):
        for left, right in (parts, parts[::-1]):
            if set(left) <= {-1}:
                return _scaled(right, left.get(-1, 0))
        return None
    return _sum(parts[0], _scaled(parts[1], 1 if op in ("iadd", "add") else -1))


def _scaled(form, factor):
    return {d: c * factor for d, c in form.items()}


def _sum(a, b):
    total = {d: a.get(d, 0) + b.get(d, 0) for d in {*a, *b}}
    return {d: c for d, c in total.items() if c or d == -1}


def split(one: BoundInstruction, root: int | None, query: int, key: int, precision: str
          ) -> tuple[Limit | None, int | None]:
    """The limit that a condition sets, and the root of what is left of it (None: nothing).

    Only a condition that is one comparison, or a conjunction with one comparison on a side, is
    taken apart; others are left whole."""
    if root is None:
        return None, None
    limit = _limit(one, root, query, key, precision)
    if limit is not None:
        return limit, None
    node = one.nodes[root]
    if node.op == "and":
        for mine, other in (node.args, node.args[::-1]):
            limit = _limit(one, mine, query, key, precision)
            if limit is not None:
                return limit, other
    return None, root


def _limit(one, root: int, query: int, key: int, precision: str) -> Limit | None:
    node = one.nodes[root]
    if node.op not in ("ile", "ilt", "le", "lt"):
        return None
    most = WHOLE[precision] if node.op in ("le", "lt") else WHOLE["i64"]
    left, right = (affine(one, a, most) for a in node.args)
    if left is None or right is None:
        return None
    form = _sum(left, _scaled(right, -1))  # form <= 0, or < 0
    slack = 1 if node.op in ("ilt", "lt") else 0
    if set(form) - {-1, query, key} or form.get(key, 0) <= 0:
        return None
    return Limit(-form.get(-1, 0) - slack, -form.get(query, 0), form[key])
