"""The system, put together from what the stages found."""

from __future__ import annotations

from dataclasses import dataclass

from hvm_vm.bytecode.module import TensorPattern
from hvm_vm.language import syntax as S
from hvm_vm.language.source import NOWHERE, Span

from .checks import Claim
from .drawn import Drawn
from .families import Families
from .indices import Sizes
from .inputs import numbered
from .names import Outline
from .needed import size_symbols
from .report import Report, place
from .resolve import Resolver
from .results import Found
from .solve.systems import Systems
from .system import (
    Answer,
    Apply,
    Axis,
    Block,
    Case,
    Const,
    Coupled,
    Definition,
    Recurrence,
    Requirement,
    System,
    Variable,
)
from .types import Types


@dataclass
class Facts:
    """What is known of the names of a file. `first`: where each stands first."""

    out: Outline
    sizes: Sizes
    families: Families
    definitions: dict[str, list[Drawn]]
    defaults: dict[str, tuple[object, S.Relation]]
    axes: dict[str, tuple[Axis, ...]]
    types: Types
    first: dict[str, Span]


def assemble(
    facts: Facts,
    patterns: dict[str, TensorPattern],
    order: tuple[str, ...],
    found: Found,
    requirements: list[Requirement],
    claims: list[Claim],
    known: frozenset[str],
    resolver: Resolver,
    blocks: tuple[Block, ...],
    systems: Systems,
    coupled: tuple[Coupled, ...],
    answers: tuple[Answer, ...],
    recurrences: tuple[Recurrence, ...],
) -> System:
    """The system of a file without errors."""
    report = resolver.report
    definitions = dict(facts.definitions)
    solved = {n: systems.place(n) for n in systems.members}
    variables = {n: _variable(n, facts, patterns, resolver.symbols, solved) for n in facts.axes}
    for name, (drawn, axes, _) in found.slices.items():
        kind = facts.types.of[name]
        variables[name] = Variable(name, axes, kind, False, place(drawn.node.span))
        definitions[name] = [drawn]
    order = (*order, *found.slices)
    requirements = [*requirements, *(_requirement(c, report) for c in claims)]
    equations = {**definitions, "": systems.equations}
    size_defaults = _sizes(facts.sizes, variables, equations, requirements, known)
    scalars = {n for n, v in variables.items() if not v.axes and n not in found.slices}
    return System(
        file=report.source.name,
        text=report.source.text,
        precision=facts.out.precision,
        size_defaults=size_defaults,
        variables=variables,
        definitions={n: _definition(n, definitions.get(n, [])) for n in order},
        order=order,
        results=tuple(found.results),
        requirements=tuple(requirements),
        symbols=tuple(resolver.symbols),
        families=facts.families.system(scalars),
        size_places={n: facts.sizes.places[n] for n in size_defaults},
        blocks=blocks,
        coupled=coupled,
        answers=answers,
        recurrences=recurrences,
    )


def _sizes(sizes: Sizes, variables, definitions, requirements, known) -> dict[str, int | None]:
    """Every size with its default; without those that nobody sets and nothing needs."""
    if not sizes.defaults:
        return {}
    needed = size_symbols(
        (v.axes for v in variables.values()), definitions.values(), requirements
    )
    return {
        name: default
        for name, default in sizes.defaults.items()
        if default is not None or name in needed or name in known
    }


def _variable(
    name: str, facts: Facts, patterns, symbols: dict[str, int], solved: dict[str, Span]
) -> Variable:
    item = facts.out.givens.get(name)
    is_input = name not in facts.definitions and name not in solved
    default = None
    if name in solved:
        span = solved[name]
    elif not is_input:
        span = facts.definitions[name][0].node.span
    elif name in facts.defaults:
        default, relation = facts.defaults[name]
        span = relation.span
    else:
        span = item.span if item is not None else facts.first.get(name, NOWHERE)
    return Variable(
        name,
        facts.axes[name],
        facts.types.of.get(name, "float"),
        is_input,
        place(span),
        numbered(default, symbols),
        patterns.get(name) if is_input else None,
        item is not None,
    )


def _definition(name: str, cases: list[Drawn]) -> Definition:
    return Definition(
        name,
        tuple(
            Case(c.indices, c.subscripts, c.condition, c.body,
                 place(c.node.span, *(o.span for o in c.others)))
            for c in cases
        ),
    )


def _requirement(claim: Claim, report: Report) -> Requirement:
    body = claim.claim
    if claim.condition is not None:
        body = Apply("if", (claim.condition, body, Const(1)))
    message = getattr(claim.node, "words", "") or (
        f"check failed: `{report.quote(claim.node.span)}`")
    return Requirement(claim.indices, body, message, 1, place(claim.node.span))
