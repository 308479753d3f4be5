"""Turns of a session or a transaction: what of it must not come between two steps of one call."""

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
    made a name mean something else. `boundaries` counts beginnings and ends of its transactions."""

    def __init__(self) -> None:
        self.ended = 0
        self.boundaries = 0
        self._lock = threading.RLock()
        self.between_boundaries = threading.RLock()

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

    @contextmanager
    def crossing(self) -> Iterator[None]:
        """Within, a transaction begins, ends or goes back to a savepoint."""
        with self.between_boundaries:
            try:
                yield
            finally:
                self.ended += 1
                self.boundaries += 1

    def landing(self) -> "Landing":
        """For rows that come from now on."""
        return Landing(self)


class Landing:
    """Rows on their way, which belong where they belonged when this was made: in the open
    transaction, or in none."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._boundaries = turn.boundaries

    @contextmanager
    def now(self) -> Iterator[None]:
        """Within, the rows become what they are to be. VEL2031 as below."""
        with self._turn.between_boundaries:
            self.refuse_when_crossed()
            yield

    def refuse_when_crossed(self) -> None:
        """VEL2031 when a transaction of the session has begun or ended meanwhile."""
        if self._turn.boundaries != self._boundaries:
            raise VelariaError(
                codes.TRANSACTION_STATE,
                "another call has begun or ended a transaction of the session while the rows came;"
                " none of them is kept",
                hint="Put them again, and end a transaction when its puts have ended.",
            )
