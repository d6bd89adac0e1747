"""Recurrences that end at a condition: answered with one error each."""

from __future__ import annotations

from .report import Report, joined
from .resolve import Resolver

NOT_YET = "not supported in this version"


def report_until(resolver: Resolver, report: Report) -> None:
    """Report every `until`, which this version cannot use."""
    for until in dict.fromkeys(resolver.sizes.until.values()):
        names = [n for n, u in resolver.sizes.until.items() if u is until]
        report.error(
            f"{joined(names)} {'ends' if len(names) == 1 else 'end'} at"
            f" `until {report.quote(until.span)}`, which is {NOT_YET}",
            until.span,
        )
