"""A file descriptor kept back for when the process has none left."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE})
"""The errors of a process, or of the machine, that has no descriptor left."""


class SpareFile:
    """What must go on when no file can be opened lends it, opens one file in its place, and takes
    it back. Somebody else may be faster: then there is none until one is free again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number: int | None = None
        self.take_back()

    def lend(self) -> bool:
        """Whether a descriptor has become free."""
        with self._lock:
            number, self._number = self._number, None
        if number is None:
            return False
        os.close(number)
        return True

    def take_back(self) -> None:
        """Nothing happens when it is there, or when none is free."""
        with self._lock:
            if self._number is None:
                with suppress(OSError):
                    self._number = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        self.lend()

    @contextmanager
    def lent(self) -> Iterator[None]:
        self.lend()
        try:
            yield
        finally:
            self.take_back()
