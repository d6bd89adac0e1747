"""The full screen, driven by Textual's own pilot."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import hvm_vm as hvm

pytest.importorskip("textual")

from hvm_vm.commands.output import write_whole
from hvm_vm.tracing.stepping.commands import Interpreter
from hvm_vm.tracing.stepping.panes import Lines
from hvm_vm.tracing.stepping.screen import StepScreen

SOURCE = """# A comment.
index n, m : N
given x[n]
y[n] = sum[m](x[m]*x[n])
z = max[n](y[n])
r = log(z - 18)
find y[n], z, r
"""


def drive(script, source: str | None = SOURCE, size=(120, 40), **values):
    """Run `script(app, pilot, seen)` on the screen of a program; the application."""
    values = values or {"x": np.array([1.0, 2.0, 3.0])}
    app = StepScreen(Interpreter(hvm.compile(SOURCE).step(values), write_whole), source)

    async def main():
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await script(app, pilot)
            await pilot.pause()

    asyncio.run(main())
    return app


def pane(app, name: str) -> list[str]:
    lines = app.query_one(f"#{name}", Lines)
    return [lines.line(k).plain for k in range(lines.count())]


def answers(app) -> str:
    return "\n".join(strip.text.rstrip() for strip in app.query_one("#answers").lines)


async def type_line(pilot, text: str) -> None:
    app = pilot.app
    app.query_one("#command").value = text
    await pilot.press("enter")
    await pilot.pause()


def test_source_and_bytecode_side_by_side():
    async def script(app, pilot):
        assert [line[7:] for line in pane(app, "source")] == SOURCE.splitlines()
        assert "max[n](%y[n])" in pane(app, "code")[1]
        here = app.query_one("#source", Lines).line(3)
        assert any("reverse" in str(span.style) for span in here.spans)
        assert "not computed yet" in pane(app, "values")[1]

    drive(script)


def test_keys_step_and_go_back():
    async def script(app, pilot):
        await pilot.press("f10", "f10")
        assert app.session.position == 2
        assert pane(app, "values")[2] == "▸ z 18.0"
        await pilot.press("f8")
        assert app.session.position == 1 and "not computed" in pane(app, "values")[2]
        await pilot.press("escape", "s", "u", "u", "c")  # in a pane letters do
        assert app.session.finished
        await pilot.press("f6")
        assert app.session.position == 0

    drive(script)


def test_the_command_line_takes_the_commands():
    async def script(app, pilot):
        await type_line(pilot, "b z if z > 1")
        await type_line(pilot, "c")
        await type_line(pilot, "p y[2..]")
        await type_line(pilot, "stp")
        assert app.session.position == 2
        text = answers(app)
        assert "breakpoint 1" in text and "n=2  n=3" in text and "did you mean step" in text
        await pilot.press("up", "up", "enter")
        await pilot.pause()
        assert "y[2..] f64[2]" in answers(app).rpartition("stp")[2]

    drive(script)


def test_breakpoints_by_key_in_both_panes():
    async def script(app, pilot):
        await pilot.press("escape", "down", "f9")  # bytecode, instruction 1
        assert [b.text for b in app.session.breakpoints] == ["1"]
        assert pane(app, "code")[1].startswith("● ") and pane(app, "source")[4].startswith("● ")
        app.query_one("#source").focus()
        app.query_one("#source", Lines).renew(5)
        await pilot.press("b")
        assert [b.text for b in app.session.breakpoints] == ["1", ":6"]
        await pilot.press("f5")
        assert app.session.position == 1
        app.query_one("#code").focus()
        await pilot.press("f9")
        assert [b.text for b in app.session.breakpoints] == [":6"]

    drive(script)


def test_a_value_is_printed_by_choosing_it():
    async def script(app, pilot):
        app.query_one("#values").focus()
        app.query_one("#values", Lines).renew(0)
        await pilot.press("enter")
        assert "› p x" in answers(app) and "n=1" in answers(app)

    drive(script)


def test_what_is_not_finite_stands_out_and_help_and_quit():
    async def script(app, pilot):
        await pilot.press("f5", "f1")
        assert pane(app, "values")[3] == "▸ r -inf"
        assert "F10 step" in answers(app) and "run to the next breakpoint" in answers(app)
        await pilot.press("ctrl+q")

    app = drive(script)
    assert app.interpreter.ended and app.interpreter.status == 0


def test_narrow_terminals_and_bytecode_without_source():
    async def script(app, pilot):
        assert app.query_one("#body").has_class("narrow")
        assert [line[7:] for line in pane(app, "source")] == [
            "y[n] = sum[m](x[m]*x[n])", "z = max[n](y[n])", "r = log(z - 18)"]
        await type_line(pilot, "n 3")
        assert app.session.finished

    drive(script, source=None, size=(50, 24))


@pytest.mark.parametrize("size", [(20, 6), (1, 1), (300, 100)])
def test_any_size(size):
    async def script(app, pilot):
        await pilot.press("f10", "f8", "f5")
        assert app.session.finished

    drive(script, size=size)
