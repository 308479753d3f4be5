"""The shell of `velaria sql`: statements end with a semicolon, commands start with a backslash."""

import contextlib
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import pyarrow as pa

from velaria.flight_server.client import Client
from velaria.flight_server.client_result import Result
from velaria.flight_server.commands.completion import Completer
from velaria.flight_server.commands.shell_commands import COMMANDS, Left, run_command
from velaria.flight_server.commands.shell_history import Editing, line_editing
from velaria.flight_server.commands.shell_view import View
from velaria.flight_server.commands.statement_texts import Piece, pieces_of
from velaria.flight_server.errors import error_text
from velaria.flight_server.progress_line import ProgressLine
from velaria.schemas.errors import VelariaError

HISTORY_FILE = Path.home() / ".velaria_history"
HELP = "\\? all commands   \\d tables   \\df functions   \\q quit"
CANCEL_AGAIN_S = 0.2
PROMPT, PROMPT_GOES_ON = "velaria> ", "     ... "

_TRANSACTION_TAGS = {"BEGIN": True, "ROLLBACK": True, "COMMIT": False}

_T = TypeVar("_T")


def run_shell(client: Client, fmt: str) -> int:
    """Ctrl-C drops the statement that is being typed, and cancels the one that runs. VEL5007 when
    there is no server, VEL1009 when it does not know the caller."""
    version = client.action("server.info")["version"]
    print(f"connected to {client.uri}, velaria {version}; {HELP}", file=sys.stderr)
    shell = Shell(client, View(fmt))
    with line_editing(HISTORY_FILE, shell.completer) as editing:
        while True:
            try:
                with _interrupts(signal.default_int_handler):
                    text = _read_statement(shell, editing)
            except EOFError:
                return 0
            except KeyboardInterrupt:
                print(file=sys.stderr)
                continue
            finally:
                editing.save()
            try:
                shell.answer(text)
            except Left:
                return 0


class Shell:
    """Runs statements and commands. Calls of gRPC do not see a signal before they return, so for
    `answer` another thread makes them; a second Ctrl-C does not wait for a cancel.
    """

    def __init__(self, client: Client, view: View) -> None:
        self.client = client
        self.view = view
        self.completer = Completer(client, sorted(COMMANDS))
        self.files_deep = 0  # of \\i inside of files
        self.in_transaction = (
            False  # as far as tags tell: ROLLBACK may have been one TO a savepoint
        )
        self._calls: ThreadPoolExecutor | None = None

    def answer(self, text: str) -> bool:
        """Run every statement and command of the text up to the first failure; whether none did."""
        try:
            with self._calling(), _interrupts(signal.default_int_handler):
                for piece in pieces_of(text):
                    self.run(piece)
            return True
        except KeyboardInterrupt:
            print("\ncancelled", file=sys.stderr)
        except VelariaError as error:
            print(error_text(error), file=sys.stderr)
        return False

    def run(self, piece: Piece) -> None:
        if piece.is_command:
            run_command(self, piece.text)
            return
        self.completer.tell_loss()
        with self.view.timed():
            self.run_statement(piece.text)
        self.completer.forget()

    def waited(self, step: Callable[[], _T]) -> _T:
        """The step's outcome; it runs on the other thread."""
        return self._submitted(step).result()

    def _submitted(self, step: Callable[[], _T]) -> "Future[_T]":
        """Outside of `answer`, as in a script, an interrupt ends the program: done here and now."""
        if self._calls is not None:
            return self._calls.submit(step)
        done: Future[_T] = Future()
        done.set_result(step())
        return done

    def run_statement(self, text: str, params: list[Any] | None = None) -> None:
        """Its rows go to the view. While nothing can be seen of them the progress line is drawn."""
        query_id = f"shell-{secrets.token_hex(8)}"
        call: Future[Any] | None = None
        progress = ProgressLine(lambda: self.client.action("query.progress", query_id=query_id))
        nothing: AbstractContextManager[Any] = contextlib.nullcontext()

        def waited(step: Callable[[], _T]) -> _T:
            nonlocal call
            future: Future[_T] = self._submitted(step)
            call = future
            return future.result()

        def batches(result: Result) -> Iterator[pa.RecordBatch]:
            rows = iter(result)
            in_all, in_each = nothing, nothing
            if self.view.hides_rows:
                in_all = progress
            elif not result.is_continuous:
                in_each = progress
            with in_all:
                while True:
                    with in_each:
                        batch = waited(lambda: next(rows, None))
                    if batch is None:
                        return
                    yield batch

        try:
            result = waited(lambda: self.client.sql(text, params, query_id=query_id))
            if result.tag in _TRANSACTION_TAGS:
                self.in_transaction = _TRANSACTION_TAGS[result.tag]
            if result.has_rows:
                self.view.take(result)
                with progress:
                    waited(lambda: result.schema)
            self.view.write(result, batches(result))
        except KeyboardInterrupt:
            self._cancel(query_id, call)
            raise

    def _cancel(self, query_id: str, call: "Future[Any] | None") -> None:
        """Returns when the call under way has ended. Asks again, as the server may not have known
        the statement yet."""
        while True:
            with contextlib.suppress(VelariaError):
                self.client.cancel(query_id)
            if call is None or call in wait([call], CANCEL_AGAIN_S).done:
                return

    @contextlib.contextmanager
    def _calling(self) -> Iterator[None]:
        calls = self._calls = ThreadPoolExecutor(1)
        try:
            yield
        finally:
            self._calls = None
            calls.shutdown(wait=False)


def _read_statement(shell: Shell, editing: Editing) -> str:
    """Lines up to a semicolon that ends a statement; "" when they are all blank or comment. A
    backslash command is one line. Between a statement's lines it is answered at once."""
    since = editing.count()
    text = input(PROMPT).strip()
    if text in ("quit", "exit"):
        raise EOFError
    while (last := _last_piece(text)) is not None and not last.is_whole:
        line = input(PROMPT_GOES_ON).rstrip()
        if last.is_open or not line.strip().startswith("\\"):
            text += "\n" + line
        elif line.strip() == "\\q":
            raise EOFError
        else:
            shell.answer(line.strip())
    editing.join(since, text)
    return text


def _last_piece(text: str) -> Piece | None:
    last = None
    for piece in pieces_of(text):
        last = piece
    return last


@contextlib.contextmanager
def _interrupts(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
