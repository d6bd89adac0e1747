"""How far a long trace is, on standard error: redrawn in place on a terminal, a line now and then
elsewhere. Nothing is shown of what is over soon.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from hvm_vm.engines.bound import Bound
from hvm_vm.tracing.describe import brief

REDRAWS = 4  # a second: more flickers
QUIET = 0.6  # seconds before anything is shown on a terminal,
LINES = 5.0  # and between two lines elsewhere
DUMB = ("dumb", "unknown")  # terminals that cannot go back
ROWS = 5  # instructions that are listed with their time so far


def names_of(bound: Bound) -> list[str]:
    """What each instruction does, in short."""
    module = bound.program.module
    return [brief(module, word, bound.sizes) for word in module.code]


class Progress:
    """A `Watcher` of a recording, and a context: what it shows ends with the context.

    `names()` gives a short text for each instruction (`names_of` a bound program); it is asked only
    if something is shown."""

    def __init__(self, names: Callable[[], list[str]], stream=None) -> None:
        self._ask = names
        self._names: list[str] = []
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty() and os.environ.get("TERM") not in DUMB
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._run: tuple = ("first run", 1, 1, None, time.monotonic())
        self._started = time.monotonic()

    def begin(self, kind: str, number: int, of: int, timeline) -> None:
        self._run = (kind, number, of, timeline, time.monotonic())

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        self._thread.join()

    # -- in the thread -----------------------------------------------------------------------------

    def _watch(self) -> None:
        if not self._terminal:
            while not self._done.wait(LINES):
                self._names = self._names or self._ask()
                print("; ".join(self._state()), file=self._stream, flush=True)
            return
        if self._done.wait(QUIET):
            return
        self._names = self._ask()
        from rich.console import Console
        from rich.live import Live

        colours = None if os.environ.get("NO_COLOR") else "auto"
        screen = Console(file=self._stream, highlight=False, color_system=colours)
        with Live(self._drawn(screen.width), console=screen, transient=True,
                  auto_refresh=False, vertical_overflow="visible") as live:
            while not self._done.wait(1 / REDRAWS):
                live.update(self._drawn(screen.width), refresh=True)

    def _state(self) -> list[str]:
        """What runs now, in a few parts."""
        kind, number, of, timeline, began = self._run
        now = time.monotonic()
        parts = [kind if of == 1 else f"{kind} {number} of {of}", f"{now - began:.1f} s"]
        group = None if timeline is None else timeline.position
        if group is not None and 0 <= group < len(self._names):
            parts.append(f"instruction {group + 1} of {len(self._names)}: {self._names[group]}")
        parts[1] += f" ({now - self._started:.1f} s in all)"
        return parts

    def _drawn(self, width: int):
        """The state, and where the time went so far, folded to the terminal."""
        import textwrap

        from rich.text import Text

        lines: list[tuple[str, str]] = []
        for number, part in enumerate(self._state()):
            lines += [(t, "" if number else "bold") for t in textwrap.wrap(part, width - 1)]
        for ns, name in self._slowest():
            lines += [(t, "dim") for t in textwrap.wrap(f"{ns / 1e9:8.2f} s  {name}", width - 1)]
        return Text("\n").join(Text(text, style=style) for text, style in lines)

    def _slowest(self) -> list[tuple[int, str]]:
        """The instructions that took longest so far in this run."""
        timeline = self._run[3]
        if timeline is None:
            return []
        total = timeline.sofar()
        found = sorted(((int(ns), k) for k, ns in enumerate(total) if ns > 0), reverse=True)
        return [(ns, self._names[k]) for ns, k in found[:ROWS]]
