"""The errors that HVM raises on purpose.

Every one is an :class:`HvmError`; the subclass says which half failed, and `exit_status` is what
the `hvm` command ends with (1: it ran but failed; 2: not a valid program, bytecode or input).
"""

from __future__ import annotations


class HvmError(Exception):
    """The base of every error raised on purpose; its text is meant for people."""

    exit_status = 2


class CompileError(HvmError):
    """A source that is not a valid program; `.diagnostics` holds every error found, in order."""

    def __init__(self, text: str, diagnostics: tuple = ()):
        super().__init__(text)
        self.diagnostics = tuple(diagnostics)


class BytecodeError(HvmError):
    """A bytecode or assembly file that is damaged, of the wrong kind, or does not verify."""


class InputError(HvmError):
    """Values, shapes or data files that do not fit the program."""


class RunError(HvmError):
    """A program that ran and failed: a failed check, a subscript out of range, a limit reached."""

    exit_status = 1
