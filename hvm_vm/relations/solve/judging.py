"""What is wrong with a system over arrays, told in the names of the file."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.bytecode.limits import MAX_UNKNOWN_DIMS
from hvm_vm.bytecode.sizes import Size

from ..affine import Integers
from ..drawn import Drawn
from ..guards import references
from ..report import Report, joined
from ..shortest import shown_cycle
from ..system import Apply, Const, Expr, Reduce
from .counting import balance, elements, total_points
from .linearity import Coupled as Inseparable
from .linearity import degree, holds, written_out


@dataclass
class Group:
    """One system: its unknowns, and its equations as residuals."""

    unknowns: list[str]
    equations: list[Drawn] = field(default_factory=list)


def judge(equation: Drawn, solved: set[str], report: Report) -> None:
    """Bring an equation to the form that a system takes; report what has none."""
    node = equation.node
    quote = report.quote(node.span)
    for ref in references(equation.body):
        if any(holds(s, solved) for s in ref.subscripts):
            report.error(
                f"a subscript of {ref.variable} in `{quote}` depends on what is solved for",
                node.span,
            )
            return
    if equation.condition is not None and holds(equation.condition, solved):
        names = {r.variable for r in references(equation.condition)} & solved
        report.error(
            f"the condition of `{quote}` depends on {joined(sorted(names))}, which"
            f" {'is' if len(names) == 1 else 'are'} solved for",
            node.span,
            help="choose by value inside the relation: if(condition, a, b)",
        )
        return
    try:
        equation.body = _summed(equation.body, solved)
    except Inseparable as problem:
        names = {r.variable for r in references(equation.body)} & solved
        report.error(
            f"`{quote}` must be solved for {joined(sorted(names))}, but {problem} reduces over"
            " an expression of it: that is supported for sums, means and products, and for ranges"
            " of fixed length",
            node.span,
        )


def check_count(group: Group, axes, integers: Integers, report: Report) -> None:
    """Report a system that has too many or too few equations whatever the sizes are."""
    surplus = balance(group.equations, group.unknowns, axes, integers)
    if surplus is None or surplus == 0 or not group.equations:
        return  # without equations, errors are reported anyway
    over = (surplus.constant is not None and surplus.constant > 0) or (
        surplus.constant is None and surplus.at_least(1))
    under = (surplus.constant is not None and surplus.constant < 0) or (
        surplus.constant is None and (-surplus).at_least(1))
    if not over and not under:
        return
    rows = {e.node.span: e.node for e in group.equations}
    relations = sorted(rows.values(), key=lambda r: r.span.start)
    total = total_points(group.equations, integers)
    wanted = sum((elements(axes[n]) for n in group.unknowns), Size.of(0))
    count = "1 relation gives" if len(relations) == 1 else f"{len(relations)} relations give"
    report.error(
        f"{'over' if over else 'under'}-determined: {count} {_many(total, 'equation')} for"
        f" {_many(wanted, 'unknown element')} of {joined(group.unknowns)}",
        relations[0].span,
        help="remove one of them, or write check in front of it" if over else
        "say what determines the others: a relation such as "
        f"{_first(group.unknowns[0], axes)} = …, or set "
        f"{'it' if len(group.unknowns) == 1 else 'one of them'} from outside",
        notes=[("this one too", r.span) for r in relations[1:7]],
    )


def warn_of_cycle(group: Group, component: list[str], reads, axes, guesses, report: Report) -> None:
    """A nonlinear system over several arrays that nobody guessed is more often a mistake."""
    arrays = [n for n in component if axes[n]]
    if len(arrays) < 2 or any(n in guesses for n in component):
        return
    solved = set(group.unknowns)
    if all(degree(e.body, solved) < 2 for e in group.equations):
        return
    first = min(group.equations, key=lambda e: e.node.span.start)
    report.warning(
        f"these arrays are solved for together, all elements at once, each from 1:"
        f" {shown_cycle(component, reads)}",
        first.node.span,
        help=f"if that is meant, say where to start: guess {group.unknowns[0]}[…] = …",
    )


def check_axes(group: Group, component: list[str], reads, axes, report: Report) -> None:
    """Report a system over more arrays than one instruction can hold."""
    count = sum(len(axes[n]) for n in group.unknowns)
    if count <= MAX_UNKNOWN_DIMS:
        return
    first = min(group.equations, key=lambda e: e.node.span.start)
    report.error(
        f"{len(group.unknowns)} variables depend on each other ({shown_cycle(component, reads)})"
        f" and would be solved for together, with {count} axes; a system can have"
        f" {MAX_UNKNOWN_DIMS}",
        first.node.span,
        help="say what determines one of them without the others, or make one array of several",
    )


def _summed(expr: Expr, solved: set[str]) -> Expr:
    """`expr` with no reductions over unknowns but sums, means and products under known
    conditions."""
    kind = type(expr)
    if kind is Apply:
        args = tuple(_summed(a, solved) for a in expr.args)
        return expr if args == expr.args else Apply(expr.op, args)
    if kind is not Reduce or not holds(expr, solved):
        return expr
    body = _summed(expr.body, solved)
    condition = expr.condition
    free = condition is None or not holds(condition, solved)
    if expr.op in ("sum", "mean", "prod") and free:
        return Reduce(expr.op, expr.indices, condition, body)
    if expr.op == "sum":
        return Reduce("sum", expr.indices, None, Apply("if", (condition, body, Const(0))))
    return written_out(expr.op, expr.indices, condition, body)


def _many(count: Size, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def _first(name: str, axes) -> str:
    return f"{name}[{','.join(str(a.lo) for a in axes[name])}]" if axes[name] else name
