"""Every code block of README and docs does what the document says."""

from __future__ import annotations

import re

import pytest

from tests import documents


@pytest.mark.parametrize("path", documents.documents(), ids=lambda path: path.name)
def test_document(path):
    with documents.runner() as running:
        for block in documents.blocks(path):
            text = running.run(block)
            assert documents.same(block, text), (
                f"{path.name}:{block.line} shows\n{block.text}\nbut it prints\n{text}"
            )


@pytest.mark.parametrize("path", documents.documents(), ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    prose = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_commands_are_joined_and_figures_are_masked():
    text = "$ a \\\n  b\nout\n$ c\n"
    assert list(documents.commands(text)) == ["a \\\n  b", "c"]
    assert documents.masked("3  12.4 µs  1e-9") == documents.masked("4 3 ns 2.5")
