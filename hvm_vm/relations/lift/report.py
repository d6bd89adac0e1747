"""A lifted file for people: its text, and what stayed scalar."""

from __future__ import annotations

from hvm_vm.language import syntax as S
from hvm_vm.language.format import statement_text
from hvm_vm.language.source import Source

from .assemble import Lifted

MOST_SHOWN = 20


def indexed_text(lifted: Lifted) -> str:
    """The file as HMP: declarations, defaults, then relations."""
    groups: list[list[str]] = [[], [], []]
    for statement in lifted.file.statements:
        kind = 2
        if type(statement) in (S.IndexDecl, S.Given, S.Find, S.Precision):
            kind = 0
        elif type(statement) is S.Relation and type(statement.rhs) is S.ListExpr:
            kind = 1
        groups[kind].append(statement_text(statement))
    return "\n\n".join("\n".join(lines) for lines in groups if lines) + "\n"


def families(lifted: Lifted, source: Source) -> list[str]:
    """The indexed relations, each with the number of relations that it is and where they begin."""
    found = []
    spans = lifted.plan.unrolled.spans
    texts = {s.span: statement_text(s) for s in lifted.file.statements
             if type(s) is S.Relation and type(s.lhs) is not S.Name}
    for piece in lifted.plan.relations:
        count = len(piece.block.rows)
        first = spans[int(piece.block.statements.min())]
        if count > 1 and first in texts and not lifted.plan.is_copy(piece):
            text = " ".join(texts[first].split())
            where = f"{source.name}:{source.line_number(first.start)}"
            found.append((first.start, f"lifted  {text}    # {count} relations from {where}"))
    return [line for _, line in sorted(found)]


def reasons(lifted: Lifted, source: Source) -> list[str]:
    """What stayed scalar and why, one line for each statement, at most `MOST_SHOWN`."""
    found = []
    spans = lifted.plan.unrolled.spans
    for number, reason in sorted(lifted.plan.reasons.items()):
        start, end = spans[number]
        text = " ".join(source.text[start:min(end, start + 60)].split())
        dots = " ..." if end > start + 60 else ""
        why = f": {reason}" if reason else ": it follows no rule that others follow"
        found.append(f"{source.name}:{source.line_number(start)}: stays scalar{why}: {text}{dots}")
    if len(found) > MOST_SHOWN:
        rest = len(found) - MOST_SHOWN
        found = [*found[:MOST_SHOWN], f"{source.name}: {rest} more relations stay scalar"]
    return found
