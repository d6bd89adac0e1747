"""The words of a command's expression: numbers, names, texts and signs, with their columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hvm_vm.errors import InputError

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign>\.\.|<=|>=|!=|==|\*\*|≤|≥|≠|[-+*/^()\[\],:<>=×·−]))"
)
_TWINS = {"≤": "<=", "≥": ">=", "≠": "!=", "==": "=", "**": "^", "×": "*", "·": "*", "−": "-"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # number, name, text, sign, end
    text: str
    start: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text, an `end` last. Raises `InputError` for a sign that means nothing."""
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            raise InputError(f"`{rest[:1]}` means nothing here: {text}")
        kind = match.lastgroup
        found.append(Token(kind, _TWINS.get(match[kind], match[kind]), match.start(kind)))
        at = match.end()
    found.append(Token("end", "", len(text)))
    return found
