"""`hvm step` in a pseudo-terminal: the full screen, and lines with --plain."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import sys
import time

import pytest

pty = pytest.importorskip("pty")
pyte = pytest.importorskip("pyte")

PROGRAM = "index n : N\ngiven x[n]\ny[n] = 2*x[n]\nz = max[n](y[n])\nfind y[n], z\n"


class Terminal:
    """A command in a terminal of 100 x 30; `screen` is what one would see."""

    def __init__(self, arguments, **environment):
        import fcntl
        import termios

        self.screen = pyte.Screen(100, 30)
        self.stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hvm_vm", *map(str, arguments)],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environment})
        os.close(slave)

    def send(self, text: str) -> None:
        os.write(self.master, text.encode())

    def wait(self, text: str, seconds: float = 60) -> None:
        """Read until the screen shows a text."""
        end = time.monotonic() + seconds
        while text not in "\n".join(self.screen.display):
            assert time.monotonic() < end, f"{text!r} does not come:\n" + "\n".join(
                self.screen.display)
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.stream.feed(os.read(self.master, 65536))
                except OSError:  # the other side is closed
                    assert text in "\n".join(self.screen.display)
                    return

    def end(self, seconds: float = 60) -> int:
        stop = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < stop:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    os.read(self.master, 65536)
                except OSError:
                    break
        return self.process.wait(10)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(tmp_path):
    file = tmp_path / "line.hmp"
    file.write_text(PROGRAM)
    opened = []

    def start(*more, **environment):
        opened.append(Terminal(["step", file, "--set", "x=[1, 2, 3]", *more], **environment))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_the_full_screen(terminal):
    pytest.importorskip("textual")
    screen = terminal()
    screen.wait("0 of 2 instructions have run")
    screen.wait("bytecode")
    screen.send("\x1b[21~")  # F10
    screen.wait("1 of 2 instructions have run")
    screen.send("p y[3]\r")
    screen.wait("y[3] = 6.0")
    screen.send("back\r")
    screen.wait("0 of 2 instructions have run")
    screen.send("q\r")
    assert screen.end() == 0


def test_line_by_line(terminal):
    screen = terminal("--plain")
    screen.wait("(hvm)")
    screen.send("n 2\r")
    screen.wait("z = 6.0")
    screen.send("stpe\r")
    screen.wait("error: there is no command stpe (did you mean step?)")
    screen.send("\x04")
    assert screen.end() == 0


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(terminal):
    screen = terminal(TERM="dumb")
    screen.wait("(hvm)")
    screen.send("q\r")
    assert screen.end() == 0
