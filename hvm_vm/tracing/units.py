"""Numbers with units, short enough for a column."""

from __future__ import annotations


def duration(ns: float) -> str:
    """`850 ns`, `12.4 µs`, `3.21 ms`, `1.5 s`."""
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (1e9, 1e6, "ms")):
        if round(ns, 1) < limit:
            return f"{_three(ns / divisor)} {unit}"
    return f"{_three(ns / 1e9)} s"


def rate(amount: float, ns: float) -> str:
    """Amount per nanosecond, which is giga-amount per second; `-` when there is nothing to tell."""
    return _three(amount / ns) if amount and ns > 0 else "-"


def percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}%" if whole > 0 else "-"


def quantity(value: float, unit: str) -> str:
    """`1.23 GFLOP`, `456 kB`."""
    for divisor, prefix in ((1, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")):
        if divisor == 1 and value == int(value) < 1000:
            return f"{int(value)} {unit}"
        if value < 1e3 * divisor:
            return f"{_three(value / divisor)} {prefix}{unit}"
    return f"{_three(value / 1e12)} T{unit}"


def _three(value: float) -> str:
    """Three significant digits without an exponent for everyday magnitudes."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    if value >= 0.01:
        return f"{value:.2f}"
    return f"{value:.1g}"
