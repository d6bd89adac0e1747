"""Writing files whole or not at all, and talking on the two standard streams."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable
from typing import BinaryIO

from hvm_vm.errors import InputError


def write_whole(path: str, write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a new file that then takes `path`'s place, or leave `path` as it was."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.exists(path) and not os.path.isfile(path):
        # A device or a pipe (/dev/stdout) cannot be replaced: write to it.
        if os.path.isdir(path):
            raise InputError(f"{path}: this is a folder, not a file to write")
        try:
            whole = io.BytesIO()  # a device has no places to go back to
            write(whole)
            with open(path, "wb") as file:
                file.write(whole.getvalue())
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None
        return
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".hvm-", dir=folder)
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def _mode(path: str) -> int:
    """The permissions that `open(path, "w")` would have left."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def counted(count: int, noun: str) -> str:
    """`1 instruction`, `2 instructions`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def message(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)


def plain() -> bool:
    """Whether standard output gets no colours: not a terminal, or NO_COLOR is set."""
    return not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR"))


def console():
    """A rich console on standard output. With NO_COLOR it writes text alone: no bold either."""
    from rich.console import Console

    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


def with_folder(text: str, path: str) -> str:
    """Programs know their file's name only, so that their bytes do not depend on where they lie:
    places in `text` are given the folder of the `path` on the command line."""
    folder, name = os.path.split(path)
    if not folder:
        return text
    return "\n".join(
        os.path.join(folder, line) if line.startswith(f"{name}:") else line
        for line in text.splitlines()
    )
