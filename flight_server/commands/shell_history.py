"""Line editing of the shell, and the history that outlives it: one line of a file per entry.

Each entry is in the file before it is answered, so that it stays whatever ends the shell: a closed
terminal, a signal, a crash. Shells that run at once add to the same file.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from velaria.flight_server.commands.completion import DELIMITERS, Completer

HISTORY_LINES_MAX = 10_000
_LINE_END_IN_FILE = "\x01"


class Editing:
    """History of whole statements where readline is; without it lines are read plainly."""

    def __init__(self, readline: Any, path: Path) -> None:
        self._readline = readline
        self._path = path
        self._saved_count = 0

    def count(self) -> int:
        return int(self._readline.get_current_history_length()) if self._readline else 0

    def join(self, since: int, text: str) -> None:
        """The lines that came in since then as one entry, so that arrow-up brings all of them."""
        if self._readline is None or self.count() - since < 2:
            return
        for at in range(self.count() - 1, since - 1, -1):
            self._readline.remove_history_item(at)
        self._readline.add_history(text)

    def save(self) -> None:
        """What has come in since the last time goes to the file's end; a file that cannot be
        written keeps nobody from working."""
        items = [
            str(self._readline.get_history_item(at + 1))
            for at in range(self._saved_count, self.count())
        ]
        self._saved_count = self.count()
        if items:
            with contextlib.suppress(OSError):
                _write(self._path, items, os.O_APPEND)

    def load(self) -> None:
        """The newest entries of the file, which is shortened to them."""
        with contextlib.suppress(OSError):
            lines = self._path.read_text("utf-8", "surrogateescape").split("\n")
            kept = [line.replace(_LINE_END_IN_FILE, "\n") for line in lines if line]
            if len(kept) > HISTORY_LINES_MAX:
                kept = kept[-HISTORY_LINES_MAX:]
                shorter = self._path.with_name(f"{self._path.name}.{os.getpid()}")
                _write(shorter, kept, os.O_TRUNC)
                shorter.replace(self._path)
            for entry in kept:
                self._readline.add_history(entry)
        self._saved_count = self.count()


def _write(path: Path, entries: list[str], flag: int) -> None:
    """Statements may hold what is nobody else's business, so a new file is its owner's alone. One
    write, so that entries of two shells do not mix."""
    lines = "".join(entry.replace("\n", _LINE_END_IN_FILE) + "\n" for entry in entries)
    file = os.open(path, os.O_CREAT | os.O_WRONLY | flag, 0o600)
    try:
        os.write(file, lines.encode("utf-8", "surrogateescape"))
    finally:
        os.close(file)


@contextlib.contextmanager
def line_editing(path: Path, completer: Completer) -> Iterator[Editing]:
    """Line editing with history and completion where the readline module exists."""
    try:
        import readline
    except ImportError:
        yield Editing(None, path)
        return
    readline.clear_history()
    editing = Editing(readline, path)
    editing.load()
    readline.set_completer(completer)
    readline.set_completer_delims(DELIMITERS)
    readline.parse_and_bind("tab: complete")
    try:
        yield editing
    finally:
        readline.set_completer(None)
