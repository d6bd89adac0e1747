"""What a file says, sorted by kind, and which names it speaks of.

`read` sorts the statements: index declarations, inputs, functions, the relations that determine
each name, those that only hold (implicit), checks. `survey` walks the expressions once and lists
every variable's occurrences. Nothing is resolved yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from hvm_vm.language import syntax as S
from hvm_vm.language.source import Span

from .report import Report

FUNCTIONS: dict[str, tuple[int, int | None]] = {
    **dict.fromkeys(
        ("exp", "log", "sqrt", "abs", "sign", "floor", "ceil", "round", "sin", "cos", "tan"), (1, 1)
    ),
    **dict.fromkeys(
        ("asin", "acos", "atan", "sinh", "cosh", "tanh", "erf", "sigmoid"), (1, 1)
    ),
    "mod": (2, 2),
    "atan2": (2, 2),
    "min": (1, None),
    "max": (1, None),
    "if": (3, 3),
}
"""The built-in functions and how many arguments each takes (least, most)."""

CONSTANTS = {"pi": math.pi, "π": math.pi, "inf": math.inf}


@dataclass(frozen=True, slots=True)
class Function:
    """`name[axes](parameters) = body`."""

    name: str
    axes: tuple[str, ...]
    parameters: tuple[str, ...]
    body: S.Expr
    span: Span


@dataclass
class Outline:
    """The statements of a file by kind. `relations[name]` are those written `name… = …`."""

    indices: dict[str, S.IndexDecl] = field(default_factory=dict)
    index_spans: dict[str, Span] = field(default_factory=dict)
    givens: dict[str, S.GivenItem] = field(default_factory=dict)
    has_given: bool = False
    functions: dict[str, Function] = field(default_factory=dict)
    relations: dict[str, list[S.Relation]] = field(default_factory=dict)
    implicit: list[S.Relation] = field(default_factory=list)
    outside: dict[str, S.Relation] = field(default_factory=dict)
    checks: list[S.Check] = field(default_factory=list)
    finds: list[S.Find] = field(default_factory=list)
    guesses: list[S.Guess] = field(default_factory=list)
    precision: str = "f64"
    defined: frozenset[str] = frozenset()  # what the file says by itself; π may be among it


def read(file: S.File, report: Report) -> Outline:
    """Sort the statements of `file`; what contradicts itself is reported and left out."""
    out = Outline()
    precision: S.Precision | None = None
    for statement in file.statements:
        match statement:
            case S.Relation():
                pass  # after the declarations, which decide what a left side is
            case S.IndexDecl():
                _read_indices(statement, out, report)
            case S.Given():
                out.has_given = True
                for item in statement.items:
                    _read_given(item, out, report)
            case S.Find():
                out.finds.append(statement)
            case S.Guess():
                out.guesses.append(statement)
            case S.Check():
                out.checks.append(statement)
            case S.Precision():
                name = {"float32": "f32", "float64": "f64"}.get(statement.name)
                if name is None:
                    report.error(
                        f"the precision {statement.name} is not known",
                        statement.span,
                        help="write precision float32 or precision float64",
                    )
                    continue
                if precision is not None and precision.name != statement.name:
                    report.error(
                        "two precisions are asked for",
                        statement.span,
                        notes=[("the first one is here", precision.span)],
                    )
                    continue
                precision = statement
                out.precision = name
    for name, item in list(out.givens.items()):
        if name in out.indices:
            report.error(
                f"{name} is an index, so it cannot also be an input",
                item.name_span,
                notes=[(f"{name} is declared an index here", out.index_spans[name])],
            )
            del out.givens[name]
    for statement in file.statements:
        if type(statement) is S.Relation:
            _read_relation(statement, out, report)
    out.defined = frozenset(out.relations) | frozenset(out.givens) | frozenset(out.indices)
    return out


def _read_indices(statement: S.IndexDecl, out: Outline, report: Report) -> None:
    for name in statement.names:
        if name.name in out.indices:
            report.error(
                f"the index {name.name} is declared twice",
                name.span,
                notes=[("the first declaration is here", out.index_spans[name.name])],
            )
            continue
        out.indices[name.name] = statement
        out.index_spans[name.name] = name.span


def _read_given(item: S.GivenItem, out: Outline, report: Report) -> None:
    if item.name in out.givens:
        report.error(
            f"{item.name} is given twice",
            item.name_span,
            notes=[("the first one is here", out.givens[item.name].name_span)],
        )
        return
    out.givens[item.name] = item


def _read_relation(statement: S.Relation, out: Outline, report: Report) -> None:
    lhs = statement.lhs
    kind = type(lhs)
    if kind is S.Name or kind is S.Subscript:
        name = lhs.name
        if name in out.indices and kind is S.Name and not statement.outside and any(
            isinstance(n, S.Name | S.Subscript) and n.name not in out.indices
            for n in S.walk(statement.rhs)
        ):
            out.implicit.append(statement)  # `i = x[i]^2` is for x
        elif name in out.indices:
            report.error(
                f"{name} is an index, so no relation can determine it",
                lhs.span,
                help="give the variable another name",
                notes=[(f"{name} is declared an index here", out.index_spans[name])],
            )
        elif statement.outside:
            if name in out.outside:
                report.error(
                    f"the elements of {name} outside its ranges are given twice",
                    statement.span,
                    notes=[("the first relation is here", out.outside[name].span)],
                )
            else:
                out.outside[name] = statement
        else:
            out.relations.setdefault(name, []).append(statement)
        return
    if statement.outside:
        report.error(
            "outside belongs to a relation written `name[…] = … outside`", statement.span
        )
        return
    if kind is S.Call and _is_definition(lhs, statement, out, report):
        return
    out.implicit.append(statement)


def _is_definition(lhs: S.Call, statement: S.Relation, out: Outline, report: Report) -> bool:
    """Take a definition of a function; False when the relation is none."""
    name = lhs.function
    plain = all(type(a) is S.Name for a in (*lhs.args, *lhs.axes)) and lhs.args
    if not plain or name in FUNCTIONS or name in S.REDUCTIONS:
        return False
    if name == "d":
        report.error("d is the derivative, so it cannot be defined as a function", lhs.name_span)
        return True
    if name in out.functions:
        report.error(
            f"the function {name} is defined twice",
            statement.span,
            notes=[("the first definition is here", out.functions[name].span)],
        )
        return True
    parameters = tuple(a.name for a in lhs.args)
    axes = tuple(a.name for a in lhs.axes)
    if len({*parameters, *axes}) < len(parameters) + len(axes):
        report.error(f"two parameters of {name} have the same name", lhs.span)
    if statement.where is not None or statement.otherwise:
        report.error(
            f"the definition of the function {name} cannot have a condition",
            statement.span,
            help="choose inside it: if(condition, a, b)",
        )
        return True
    out.functions[name] = Function(name, axes, parameters, statement.rhs, statement.span)
    return True


# --- Occurrences -----------------------------------------------------------------------------


@dataclass
class Survey:
    """Every name that stands where a variable may stand.

    `scalars` counts plain names, `arrays` lists (rank, span) of subscripted ones, `in_subscripts`
    are plain names inside subscripts; `ellipses` are the relations that hold `...`.
    """

    scalars: dict[str, int] = field(default_factory=dict)
    first: dict[str, Span] = field(default_factory=dict)
    arrays: dict[str, list[tuple[int, Span]]] = field(default_factory=dict)
    in_subscripts: set[str] = field(default_factory=set)
    in_functions: set[str] = field(default_factory=set)
    # Occurrences outside the left sides of the relations that determine the name.
    uses: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> int:
        return self.scalars.get(name, 0) + len(self.arrays.get(name, ()))

    def names(self) -> Iterable[str]:
        yield from self.scalars
        for name in self.arrays:
            if name not in self.scalars:
                yield name


def survey(out: Outline) -> Survey:
    """Walk every expression of the file once."""
    found = Survey()
    scan = _Scan(found, out.indices)
    for relations in out.relations.values():
        for relation in relations:
            scan.target(relation.lhs)
            scan.value(relation.rhs)
            if relation.where is not None:
                scan.value(relation.where)
    for relation in (*out.implicit, *out.outside.values()):
        scan.value(relation.lhs)
        scan.value(relation.rhs)
        if relation.where is not None:
            scan.value(relation.where)
    for check in out.checks:
        for part in (check.condition, check.within, check.where):
            if part is not None:
                scan.value(part)
    for function in out.functions.values():
        scan.value(function.body, {*function.parameters, *function.axes})
    for guess in out.guesses:
        scan.value(guess.target)
    return found


class _Scan:
    def __init__(self, found: Survey, indices: dict) -> None:
        self.found = found
        self.indices = indices

    def target(self, lhs: S.Name | S.Subscript) -> None:
        found = self.found
        if type(lhs) is S.Name:
            found.scalars[lhs.name] = found.scalars.get(lhs.name, 0) + 1
            found.first.setdefault(lhs.name, lhs.span)
            return
        found.arrays.setdefault(lhs.name, []).append((len(lhs.subs), lhs.span))
        found.first.setdefault(lhs.name, lhs.name_span)
        for sub in lhs.subs:
            self.subscript(sub, ())

    def subscript(self, sub: S.Expr, hidden) -> None:
        for node in S.walk(sub):
            if type(node) is S.Name and node.name not in hidden:
                self.found.in_subscripts.add(node.name)
        self.value(sub, hidden)

    def value(self, expr: S.Expr, hidden=()) -> None:
        found, indices = self.found, self.indices
        scalars, first, uses = found.scalars, found.first, found.uses
        stack = [expr]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is S.Name:
                name = node.name
                if name in hidden:
                    continue
                if hidden:
                    found.in_functions.add(name)
                if name not in indices:
                    scalars[name] = scalars.get(name, 0) + 1
                    uses[name] = uses.get(name, 0) + 1
                    if name not in first:
                        first[name] = node.span
            elif kind is S.Subscript:
                if node.name not in hidden:
                    if hidden:
                        found.in_functions.add(node.name)
                    found.arrays.setdefault(node.name, []).append((len(node.subs), node.span))
                    uses[node.name] = uses.get(node.name, 0) + 1
                    first.setdefault(node.name, node.name_span)
                for sub in node.subs:
                    for inner in S.walk(sub):
                        if type(inner) is S.Name and inner.name not in hidden:
                            found.in_subscripts.add(inner.name)
                stack.extend(reversed(node.subs))
            elif kind is S.Reduce:
                # Its index names are no variables, declared or not.
                stack.append(node.body)
                if node.condition is not None:
                    stack.append(node.condition)
            elif kind is S.Last:
                stack.append(node.body)
            elif kind is S.Call:
                stack.extend(reversed(node.args))
            elif kind is not S.Number:
                stack.extend(reversed(S.children(node)))
