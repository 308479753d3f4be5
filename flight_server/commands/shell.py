"""The shell of `velaria sql`: statements end with a semicolon, commands start with a backslash."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from velaria.flight_server.client import Client
from velaria.flight_server.commands.output import print_columns
from velaria.flight_server.errors import error_text
from velaria.schemas.errors import VelariaError

HISTORY_FILE = Path.home() / ".velaria_history"
HELP = "\\d tables   \\d NAME columns   \\f functions   \\e SQL explain   \\h help   \\q quit"


def run_shell(client: Client, fmt: str) -> int:
    """Ctrl-C drops the line that is being typed; while a statement runs it ends both."""
    print(f"connected to {client.uri}; {HELP}", file=sys.stderr)
    with _history():
        while True:
            try:
                with _interrupts(signal.default_int_handler):
                    text = _read_statement()
            except EOFError:
                return 0
            except KeyboardInterrupt:
                print(file=sys.stderr)
                continue
            if text in ("\\q", "quit", "exit"):
                return 0
            _answer(client, text, fmt)


def _answer(client: Client, text: str, fmt: str) -> None:
    from velaria.flight_server.commands.sql import run_statement

    try:
        if text.startswith("\\"):
            _command(client, text)
        elif text:
            run_statement(client, text, fmt)
    except VelariaError as error:
        print(error_text(error), file=sys.stderr)


def _command(client: Client, text: str) -> None:
    word, _, argument = text.partition(" ")
    argument = argument.strip()
    if word == "\\d" and argument:
        told = client.action("table.describe", table=argument)
        print_columns(["column", "type"], [[c["name"], c["type"]] for c in told["columns"]])
    elif word == "\\d":
        rows = [
            [t.name, t.kind, "" if t.row_count is None else str(t.row_count)]
            for t in client.tables()
        ]
        print_columns(["name", "kind", "rows"], rows)
    elif word == "\\f":
        functions = client.action("sql.functions")["functions"]
        print_columns(
            ["function", "what it does"], [[f["signature"], f["summary"]] for f in functions]
        )
    elif word == "\\e":
        told_plan = client.explain(argument)
        for section in ("logical", "physical", "strategy"):
            print(f"{section}:\n{getattr(told_plan, section)}")
    else:
        print(HELP)


def _read_statement() -> str:
    """Lines up to a semicolon at the end of one; a backslash command is one line."""
    lines = [input("velaria> ").strip()]
    if not lines[0] or lines[0].startswith("\\") or lines[0] in ("quit", "exit"):
        return lines[0]
    while not lines[-1].endswith(";"):
        lines.append(input("     ... ").rstrip())
    return "\n".join(lines)


@contextlib.contextmanager
def _interrupts(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Line editing with history where the readline module exists."""
    try:
        import readline
    except ImportError:
        yield
        return
    with contextlib.suppress(OSError):
        readline.read_history_file(HISTORY_FILE)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(HISTORY_FILE)
