"""`from "encoder.layer.{l-1}.weight"`: the names of tensors in a data file."""

from __future__ import annotations

from hvm_vm.bytecode.module import TensorPattern
from hvm_vm.language import syntax as S
from hvm_vm.language.diagnostics import Diagnostics
from hvm_vm.language.parser import parse
from hvm_vm.language.source import Source

from .indices import NotASize, size_of
from .report import Report
from .system import Axis

MAX_PATTERN = 1000


def read_pattern(item: S.GivenItem, axes: tuple[Axis, ...], report: Report) -> TensorPattern | None:
    """The pattern of an input; None when it has none, or (reported) a wrong one."""
    if item.pattern is None:
        return None
    parts: list = []
    rest = item.pattern
    if len(rest) > MAX_PATTERN:
        report.error("this name is too long", item.pattern_span)
        return None
    while rest:
        literal, brace, rest = rest.partition("{")
        if literal:
            parts.append(literal)
        if not brace:
            break
        inside, closed, rest = rest.partition("}")
        if not closed:
            report.error(
                f"a brace is not closed in the name of {item.name}'s tensors", item.pattern_span
            )
            return None
        place = _place(inside, item, axes, report)
        if place is None:
            return None
        parts.append(place)
    return TensorPattern(tuple(parts))


def _place(text: str, item: S.GivenItem, axes: tuple[Axis, ...], report: Report):
    """(axis, scale, offset) of `{text}`."""
    names = [axis.text for axis in axes]
    diagnostics = Diagnostics()
    file = parse(Source("pattern", f"p = {text}"), diagnostics)
    if diagnostics.has_errors or len(file.statements) != 1:
        report.error(f"{{{text}}} is no expression", item.pattern_span)
        return None
    used: list[str] = []

    def lookup(name, span):
        from hvm_vm.bytecode.sizes import Size

        used.append(name)
        return Size.of(name)

    try:
        value = size_of(file.statements[0].rhs, lookup)
    except NotASize as problem:
        report.error(f"{{{text}}} is no whole expression: {problem}", item.pattern_span)
        return None
    if len(set(used)) != 1 or names.count(used[0]) != 1:
        shown = ", ".join(n for n in names if n) or "none"
        report.error(
            f"{{{text}}} must hold one index of {item.name} (its indices: {shown})",
            item.pattern_span,
            help="such as {l-1} in given W[l,i,j] from \"layer.{l-1}.weight\"",
        )
        return None
    scale = offset = 0
    for monomial, coefficient in value.terms:
        if not monomial:
            offset = coefficient
        elif len(monomial) == 1 and monomial[0].op == "sym":
            scale = coefficient
        else:
            scale = 0
            break
    if scale == 0:
        report.error(
            f"{{{text}}} must be affine in {used[0]}, such as {{{used[0]}-1}}", item.pattern_span
        )
        return None
    return names.index(used[0]), scale, offset
