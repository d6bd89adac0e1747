"""What relations are to determine, once they have been matched to names."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvm_vm.language import syntax as S

from ..system import Answer
from .rows import Whole


@dataclass
class Assignment:
    """`solved`: relations that stay implicit and are matched to an unknown of theirs; `coupled`:
    those that determine elements of several unknowns, or of names that have relations of their own;
    `open`: unknown arrays that no relation is matched to. `found`: all names that a relation not
    written for them determines. `left`: relations of names set from outside that determine nothing
    else. `reported`: relations that errors have been reported for. `answers`: how each name that is
    found is found."""

    solved: list[Whole] = field(default_factory=list)
    coupled: list[Whole] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    left: list[S.Relation] = field(default_factory=list)
    reported: list[S.Relation] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
