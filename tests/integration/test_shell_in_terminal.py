"""The shell as a person has it: in a terminal of its own, with history, completion and Ctrl-C."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

import velaria
from tests.server_process import ServerProcess, until

# Before the program, in a Python of its own: see tests/server_process.py.
TAKING_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
PROMPT = "velaria> "
TIMEOUT_S = 60.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A shell behind a pty; `told` is all it has written, without escapes."""

    def __init__(self, server: ServerProcess, home: Path) -> None:
        self._end, inner = pty.openpty()
        command = [sys.executable, "-I", "-S", "-c", TAKING_TERMINAL]
        command += [
            sys.executable,
            "-m",
            "velaria.flight_server.cli",
            "sql",
            "--server",
            server.uri,
        ]
        self.process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**os.environ, "HOME": str(home), "TERM": "xterm", "COLUMNS": "200"},
            start_new_session=True,
        )
        os.close(inner)
        self.told = ""
        self.wait_for(PROMPT)

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def break_off(self) -> None:
        """Ctrl-C while a line is typed, until there is a new prompt: one that comes after a key was
        taken and before the next is waited for is seen by Python with the next key only."""
        for _ in range(5):
            self.type("\x03")
            with contextlib.suppress(AssertionError):
                self.wait_for(PROMPT, TIMEOUT_S / 5)
                return
        raise AssertionError(f"no prompt came after Ctrl-C: {self.told!r}")

    def wait_for(self, text: str, timeout_s: float = TIMEOUT_S) -> str:
        """What was written since the last wait, up to the text."""
        deadline_s = time.monotonic() + timeout_s
        while text not in self.told:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([self._end], [], [], left_s)[0]:
                raise AssertionError(f"{text!r} did not come: {self.told!r}")
            raw = os.read(self._end, 65536).decode("utf-8", "replace")
            self.told += _ESCAPES.sub("", raw).replace("\r\n", "\n")
        before, _, self.told = self.told.partition(text)
        return before

    def answer(self, line: str) -> str:
        """Types a line; what comes before the next prompt."""
        self.type(line + "\n")
        return self.wait_for(PROMPT)

    def leave(self) -> int:
        self.type("\\q\n")
        return self.process.wait(TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)


@pytest.fixture
def terminal(server: ServerProcess, tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(server, tmp_path) as made:
        yield made


def test_history_outlives_the_shell_and_holds_whole_statements(
    server: ServerProcess, terminal: Terminal, tmp_path: Path
) -> None:
    terminal.type("SELECT 40\n")
    terminal.wait_for("... ")
    assert "42" in terminal.answer("+ 2;")
    assert terminal.leave() == 0
    history = tmp_path / ".velaria_history"
    assert history.stat().st_mode & 0o077 == 0
    with Terminal(server, tmp_path) as again:
        again.type("\x1b[A")  # \q
        again.type("\x1b[A\n")
        assert "42" in again.wait_for(PROMPT)
        assert again.leave() == 0


@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_history_outlives_a_shell_that_is_ended(
    server: ServerProcess, terminal: Terminal, tmp_path: Path, end: signal.Signals
) -> None:
    terminal.type("SELECT 40\n")
    terminal.wait_for("... ")
    terminal.answer("+ 2;")
    with Terminal(server, tmp_path) as beside:
        beside.answer("SELECT 'beside';")
        beside.process.send_signal(end)
        beside.process.wait(TIMEOUT_S)
    terminal.process.send_signal(end)
    terminal.process.wait(TIMEOUT_S)
    with Terminal(server, tmp_path) as again:
        again.type("\x1b[A\n")
        assert "beside" in again.wait_for("(1 row)")
        again.wait_for(PROMPT)
        again.type("\x1b[A\x1b[A\n")
        assert "42" in again.wait_for(PROMPT)


def test_tab_completes_keywords_tables_columns_and_commands(terminal: Terminal) -> None:
    terminal.answer("CREATE TABLE terminal_tab (wide_column BIGINT, other BIGINT);")
    terminal.answer("INSERT INTO terminal_tab VALUES (7, 8);")
    terminal.type("sel\t wide_c\t from terminal_t\t;\n")
    told = terminal.wait_for("(1 row)")
    assert "select wide_column from terminal_tab" in told
    assert "\n7\n" in told
    terminal.wait_for(PROMPT)
    terminal.type("select terminal_tab.o\t from terminal_tab;\n")
    assert "\n8\n" in terminal.wait_for("(1 row)")
    terminal.wait_for(PROMPT)
    terminal.type("\\tim\t\n")
    assert "timing is on" in terminal.wait_for(PROMPT)
    assert "Time: " in terminal.answer("SELECT 1;")


def test_ctrl_c_cancels_the_statement_and_not_the_shell(
    server: ServerProcess, terminal: Terminal
) -> None:
    sql = (
        "SELECT count(*) AS terminal_long"
        " FROM generate_series(1, 100000000) a, generate_series(1, 99) b;"
    )
    with velaria.connect(server.uri) as beside:

        def state() -> str | None:
            found = [q["state"] for q in beside.action("query.list")["queries"] if q["sql"] == sql]
            return found[-1] if found else None

        terminal.type(sql + "\n")
        assert until(lambda: state() == "running")
        terminal.wait_for(" s,")  # how far it is
        terminal.type("\x03")
        assert "cancelled" in terminal.wait_for(PROMPT)
        assert until(lambda: state() == "cancelled")
    terminal.type("SELECT half")
    terminal.wait_for("half")
    terminal.break_off()
    assert "\n42\n" in terminal.answer("SELECT 42 AS after;")


def test_commands_list_describe_and_change_the_view(terminal: Terminal, tmp_path: Path) -> None:
    terminal.answer("CREATE TABLE terminal_d (a BIGINT NOT NULL);")
    assert "terminal_d" in terminal.answer("\\dt terminal_")
    assert re.search(r"a +\| BIGINT +\| not null", terminal.answer("\\d terminal_d;"))
    assert "substr(" in terminal.answer("\\df substr")
    assert "expanded display is on" in terminal.answer("\\x")
    assert "-[ RECORD 1 ]" in terminal.answer("SELECT 1 AS a;")
    terminal.answer("\\x off")
    terminal.answer("\\format csv")
    terminal.answer(f"\\o {tmp_path}/rows.csv")
    terminal.answer("SELECT 1 AS a;")
    terminal.answer("SELECT 2 AS b;")
    terminal.answer("\\o")
    assert (tmp_path / "rows.csv").read_text() == '"a"\n1\n"b"\n2\n'
    terminal.answer("\\format parquet")
    assert "not written to a terminal: parquet" in terminal.answer("SELECT 1 AS a;")
    assert "VEL1001 no command of that name: \\nope" in terminal.answer("\\nope")
    assert "\\timing" in terminal.answer("\\?")


def test_a_file_is_run_up_to_its_first_failure(terminal: Terminal, tmp_path: Path) -> None:
    script = tmp_path / "s.sql"
    script.write_text("CREATE TABLE terminal_i (a BIGINT);\n\nSELECT nope\n  FROM terminal_i;\n;\n")
    told = terminal.answer(f"\\i {script}")
    assert "VEL2012 unknown column: nope" in told
    assert f"at line 3 of {script}" in told
    assert "terminal_i" in terminal.answer("\\dt terminal_i")
    assert "VEL4003" in terminal.answer("\\i no-such-file.sql")
    script.write_text(f"\\i {script}\n")
    assert "too many files include each other" in terminal.answer(f"\\i {script}")
