"""The full-screen front end of `hvm step`, with Textual: source and bytecode side by side, the
values, what commands answered, and a line for commands. Function keys work everywhere; in a pane
letters do, too.
"""

from __future__ import annotations

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Input, RichLog, Static

from hvm_vm.errors import HvmError
from hvm_vm.tracing.stepping.commands import Interpreter
from hvm_vm.tracing.stepping.panes import Content, Lines

NARROW = 90  # columns below which panes stand above each other

KEYS = """keys everywhere: F10 step, F8 back, F5 continue, F6 run backwards, F9 breakpoint,
F1 help, Tab next pane, Esc the bytecode pane (again: the command line), Ctrl-Q quit
in a pane: s step, u back, c continue, r run backwards, b breakpoint at the cursor,
Enter on a value prints it, : command line, q quit"""


class StepScreen(App):
    """One session on the screen."""

    TITLE = "hvm step"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #place { height: 1; background: $primary; color: $text; padding: 0 1; }
    Lines { border: round $primary; background: $background;
            scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    Lines:focus { border: round $accent; }
    #top { height: 1fr; } #bottom { height: 1fr; }
    #source { width: 2fr; } #code { width: 3fr; }
    #values { width: 2fr; }
    #answers { width: 3fr; border: round $primary; padding: 0 1; scrollbar-size-vertical: 1;
               background: $background; }
    #answers:focus { border: round $accent; }
    #command { height: 3; border: round $primary; background: $background; }
    #command:focus { border: round $accent; }
    .narrow #top { layout: vertical; } .narrow #bottom { layout: vertical; }
    .narrow Lines, .narrow #answers { width: 100%; height: 1fr; }
    """
    BINDINGS = [
        Binding("f10", "do('step')", "step", priority=True),
        Binding("f8", "do('back')", "back", priority=True),
        Binding("f5", "do('continue')", "continue", priority=True),
        Binding("f6", "do('rc')", "reverse", priority=True),
        Binding("f9", "toggle", "breakpoint", priority=True),
        Binding("f1", "help", "help", priority=True),
        Binding("ctrl+q", "leave", "quit", priority=True),
        Binding("ctrl+c", "leave", show=False, priority=True),
        Binding("escape", "away", show=False, priority=True),
        Binding("s", "do('step')", show=False), Binding("u", "do('back')", show=False),
        Binding("c", "do('continue')", show=False), Binding("r", "do('rc')", show=False),
        Binding("b", "toggle", show=False), Binding("q", "leave", show=False),
        Binding("colon", "command", show=False), Binding("question_mark", "help", show=False),
    ]  # fmt: skip

    def __init__(self, interpreter: Interpreter, source: str | None):
        super().__init__()
        self.interpreter, self.session = interpreter, interpreter.session
        self.content = Content(self.session, source)
        self.past: list[str] = []  # commands, for the arrow keys
        self.looking = 0

    def compose(self) -> ComposeResult:
        content, session = self.content, self.session
        yield Static(id="place")
        with Vertical(id="body"):
            with Horizontal(id="top"):
                yield Lines(session.module.file or "source", content.source_line,
                            lambda: len(content.lines), "source")
                yield Lines("bytecode", content.code_line,
                            lambda: len(session.bound.code), "code")
            with Horizontal(id="bottom"):
                yield Lines("values", content.value_line,
                            lambda: len(content.variables), "values")
                yield RichLog(id="answers", wrap=True, min_width=20)
        yield Input(placeholder="command: s, n 3, back, c, b S, p S[1, ..], help, q",
                    id="command")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#answers", RichLog).border_title = "answers"
        self.query_one(Input).focus()
        self.call_after_refresh(self._first)

    def _first(self) -> None:
        self._answer(self.interpreter.start())
        self._renew()

    def on_resize(self, event) -> None:
        self.query_one("#body").set_class(event.size.width < NARROW, "narrow")
        self.call_after_refresh(self._renew)

    # -- doing ----------------------------------------------------------------------------------

    def _run(self, line: str) -> None:
        """Do a command line, and show what it answers."""
        if line.strip():
            self._answer([f"› {line.strip()}"], "bold cyan")
        failed = self.session.failed
        try:
            lines = self.interpreter.execute(line)
        except HvmError as error:
            self._answer(str(error).splitlines(), "red")
        else:
            new = self.session.failed is not failed and self.session.failed is not None
            self._answer(lines, "red" if new else "")
        if self.interpreter.ended:
            self.exit()
            return
        self._renew()

    def _answer(self, lines: list[str], style: str = "") -> None:
        log = self.query_one("#answers", RichLog)
        for line in lines:
            log.write(Text(line, style=style))

    def _renew(self) -> None:
        session, content = self.session, self.content
        content.renew()
        self.query_one("#source", Lines).renew(content.here())
        self.query_one("#code", Lines).renew(session.position)
        changed = [row for row, one in enumerate(content.variables) if one[0] in session.changed]
        self.query_one("#values", Lines).renew(changed[0] if changed else None)
        last = len(session.bound.code) - 1
        state = "failed: " if session.stop.reason == "failed" else ""
        where = f"{state}{session.position} of {last} instructions have run"
        if self.interpreter.log is not None:
            count = len(self.interpreter.log.points[self.interpreter.lane])
            where = f"inside a solve: evaluation {self.interpreter.evaluation + 1} of {count}"
        self.query_one("#place", Static).update(Text(
            f"{session.module.file or 'program'}  {where}  engine {session.engine}"))

    # -- keys -----------------------------------------------------------------------------------

    def action_do(self, command: str) -> None:
        self._run(command)

    def action_toggle(self) -> None:
        """A breakpoint at the cursor of the source or bytecode pane, or none there any more."""
        breakpoints, row = self.session.breakpoints, self.query_one("#code", Lines).cursor
        text, pcs = str(row), [row]
        source = self.query_one("#source", Lines)
        if source.has_focus:
            line = self.content.lines[source.cursor][0] if self.content.lines else 0
            text = f":{line}"
            pcs = [one.pc for one in self.session.bound.code
                   if self.content.line_of(one.pc) == line]
        found = [b for pc in pcs for b in breakpoints.at(pc)]
        cursor = source.cursor, self.query_one("#code", Lines).cursor
        self._run(f"delete {found[0].number}" if found else f"break {text}")
        source.renew(cursor[0])
        self.query_one("#code", Lines).renew(cursor[1])

    def action_help(self) -> None:
        self._answer(KEYS.splitlines(), "dim")
        self._run("help")

    def action_leave(self) -> None:
        self._run("quit")

    def action_command(self) -> None:
        self.query_one(Input).focus()

    def action_away(self) -> None:
        command = self.query_one(Input)
        (self.query_one("#code", Lines) if command.has_focus else command).focus()

    def on_lines_chosen(self, event: Lines.Chosen) -> None:
        if event.pane.id == "values":
            self._run(f"p {self.content.variables[event.row][0]}")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        line = event.value
        event.input.value = ""
        if line.strip():
            self.past.append(line)
        self.looking = len(self.past)
        self._run(line)

    def on_key(self, event) -> None:
        """Up and down in the command line: commands of before."""
        command = self.query_one(Input)
        if command.has_focus and event.key in ("up", "down") and self.past:
            step = -1 if event.key == "up" else 1
            self.looking = max(0, min(self.looking + step, len(self.past)))
            command.value = self.past[self.looking] if self.looking < len(self.past) else ""
            command.cursor_position = len(command.value)
            event.stop()


def show(interpreter: Interpreter, source: str | None) -> int:
    """The session on the whole screen, until the user leaves; the exit status."""
    StepScreen(interpreter, source).run()
    return interpreter.status
