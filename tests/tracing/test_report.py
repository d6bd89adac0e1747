"""The tables of a trace on terminals of any width."""

from __future__ import annotations

import pytest

from hvm_vm.tracing.report import Sheet, fitted

SHEET = Sheet(
    ("pc", "source", "time", "±", "share", "GFLOP/s", "GB/s", "instruction"),
    frozenset(("source", "instruction")),
    (
        ("0", "model.hmp:10", "44.2 µs", "1.70 µs", "19.0%", "0.55", "12.5",
         "%Q f64[3,2] = contract sum[j](%Wq[i,j]*%X[t,j]) then %a + acc*%b"),
        ("1", "", "0 ns", "0 ns", "0.0%", "-", "-", "halt"),
    ),
)  # fmt: skip


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 130, 200])
def test_numbers_are_whole_and_instructions_are_all_there(width):
    lines = list(fitted(SHEET, width))
    assert all(len(line) <= max(width, 34) for line in lines), lines
    text = " ".join(lines)
    assert "44.2 µs" in text
    compact = "".join(text.split())
    assert all(part in compact for part in ("%Qf64[3,2]=", "%X[t,j])", "acc*%b", "halt"))


def test_a_wide_terminal_has_every_column_on_one_line():
    lines = list(fitted(SHEET, 200))
    assert len(lines) == 3 and lines[1].endswith("acc*%b")
    assert lines[0].split() == list(SHEET.columns)


def test_what_is_easiest_to_do_without_goes_first():
    header = next(fitted(SHEET, 55)).split()
    assert "±" not in header and "time" in header and "source" in header


def test_no_width_is_exceeded():
    """Neither by the numbers, nor by the title of the text beside them."""
    sheet = Sheet(
        ("count", "total", "mean", "operation"), frozenset({"operation"}),
        (("1", "126 µs", "126 µs", "mean"), ("2", "1.2 ms", "600 µs", "map")))
    for width in range(24, 60):
        lines = list(fitted(sheet, width))
        assert max(map(len, lines)) <= width
        assert "".join(lines).count("map") == 1
