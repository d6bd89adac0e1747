"""Debian's or anybody's Chromium, without a display and without the network."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--enable-logging=stderr", "--virtual-time-budget=20000")  # fmt: skip


def opened(page: Path, fragment: str = "", *options: str) -> tuple[str, list[str]]:
    """The document as it stands after its script ran, and what the console complained about."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [CHROMIUM, *OPTIONS, f"--user-data-dir={folder}", *options, "--dump-dom",
             page.as_uri() + fragment],
            capture_output=True, timeout=120)  # fmt: skip
    said = [line for line in done.stderr.decode(errors="replace").splitlines()
            if ":CONSOLE" in line]
    return done.stdout.decode(), said
