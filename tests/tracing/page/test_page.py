"""The page of a trace: whole, escaped, self-contained; and what a browser makes of it."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import hvm_vm
from hvm_vm.tracing.page.panes import ROWS
from hvm_vm.tracing.trace import TraceRow

_at = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
browser = importlib.util.module_from_spec(_at)
_at.loader.exec_module(browser)

SOURCE = """# a < b & "c" </script><script>alert(1)</script>
index t, u : T
given x[t]
y[t] = sum[u | u <= t](x[u])
z[t] = exp(y[t]) where y[t] < 1
z[t] = 0 otherwise
total = sum[t](z[t])
find total
"""


class _Elements(HTMLParser):
    """Every element: (tag, attributes)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, tag: str) -> list[dict]:
        return [a for t, a in self.found if t == tag]


@pytest.fixture(scope="module")
def trace():
    program = hvm_vm.compile(SOURCE)
    return program.trace(x=np.linspace(0.1, 1, 7), engine="reference")


def test_everything_is_there_once(trace):
    elements = _Elements(trace.html(SOURCE))
    rows = [a["data-pcs"] for a in elements.of("tr") if "data-pcs" in a]
    assert rows == [str(row.pc) for row in trace.rows]
    bars = [a["data-pcs"].split() for a in elements.of("g") if "bar" in a.get("class", "")]
    assert sorted(int(pc) for bar in bars for pc in bar) == [row.pc for row in trace.rows]
    drawn = [pc for a in elements.of("g") if a.get("data-key", "").startswith("i")
             for pc in a["data-pcs"].split()]
    assert [int(pc) for pc in drawn] == [r.pc for r in trace.rows if r.op != "halt"]
    lines = elements.of("li")
    assert len([a for a in lines if "bar" not in a]) >= SOURCE.count("\n")


def test_bars_fill_the_timeline(trace):
    elements = _Elements(trace.html())
    place = 0.0
    text = trace.html()
    for x, width in re.findall(r'<rect x="([\d.]+)%" width="([\d.]+)%"', text):
        assert float(x) == pytest.approx(place, abs=1e-3)
        place += float(width)
    assert place == pytest.approx(100, abs=0.3)
    assert elements.of("svg")


def test_nothing_is_loaded_and_the_policy_holds_the_hashes(trace):
    text = trace.html(SOURCE)
    elements = _Elements(text)
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "object", "base")
        assert not {"src", "style", "onclick"} & set(attributes)
        assert "href" not in attributes
    assert "@import" not in text and "url(h" not in text
    policy = elements.of("meta")[1]["content"]
    for tag in ("style", "script"):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_texts_are_escaped(trace):
    text = replace(trace, file='<img src=x>&".hmp').html(SOURCE)
    assert "alert(1)" in text and "<script>alert" not in text and "<img" not in text
    assert "u &lt;= t" in text


def test_without_its_program_a_trace_has_no_page(trace):
    with pytest.raises(ValueError, match="does not hold the program"):
        replace(trace, module=None).html()


def test_bytecode_shows_its_relations(trace):
    text = trace.html()
    assert "The relations that the bytecode names." in text
    assert "total = sum[t](z[t])" in text and "index t, u" not in text


def test_what_is_folded_is_counted(trace):
    short = [TraceRow(k, "map", "f:1", 1, "r", f"row {k}", (), 1, 8, (k % 5 + 1,))
             for k in range(ROWS + 10)]
    text = replace(trace, rows=tuple(short)).html()
    assert f"The 10 cheapest of {ROWS + 10} instructions are not listed: "\
        "together 10.0 ns" in text
    bars = re.findall(r'class="bar \w+" data-pcs="([\d ]+)"', text)
    assert sum(len(bar.split()) for bar in bars) == ROWS + 10
    assert f"{ROWS + 10} of {ROWS + 10} instructions are too short for a bar" in text


needs_chromium = pytest.mark.skipif(browser.CHROMIUM is None, reason="no Chromium on this machine")


@needs_chromium
def test_a_browser_links_the_panes(trace, tmp_path):
    file = tmp_path / "trace.html"
    file.write_text(trace.html(SOURCE))
    dom, said = browser.opened(file, "#pc=0")
    assert not said
    elements = _Elements(dom)
    assert elements.of("html")[0]["data-ready"] == "yes"
    lit = [(t, a) for t, a in elements.found if "on" in a.get("class", "").split()]
    assert {t for t, _ in lit} == {"tr", "g", "li", "path"}
    for _, attributes in lit:
        assert "data-from" in attributes or "0" in attributes["data-pcs"].split()
    kinds = [a["class"].split()[0] for t, a in lit if t == "g"]
    assert sorted(kinds) == ["bar", "node", "node"]
    # One stop of the Tab key a pane.
    stops = [a for _, a in elements.found if a.get("tabindex") == "0" and "data-pcs" in a]
    assert len(stops) == 5


@needs_chromium
def test_a_browser_sorts(trace, tmp_path):
    file = tmp_path / "trace.html"
    file.write_text(trace.html(SOURCE))
    dom, said = browser.opened(file, "#sort=time&order=down")
    assert not said
    elements = _Elements(dom)
    rows = [int(a["data-pcs"]) for a in elements.of("tr") if "data-pcs" in a]
    mean = {row.pc: row.mean_ns for row in trace.rows}
    assert rows == sorted(mean, key=lambda pc: (-mean[pc], pc))
    (head,) = [a for a in elements.of("th") if a["data-key"] == "time"]
    assert head["aria-sort"] == "descending"


@needs_chromium
def test_a_browser_opens_thousands_of_instructions(tmp_path):
    count = 5000
    program = hvm_vm.compile("".join(
        f"check x < {k}.5\n" for k in range(2, count + 2)) + "y = 2*x\nfind y\n")
    trace = program.trace(x=1.0, engine="reference", repeat=1)
    assert len(trace.rows) > count
    file = tmp_path / "trace.html"
    file.write_text(trace.html())
    dom, said = browser.opened(file, f"#pc={count - 1}")
    assert not said and 'data-ready="yes"' in dom
    assert dom.count("<tr class=") == len(trace.rows)
    assert re.search(r"\d+ boxes of \d+ are left out", dom)
