"""The panes of the full screen: source, bytecode and values, each a list of lines made when they
are looked at.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hvm_vm.engines.words import printable
from hvm_vm.tracing.stepping.places import code_text
from hvm_vm.tracing.stepping.session import Session
from hvm_vm.tracing.stepping.values import kind, spread

LONGEST = 16  # columns of a name, before what follows it is moved
WIDEST = 400  # columns that a pane can be scrolled over

HERE = Style(bold=True, reverse=True)
CURSOR = Style(underline=True)
DIM = Style(dim=True)
NEW = Style(bold=True, color="yellow")
BAD = Style(bold=True, color="red")
DOT = Style(bold=True, color="red")


class Lines(ScrollView, can_focus=True):
    """A list of lines with a cursor. `line(k)` makes one, `count()` says how many there are."""

    BINDINGS = [
        Binding("up", "cursor(-1)", show=False), Binding("down", "cursor(1)", show=False),
        Binding("enter", "choose", show=False),
    ]  # fmt: skip

    class Chosen(Message):
        """Enter, or a click, on a line."""

        def __init__(self, pane: Lines, row: int):
            super().__init__()
            self.pane, self.row = pane, row

    def __init__(self, title: str, line: Callable[[int], Text], count: Callable[[], int], id: str):
        super().__init__(id=id)
        self.border_title = title
        self.line, self.count, self.cursor = line, count, 0

    def on_mount(self) -> None:
        self.renew()

    def renew(self, row: int | None = None) -> None:
        """Draw again, `row` brought into sight and made the cursor's."""
        self.virtual_size = Size(WIDEST, self.count())
        if row is not None:
            self.cursor = max(0, min(row, self.count() - 1))
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True,
                                  x_axis=False, center=not self._in_sight())
        self.refresh()

    def _in_sight(self) -> bool:
        top = self.scroll_offset.y
        return top <= self.cursor < top + max(1, self.size.height - 1)

    def render_line(self, y: int) -> Strip:
        x, top = self.scroll_offset
        row, width, style = top + y, self.size.width, self.rich_style
        if row >= self.count():
            return Strip.blank(width, style)
        text = self.line(row)
        if row == self.cursor and self.has_focus:
            text.stylize(CURSOR)
        segments = list(text.render(self.app.console))
        return Strip(segments).crop_extend(x, x + width, None).apply_style(style)

    def action_cursor(self, step: int) -> None:
        self.renew(self.cursor + step)

    def action_choose(self) -> None:
        if self.count():
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event) -> None:
        row = self.scroll_offset.y + event.get_content_offset_capture(self).y
        if 0 <= row < self.count():
            self.renew(row)
            self.action_choose()


class Content:
    """What the lines say: a session and the text of its source."""

    def __init__(self, session: Session, source: str | None):
        self.session = session
        spans = session.module.sources
        self.lines: list[tuple[int, str]]  # (line number, text)
        if source is not None:
            self.lines = [(k, printable(text.expandtabs(4)))
                          for k, text in enumerate(source.splitlines(), 1)]
        else:  # bytecode holds its relations only
            used = {*(one.source for one in session.module.code),
                    *(output.source for output in session.module.outputs)}
            self.lines = sorted({(spans[k].line, printable(" ".join(spans[k].text.split())))
                                 for k in used if 0 <= k < len(spans)})
        self.row_of_line = {}
        for row, (line, _) in enumerate(self.lines):
            self.row_of_line.setdefault(line, row)
        self.codes: dict[int, str] = {}
        names = [len(name) for name in session.names.spoken]
        self.widest = min(max(names, default=0), LONGEST)
        self.variables: list[tuple[str, object, str]] = []
        self.renew()

    def renew(self) -> None:
        self.variables = list(self.session.variables())

    def line_of(self, pc: int) -> int:
        """The source line of an instruction, or -1."""
        source = self.session.bound.code[pc].source
        sources = self.session.module.sources
        return sources[source].line if 0 <= source < len(sources) else -1

    def here(self) -> int:
        """The row of the source pane that the next instruction comes from."""
        return self.row_of_line.get(self.line_of(self.session.position), 0)

    # -- lines ----------------------------------------------------------------------------------

    def source_line(self, row: int) -> Text:
        line, text = self.lines[row]
        pcs = self._instructions(line)
        text = Text.assemble(self._dot(pcs), (f"{line:>4} ", DIM), text, no_wrap=True, end="")
        if not self.session.finished and line == self.line_of(self.session.position):
            text.stylize(HERE, 2)
        return text

    def code_line(self, pc: int) -> Text:
        if pc not in self.codes:
            self.codes[pc] = code_text(self.session, pc)
        here = pc == self.session.position
        text = Text.assemble(self._dot([pc]), (f"{pc:>4} ", DIM), self.codes[pc],
                             no_wrap=True, end="")
        if here:
            text.stylize(HERE, 2)
        elif pc < self.session.position:
            text.stylize(DIM)
        return text

    def value_line(self, row: int) -> Text:
        name, value, reason = self.variables[row]
        changed = name in self.session.changed
        head = Text.assemble(("▸ " if changed else "  ", NEW),
                             (name.ljust(self.widest), NEW if changed else ""),
                             no_wrap=True, end="")
        if value is None:
            head.append(f" {reason}", DIM)
            return head
        if value.ndim:
            head.append(f" {kind(value)} ", DIM)
        text = spread(value)
        bad = value.dtype.kind == "f" and ("nan" in text or "inf" in text)
        return head.append(f" {text}", BAD if bad else NEW if changed else "")

    def _instructions(self, line: int) -> list[int]:
        return self._by_line().get(line, [])

    def _by_line(self) -> dict[int, list[int]]:
        if not hasattr(self, "_lines_of_code"):
            found: dict[int, list[int]] = {}
            for pc in range(len(self.session.bound.code)):
                found.setdefault(self.line_of(pc), []).append(pc)
            self._lines_of_code = found
        return self._lines_of_code

    def _dot(self, pcs: list[int]) -> tuple[str, Style]:
        found = [b for pc in pcs for b in self.session.breakpoints.at(pc)]
        if not found:
            return "  ", Style()
        return ("● " if any(b.enabled for b in found) else "○ "), DOT
