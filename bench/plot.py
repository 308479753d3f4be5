"""Bars of a job as SVG: a group per case, a bar of wall time per contender, CPU time as a line."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from bench.case import Case, number
from bench.measure import Timing

WIDTH = 840
LEFT = 190
RIGHT = 150
BAR = 18
GAP = 30
COLOURS = {"velaria": "#1f5fa8", "peer": "#9a9a9a", "reference": "#c9c9c9", "floor": "#e2d9b8"}


def bars(title: str, cases: Sequence[Case]) -> str:
    """A whole SVG document. Each case has a scale of its own: its slowest bar fills the width."""
    parts = [text(LEFT, 24, title, "title"), *legend()]
    top = 64
    for case in cases:
        if not case.timings:
            continue
        parts.append(text(12, top, f"{case.name} ({case.size})", "case"))
        top += 8
        longest_s = max(max(row.median_wall_s, row.median_cpu_s) for row in case.timings)
        for timing in case.timings:
            parts.extend(bar(timing, top, longest_s))
            top += BAR + 4
        top += GAP
    style = (
        "text{font:12px sans-serif;fill:#222}.title{font-size:18px}.case{font-weight:bold}"
        ".name{text-anchor:end}"
    )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}">\n'
        f'<style>{style}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def bar(timing: Timing, top: int, longest_s: float) -> Iterator[str]:
    room = (WIDTH - LEFT - RIGHT) / longest_s
    wall, cpu = timing.median_wall_s * room, timing.median_cpu_s * room
    colour = COLOURS[timing.role]
    yield text(LEFT - 8, top + 13, timing.name, "name")
    yield f'<rect x="{LEFT}" y="{top}" width="{wall:.1f}" height="{BAR}" fill="{colour}"/>'
    if cpu > 0:
        height = top + BAR - 3
        line = f'x1="{LEFT}" x2="{LEFT + cpu:.1f}" y1="{height}" y2="{height}"'
        yield f'<line {line} stroke="#111" stroke-width="2"/>'
    yield text(LEFT + max(wall, cpu) + 6, top + 13, f"{number(timing.median_wall_s * 1e3)} ms", "")


def legend() -> Iterator[str]:
    left = LEFT
    for role, colour in COLOURS.items():
        yield f'<rect x="{left}" y="34" width="10" height="10" fill="{colour}"/>'
        yield text(left + 14, 43, role, "")
        left += 90
    yield text(left, 43, "black line: CPU seconds", "")


def text(left: float, top: float, words: str, style: str) -> str:
    return f'<text x="{left:.1f}" y="{top}" class="{style}">{escape(words)}</text>'
