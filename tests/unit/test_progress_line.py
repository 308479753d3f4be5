"""The progress line: drawn for people only, not at once, and gone at the end."""

import io
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from velaria.flight_server.progress_line import ProgressLine, is_watched, line_of
from velaria.schemas.errors import VelariaError


class Terminal(io.StringIO):
    """Lets the test wait until something was drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        count = super().write(text)
        if "rows" in text:
            self.drawn.set()
        return count


def test_a_long_block_is_drawn_and_leaves_a_blank_line() -> None:
    out = Terminal()
    line = ProgressLine(lambda: {"row_count": 1234567}, out, first_after_s=0)
    for _ in range(2):  # a statement is waited for, and then its rows
        out.drawn.clear()
        with line:
            assert out.drawn.wait(10)
    text = out.getvalue()
    assert text.startswith("\r| 0.") and "1,234,567 rows" in text
    assert text.rsplit("\r", 2)[1].strip() == "" and text.endswith("\r")


def test_a_short_block_draws_nothing() -> None:
    out = Terminal()
    with ProgressLine(lambda: {"row_count": 1}, out):
        pass
    assert out.getvalue() == ""


def test_what_nobody_sees_is_not_drawn() -> None:
    out = io.StringIO()
    asked: list[int] = []

    def ask() -> dict[str, Any]:
        asked.append(1)
        return {}

    with ProgressLine(ask, out, first_after_s=0):
        pass
    assert (out.getvalue(), asked) == ("", [])


def test_a_notebook_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    assert is_watched(io.StringIO())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))  # type: ignore[arg-type]
    assert not is_watched(io.StringIO())


def test_a_question_that_fails_keeps_what_was_told() -> None:
    out = Terminal()
    answers: list[dict[str, Any]] = [{"row_count": 5}]

    def ask() -> dict[str, Any]:
        if answers:
            return answers.pop()
        raise VelariaError("VEL4010", "no query of that id")

    with ProgressLine(ask, out, first_after_s=0):
        assert out.drawn.wait(10)
    assert "5 rows" in out.getvalue()


def test_the_busiest_operator_and_the_memory_are_told() -> None:
    told = {
        "row_count": 0,
        "peak_bytes": 3 << 20,
        "operators": [
            {"name": "scan t", "rows_in": 10, "time_ms": 1.0},
            {"name": "aggregate", "rows_in": 2_000, "time_ms": 9.0},
        ],
    }
    assert line_of(told, 2.04) == "2.0 s, aggregate: 2,000 rows in, 3.0 MiB at most"


def test_how_much_of_the_whole_is_done_is_told_where_the_whole_is_known() -> None:
    assert (
        line_of({"row_count": 250, "row_count_whole": 1000}, 3) == "3.0 s, 250 of 1,000 rows, 25 %"
    )
    assert line_of({"row_count": 250, "row_count_whole": None}, 3) == "3.0 s, 250 rows"


def test_rows_that_have_left_and_those_of_a_source_are_told() -> None:
    scan = {"name": "scan t", "rows_in": 0, "rows_out": 5_000, "time_ms": 1.0}
    assert line_of({"rows": 4_000, "operators": [scan]}, 2) == (
        "2.0 s, 4,000 rows, scan t: 5,000 rows out"
    )
