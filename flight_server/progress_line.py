"""One line on stderr that says how far a long statement or put is, in a terminal or a notebook.

Nothing is drawn elsewhere, so that logs and pipes stay clean; nothing either in the first moments,
which most statements do not outlive.
"""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self, TextIO

from velaria.schemas.errors import VelariaError

FIRST_AFTER_S = 1.0
AGAIN_AFTER_S = 0.25

_SPINNER = "|/-\\"
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def is_watched(out: TextIO) -> bool:
    """Whether a person sees `out` at once: a terminal, or the output of a notebook's cell."""
    if out.isatty():
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class ProgressLine:
    """Draws while its block runs, and again in a later one. `ask` is called on a thread of its own;
    what it tells is a map as of query.progress. When it fails the line stays as it was.
    """

    def __init__(
        self,
        ask: Callable[[], dict[str, Any]],
        out: TextIO | None = None,
        first_after_s: float = FIRST_AFTER_S,
    ) -> None:
        self._ask = ask
        self._out = out or sys.stderr
        self._first_after_s = first_after_s
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._width = 0

    def __enter__(self) -> Self:
        self._is_over.clear()
        if is_watched(self._out):
            self._thread = threading.Thread(target=self._draw, name="progress-line", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._write("")

    def _draw(self) -> None:
        started_s = time.monotonic()
        wait_s = self._first_after_s
        told: dict[str, Any] = {}
        turn = 0
        while not self._is_over.wait(wait_s):
            with suppress(VelariaError):  # not known yet, or no longer: what was told last stays
                told = self._ask()
            if self._is_over.is_set():
                return
            mark = _SPINNER[turn % len(_SPINNER)]
            self._write(f"{mark} {line_of(told, time.monotonic() - started_s)}")
            turn, wait_s = turn + 1, AGAIN_AFTER_S

    def _write(self, text: str) -> None:
        """The line anew; blanks where the old one was longer, an empty one leaves nothing."""
        if text or self._width:
            end = "" if text else "\r"
            self._out.write("\r" + text.ljust(self._width) + end)
            self._out.flush()
        self._width = len(text)


def line_of(told: dict[str, Any], elapsed_s: float) -> str:
    """Time, rows out and their share of the whole, and how many rows the busiest operator has done;
    what is not told is left out."""
    parts = [f"{elapsed_s:.1f} s"]
    rows, whole = told.get("row_count") or told.get("rows"), told.get("row_count_whole")
    if rows and whole:
        parts.append(f"{rows:,} of {whole:,} rows, {100 * rows // whole} %")
    elif rows:
        parts.append(f"{rows:,} rows")
    operators = told.get("operators") or []
    if operators:
        busiest = max(operators, key=lambda step: float(step.get("time_ms") or 0))
        # A source takes nothing in.
        done = f"{busiest['rows_in']:,} rows in"
        if not busiest["rows_in"]:
            done = f"{busiest.get('rows_out', 0):,} rows out"
        parts.append(f"{busiest['name']}: {done}")
    if told.get("peak_bytes"):
        parts.append(f"{_sized(int(told['peak_bytes']))} at most")
    return ", ".join(parts)


def _sized(byte_count: int) -> str:
    for size, unit in _UNITS:
        if byte_count >= size:
            return f"{byte_count / size:.1f} {unit}"
    return f"{byte_count} B"
