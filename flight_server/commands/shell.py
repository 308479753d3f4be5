"""The shell of `velaria sql`: statements end with a semicolon, commands start with a backslash."""

import contextlib
import re
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pyarrow as pa

from velaria.flight_server.client import Client, Result
from velaria.flight_server.commands.output import print_columns
from velaria.flight_server.errors import error_text
from velaria.schemas.errors import VelariaError

HISTORY_FILE = Path.home() / ".velaria_history"
HELP = "\\d tables   \\d NAME columns   \\f functions   \\e SQL explain   \\h help   \\q quit"
CANCEL_AGAIN_S = 0.2

_T = TypeVar("_T")

_BLANK = re.compile(r"\s+|--[^\r\n]*")
_QUOTED = re.compile(
    r"""[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[^\W\d]\w*)?\$).*?\1""",
    re.DOTALL,
)
_QUOTE_BEGINS = re.compile(r"""[eE]?'|"|\$(?:[^\W\d]\w*)?\$""")
_WORD = re.compile(r"\w[\w$]*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def run_shell(client: Client, fmt: str) -> int:
    """Ctrl-C drops the statement that is being typed, and cancels the one that runs."""
    print(f"connected to {client.uri}; {HELP}", file=sys.stderr)
    with _history():
        while True:
            try:
                with _interrupts(signal.default_int_handler):
                    text = _read_statement(client)
            except EOFError:
                return 0
            except KeyboardInterrupt:
                print(file=sys.stderr)
                continue
            if text in ("\\q", "quit", "exit"):
                return 0
            _answer(client, text, fmt)


def _answer(client: Client, text: str, fmt: str) -> None:
    """Calls of gRPC do not see a signal before they return, so they are made by another thread and
    waited for by this one. A second Ctrl-C does not wait for a cancel to take effect."""
    calls = ThreadPoolExecutor(1)
    try:
        with _interrupts(signal.default_int_handler):
            if text.startswith("\\"):
                calls.submit(_command, client, text).result()
            elif text:
                _run(client, text, fmt, calls)
    except KeyboardInterrupt:
        print("\ncancelled", file=sys.stderr)
    except VelariaError as error:
        print(error_text(error), file=sys.stderr)
    finally:
        calls.shutdown(wait=False)


def _run(client: Client, text: str, fmt: str, calls: ThreadPoolExecutor) -> None:
    from velaria.flight_server.commands.sql import write_result

    query_id = f"shell-{secrets.token_hex(8)}"
    call: Future[Any] | None = None

    def waited(step: Callable[[], _T]) -> _T:
        nonlocal call
        future: Future[_T] = calls.submit(step)
        call = future
        return future.result()

    def batches(result: Result) -> Iterator[pa.RecordBatch]:
        rows = iter(result)
        while (batch := waited(lambda: next(rows, None))) is not None:
            yield batch

    try:
        result = waited(lambda: client.sql(text, query_id=query_id))
        if result.has_rows:
            waited(lambda: result.schema)
        write_result(result, fmt, batches(result))
    except KeyboardInterrupt:
        _cancel(client, query_id, call)
        raise


def _cancel(client: Client, query_id: str, call: Future[Any] | None) -> None:
    """Returns when the call under way has ended. Asks again, as the server may not have known the
    statement yet."""
    while True:
        with contextlib.suppress(VelariaError):
            client.cancel(query_id)
        if call is None or call in wait([call], CANCEL_AGAIN_S).done:
            return


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


def _read_statement(client: Client) -> str:
    """Lines up to a semicolon that ends a statement; "" when they are all blank or comment. A
    backslash command is one line. Between a statement's lines it is answered at once."""
    text = input("velaria> ").strip()
    if text.startswith("\\") or text in ("quit", "exit"):
        return text
    while (last := _last_character(text)) not in ("", ";"):
        line = input("     ... ").rstrip()
        word = line.strip()
        if last is None or not word.startswith("\\"):
            text += "\n" + line
        elif word == "\\q":
            raise EOFError
        else:
            _answer(client, word, "table")
    return text if last else ""


def _last_character(text: str) -> str | None:
    """The last one that is no blank or comment, "" when there is none; None inside of quotes and of
    comments, which go on in the next line."""
    last = ""
    at = 0
    while at < len(text):
        if text.startswith("/*", at):
            at = _comment_end(text, at)
            if at < 0:
                return None
        elif blank := _BLANK.match(text, at):
            at = blank.end()
        elif piece := _QUOTED.match(text, at):
            at, last = piece.end(), piece[0][-1]
        elif _QUOTE_BEGINS.match(text, at):
            return None
        else:
            word = _WORD.match(text, at)
            at = word.end() if word else at + 1
            last = text[at - 1]
    return last


def _comment_end(text: str, at: int) -> int:
    """Comments nest; -1 for one that is open."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return -1


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
