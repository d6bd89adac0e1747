"""How the reading of one relation ends early, and what stands for an operand that had errors."""

from __future__ import annotations

from hvm_vm.language.source import Span

from .system import Const

POISON = Const(1.0)


class Unsupported(Exception):
    """A relation needs what this version does not do; `args`: what, in words. `.span`: where."""

    def __init__(self, what: str, span: Span) -> None:
        super().__init__(what)
        self.span = span


class TooLarge(Exception):
    """A relation that grows without measure when its functions are expanded."""
