"""Turns of a session or a transaction: no statement of it starts between two steps of another."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call

TURN_POLL_S = 0.05


class Turn:
    """`ended` counts the turns that are over: while it stays the same, nothing of the session has
    made a name mean something else."""

    def __init__(self) -> None:
        self.ended = 0
        self._lock = threading.RLock()

    @contextmanager
    def taken(self, call: "Call") -> Iterator[None]:
        """No other statement starts within. VEL3010 for a client that goes away while it waits."""
        while not self._lock.acquire(timeout=TURN_POLL_S):
            if call.is_cancelled:
                raise VelariaError(codes.CANCELLED, "the call was cancelled")
        try:
            yield
        finally:
            self.ended += 1
            self._lock.release()
