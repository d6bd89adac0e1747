"""Relations that determine no one name: those of systems to be solved.

    2*u_3 = u_2 + u_4          2*u[i] = u[i-1] + u[i+1]
    A_1_1*x_1 + A_1_2*x_2 = b_1          sum[j](A[i,j]*x[j]) = b[i]

In a block such a relation is an equation of its two sides (an `Op` named `EQUATION`). In place of a
left side that names an element, its subscripts are those of one of its scalars, chosen so that no
two relations have the same; or its place in the text, where there is no such scalar.
"""

from __future__ import annotations

import numpy as np

from hvm_vm.language import syntax as S
from hvm_vm.relations.names import FUNCTIONS

from .members import distinct
from .scan import LITERAL
from .skeleton import Block, Op, Ref, Tree, key, refs

EQUATION = "="  # the head of left sides that are none, and the kind of the operation
LEAST = 8       # fewer relations of a kind are solved as scalars


def is_implicit(statement: S.Statement) -> bool:
    """Whether a relation must be solved: its left side is no name, element, or function's head."""
    if type(statement) is not S.Relation:
        return False
    match statement.lhs:
        case S.Name(name=name):
            return name == LITERAL
        case S.Subscript():
            return False
        case S.Call(function=name):
            return name in FUNCTIONS
    return True


def equation(left: Tree, right: Tree) -> Op:
    """The two sides of a relation, in the order of their keys."""
    return Op(EQUATION, tuple(sorted((left, right), key=key)))


def as_equations(block: Block) -> Block:
    """The relations of a block, which determine scalars, as equations with the subscripts of
    these."""
    columns = block.left.columns
    return Block(Ref(f"{EQUATION}|{len(columns)}", columns), equation(block.left, block.right),
                 block.rows, block.statements)


def is_equation(block: Block) -> bool:
    return is_head(block.left.head)


def is_head(head: str) -> bool:
    """Whether a head is that of equations."""
    return head.startswith(EQUATION)


def rules(equations: list[tuple[Op, np.ndarray]]) -> list[tuple[str, str] | None]:
    """For each shape (its equation and rows) the rule by which its relations are told apart, the
    same for all shapes of the same scalars; None where none does."""
    groups: dict[tuple, list[int]] = {}
    for k, (tree, _) in enumerate(equations):
        groups.setdefault(tuple(sorted(r.head for r in refs(tree))), []).append(k)
    found: list[tuple[str, str] | None] = [None] * len(equations)
    for members in groups.values():
        options = [_candidates(equations[k][0]) for k in members]
        for rule in options[0]:
            if not all(rule in o for o in options):
                continue
            table = np.concatenate([_table(o[rule], equations[k][1])
                                    for o, k in zip(options, members, strict=True)])
            if len(distinct(table)) == len(table):
                for k in members:
                    found[k] = rule
                break
    return found


def subscripted(tree: Op, rows: np.ndarray, statements: np.ndarray, rule, order) -> Block:
    """The relations as a block whose left side has subscripts that tell them apart. order: the
    place of each statement among the relations of no rule."""
    if rule is None:
        table = np.array([order[n] for n in statements.tolist()], np.int64)[:, None]
    else:
        table = _table(_candidates(tree)[rule], rows)
    start, rank = rows.shape[1], table.shape[1]
    left = Ref(f"{EQUATION}|{rank}", tuple(range(start, start + rank)))
    return Block(left, tree, np.column_stack([rows, table]), statements)


def _table(candidate: list[Ref], rows: np.ndarray) -> np.ndarray:
    """The least subscripts of some scalars of one array, for each relation."""
    table = rows[:, list(candidate[0].columns)]
    at = np.arange(len(rows))
    for ref in candidate[1:]:
        other = rows[:, list(ref.columns)]
        first = (other != table).argmax(axis=1)
        less = other[at, first] < table[at, first]
        table = np.where(less[:, None], other, table)
    return table


def _candidates(tree: Op) -> dict[tuple[str, str], list[Ref]]:
    """Scalars whose subscripts may stand for a relation's: one that is alone on its side, one that
    is alone of its array, (the least of) those of an array, or any."""
    found: dict[tuple[str, str], list[Ref]] = {}
    for side in tree.args:
        own = [r for r in refs(side) if r.columns]
        if len(own) == 1:
            found["side", own[0].head] = own
    heads: dict[str, list[Ref]] = {}
    for ref in refs(tree):
        if ref.columns:
            heads.setdefault(ref.head, []).append(ref)
    for head in sorted(heads, key=lambda h: (len(heads[h]) > 1, h)):
        found["array", head] = heads[head]
    every = [ref for head in sorted(heads) for ref in heads[head]]
    if len(every) > 1:  # in a ring the least of two neighbours tells none apart
        for k, ref in enumerate(every):
            found["scalar", str(k)] = [ref]
    return found
