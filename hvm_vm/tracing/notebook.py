"""The trace as a table in a notebook: HTML without scripts, every text escaped."""

from __future__ import annotations

from html import escape

from hvm_vm.tracing.report import footline, headline, instruction_sheet
from hvm_vm.tracing.tables import Sheet
from hvm_vm.tracing.trace import Trace

_LEFT = 'style="text-align:left"'
_RIGHT = 'style="text-align:right;white-space:nowrap"'


def html(trace: Trace) -> str:
    """A table of every instruction, between what ran and the totals."""
    sheet = instruction_sheet(trace)
    last = escape(trace.failure or footline(trace))
    return (f"<div><p><b>{escape(headline(trace))}</b></p>{_table(sheet, trace)}"
            f"{''.join(f'<p>{escape(n)}</p>' for n in sheet.note.splitlines())}<p>{last}</p></div>")


def _table(sheet: Sheet, trace: Trace) -> str:
    def cell(tag: str, column: str, text: str) -> str:
        if tag == "td" and column in ("instruction", "source") and text:
            text = f"<code>{escape(text)}</code>"
        else:
            text = escape(text)
        return f"<{tag} {_LEFT if column in sheet.left else _RIGHT}>{text}</{tag}>"

    head = "".join(cell("th", c, "" if c == "bar" else c) for c in sheet.columns)
    body = "".join(
        f'<tr title="{escape(row.relation, quote=True)}">'
        + "".join(cell("td", c, t) for c, t in zip(sheet.columns, texts, strict=True)) + "</tr>"
        for row, texts in zip(trace.rows, sheet.rows, strict=True))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
