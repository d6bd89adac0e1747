"""Where this stage's errors go, and how it quotes a relation."""

from __future__ import annotations

from collections.abc import Iterable

from hvm_vm.language.diagnostics import Diagnostics, nearest
from hvm_vm.language.source import Source, Span

from .system import Place

LONGEST_QUOTE = 72


class Report:
    """Errors and warnings of one build, with the source they speak of."""

    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source = source
        self.diagnostics = diagnostics
        self.count = 0  # errors added here

    def error(
        self,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        notes: Iterable[tuple[str, Span | None]] = (),
    ) -> None:
        self.count += 1
        self.diagnostics.error(message, span, help, tuple(notes))

    def warning(self, message: str, span: Span | None = None, help: str | None = None) -> None:
        self.diagnostics.warning(message, span, help)

    def quote(self, span: Span | Place) -> str:
        """The text between `span`'s ends on one line, shortened when it is long."""
        text = " ".join(self.source.text[span.start : min(span.end, span.start + 400)].split())
        if len(text) > LONGEST_QUOTE or span.end > span.start + 400:
            text = text[: LONGEST_QUOTE - 4].rstrip() + " ..."
        return text


def place(span: Span, *others: Span) -> Place:
    """A system's place for a span of the syntax tree, and of its other cases."""
    return Place(span.start, span.end, tuple(map(place, others)))


def meant(name: str, candidates: Iterable[str]) -> str | None:
    """`did you mean …?` when something is spelled nearly like `name`."""
    found = nearest(name, candidates)
    return f"did you mean {found}?" if found else None


def joined(names: Iterable[str], word: str = "and") -> str:
    """`a, b and c`."""
    names = list(names)
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
