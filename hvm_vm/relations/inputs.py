"""Inputs: the names that nothing determines; their ranks, axes, types and defaults."""

from __future__ import annotations

from collections.abc import Container

from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import MOST
from hvm_vm.language.source import Span

from .affine import Integers
from .axes import Use, guarded_uses, used_axes
from .checks import Claim
from .defaults import SymbolText, shape_of
from .drawn import Drawn
from .guards import references
from .indices import ONE, Sizes
from .names import CONSTANTS, Outline, Survey
from .report import Report, meant
from .slips import Slips
from .system import Axis, Expr
from .types import Types


def ranks(
    out: Outline, seen: Survey, sizes: Sizes, report: Report
) -> dict[str, tuple[int, Span]]:
    """How many subscripts each variable has, and where that was set: by `given`, else by the first
    relation that determines it, else by its first use."""
    found: dict[str, tuple[int, Span]] = {}
    for name, item in out.givens.items():
        found[name] = (len(item.axes), item.span)
    for name, relations in out.relations.items():
        if name not in found:
            lhs = relations[0].lhs
            found[name] = (len(lhs.subs) if type(lhs) is S.Subscript else 0, lhs.span)
    for name, uses in seen.arrays.items():
        if name not in found and name not in out.indices and name not in sizes.values:
            found[name] = uses[0]
    for name in seen.scalars:
        if name in found or name in out.indices or name in sizes.values:
            continue
        if (name in CONSTANTS and name not in out.defined) or name in out.functions:
            continue
        # A name that stands in subscripts only is meant to be an index or a size.
        if name in seen.in_subscripts and name not in out.givens and name not in out.relations:
            continue
        found[name] = (0, seen.first[name])
    return found


def undeclared(
    known_ranks,
    axes,
    seen: Survey,
    out: Outline,
    known: frozenset[str],
    given: list[S.Relation],
    report: Report,
) -> list[str]:
    """The inputs that no line declares; errors and warnings about them. `given` are relations of
    inputs, which determine something else."""
    excused = _excused([*out.implicit, *given], out)
    found = []
    slips = Slips(sorted(out.defined))
    for name in known_ranks:
        if name in axes or name in out.relations:
            continue
        found.append(name)
        if name in known or name in excused:
            continue
        span = seen.first.get(name)
        if out.has_given:
            help = None
            if len(found) <= MOST:  # more are not shown
                help = meant(name, [*axes, *out.relations, *out.indices])
            report.error(
                f"nothing determines {name}, and no given line declares it",
                span,
                help=help or f"add a relation {name} = …, or: given {name}",
            )
        elif seen.count(name) == 1:
            other = slips.of(name)
            if other is not None:
                report.warning(
                    f"{name} stands here only, and nothing determines it, so it is an input",
                    span,
                    help=f"did you mean {other}?",
                )
    return found


def _excused(relations: list[S.Relation], out: Outline) -> set[str]:
    """Names of relations that are reported elsewhere: they may be unknowns, not inputs."""
    found: set[str] = set()
    for relation in relations:
        for side in (relation.lhs, relation.rhs):
            found |= {n.name for n in S.walk(side) if type(n) in (S.Name, S.Subscript)}
    found |= {g.target.name for g in out.guesses}
    return found


def add_used_axes(
    names: list[str],
    definitions: dict[str, list[Drawn]],
    claims: list[Claim],
    axes: dict[str, tuple[Axis, ...]],
    known_ranks,
    integers: Integers,
    report: Report,
    places: list[tuple[str, tuple[Expr, ...]]] = (),
    guarded: bool = False,
    fenced: Container[str] = (),
) -> None:
    """Give undeclared inputs, and unknowns, the axes that their uses say. `places`: more of those,
    with the name that they are of. `guarded`: elements of it exist only where conditions let a
    relation read them, as nothing but the relations says that they do. `fenced`: names with values
    outside their ranges."""
    wanted = {n: [] for n in names if known_ranks[n][0]}
    for name in names:
        if not known_ranks[name][0]:
            axes[name] = ()
    if not wanted:
        return
    everything: list[Expr | None] = []
    for cases in definitions.values():
        for case in cases:
            if guarded:
                for name, use in guarded_uses(case, wanted, integers):
                    wanted[name].append(use)
                continue
            everything += [case.body, case.condition, *case.subscripts]
    for claim in claims:
        everything += [claim.claim, claim.condition]
    for expr in everything:
        for ref in references(expr) if expr is not None else ():
            if ref.variable in wanted:
                wanted[ref.variable].append(Use(ref.subscripts))
    for name, subscripts in places:
        if name in wanted and len(subscripts) == known_ranks[name][0]:
            wanted[name].append(Use(subscripts))
    for name, uses in wanted.items():
        rank, span = known_ranks[name]
        if not uses:  # only in relations that are reported elsewhere, or in outside
            axes[name] = tuple(Axis(ONE, ONE) for _ in range(rank))
            continue
        found = used_axes(uses, integers, name in fenced)
        for k, axis in enumerate(found):
            if axis is None:
                report.error(
                    f"nothing says how long axis {k + 1} of {name} is",
                    span,
                    help=f"declare it: given {name}[{', '.join(_shown(found))}]",
                )
                found[k] = Axis(ONE, ONE)
        axes[name] = tuple(found)


def _shown(axes: list[Axis | None]) -> list[str]:
    return [("0..N-1" if a is None else a.text or f"{a.lo}..{a.hi}") for a in axes]


def default_axes(relation: S.Relation, sizes: Sizes) -> tuple[Axis, ...]:
    """The axes of a default's left side, which has plain indices."""
    lhs = relation.lhs
    if type(lhs) is S.Name:
        return ()
    found = []
    for sub in lhs.subs:
        bounds = sizes.bounds.get(sub.name) if type(sub) is S.Name else None
        found.append(Axis(bounds.lo, bounds.hi, sub.name) if bounds else Axis(ONE, ONE))
    return tuple(found)


def check_default(
    name: str, value: object, axes: tuple[Axis, ...], relation: S.Relation, report: Report
) -> None:
    """Report a list whose lengths do not fit the axes, as far as those are numbers."""
    if not isinstance(value, list):
        return
    for k, (length, axis) in enumerate(zip(shape_of(value) or (), axes, strict=False)):
        extent = axis.extent.constant
        if extent is not None and max(extent, 0) != length:
            what = f"axis {k + 1} of {name}" if len(axes) > 1 else name
            index = f" ({axis.text} : {axis.lo}..{axis.hi})" if axis.text else ""
            report.error(
                f"{what} has {max(extent, 0)} elements{index}, but the list has {length}",
                relation.rhs.span,
            )


def set_types(
    types: Types,
    axes: dict[str, tuple[Axis, ...]],
    definitions: dict[str, list[Drawn]],
    defaults: dict,
    symbolic: dict[str, None],
    out: Outline,
) -> None:
    """The types of everything that is not determined."""
    for name in axes:
        if name in definitions:
            continue
        item = out.givens.get(name)
        flat = list(_leaves(defaults[name][0])) if name in defaults else []
        if any(isinstance(v, SymbolText) for v in flat):
            types.of[name] = "symbol"
            if not all(isinstance(v, SymbolText) for v in flat):
                types.report.error(
                    f"{name} mixes symbols and numbers", defaults[name][1].rhs.span
                )
            if item is not None and item.integer:
                types.report.error(
                    f"{name} is declared integer, but its default holds symbols",
                    defaults[name][1].rhs.span,
                )
        elif item is not None and item.integer:
            types.of[name] = "integer"
            if not all(isinstance(v, int) for v in flat if v is not None):
                types.report.error(
                    f"{name} is declared integer, but its default is not whole",
                    defaults[name][1].rhs.span,
                )
        elif name in symbolic and not flat:
            types.of[name] = "symbol"
        elif name in types.subscripts and (
            (flat and all(isinstance(v, int) for v in flat)) or (not flat and item is None)
        ):
            types.of[name] = "integer"
        else:
            types.of[name] = "float"


def _leaves(value: object):
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        else:
            yield value


def numbered(value: object, symbols: dict[str, int]) -> object:
    """A default with symbols replaced by their numbers."""
    if isinstance(value, list):
        return [numbered(v, symbols) for v in value]
    return symbols[str(value)] if isinstance(value, SymbolText) else value

