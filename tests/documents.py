"""The code blocks of README and docs: read, run, compared, and (with --write) refreshed.

    python -m tests.documents [--write] [FILE.md …]

Conventions, all invisible to a reader:

- A block under `<!-- file: NAME -->` is saved as NAME in the document's scratch folder.
- ```` ```hmp ```` is a whole program and must compile; under `<!-- fragment -->` it must parse.
- ```` ```console ```` runs each `$ command` line in the scratch folder, where `examples` is linked,
  and the text up to the next `$` must be what it prints (standard output and error). Under
  `<!-- status: N -->` that is the exit status, otherwise it is 0. Under `<!-- figures vary -->`
  numbers are compared as `#` and lines in any order, because they are times and sorted by time;
  so are their units, bars, and the limits that they are near to.
  Under `<!-- not run -->` nothing is run, nor under `<!-- needs: MODULE … -->` if one is missing.
- ```` ```python ```` blocks of one document run in order in one namespace.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
_NOTE = re.compile(r"<!-- (.*?) -->\s*\Z")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_UNIT = re.compile(r"# (?:ns|µs|ms|s)\b")
_RATE = re.compile(r"# [kMGT]?op/s")
_BAR = re.compile("[▏▎▍▌▋▊▉█]+")
_ROOF = re.compile(r"(#%) (?:flops|cache|memory|mixed)\b")


@dataclass(frozen=True)
class Block:
    """One code block. `notes` are the HTML comments directly above it."""

    document: Path
    line: int
    language: str
    text: str
    notes: tuple[str, ...]
    start: int  # offsets of `text` in the document
    end: int

    def note(self, key: str) -> str | None:
        """What follows `key:` in a note, or "" for a note that is only the key."""
        for note in self.notes:
            if note == key:
                return ""
            if note.startswith(f"{key}: "):
                return note[len(key) + 2 :]
        return None


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(document: Path) -> list[Block]:
    """The code blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before, notes = text[: match.start()], []
        while note := _NOTE.search(before):
            notes.append(note[1])
            before = before[: note.start()]
        line = text.count("\n", 0, match.start()) + 1
        found.append(
            Block(document, line, match[1], match[2], tuple(notes), match.start(2), match.end(2))
        )
    return found


class Failure(AssertionError):
    """A block that does not do what the document says."""


class Runner:
    """Runs the blocks of one document in order, in a scratch folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace: dict[str, object] = {"__name__": "document"}
        (folder / "examples").symlink_to(ROOT / "examples")

    def run(self, block: Block) -> str:
        """Run `block`; what its text should be. Raises `Failure` when it does not work at all."""
        name = block.note("file")
        if name is not None:
            (self.folder / name).write_text(block.text, encoding="utf-8")
        needed = (block.note("needs") or "").split()
        if block.note("not run") is not None or not all(map(importlib.util.find_spec, needed)):
            return block.text
        if block.language == "hmp":
            return self._hmp(block)
        if block.language == "console":
            return self._console(block)
        if block.language == "python":
            return self._python(block)
        return block.text

    def _hmp(self, block: Block) -> str:
        if block.note("status") is not None:
            return block.text  # the console block below it shows the error
        if block.note("fragment") is not None:
            from hvm_vm.language import parse
            from hvm_vm.language.diagnostics import Diagnostics
            from hvm_vm.language.source import Source

            source = Source("fragment", block.text)
            diagnostics = Diagnostics(source)
            parse(source, diagnostics)
            diagnostics.raise_if_errors()
        else:
            import hvm_vm

            hvm_vm.compile(block.text)
        return block.text

    def _console(self, block: Block) -> str:
        wanted = int(block.note("status") or 0)
        text = ""
        for command in commands(block.text):
            output, status = self._shell(command)
            if status != wanted:
                raise Failure(f"`{command}` ended with status {status}, not {wanted}:\n{output}")
            text += f"$ {command}\n{output}"
        return text

    def _shell(self, command: str) -> tuple[str, int]:
        environment = {
            **os.environ,
            "NO_COLOR": "1",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{self._bin()}{os.pathsep}{os.environ['PATH']}",
        }
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
        )
        return done.stdout.decode(), done.returncode

    def _bin(self) -> Path:
        """A folder whose `hvm` and `python` are this interpreter's."""
        folder = self.folder / ".bin"
        if not folder.exists():
            folder.mkdir()
            for name, start in (("hvm", f"{sys.executable} -m hvm_vm"), ("python", sys.executable)):
                file = folder / name
                file.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
                file.chmod(0o755)
        return folder

    def _python(self, block: Block) -> str:
        before = os.getcwd()
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block.text, f"{block.document.name}:{block.line}", "exec"),
                     self.namespace)  # fmt: skip
        finally:
            os.chdir(before)
        return block.text


def commands(text: str) -> Iterator[str]:
    """The commands of a console block; a line that ends in a backslash goes on."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command += "\n" + next(lines)
            yield command


def same(block: Block, text: str) -> bool:
    """Whether what ran is what the document shows."""
    if block.note("figures vary") is not None:
        return masked(block.text) == masked(text)
    return block.text.strip() == text.strip()


def masked(text: str) -> list[str]:
    """Lines, sorted, with numbers as `#`, units of time as one, and runs of blanks as one."""
    return sorted(map(_masked_line, text.strip().splitlines()))


def _masked_line(line: str) -> str:
    line = _UNIT.sub("# s", _NUMBER.sub("#", _BAR.sub(" ", line)))
    line = _ROOF.sub("#", _RATE.sub("# op/s", line))
    return " ".join(f"{line} ".replace(" - ", " # ").replace(" - ", " # ").split())


@contextlib.contextmanager
def runner() -> Iterator[Runner]:
    folder = Path(tempfile.mkdtemp(prefix="hvm-docs-"))
    try:
        yield Runner(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refresh(document: Path, write: bool) -> int:
    """Run a document; rewrite what differs when `write`. The number of differing blocks."""
    text, changed, shift = document.read_text(encoding="utf-8"), 0, 0
    with runner() as running:
        for block in blocks(document):
            try:
                new = running.run(block)
            except Exception as error:
                print(f"{document.name}:{block.line}: {error}")
                changed += 1
                continue
            if same(block, new) and (block.note("figures vary") is None or not write):
                continue
            changed += 1
            if write:
                text = text[: block.start + shift] + new + text[block.end + shift :]
                shift += len(new) - (block.end - block.start)
            else:
                print(f"{document.name}:{block.line}: prints\n{new}")
    if write:
        document.write_text(text, encoding="utf-8")
    return changed


def main(arguments: list[str]) -> int:
    write = "--write" in arguments
    chosen = [Path(a) for a in arguments if not a.startswith("-")] or documents()
    changed = sum(refresh(document, write) for document in chosen)
    print(f"{changed} block{'s' if changed != 1 else ''} {'rewritten' if write else 'differ'}")
    return int(bool(changed) and not write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
