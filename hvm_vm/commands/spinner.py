"""A sign of life on standard error while kernels compile; silent off a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

FRAMES = "|/-\\"
PERIOD = 0.2  # seconds: five redraws a second do not flicker


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """While the body runs, say which kernel the jit compiles. Loads the jit."""
    if not sys.stderr.isatty():
        yield
        return
    from hvm_vm.engines.jit.cache import on_compile

    spinner = _Spinner()
    on_compile(spinner.name)
    try:
        yield
    finally:
        on_compile(None)
        spinner.stop()


class _Spinner:
    def __init__(self) -> None:
        self._current: str | None = None
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def name(self, kernel: str | None) -> None:
        self._current = kernel
        if kernel is not None and self._thread is None:
            self._thread = threading.Thread(target=self._turn, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _turn(self) -> None:
        started = time.monotonic()
        while not self._done.wait(PERIOD):
            elapsed = time.monotonic() - started
            frame = FRAMES[int(elapsed / PERIOD) % len(FRAMES)]
            what = f" ({self._current})" if self._current else ""
            print(
                f"\r\x1b[K{frame} compiling kernels, kept for next time{what}",
                end="",
                file=sys.stderr,
                flush=True,
            )
