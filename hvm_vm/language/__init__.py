"""HMP text to a syntax tree and back; what is wrong with it, said for people.

`parse(Source(name, text), diagnostics)` gives a `File` (see `syntax` for its nodes) and never
raises for anything a text may hold: problems go to the `Diagnostics`, and
`diagnostics.raise_if_errors()` raises one `CompileError` with all of them. `format_source` is
`hvm fmt`.
"""

from __future__ import annotations

from .diagnostics import Diagnostic, Diagnostics, nearest, render
from .expression_text import expression_text
from .format import format_file, format_source, statement_text
from .parser import parse, parse_expression, parse_find
from .source import NOWHERE, Source, Span
from .syntax import File, children, walk

__all__ = [
    "NOWHERE",
    "Diagnostic",
    "Diagnostics",
    "File",
    "Source",
    "Span",
    "children",
    "expression_text",
    "format_file",
    "format_source",
    "nearest",
    "parse",
    "parse_expression",
    "parse_find",
    "render",
    "statement_text",
    "walk",
]
