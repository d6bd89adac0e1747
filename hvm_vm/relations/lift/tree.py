"""From the syntax tree of a shape to a skeleton, in normal form.

Sums and products are flat, signs stand on the terms of sums, the parts of products are in the order
of their keys, so that factors which were commuted come to lie together.
"""

from __future__ import annotations

from hvm_vm.language import syntax as S

from .scan import DIGITS, LITERAL
from .skeleton import Chain, Dots, Lit, Op, Ref, Tree, key


class NotLiftable(Exception):
    """This shape stays as it is."""


class Reader:
    """Reads one shape. `names` lists the skeletons of the scalars with digits in the order of the
    text; `Ref.columns` are, until `resolve`, the place in that list."""

    def __init__(self, literals: tuple[str, ...]) -> None:
        self.literals = iter(literals)
        self.names: list[str] = []

    def name(self, node: S.Name) -> Tree:
        text = node.name
        if text == LITERAL:
            return Lit(next(self.literals))
        if LITERAL in text:
            raise NotLiftable
        if DIGITS not in text:
            return Ref(text)
        self.names.append(text)
        return Ref(text, (len(self.names) - 1,))

    def read(self, node: S.Expr) -> Tree:
        match node:
            case S.Name():
                return self.name(node)
            case S.Number():
                return Lit(node.text or repr(node.value))
            case S.Ellipsis():
                return Dots()
            case S.Negate():
                return negated(self.read(node.operand))
            case S.Power():
                return Op("^", (self.read(node.base), self.read(node.exponent)))
            case S.Sum():
                return added([self.read(t) for t in node.terms], list(node.negative))
            case S.Product():
                return multiplied([self.read(f) for f in node.factors], list(node.inverse))
            case S.Call():
                if node.axes or DIGITS in node.function or LITERAL in node.function:
                    raise NotLiftable
                args = tuple([self.read(a) for a in node.args])
                if node.function in ("max", "min") and len(args) > 1:
                    return Chain(node.function, args, (False,) * len(args))
                return Op(node.function, args)
            case S.Compare():
                return Op(" ".join(("cmp", *node.ops)), tuple(map(self.read, node.operands)))
            case S.Not():
                return Op("not", (self.read(node.operand),))
            case S.And():
                return Op("and", tuple(map(self.read, node.operands)))
            case S.Or():
                return Op("or", tuple(map(self.read, node.operands)))
        raise NotLiftable


def negated(tree: Tree) -> Tree:
    """`-tree`, as a sum of one subtracted term."""
    if isinstance(tree, Chain) and tree.op == "sum" and not _dots(tree.parts):
        return Chain("sum", tree.parts, tuple(not f for f in tree.flags))
    return Chain("sum", (tree,), (True,))


def added(terms: list[Tree], flags: list[bool]) -> Tree:
    if _dots(terms):
        return Chain("sum", tuple(terms), tuple(flags))
    parts: list[Tree] = []
    signs: list[bool] = []
    for term, negative in zip(terms, flags, strict=True):
        if isinstance(term, Chain) and term.op == "sum" and not _dots(term.parts):
            parts.extend(term.parts)
            signs.extend(f != negative for f in term.flags)
        else:
            parts.append(term)
            signs.append(negative)
    return Chain("sum", tuple(parts), tuple(signs))


def multiplied(factors: list[Tree], flags: list[bool]) -> Tree:
    """A product; the signs of its factors are its own."""
    if _dots(factors):
        return Chain("prod", tuple(factors), tuple(flags))
    parts: list[Tree] = []
    inverse: list[bool] = []
    sign = False
    for factor, down in zip(factors, flags, strict=True):
        if isinstance(factor, Chain) and factor.op == "sum" and factor.flags == (True,):
            sign = not sign
            factor = factor.parts[0]
        if isinstance(factor, Chain) and factor.op == "prod" and not _dots(factor.parts) and (
                not down):
            parts.extend(factor.parts)
            inverse.extend(factor.flags)
        else:
            parts.append(factor)
            inverse.append(down)
    product = parts[0] if len(parts) == 1 and not inverse[0] else Chain(
        "prod", tuple(parts), tuple(inverse))
    return Chain("sum", (product,), (True,)) if sign else product


def _dots(parts) -> bool:
    return any(isinstance(p, Dots) for p in parts)


def resolved(tree: Tree, places: list[tuple[str, tuple[int, ...]]]) -> Tree:
    """The skeleton with (head, columns) for each scalar, by its place in the text."""
    match tree:
        case Ref():
            return Ref(*places[tree.columns[0]]) if tree.columns else tree
        case Op():
            return Op(tree.kind, tuple([resolved(a, places) for a in tree.args]))
        case Chain():
            return Chain(tree.op, tuple([resolved(p, places) for p in tree.parts]), tree.flags)
    return tree


def settled(tree: Tree) -> Tree:
    """The skeleton with the parts of every chain in the order of their keys. Chains whose parts all
    differ in kind are done: nothing in them can roll."""
    match tree:
        case Op():
            return Op(tree.kind, tuple([settled(a) for a in tree.args]))
        case Chain():
            parts = [settled(p) for p in tree.parts]
            if _dots(parts):
                return Chain(tree.op, tuple(parts), tree.flags)
            kinds = [(f, key(p)) for f, p in zip(tree.flags, parts, strict=True)]
            order = sorted(range(len(parts)), key=kinds.__getitem__)
            done = len(set(kinds)) == len(kinds) and all(map(is_done, parts))
            return Chain(
                tree.op, tuple([parts[k] for k in order]), tuple([tree.flags[k] for k in order]),
                done)
    return tree


def is_done(tree: Tree) -> bool:
    match tree:
        case Op():
            return all(map(is_done, tree.args))
        case Chain():
            return tree.done
    return True
