"""Plain text for people: headings, tables with numbers to the right, and times.

Every block ends with an empty line, so that none has to know what comes next.
"""

import textwrap
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

CELL_CHARS_MAX = 64
LINE_CHARS = 88


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started_s

    def __str__(self) -> str:
        return duration(self.seconds)


def duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def heading(number: int, title: str) -> None:
    line = f"{number}. {title}"
    print(f"{line}\n{'=' * len(line)}", flush=True)


def say(text: str) -> None:
    """A paragraph, filled to the line's length."""
    print(textwrap.fill(" ".join(text.split()), LINE_CHARS) + "\n", flush=True)


def show_sql(sql: str) -> None:
    """A statement, or a plan's lines, set in."""
    print(textwrap.indent(sql, "    ") + "\n", flush=True)


def show_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns of numbers are set to the right, everything else to the left."""
    values = [list(row) for row in rows]
    cells = [[cell_text(value) for value in row] for row in values]
    is_number = [
        any(_is_number(row[index]) for row in values)
        and all(row[index] is None or _is_number(row[index]) for row in values)
        for index in range(len(names))
    ]
    widths = [
        max(len(name), *(len(row[index]) for row in cells)) if cells else len(name)
        for index, name in enumerate(names)
    ]
    for row in [list(names), ["-" * width for width in widths], *cells]:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        )
        print("  " + "  ".join(padded).rstrip())
    print(flush=True)


def cell_text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == value.min.time() else "%Y-%m-%d %H:%M")
    text = " ".join(str(value).split())
    return text if len(text) <= CELL_CHARS_MAX else text[: CELL_CHARS_MAX - 3] + "..."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
