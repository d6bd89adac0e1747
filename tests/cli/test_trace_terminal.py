"""`hvm trace` on real terminals of several widths, and what it says while a program runs."""

from __future__ import annotations

import io
import os
import re
import sys
import time

import pytest

from hvm_vm.engines.timeline import Timeline
from hvm_vm.tracing import live
from hvm_vm.tracing.live import Progress

pexpect = pytest.importorskip("pexpect")

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PROGRAM = (
    "index neighbourhood : N\ngiven temperature[neighbourhood]\n"
    "anomaly[neighbourhood] = temperature[neighbourhood] - mean[neighbourhood](temperature["
    "neighbourhood])\nlargest_anomaly = max[neighbourhood](abs(anomaly[neighbourhood]))\n"
    "find largest_anomaly\n"
)
# A reference run of this takes half a second: no engine has a short way for it.
LONG = (
    "index i, j, k : 300\na[i] = i/300\n"
    "b[i,j] = sum[k | k != j](abs(a[i]*a[k] - a[j]))\nc[i,j] = max[k](min(b[i,k], b[k,j]))\n"
    "total = sum[i,j](c[i,j])\nfind total\n"
)


def on_terminal(folder, width: int, *arguments: str, environment=()) -> tuple[int, str]:
    """The status and everything that a terminal of `width` columns was sent."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    child = pexpect.spawn(
        sys.executable, ["-m", "hvm_vm", "trace", *arguments], cwd=str(folder), timeout=120,
        dimensions=(50, width), encoding="utf-8",
        env={**kept, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path), **dict(environment)},
    )  # fmt: skip
    text = child.read()
    child.close()
    return child.exitstatus, text


def visible(text: str) -> list[str]:
    return re.split("[\r\n]+", ESCAPES.sub("", text))


@pytest.fixture
def weather(tmp_path):
    (tmp_path / "weather_of_neighbourhoods.hmp").write_text(PROGRAM)
    return tmp_path


@pytest.mark.parametrize("width", [40, 80, 200])
def test_names_are_whole_at_any_width(weather, width):
    status, text = on_terminal(
        weather, width, "weather_of_neighbourhoods.hmp", "--set",
        "temperature=[1, 2, 4]", "--engine", "reference", "--repeat", "2",
    )  # fmt: skip
    assert status == 0 and "\x1b[1" in text
    lines = visible(text)
    assert max(map(len, lines)) <= width
    joined = "".join("".join(lines).split())
    for name in ("%largest_anomalyf64[]=max[neighbourhood]", "weather_of_neighbourhoods.hmp:4",
                 "instructions_executed", "verify", "firstrun", "roofline"):
        assert name in joined
    assert "…" not in text
    lost = re.search(r"not shown in \d+ columns: (.*?) count ", " ".join(lines))
    shown = next(line for line in lines if line.lstrip().startswith("pc"))
    for column in ("count", "mean", "stddev", "GFLOP/s", "roofline", "scalar ops"):
        assert column in shown or column in lost[1]


def test_no_colour_is_no_escape_at_all(weather):
    status, text = on_terminal(
        weather, 80, "weather_of_neighbourhoods.hmp", "--set", "temperature=[1, 2]",
        "--engine", "reference", environment={"NO_COLOR": "1"},
    )  # fmt: skip
    assert status == 0 and "\x1b" not in text
    assert max(map(len, visible(text))) <= 80


@pytest.mark.parametrize("width", [40, 120])
def test_a_long_run_is_shown_as_it_goes(tmp_path, width):
    (tmp_path / "long.hmp").write_text(LONG)
    status, text = on_terminal(
        tmp_path, width, "long.hmp", "--engine", "reference", "--repeat", "6")
    assert status == 0
    assert re.search("^instruction [12] of 4: %[bc] f64", "\n".join(visible(text)), re.M)
    assert "\x1b[?25h" in text  # the cursor is back
    assert max(map(len, visible(text))) <= width
    assert "instructions_executed" in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_off_a_terminal_it_is_lines_now_and_then(monkeypatch):
    monkeypatch.setattr(live, "LINES", 0.02)
    stream, timeline = io.StringIO(), Timeline(2, 10)
    timeline.watch(lambda: 1)
    with Progress(lambda: ["%a = sum", "%b = max"], stream) as progress:
        progress.begin("run", 2, 5, timeline)
        time.sleep(0.15)
    first = stream.getvalue().splitlines()[0]
    assert re.fullmatch(
        r"run 2 of 5; 0\.\d s \(0\.\d s in all\); instruction 2 of 2: %b = max", first)
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_what_is_over_soon_shows_nothing(stream):
    out = stream()
    with Progress(lambda: [], out) as progress:
        progress.begin("first run", 1, 1, None)
    assert out.getvalue() == ""


def test_a_terminal_that_cannot_go_back_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(live, "QUIET", 0.0)
    out = Terminal()
    with Progress(lambda: [], out) as progress:
        progress.begin("first run", 1, 1, None)
        time.sleep(0.05)
    assert "\x1b" not in out.getvalue()


def test_at_most_five_redraws_a_second():
    assert live.REDRAWS <= 5
