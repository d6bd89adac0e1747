"""The `%%hmp` cell magic, in IPython's own shell; and the notebook of docs/notebooks.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "notebooks.md"


@pytest.fixture
def shell():
    """Run a cell: (whether it worked, what it printed, what it complained about)."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.colors = "nocolor"

    def call(text: str):
        with capture_output(display=False) as said:
            done = shell.run_cell(text)
        return done.success, said.stdout, said.stderr

    call.names = shell.user_ns
    yield call
    InteractiveShell.clear_instance()


@pytest.fixture
def cell(shell):
    """The same, with the magic."""
    assert shell("%load_ext hvm_vm")[0]
    return shell


LINE = "%%hmp{}\nslope = 2\noffset = 1\ny[n] = slope*x[n] + offset\nlargest = max[n](y[n])\n" \
       "index n : N\nfind y[n], largest\n"


def test_inputs_and_results_are_the_notebooks_variables(cell):
    cell("import numpy as np; x = np.array([1.0, 2, 3]); N = 'not a size here'")
    worked, out, err = cell(LINE.format(""))
    assert worked and not err
    assert out == "y  float64[3] =\n[3. 5. 7.]\nlargest = 7.0\n"
    np.testing.assert_array_equal(cell.names["y"], [3, 5, 7])
    assert cell.names["largest"] == 7.0
    # A variable comes before a default, and results before their older values.
    cell("slope = 10")
    assert cell(LINE.format(""))[0] and cell.names["largest"] == 31.0


def test_results_can_be_inputs_of_the_next_cell(cell):
    assert cell("%%hmp\na = 2\nb = 3*a\nfind b\n")[0]
    assert cell("%%hmp\nc = b + 1\nfind c\n")[1] == "c = 7.0\n"


def test_a_size_that_nothing_decides_is_a_variable(cell):
    cell("N = 4")
    worked, out, _ = cell("%%hmp\nindex n : N\ntotal = sum[n](n)\nfind total\n")
    assert worked and out == "total = 10.0\n", out


def test_options(cell):
    cell("x = [1, 2]")
    worked, out, _ = cell(LINE.format(" --find largest --engine reference --name program"))
    assert worked and out == "largest = 5.0\n"
    assert cell.names["program"](x=[4.0, 5.0])["largest"] == 11.0
    worked, out, _ = cell(LINE.format(" --trace --engine reference"))
    assert worked and "largest = 5.0" in out
    assert not cell(LINE.format(" --name 3x"))[0]


@pytest.mark.parametrize(("text", "words"), [
    ("%%hmp\ny = = 2\n", "cell:1:5: error: "),
    ("%%hmp\ny = 2*(3\n", "^"),
    ("%%hmp\ngiven q\ny = 2*q\n", "q is needed and no variable of the notebook"),
    ("%%hmp\ngiven call\ny = 2*call\n", "call is a function, which is no value"),
    ("x = [[1, 2], [3, 4]]\n", None),
    ("%%hmp\nindex i : 2\ngiven x[i]\ny[i] = 2*x[i]\n", "error: "),
    ("%%hmp\na = 3\ncheck a < 2\nb = a\nfind b\n", "check"),
    ("%%hmp --find zz\na = 3\n", "zz"),
])  # fmt: skip
def test_errors_are_text_without_a_traceback(cell, text, words):
    cell("def call(): pass")
    cell("x = [[1, 2], [3, 4]]")
    worked, out, err = cell(text)
    if words is None:
        assert worked
        return
    assert not worked
    assert words in out + err and "Traceback" not in out + err and ".py" not in out + err


def test_a_result_that_is_not_a_number_is_blamed(cell):
    cell("p = -1.0")
    worked, out, err = cell("%%hmp\ngiven p\nroot = sqrt(p)\n")
    assert worked and "root = nan" in out and "root = sqrt(p)" in err


def test_ipython_is_imported_for_the_magic_only():
    code = ("import sys, hvm_vm; hvm_vm.compile('y = 2*x')(x=1.0); "
            "sys.exit('IPython' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_documents_cells(shell):
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    cells = [(k, text) for k, (kind, text) in enumerate(blocks) if kind == "ipython"]
    assert len(cells) >= 4
    for k, text in cells:
        _, out, err = shell(text)
        shown = blocks[k + 1][1] if k + 1 < len(blocks) and blocks[k + 1][0] == "text" else ""
        plain = re.sub(r"\x1b\[[\d;]*m", "", out + err)
        assert plain.strip() == shown.strip(), text
