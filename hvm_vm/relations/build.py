"""The stages from a syntax tree to a system, in order."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from dataclasses import replace

from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.parser import parse
from hvm_vm.language.source import NOWHERE, Source

from . import inputs
from .affine import Integers
from .assemble import Facts, assemble
from .axes import determined_axes, given_axes
from .cases import OVERLAP_HELP, Cases
from .checks import Claim, read_check
from .coverage import HOLE_HELP, Coverage
from .defaults import default_value, read_defaults
from .drawn import Drawn, draw
from .guards import Context
from .indices import read_sizes
from .looked_up import Tables
from .names import Outline, read
from .order import order
from .outside import Outside
from .patterns import read_pattern
from .reach import Reach
from .recurrences import Recurrences
from .report import Report
from .resolve import Resolver
from .results import Finder, Found, default_items
from .sequence import Sequence
from .solve.assign import assign
from .solve.blocks import Blocks
from .solve.draw import draw_beside, draw_solved
from .solve.repeated import one_each
from .solve.systems import Systems
from .spelling import members, spell_out
from .split import split
from .spots import Spots
from .system import (
    Axis,
    System,
)
from .types import Types
from .until import report_until
from .witness import settle

RECURSION = 4000  # frames; an expression is at most MAX_HEIGHT levels high


def build(
    file: S.File,
    source: Source,
    diagnostics: Diagnostics,
    *,
    known: Iterable[str] = frozenset(),
    free: Iterable[str] = frozenset(),
    find: Iterable[str] = (),
) -> System:
    """The system that `file` says.

    `known`: names that are set from outside, whatever the file says of them. `free`: names whose
    literal default is dropped. `find`: texts of results that replace the file's. Raises
    `CompileError` with every error found.
    """
    # Never lowered again: another thread may be at work.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    # Nothing here makes cycles, and passes over the growing trees would cost more than the work.
    collecting = gc.isenabled()
    gc.disable()
    try:
        stages = _Build(
            file, source, diagnostics, frozenset(known), frozenset(free), tuple(find)
        )
        return stages.run()
    finally:
        if collecting:
            gc.enable()


class _Build:
    def __init__(self, file, source, diagnostics, known, free, find) -> None:
        self.source: Source = source
        self.diagnostics: Diagnostics = diagnostics
        self.report = Report(source, diagnostics)
        self.known: frozenset[str] = known
        self.free: frozenset[str] = free
        self.find: tuple[str, ...] = find
        self.file: S.File = file

    def run(self) -> System:
        report = self.report
        out = read(self.file, report)
        seen, families = spell_out(out, report)
        asked = self.asked(out)
        for item, _ in asked or ():
            for sub in S.children(item):
                seen.in_subscripts |= {n.name for n in S.walk(sub) if type(n) is S.Name}
        self.known = members(self.known, families)
        self.free = members(self.free, families)
        freed = [out.givens.pop(n) for n in sorted(self.free) if n in out.givens]
        self.dropped = dropped = self.drop_known(out)
        sizes = read_sizes(out, seen, report, self.known, self.free)
        ranks = inputs.ranks(out, seen, sizes, report)
        self.integers = integers = Integers()
        self.resolver = resolver = Resolver(out, sizes, ranks, report)
        one_each(out, resolver, self.known | self.free)
        defaults, self.broken = read_defaults(out, resolver, self.free, report)
        settled = self.known | defaults.keys()
        given = [r for n in out.givens for r in out.relations.pop(n, ())]
        # What a declared input is asked to be holds whether it is set by the caller or later.
        demanded = [r.lhs.name in out.givens and default_value(r, out) is None for r in dropped]
        given += [r for r, d in zip(dropped, demanded, strict=True) if d]
        dropped = [r for r, d in zip(dropped, demanded, strict=True) if not d]
        assigned = assign(
            out, seen, resolver, given, dropped, settled, self.known,
            None if asked is None else members(frozenset(i.name for i, _ in asked), families),
            report)
        self.dropped, given, self.answers = assigned.left, assigned.reported, assigned.found
        report_until(resolver, report)

        # Every relation, resolved.
        definitions = {
            name: self.same_rank(name, [draw(r, resolver, integers) for r in relations])
            for name, relations in out.relations.items()
        }
        self.systems = systems = Systems(resolver, integers, report)
        for whole in assigned.solved:
            drawn = draw_solved(whole, resolver, integers)
            if drawn is None:
                systems.add(whole)
            else:
                definitions[whole.matched] = [drawn]
                systems.note(whole)
        for whole in assigned.coupled:
            cases = definitions.get(whole.matched)
            drawn = draw_beside(whole, cases, resolver, integers) if cases else None
            if drawn is None:
                systems.add(whole)
            else:
                definitions[whole.matched] = [drawn]
                systems.note(whole)
        claims = [c for c in (read_check(node, resolver) for node in out.checks) if c is not None]

        resolver.uncalled()

        # The axes of every variable.
        axes: dict[str, tuple[Axis, ...]] = given_axes(out, sizes, report)
        for name, (_, relation) in defaults.items():
            axes.setdefault(name, inputs.default_axes(relation, sizes))
        opened = systems.open(assigned.open, definitions)
        partly = systems.partly(definitions)
        places = systems.places([*(i for i, _ in asked or ()), *(g.target for g in out.guesses),
                                 *(r.lhs for r in out.outside.values()),
                                 *(S.Subscript(g.name, g.axes, g.name_span) for g in freed)])
        used = systems.used(partly, definitions, places)
        for name, cases in definitions.items():
            if name not in axes:
                axes[name] = determined_axes(cases, integers, ranks[name][0], used.get(name, ()))
        integers.whole = {n for n, item in out.givens.items() if item.integer}
        everything = {**definitions, "": systems.rows}
        inputs.add_used_axes(
            opened, everything, claims, axes, ranks, integers, report, places, guarded=True,
            fenced=out.outside)
        undeclared = inputs.undeclared(ranks, axes, seen, out, self.known, given, report)
        for name, (value, relation) in defaults.items():
            inputs.check_default(name, value, axes[name], relation, report)
        patterns = {
            name: pattern
            for name, item in out.givens.items()
            if (pattern := read_pattern(item, axes[name], report)) is not None
        }
        inputs.add_used_axes(undeclared, everything, claims, axes, ranks, integers, report)

        # Reads beyond the ranges, cases made disjoint, the order.
        self.cases = Cases(integers, resolver.index_names, report)
        for name, cases in definitions.items():
            for case in cases:
                if not case.bad and case.places:
                    self.cases.injective(case)
            if any(c.bad for c in cases):
                self.broken.add(name)
            definitions[name] = self.cases.separate(cases) or cases[:1]
        self.outside(out, {**definitions, "": systems.rows}, claims, axes)
        for element in split(definitions, partly):
            axes[element] = ()
        self.blocks = systems.blocks = Blocks(out.guesses, resolver, integers, report)
        systems.cases, systems.axes = self.cases, axes
        if partly:
            spots = Spots(integers, sizes.values)
            good = {n: definitions[n] for n in partly if n not in self.broken}
            systems.decide(good, Coverage(good, axes, self.cases, spots, report))
        recurrences = Recurrences(integers, Tables(defaults, axes, integers), report)
        ordered = order(
            {**{n: c for n, c in definitions.items() if not all(x.bad for x in c)},
             **dict.fromkeys(opened, ())},
            recurrences, self.blocks, systems,
        )
        types = self.types(out, definitions, claims, axes, defaults, ordered)
        if asked is None:
            asked = default_items(
                out, definitions, defaults, axes, resolver, self.dropped,
                [*self.answers, *(g.target.name for g in out.guesses)], systems,
            )
        definitions = {n: c for n, c in definitions.items() if n not in systems.members}
        found = Finder(resolver, integers, axes, families, report).read(asked)
        coverage = self.coverage(definitions, axes, claims, found, types)
        requirements = [
            *settle(self.cases.requirements, sizes.defaults, OVERLAP_HELP, report),
            *settle(coverage.requirements, sizes.defaults, HOLE_HELP, report),
            *recurrences.requirements,
        ]
        blocks = self.blocks.system(definitions)
        starts = systems.starts()
        self.diagnostics.raise_if_errors()

        sequence = Sequence(axes, integers)
        if any(axes.values()):
            for cases in (*definitions.values(), systems.equations):
                for case in cases:
                    sequence.relation(case)
            claims = [sequence.claim(c) for c in claims]
            requirements = [sequence.requirement(r) for r in requirements]

        facts = Facts(out, sizes, families, definitions, defaults, axes, types, seen.first)
        return assemble(
            facts, patterns, ordered, found, requirements, claims, self.known, resolver,
            blocks, systems, systems.system(starts), tuple(assigned.answers),
            tuple(recurrences.found),
        )

    # -- names ---------------------------------------------------------------------------------
    def drop_known(self, out: Outline) -> list[S.Relation]:
        """Take out the relations that determine what is set from outside."""
        dropped = []
        for name in sorted(self.known):
            dropped += out.relations.pop(name, [])
        return dropped

    def same_rank(self, name: str, cases: list[Drawn]) -> list[Drawn]:
        """`cases`, those with another number of subscripts reported and marked."""
        rank, span = self.resolver.ranks[name]
        for case in cases:
            if len(case.subscripts) != rank and not case.bad:
                count = len(case.subscripts)
                self.report.error(
                    f"{name} has {rank} subscript{'s' * (rank != 1)}, but {count} here",
                    case.node.lhs.span,
                    notes=[(f"the axes of {name} are set here", span)],
                )
                case.bad = True
        return cases

    # -- stages --------------------------------------------------------------------------------
    def outside(self, out: Outline, definitions, claims: list[Claim], axes) -> None:
        if not out.outside:
            return
        rewriter = Outside(out.outside, self.resolver, self.integers, axes, self.report)
        if not rewriter:
            return
        for cases in definitions.values():
            for case in cases:
                if case.bad:
                    continue
                plain = Context(case.indices)
                if case.condition is not None:
                    condition = rewriter.apply(case.condition, plain)
                    case.body = rewriter.apply(case.body, plain.under(case.condition))
                    case.condition = condition
                else:
                    case.body = rewriter.apply(case.body, plain)
        for claim in claims:
            context = Context(claim.indices)
            claim.claim = rewriter.apply(claim.claim, context.under(claim.condition))
            if claim.condition is not None:
                claim.condition = rewriter.apply(claim.condition, context)

    def types(self, out, definitions, claims, axes, defaults, ordered) -> Types:
        report = self.report
        types = Types(report)
        undeclared = {n for n in axes if n not in definitions and n not in defaults
                      and not (n in out.givens and out.givens[n].integer)}
        symbolic: dict[str, None] = {}
        everything = [
            (expr, case.node)
            for cases in (*definitions.values(), self.systems.rows)
            for case in cases
            if not case.bad
            for expr in (case.body, case.condition)
            if expr is not None
        ]
        everything += [
            (expr, claim.node)
            for claim in claims
            for expr in (claim.claim, claim.condition)
            if expr is not None
        ]
        for expr, _ in everything:
            types.note_uses(expr, symbolic, undeclared)
        inputs.set_types(types, axes, definitions, defaults, symbolic, out)
        for name in ordered:
            implicit = name in definitions and definitions[name][0].implicit
            if implicit or name in self.systems.members:
                types.of[name] = "float"
            elif name in definitions:
                types.determine(name, definitions[name])
        for name in definitions:
            types.of.setdefault(name, "float")
        for expr, node in everything:
            types.check(expr, node.span)
        self.integers.whole = {n for n, t in types.of.items() if t == "integer"}
        return types

    def asked(self, out: Outline) -> list[tuple[S.Expr, str]] | None:
        """The results that are asked for, each with its text; None when nobody asks."""
        if self.find:
            return [item for text in self.find for item in self.parsed_find(text)]
        if out.finds:
            return [(i, self.report.quote(i.span)) for f in out.finds for i in f.items]
        return None

    def parsed_find(self, text: str) -> list[tuple[S.Expr, str]]:
        """The items of a find text from outside."""
        diagnostics = Diagnostics(Source("--find", f"find {text}"))
        file = parse(diagnostics.source, diagnostics)
        if diagnostics.has_errors or [type(s) for s in file.statements] != [S.Find]:
            reason = diagnostics.errors[0].message if diagnostics.errors else "not one item"
            self.report.error(f"{text!r} cannot be found: {reason}")
            return []
        found = []
        for item in file.statements[0].items:
            words = diagnostics.source[item.span]
            found.append((replace(item, span=NOWHERE), words))
        return found

    def coverage(self, definitions, axes, claims, found: Found, types: Types) -> Coverage:
        good = {n: c for n, c in definitions.items()
                if n not in self.broken and n not in self.systems.members}
        spots = Spots(self.integers, self.resolver.sizes.values)
        coverage = Coverage(good, axes, self.cases, spots, self.report)
        reach = Reach(axes, self.broken, self.integers, spots, self.report)
        for stage in (coverage, reach) if any(axes.values()) else ():
            for cases in (*good.values(), self.systems.equations):
                for case in cases:
                    context = Context(case.indices)
                    stage.reads(case.condition, context, case.node)
                    stage.reads(case.body, context.under(case.condition), case.node)
            for claim in claims:
                context = Context(claim.indices)
                stage.reads(claim.condition, context, claim.node)
                stage.reads(claim.claim, context.under(claim.condition), claim.node)
            for drawn, _, _ in found.slices.values():
                stage.reads(drawn.body, Context(drawn.indices), drawn.node)
        for result in found.results:
            if result.variable in found.slices:
                _, _, owner = found.slices[result.variable]
                types.of[result.variable] = types.of.get(owner, "integer")
            else:
                coverage.returned(result.variable, found.spans[result.variable])
        return coverage
