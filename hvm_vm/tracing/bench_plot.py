"""A benchmark as an SVG picture: a bar for each setting, on a scale of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from hvm_vm.tracing.compare import EngineTimes
from hvm_vm.tracing.graph.svg import columns, visible
from hvm_vm.tracing.units import duration

CHARACTER, BAR, GAP, WIDE, MARGIN = 7.3, 18, 8, 520, 20
STYLE = """
svg{--ink:#1c2430;--soft:#5b6675;--rule:#dde2ea;--paper:#fff;--0:#3b78d8;--1:#3e9c7b;--2:#c07a1c;
--3:#8a63c9;background:var(--paper)}
@media (prefers-color-scheme:dark){svg{--ink:#e6eaf1;--soft:#9aa6b8;--rule:#2a3240;--paper:#12161d;
--0:#5b93ea;--1:#55b592;--2:#d8953c;--3:#a584de}}
text{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--ink)}
.soft{fill:var(--soft)}.head{font-weight:600}line{stroke:var(--rule)}
.range{stroke:var(--ink);stroke-width:1.2}
.e0{fill:var(--0)}.e1{fill:var(--1)}.e2{fill:var(--2)}.e3{fill:var(--3)}
"""


def plot(title: str, rows: Sequence[EngineTimes], names: Sequence[str]) -> str:
    """The picture of the medians, each with the range of its repeats. `names`: of each row."""
    left = MARGIN + max(columns(visible(n)) for n in names) * CHARACTER + 12
    low = 10.0 ** math.floor(math.log10(min(max(r.spread[0], 1e-3) for r in rows)))
    high = 10.0 ** math.ceil(math.log10(max(max(r.spread[1], 1e-3) for r in rows)))
    high = max(high, 10 * low)

    def at(ns: float) -> float:
        return left + WIDE * math.log(max(ns, low) / low) / math.log(high / low)

    top = MARGIN + 40
    bottom = top + len(rows) * (BAR + GAP)
    parts = [f'<text class="head" x="{MARGIN}" y="{MARGIN + 8}">{escape(visible(title))}</text>']
    tick = low
    while tick <= high * 1.001:
        x = at(tick)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{bottom}"/>'
                     f'<text class="soft" x="{x:.1f}" y="{top - 12}" text-anchor="middle">'
                     f"{duration(tick)}</text>")
        tick *= 10
    engines = list(dict.fromkeys(row.engine for row in rows))
    for k, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = top + k * (BAR + GAP)
        fast, slow = row.spread
        middle = y + BAR / 2
        parts.append(
            f"<g><title>{escape(visible(name))}: median {duration(row.median_ns)}, "
            f"{duration(fast)} to {duration(slow)}</title>"
            f'<text x="{left - 10:.1f}" y="{middle + 4:.1f}" text-anchor="end">'
            f"{escape(visible(name))}</text>"
            f'<rect class="e{engines.index(row.engine) % 4}" x="{left:.1f}" y="{y}" '
            f'width="{max(1.0, at(row.median_ns) - left):.1f}" height="{BAR}" rx="3"/>'
            f'<line class="range" x1="{at(fast):.1f}" x2="{at(slow):.1f}" y1="{middle:.1f}" '
            f'y2="{middle:.1f}"/><text x="{at(slow) + 8:.1f}" y="{middle + 4:.1f}">'
            f"{duration(row.median_ns)}</text></g>")
    width = max(left + WIDE + 90, columns(visible(title)) * CHARACTER + 2 * MARGIN)
    height = bottom + MARGIN
    return (f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"><style>{STYLE}</style>'
            f"{''.join(parts)}</svg>\n")
